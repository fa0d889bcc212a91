//! What ends an open WebSocket while its client has done nothing wrong: its credential, or its owner.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mocopr::{
    WebSocketConfig,
    auth::{ApiKey, ApiKeyFile, ApiKeys},
    prelude::*,
    testing::ManualClock,
};
use serde_json::{Value, json};

use super::guarded::{Guarded, HOST, bearer, policy};
use crate::support::{request, websocket::Socket};

/// Never answers.
#[tool]
async fn wait() -> String {
    std::future::pending().await
}

/// The id of the session that it is called in.
#[tool]
async fn session(ctx: &Context) -> String {
    ctx.session_id().unwrap_or("none").to_owned()
}

async fn listen(policy: SecurityPolicy, with: impl FnOnce(mocopr::ServerBuilder) -> mocopr::ServerBuilder) -> Guarded {
    let config = WebSocketConfig::loopback(0).into();
    Guarded::listen(config, policy, |builder| with(builder.with_tool(wait).with_tool(session))).await
}

async fn open(guarded: &Guarded, field: (&str, &str)) -> Socket {
    Socket::open(guarded.connect().await, HOST, &[field]).await
}

/// The code of the last frame, within the time that is promised and some for a busy machine.
async fn closed(socket: &mut Socket) -> Option<u16> {
    tokio::time::timeout(Duration::from_secs(5), socket.closed()).await.expect("it is closed")
}

/// The text of the answer to a call in a session.
async fn called(socket: &mut Socket, tool: &str) -> String {
    let answer = socket.ask(&request::stateful(1, "tools/call", json!({"name": tool, "arguments": {}}))).await;
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}")).to_owned()
}

/// S-80, P-53
#[tokio::test]
async fn a_socket_is_closed_when_the_time_of_its_token_is_over() {
    let clock = ManualClock::new();
    let of_2026 = clock.clone();
    let guarded = listen(policy(), |builder| builder.with_clock(of_2026)).await;
    let mut brief = open(&guarded, ("Authorization", &bearer("brief"))).await;
    let mut bob = open(&guarded, ("Authorization", &bearer("bob"))).await;
    let list = request::stateless(1, "tools/list", json!({}));
    clock.advance(Duration::from_secs(9));
    assert!(brief.ask(&list).await.get("result").is_some());
    clock.advance(Duration::from_secs(2));
    assert_eq!(closed(&mut brief).await, Some(1008));
    assert!(bob.ask(&list).await.get("result").is_some());
}

/// S-35, S-80
#[tokio::test]
async fn a_socket_is_closed_when_its_key_is_withdrawn() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let file = ApiKeyFile::at(folder.path().join("keys"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let (alice, record) = ApiKey::create("alice", now).expect("a key is made");
    let id = record.id().to_owned();
    file.add(record).expect("it is added");
    let (bob, record) = ApiKey::create("bob", now).expect("a key is made");
    file.add(record).expect("it is added");
    let keys = ApiKeys::from_file(folder.path().join("keys")).expect("the file is sound");
    let policy = SecurityPolicy::strict()
        .with_public_url(format!("https://{HOST}/mcp"))
        .with_authorization_enabled(false)
        .with_authenticator(keys);
    let guarded = listen(policy, |builder| builder).await;
    let mut alice = open(&guarded, ("X-API-Key", alice.expose())).await;
    let mut bob = open(&guarded, ("X-API-Key", bob.expose())).await;
    // A call that is under way does not keep it open.
    alice.send(&request::stateless(1, "tools/call", json!({"name": "wait", "arguments": {}}))).await;
    file.revoke(&id, now).expect("it is withdrawn");
    assert_eq!(closed(&mut alice).await, Some(1008));
    assert!(bob.ask(&request::stateless(1, "tools/list", json!({}))).await.get("result").is_some());
}

/// S-80, P-53
#[tokio::test]
async fn a_session_of_a_socket_is_ended_by_its_id_and_named_by_nobody() {
    let guarded = listen(policy(), |builder| builder).await;
    let alice = ("Authorization", &*bearer("alice"));
    let (mut one, mut other) = (open(&guarded, alice).await, open(&guarded, alice).await);
    let mut ids = Vec::new();
    for socket in [&mut one, &mut other] {
        socket.ask(&request::initialize(0, "2025-11-25", json!({}))).await;
        socket.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        ids.push(called(socket, "session").await);
    }
    assert!(ids[0] != ids[1] && ids[0].len() > 20, "{ids:?}");
    let list = request::stateful(1, "tools/list", json!({}));
    let fields = [alice, ("Mcp-Session-Id", &*ids[0]), ("MCP-Protocol-Version", "2025-11-25")];
    assert_eq!(guarded.ask_stateful(&fields, &list).await.head.status, 404, "no request can name it");

    guarded.sessions.revoke(&ids[0]);
    assert_eq!(closed(&mut one).await, Some(1008));
    assert_eq!(called(&mut other, "session").await, ids[1]);
    // A socket without a session has none that could be ended.
    let mut third = open(&guarded, alice).await;
    let answer: Value =
        third.ask(&request::stateless(1, "tools/call", json!({"name": "session", "arguments": {}}))).await;
    assert_eq!(answer["result"]["content"][0]["text"], "none");
}
