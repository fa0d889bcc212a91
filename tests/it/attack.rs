//! What a hostile or careless client of HTTP sends, byte by byte, against the `everything` example.

use serde_json::json;

use crate::support::{
    http::{Answer, Connection},
    process::Listening,
    request::{initialize, post, request, stateful, stateful_post},
};

const REVISION: &str = "2025-11-25";

/// A server, and a session of it.
struct Session {
    server: Listening,
    id: String,
}

impl Session {
    async fn open() -> Self {
        let server = Listening::start("everything", &[]).await;
        let id = Self::another(&server).await;
        Self { server, id }
    }

    /// Opens a further session of that server.
    async fn another(server: &Listening) -> String {
        let authority = server.authority();
        let mut connection = Connection::open(authority).await;
        let hello = initialize(0, REVISION, json!({"elicitation": {}}));
        let answer = connection.ask(stateful_post(authority, None, &hello)).await;
        let id = answer.head.header("mcp-session-id").expect("a session begins").to_owned();
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(connection.ask(stateful_post(authority, Some((&id, REVISION)), &ready)).await.head.status, 202);
        id
    }

    async fn connect(&self) -> Connection {
        Connection::open(self.server.authority()).await
    }

    fn get(&self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut headers = vec![("Host", self.server.authority()), ("Mcp-Session-Id", &self.id)];
        headers.extend(fields);
        request("GET /mcp HTTP/1.1", &headers, b"")
    }
}

/// The refusal says this much and no more.
fn assert_refused(answer: &Answer, status: u16, code: i64, message: &str) {
    assert_eq!(answer.head.status, status, "{}", answer.text());
    assert_eq!(answer.json(), json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}}));
}

#[tokio::test]
async fn event_ids_that_are_not_of_the_session_are_refused_by_their_status() {
    let session = Session::open().await;
    let mut theirs = session.connect().await;
    theirs.send(session.get(&[("Accept", "text/event-stream")])).await;
    assert_eq!(theirs.head().await.status, 200);
    let id = theirs.event().await.and_then(|event| event.id).expect("a stream begins with an id");
    let stranger = Session { id: Session::another(&session.server).await, ..session };
    for id in [id.as_str(), "AAAA", "1"] {
        let fields = [("Accept", "text/event-stream"), ("Last-Event-ID", id)];
        let answer = stranger.connect().await.ask(stranger.get(&fields)).await;
        assert_refused(&answer, 400, -32602, "unknown Last-Event-ID");
    }
}

#[tokio::test]
async fn a_stream_is_not_given_to_who_does_not_take_one() {
    let session = Session::open().await;
    let answer = session.connect().await.ask(session.get(&[("Accept", "application/json")])).await;
    assert_refused(&answer, 406, -32600, "Accept must allow text/event-stream for this method");
}

#[tokio::test]
async fn a_client_that_takes_no_stream_is_not_asked_and_does_not_wait() {
    let session = Session::open().await;
    let call = json!({"name": "test_elicitation", "arguments": {"message": "Who?"}});
    let message = stateful(1, "tools/call", call).to_string();
    let headers = [
        ("Host", session.server.authority()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
        ("Mcp-Session-Id", &session.id),
    ];
    let answer = session.connect().await.ask(post(&headers, message.as_bytes())).await;
    let result = &answer.json()["result"];
    assert_eq!(result["isError"], true);
    assert_eq!(result["content"][0]["text"], "the client did not answer the question");
}

#[tokio::test]
async fn a_body_that_is_coded_twice_for_the_way_is_refused() {
    let server = Listening::start("everything", &[]).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for codings in ["Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"] {
        let head =
            format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{codings}\r\n\r\n");
        let chunked = format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        let mut connection = Connection::open(server.authority()).await;
        let answer = connection.ask(chunked).await;
        assert_refused(&answer, 501, -32600, "Transfer-Encoding must be chunked and nothing else");
        assert!(connection.is_closed().await, "nothing behind it is read as a request");
    }
}

#[tokio::test]
async fn what_is_not_there_can_be_unsubscribed_from_and_not_subscribed_to() {
    let session = Session::open().await;
    let authority = session.server.authority();
    let mut connection = session.connect().await;
    for (method, uri, refused) in [
        ("resources/subscribe", "test://gone", true),
        ("resources/unsubscribe", "test://gone", false),
        ("resources/unsubscribe", "no URI", false),
    ] {
        let message = stateful(1, method, json!({"uri": uri}));
        let answer = connection.ask(stateful_post(authority, Some((&session.id, REVISION)), &message)).await;
        assert_eq!(answer.json().get("error").is_some(), refused, "{method} {uri}: {}", answer.text());
    }
}
