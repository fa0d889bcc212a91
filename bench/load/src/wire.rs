//! Requests as a client of each revision sends them, made once: only the id changes from one to the next.

use std::cell::Cell;

use anyhow::{Result, ensure};
use memchr::memmem;

use crate::{door::Door, http::Answer};

/// The revisions that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// 2026-07-28: every request says everything.
    Modern,
    /// 2025-11-25: a handshake, and a session where the server opens one.
    Stateful,
}

/// What the client asks to be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// JSON first, as most clients write it.
    Json,
    /// An event stream first.
    Events,
}

/// What is asked, and what its answer must contain.
#[derive(Clone, Debug)]
pub struct Question {
    method: &'static str,
    name: Option<&'static str>,
    /// The members of `params` but `_meta`.
    params: String,
    expected: Vec<u8>,
}

/// A request with a place for its id.
#[derive(Clone, Debug)]
pub struct Request {
    bytes: Vec<u8>,
    id_at: usize,
    expected: Vec<u8>,
    /// Where the last answer had what is expected. The next one has it there too, and to look there first is far
    /// cheaper than to search for a megabyte in a megabyte.
    expected_at: Cell<usize>,
}

impl Question {
    /// `echo` of a text of so many bytes: letters, with a line break after each 79 where it is longer than a line.
    pub fn echo(bytes: usize) -> Self {
        // Encoded, a line break is two bytes of JSON and one of text.
        let letters = "The quick brown fox jumps over the lazy dog and runs back to where it began its way";
        let mut text = String::with_capacity(bytes + bytes / 40);
        for (at, letter) in letters.chars().cycle().take(bytes).enumerate() {
            if at % 80 == 79 {
                text.push_str("\\n");
            } else {
                text.push(letter);
            }
        }
        let expected = text.clone().into_bytes();
        Self::call("echo", &format!(r#"{{"text":"{text}"}}"#), expected)
    }

    /// `add`, whose answer must be structured.
    pub fn add() -> Self {
        Self::call("add", r#"{"a":20,"b":22}"#, br#""structuredContent":{"sum":42}"#.to_vec())
    }

    /// `blob`: an answer of so many bytes.
    pub fn blob(bytes: usize) -> Self {
        Self::call("blob", &format!(r#"{{"bytes":{bytes}}}"#), vec![b'x'; bytes])
    }

    /// `tools/list` of a server with a hundred tools beyond its own.
    pub fn list() -> Self {
        let expected = br#""tool_099""#.to_vec();
        Self { method: "tools/list", name: None, params: String::new(), expected }
    }

    /// A listen stream for changes of the tools; its first event must acknowledge it.
    pub fn listen() -> Self {
        let params = r#""notifications":{"toolsListChanged":true}"#.to_owned();
        let expected = b"notifications/subscriptions/acknowledged".to_vec();
        Self { method: "subscriptions/listen", name: None, params, expected }
    }

    fn call(name: &'static str, arguments: &str, expected: Vec<u8>) -> Self {
        let params = format!(r#""name":"{name}","arguments":{arguments}"#);
        Self { method: "tools/call", name: Some(name), params, expected }
    }

    /// The request, as HTTP to this server. `session` is what the handshake answered.
    pub fn over_http(&self, door: &Door, revision: Revision, accept: Accept, session: Option<&str>) -> Request {
        let body = self.body(revision);
        let mut headers = String::new();
        match revision {
            Revision::Modern => {
                headers.push_str(&format!("MCP-Protocol-Version: {MODERN}\r\nMcp-Method: {}\r\n", self.method));
                if let Some(name) = self.name {
                    headers.push_str(&format!("Mcp-Name: {name}\r\n"));
                }
            }
            Revision::Stateful => headers.push_str(&format!("MCP-Protocol-Version: {STATEFUL}\r\n")),
        }
        if let Some(session) = session {
            headers.push_str(&format!("Mcp-Session-Id: {session}\r\n"));
        }
        Request::new(post(door, &headers, accept, &body), &self.expected)
    }

    /// The request, as one line of a standard stream.
    pub fn over_stdio(&self, revision: Revision) -> Request {
        Request::new(format!("{}\n", self.body(revision)), &self.expected)
    }

    fn body(&self, revision: Revision) -> String {
        let meta = match revision {
            Revision::Modern => META,
            Revision::Stateful => "",
        };
        let between = if meta.is_empty() || self.params.is_empty() { "" } else { "," };
        let Self { method, params, .. } = self;
        format!(r#"{{"jsonrpc":"2.0","id":{PLACE},"method":"{method}","params":{{{params}{between}{meta}}}}}"#)
    }
}

impl Request {
    fn new(text: String, expected: &[u8]) -> Self {
        let bytes = text.into_bytes();
        let id_at = memmem::find(&bytes, PLACE.as_bytes()).unwrap_or_default();
        Self { bytes, id_at, expected: expected.to_vec(), expected_at: Cell::new(0) }
    }

    /// The bytes to send, with this id: a number of nine digits.
    pub fn with_id(&mut self, id: u32) -> &[u8] {
        if let Some(place) = self.bytes.get_mut(self.id_at..self.id_at + PLACE.len()) {
            place.copy_from_slice(&digits(id));
        }
        &self.bytes
    }

    /// Whether an answer is the expected one for this id.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, id: u32, body: &[u8]) -> Result<()> {
        let as_text = || String::from_utf8_lossy(body.get(..body.len().min(600)).unwrap_or_default()).into_owned();
        ensure!(memmem::find(body, &digits(id)).is_some(), "no id {id} in {}", as_text());
        ensure!(self.has_expected(body), "an unexpected answer: {}", as_text());
        Ok(())
    }

    fn has_expected(&self, body: &[u8]) -> bool {
        if body.get(self.expected_at.get()..).is_some_and(|rest| rest.starts_with(&self.expected)) {
            return true;
        }
        let found = memmem::find(body, &self.expected);
        self.expected_at.set(found.unwrap_or_default());
        found.is_some()
    }

    /// As [`check`](Self::check), of an answer over HTTP.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_http(&self, id: u32, answer: &Answer<'_>) -> Result<()> {
        let status = answer.head.status;
        ensure!(status == 200, "status {status}: {}", String::from_utf8_lossy(answer.body));
        self.check(id, answer.body)
    }
}

/// The first message of a stateful client, as JSON.
pub fn initialize() -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{STATEFUL}","capabilities":{{}},"clientInfo":{{"name":"load","version":"1.0.0"}}}}}}"#
    )
}

/// What follows the answer to it.
pub fn initialized() -> &'static str {
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#
}

/// A request that carries a message of the handshake.
pub fn handshake(door: &Door, session: Option<&str>, body: &str) -> String {
    let mut headers = String::new();
    if let Some(session) = session {
        headers = format!("MCP-Protocol-Version: {STATEFUL}\r\nMcp-Session-Id: {session}\r\n");
    }
    post(door, &headers, Accept::Json, body)
}

fn post(door: &Door, headers: &str, accept: Accept, body: &str) -> String {
    let accept = match accept {
        Accept::Json => "application/json, text/event-stream",
        Accept::Events => "text/event-stream, application/json",
    };
    format!(
        "POST /mcp HTTP/1.1\r\n{}Content-Type: application/json\r\nAccept: {accept}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        door.headers(),
        body.len()
    )
}

fn digits(id: u32) -> [u8; 9] {
    let mut digits = [b'0'; 9];
    let mut rest = id;
    for digit in digits.iter_mut().rev() {
        // The remainder of ten fits in a byte.
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    digits
}

/// The first id that has nine digits.
pub const FIRST_ID: u32 = 100_000_000;
/// Where the id goes; no other part of a request looks like it.
const PLACE: &str = "987654321";
const MODERN: &str = "2026-07-28";
const STATEFUL: &str = "2025-11-25";
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"load","version":"1.0.0"},"io.modelcontextprotocol/clientCapabilities":{}}"#;
