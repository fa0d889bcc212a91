//! Why a request of the guarded client failed.
//!
//! `Display` is a fixed sentence of ours; what a library or the system said is in `source()`, for the log alone.

use std::{error::Error, fmt};

/// Why a request failed.
///
/// `Display` names no host, no address and no library's words, so that it may be shown; `source()` has the cause.
///
/// An example is at [`OutboundRequest`](super::OutboundRequest).
#[derive(Debug)]
pub struct OutboundError {
    kind: OutboundErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What sort of failure an [`OutboundError`] is.
///
/// An example is at [`OutboundClientBuilder`](super::OutboundClientBuilder).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboundErrorKind {
    /// The URL is not one that this client reads: not `https`, with a user name, or its host spelled in an odd way.
    Url,
    /// The host is not among those that the owner allowed.
    Host,
    /// The host has no address that may be connected to.
    Address,
    /// The name of the host could not be resolved.
    Resolve,
    /// No connection came about.
    Connect,
    /// The other side did not prove that it is the host.
    Certificate,
    /// A redirect led elsewhere, or there were too many.
    Redirect,
    /// What came back was not an answer of HTTP, or the connection was lost.
    Protocol,
    /// The answer was larger than allowed.
    TooLarge,
    /// It took longer than allowed.
    Timeout,
    /// The request itself cannot be sent: its content type or its credential is not the value of a header.
    Request,
}

impl OutboundError {
    /// What sort of failure it is.
    pub fn kind(&self) -> OutboundErrorKind {
        self.kind
    }

    pub(super) fn caused_by(kind: OutboundErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }
}

impl From<OutboundErrorKind> for OutboundError {
    fn from(kind: OutboundErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            OutboundErrorKind::Url => "the url is not acceptable",
            OutboundErrorKind::Host => "the host is not allowed",
            // Alike, so that names of the inner network cannot be found out by asking for them.
            OutboundErrorKind::Address | OutboundErrorKind::Resolve | OutboundErrorKind::Connect => {
                "the host could not be reached"
            }
            OutboundErrorKind::Certificate => "the host did not prove its identity",
            OutboundErrorKind::Redirect => "the redirect was not followed",
            OutboundErrorKind::Protocol => "the answer was not understood",
            OutboundErrorKind::TooLarge => "the answer was too large",
            OutboundErrorKind::Timeout => "the answer took too long",
            OutboundErrorKind::Request => "the request cannot be sent",
        })
    }
}

impl Error for OutboundError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source: &(dyn Error + 'static) = self.source.as_deref()?;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_inward_and_one_that_leads_nowhere_are_told_alike() {
        let told = |kind: OutboundErrorKind| OutboundError::from(kind).to_string();
        assert_eq!(told(OutboundErrorKind::Address), told(OutboundErrorKind::Resolve));
        assert_eq!(told(OutboundErrorKind::Address), told(OutboundErrorKind::Connect));
    }
}
