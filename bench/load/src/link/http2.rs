//! HTTP/2, as a client speaks it that has one request on the way: the fields of the first request go into the server's
//! table, and each further one is a byte a field (RFC 7541), as with every client that asks the same again.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;

use super::{Link, inbox::Inbox};
use crate::wire::{FIRST_ID, Request};

/// A connection of HTTP/2.
#[derive(Debug)]
pub struct Http2<S> {
    stream: S,
    inbox: Inbox,
    request: Request,
    /// Where the body begins in the request as HTTP/1.1.
    body_at: usize,
    /// The fields of the next request, and of all that follow it.
    fields: Vec<u8>,
    later_fields: Vec<u8>,
    number: u32,
    /// What is sent at once, made anew in the same place.
    frames: Vec<u8>,
    body: Vec<u8>,
}

impl<S: Read + Write> Http2<S> {
    /// Begins to speak it. `request` is written for HTTP/1.1.
    ///
    /// # Errors
    /// The server does not read, or the request is none.
    pub fn open(mut stream: S, mut request: Request) -> Result<Self> {
        let bytes = request.with_id(FIRST_ID);
        let body_at = memmem::find(bytes, b"\r\n\r\n").context("a request without a head")? + 4;
        let head = std::str::from_utf8(bytes.get(..body_at).unwrap_or_default())?;
        let (fields, later_fields) = fields(head)?;
        let mut opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // Answers of one stream, and of all of them, have more room than a run fills.
        frame(&mut opening, SETTINGS, 0, 0, &[&[0, 4][..], &WINDOW.to_be_bytes()].concat())?;
        frame(&mut opening, WINDOW_UPDATE, 0, 0, &(WINDOW - 65_535).to_be_bytes())?;
        stream.write_all(&opening).context("sending")?;
        let (inbox, frames, body) = (Inbox::new(), Vec::new(), Vec::new());
        Ok(Self { stream, inbox, request, body_at, fields, later_fields, number: 1, frames, body })
    }
}

impl<S: Read + Write> Link for Http2<S> {
    fn ask(&mut self, id: u32) -> Result<()> {
        self.frames.clear();
        frame(&mut self.frames, HEADERS, END_HEADERS, self.number, &self.fields)?;
        let body = self.request.with_id(id).get(self.body_at..).unwrap_or_default();
        frame(&mut self.frames, DATA, END_STREAM, self.number, body)?;
        self.fields.clone_from(&self.later_fields);
        self.stream.write_all(&self.frames).context("sending")
    }

    fn answered(&mut self, id: u32) -> Result<()> {
        self.body.clear();
        loop {
            let &[a, b, c, kind, flags, d, e, f, g] = self.inbox.peek(&mut self.stream, 9)? else { bail!("no head") };
            let length = usize::try_from(u32::from_be_bytes([0, a, b, c]))?;
            let stream = u32::from_be_bytes([d, e, f, g]);
            let whole = self.inbox.peek(&mut self.stream, 9 + length)?;
            let payload = whole.get(9..).unwrap_or_default();
            match kind {
                DATA => self.body.extend_from_slice(payload),
                HEADERS => {
                    ensure!(payload.contains(&STATUS_200), "another status than 200");
                    ensure!(flags & END_HEADERS != 0, "a head in pieces");
                }
                SETTINGS if flags & ACK == 0 => {
                    let mut settled = Vec::new();
                    frame(&mut settled, SETTINGS, ACK, 0, &[])?;
                    self.stream.write_all(&settled).context("sending")?;
                }
                PING if flags & ACK == 0 => {
                    let mut pong = Vec::new();
                    frame(&mut pong, PING, ACK, 0, payload)?;
                    self.stream.write_all(&pong).context("sending")?;
                }
                SETTINGS | PING | WINDOW_UPDATE => {}
                other => bail!("a frame of another kind: {other}"),
            }
            self.inbox.take(9 + length);
            if stream == self.number && flags & END_STREAM != 0 && (kind == DATA || kind == HEADERS) {
                self.number += 2;
                return self.request.check(id, &self.body);
            }
        }
    }
}

/// The fields of a head of HTTP/1.1 as literals that the server keeps, and as names of what it keeps.
fn fields(head: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut lines = head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).context("no target")?.to_owned();
    let mut fields = vec![(":path".to_owned(), path)];
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').context("no field")?;
        let name = match &*name.to_ascii_lowercase() {
            // The end of the stream says as much.
            "content-length" => continue,
            "host" => ":authority".to_owned(),
            name => name.to_owned(),
        };
        fields.push((name, value.trim().to_owned()));
    }
    // What begins with a colon comes first.
    fields.sort_by_key(|(name, _)| !name.starts_with(':'));
    let (mut first, mut later) = (METHOD_AND_SCHEME.to_vec(), METHOD_AND_SCHEME.to_vec());
    for (at, (name, value)) in fields.iter().enumerate() {
        first.push(KEEP);
        text(&mut first, name)?;
        text(&mut first, value)?;
        // The last one that was kept is the first behind the 61 that everybody knows.
        later.push(INDEXED | u8::try_from(FIRST_KEPT + fields.len() - 1 - at)?);
    }
    Ok((first, later))
}

/// A text as it is, behind its length.
fn text(into: &mut Vec<u8>, text: &str) -> Result<()> {
    let mut rest = text.len();
    if rest < 127 {
        into.push(u8::try_from(rest)?);
    } else {
        into.push(127);
        rest -= 127;
        while rest >= 128 {
            into.push(u8::try_from(rest % 128)? | 128);
            rest /= 128;
        }
        into.push(u8::try_from(rest)?);
    }
    into.extend(text.as_bytes());
    Ok(())
}

fn frame(into: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<()> {
    let [_, a, b, c] = u32::try_from(payload.len())?.to_be_bytes();
    into.extend([a, b, c, kind, flags]);
    into.extend(stream.to_be_bytes());
    into.extend(payload);
    Ok(())
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
/// The largest that there is.
const WINDOW: u32 = (1 << 31) - 1;
/// `:method: POST` and `:scheme: https`, which everybody knows.
const METHOD_AND_SCHEME: [u8; 2] = [0x83, 0x87];
const STATUS_200: u8 = 0x88;
/// A literal with a name of its own, to be kept.
const KEEP: u8 = 0x40;
const INDEXED: u8 = 0x80;
const FIRST_KEPT: usize = 62;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_request_names_what_the_first_one_left() {
        let (first, later) = fields("POST /mcp HTTP/1.1\r\nAccept: a\r\nHost: h\r\nContent-Length: 3\r\n\r\n").unwrap();
        let literals = b"\x83\x87\x40\x05:path\x04/mcp\x40\x0a:authority\x01h\x40\x06accept\x01a";
        assert_eq!(first, literals);
        assert_eq!(later, [0x83, 0x87, 0x80 | 64, 0x80 | 63, 0x80 | 62]);
    }

    #[test]
    fn a_long_text_has_a_length_of_several_bytes() {
        let mut bytes = Vec::new();
        text(&mut bytes, &"x".repeat(300)).unwrap();
        assert_eq!(bytes.get(..3).unwrap(), [127, 173, 1]);
        assert_eq!(bytes.len(), 303);
    }
}
