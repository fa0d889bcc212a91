//! One keep-alive connection of a client that sends bytes made beforehand and reads whole answers. It knows of HTTP
//! only what the servers of the comparison answer with, and must stay cheap: what it costs is taken from the server's
//! share of wall time.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;

use crate::{awake::Awake, door::Door};

/// One connection, with at most one request on the way.
#[derive(Debug)]
pub struct Connection<S = Awake> {
    door: Door,
    stream: S,
    /// What has arrived and is not read yet is `start..end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The body of the last answer that came in chunks.
    joined: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Its head.
    pub head: Head,
    /// Its whole body, without the framing of chunks.
    pub body: &'a [u8],
}

/// The head of an answer, as far as a client of MCP needs it.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The session that the answer opens.
    pub session: Option<String>,
    /// Whether the body is an event stream.
    pub events: bool,
    framing: Framing,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Length(usize),
    Chunks,
}

impl Connection {
    /// Connects, without delaying small writes.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn open(door: &Door) -> Result<Self> {
        Ok(Self::over(dial(door)?, door))
    }
}

/// A TCP connection that does not delay small writes, and waits without sleeping.
///
/// # Errors
/// Nobody listens there.
pub fn dial(door: &Door) -> Result<Awake> {
    let stream = TcpStream::connect(door.address).context("connecting")?;
    stream.set_nodelay(true)?;
    Awake::new(stream).context("connecting")
}

impl<S: Read + Write> Connection<S> {
    /// Speaks on a stream that is open.
    pub fn over(stream: S, door: &Door) -> Self {
        Self { door: door.clone(), stream, buffer: vec![0; 16 * 1024], start: 0, end: 0, joined: Vec::new() }
    }

    /// How the server at its other end is reached.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The server closed the connection, or did not read for ten seconds.
    pub fn send(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).context("sending")
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// The connection ends before the answer does, nothing came for ten seconds, or it is not HTTP as it is known here.
    pub fn receive(&mut self) -> Result<Answer<'_>> {
        let head = self.receive_head()?;
        let body = match head.framing {
            Framing::Length(length) => {
                while self.end - self.start < length {
                    self.fill()?;
                }
                let body = self.start..self.start + length;
                self.start += length;
                self.buffer.get(body).unwrap_or_default()
            }
            Framing::Chunks => {
                self.joined.clear();
                while self.receive_chunk()? {}
                &self.joined
            }
        };
        Ok(Answer { head, body })
    }

    /// Waits for the head and the first chunk of an event stream that stays open.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_first_event(&mut self) -> Result<Answer<'_>> {
        let head = self.receive_head()?;
        self.joined.clear();
        ensure!(matches!(head.framing, Framing::Chunks) && self.receive_chunk()?, "no open event stream: {head:?}");
        Ok(Answer { head, body: &self.joined })
    }

    fn receive_head(&mut self) -> Result<Head> {
        let length = loop {
            if let Some(at) = memmem::find(self.waiting(), b"\r\n\r\n") {
                break at + 4;
            }
            self.fill()?;
        };
        let head = Head::read(self.waiting().get(..length).unwrap_or_default())?;
        self.start += length;
        Ok(head)
    }

    /// Moves one chunk to `joined`; the last one, which is empty, answers `false`.
    fn receive_chunk(&mut self) -> Result<bool> {
        let line = loop {
            if let Some(at) = memmem::find(self.waiting(), b"\r\n") {
                break at;
            }
            self.fill()?;
        };
        let size = std::str::from_utf8(self.waiting().get(..line).unwrap_or_default())?;
        let size =
            usize::from_str_radix(size.trim(), 16).with_context(|| format!("{size:?} as the size of a chunk"))?;
        let whole = line + 2 + size + 2;
        while self.end - self.start < whole {
            self.fill()?;
        }
        let chunk = self.start + line + 2;
        self.joined.extend_from_slice(self.buffer.get(chunk..chunk + size).unwrap_or_default());
        self.start += whole;
        Ok(size > 0)
    }

    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn fill(&mut self) -> Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        let read = self.stream.read(self.buffer.get_mut(self.end..).unwrap_or_default()).context("receiving")?;
        ensure!(read > 0, "the server closed the connection");
        self.end += read;
        Ok(())
    }
}

impl Head {
    fn read(head: &[u8]) -> Result<Self> {
        let head = std::str::from_utf8(head)?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
        let mut read = Self { status, session: None, events: false, framing: Framing::Length(0) };
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                read.framing = Framing::Length(value.parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                ensure!(value.eq_ignore_ascii_case("chunked"), "transfer-encoding: {value}");
                read.framing = Framing::Chunks;
            } else if name.eq_ignore_ascii_case("content-type") {
                read.events = value.starts_with("text/event-stream");
            } else if name.eq_ignore_ascii_case("mcp-session-id") {
                read.session = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
                bail!("the server does not keep the connection: status {status}");
            }
        }
        Ok(read)
    }
}
