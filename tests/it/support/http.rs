//! A client of HTTP/1.1 over TCP that sends exactly the bytes it is given and reads answers without a library.
//!
//! It owns framing (lengths, chunks, event streams). It never adds, repairs or follows anything.

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{telltale::Watch, within};

/// What a connection is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + std::fmt::Debug> Stream for S {}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    /// Bytes that were read and not used.
    raw: Vec<u8>,
    /// Bytes of the current body, with its framing taken off.
    body: Vec<u8>,
    framing: Framing,
    watch: Option<Watch>,
}

/// How the rest of the current body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// So many bytes are still to come.
    Length(usize),
    Chunked,
    UntilClose,
}

/// An answer's status line and header fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
    /// Names in lower case, in the order in which they came.
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header that comes at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(is, _)| is == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "the header `{name}` comes twice");
        value
    }

    /// Whether the body is an event stream.
    pub(crate) fn is_event_stream(&self) -> bool {
        self.header("content-type").is_some_and(|value| value.starts_with("text/event-stream"))
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// Its head.
    pub(crate) head: Head,
    /// Its body, with the framing taken off.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    /// The body as one JSON value.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// The messages of the body, whether it is one JSON value or an event stream.
    pub(crate) fn messages(&self) -> Vec<serde_json::Value> {
        if !self.head.is_event_stream() {
            return if self.body.is_empty() { Vec::new() } else { vec![self.json()] };
        }
        let text = self.text();
        let events = text.split_inclusive("\n\n").filter_map(|event| Event::parse(event.trim_end_matches('\n')));
        events.filter(|event| !event.data.is_empty()).map(|event| event.json()).collect()
    }
}

/// An event of an event stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its `id`.
    pub(crate) id: Option<String>,
    /// Its `retry`, in milliseconds.
    pub(crate) retry: Option<u64>,
    /// Its `data`, lines joined.
    pub(crate) data: String,
}

impl Event {
    /// The data as one JSON value.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.data))
    }

    /// Reads the lines of one event; `None` where they are only comments.
    fn parse(block: &str) -> Option<Self> {
        let mut event = Self::default();
        let mut data: Vec<&str> = Vec::new();
        let mut said = false;
        for line in block.lines().filter(|line| !line.starts_with(':') && !line.is_empty()) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            said = true;
            match field {
                "id" => event.id = Some(value.to_owned()),
                "retry" => event.retry = value.parse().ok(),
                "data" => data.push(value),
                "event" => assert_eq!(value, "message", "no other kind of event is ever sent"),
                other => panic!("the event has an unknown field `{other}`"),
            }
        }
        event.data = data.join("\n");
        said.then_some(event)
    }
}

impl Connection {
    /// Opens a connection to `host:port`.
    pub(crate) async fn open(authority: &str) -> Self {
        let stream = within("a connection", TcpStream::connect(authority)).await.expect("the server listens");
        stream.set_nodelay(true).expect("the socket takes options");
        Self::over(stream)
    }

    /// Speaks on a stream that is open.
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        let stream = Box::new(stream);
        Self { stream, raw: Vec::new(), body: Vec::new(), framing: Framing::Length(0), watch: None }
    }

    /// The same, which fails where anything that comes tells of the server's insides.
    pub(crate) fn watched(self) -> Self {
        Self { watch: Some(Watch::default()), ..self }
    }

    /// Sends these bytes as they are.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within("the server to read", self.stream.write_all(bytes.as_ref())).await.expect("the server reads");
    }

    /// Sends these bytes; `false` where the server has already closed the connection.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within("the server to read", self.stream.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Closes the sending side.
    pub(crate) async fn finish(&mut self) {
        within("the end of sending", self.stream.shutdown()).await.expect("the socket is open");
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        self.send(request).await;
        self.answer().await
    }

    /// Reads a whole answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let body = self.rest().await;
        Answer { head, body }
    }

    /// Reads an answer's head; the body is left for [`Self::rest`] or [`Self::event`].
    pub(crate) async fn head(&mut self) -> Head {
        self.body.clear();
        let end = loop {
            if let Some(end) = find(&self.raw, b"\r\n\r\n") {
                break end;
            }
            let more = self.fill().await;
            assert!(more, "the connection ended inside of a head: {:?}", String::from_utf8_lossy(&self.raw));
        };
        let text = String::from_utf8(self.raw.drain(..end + 4).collect()).expect("a head is ASCII");
        let mut lines = text.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).expect("a status line of HTTP/1.1");
        let status = status.get(..3).and_then(|code| code.parse().ok()).expect("a status code of three digits");
        let field =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        let headers = lines.filter(|line| !line.is_empty()).map(|line| field(line).expect("a header field")).collect();
        let head = Head { status, headers };
        self.framing = framing(&head);
        head
    }

    /// Reads the rest of the current body.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more_body().await {}
        std::mem::take(&mut self.body)
    }

    /// Reads the next event of the current body; `None` where the stream has ended.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = find(&self.body, b"\n\n") {
                let block = self.body.drain(..end + 2).collect();
                let block = String::from_utf8(block).expect("an event is UTF-8");
                match Event::parse(&block) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            if !self.more_body().await {
                let rest = self.body.split(|byte| *byte == b'\n');
                assert!(rest.into_iter().all(is_comment), "the stream ended inside of an event");
                return None;
            }
        }
    }

    /// Reads what comes next, in one read of the socket.
    pub(crate) async fn one_read(&mut self) -> Vec<u8> {
        assert!(self.raw.is_empty(), "something was read before: {:?}", String::from_utf8_lossy(&self.raw));
        assert!(self.fill().await, "the connection ended");
        std::mem::take(&mut self.raw)
    }

    /// What has been read and not used, else what comes next; nothing at the end of the connection.
    pub(crate) async fn more(&mut self) -> Vec<u8> {
        if self.raw.is_empty() {
            self.fill().await;
        }
        std::mem::take(&mut self.raw)
    }

    /// Reads everything until the server closes the connection, or resets it.
    pub(crate) async fn drain(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.raw)
    }

    /// Whether the server closes the connection, and sends nothing before it does.
    pub(crate) async fn is_closed(&mut self) -> bool {
        !self.fill().await && self.raw.is_empty()
    }

    /// Takes the framing off of some more of the body; `false` at its end.
    async fn more_body(&mut self) -> bool {
        match self.framing {
            Framing::Length(0) => false,
            Framing::Length(length) => {
                assert!(!self.raw.is_empty() || self.fill().await, "the connection ended inside of a body");
                let taken = length.min(self.raw.len());
                self.body.extend(self.raw.drain(..taken));
                self.framing = Framing::Length(length - taken);
                true
            }
            Framing::Chunked => self.chunk().await,
            Framing::UntilClose => {
                let more = self.fill().await;
                self.body.append(&mut self.raw);
                more
            }
        }
    }

    async fn chunk(&mut self) -> bool {
        let end = self.find_or_fill(b"\r\n").await;
        let line = String::from_utf8(self.raw.drain(..end + 2).collect()).expect("a chunk's length is ASCII");
        let length = usize::from_str_radix(line.trim(), 16).expect("a chunk's length is hexadecimal");
        while self.raw.len() < length + 2 {
            assert!(self.fill().await, "the connection ended inside of a chunk");
        }
        self.body.extend(self.raw.drain(..length));
        let end: Vec<u8> = self.raw.drain(..2).collect();
        assert_eq!(end, b"\r\n", "a chunk ends with a line break");
        if length == 0 {
            self.framing = Framing::Length(0);
        }
        length > 0
    }

    async fn find_or_fill(&mut self, what: &[u8]) -> usize {
        loop {
            if let Some(at) = find(&self.raw, what) {
                return at;
            }
            assert!(self.fill().await, "the connection ended inside of a body");
        }
    }

    /// Reads what has come; `false` at the end of the connection, also where the server reset it.
    async fn fill(&mut self) -> bool {
        self.raw.reserve(64 * 1024);
        let before = self.raw.len();
        let read = within("bytes of the server", self.stream.read_buf(&mut self.raw)).await.unwrap_or(0);
        if let Some(watch) = &mut self.watch {
            watch.hear(self.raw.get(before..).unwrap_or_default());
        }
        read > 0
    }
}

fn is_comment(line: &[u8]) -> bool {
    line.is_empty() || line.starts_with(b":")
}

fn framing(head: &Head) -> Framing {
    let chunked = head.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let length = head.header("content-length").map(|value| value.parse().expect("a length is a number"));
    match (chunked, length) {
        (true, None) => Framing::Chunked,
        (true, Some(_)) => panic!("an answer has both a length and chunks"),
        (false, Some(length)) => Framing::Length(length),
        (false, None) if head.status < 200 || head.status == 204 || head.status == 304 => Framing::Length(0),
        (false, None) => Framing::UntilClose,
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::{Connection, Event};

    /// A connection to a peer that writes this and closes.
    async fn reading(text: &'static str) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let authority = listener.local_addr().expect("it is bound").to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("the test connects");
            stream.write_all(text.as_bytes()).await.expect("the test reads");
        });
        Connection::open(&authority).await
    }

    #[tokio::test]
    async fn answers_of_every_framing_are_read_one_after_the_other() {
        let mut connection = reading(concat!(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 403 Forbidden\r\nX: 1\r\nx: 2\r\n\r\nrest",
        ))
        .await;
        assert_eq!(connection.answer().await.body, b"ab");
        let answer = connection.answer().await;
        assert_eq!((answer.head.status, answer.text().as_str()), (202, "abc0123456789"));
        assert_eq!(connection.answer().await.body, b"");
        let answer = connection.answer().await;
        assert_eq!((answer.head.status, answer.text().as_str()), (403, "rest"));
        assert_eq!(answer.head.headers, [("x".to_owned(), "1".to_owned()), ("x".to_owned(), "2".to_owned())]);
        assert!(connection.is_closed().await);
    }

    #[tokio::test]
    async fn events_are_read_across_chunks_and_comments_are_skipped() {
        let mut connection = reading(concat!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
            "A\r\n:\n\nid: 7\nr\r\n10\r\netry: 5\ndata:\n\nd\r\n10\r\nata: {}\ndata: 1\n\r\n3\r\n\n:\n\r\n0\r\n\r\n",
        ))
        .await;
        assert!(connection.head().await.is_event_stream());
        let priming = Event { id: Some("7".into()), retry: Some(5), data: String::new() };
        assert_eq!(connection.event().await, Some(priming));
        let event = Event { data: "{}\n1".into(), ..Event::default() };
        assert_eq!(connection.event().await, Some(event));
        assert_eq!(connection.event().await, None);
    }
}
