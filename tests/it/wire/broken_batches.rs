//! Batches that no honest client sends: refused as a whole or message by message, alike on every transport.

use serde_json::{Value, json};

use super::{
    batches::{BATCHES, call, pipe},
    child,
    sample::{Gauge, server, text},
};
use crate::support::{
    hosted::Hosted,
    http::{Answer, Connection},
    piped::Piped,
    process::Lined,
    recorder::Recorder,
    request::{initialize, post, stateful, stateless},
    talk::Talk,
};

/// The transports, each with a session.
struct Doors {
    hosted: Hosted,
    talk: Talk,
    pipe: Piped,
    stdio: Lined,
    gauge: Gauge,
}

impl Doors {
    async fn open() -> Self {
        let gauge = Gauge::default();
        let hosted = Hosted::start(server(&gauge)).await;
        let talk = Talk::in_session(hosted.authority(), BATCHES).await;
        let pipe = pipe(&server(&gauge), BATCHES).await;
        let mut stdio = child::start().await;
        stdio.ask(&initialize("hello", BATCHES, json!({})), &mut Vec::new()).await;
        stdio.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        Self { hosted, talk, pipe, stdio, gauge }
    }

    /// What every transport answers, and the status of HTTP.
    async fn exchange(&mut self, body: &[u8]) -> (u16, Value) {
        let over_http = self.post(body).await;
        let line = [body, b"\n"].concat();
        self.pipe.send_bytes(&line).await;
        self.stdio.send_bytes(&line).await;
        let shown = String::from_utf8_lossy(body).chars().take(100).collect::<String>();
        assert_eq!(self.pipe.message().await, over_http.json(), "{shown}");
        assert_eq!(self.stdio.message().await, over_http.json(), "{shown}");
        (over_http.head.status, over_http.json())
    }

    async fn post(&self, body: &[u8]) -> Answer {
        let headers = [
            ("Host", self.hosted.authority()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("Mcp-Session-Id", self.talk.session()),
        ];
        Connection::open(self.hosted.authority()).await.ask(post(&headers, body)).await
    }
}

fn error(code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}})
}

#[tokio::test]
async fn a_batch_that_is_wrong_as_a_whole_is_refused_as_a_whole_and_nothing_of_it_begins() {
    let mut doors = Doors::open().await;
    let begin = |id: Value| call(id, "another", json!({})).to_string();
    let many = |count: usize| (0..count).map(|id| begin(json!(id))).collect::<Vec<_>>().join(",");
    let too_many = "a batch has too many messages";
    let twice = "a batch has two requests of one id";
    for (body, code, message) in [
        ("[]".to_owned(), -32600, "a batch has at least one message"),
        (" [ ] ".to_owned(), -32600, "a batch has at least one message"),
        (format!("[{}]", many(51)), -32600, too_many),
        (format!("[{}]", vec!["0"; 20_000].join(",")), -32600, too_many),
        (format!("[{}]", vec!["[]"; 20_000].join(",")), -32600, too_many),
        (format!("[{},{}]", begin(json!(1)), begin(json!(1))), -32600, twice),
        (format!("[{},{}]", begin(json!("a")), begin(json!("a")).replace("\"a\"", r#""\u0061""#)), -32600, twice),
        (format!("[{},{{\"id\":1,\"x\":{{\"y\":1,\"y\":2}}}}]", begin(json!(1))), -32600, twice),
        (format!("[{}", begin(json!(1))), -32700, "invalid JSON"),
        (format!("[{},]", begin(json!(1))), -32700, "invalid JSON"),
        (format!("[{}]]", begin(json!(1))), -32700, "invalid JSON"),
        (format!("[{},nul]", begin(json!(1))), -32700, "invalid JSON"),
        (format!("[{}", "[".repeat(30_000)), -32700, "invalid JSON"),
    ] {
        let (status, answer) = doors.exchange(body.as_bytes()).await;
        assert_eq!((status, answer["error"]["code"].as_i64()), (400, Some(code)), "{answer} {message}");
        assert!(answer.get("id").is_none() && answer.is_object(), "{answer}");
        if code == -32600 {
            assert_eq!(answer, error(code, message));
        }
    }
    let mut invalid = format!("[{}]", begin(json!(1))).into_bytes();
    invalid.insert(2, 0xff);
    let (status, answer) = doors.exchange(&invalid).await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (400, Some(-32700)));
    assert_eq!(doors.gauge.begun(), 0, "nothing has begun");
    // At the last count that holds, all do.
    let (status, answers) = doors.exchange(format!("[{}]", many(50)).as_bytes()).await;
    assert_eq!((status, answers.as_array().map(Vec::len)), (200, Some(50)));
    assert!(doors.stdio.end().await.status.success());
}

#[tokio::test]
async fn what_is_wrong_with_one_message_is_said_of_it_alone() {
    let mut doors = Doors::open().await;
    let deep = |levels: usize| format!("{}0{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let good = call("good", "echo", json!({"text": "a"}));
    let nested = "a value is nested too deeply";
    for (message, id, code, rule) in [
        ("7".to_owned(), None, -32600, "a message is an object"),
        ("null".to_owned(), None, -32600, "a message is an object"),
        ("[]".to_owned(), None, -32600, "a batch holds no batch"),
        (format!("[{}]", call(1, "another", json!({}))), None, -32600, "a batch holds no batch"),
        (format!("{}{}", "[".repeat(9_000), "]".repeat(9_000)), None, -32600, "a batch holds no batch"),
        ("{}".to_owned(), None, -32600, "jsonrpc must be \"2.0\""),
        (r#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#.to_owned(), None, -32600, "id is a string or an integer"),
        (r#"{"jsonrpc":"2.0","id":-0,"method":"ping"}"#.to_owned(), None, -32600, "id is a string or an integer"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_owned(), None, -32600, "id is a string or an integer"),
        (r#"{"jsonrpc":"2.0","id":1,"method":""}"#.to_owned(), Some(1), -32600, "method is not empty"),
        (
            r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}"#.to_owned(),
            None,
            -32600,
            "an object repeats a member name",
        ),
        (
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{}}}}}"#,
                deep(9)
            ),
            Some(1),
            -32600,
            nested,
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","x":{}}}}}"#, deep(9)),
            Some(1),
            -32600,
            nested,
        ),
        (initialize(1, BATCHES, json!({})).to_string(), Some(1), -32600, "initialize stands alone, never in a batch"),
        (
            stateless(1, "tools/list", json!({})).to_string(),
            Some(1),
            -32600,
            "a message of a batch names no version of its own",
        ),
        (stateful(1, "server/discover", json!({})).to_string(), Some(1), -32601, "method not found"),
        (stateful(1, "tools/call", json!({"name": 7})).to_string(), Some(1), -32602, "params.name must be a string"),
    ] {
        let (status, answers) = doors.exchange(format!("[{message},{good}]").as_bytes()).await;
        let answers = answers.as_array().unwrap_or_else(|| panic!("{answers}"));
        assert_eq!((status, answers.len()), (200, 2), "{answers:?}");
        let mut expected = error(code, rule);
        if let Some(id) = id {
            expected["id"] = json!(id);
        }
        assert_eq!(answers[0], expected);
        assert_eq!(text(&answers[1]["result"]), "a", "the other one is answered all the same");
        let mut recorder = Recorder::new(BATCHES);
        for id in answers.iter().filter_map(|answer| answer.get("id")) {
            recorder.sent(&json!({"id": id, "method": "tools/call"}));
        }
        answers.iter().for_each(|answer| recorder.received(answer));
    }
    assert_eq!(doors.gauge.begun(), 0, "what stands inside of another batch is not carried out");
    let (status, answers) = doors.exchange(b"[7,[]]").await;
    assert_eq!((status, answers.as_array().map(Vec::len)), (400, Some(2)), "nothing of it was a message");
    assert!(doors.stdio.end().await.status.success());
}

#[tokio::test]
async fn a_batch_cannot_use_an_id_of_a_call_under_way() {
    let mut doors = Doors::open().await;
    let connection = doors.talk.send(&call(1, "wait", json!({}))).await;
    doors.gauge.begins(1).await;
    let batch = json!([call(1, "echo", json!({"text": "a"})), call("1", "echo", json!({"text": "b"}))]);
    let answers = doors.post(batch.to_string().as_bytes()).await.json();
    assert_eq!(answers[0], {
        let mut expected = error(-32600, "the id is used by a call under way");
        expected["id"] = json!(1);
        expected
    });
    assert_eq!(text(&answers[1]["result"]), "b");
    drop(connection);
}

#[tokio::test]
async fn an_array_is_no_message_where_there_are_no_batches() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let body = json!([call(1, "another", json!({}))]);
    let refused = error(-32600, "batches are not part of this revision");
    for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let talk = Talk::in_session(hosted.authority(), revision).await;
        let answer = Connection::open(hosted.authority()).await.ask(talk.post(&body)).await;
        assert_eq!((answer.head.status, answer.json()), (400, refused.clone()), "{revision}");
        let mut pipe = pipe(&server(&gauge), revision).await;
        pipe.send(&body).await;
        assert_eq!(pipe.message().await, refused, "{revision}");
    }
    // Without a session, also where the array would open one.
    for body in [body, json!([initialize(1, BATCHES, json!({}))]), json!([stateless(1, "tools/list", json!({}))])] {
        for version in [None, Some("2025-03-26"), Some("2026-07-28")] {
            let mut headers =
                vec![("Host", hosted.authority()), ("Content-Type", "application/json"), ("Accept", "*/*")];
            headers.extend(version.map(|version| ("MCP-Protocol-Version", version)));
            let request = post(&headers, body.to_string().as_bytes());
            let answer = Connection::open(hosted.authority()).await.ask(request).await;
            assert_eq!((answer.head.status, answer.json()), (400, refused.clone()), "{version:?} {body}");
            assert_eq!(answer.head.header("mcp-session-id"), None);
        }
        let mut pipe = Piped::open(&server(&gauge));
        pipe.send(&body).await;
        assert_eq!(pipe.message().await, refused);
    }
    // A client whose session is gone must hear that, whatever it sends.
    let talk = Talk::in_session(hosted.authority(), BATCHES).await;
    assert_eq!(talk.delete().await.head.status, 204);
    let answer = Connection::open(hosted.authority()).await.ask(talk.post(&json!([]))).await;
    assert_eq!(answer.head.status, 404);
    assert_eq!(gauge.begun(), 0);
}
