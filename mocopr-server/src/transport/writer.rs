//! The one ordered writer of a stream of messages, whatever form they have there.
//!
//! Owns what waits for a peer that reads slowly, and how long a write may stand still. It never looks into a message,
//! and never lets two of them mix.

use std::{
    collections::VecDeque,
    fmt, io,
    marker::PhantomData,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{io::AsyncWrite, sync::mpsc};

use super::stall::{Stall, Stalled};

/// Why a [`Writer`] gave up.
#[derive(Debug)]
pub(crate) enum WriteFault {
    /// The other side took no byte for the whole stall time.
    Stalled,
    /// The stream failed; usually the other side is gone.
    Lost(io::Error),
}

impl fmt::Display for WriteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stalled => "the peer does not read",
            Self::Lost(_) => "the stream is lost",
        })
    }
}

impl From<Stalled> for WriteFault {
    fn from(Stalled: Stalled) -> Self {
        Self::Stalled
    }
}

impl From<io::Error> for WriteFault {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl std::error::Error for WriteFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Stalled => None,
            Self::Lost(error) => Some(error),
        }
    }
}

/// How messages are told apart on their stream.
pub(crate) trait Form {
    /// Bytes that leave in one write at most, but for a message that is larger; kept between messages.
    const BLOCK: usize;

    /// Adds all of a message.
    fn append(block: &mut BytesMut, message: &[u8]);

    /// Adds what stands before a large message that leaves as it is, uncopied; `false` and nothing added where it
    /// cannot.
    fn begin(block: &mut BytesMut, message: &[u8]) -> bool;

    /// Adds what stands behind such a message.
    fn end(block: &mut BytesMut);
}

/// The one writer of a stream: writes messages in their form, in order.
///
/// It takes them from a bounded queue, and from its owner directly. Everything that is at hand goes out in one write
/// (up to [`Form::BLOCK`]; a larger message goes by itself), so that an answer never leaves in two small pieces.
#[derive(Debug)]
pub(crate) struct Writer<W, F> {
    output: W,
    queue: mpsc::Receiver<Bytes>,
    /// How many messages may wait here.
    room: usize,
    /// Messages that are not on their way yet.
    waiting: VecDeque<Bytes>,
    /// What leaves before the next message: bytes in the form of the stream already.
    urgent: Bytes,
    /// Whole messages on their way; what has left is cut off.
    block: BytesMut,
    /// A message on its way behind `block`, without what stands behind it.
    large: Bytes,
    is_flushed: bool,
    stall: Stall,
    form: PhantomData<fn() -> F>,
}

impl<W: AsyncWrite + Unpin, F: Form> Writer<W, F> {
    /// A writer that gives up when `output` takes nothing for `stall`, and takes messages from `queue` while fewer than
    /// `room` wait.
    pub(crate) fn new(output: W, queue: mpsc::Receiver<Bytes>, room: NonZeroUsize, stall: Duration) -> Self {
        Self {
            output,
            queue,
            room: room.get(),
            waiting: VecDeque::new(),
            urgent: Bytes::new(),
            block: BytesMut::new(),
            large: Bytes::new(),
            is_flushed: true,
            stall: Stall::new(stall),
            form: PhantomData,
        }
    }

    /// Adds a message; it leaves in [`poll_run`](Self::poll_run), and may overtake what is in the queue.
    pub(crate) fn push(&mut self, message: Bytes) {
        self.waiting.push_back(message);
    }

    /// Adds bytes that leave before the next message, instead of those that were added so and have not left.
    #[cfg(feature = "http")]
    pub(crate) fn push_urgent(&mut self, bytes: Bytes) {
        self.urgent = bytes;
    }

    /// Forgets every message that is not on its way, and takes no further one.
    #[cfg(feature = "http")]
    pub(crate) fn forget(&mut self) {
        self.queue.close();
        while self.queue.try_recv().is_ok() {}
        self.waiting.clear();
    }

    /// What it writes to.
    #[cfg(feature = "http")]
    pub(crate) fn output(&mut self) -> &mut W {
        &mut self.output
    }

    /// Whether its owner should add more: fewer messages wait than may.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < self.room
    }

    /// Takes no further message from the queue: those who send there learn it at once.
    pub(crate) fn close(&mut self) {
        self.queue.close();
    }

    /// Writes until every sender is gone and everything that they queued is flushed.
    ///
    /// # Errors
    /// [`WriteFault`]; the stream is of no more use then.
    ///
    /// # Cancel safety
    /// Safe: what was not written is written by the next call.
    #[cfg(test)]
    pub(crate) async fn run(&mut self) -> Result<(), WriteFault> {
        std::future::poll_fn(|cx| self.poll_run(cx)).await
    }

    /// Writes what is at hand; ready once every sender is gone and everything that they queued is flushed, or when it
    /// fails, after which the stream is of no more use.
    pub(crate) fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteFault>> {
        loop {
            let has_ended = self.take_queued(cx);
            if self.block.is_empty() && self.large.is_empty() {
                self.join();
            }
            if self.block.is_empty() && self.large.is_empty() {
                if !self.is_flushed {
                    let flushed = Pin::new(&mut self.output).poll_flush(cx);
                    ready!(self.stall.watch(cx, flushed))??;
                    self.is_flushed = true;
                }
                return if has_ended { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            let bytes = if self.block.is_empty() { &*self.large } else { &*self.block };
            let written = Pin::new(&mut self.output).poll_write(cx, bytes);
            let written = ready!(self.stall.watch(cx, written))??;
            if written == 0 {
                return Poll::Ready(Err(WriteFault::Lost(io::ErrorKind::WriteZero.into())));
            }
            self.is_flushed = false;
            if !self.block.is_empty() {
                self.block.advance(written);
                continue;
            }
            self.large.advance(written);
            if self.large.is_empty() {
                F::end(&mut self.block);
            }
        }
    }

    /// As [`poll_run`](Self::poll_run), and ready once there is room where there was none.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteFault>> {
        let had_room = self.has_room();
        match self.poll_run(cx) {
            Poll::Pending if !had_room && self.has_room() => Poll::Ready(Ok(())),
            outcome => outcome,
        }
    }

    /// As [`poll_write`](Self::poll_write).
    #[cfg(test)]
    pub(crate) async fn write(&mut self) -> Result<(), WriteFault> {
        std::future::poll_fn(|cx| self.poll_write(cx)).await
    }

    /// Takes messages from the queue while there is room; true once there will never be another.
    fn take_queued(&mut self, cx: &mut Context<'_>) -> bool {
        while self.has_room() {
            match self.queue.poll_recv(cx) {
                Poll::Ready(Some(message)) => self.waiting.push_back(message),
                Poll::Ready(None) => return true,
                Poll::Pending => break,
            }
        }
        false
    }

    /// Puts as many waiting messages on their way as leave together.
    fn join(&mut self) {
        if self.waiting.is_empty() && self.urgent.is_empty() {
            return;
        }
        // Takes back what was cut off at the front.
        self.block.reserve(F::BLOCK);
        if self.block.capacity() > 2 * F::BLOCK {
            self.block = BytesMut::with_capacity(F::BLOCK);
        }
        self.block.extend_from_slice(&std::mem::take(&mut self.urgent));
        while let Some(message) = self.waiting.front() {
            if !self.block.is_empty() && self.block.len() + message.len() >= F::BLOCK {
                return;
            }
            let Some(message) = self.waiting.pop_front() else { return };
            if message.len() >= F::BLOCK && F::begin(&mut self.block, &message) {
                self.large = message;
                return;
            }
            F::append(&mut self.block, &message);
        }
    }
}
