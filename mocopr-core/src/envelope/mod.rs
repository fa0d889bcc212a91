//! Bytes to one JSON-RPC message, in one pass and without copies.
//!
//! Decides what is a message of JSON-RPC 2.0 as MCP narrows it, and nothing about methods or revisions. Names are
//! compared exactly: `Method` or `ID` is an unknown member, never a second spelling. Unknown members are ignored.

mod batch;
mod params;
mod salvage;
mod text;

use bytes::Bytes;
use bytestring::ByteString;

use self::text::quoted;
pub use self::{
    batch::{answered_id, is_batch, read_batch},
    params::{NotString, Params},
    text::Str,
};
use crate::{
    fault::Fault,
    id::RequestId,
    json::{MessageLimits, RawJson, Rules, Scanner, Span, unescape},
};

/// One JSON-RPC message within the limits.
#[derive(Clone, Debug)]
pub enum Message {
    /// Must be answered.
    Request {
        /// Echoed in the answer.
        id: RequestId,
        /// What is asked for; not empty.
        method: Str,
        /// The parameters, where there are any.
        params: Params,
    },
    /// Must not be answered.
    Notification {
        /// What is told; not empty.
        method: Str,
        /// The parameters, where there are any.
        params: Params,
    },
    /// Answers a request of ours.
    Response {
        /// The id of that request.
        id: RequestId,
        /// The result, or nothing where the peer answered with an error object.
        result: Option<RawJson>,
    },
}

impl Message {
    /// The id that it is answered under; only requests are answered.
    #[must_use]
    pub fn id(&self) -> Option<&RequestId> {
        match self {
            Self::Request { id, .. } => Some(id),
            Self::Notification { .. } | Self::Response { .. } => None,
        }
    }
}

/// Bytes that are not a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// The request's id, where the message has one that can be read, and that is not the id of a response.
    pub id: Option<RequestId>,
    /// [`Fault::Parse`], [`Fault::Envelope`] or [`Fault::TooLarge`].
    pub fault: Fault,
    /// Whether its sender waits for an answer.
    pub wants: Wants,
}

/// Whether something malformed is to be answered.
///
/// An error without an id answers what could not be read. Were it answered with another, two peers that both mean well
/// would never fall silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Its sender has done something wrong and is told so.
    Answer,
    /// It says that something of ours could not be read.
    Nothing,
}

/// Reads one message.
///
/// The fault that stands first in the bytes is the one that is reported. `scanner` only lends its memory.
///
/// # Errors
/// [`Malformed`] with [`Fault::Parse`] for what is not UTF-8, not JSON or goes on after the value; with
/// [`Fault::Envelope`] for repeated member names, broken limits, arrays and everything else that is no message;
/// with [`Fault::TooLarge`] from 4 GiB on, whatever the transport allows.
///
/// # Source
/// JSON-RPC 2.0, sections 4 and 5; RFC 8259; MCP 2025-11-25, base protocol, "Messages".
pub fn read(frame: Bytes, limits: &MessageLimits, scanner: &mut Scanner) -> Result<Message, Malformed> {
    let unknown = |fault| Malformed { id: None, fault, wants: Wants::Answer };
    let Ok(frame) = ByteString::try_from(frame) else { return Err(unknown(Fault::Parse)) };
    let text: &str = &frame;
    let value = match scanner.scan(text, &Rules::of_message(limits)) {
        Ok(value) => value,
        Err(fault @ Fault::Envelope(_)) => {
            return Err(Malformed { id: salvage::id(text), fault, wants: Wants::Answer });
        }
        Err(fault) => return Err(unknown(fault)),
    };
    let top = value.of(text);
    if !top.starts_with('{') {
        let rule =
            if top.starts_with('[') { "batches are not part of this revision" } else { "a message is an object" };
        return Err(unknown(Fault::Envelope(rule)));
    }
    let head = Head::find(text, scanner);
    head.message(&frame, text, limits, scanner).map_err(|rule| {
        let id = if head.is_response() { None } else { head.id(text, limits).ok().flatten() };
        Malformed { id, fault: Fault::Envelope(rule), wants: head.wants(text) }
    })
}

/// A broken rule, as the peer may read it.
type Rule = &'static str;

/// Where the members of JSON-RPC stand.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    jsonrpc: Option<Span>,
    id: Option<Span>,
    method: Option<Span>,
    params: Option<Span>,
    result: Option<Span>,
    error: Option<Span>,
}

impl Head {
    fn find(text: &str, scanner: &Scanner) -> Self {
        let mut head = Self::default();
        let mut unescaped = String::new();
        for member in scanner.members() {
            let slot = match member.name(text, &mut unescaped) {
                "jsonrpc" => &mut head.jsonrpc,
                "id" => &mut head.id,
                "method" => &mut head.method,
                "params" => &mut head.params,
                "result" => &mut head.result,
                "error" => &mut head.error,
                _ => continue,
            };
            *slot = Some(member.value());
        }
        head
    }

    /// Whether the peer answers a request of ours, so that the id is not one of its own.
    fn is_response(&self) -> bool {
        self.method.is_none() && (self.result.is_some() || self.error.is_some())
    }

    fn wants(&self, text: &str) -> Wants {
        let anonymous = self.id.is_none_or(|id| id.of(text) == "null");
        let is_error = self.error.is_some() && self.method.is_none() && self.result.is_none();
        if anonymous && is_error { Wants::Nothing } else { Wants::Answer }
    }

    fn id(&self, text: &str, limits: &MessageLimits) -> Result<Option<RequestId>, Rule> {
        let Some(raw) = self.id.map(|span| span.of(text)) else { return Ok(None) };
        match RequestId::from_raw(raw) {
            Some(RequestId::Text(text)) if text.len() > limits.id_bytes => Err(LONG_ID),
            Some(id) => Ok(Some(id)),
            // Every string of the text is well formed by now, so only its length can be wrong.
            None if raw.starts_with('"') => Err(LONG_ID),
            None => Err("id is a string or an integer"),
        }
    }

    fn message(
        &self,
        frame: &ByteString,
        text: &str,
        limits: &MessageLimits,
        scanner: &mut Scanner,
    ) -> Result<Message, Rule> {
        let id = self.id(text, limits)?;
        if !self.jsonrpc.is_some_and(|span| is_version_2(span.of(text))) {
            return Err("jsonrpc must be \"2.0\"");
        }
        match (self.method, self.result, self.error) {
            (Some(method), None, None) => {
                let method = self::method(frame, method, limits)?;
                let params = self.params(frame, text, limits, scanner)?;
                Ok(match id {
                    Some(id) => Message::Request { id, method, params },
                    None => Message::Notification { method, params },
                })
            }
            (None, Some(result), None) => {
                let id = id.ok_or("a response has an id")?;
                Ok(Message::Response { id, result: Some(RawJson::cut(frame, result)) })
            }
            (None, None, Some(error)) => {
                let id = id.ok_or("a response has an id")?;
                if !error.of(text).starts_with('{') {
                    return Err("error is an object");
                }
                Ok(Message::Response { id, result: None })
            }
            (None, None, None) => Err("a message has a method, a result or an error"),
            (Some(_), _, _) | (None, Some(_), Some(_)) => Err("a message has only one of method, result and error"),
        }
    }

    fn params(
        &self,
        frame: &ByteString,
        text: &str,
        limits: &MessageLimits,
        scanner: &mut Scanner,
    ) -> Result<Params, Rule> {
        let Some(span) = self.params else { return Ok(Params::default()) };
        if !span.of(text).starts_with('{') {
            return Err("params is an object");
        }
        let params = Params::new(RawJson::cut(frame, span), scanner.take_params());
        params.check_sizes(span.of(text), limits)?;
        Ok(params)
    }
}

fn is_version_2(raw: &str) -> bool {
    // The second spelling has escapes in it, and is the same string.
    raw == "\"2.0\"" || quoted(raw).and_then(unescape).is_some_and(|version| version == "2.0")
}

fn method(frame: &ByteString, span: Span, limits: &MessageLimits) -> Result<Str, Rule> {
    let method = Str::cut(frame, span).ok_or("method is a string")?;
    match method.as_str().len() {
        0 => Err("method is not empty"),
        bytes if bytes > limits.method_bytes => Err("method is too long"),
        _ => Ok(method),
    }
}

const LONG_ID: Rule = "id is too long";

#[cfg(test)]
mod tests;
