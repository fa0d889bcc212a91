//! Messages out of frames: whole texts that are UTF-8, bounded while they arrive.
//!
//! It never looks into a message and never writes. What a peer has announced reserves nothing: room grows with what has
//! arrived, and beyond the first 64 KiB it is taken from what all large bodies share.

use std::{
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use mocopr_security::principal::Principal;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::Instant,
};

use super::frame::{self, Fail, Head, Kind};
use crate::transport::http::read_body::{BodyBounds, Held, LEAP};

/// What came out of the frames.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// One message.
    Message(Bytes),
    /// To be answered with the same bytes.
    Ping(Bytes),
    /// The peer closes, with this code where it gave one.
    Close(Option<u16>),
    /// The peer is gone without a word.
    Gone,
    /// The connection must be ended.
    Failed(Fail),
}

/// Reads messages.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    input: R,
    /// Bytes that were read and not taken.
    buffer: BytesMut,
    /// The frames of a message that is not whole.
    parts: BytesMut,
    /// How many bytes of these are whole characters.
    checked: usize,
    /// A message has begun whose last frame is not there.
    is_open: bool,
    cap: usize,
    held: Held,
    /// Since when a frame or message waits for its rest.
    waits: Option<Instant>,
    /// Something has been read since this was last asked.
    has_read: bool,
    is_over: bool,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads messages of `who`, within these bounds. `buffer` is what was read already.
    pub(crate) fn new(input: R, buffer: Bytes, bounds: Arc<BodyBounds>, who: Principal) -> Self {
        Self {
            input,
            buffer: BytesMut::from(&*buffer),
            parts: BytesMut::new(),
            checked: 0,
            is_open: false,
            cap: bounds.cap(),
            held: Held::nothing(bounds, who),
            waits: None,
            has_read: false,
            is_over: false,
        }
    }

    /// The next event; after [`Event::Close`], [`Event::Gone`] and [`Event::Failed`] there is none but [`Event::Gone`].
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Some(event) = self.at_hand() {
                return Poll::Ready(event);
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) | Err(_) => {
                    self.is_over = true;
                    return Poll::Ready(Event::Gone);
                }
                Ok(_) => self.has_read = true,
            }
        }
    }

    /// The next event if the bytes at hand hold it.
    pub(crate) fn at_hand(&mut self) -> Option<Event> {
        if self.is_over {
            return Some(Event::Gone);
        }
        let event = self.take().unwrap_or_else(|fail| Some(Event::Failed(fail)));
        if matches!(event, Some(Event::Close(_) | Event::Failed(_))) {
            self.is_over = true;
            self.buffer = BytesMut::new();
            self.parts = BytesMut::new();
        }
        event
    }

    /// Since when something unfinished waits for its rest.
    pub(crate) fn waits(&self) -> Option<Instant> {
        self.waits
    }

    /// Whether something was read since this was last asked.
    pub(crate) fn has_read(&mut self) -> bool {
        std::mem::take(&mut self.has_read)
    }

    /// Takes frames until one of them makes an event.
    fn take(&mut self) -> Result<Option<Event>, Fail> {
        loop {
            let left = self.cap - self.parts.len();
            let head = frame::head(&self.buffer, self.is_open, left)?;
            let Some(head) = head.filter(|head| self.buffer.len() - head.len >= head.payload) else {
                return self.unfinished(head).map(|()| None);
            };
            let mut payload = self.buffer.split_to(head.len + head.payload).split_off(head.len);
            frame::unmask(&mut payload, head.mask);
            if head.payload > BLOCK {
                // Else the large block would stay for as long as the connection.
                self.buffer = BytesMut::from(&*self.buffer);
            }
            match head.kind {
                Kind::Ping => return Ok(Some(Event::Ping(payload.freeze()))),
                Kind::Pong => {}
                Kind::Close => return frame::close_code(&payload).map(|code| Some(Event::Close(code))),
                Kind::Text if head.is_final => {
                    std::str::from_utf8(&payload).map_err(|_| Fail::Text)?;
                    return Ok(Some(self.whole(payload.freeze())));
                }
                Kind::Text | Kind::Continuation => {
                    self.is_open = !head.is_final;
                    self.held.grow(self.parts.len() + payload.len()).map_err(|_| Fail::Busy)?;
                    self.parts.extend_from_slice(&payload);
                    self.check()?;
                    if head.is_final {
                        // A character whose rest does not come.
                        if self.checked < self.parts.len() {
                            return Err(Fail::Text);
                        }
                        self.checked = 0;
                        let parts = std::mem::take(&mut self.parts).freeze();
                        return Ok(Some(self.whole(parts)));
                    }
                    self.waits.get_or_insert_with(Instant::now);
                }
            }
        }
    }

    /// A message that is whole, and text.
    fn whole(&mut self, message: Bytes) -> Event {
        self.waits = None;
        self.held.shrink();
        Event::Message(message)
    }

    /// Looks at what has come of a message in several frames: what can be no text any longer is not waited for. A
    /// character may be split between two frames.
    ///
    /// # Source
    /// RFC 6455, section 8.1.
    fn check(&mut self) -> Result<(), Fail> {
        let unchecked = self.parts.get(self.checked..).unwrap_or_default();
        match std::str::from_utf8(unchecked) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Fail::Text),
        }
        Ok(())
    }

    /// Makes room for the rest of a frame whose head may be known.
    fn unfinished(&mut self, head: Option<Head>) -> Result<(), Fail> {
        if self.buffer.is_empty() {
            if !self.is_open {
                self.waits = None;
            }
            return Ok(());
        }
        self.waits.get_or_insert_with(Instant::now);
        let Some(head) = head else { return Ok(()) };
        let whole = head.len + head.payload;
        let came = self.buffer.len();
        self.held.grow(self.parts.len() + whole.min(came.saturating_mul(2).max(BLOCK))).map_err(|_| Fail::Busy)?;
        if self.buffer.capacity() - came < LEAST_ROOM {
            self.buffer.reserve(whole.min(came.saturating_mul(LEAP).max(BLOCK)).saturating_sub(came));
        }
        Ok(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // A block that nobody holds is used again.
        if self.buffer.capacity() - self.buffer.len() < LEAST_ROOM {
            self.buffer.reserve(BLOCK);
        }
        // What such a read has waited for is not in it, so it can be given up at each poll.
        pin!(self.input.read_buf(&mut self.buffer)).as_mut().poll(cx)
    }
}

/// Bytes of one read; what is kept by a connection that says nothing.
const BLOCK: usize = 8 * 1024;

/// Below this much free room there is a new block.
const LEAST_ROOM: usize = 512;
