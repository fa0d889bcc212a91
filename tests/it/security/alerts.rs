//! Alerts: who reaches a threshold over the wire is told of once, to a callback and to a webhook.

use std::sync::{Arc, Mutex};

use mocopr::{
    metrics::security::{Alert, AlertingConfig},
    prelude::*,
    security::Secret,
    testing::{ManualClock, TestClient},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::guarded::{Guarded, bearer, policy};
use crate::support::{request, within};

#[tool]
async fn fail() -> Result<String, Failure> {
    Err(Failure::caller("it never works"))
}

#[tool]
async fn work() -> &'static str {
    "done"
}

/// A callback, and what it was told.
fn told() -> (impl Fn(&Alert) + Send + Sync + 'static, Arc<Mutex<Vec<Alert>>>) {
    let told: Arc<Mutex<Vec<Alert>>> = Arc::default();
    let kept = told.clone();
    (move |alert: &Alert| kept.lock().expect("nobody panics").push(*alert), told)
}

/// S-96
#[tokio::test]
async fn failed_credentials_raise_one_alert_in_their_window() {
    let (call, told) = told();
    let clock = ManualClock::new();
    let alerting = AlertingConfig::builder().with_threshold("auth_failures_per_minute", 10).on_alert(call).build();
    let of_2026 = clock.clone();
    let guarded =
        Guarded::start(policy(), |builder| builder.with_tool(work).with_alerting(alerting).with_clock(of_2026)).await;
    let list = request::stateless(1, "tools/list", json!({}));
    let count = || told.lock().expect("nobody panics").len();
    for _ in 0..9 {
        assert_eq!(guarded.ask(&[], &list).await.head.status, 401);
    }
    assert_eq!(guarded.ask(&[("Authorization", &bearer("alice"))], &list).await.head.status, 200);
    assert_eq!(count(), 0);
    for _ in 0..30 {
        guarded.ask(&[], &list).await;
    }
    assert_eq!(count(), 1);
    let alert = told.lock().expect("nobody panics")[0];
    assert_eq!((alert.name, alert.value, alert.threshold), ("auth_failures_per_minute", 10.0, 10.0));
    assert_eq!(alert.unix.as_secs(), 1_767_225_600, "the time of the server's clock");

    clock.advance(std::time::Duration::from_secs(61));
    for _ in 0..10 {
        guarded.ask(&[], &list).await;
    }
    assert_eq!(count(), 2, "the next window");
}

/// S-96
#[tokio::test]
async fn calls_that_fail_raise_an_alert_by_their_share() {
    let (call, told) = told();
    let alerting = AlertingConfig::builder().with_threshold("error_rate_percentage", 50.0).on_alert(call).build();
    let server = McpServer::builder().with_info("watched", "1.0.0").with_tool(fail).with_tool(work);
    let server = server.with_alerting(alerting).build().expect("it is well described");
    let mut client = TestClient::connect(&server).await.expect("it answers");
    for _ in 0..10 {
        client.call_tool("work", json!({})).await.expect("it works");
    }
    for _ in 0..9 {
        assert!(client.call_tool("fail", json!({})).await.expect("it answers").is_error());
        client.request("tools/list", json!({})).await.expect("it answers");
    }
    assert!(told.lock().expect("nobody panics").is_empty(), "9 of 19");
    client.call_tool("fail", json!({})).await.expect("it answers");
    assert_eq!(told.lock().expect("nobody panics").len(), 1, "10 of 20");
}

/// S-96
#[tokio::test]
async fn an_alert_is_posted_until_a_webhook_takes_it() {
    let hook = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let url = format!("http://{}/hook", hook.local_addr().expect("it is bound"));
    let alerting = AlertingConfig::builder()
        .with_threshold("refusals_per_minute", 1)
        .with_webhook_on_insecure_loopback(Secret::new(url))
        .build();
    let guarded = Guarded::start(policy(), |builder| builder.with_alerting(alerting)).await;
    for _ in 0..3 {
        guarded.ask(&[], &request::stateless(1, "tools/list", json!({}))).await;
    }
    let refused = posted(&hook, "503 Service Unavailable").await;
    let taken = posted(&hook, "204 No Content").await;
    assert_eq!(refused, taken, "the same alert");
    let unix = taken["unix_seconds"].as_u64().expect("it has a time");
    assert!(unix > 1_700_000_000);
    let wanted = json!({
        "alert": "refusals_per_minute", "value": 1.0, "threshold": 1.0, "window_seconds": 60, "unix_seconds": unix
    });
    assert_eq!(taken, wanted);
}

/// The message of the next request to this webhook, which is answered so.
async fn posted(hook: &TcpListener, status: &str) -> Value {
    let (mut stream, _) = within("a request to the webhook", hook.accept()).await.expect("it comes");
    let mut text = String::new();
    while !text.ends_with('}') {
        let mut bytes = [0; 4096];
        let read = within("the request", stream.read(&mut bytes)).await.expect("it can be read");
        assert!(read > 0, "it ended early: {text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).expect("it is text"));
    }
    assert!(text.starts_with("POST /hook HTTP/1.1\r\n"), "{text}");
    let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.expect("it listens");
    let (_, body) = text.split_once("\r\n\r\n").expect("it has a body");
    serde_json::from_str(body).expect("it is JSON")
}

/// S-96, S-03
#[tokio::test]
async fn alerts_that_say_nothing_keep_a_server_from_being_built() {
    let alerting = AlertingConfig::builder().with_threshold("auth_failures_per_hour", 1).build();
    let error = McpServer::builder().with_info("watched", "1.0.0").with_alerting(alerting).build();
    let error = error.expect_err("it is not built").to_string();
    assert!(error.contains("auth_failures_per_hour") && error.contains("auth_failures_per_minute"), "{error}");
    let good = || AlertingConfig::builder().with_threshold("refusals_per_minute", 1).build();
    let twice = McpServer::builder().with_info("watched", "1.0.0").with_alerting(good()).with_alerting(good());
    assert!(twice.build().expect_err("it comes once").to_string().contains("with_alerting"));
}
