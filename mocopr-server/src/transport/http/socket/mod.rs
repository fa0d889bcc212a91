//! The socket under one HTTP/1.1 connection: what hyper cannot do for it.
//!
//! Cuts a peer that takes nothing (hyper has no write timeout), tells the [`Deadlines`] what moved, gives the refusals
//! of the HTTP parser the headers that every answer carries, and closes so that an early answer is not lost.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::deadlines::Deadlines;
use crate::transport::stall::Stall;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "each task ends with its test")]
mod tests;

/// A byte stream with a limit on how long a write may stand still.
///
/// Reads have no limit here: what the peer owes is known to the [`Deadlines`] and to the reader of the body.
#[derive(Debug)]
pub(crate) struct Socket<S> {
    inner: S,
    deadlines: Arc<Deadlines>,
    stall: Stall,
    /// Header lines, each with its line break, for refusals that no service wrote.
    refusal_lines: Bytes,
    /// The rest of such a refusal.
    refusal: Bytes,
    /// The peer has closed its side.
    ended: bool,
    /// Our side is closed, and what the peer still sends is thrown away.
    linger: Option<Linger>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Wraps `inner`. A write without progress for `stall` fails with [`io::ErrorKind::TimedOut`].
    pub(crate) fn new(inner: S, deadlines: Arc<Deadlines>, stall: Duration, refusal_lines: Bytes) -> Self {
        Self {
            inner,
            deadlines,
            stall: Stall::new(stall),
            refusal_lines,
            refusal: Bytes::new(),
            ended: false,
            linger: None,
        }
    }

    /// Takes a refusal of the HTTP parser whole, with our header lines before its empty line.
    ///
    /// Such a refusal is a head without a body, in one write, at a moment when no answer of the service is on its way.
    fn adopt(&mut self, head: &[u8]) -> bool {
        if self.refusal_lines.is_empty() || !self.deadlines.is_unasked() || !self.refusal.is_empty() {
            return false;
        }
        let Some(fields) = head.strip_suffix(b"\r\n\r\n").filter(|fields| fields.starts_with(b"HTTP/1.")) else {
            return false;
        };
        self.refusal = [fields, b"\r\n", &self.refusal_lines, b"\r\n"].concat().into();
        true
    }

    fn moved(&self, written: usize, offered: usize) {
        if written < offered {
            self.deadlines.wrote_part();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, into))?;
        if into.filled().len() > before {
            this.deadlines.read();
        } else if into.remaining() > 0 {
            this.ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.adopt(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.inner).poll_write(cx, bytes);
        let written = ready!(this.stall.watch(cx, written))??;
        this.moved(written, bytes.len());
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let [head] = slices
            && this.adopt(head)
        {
            return Poll::Ready(Ok(head.len()));
        }
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, slices);
        let written = ready!(this.stall.watch(cx, written))??;
        this.moved(written, slices.iter().map(|slice| slice.len()).sum());
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.refusal.is_empty() {
            let written = Pin::new(&mut this.inner).poll_write(cx, &this.refusal);
            match ready!(this.stall.watch(cx, written))?? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => this.refusal.advance(written),
            }
        }
        let flushed = Pin::new(&mut this.inner).poll_flush(cx);
        ready!(this.stall.watch(cx, flushed))??;
        this.deadlines.flushed();
        Poll::Ready(Ok(()))
    }

    /// Closes our side, then reads on for a while.
    ///
    /// A socket that is closed with unread bytes resets the connection, and the reset can overtake the answer: a
    /// client that is still sending a body which was refused would see an error instead of the refusal. Bounded by
    /// [`LINGER_BYTES`] and [`LINGER_TIME`]; skipped when the peer has nothing more to say.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            let closed = Pin::new(&mut this.inner).poll_shutdown(cx);
            ready!(this.stall.watch(cx, closed))??;
        }
        if this.ended || this.deadlines.is_dismissed() {
            return Poll::Ready(Ok(()));
        }
        let linger =
            this.linger.get_or_insert_with(|| Linger { bytes_left: LINGER_BYTES, time: Box::pin(sleep(LINGER_TIME)) });
        loop {
            let mut block = [0; LINGER_BLOCK];
            let mut into = ReadBuf::new(&mut block);
            match Pin::new(&mut this.inner).poll_read(cx, &mut into) {
                Poll::Pending => {
                    ready!(linger.time.as_mut().poll(cx));
                    break;
                }
                Poll::Ready(Err(_)) => break,
                Poll::Ready(Ok(())) => {
                    let read = into.filled().len();
                    linger.bytes_left = linger.bytes_left.saturating_sub(read);
                    if read == 0 || linger.bytes_left == 0 {
                        break;
                    }
                }
            }
        }
        this.ended = true;
        Poll::Ready(Ok(()))
    }
}

#[derive(Debug)]
struct Linger {
    bytes_left: usize,
    time: Pin<Box<Sleep>>,
}

/// How much of a refused body is taken off the wire before the connection is closed: what a client may have under way
/// when it did not wait for the answer, and not more than the body of an allowed request.
const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// How long that may take.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(2);

const LINGER_BLOCK: usize = 8 * 1024;
