//! A client of WebSocket that sends exactly the bytes it is told to and reads frames without a library.

use serde_json::Value;

use super::http::{Connection, Head};

/// The key of the example of RFC 6455, section 1.3, and its answer.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A mask that changes every byte.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct Socket {
    connection: Connection,
    raw: Vec<u8>,
}

/// What a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Text(String),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The code of the last frame, where it has one.
    Close(Option<u16>),
    /// The connection has ended.
    End,
}

/// The request that opens a WebSocket at `/ws`, with these header fields more.
pub(crate) fn handshake(host: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut base = vec![
        ("Host", host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Protocol", "mcp"),
    ];
    // A field that is given takes the place of its like; one without a value leaves it out.
    base.retain(|(name, _)| !fields.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)));
    base.extend(fields.iter().filter(|(_, value)| !value.is_empty()));
    let lines: String = base.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET /ws HTTP/1.1\r\n{lines}\r\n").into_bytes()
}

/// A frame of a client, masked: its first byte, and what it carries.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

impl Socket {
    /// Opens one on this connection.
    pub(crate) async fn open(connection: Connection, host: &str, fields: &[(&str, &str)]) -> Self {
        Self::try_open(connection, host, fields).await.unwrap_or_else(|head| panic!("not opened: {head:?}"))
    }

    /// The same, or the head of the refusal.
    pub(crate) async fn try_open(
        mut connection: Connection,
        host: &str,
        fields: &[(&str, &str)],
    ) -> Result<Self, Head> {
        connection.send(handshake(host, fields)).await;
        let head = connection.head().await;
        if head.status != 101 {
            return Err(head);
        }
        assert_eq!(head.header("sec-websocket-accept"), Some(ACCEPT));
        assert_eq!(head.header("sec-websocket-protocol"), Some("mcp"));
        assert_eq!(head.header("sec-websocket-extensions"), None);
        Ok(Self { connection, raw: Vec::new() })
    }

    /// Sends these bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: impl AsRef<[u8]>) {
        self.connection.send(bytes).await;
    }

    /// The same; `false` where the server has closed the connection.
    pub(crate) async fn try_send_bytes(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.connection.try_send(bytes).await
    }

    /// Sends one message.
    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_bytes(frame(0x81, message.to_string().as_bytes())).await;
    }

    /// What the server sends next.
    pub(crate) async fn next(&mut self) -> Sent {
        loop {
            if let Some(sent) = self.take() {
                return sent;
            }
            let more = self.connection.more().await;
            if more.is_empty() {
                assert!(self.raw.is_empty(), "the connection ended inside of a frame: {:?}", self.raw);
                return Sent::End;
            }
            self.raw.extend(more);
        }
    }

    /// The next message; pings are answered by nobody.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            match self.next().await {
                Sent::Text(text) => return serde_json::from_str(&text).expect("each message is JSON"),
                Sent::Ping(_) | Sent::Pong(_) => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    /// Sends a request and returns the message with its id; what comes before it goes to `others`.
    pub(crate) async fn ask_with(&mut self, request: &Value, others: &mut Vec<Value>) -> Value {
        self.send(request).await;
        loop {
            let message = self.message().await;
            if message.get("id") == request.get("id") && message.get("method").is_none() {
                return message;
            }
            others.push(message);
        }
    }

    /// The answer to a request, before which nothing comes.
    pub(crate) async fn ask(&mut self, request: &Value) -> Value {
        let mut others = Vec::new();
        let answer = self.ask_with(request, &mut others).await;
        assert_eq!(others, Vec::<Value>::new());
        answer
    }

    /// The code of the last frame, whatever messages come before it, and that the connection ends behind it.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        let code = loop {
            match self.next().await {
                Sent::Close(code) => break code,
                Sent::Text(_) | Sent::Ping(_) | Sent::Pong(_) => {}
                Sent::End => panic!("the connection ended without a word"),
            }
        };
        assert_eq!(self.next().await, Sent::End);
        code
    }

    fn take(&mut self) -> Option<Sent> {
        let (&first, &second) = (self.raw.first()?, self.raw.get(1)?);
        assert_eq!(first & 0xF0, 0x80, "servers send whole messages, without an extension");
        assert_eq!(second & 0x80, 0, "servers do not mask");
        let (start, length) = match second {
            126 => (4, usize::from(u16::from_be_bytes(self.raw.get(2..4)?.try_into().ok()?))),
            127 => (10, u64::from_be_bytes(self.raw.get(2..10)?.try_into().ok()?) as usize),
            short => (2, usize::from(short)),
        };
        let payload = self.raw.get(start..start + length)?.to_vec();
        self.raw.drain(..start + length);
        Some(match first & 0x0F {
            0x1 => Sent::Text(String::from_utf8(payload).expect("a text is UTF-8")),
            0x8 => Sent::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            0x9 => Sent::Ping(payload),
            0xA => Sent::Pong(payload),
            other => panic!("a frame of the opcode {other}"),
        })
    }
}
