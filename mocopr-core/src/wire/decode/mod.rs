//! From a message to the model: what a client asks or tells, in the revision that it is read in.
//!
//! The caller chooses the era, because only it knows of headers and sessions; [`Opened::version`] is what the message
//! itself says of it. An unknown method is refused before its parameters are looked at, then comes `_meta`, then the
//! parameters. What is wrong with a notification is never answered.

mod client;
mod member;
mod meta;
mod params;
#[cfg(test)]
mod tests;

pub use self::meta::MetaVersion;
use self::meta::ReadMeta;
use crate::{
    call::{Answer, Call, Incoming, Note, Undecoded},
    envelope::{Message, Params},
    fault::Fault,
    id::RequestId,
    trace::{TraceParent, TraceState},
    wire::{
        method::{Method, note},
        revision::{Era, Revision},
    },
};

/// How a message is read, as the caller chose by header, session and [`Opened::version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeContext {
    /// Without a session: the message itself says everything.
    Stateless,
    /// In a session of that revision, or before the handshake of one; a stateful revision.
    Stateful(Revision),
}

/// A message whose `_meta` was read, before the era is chosen.
#[derive(Clone, Debug)]
pub struct Opened {
    message: Message,
    meta: Option<ReadMeta>,
}

/// Reads the `_meta` of a request, once for both the choice of the era and the decoding.
pub fn open(message: Message) -> Opened {
    let meta = match &message {
        Message::Request { params, .. } => Some(ReadMeta::read(params)),
        Message::Notification { .. } | Message::Response { .. } => None,
    };
    Opened { message, meta }
}

/// Opens and decodes a message whose era is known without looking at it.
///
/// # Errors
/// As [`Opened::decode`].
pub fn decode(message: Message, context: &DecodeContext) -> Result<Incoming, Undecoded> {
    open(message).decode(context)
}

impl Opened {
    /// The protocol version that `_meta` names; always absent for notifications and responses.
    pub fn version(&self) -> MetaVersion<'_> {
        self.meta.as_ref().map_or(MetaVersion::Absent, ReadMeta::version)
    }

    /// The trace that `_meta` names, and what it says beside it, for whoever writes down that the message came,
    /// whatever becomes of it.
    pub fn trace(&self) -> Option<(TraceParent, Option<TraceState>)> {
        self.meta.as_ref().and_then(ReadMeta::trace)
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Decodes the message in the era that the caller chose.
    ///
    /// # Errors
    /// Only for requests, each with its id: [`Fault::UnknownMethod`], then (stateless) [`Fault::Meta`] and
    /// [`Fault::UnsupportedVersion`], then [`Fault::Params`].
    pub fn decode(self, context: &DecodeContext) -> Result<Incoming, Undecoded> {
        let Self { message, meta } = self;
        match message {
            Message::Request { id, method, params } => {
                let meta = meta.unwrap_or_else(|| ReadMeta::read(&params));
                let era = context.era();
                let Some(method) = Method::parse(method.as_str(), era) else {
                    return Err(context.undecoded(id, Fault::UnknownMethod));
                };
                let (meta, revision) = match context {
                    DecodeContext::Stateless => match meta.stateless() {
                        Ok(read) => read,
                        Err(fault) => return Err(context.undecoded(id, fault)),
                    },
                    DecodeContext::Stateful(revision) => match meta.stateful() {
                        Ok(meta) => (meta, *revision),
                        Err(fault) => return Err(context.undecoded(id, fault)),
                    },
                };
                match params::request(method, &params, revision) {
                    Ok(request) => Ok(Incoming::Call(Box::new(Call { id, revision, meta, request }))),
                    Err(fault) => Err(context.undecoded(id, fault)),
                }
            }
            Message::Notification { method, params } => {
                Ok(Incoming::Note(read_note(method.as_str(), &params, context)))
            }
            Message::Response { id, result } => Ok(Incoming::Answer(Answer { id, result })),
        }
    }
}

impl DecodeContext {
    fn era(&self) -> Era {
        match self {
            Self::Stateless => Era::Stateless,
            Self::Stateful(_) => Era::Stateful,
        }
    }

    fn undecoded(&self, id: RequestId, fault: Fault) -> Undecoded {
        let revision = match self {
            Self::Stateless => Revision::NEWEST_STATELESS,
            Self::Stateful(revision) => *revision,
        };
        Undecoded { id: Some(id), fault, revision }
    }
}

fn read_note(method: &str, params: &Params, context: &DecodeContext) -> Note {
    match (method, context.era()) {
        (note::CANCELLED, _) => {
            let id = params.get("requestId").and_then(|raw| RequestId::from_raw(raw.as_str()));
            id.map_or(Note::Ignored, |id| Note::Cancelled { id })
        }
        (note::INITIALIZED, Era::Stateful) => Note::Initialized,
        (note::ROOTS_CHANGED, Era::Stateful) => Note::RootsChanged,
        (_, Era::Stateful | Era::Stateless) => Note::Ignored,
    }
}

/// The longest version that is taken for one; every real one is a date.
const VERSION_BYTES: usize = 64;
