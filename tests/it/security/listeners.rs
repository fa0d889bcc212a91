//! What one listener may narrow: the size of requests, the time of calls, and what browsers are told.

use std::{future::pending, time::Duration};

use mocopr::{CorsConfig, HttpConfig, prelude::*};
use serde_json::json;

use super::guarded::{Guarded, policy};
use crate::support::request;

#[tool]
async fn wait() -> String {
    pending().await
}

async fn start(config: HttpConfig) -> Guarded {
    Guarded::listen(config, policy().with_allowed_origin("https://app.example.com"), |builder| builder.with_tool(wait))
        .await
}

/// S-18
#[tokio::test]
async fn a_request_above_the_size_of_its_listener_is_refused_while_it_is_read() {
    let guarded = start(HttpConfig::loopback(0).with_max_request_size(1_000)).await;
    let list = |padding: usize| request::stateless("x".repeat(padding), "tools/list", json!({}));
    let room = 1_000 - list(0).to_string().len();
    let status =
        async |padding: usize| guarded.ask(&[("Authorization", "Bearer alice")], &list(padding)).await.head.status;
    assert!(room > 300, "an id has 256 bytes at most");
    assert_eq!(status(200).await, 200);
    let large = request::stateless(1, "tools/call", json!({"name": "wait", "arguments": {"a": "x".repeat(1_000)}}));
    assert_eq!(guarded.ask(&[("Authorization", "Bearer alice")], &large).await.head.status, 413);
}

/// S-19
#[tokio::test]
async fn a_call_ends_with_the_time_of_its_listener() {
    let guarded = start(HttpConfig::loopback(0).with_timeout(Duration::from_millis(20))).await;
    let message = request::stateless(1, "tools/call", json!({"name": "wait", "arguments": {}}));
    let answer = guarded.ask(&[("Authorization", "Bearer alice")], &message).await;
    assert_eq!((answer.head.status, &answer.json()["error"]["code"]), (504, &json!(1504)));
}

/// S-17
#[tokio::test]
async fn a_listener_may_let_no_page_read() {
    let list = request::stateless(1, "tools/list", json!({}));
    let fields = [("Authorization", "Bearer alice"), ("Origin", "https://app.example.com")];
    for (cors, reader) in [(CorsConfig::restrictive(), Some("https://app.example.com")), (CorsConfig::Nobody, None)] {
        let guarded = start(HttpConfig::loopback(0).with_cors(cors)).await;
        let answer = guarded.ask(&fields, &list).await;
        assert_eq!((answer.head.status, answer.head.header("access-control-allow-origin")), (200, reader));
    }
}
