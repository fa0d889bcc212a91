//! The body of an HTTP answer.
//!
//! Owns how an answer leaves (empty, whole, or as a stream with a bounded queue), never what it says.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio_util::sync::DropGuard;

use super::takeover::TakeOver;

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody(Kind);

#[derive(Debug)]
enum Kind {
    Done,
    /// Its length is exact, so it gets a `Content-Length` and leaves with the head in one write.
    Full(Bytes),
    /// The same in two pieces, of which the second follows.
    Pieces(Bytes, Bytes),
    /// Leaves chunked.
    Stream {
        pieces: mpsc::Receiver<Bytes>,
        /// Set once nothing more may leave, not even what is queued.
        cut: Arc<AtomicBool>,
        /// Cancels its token when the body ends or the client is gone.
        _open: DropGuard,
    },
    /// Empty; what goes on with the connection behind it.
    TakeOver(Box<TakeOver>),
}

impl AnswerBody {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self(Kind::Done)
    }

    /// No body, and nothing more of HTTP on this connection: the head says so with 101.
    pub(crate) fn take_over(next: Box<TakeOver>) -> Self {
        Self(Kind::TakeOver(next))
    }

    /// What goes on with the connection once this answer has been written, where anything does.
    pub(crate) fn taken_over(&mut self) -> Option<Box<TakeOver>> {
        match std::mem::replace(&mut self.0, Kind::Done) {
            Kind::TakeOver(next) => Some(next),
            other @ (Kind::Done | Kind::Full(_) | Kind::Pieces(..) | Kind::Stream { .. }) => {
                self.0 = other;
                None
            }
        }
    }

    /// All of it at once.
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::empty() } else { Self(Kind::Full(bytes)) }
    }

    /// All of it at once, from two pieces that stay where they are.
    pub(crate) fn pieces(start: Bytes, rest: Bytes) -> Self {
        match (start.is_empty(), rest.is_empty()) {
            (false, false) => Self(Kind::Pieces(start, rest)),
            (_, true) => Self::full(start),
            (true, false) => Self::full(rest),
        }
    }

    /// Pieces as they come; the body ends when every sender is gone.
    ///
    /// A piece that is queued before the answer is returned leaves with the head in one write, and pieces that are
    /// queued together leave together. `open` is dropped as soon as nobody reads the body any more: when it has ended,
    /// and when the connection is lost. The senders learn the same by [`mpsc::Sender::closed`].
    ///
    /// Once `cut` is set the body ends without what is queued: its client may not read any longer what it has not read.
    /// Whoever sets it drops the senders as well, which wakes whoever waits for a piece.
    pub(crate) fn stream(pieces: mpsc::Receiver<Bytes>, cut: Arc<AtomicBool>, open: DropGuard) -> Self {
        Self(Kind::Stream { pieces, cut, _open: open })
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.0 {
            Kind::Done | Kind::TakeOver(_) => None,
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Kind::Done;
                Some(bytes)
            }
            Kind::Pieces(start, rest) => {
                let (start, rest) = (std::mem::take(start), std::mem::take(rest));
                self.0 = Kind::Full(rest);
                Some(start)
            }
            Kind::Stream { pieces, cut, .. } => {
                let piece = std::task::ready!(pieces.poll_recv(cx)).filter(|_| !cut.load(Ordering::Acquire));
                if piece.is_none() {
                    self.0 = Kind::Done;
                }
                piece
            }
        };
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match self.0 {
            Kind::Done | Kind::TakeOver(_) => true,
            Kind::Full(_) | Kind::Pieces(..) | Kind::Stream { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Done | Kind::TakeOver(_) => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Pieces(start, rest) => SizeHint::with_exact((start.len() + rest.len()) as u64),
            Kind::Stream { .. } => SizeHint::default(),
        }
    }
}
