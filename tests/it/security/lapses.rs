//! Whoever is not believed any longer: open streams and long calls end, and the next message is refused.

use std::{future::pending, time::Duration};

use mocopr::prelude::*;
use serde_json::json;

use super::guarded::{Guarded, ISSUER, bearer, policy, with_fields};
use crate::support::{http::Connection, request, within};

/// Never answers.
#[tool]
async fn wait() -> String {
    pending().await
}

async fn start() -> Guarded {
    Guarded::start(policy(), |builder| builder.with_tool(wait)).await
}

async fn listen(guarded: &Guarded, token: &str) -> Connection {
    let message = request::stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut stream = guarded.connect().await;
    stream.send(with_fields(&[("Authorization", &bearer(token))], &message)).await;
    assert!(stream.head().await.is_event_stream());
    assert!(stream.event().await.is_some(), "the acknowledgement");
    stream
}

/// Within the time that is promised, and some for a busy machine.
async fn ends(mut stream: Connection) {
    let end = async { while stream.event().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), end).await.expect("the stream ends");
}

/// S-80
#[tokio::test]
async fn streams_end_when_the_principal_or_the_credential_is_revoked() {
    let guarded = start().await;
    let (alice, token, bob) =
        (listen(&guarded, "alice").await, listen(&guarded, "carol.1").await, listen(&guarded, "bob").await);
    guarded.revocations.revoke_principal(ISSUER, "alice");
    guarded.revocations.revoke_credential(ISSUER, "carol.1");
    ends(alice).await;
    ends(token).await;
    let list = request::stateless(2, "tools/list", json!({}));
    let status = async |token: &str| guarded.ask(&[("Authorization", &bearer(token))], &list).await.head.status;
    assert_eq!(status("alice").await, 401);
    assert_eq!(status("carol.1").await, 401);
    assert_eq!(status("carol.2").await, 200, "another token of hers");
    assert_eq!(status("bob").await, 200);
    let mut bob = bob;
    guarded.revocations.revoke_principal(ISSUER, "bob");
    within("the end", async { while bob.event().await.is_some() {} }).await;
}

/// S-80
#[tokio::test]
async fn a_long_call_ends_when_its_caller_is_revoked() {
    let guarded = start().await;
    let message = request::stateless(1, "tools/call", json!({"name": "wait", "arguments": {}}));
    let mut waiting = guarded.connect().await;
    waiting.send(with_fields(&[("Authorization", "Bearer alice")], &message)).await;
    // Once another call is answered the first is under way.
    guarded.ask(&[("Authorization", "Bearer bob")], &request::stateless(1, "tools/list", json!({}))).await;
    guarded.revocations.revoke_principal(ISSUER, "alice");
    let answer = waiting.answer().await;
    assert_eq!((answer.head.status, &answer.json()["error"]["code"]), (401, &json!(1401)));
}

/// S-80
#[tokio::test]
async fn the_stream_of_a_session_ends_when_it_is_revoked_and_its_principal_stays_out() {
    let guarded = start().await;
    let hello = request::initialize(1, "2025-11-25", json!({}));
    let session = &*guarded.open_session("alice", &hello).await;
    let stream = guarded.stream_of("alice", session).await;
    let list = request::stateful(2, "tools/list", json!({}));
    let status = async |session: &str| {
        let fields = [("Authorization", "Bearer alice"), ("Mcp-Session-Id", session)];
        guarded.ask_stateful(&fields, &list).await.head.status
    };
    assert_eq!(status(session).await, 200);
    guarded.sessions.revoke(session);
    ends(stream).await;
    assert_eq!(status(session).await, 404);
    let session = &*guarded.open_session("alice", &hello).await;
    guarded.revocations.revoke_principal(ISSUER, "alice");
    assert_eq!(status(session).await, 401);
}
