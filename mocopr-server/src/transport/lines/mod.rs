//! Newline-delimited frames over any byte stream: standard streams and in-process pipes.
//!
//! Owns the cap on one line while it is read, and the one ordered writer. It never looks into a frame, never keeps
//! more of a line than the cap allows, and never lets one message look like two.

use std::{fmt, io, time::Duration};

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
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
    pub(crate) async fn next(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.buffered() {
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

    /// A frame from the bytes at hand.
    fn buffered(&mut self) -> Option<Frame> {
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

impl std::error::Error for WriteFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Stalled => None,
            Self::Lost(error) => Some(error),
        }
    }
}

/// The one writer of a stream: takes messages from a bounded queue and writes each as one line, in order.
///
/// Everything that is queued goes out in one write (up to 64 KiB; a larger message goes by itself), so that an answer
/// never leaves in two small pieces.
#[derive(Debug)]
pub(crate) struct LineWriter<W> {
    output: W,
    queue: mpsc::Receiver<Bytes>,
    stall: Duration,
}

impl<W: AsyncWrite + Unpin> LineWriter<W> {
    /// A writer that gives up when `output` takes nothing for `stall`.
    pub(crate) fn new(output: W, queue: mpsc::Receiver<Bytes>, stall: Duration) -> Self {
        Self { output, queue, stall }
    }

    /// Writes until every sender is gone and everything that they queued is flushed.
    ///
    /// # Errors
    /// [`WriteFault`]; the queue is closed then, so that senders learn it at once.
    ///
    /// # Cancel safety
    /// Not safe: a line may have gone out in part. Drop it only together with the stream.
    pub(crate) async fn run(mut self) -> Result<(), WriteFault> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut block = BytesMut::with_capacity(BLOCK);
        while self.queue.recv_many(&mut batch, BATCH).await > 0 {
            for message in batch.drain(..) {
                if !block.is_empty() && block.len() + message.len() >= BLOCK {
                    self.write(&block).await?;
                    block.clear();
                }
                if message.len() < BLOCK || memchr2(b'\n', b'\r', &message).is_some() {
                    append(&mut block, &message);
                } else {
                    self.write(&message).await?;
                }
                block.extend_from_slice(b"\n");
            }
            self.write(&block).await?;
            block.clear();
            if block.capacity() > 2 * BLOCK {
                block = BytesMut::with_capacity(BLOCK);
            }
            timeout(self.stall, self.output.flush())
                .await
                .map_err(|_| WriteFault::Stalled)?
                .map_err(WriteFault::Lost)?;
        }
        Ok(())
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), WriteFault> {
        while !bytes.is_empty() {
            // The timer is only registered when the write has to wait.
            let written = timeout(self.stall, self.output.write(bytes))
                .await
                .map_err(|_| WriteFault::Stalled)?
                .map_err(WriteFault::Lost)?;
            if written == 0 {
                return Err(WriteFault::Lost(io::ErrorKind::WriteZero.into()));
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
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

/// Messages taken from the queue at once.
const BATCH: usize = 256;
