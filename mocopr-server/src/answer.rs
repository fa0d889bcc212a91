//! A finished answer: its bytes, and what HTTP says beside them.

use std::time::Duration;

use bytes::Bytes;
use mocopr_core::{
    fault::Fault,
    id::RequestId,
    outcome::PublicError,
    wire::{code, encode, revision::Revision},
};
use mocopr_security::sanitize;

use crate::engine::Engine;

/// The one answer to a message.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status where the answer travels alone, over HTTP.
    pub(crate) status: u16,
    pub(crate) body: Body,
    /// How long the client should wait before it tries again.
    pub(crate) retry_after: Option<Duration>,
    /// What the client should bring to be let in, where that is why it was refused.
    pub(crate) asks: Option<Box<Asks>>,
}

/// What a client should bring to be let in.
#[derive(Clone, Debug)]
pub(crate) enum Asks {
    /// A credential.
    Credential,
    /// Another credential than the one that it presented.
    AnotherCredential,
    /// All of these scopes.
    Scopes(Box<[Box<str>]>),
}

/// A whole JSON-RPC message, as one piece or two: what many answers share is not copied for each.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) start: Bytes,
    /// Empty where there is one piece.
    pub(crate) rest: Bytes,
}

impl Body {
    pub(crate) fn len(&self) -> usize {
        self.start.len() + self.rest.len()
    }

    /// In one piece.
    pub(crate) fn whole(self) -> Bytes {
        if self.rest.is_empty() { self.start } else { [self.start, self.rest].concat().into() }
    }
}

impl From<Bytes> for Body {
    fn from(message: Bytes) -> Self {
        Self { start: message, rest: Bytes::new() }
    }
}

impl Answer {
    /// A result that is already a whole message.
    pub(crate) fn message(message: Bytes) -> Self {
        Self { status: 200, body: message.into(), retry_after: None, asks: None }
    }

    /// An encoded result.
    pub(crate) fn result(id: &RequestId, result: &[u8], revision: Revision, engine: &Engine) -> Self {
        Self::message(encode::response(id, result, revision, engine.stamp()))
    }

    /// A result that is [kept](encode::kept).
    pub(crate) fn kept(id: &RequestId, rest: Bytes) -> Self {
        Self { status: 200, body: Body { start: encode::response_start(id), rest }, retry_after: None, asks: None }
    }

    /// An error.
    pub(crate) fn error(id: Option<&RequestId>, error: &PublicError, revision: Revision, engine: &Engine) -> Self {
        let retry_after = match error.fault() {
            Fault::Rate { retry_after } | Fault::Busy { retry_after } => Some(*retry_after),
            _ => None,
        };
        let asks = match error.fault() {
            Fault::Unauthenticated => Some(Asks::AnotherCredential),
            Fault::Scope(scopes) => Some(Asks::Scopes(scopes.clone())),
            _ => None,
        };
        Self {
            asks: asks.map(Box::new),
            status: code::status(error.fault(), revision),
            body: encode::error(id, error, revision, engine.served()).into(),
            retry_after,
        }
    }

    /// The error of a fault.
    pub(crate) fn fault(id: Option<&RequestId>, fault: Fault, revision: Revision, engine: &Engine) -> Self {
        Self::error(id, &sanitize::fault(fault), revision, engine)
    }
}
