//! One record: what happened, as the members of a JSON object or as words of a line.
//!
//! Owns which members there are and in which order, and how long each may be. Sequence and MAC are put behind them by
//! the writer.

use std::{borrow::Cow, net::IpAddr};

use mocopr_core::{json::RawJson, peer::Source};

use super::{
    arguments,
    chain::Keys,
    stamp::Moment,
    text::{cut, push_hex, push_number, push_string},
};
use crate::{
    evidence::{AuditEvent, Happening},
    leak::KnownSecrets,
    principal::Principal,
};

/// What is said of whom and of what.
#[derive(Debug)]
pub(super) struct Wording {
    /// Those that are kept, by their place in [`AuditEvent::ALL`].
    events: [bool; AuditEvent::ALL.len()],
    /// Subjects by other names, which only the holder of the key finds again.
    pub(super) pseudonyms: bool,
    /// A keyed digest of arguments.
    pub(super) digests: bool,
    /// The names of arguments, with kind and length of their values.
    pub(super) redacted: bool,
    secrets: KnownSecrets,
}

impl Wording {
    pub(super) fn new(events: &[AuditEvent]) -> Self {
        let events = AuditEvent::ALL.map(|event| events.contains(&event));
        Self { events, pseudonyms: false, digests: false, redacted: false, secrets: KnownSecrets::new() }
    }

    /// Records of these kinds alone are kept.
    pub(super) fn keep(&mut self, events: &[AuditEvent]) {
        self.events = AuditEvent::ALL.map(|event| events.contains(&event));
    }

    /// Something of it cannot be said without a key.
    pub(super) fn needs_key(&self) -> bool {
        self.pseudonyms || self.digests
    }

    /// Something is said of arguments.
    pub(super) fn wants_arguments(&self) -> bool {
        self.digests || self.redacted
    }

    /// Records of this kind are kept.
    pub(super) fn keeps(&self, event: AuditEvent) -> bool {
        AuditEvent::ALL.iter().zip(self.events).any(|(known, kept)| *known == event && kept)
    }

    /// What of a target waits until it is written. Of a long one that is as much as is shown, without secrets: who
    /// sends it pays for that, and neither the writer nor what waits grows with what callers write.
    pub(super) fn kept<'a>(&self, happening: &Happening<'a>) -> Cow<'a, str> {
        let Happening { event, target, .. } = *happening;
        // A pseudonym is made of the whole name. These are of whoever was verified, and of owners.
        let is_name = matches!(event, AuditEvent::Authentication | AuditEvent::Administration);
        if target.len() <= SHORT || is_name {
            return Cow::Borrowed(target);
        }
        // More than is shown, so that the rest is seen to be cut off.
        match self.secrets.without(looked_at(target)) {
            Cow::Borrowed(target) => Cow::Borrowed(cut(target, TARGET + 4)),
            Cow::Owned(target) => Cow::Owned(cut(&target, TARGET + 4).to_owned()),
        }
    }

    /// Appends a JSON object without its end, for the writer to put more behind it.
    pub(super) fn write(&self, out: &mut Vec<u8>, now: &Moment, happening: &Happening<'_>, keys: Option<&Keys>) {
        let Happening { event, who, from, action, target, ending, trace, took, bytes: _, arguments: _ } = *happening;
        out.extend_from_slice(b"{\"timestamp\":\"");
        out.extend_from_slice(now);
        out.extend_from_slice(b"\",\"event\":\"");
        out.extend_from_slice(event.as_str().as_bytes());
        out.extend_from_slice(b"\",\"subject\":");
        match (who, keys) {
            (None, _) => out.extend_from_slice(NULL),
            (Some(who), Some(keys)) if self.pseudonyms => {
                push_string(out, &keys.pseudonym(who.issuer(), who.subject()), SUBJECT);
            }
            (Some(who), _) => push_string(out, who.subject(), SUBJECT),
        }
        out.extend_from_slice(b",\"action\":");
        push_optional(out, action, ACTION);
        out.extend_from_slice(b",\"target\":");
        match keys {
            Some(keys) if self.pseudonyms => self.push_target(out, &self.unnamed(happening, keys)),
            _ => self.push_target(out, target),
        }
        out.extend_from_slice(b",\"decision\":\"");
        out.extend_from_slice(ending.decision.as_str().as_bytes());
        out.extend_from_slice(b"\",\"outcome\":\"");
        out.extend_from_slice(ending.result.as_str().as_bytes());
        out.extend_from_slice(b"\",\"incident\":");
        match ending.incident {
            Some(incident) => {
                out.push(b'"');
                push_hex(out, &incident.to_bytes());
                out.push(b'"');
            }
            None => out.extend_from_slice(NULL),
        }
        out.extend_from_slice(b",\"trace\":");
        match trace {
            Some(trace) => {
                out.push(b'"');
                push_hex(out, &trace.to_bytes());
                out.push(b'"');
            }
            None => out.extend_from_slice(NULL),
        }
        out.extend_from_slice(b",\"issuer\":");
        push_optional(out, who.map_or("", Principal::issuer), ISSUER);
        out.extend_from_slice(b",\"method\":");
        push_optional(out, who.map_or("", |who| who.method().as_str()), ACTION);
        out.extend_from_slice(b",\"tenant\":");
        push_optional(out, who.and_then(Principal::tenant).unwrap_or_default(), TENANT);
        out.extend_from_slice(b",\"source\":");
        match from {
            Some(Source::Address(address)) => push_address(out, address.to_canonical()),
            Some(Source::User(uid)) => {
                out.extend_from_slice(b"\"uid:");
                push_number(out, uid.into());
                out.push(b'"');
            }
            None => out.extend_from_slice(NULL),
        }
        out.extend_from_slice(b",\"reason\":");
        push_optional(out, ending.reason, REASON);
        out.extend_from_slice(b",\"took_ms\":");
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        push_number(out, micros / 1_000);
        let part = u16::try_from(micros % 1_000).unwrap_or_default();
        out.extend_from_slice(&[b'.', digit(part / 100), digit(part / 10), digit(part)]);
    }

    /// A name or a URI, in which a caller may have put a secret.
    fn push_target(&self, out: &mut Vec<u8>, target: &str) {
        push_optional(out, &self.secrets.without(looked_at(target)), TARGET);
    }

    /// Appends what is said of arguments, as members of the object that [`write`](Self::write) begins.
    pub(super) fn write_arguments(&self, out: &mut Vec<u8>, given: &RawJson, keys: Option<&Keys>) {
        if let (true, Some(keys)) = (self.digests, keys) {
            out.extend_from_slice(b",\"arguments_digest\":\"");
            push_hex(out, keys.digest(given.as_str().as_bytes()).as_ref());
            out.push(b'"');
        }
        if self.redacted {
            out.extend_from_slice(b",\"arguments\":");
            arguments::push_redacted(out, given.as_str());
        }
    }

    /// What something was done to, where that names a person or one of their credentials.
    fn unnamed(&self, happening: &Happening<'_>, keys: &Keys) -> Box<str> {
        let issuer = happening.who.map_or("", Principal::issuer);
        match happening.event {
            AuditEvent::Authentication if !happening.target.is_empty() => keys.pseudonym(issuer, happening.target),
            AuditEvent::Administration if names_somebody(happening.action) => match happening.target.split_once(' ') {
                Some((issuer, name)) => format!("{issuer} {}", keys.pseudonym(issuer, name)).into(),
                None => happening.target.into(),
            },
            AuditEvent::Authentication
            | AuditEvent::Authorization
            | AuditEvent::ResourceAccess
            | AuditEvent::ToolExecution
            | AuditEvent::PromptUse
            | AuditEvent::Protocol
            | AuditEvent::SecurityViolation
            | AuditEvent::Administration => happening.target.into(),
        }
    }
}

/// Appends a line of words for people: the same members as in JSON, those without a value left out.
pub(super) fn write_words(out: &mut Vec<u8>, json: &[u8]) {
    let object: Result<Vec<(String, serde_json::Value)>, _> = ordered(json);
    for (name, value) in object.unwrap_or_default() {
        if value.is_null() || name == "timestamp" {
            continue;
        }
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        match value {
            serde_json::Value::String(text) if is_word(&text) => out.extend_from_slice(text.as_bytes()),
            serde_json::Value::String(text) => push_string(out, &text, TARGET * 2),
            other => push_string(out, &other.to_string(), TARGET * 4),
        }
    }
}

/// The members of an object in their order.
fn ordered(json: &[u8]) -> serde_json::Result<Vec<(String, serde_json::Value)>> {
    struct Members;

    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, serde_json::Value)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_slice(json), Members)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte))
}

/// More of a target than is shown, so that no secret is cut in two before it is known for one.
fn looked_at(target: &str) -> &str {
    cut(target, 8 * TARGET)
}

fn push_optional(out: &mut Vec<u8>, text: &str, most: usize) {
    if text.is_empty() { out.extend_from_slice(NULL) } else { push_string(out, text, most) }
}

/// The target is an issuer, a space, and the name of somebody or of a credential.
fn names_somebody(action: &str) -> bool {
    ["_principal", "_credential"].iter().any(|end| action.ends_with(end))
}

/// Digits, letters, dots and colons: there is nothing to escape.
fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    out.push(b'"');
    match address {
        // By hand, because formatting costs as much as half of a record.
        IpAddr::V4(address) => {
            let [first, rest @ ..] = address.octets();
            push_number(out, first.into());
            for octet in rest {
                out.push(b'.');
                push_number(out, octet.into());
            }
        }
        IpAddr::V6(address) => out.extend_from_slice(address.to_string().as_bytes()),
    }
    out.push(b'"');
}

fn digit(number: u16) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or_default()
}

const NULL: &[u8] = b"null";
const SUBJECT: usize = 256;
const ISSUER: usize = 256;
const TARGET: usize = 512;
/// Names of tools and prompts are seldom longer.
const SHORT: usize = 64;
const TENANT: usize = 128;
const ACTION: usize = 64;
const REASON: usize = 128;
