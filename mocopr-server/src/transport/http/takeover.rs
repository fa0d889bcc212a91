//! What becomes of a connection that is to speak something else than HTTP from now on.
//!
//! Owns the handing over alone. A listener that serves nothing of the kind never makes any of it.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Response, request::Parts};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{answer::AnswerBody, app::HttpApp, listener::Remote};

/// The bytes of a connection both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Goes on with a connection: with its bytes, and with those that have been read ahead.
type Next = Box<dyn FnOnce(Box<dyn Duplex>, Bytes) -> BoxFuture<'static, ()> + Send>;

/// What goes on with a connection once its last answer has been written.
pub(crate) struct TakeOver(Next);

impl TakeOver {
    pub(crate) fn new(
        next: impl FnOnce(Box<dyn Duplex>, Bytes) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Box<Self> {
        Box::new(Self(Box::new(next)))
    }

    /// Goes on, on the task of the connection, until its end.
    pub(crate) fn go_on(self, stream: Box<dyn Duplex>, ahead: Bytes) -> BoxFuture<'static, ()> {
        (self.0)(stream, ahead)
    }
}

impl fmt::Debug for TakeOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TakeOver(..)")
    }
}

/// What answers the requests of one path, and may take over their connections.
pub(crate) trait Upgrades: fmt::Debug + Send + Sync {
    /// Answers a request whose head nobody has looked at.
    fn answer<'a>(
        &'a self,
        app: &'a HttpApp,
        remote: &'a Remote,
        head: &'a Parts,
    ) -> BoxFuture<'a, Response<AnswerBody>>;
}
