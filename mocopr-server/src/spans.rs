//! Spans: what a tracing system hears of each request, from the message to its answer.
//!
//! Owns the words in which that is said, and knows no tracing system. No argument, result, credential or text of a
//! caller's must be among them but the id of the request, and names only where they are registered.

use std::{fmt::Debug, num::NonZeroI32};

use mocopr_core::{
    id::RequestId,
    trace::{TraceParent, TraceState},
    wire::{method::Method, revision::Revision},
};
use mocopr_security::{evidence::Ending, policy::Row};

use crate::{session::Session, subject::Subject};

/// Makes a span of each request.
pub(crate) trait Spans: Send + Sync + Debug {
    /// Begins that of this one.
    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Span>;

    /// What the security report says of it.
    fn row(&self) -> Row;
}

/// The span of one request. Whoever drops it before the end says that the request was given up.
pub(crate) trait Span: Send + Sync + Debug {
    /// Where it is among all spans; `None` where it is nowhere.
    fn place(&self) -> Option<TraceParent>;

    /// Does this as a part of the span: spans that begin meanwhile, on this thread, are its children.
    fn within(&self, work: &mut dyn FnMut());

    /// The request has ended so.
    fn end(self: Box<Self>, ended: &Ended<'_>);
}

/// What is known of a request when its span begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// `None` for a method that there is not.
    pub(crate) method: Option<Method>,
    /// `None` where the request was refused before it was a call.
    pub(crate) id: Option<&'a RequestId>,
    /// The revision that it is read in; `None` where that is not known yet.
    pub(crate) revision: Option<Revision>,
    pub(crate) session: Option<&'a Session>,
    /// What it is about, of what is registered.
    pub(crate) subject: Option<&'a Subject>,
    /// The span that it is a part of, as its sender says.
    pub(crate) parent: Option<TraceParent>,
    pub(crate) state: Option<&'a TraceState>,
    pub(crate) way: Way,
}

/// On which way a message came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// A stream inside of this machine.
    #[default]
    Pipe,
    /// HTTP over a network.
    Http,
    /// HTTP inside of this machine, without an address.
    LocalHttp,
    /// A stream over a network.
    WebSocket,
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) ending: Ending,
    /// The code of the error that it is answered with.
    pub(crate) code: Option<NonZeroI32>,
    /// The session that it opened.
    pub(crate) opened: Option<&'a Session>,
}

/// What is known of a message that is not a call yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It has not been read, or asks for nothing.
    #[default]
    NoRequest,
    /// It is a request of this method; `None` for one that there is not.
    Request(Option<Method>),
}
