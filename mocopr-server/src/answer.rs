//! A finished answer: its bytes, and what HTTP says beside them.

use std::{num::NonZeroI32, time::Duration};

use bytes::Bytes;
use mocopr_core::{
    fault::Fault,
    id::RequestId,
    outcome::PublicError,
    wire::{code, encode, revision::Revision},
};
use mocopr_security::{evidence::Ending, gate::Challenge, sanitize};

use crate::engine::Engine;

/// The one answer to a message.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status where the answer travels alone, over HTTP.
    pub(crate) status: u16,
    pub(crate) body: Body,
    /// The code of the error that it is; `None` for a result, also one that says that a tool failed.
    pub(crate) code: Option<NonZeroI32>,
    /// What the client should do to be let in, where that is why it was refused.
    pub(crate) asks: Option<Box<Asks>>,
    /// What it says, for those who keep account of it.
    pub(crate) ending: Ending,
    /// Those who keep account were told.
    pub(crate) is_told: bool,
}

/// What a client should do to be let in: bring something, or wait.
#[derive(Clone, Debug)]
pub(crate) enum Asks {
    /// What this says.
    Credential(Challenge),
    /// So much patience.
    Patience(Duration),
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
        Self::good(message.into())
    }

    fn good(body: Body) -> Self {
        Self { status: 200, body, code: None, asks: None, ending: Ending::SUCCESS, is_told: false }
    }

    /// The same answer, of which those who keep account hear that it says this.
    pub(crate) fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }

    /// An encoded result.
    pub(crate) fn result(id: &RequestId, result: &[u8], revision: Revision, engine: &Engine) -> Self {
        Self::message(encode::response(id, result, revision, engine.stamp()))
    }

    /// A result that is [kept](encode::kept).
    pub(crate) fn kept(id: &RequestId, rest: Bytes) -> Self {
        Self::good(Body { start: encode::response_start(id), rest })
    }

    /// An error.
    pub(crate) fn error(id: Option<&RequestId>, error: &PublicError, revision: Revision, engine: &Engine) -> Self {
        let asks = match error.fault() {
            Fault::Unauthenticated => Some(Asks::Credential(Challenge::Invalid)),
            Fault::Scope(scopes) => Some(Asks::Credential(Challenge::Scopes(scopes.clone()))),
            Fault::Rate { retry_after } | Fault::Busy { retry_after } => Some(Asks::Patience(*retry_after)),
            Fault::Parse
            | Fault::TooLarge
            | Fault::Envelope(_)
            | Fault::UnknownMethod
            | Fault::Meta(_)
            | Fault::Params(_)
            | Fault::Arguments(_)
            | Fault::UnknownName(_)
            | Fault::ResourceAbsent { .. }
            | Fault::Sealed(_)
            | Fault::HeaderMismatch(_)
            | Fault::MissingCapability(_)
            | Fault::UnsupportedVersion { .. }
            | Fault::UnknownSession
            | Fault::Refused
            | Fault::Timeout
            | Fault::Internal => None,
        };
        Self {
            asks: asks.map(Box::new),
            status: code::status(error.fault(), revision),
            code: i32::try_from(code::code(error.fault(), revision)).ok().and_then(NonZeroI32::new),
            body: encode::error(id, error, revision, engine.served()).into(),
            ending: Ending::with_fault(error.fault(), error.incident()),
            is_told: false,
        }
    }

    /// The error of a fault.
    pub(crate) fn fault(id: Option<&RequestId>, fault: Fault, revision: Revision, engine: &Engine) -> Self {
        Self::error(id, &sanitize::fault(fault), revision, engine)
    }
}
