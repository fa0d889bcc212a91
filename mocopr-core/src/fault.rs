//! The closed list of protocol failures.
//!
//! A fault names what went wrong; it knows no number and no HTTP status (those are `wire::code`), and it never
//! carries a text of a library or a handler. Strings inside are our own sentences or what the peer itself sent.

use std::time::Duration;

use crate::model::capability::ClientCapabilities;

/// A failure of the protocol or the policy, before or instead of a handler's answer.
///
/// A handler that must answer with one says so by a failure:
///
/// ```
/// use std::time::Duration;
///
/// use mocopr_core::{failure::{Failure, FailureKind}, fault::Fault};
///
/// let later = Failure::from_fault(Fault::Busy { retry_after: Duration::from_secs(5) });
/// assert!(matches!(later.kind(), FailureKind::Fault(Fault::Busy { .. })));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The bytes are not JSON, not UTF-8, or go on after the value.
    Parse,
    /// The message has more bytes than the transport accepts.
    TooLarge,
    /// JSON, but not a JSON-RPC message within the limits; the sentence says which rule.
    Envelope(&'static str),
    /// No such method in this revision.
    UnknownMethod,
    /// A required member of `_meta` is missing or has the wrong type.
    Meta(&'static str),
    /// Parameters of the wrong shape.
    Params(&'static str),
    /// Arguments that break a tool's input schema; the sentence is made of our words and the schema's names.
    Arguments(Box<str>),
    /// No tool, prompt or completion target of that name for this caller.
    UnknownName(Target),
    /// No resource of that URI for this caller.
    ResourceAbsent {
        /// The URI that was asked for, as the peer wrote it.
        uri: Box<str>,
    },
    /// A cursor, handle or request state that this server did not make, or made for somebody else, or too long ago.
    Sealed(&'static str),
    /// A header and the body say different things.
    HeaderMismatch(&'static str),
    /// The client did not declare a capability that the call needs.
    MissingCapability(Box<ClientCapabilities>),
    /// A protocol version that is not served.
    UnsupportedVersion {
        /// The version that was asked for, as the peer wrote it.
        requested: Box<str>,
    },
    /// The session does not exist, has ended, or is another principal's.
    UnknownSession,
    /// No credential, or one that does not hold.
    Unauthenticated,
    /// Everything but scopes holds; these are all that the call needs.
    Scope(Box<[Box<str>]>),
    /// Visible, and not granted.
    Refused,
    /// Too many requests.
    Rate {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Too many at once, or what the answer takes cannot be had now.
    Busy {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The call took longer than it may.
    Timeout,
    /// Something of ours failed; the peer learns an incident id and nothing else.
    Internal,
}

/// What a name that was not found should have named.
///
/// An example is at [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A prompt or resource template to complete for.
    Completion,
}
