//! Metrics: they tell what happened and nothing of who wrote what, and only to whoever may read them.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use mocopr::{
    ErrorKind,
    metrics::security::{SecurityMetrics, SecurityMetricsBuilder},
    prelude::*,
    security::{RateLimit, RateLimitPolicy, Secret},
    testing::TestClient,
};
use serde_json::json;
use tokio::net::TcpStream;

use super::{
    fixture::Fixture,
    guarded::{Guarded, bearer, policy},
};
use crate::support::{
    hosted::Hosted,
    http::{Answer, Connection},
    request,
};

#[tool]
async fn echo(text: String) -> String {
    text
}

#[tool(requires(scope = "notes:write"))]
async fn write() -> Result<String, Failure> {
    Err(Failure::caller("there is no paper"))
}

fn all() -> SecurityMetricsBuilder {
    SecurityMetrics::builder()
        .with_authentication_failures(true)
        .with_rate_limit_violations(true)
        .with_request_size_monitoring(true)
        .with_error_rate_monitoring(true)
}

/// Metrics that are served, and where they are once the server is ready.
fn served(builder: SecurityMetricsBuilder) -> (SecurityMetrics, Arc<OnceLock<SocketAddr>>) {
    let ready = Arc::new(OnceLock::new());
    let told = Arc::clone(&ready);
    let listening = move |address| told.set(address).expect("it listens once");
    (builder.with_listener("127.0.0.1:0").on_listening(listening).build(), ready)
}

async fn send(address: SocketAddr, line: &str, fields: &[(&str, &str)]) -> Answer {
    Connection::open(&address.to_string()).await.ask(request::request(line, fields, b"")).await
}

async fn scrape(address: SocketAddr) -> String {
    let answer = send(address, "GET /metrics HTTP/1.1", &[("Host", &address.to_string())]).await;
    assert_eq!(answer.head.status, 200);
    assert_eq!(answer.head.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.head.header("cache-control"), Some("no-store"));
    answer.text()
}

fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|written| written == *line), "{line}\n{text}");
    }
}

/// S-95
#[tokio::test]
async fn a_collector_reads_what_happened() {
    let (metrics, address) = served(all());
    let principal = Some(RateLimit::per_minute(60).with_burst(6));
    let policy = policy().with_rate_limiting(RateLimitPolicy { principal, ..RateLimitPolicy::unlimited() });
    let guarded =
        Guarded::start(policy, |builder| builder.with_tool(echo).with_tool(write).with_metrics(metrics)).await;
    let address = *address.get().expect("metrics are served before the server is ready");

    let call = |name: &str| request::stateless(1, "tools/call", json!({"name": name, "arguments": {"text": "x"}}));
    let as_alice = bearer("alice");
    let alice = [("Authorization", as_alice.as_str())];
    guarded.ask(&[], &call("echo")).await;
    guarded.ask(&alice, &call("echo")).await;
    guarded.ask(&alice, &call("echo")).await;
    guarded.ask(&alice, &call("write")).await;
    guarded.ask(&alice, &call("MADE-UP-name")).await;
    guarded.ask(&alice, &request::stateless(1, "tools/list", json!({}))).await;
    guarded.ask(&alice, &request::stateless(1, "resources/read", json!({"uri": "file:///MADE-UP"}))).await;
    guarded.ask(&alice, &call("echo")).await;
    guarded.send("POST /mcp HTTP/1.1", &[("Origin", "https://MADE-UP.example.com")], b"{}").await;

    let text = scrape(address).await;
    assert_has(
        &text,
        &[
            "mocopr_authentication_failures_total{reason=\"no credential\"} 1",
            "mocopr_rate_limit_hits_total{kind=\"principal\"} 1",
            "mocopr_rate_limit_hits_total{kind=\"address\"} 0",
            "mocopr_refusals_total{decision=\"refused\",reason=\"authentication\"} 1",
            "mocopr_refusals_total{decision=\"refused\",reason=\"rate\"} 1",
            "mocopr_refusals_total{decision=\"refused\",reason=\"origin\"} 1",
            "mocopr_refusals_total{decision=\"step_up\",reason=\"scope\"} 1",
            "mocopr_refusals_total{decision=\"unknown\",reason=\"unknown_name\"} 1",
            "mocopr_refusals_total{decision=\"unknown\",reason=\"resource_absent\"} 1",
            "mocopr_calls_total{method=\"tools/call\",target=\"echo\",outcome=\"success\"} 2",
            "mocopr_calls_total{method=\"tools/call\",target=\"write\",outcome=\"refused\"} 1",
            "mocopr_calls_total{method=\"tools/call\",target=\"other\",outcome=\"refused\"} 2",
            "mocopr_calls_total{method=\"tools/list\",outcome=\"success\"} 1",
            "mocopr_calls_total{method=\"resources/read\",outcome=\"refused\"} 1",
            "mocopr_call_seconds_count{method=\"tools/call\",target=\"echo\"} 2",
            "mocopr_request_bytes_count 7",
            "mocopr_sessions 0",
            "mocopr_open_streams 0",
            "mocopr_calls_under_way 0",
        ],
    );
    assert!(!text.contains("MADE-UP"), "what a peer writes is no label\n{text}");
    assert!(text.lines().any(|line| line.starts_with("mocopr_connections ")), "{text}");
}

/// S-95
#[tokio::test]
async fn whoever_calls_the_listener_of_metrics_wrongly_is_told_nothing() {
    let token = "0123456789abcdef0123456789abcdef";
    let (metrics, address) = served(all().with_bearer_token(Secret::new(token.to_owned())));
    let guarded = Guarded::start(policy(), |builder| builder.with_metrics(metrics)).await;
    let address = *address.get().expect("metrics are served before the server is ready");
    let (host, bearer) = (address.to_string(), bearer(token));
    let known = [("Host", host.as_str()), ("Authorization", bearer.as_str())];
    for (status, line, fields) in [
        (403, "GET /metrics HTTP/1.1", &[("Host", "evil.example.com"), known[1]][..]),
        (403, "GET /metrics HTTP/1.1", &[known[0], known[1], ("Origin", "http://localhost")]),
        (401, "GET /metrics HTTP/1.1", &known[..1]),
        (401, "GET /metrics HTTP/1.1", &[known[0], ("Authorization", "Bearer wrong")]),
        (404, "GET /mcp HTTP/1.1", &known),
        (404, "GET / HTTP/1.1", &known),
        (405, "POST /metrics HTTP/1.1", &known),
        (405, "DELETE /metrics HTTP/1.1", &known),
    ] {
        let answer = send(address, line, fields).await;
        assert_eq!((answer.head.status, answer.text().as_str()), (status, ""), "{line} {fields:?}");
        assert_eq!(answer.head.header("x-content-type-options"), Some("nosniff"));
    }
    let mut large = known.to_vec();
    let long = "x".repeat(10_000);
    large.push(("X-Long", &long));
    assert_eq!(send(address, "GET /metrics HTTP/1.1", &large).await.head.status, 431);
    assert_eq!(send(address, "GET /metrics HTTP/1.1", &known).await.head.status, 200);
    // The endpoint of the protocol knows nothing of them.
    assert_eq!(guarded.send("GET /metrics HTTP/1.1", &[], b"").await.head.status, 404);
}

/// S-95
#[tokio::test]
async fn metrics_are_served_beside_standard_streams_and_end_with_them() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let settings = [("MOCOPR_METRICS_BIND", "127.0.0.1:0"), ("MOCOPR_STDIO_TOKEN", key.as_str())];
    let mut streams = fixture.streams_with(None, &settings);
    let echo = json!({"name": "echo", "arguments": {"text": "here"}});
    streams.ask(&request::stateless(1, "tools/call", echo), &mut Vec::new()).await;
    streams.logs("metrics on http://").await;
    let log = streams.log();
    let url = log.lines().find_map(|line| line.strip_prefix("metrics on http://")).expect("the address is told");
    let address: SocketAddr = url.trim_end_matches("/metrics").parse().expect("it is an address");
    let text = scrape(address).await;
    assert_has(&text, &["mocopr_calls_total{method=\"tools/call\",target=\"echo\",outcome=\"success\"} 1"]);
    assert_eq!(streams.end().await.status.code(), Some(0));
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any longer");
}

/// S-95, S-03
#[tokio::test]
async fn metrics_that_cannot_be_served_keep_a_server_from_starting() {
    let server = || McpServer::builder().with_info("counted", "1.0.0");
    let problems = |metrics: SecurityMetrics| {
        let error = server().with_metrics(metrics).build().expect_err("it is not built");
        error.problems().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let open = problems(all().with_listener("10.0.0.5:9464").build());
    assert_eq!(open.len(), 1);
    assert!(open[0].contains("with_bearer_token"), "{open:?}");
    assert_eq!(problems(all().with_listener("anywhere").build()).len(), 1);
    let twice = server().with_metrics(all().build()).with_metrics(all().build()).build().expect_err("it comes once");
    assert!(twice.to_string().contains("with_metrics"), "{twice}");

    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let server = server()
        .with_metrics(all().with_listener(address).build())
        .with_security_policy(SecurityPolicy::development())
        .build()
        .expect("nothing is wrong so far");
    let error = server.run_http(HttpConfig::loopback(0)).await.expect_err("the address is taken");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("for metrics"), "{error}");
}

/// S-95
#[tokio::test]
async fn a_listener_of_metrics_ends_with_its_server() {
    let (metrics, address) = served(all());
    let server = McpServer::builder()
        .with_info("counted", "1.0.0")
        .with_metrics(metrics.clone())
        .with_security_policy(SecurityPolicy::development());
    let hosted = Hosted::start(server.build().expect("it is well described")).await;
    let address = *address.get().expect("metrics are served before the server is ready");
    assert_has(&scrape(address).await, &["mocopr_sessions 0"]);
    hosted.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any longer");
    assert!(!metrics.text().contains("mocopr_sessions"), "what is gone measures nothing, and is not kept");
}

/// S-95
#[tokio::test]
async fn names_that_clients_make_up_add_no_line() {
    let metrics = all().build();
    let server = McpServer::builder().with_info("counted", "1.0.0").with_tool(echo).with_metrics(metrics.clone());
    let server = server.build().expect("it is well described");
    let mut client = TestClient::connect(&server).await.expect("it answers");
    client.call_tool("echo", json!({"text": "x"})).await.expect("it echoes");
    client.call_tool("unknown", json!({})).await.expect_err("there is none");
    let lines = metrics.text().lines().count();
    for number in 0..2_000 {
        client.call_tool(&format!("made up {number}"), json!({})).await.expect_err("there is none");
    }
    let text = metrics.text();
    assert_eq!(text.lines().count(), lines, "{text}");
    assert_has(&text, &["mocopr_calls_total{method=\"tools/call\",target=\"other\",outcome=\"refused\"} 2001"]);
}
