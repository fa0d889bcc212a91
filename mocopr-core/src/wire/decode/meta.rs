//! `_meta` of a request, parsed once straight from the message.

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess},
};
use serde_json::value::RawValue;

use crate::{
    envelope::Params,
    fault::Fault,
    id::ProgressToken,
    meta::{CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, Meta, PROTOCOL_VERSION, TRACE_PARENT, TRACE_STATE},
    model::{capability::ClientCapabilities, content::Level},
    trace::{TraceParent, TraceState},
    wire::{
        decode::{
            client::ClientInfo,
            member::{Expected, Member, Name},
        },
        revision::{Era, Revision},
    },
};

/// The protocol version that the `_meta` of a message names; it chooses the era.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaVersion<'a> {
    /// It names none.
    Absent,
    /// Something stands there that cannot be a version: no string, or a long one.
    Wrong,
    /// This, as the client wrote it.
    Named(&'a str),
}

/// `_meta` as it was read; what is wrong with it is said when the era is known.
#[derive(Clone, Debug)]
pub(super) struct ReadMeta {
    members: Member<Members>,
}

/// The members that have a meaning.
#[derive(Clone, Debug, Default)]
struct Members {
    version: Member<Version>,
    capabilities: Member<ClientCapabilities>,
    client_info: Member<ClientInfo>,
    log_level: Member<Level>,
    progress_token: Member<ProgressToken>,
    trace: Member<TraceParent>,
    trace_state: Member<TraceState>,
}

impl ReadMeta {
    /// Reads `params._meta`.
    pub(super) fn read(params: &Params) -> Self {
        let members = match params.get("_meta") {
            None => Member::Absent,
            Some(raw) => raw.decode_borrowed().unwrap_or(Member::Wrong),
        };
        Self { members }
    }

    /// The version that it names.
    pub(super) fn version(&self) -> MetaVersion<'_> {
        match &self.members {
            Member::Absent | Member::Wrong => MetaVersion::Absent,
            Member::Is(members) => match &members.version {
                Member::Absent => MetaVersion::Absent,
                Member::Wrong => MetaVersion::Wrong,
                Member::Is(Version::Known(revision)) => MetaVersion::Named(revision.as_str()),
                Member::Is(Version::Unknown(date)) => MetaVersion::Named(date),
            },
        }
    }

    /// The trace that it names, where it names one, and what it says beside it.
    pub(super) fn trace(&self) -> Option<(TraceParent, Option<TraceState>)> {
        match &self.members {
            Member::Is(Members { trace: Member::Is(trace), trace_state, .. }) => {
                Some((*trace, trace_state.clone().or_none()))
            }
            Member::Is(_) | Member::Absent | Member::Wrong => None,
        }
    }

    /// What counts in stateful revisions: the progress token, and the trace.
    pub(super) fn stateful(self) -> Result<Meta, Fault> {
        let Self { members } = self;
        let members = members.optional(Fault::Params("params._meta must be an object"))?.unwrap_or_default();
        let progress_token = members.progress_token.optional(Fault::Params(NO_TOKEN))?;
        let (trace, trace_state) = (members.trace.or_none(), members.trace_state.or_none());
        Ok(Meta { progress_token, trace, trace_state, ..Meta::default() })
    }

    /// What counts in stateless revisions, and the revision that it names.
    pub(super) fn stateless(self) -> Result<(Meta, Revision), Fault> {
        let Self { members } = self;
        let Members { version, capabilities, client_info, log_level, progress_token, trace, trace_state } = members
            .required(Fault::Meta(
                "params._meta is required and must be an object (before 2026-07-28: send initialize first)",
            ))?;
        let revision = match version.required(Fault::Meta(NO_VERSION))? {
            Version::Known(revision) if revision.era() == Era::Stateless => revision,
            Version::Known(revision) => {
                return Err(Fault::UnsupportedVersion { requested: revision.as_str().into() });
            }
            Version::Unknown(requested) => return Err(Fault::UnsupportedVersion { requested }),
        };
        let meta = Meta {
            progress_token: progress_token.optional(Fault::Meta(NO_TOKEN))?,
            log_level: log_level.optional(Fault::Meta(NO_LEVEL))?,
            capabilities: Some(capabilities.required(Fault::Meta(NO_CAPABILITIES))?),
            trace: trace.or_none(),
            trace_state: trace_state.or_none(),
        };
        client_info.optional(Fault::Meta(NO_CLIENT_INFO))?;
        Ok((meta, revision))
    }
}

impl<'de> Expected<'de> for Members {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut members = Self::default();
        while let Some(name) = object.next_key::<Name<'de>>()? {
            match name.as_str() {
                PROTOCOL_VERSION => members.version = object.next_value()?,
                CLIENT_CAPABILITIES => members.capabilities = object.next_value()?,
                CLIENT_INFO => members.client_info = object.next_value()?,
                LOG_LEVEL => members.log_level = object.next_value()?,
                TRACE_PARENT => members.trace = object.next_value()?,
                TRACE_STATE => members.trace_state = object.next_value()?,
                "progressToken" => members.progress_token = object.next_value::<Token>()?.0,
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(members))
    }
}

/// A version, known or not.
#[derive(Clone, Debug)]
enum Version {
    Known(Revision),
    Unknown(Box<str>),
}

impl Expected<'_> for Version {
    fn text(text: &str) -> Option<Self> {
        match Revision::parse(text) {
            Some(revision) => Some(Self::Known(revision)),
            None => (text.len() <= super::VERSION_BYTES).then(|| Self::Unknown(text.into())),
        }
    }
}

impl Expected<'_> for Level {
    fn text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Expected<'_> for TraceParent {
    fn text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Expected<'_> for TraceState {
    fn text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// A progress token, read from its own text: an integer may have more digits than any number type.
struct Token(Member<ProgressToken>);

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(ProgressToken::from_raw(raw.get()).map_or(Member::Wrong, Member::Is)))
    }
}

const NO_VERSION: &str =
    "io.modelcontextprotocol/protocolVersion is required in params._meta and must be a string of at most 64 bytes";
const NO_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities is required in params._meta and must be an \
                               object of objects";
const NO_CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo of params._meta must be an object with the strings \
                              name and version of at most 1,024 bytes";
const NO_TOKEN: &str = "progressToken of params._meta must be an integer or a string of at most 256 bytes";
const NO_LEVEL: &str = "io.modelcontextprotocol/logLevel of params._meta must be a log level";
