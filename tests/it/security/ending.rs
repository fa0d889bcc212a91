//! Several listeners at once, and how all of them end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mocopr::{ErrorKind, Guarded, HttpConfig, Listen, McpServer, prelude::*};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::oneshot};

use super::{
    fixture::{Fixture, Served},
    guarded::{HOST, bearer, policy, with_fields},
};
use crate::support::{http::Connection, request, within};

#[tool]
async fn look() -> &'static str {
    "looked"
}

fn server() -> McpServer<Guarded> {
    let server = McpServer::builder().with_info("several", "1.0.0").with_tool(look).with_security_policy(policy());
    server.build().expect("the server is sound")
}

/// A listener on loopback, and what tells of its address.
fn place() -> (HttpConfig, oneshot::Receiver<String>) {
    let (tell, told) = oneshot::channel();
    let config = HttpConfig::loopback(0).with_tls_required(false).with_health();
    (config.on_ready(move |address| tell.send(address.to_string()).expect("the test waits")), told)
}

async fn status(authority: &str, line: &str) -> u16 {
    let bytes = request::request(line, &[("Host", authority)], b"");
    Connection::open(authority).await.ask(bytes).await.head.status
}

/// A call of the revisions without sessions, as bytes.
fn call(name: &str, arguments: Value) -> Vec<u8> {
    let message = request::stateless(1, "tools/call", json!({"name": name, "arguments": arguments}));
    with_fields(&[("Authorization", "Bearer alice")], &message)
}

/// S-01
#[tokio::test]
async fn several_listeners_have_one_server_behind_them_and_end_together() {
    let (one, first) = place();
    let (other, second) = place();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = server().with_shutdown(async { stopped.await.unwrap_or_default() });
    let serving = tokio::spawn(server.run(Listen::http(one).and(other)));
    let first = within("the first address", first).await.unwrap();
    let second = within("the second address", second).await.unwrap();
    let hello = request::initialize(1, "2025-11-25", json!({}));
    let accept = ("Accept", "application/json, text/event-stream");
    let base = [("Host", HOST), ("Content-Type", "application/json"), accept, ("Authorization", "Bearer alice")];
    let post = request::post(&base, hello.to_string().as_bytes());
    let opened = Connection::open(&first).await.ask(post).await;
    let session = opened.head.header("mcp-session-id").expect("a session begins").to_owned();
    let list = request::stateful(2, "tools/list", json!({})).to_string();
    let version = ("MCP-Protocol-Version", "2025-11-25");
    let post = request::post(&[&base[..], &[("Mcp-Session-Id", &session), version]].concat(), list.as_bytes());
    let listed = Connection::open(&second).await.ask(post).await;
    assert_eq!((listed.head.status, &listed.json()["result"]["tools"][0]["name"]), (200, &json!("look")));
    drop(stop);
    within("the end of the server", serving).await.unwrap().expect("it ends well");
    for authority in [first, second] {
        assert!(TcpStream::connect(authority).await.is_err(), "nobody listens any longer");
    }
}

/// S-03
#[tokio::test]
async fn problems_of_all_listeners_are_told_before_any_of_them_listens() {
    let listened = Arc::new(AtomicBool::new(false));
    let seen = listened.clone();
    let sound = HttpConfig::loopback(0).with_tls_required(false);
    let sound = sound.on_ready(move |_| seen.store(true, Ordering::Relaxed));
    let open = || HttpConfig::new(([192, 0, 2, 1], 0)).with_tls_required(false);
    let bad_path = HttpConfig::loopback(0).with_tls_required(false).with_path("mcp");
    let listen = Listen::http(sound).and(open()).and(bad_path).and(open());
    let server = server();
    assert_eq!(server.check(&listen).len(), 2, "what is wrong twice is said once");
    let error = within("the refusal", server.run(listen)).await.unwrap_err();
    assert_eq!((error.kind(), error.problems().len()), (ErrorKind::Problems, 2));
    assert!(!listened.load(Ordering::Relaxed));
    let twice = |port| Listen::http(HttpConfig::loopback(port)).and(HttpConfig::loopback(port));
    let server = McpServer::builder().with_info("x", "1").with_security_policy(SecurityPolicy::development());
    let server = server.build().unwrap();
    assert_eq!(server.check(&twice(8080)).len(), 1);
    assert_eq!(server.check(&twice(0)), []);
}

#[tokio::test]
async fn readiness_fails_before_a_server_stops_to_serve() {
    let (config, ready) = place();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = server().with_shutdown(async { stopped.await.unwrap_or_default() });
    let serving = tokio::spawn(server.with_drain_delay(Duration::from_secs(3_600)).run(config));
    let authority = within("the address", ready).await.unwrap();
    assert_eq!(status(&authority, "GET /readyz HTTP/1.1").await, 200);
    drop(stop);
    within("readiness to fail", async { while status(&authority, "GET /readyz HTTP/1.1").await != 503 {} }).await;
    assert_eq!(status(&authority, "GET /livez HTTP/1.1").await, 200);
    let answer = Connection::open(&authority).await.ask(call("look", json!({}))).await;
    assert_eq!((answer.head.status, &answer.json()["result"]["content"][0]["text"]), (200, &json!("looked")));
    serving.abort();
}

#[tokio::test]
async fn a_server_ends_after_its_drain_delay() {
    let (config, ready) = place();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = server().with_shutdown(async { stopped.await.unwrap_or_default() });
    let serving = tokio::spawn(server.with_drain_delay(Duration::from_millis(20)).run(config));
    within("the address", ready).await.unwrap();
    drop(stop);
    within("the end of the server", serving).await.unwrap().expect("it ends well");
}

/// A call of the example that has begun to say something and goes on.
async fn flooding(served: &Served, key: &str, count: u32) -> Connection {
    let arguments = json!({"name": "flood", "arguments": {"count": count}, "_meta": {"progressToken": 1}});
    let message = request::stateless(1, "tools/call", arguments);
    let mut connection = served.connect().await;
    connection.send(with_fields(&[("Authorization", &bearer(key))], &message)).await;
    assert!(connection.head().await.is_event_stream());
    connection.event().await.expect("it says something");
    connection
}

/// Waits until nobody can connect any longer.
async fn closed(served: &Served) {
    let authority = served.listening.authority();
    within("the listener to close", async { while TcpStream::connect(authority).await.is_ok() {} }).await;
}

#[tokio::test]
async fn a_call_under_way_is_finished_after_the_signal_to_stop_and_the_process_ends_well() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let served = fixture.listen().await;
    let mut call = flooding(&served, &key, 20_000).await;
    kill_process(served.listening.pid(), Signal::TERM).expect("it runs");
    let mut last = None;
    while let Some(event) = call.event().await {
        last = Some(event.json());
    }
    assert_eq!(last.expect("there is an end")["result"]["content"][0]["text"], "flooded");
    drop(call);
    assert!(served.listening.wait().await.success());
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once_and_badly() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let served = fixture.listen().await;
    let call = flooding(&served, &key, u32::MAX).await;
    // Signals that come together are one.
    kill_process(served.listening.pid(), Signal::TERM).expect("it runs");
    closed(&served).await;
    kill_process(served.listening.pid(), Signal::TERM).expect("it still runs");
    served.listening.logs("told to stop once more").await;
    assert_eq!(served.listening.wait().await.code(), Some(2));
    drop(call);
}
