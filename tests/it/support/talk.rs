//! One client of HTTP in one revision. It numbers its requests and checks every message of the server.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{
    http::{Answer, Connection, Event, Head},
    recorder::Recorder,
    request::{initialize, stateful, stateful_post, stateless, stateless_post},
};

/// The revision that requests of [`Talk::stateless`] name.
pub(crate) const STATELESS: &str = "2026-07-28";
/// The revision of the sessions of [`Talk::stateful`].
pub(crate) const STATEFUL: &str = "2025-11-25";

/// A client.
pub(crate) struct Talk {
    authority: String,
    revision: String,
    session: Option<String>,
    pub(crate) recorder: Recorder,
    next_id: i64,
}

/// An answer, and what came before it on its stream.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) head: Head,
    pub(crate) before: Vec<Value>,
    /// The whole message.
    pub(crate) answer: Value,
}

/// A stream of events that is open.
#[derive(Debug)]
pub(crate) struct Stream {
    connection: Connection,
    pub(crate) head: Head,
    /// The id of its request; null for the stream of a session.
    pub(crate) id: Value,
    /// The id of the event that was read last.
    pub(crate) last: Option<String>,
}

impl Talk {
    /// A client of 2026-07-28.
    pub(crate) fn stateless(authority: &str) -> Self {
        Self::new(authority, STATELESS)
    }

    /// A client of 2025-11-25 that can answer everything, after its handshake.
    pub(crate) async fn stateful(authority: &str) -> Self {
        Self::in_session(authority, STATEFUL).await
    }

    /// A client of a revision with sessions that claims to answer everything, after its handshake.
    pub(crate) async fn in_session(authority: &str, revision: &str) -> Self {
        let mut talk = Self::new(authority, revision);
        let told = talk.open_session().await;
        assert_eq!(told.answer["result"]["protocolVersion"], revision);
        let id = told.head.header("mcp-session-id").expect("a session begins").to_owned();
        talk.session = Some(id);
        assert_eq!(talk.tell("notifications/initialized", json!({})).await, 202);
        talk
    }

    fn new(authority: &str, revision: &str) -> Self {
        let recorder = Recorder::new(revision);
        Self { authority: authority.to_owned(), revision: revision.to_owned(), session: None, recorder, next_id: 0 }
    }

    /// Sends a handshake and returns what came of it.
    pub(crate) async fn open_session(&mut self) -> Told {
        self.session = None;
        let capabilities = json!({"elicitation": {}, "sampling": {}, "roots": {}});
        let message = initialize(self.id(), &self.revision.clone(), capabilities);
        self.exchange(&message).await
    }

    /// The id of the session.
    pub(crate) fn session(&self) -> &str {
        self.session.as_deref().expect("it has a session")
    }

    /// A request under the next id.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.id();
        if self.session.is_some() { stateful(id, method, params) } else { stateless(id, method, params) }
    }

    /// The bytes that carry a message.
    pub(crate) fn post(&self, message: &Value) -> Vec<u8> {
        match &self.session {
            Some(id) => stateful_post(&self.authority, Some((id, &self.revision)), message),
            None if message["params"]["_meta"].is_null() => stateful_post(&self.authority, None, message),
            None => stateless_post(&self.authority, message),
        }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Told {
        let message = self.request(method, params);
        self.exchange(&message).await
    }

    /// Calls a tool and returns its result.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let told = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert!(told.answer.get("error").is_none(), "{}", told.answer);
        told.answer["result"].clone()
    }

    /// Sends this request and reads its answer.
    pub(crate) async fn exchange(&mut self, message: &Value) -> Told {
        let mut connection = self.send(message).await;
        let head = connection.head().await;
        if !head.is_event_stream() {
            let body = connection.rest().await;
            let answer = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {head:?} {body:?}"));
            self.recorder.received(&answer);
            return Told { head, before: Vec::new(), answer };
        }
        let mut stream = Stream { connection, head, id: message["id"].clone(), last: None };
        let mut before = Vec::new();
        loop {
            let said = self.next(&mut stream).await.expect("the answer comes before the stream ends");
            if said["id"] == stream.id && said.get("method").is_none() {
                assert_eq!(self.next(&mut stream).await, None, "nothing follows the answer");
                return Told { head: stream.head, before, answer: said };
            }
            before.push(said);
        }
    }

    /// Sends a request whose answer is a stream, and leaves it open.
    pub(crate) async fn stream(&mut self, method: &str, params: Value) -> Stream {
        let message = self.request(method, params);
        let mut connection = self.send(&message).await;
        let head = connection.head().await;
        assert!(head.is_event_stream(), "{head:?}");
        Stream { connection, head, id: message["id"].clone(), last: None }
    }

    /// Sends a request and leaves the connection before its answer.
    pub(crate) async fn send(&mut self, message: &Value) -> Connection {
        self.recorder.sent(message);
        let mut connection = Connection::open(&self.authority).await;
        connection.send(self.post(message)).await;
        connection
    }

    /// Sends a message that has no answer, and returns the status.
    pub(crate) async fn tell(&mut self, method: &str, params: Value) -> u16 {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let post = match &self.session {
            Some(_) => self.post(&message),
            None => stateless_post(&self.authority, &message),
        };
        let answer = Connection::open(&self.authority).await.ask(post).await;
        assert_eq!(answer.text(), "", "a notification has no answer");
        answer.head.status
    }

    /// Answers a question of the server.
    pub(crate) async fn reply(&mut self, question: &Value, result: Value) {
        let message = json!({"jsonrpc": "2.0", "id": question["id"], "result": result});
        let answer = Connection::open(&self.authority).await.ask(self.post(&message)).await;
        assert_eq!((answer.head.status, answer.text().as_str()), (202, ""));
    }

    /// Opens the stream of the session, from `last` on where it is given.
    pub(crate) async fn listen(&self, last: Option<&str>) -> Stream {
        let mut connection = Connection::open(&self.authority).await;
        connection.send(self.get(last)).await;
        let head = connection.head().await;
        assert!(head.is_event_stream(), "{head:?}");
        Stream { connection, head, id: Value::Null, last: None }
    }

    /// The GET of the session's stream.
    pub(crate) fn get(&self, last: Option<&str>) -> String {
        let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
        self.bodiless("GET", &last)
    }

    /// Ends the session.
    pub(crate) async fn delete(&self) -> Answer {
        Connection::open(&self.authority).await.ask(self.bodiless("DELETE", "")).await
    }

    fn bodiless(&self, method: &str, more: &str) -> String {
        format!(
            "{method} /mcp HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\nMcp-Session-Id: {}\r\n\
             MCP-Protocol-Version: {}\r\n{more}\r\n",
            self.authority,
            self.session(),
            self.revision,
        )
    }

    /// The next message of a stream; `None` at its end.
    pub(crate) async fn next(&mut self, stream: &mut Stream) -> Option<Value> {
        loop {
            let event = stream.event().await?;
            if !event.data.is_empty() {
                let message = event.json();
                self.recorder.received(&message);
                return Some(message);
            }
        }
    }

    /// The next `count` messages of a stream.
    pub(crate) async fn take(&mut self, stream: &mut Stream, count: usize) -> VecDeque<Value> {
        let mut taken = VecDeque::new();
        while taken.len() < count {
            taken.push_back(self.next(stream).await.expect("the stream goes on"));
        }
        taken
    }

    fn id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }
}

impl Stream {
    /// The next event, also one without data.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        let event = self.connection.event().await?;
        if event.id.is_some() {
            self.last.clone_from(&event.id);
        }
        Some(event)
    }
}
