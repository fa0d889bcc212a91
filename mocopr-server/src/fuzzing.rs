//! For fuzz targets: framing and headers, which no public type shows.
//!
//! Behind the feature `testing`, and no API. Decides nothing: each function hands bytes to the code that serves them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

use crate::transport::lines::{Frame, LineReader};

/// The lines of a stream that arrives in these chunks, each of at most `cap` bytes; `None` stands for a longer one.
///
/// # Errors
/// What the stream reports; a stream of chunks reports nothing.
pub async fn lines(chunks: &[&[u8]], cap: usize) -> io::Result<Vec<Option<Bytes>>> {
    let mut reader = LineReader::new(Chunks { chunk: &[], behind: chunks.iter() }, cap);
    let mut found = Vec::new();
    loop {
        match reader.next().await? {
            Frame::Line(line) => found.push(Some(line)),
            Frame::TooLong => found.push(None),
            Frame::End => return Ok(found),
        }
    }
}

/// The text of a mirrored header; `None` where the header must not be taken for one.
pub fn mirrored(value: &http::HeaderValue) -> Option<String> {
    crate::transport::mirror::decode(value).map(|text| text.as_str().to_owned())
}

/// One event of a stream, as it is written.
#[cfg(feature = "http")]
pub fn event(id: Option<&str>, retry: Option<std::time::Duration>, data: &[u8]) -> Bytes {
    crate::transport::http::sse::event(id, retry, data)
}

/// What a client's frames are.
#[cfg(feature = "http")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameEvent {
    /// A text that is whole.
    Message(Bytes),
    /// A ping, and what it carries.
    Ping(Bytes),
    /// The client closes, with this code where it gave one.
    Close(Option<u16>),
    /// The server must end the connection with this code.
    Failed(u16),
}

/// What comes out of the bytes of a WebSocket that arrive in these chunks, of which each message has at most `cap`
/// bytes.
#[cfg(feature = "http")]
pub async fn frames(chunks: &[&[u8]], cap: usize) -> Vec<FrameEvent> {
    use std::{future::poll_fn, sync::Arc, time::Duration};

    use mocopr_security::principal::Principal;

    use crate::transport::{
        http::read_body::BodyBounds,
        websocket::{Event, FrameReader},
    };

    let bounds = Arc::new(BodyBounds::new(cap, Duration::from_secs(1), 1 << 20));
    let input = Chunks { chunk: &[], behind: chunks.iter() };
    let mut reader = FrameReader::new(input, Bytes::new(), bounds, Principal::named("fuzzer"));
    let mut found = Vec::new();
    loop {
        found.push(match poll_fn(|cx| reader.poll_next(cx)).await {
            Event::Message(text) => FrameEvent::Message(text),
            Event::Ping(payload) => FrameEvent::Ping(payload),
            Event::Close(code) => FrameEvent::Close(code),
            Event::Failed(fail) => FrameEvent::Failed(fail.code()),
            Event::Gone => return found,
        });
    }
}

/// A stream that hands out at most one chunk at each read.
struct Chunks<'a> {
    chunk: &'a [u8],
    behind: std::slice::Iter<'a, &'a [u8]>,
}

impl AsyncRead for Chunks<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.chunk.is_empty() {
            let Some(next) = self.behind.next() else { return Poll::Ready(Ok(())) };
            self.chunk = next;
        }
        let (now, rest) = self.chunk.split_at(self.chunk.len().min(into.remaining()));
        into.put_slice(now);
        self.chunk = rest;
        Poll::Ready(Ok(()))
    }
}
