//! WebSocket, as a client speaks it that has one call on the way.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;

use super::{Link, inbox::Inbox};
use crate::{door::Door, wire::Request};

/// An open WebSocket.
#[derive(Debug)]
pub struct WebSocket<S> {
    stream: S,
    inbox: Inbox,
    request: Request,
    /// The frame that is sent, made anew in the same place.
    frame: Vec<u8>,
}

impl<S: Read + Write> WebSocket<S> {
    /// Opens one at `/ws`.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn open(mut stream: S, door: &Door, request: Request) -> Result<Self> {
        let upgrade = format!(
            "GET /ws HTTP/1.1\r\n{}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mcp\r\n\r\n",
            door.headers()
        );
        stream.write_all(upgrade.as_bytes())?;
        let (mut inbox, mut length) = (Inbox::new(), 4);
        // Nothing follows the head before something is asked.
        while memmem::find(inbox.peek(&mut stream, length)?, b"\r\n\r\n").is_none() {
            length += 1;
        }
        let head = String::from_utf8_lossy(inbox.peek(&mut stream, length)?).into_owned();
        ensure!(head.starts_with("HTTP/1.1 101 "), "no WebSocket: {head}");
        inbox.take(length);
        Ok(Self { stream, inbox, request, frame: Vec::new() })
    }
}

impl<S: Read + Write> Link for WebSocket<S> {
    fn ask(&mut self, id: u32) -> Result<()> {
        let text = self.request.with_id(id);
        self.frame.clear();
        self.frame.push(TEXT);
        match text.len() {
            short @ 0..126 => self.frame.push(MASKED | u8::try_from(short)?),
            medium => {
                self.frame.push(MASKED | 126);
                self.frame.extend(u16::try_from(medium).context("a longer message")?.to_be_bytes());
            }
        }
        self.frame.extend(MASK);
        self.frame.extend(text.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&self.frame).context("sending")
    }

    fn answered(&mut self, id: u32) -> Result<()> {
        loop {
            let &[first, second] = self.inbox.peek(&mut self.stream, 2)? else { bail!("no head of a frame") };
            let (head, length) = match second {
                126 => {
                    let &[_, _, high, low] = self.inbox.peek(&mut self.stream, 4)? else { bail!("no length") };
                    (4, usize::from(u16::from_be_bytes([high, low])))
                }
                short @ 0..126 => (2, usize::from(short)),
                _ => bail!("a frame that is masked, or very long"),
            };
            let frame = self.inbox.peek(&mut self.stream, head + length)?;
            let payload = frame.get(head..).unwrap_or_default();
            let checked = match first {
                TEXT => Some(self.request.check(id, payload)),
                PING => None,
                other => bail!("a frame of another kind: {other:#x}"),
            };
            self.inbox.take(head + length);
            if let Some(checked) = checked {
                return checked;
            }
        }
    }
}

/// The only frame of a text.
const TEXT: u8 = 0x81;
/// What a server wants to know whether anybody is there with; a run is shorter than it would wait for the answer.
const PING: u8 = 0x89;
const MASKED: u8 = 0x80;
/// A mask that changes every byte.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
