//! Newline-delimited frames over any byte stream: standard streams and in-process pipes.
//!
//! Owns the cap on one line while it is read, and how messages become lines. It never looks into a frame, never keeps
//! more of a line than the cap allows, and never lets one message look like two.

use std::{
    io,
    pin::pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tracing::debug;

use super::{
    connection::{Carrier, Heard, Parting},
    writer::{Form, Writer},
};

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
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn next(&mut self) -> io::Result<Frame> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Frame>> {
        loop {
            if let Some(frame) = self.at_hand() {
                return Poll::Ready(Ok(frame));
            }
            if self.state == State::Ended {
                return Poll::Ready(Ok(Frame::End));
            }
            // A read into less room than this costs a system call for little; a block that nobody holds is reused.
            if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM {
                self.buffer.reserve(BLOCK);
            }
            // What such a read has waited for is not in it, so it can be given up at each poll.
            let read = pin!(self.input.read_buf(&mut self.buffer)).as_mut().poll(cx);
            match ready!(read) {
                Ok(0) => return Poll::Ready(Ok(self.last())),
                Ok(_) => {}
                Err(error) => {
                    self.state = State::Ended;
                    self.buffer.clear();
                    return Poll::Ready(Err(error));
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

/// Messages as lines, both ways.
#[derive(Debug)]
pub(crate) struct Lines<R, W> {
    pub(crate) reader: LineReader<R>,
    pub(crate) writer: LineWriter<W>,
}

impl<R: AsyncRead + Send + Unpin, W: AsyncWrite + Send + Unpin> Carrier for Lines<R, W> {
    type Output = W;
    type Form = AsLine;

    fn writer(&mut self) -> &mut Writer<W, AsLine> {
        &mut self.writer
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        self.reader.poll_next(cx).map(|frame| {
            frame.map_or_else(
                |error| {
                    debug!(%error, "the input of a stream of messages failed");
                    Heard::End
                },
                heard,
            )
        })
    }

    fn at_hand(&mut self) -> Option<Heard> {
        self.reader.at_hand().map(heard)
    }

    /// A stream of lines has no word for why it ends.
    async fn part(self, _: Parting) {}
}

fn heard(frame: Frame) -> Heard {
    match frame {
        Frame::Line(line) => Heard::Message(line),
        Frame::TooLong => Heard::TooLong,
        Frame::End => Heard::End,
    }
}

/// The one writer of a stream of lines.
pub(crate) type LineWriter<W> = Writer<W, AsLine>;

/// A message and a line break.
#[derive(Debug)]
pub(crate) struct AsLine;

impl Form for AsLine {
    const BLOCK: usize = BLOCK;

    fn append(block: &mut BytesMut, message: &[u8]) {
        append(block, message);
        Self::end(block);
    }

    fn begin(_: &mut BytesMut, message: &[u8]) -> bool {
        memchr2(b'\n', b'\r', message).is_none()
    }

    fn end(block: &mut BytesMut) {
        block.extend_from_slice(b"\n");
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
