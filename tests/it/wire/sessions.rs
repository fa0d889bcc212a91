//! Sessions over HTTP: how they begin, whom they belong to, and how they end.

use std::time::Duration;

use mocopr::{security::Limits, testing::ManualClock};
use serde_json::json;

use super::sample::{self, Gauge, builder, limits, server, with_limits};
use crate::support::{
    hosted::Hosted,
    http::Connection,
    request::{post, stateful},
    talk::{STATEFUL, STATELESS, Talk},
};

#[tokio::test]
async fn an_unknown_session_is_404_whatever_is_asked() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let own = talk.session().to_owned();
    let flipped = format!("{}{}", &own[..own.len() - 1], if own.ends_with('A') { 'B' } else { 'A' });
    for id in ["x", &"a".repeat(5_000), &own[1..], &own.to_lowercase(), &own.to_uppercase(), &flipped] {
        for line in ["POST", "GET", "DELETE"] {
            let answer = ask_as(hosted.authority(), line, &[("Mcp-Session-Id", id)]).await;
            assert_eq!(answer.head.status, 404, "{line} {id}");
            assert_eq!(answer.json()["error"]["code"], 1404);
            assert!(!answer.text().contains(id), "the id is not repeated");
            if line == "POST" {
                talk.recorder.sent(&stateful(1, "tools/list", json!({})));
            }
            talk.recorder.received(&answer.json());
        }
    }
    talk.ask("ping", json!({})).await;
}

#[tokio::test]
async fn a_session_ends_when_it_is_deleted() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let mut stream = talk.listen(None).await;
    let answer = talk.delete().await;
    assert_eq!((answer.head.status, answer.text().as_str()), (204, ""));
    assert_eq!(talk.next(&mut stream).await, None, "its stream ends");
    assert_eq!(talk.delete().await.head.status, 404);
    for line in ["POST", "GET"] {
        let answer = ask_as(hosted.authority(), line, &[("Mcp-Session-Id", talk.session())]).await;
        assert_eq!(answer.head.status, 404, "{line}");
    }
}

#[tokio::test]
async fn an_idle_session_expires_and_one_in_use_does_not() {
    let clock = ManualClock::new();
    let gauge = Gauge::default();
    let limits = Limits { session_idle: Duration::from_secs(60), ..limits() };
    let server = with_limits(&gauge, limits).with_clock(clock.clone()).build().expect("it is well made");
    let hosted = Hosted::start(server).await;
    let mut used = Talk::stateful(hosted.authority()).await;
    let idle = Talk::stateful(hosted.authority()).await;
    let status =
        async |talk: &Talk| ask_as(hosted.authority(), "POST", &[("Mcp-Session-Id", talk.session())]).await.head.status;
    clock.advance(Duration::from_secs(60));
    used.ask("ping", json!({})).await;
    clock.advance(Duration::from_millis(1));
    assert_eq!(status(&idle).await, 404, "after more than a minute");
    clock.advance(Duration::from_secs(60) - Duration::from_millis(1));
    assert_eq!(status(&used).await, 200, "exactly a minute after its last use");
}

#[tokio::test]
async fn sessions_have_a_cap_and_expired_ones_make_room() {
    let clock = ManualClock::new();
    let gauge = Gauge::default();
    let limits = Limits { sessions: sample::items(2), session_idle: Duration::from_secs(60), ..limits() };
    let server = with_limits(&gauge, limits).with_clock(clock.clone()).build().expect("it is well made");
    let hosted = Hosted::start(server).await;
    let first = Talk::stateful(hosted.authority()).await;
    let second = Talk::stateful(hosted.authority()).await;
    let mut third = Talk::stateless(hosted.authority());
    third.recorder = first.recorder.beside();
    for _ in 0..3 {
        let told = third.open_session().await;
        assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (503, Some(1503)));
        assert_eq!(told.head.header("retry-after"), Some("10"));
        assert_eq!(told.head.header("mcp-session-id"), None);
    }
    assert_eq!(second.delete().await.head.status, 204);
    assert_eq!(third.open_session().await.head.status, 200, "a place is free again, and refusals took none");
    assert_eq!(third.open_session().await.head.status, 503);
    clock.advance(Duration::from_secs(61));
    for _ in 0..2 {
        assert_eq!(third.open_session().await.head.status, 200);
    }
    assert_eq!(third.open_session().await.head.status, 503);
}

#[tokio::test]
async fn session_ids_are_long_random_and_visible_ascii() {
    let limits = Limits { sessions: sample::items(200), ..limits() };
    let hosted = Hosted::start(with_limits(&Gauge::default(), limits).build().expect("it is well made")).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let told = talk.open_session().await;
        let id = told.head.header("mcp-session-id").expect("a session begins").to_owned();
        assert!(id.len() >= 43 && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
        assert!(seen.insert(id));
    }
}

#[tokio::test]
async fn a_session_id_that_comes_twice_or_is_not_visible_is_refused() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let talk = Talk::stateful(hosted.authority()).await;
    let id = talk.session();
    for line in ["POST", "GET", "DELETE"] {
        for headers in [[("Mcp-Session-Id", id), ("Mcp-Session-Id", id)], [("Mcp-Session-Id", "é"), ("X", "y")]] {
            let answer = ask_as(hosted.authority(), line, &headers).await;
            assert_eq!((answer.head.status, answer.json()["error"]["code"].as_i64()), (400, Some(-32600)), "{line}");
        }
    }
    assert_eq!(talk.delete().await.head.status, 204, "it is still there");
}

#[tokio::test]
async fn a_message_of_a_session_without_its_id_is_refused() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let answer = ask_as(hosted.authority(), "POST", &[]).await;
    assert_eq!((answer.head.status, answer.json()["error"]["code"].as_i64()), (400, Some(-32600)));
    for line in ["GET", "DELETE"] {
        let answer = ask_as(hosted.authority(), line, &[]).await;
        assert_eq!((answer.head.status, answer.head.header("allow")), (405, Some("POST")), "{line}");
    }
}

#[tokio::test]
async fn a_session_is_spoken_with_in_its_own_revision_alone() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let id = talk.session().to_owned();
    // Without the header the session says which revision it is.
    let ask = async |line: &'static str, version: Option<&'static str>| {
        let mut headers = vec![("Mcp-Session-Id", id.as_str())];
        headers.extend(version.map(|version| ("MCP-Protocol-Version", version)));
        ask_as(hosted.authority(), line, &headers).await.head.status
    };
    assert_eq!(ask("POST", None).await, 200);
    assert_eq!(ask("POST", Some(STATEFUL)).await, 200);
    for version in ["2025-06-18", "2024-11-05", "1999-01-01", "latest", STATELESS] {
        assert_eq!(ask("POST", Some(version)).await, 400, "{version}");
    }
    for line in ["GET", "DELETE"] {
        for version in ["2025-06-18", "1999-01-01", "latest"] {
            assert_eq!(ask(line, Some(version)).await, 400, "{line} {version}");
        }
    }
    talk.ask("ping", json!({})).await;
}

#[tokio::test]
async fn the_level_of_logs_belongs_to_one_session() {
    let hosted = Hosted::start(builder(&Gauge::default()).build().expect("it is well made")).await;
    let mut quiet = Talk::stateful(hosted.authority()).await;
    let mut loud = Talk::stateful(hosted.authority()).await;
    let set = quiet.ask("logging/setLevel", json!({"level": "critical"})).await;
    assert_eq!(set.answer["result"], json!({}));
    loud.ask("logging/setLevel", json!({"level": "debug"})).await;
    let call = json!({"name": "logs", "arguments": {}});
    assert_eq!(quiet.ask("tools/call", call.clone()).await.before.len(), 3);
    assert_eq!(loud.ask("tools/call", call).await.before.len(), 8);
    let wrong = quiet.ask("logging/setLevel", json!({"level": "loud"})).await;
    assert_eq!(wrong.answer["error"]["code"], -32602);
}

/// A request with these headers beside those that every one has; a POST asks for a list.
async fn ask_as(authority: &str, method: &str, headers: &[(&str, &str)]) -> crate::support::http::Answer {
    let mut all = vec![("Host", authority), ("Accept", "application/json, text/event-stream")];
    all.extend(headers);
    let request = if method == "POST" {
        all.push(("Content-Type", "application/json"));
        post(&all, stateful(1, "tools/list", json!({})).to_string().as_bytes())
    } else {
        crate::support::request::request(&format!("{method} /mcp HTTP/1.1"), &all, b"")
    };
    Connection::open(authority).await.ask(request).await
}
