//! What a peer reads of a failure: nothing of the program behind it, whatever failed and however it is reached.

use std::{fmt, io, time::Duration};

use mocopr::{Guarded, NoArguments, prelude::*, security::Limits};
use serde_json::{Value, json};

use crate::support::{
    hosted::Hosted,
    http::Connection,
    piped::Piped,
    request::{stateless, stateless_post},
};

#[tokio::test]
async fn failures_of_handlers_tell_nothing_over_a_pipe() {
    let mut piped = Piped::open(&server());
    for (id, tool) in (1..).zip(TOOLS) {
        piped.send(&call(id, tool)).await;
        let message = piped.message().await;
        assert_eq!(message["id"], id, "{tool}");
        assert_tells_nothing(tool, &message.to_string());
    }
}

#[tokio::test]
async fn failures_of_handlers_tell_nothing_over_http() {
    let hosted = Hosted::start(server()).await;
    for (id, tool) in (1..).zip(TOOLS) {
        let mut connection = Connection::open(hosted.authority()).await;
        let answer = connection.ask(stateless_post(hosted.authority(), &call(id, tool))).await;
        assert_eq!(answer.json()["id"], id, "{tool}");
        let said = format!("{:?} {}", answer.head, answer.text());
        assert_tells_nothing(tool, &said);
    }
    hosted.stop().await;
}

#[tokio::test]
async fn requests_that_are_no_requests_tell_nothing_of_the_libraries() {
    let hosted = Hosted::start(server()).await;
    let host = hosted.authority();
    let long = "a".repeat(20_000);
    let post = |rest: &str| format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\n{rest}");
    for (what, bytes) in [
        ("no HTTP", "GARBAGE\r\n\r\n".to_owned()),
        ("a bad field", post("a b: c\r\n\r\n")),
        ("a bad length", post("Content-Length: x\r\n\r\n")),
        ("a long head", post(&format!("X: {long}\r\n\r\n"))),
        ("a bad version", "POST /mcp HTTP/9.9\r\n\r\n".to_owned()),
        ("another path", format!("GET /{CANARY} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")),
        ("another method", format!("PATCH /mcp HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")),
        ("another type", post("Content-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")),
        ("bad chunks", post("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")),
        (
            "bad JSON",
            post(
                "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{",
            ),
        ),
    ] {
        let mut connection = Connection::open(host).await;
        // A server may close before it has read all of a head that it refuses.
        connection.try_send(bytes).await;
        let said = String::from_utf8(connection.drain().await).unwrap();
        assert!(["", "HTTP/1.1 4", "HTTP/1.1 5"].contains(&said.get(..10).unwrap_or_default()), "{what}: {said}");
        assert_tells_nothing(what, &said);
    }
    hosted.stop().await;
}

fn assert_tells_nothing(what: &str, said: &str) {
    let lower = said.to_lowercase();
    for word in TELLING {
        assert!(!lower.contains(&word.to_lowercase()), "{what} tells `{word}`: {said}");
    }
}

fn call(id: u64, tool: &str) -> Value {
    stateless(id, "tools/call", json!({"name": tool, "arguments": {}}))
}

fn server() -> McpServer<Guarded> {
    let limits = Limits { request: Duration::from_millis(300), result_bytes: 16 << 10, ..Limits::development() };
    let fails = |name: &str, failure: fn() -> Failure| {
        Tool::new(name).handler(move |_: NoArguments| async move { Err::<String, _>(failure()) })
    };
    McpServer::builder()
        .with_info("test", "1.0.0")
        .with_security_policy(SecurityPolicy::development().with_limits(limits))
        .with_tool(fails("chain", || Chain(io::Error::other(CANARY)).into()))
        .with_tool(fails("io", || {
            io::Error::new(io::ErrorKind::NotFound, format!("/srv/app/db.sqlite3 {CANARY}")).into()
        }))
        .with_tool(fails("serde", || serde_json::from_str::<u8>("\"CANARY-SECRET-7f3a\"").unwrap_err().into()))
        .with_tool(fails("boxed", || {
            let boxed: Box<dyn std::error::Error + Send + Sync> = "SELECT * FROM users; CANARY-SECRET-7f3a".into();
            boxed.into()
        }))
        .with_tool(fails("utf8", || String::from_utf8(vec![0xff]).unwrap_err().into()))
        .with_tool(fails("internal", || Failure::internal(CANARY)))
        .with_tool(fails("said", || Failure::caller("no such note").caused_by(io::Error::other(CANARY))))
        .with_tool(fails("panic", || panic!("index out of bounds in /srv/app/src/secret.rs:12: {CANARY}")))
        .with_tool(
            Tool::new("output")
                .output_schema(
                    json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}).to_string(),
                )
                .handler(|_: NoArguments| async { Json(json!({"b": CANARY})) }),
        )
        .with_tool(Tool::new("large").handler(|_: NoArguments| async { CANARY.repeat(1_000) }))
        .with_tool(Tool::new("never").handler(|_: NoArguments| std::future::pending::<String>()))
        .build()
        .unwrap()
}

/// An error with a source, whose own text tells a type and a place.
#[derive(Debug)]
struct Chain(io::Error);

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlx::Error at src/db.rs:31")
    }
}

impl std::error::Error for Chain {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

const TOOLS: [&str; 11] =
    ["chain", "io", "serde", "boxed", "utf8", "internal", "said", "panic", "output", "large", "never"];

const CANARY: &str = "CANARY-SECRET-7f3a";

/// Paths, names of types, words of libraries, places in sources.
const TELLING: [&str; 17] = [
    CANARY,
    "/srv",
    "src/",
    ".rs",
    "sqlx",
    "select",
    "panicked",
    "serde",
    "hyper",
    "tokio",
    "at line",
    "column",
    "expected",
    "os error",
    "utf-8",
    "::",
    "invalid type",
];
