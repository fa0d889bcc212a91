//! A finished answer: bytes, and what HTTP says beside them.

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
    /// A whole JSON-RPC message.
    pub(crate) body: Bytes,
    /// How long the client should wait before it tries again.
    pub(crate) retry_after: Option<Duration>,
}

impl Answer {
    /// A result that is already a whole message.
    pub(crate) fn message(body: Bytes) -> Self {
        Self { status: 200, body, retry_after: None }
    }

    /// An encoded result.
    pub(crate) fn result(id: &RequestId, result: &[u8], revision: Revision, engine: &Engine) -> Self {
        Self::message(encode::response(id, result, revision, Some(engine.stamp())))
    }

    /// What the server says of itself, which needs no stamp.
    pub(crate) fn hello(id: &RequestId, hello: &[u8], revision: Revision) -> Self {
        Self::message(encode::response(id, hello, revision, None))
    }

    /// An error.
    pub(crate) fn error(id: Option<&RequestId>, error: &PublicError, revision: Revision, engine: &Engine) -> Self {
        let retry_after = match error.fault() {
            Fault::Rate { retry_after } | Fault::Busy { retry_after } => Some(*retry_after),
            _ => None,
        };
        Self {
            status: code::status(error.fault(), revision),
            body: encode::error(id, error, revision, engine.served()),
            retry_after,
        }
    }

    /// The error of a fault.
    pub(crate) fn fault(id: Option<&RequestId>, fault: Fault, revision: Revision, engine: &Engine) -> Self {
        Self::error(id, &sanitize::fault(fault), revision, engine)
    }
}
