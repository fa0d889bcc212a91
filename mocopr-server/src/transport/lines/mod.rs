//! Newline-delimited frames over any byte stream: standard streams and in-process pipes.
//!
//! Owns the cap on one line while it is read, and the one ordered writer. It never looks into a frame, never keeps
//! more of a line than the cap allows, and never lets one message look like two.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    io,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    sync::mpsc,
};

use super::stall::{Stall, Stalled};

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "each task ends with its test")]
mod tests;

/// What [`LineReader::next`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// One line without its line break; never empty, at most the cap long.
    Line(Bytes),
    /// A line above the cap. It is told once, and nothing of the line is kept.
    TooLong,
    /// The stream has ended. Every further call answers this again.
    End,
}

/// Reads lines that end in `\n` or `\r\n`.
///
/// Lines that arrived together are handed out without another read, as slices of one block; a line that is kept keeps
/// its block (64 KiB, or the line's own size where that is more). Empty lines are skipped. A last line without a line
/// break counts.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    input: R,
    /// Bytes that were read and not handed out.
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no line break.
    searched: usize,
    cap: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// Inside a line above the cap, whose rest is thrown away.
    Discarding,
    Ended,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// A reader of lines of at most `cap` bytes, not counting the line break.
    pub(crate) fn new(input: R, cap: usize) -> Self {
        Self { input, buffer: BytesMut::new(), searched: 0, cap, state: State::Reading }
    }

    /// The next frame.
    ///
    /// # Errors
    /// What the stream reports. The reader has ended after it.
    ///
    /// # Cancel safety
    /// Safe: a call that is dropped loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.at_hand() {
                return Ok(frame);
            }
            if self.state == State::Ended {
                return Ok(Frame::End);
            }
            // A read into less room than this costs a system call for little; a block that nobody holds is reused.
            if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM {
                self.buffer.reserve(BLOCK);
            }
            match self.input.read_buf(&mut self.buffer).await {
                Ok(0) => return Ok(self.last()),
                Ok(_) => {}
                Err(error) => {
                    self.state = State::Ended;
                    self.buffer.clear();
                    return Err(error);
                }
            }
        }
    }

    /// The next frame if the bytes at hand hold one.
    pub(crate) fn at_hand(&mut self) -> Option<Frame> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr(b'\n', unsearched) else {
                return self.unfinished();
            };
            let mut line = self.buffer.split_to(self.searched + found + 1);
            self.searched = 0;
            if self.state == State::Discarding {
                self.state = State::Reading;
                continue;
            }
            line.truncate(line.len() - 1);
            match self.whole(line) {
                Some(frame) => return Some(frame),
                None => continue,
            }
        }
    }

    /// Bytes without a line break: kept while they may still become a line.
    fn unfinished(&mut self) -> Option<Frame> {
        if self.state == State::Discarding {
            self.buffer.clear();
            self.searched = 0;
            return None;
        }
        // One byte above the cap may still turn out to be the `\r` of the line break.
        if self.buffer.len() > self.cap.saturating_add(1) {
            self.state = State::Discarding;
            self.buffer.clear();
            self.searched = 0;
            return Some(Frame::TooLong);
        }
        self.searched = self.buffer.len();
        None
    }

    /// What stood before the end of the stream.
    fn last(&mut self) -> Frame {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let rest = std::mem::take(&mut self.buffer);
        self.searched = 0;
        match state {
            State::Reading => self.whole(rest).unwrap_or(Frame::End),
            State::Discarding | State::Ended => Frame::End,
        }
    }

    /// The frame of one line without its `\n`; `None` for an empty one.
    fn whole(&self, mut line: BytesMut) -> Option<Frame> {
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > self.cap {
            return Some(Frame::TooLong);
        }
        (!line.is_empty()).then(|| Frame::Line(line.freeze()))
    }
}

/// Why a [`LineWriter`] gave up.
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

/// The one writer of a stream: writes messages as one line each, in order.
///
/// It takes them from a bounded queue, and from its owner directly. Everything that is at hand goes out in one write (up
/// to 64 KiB; a larger message goes by itself), so that an answer never leaves in two small pieces.
#[derive(Debug)]
pub(crate) struct LineWriter<W> {
    output: W,
    queue: mpsc::Receiver<Bytes>,
    /// How many messages may wait here.
    room: usize,
    /// Messages that are not on their way yet.
    waiting: VecDeque<Bytes>,
    /// Whole lines on their way; what has left is cut off.
    block: BytesMut,
    /// A message on its way behind `block`, without its line break.
    large: Bytes,
    is_flushed: bool,
    stall: Stall,
}

impl<W: AsyncWrite + Unpin> LineWriter<W> {
    /// A writer that gives up when `output` takes nothing for `stall`, and takes messages from `queue` while fewer than
    /// `room` wait.
    pub(crate) fn new(output: W, queue: mpsc::Receiver<Bytes>, room: NonZeroUsize, stall: Duration) -> Self {
        Self {
            output,
            queue,
            room: room.get(),
            waiting: VecDeque::new(),
            block: BytesMut::with_capacity(BLOCK),
            large: Bytes::new(),
            is_flushed: true,
            stall: Stall::new(stall),
        }
    }

    /// Adds a message; it leaves in [`run`](Self::run), and may overtake what is in the queue.
    pub(crate) fn push(&mut self, message: Bytes) {
        self.waiting.push_back(message);
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
    pub(crate) async fn run(&mut self) -> Result<(), WriteFault> {
        poll_fn(|cx| self.poll_run(cx)).await
    }

    /// Writes until it fails, and, if there is no room, until there is.
    ///
    /// # Errors
    /// [`WriteFault`]; the stream is of no more use then.
    ///
    /// # Cancel safety
    /// Safe: what was not written is written by the next call.
    pub(crate) async fn write(&mut self) -> Result<(), WriteFault> {
        let had_room = self.has_room();
        poll_fn(|cx| match self.poll_run(cx) {
            Poll::Pending if !had_room && self.has_room() => Poll::Ready(Ok(())),
            outcome => outcome,
        })
        .await
    }

    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteFault>> {
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
                self.block.extend_from_slice(b"\n");
            }
        }
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
        // Takes back what was cut off at the front.
        self.block.reserve(BLOCK);
        if self.block.capacity() > 2 * BLOCK {
            self.block = BytesMut::with_capacity(BLOCK);
        }
        while let Some(message) = self.waiting.front() {
            if !self.block.is_empty() && self.block.len() + message.len() >= BLOCK {
                return;
            }
            let Some(message) = self.waiting.pop_front() else { return };
            if message.len() < BLOCK || memchr2(b'\n', b'\r', &message).is_some() {
                append(&mut self.block, &message);
                self.block.extend_from_slice(b"\n");
            } else {
                self.large = message;
                return;
            }
        }
    }
}

/// Adds a message, with a space for each line break.
///
/// Inside JSON a raw line break can only be white space between tokens, so the message stays the same; and whatever
/// else it might be, it cannot begin a second line.
fn append(block: &mut BytesMut, message: &[u8]) {
    let start = block.len();
    block.extend_from_slice(message);
    let mut rest = block.get_mut(start..).unwrap_or_default();
    while let Some(at) = memchr2(b'\n', b'\r', rest) {
        let Some((found, after)) = rest.get_mut(at..).and_then(<[u8]>::split_first_mut) else { return };
        *found = b' ';
        rest = after;
    }
}

/// Bytes of one read or one coalesced write: what a pipe holds at once.
const BLOCK: usize = 64 * 1024;

/// Below this much free room the reader gets a new block.
const LEAST_ROOM: usize = 4 * 1024;
