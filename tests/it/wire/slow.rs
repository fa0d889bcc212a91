//! Clients that do not read: they are cut, they cost a bounded amount, and nobody else waits for them.

use std::time::Duration;

use mocopr::security::Limits;
use serde_json::{Value, json};

use super::{
    child,
    sample::{Gauge, limits, text, with_limits},
};
use crate::support::{
    hosted::Hosted,
    http::Connection,
    piped::Piped,
    request::{stateless, stateless_post},
    talk::{Stream, Talk},
};

fn flood() -> Value {
    json!({"name": "flood", "arguments": {}, "_meta": {"io.modelcontextprotocol/logLevel": "debug"}})
}

/// A client that began to read a flood and stopped.
async fn flooded(talk: &mut Talk) -> Stream {
    let mut stream = talk.stream("tools/call", flood()).await;
    talk.next(&mut stream).await.expect("it says something");
    stream
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_its_handler_dropped() {
    let gauge = Gauge::default();
    let limits = Limits { write_stall: Duration::from_millis(200), ..limits() };
    let hosted = Hosted::start(with_limits(&gauge, limits).build().expect("it is well made")).await;
    let mut talk = Talk::stateless(hosted.authority());
    let held = [flooded(&mut talk).await, flooded(&mut talk).await];
    assert_eq!(gauge.begun(), 2);
    let mut other = Talk::stateless(hosted.authority());
    let mut served = 0;
    while gauge.gone() < 2 {
        assert_eq!(text(&other.call("echo", json!({"text": "a"})).await), "a");
        served += 1;
    }
    assert!(served > 0, "others are served meanwhile");
    drop(held);
}

#[tokio::test]
async fn a_flood_that_nobody_reads_costs_a_bounded_amount() {
    let server = child::listen().await;
    let mut lone = Talk::stateless(server.authority());
    let mut session = Talk::stateful(server.authority()).await;
    // What is compiled and allocated once is there before the first look.
    lone.call("echo", json!({"text": "a"})).await;
    session.call("echo", json!({"text": "a"})).await;
    let before = server.resident_kib();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(flooded(&mut lone).await);
    }
    held.push(flooded(&mut session).await);
    // Cut after its stall, a stateless call is gone; that of the session goes on, and nobody hears it.
    server.logs("gone: 3").await;
    for _ in 0..50 {
        lone.call("echo", json!({"text": "a"})).await;
    }
    let grown = server.resident_kib().saturating_sub(before);
    // Four queues of 256 messages of 8 KiB, a replay buffer of 1 MiB, and what the allocator keeps.
    assert!(grown < 24 << 10, "{grown} KiB");
    assert_eq!(session.delete().await.head.status, 204);
    server.logs("gone: 4").await;
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_pipe_that_is_not_read_holds_up_nobody_else() {
    let gauge = Gauge::default();
    let limits = Limits { write_stall: Duration::from_millis(200), ..limits() };
    let server = with_limits(&gauge, limits).build().expect("it is well made");
    let mut stuck = Piped::open(&server);
    stuck.send(&stateless(1, "tools/call", flood())).await;
    gauge.begins(1).await;
    let mut other = Piped::open(&server);
    let mut served = 0;
    while gauge.gone() < 1 {
        other.send(&stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": "a"}}))).await;
        assert_eq!(text(&other.message().await["result"]), "a");
        served += 1;
    }
    assert!(served > 0);
    drop(stuck);
}

#[tokio::test]
async fn a_handler_that_never_stops_talking_is_late_like_a_silent_one() {
    let gauge = Gauge::default();
    let limits = Limits { request: Duration::from_millis(100), ..limits() };
    let hosted = Hosted::start(with_limits(&gauge, limits).build().expect("it is well made")).await;
    let mut talk = Talk::stateless(hosted.authority());
    let told = talk.ask("tools/call", flood()).await;
    assert_eq!(told.answer["error"]["code"], 1504, "{}", told.answer);
    gauge.ends(1).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let told = talk.ask("tools/call", flood()).await;
    assert_eq!(told.answer["error"]["code"], 1504, "{}", told.answer);
    gauge.ends(2).await;
}

#[tokio::test]
async fn a_handler_that_never_stops_talking_leaves_room_for_others_where_nobody_hears_it() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(with_limits(&gauge, limits()).build().expect("it is well made")).await;
    // This client takes no event stream, so what is said before the answer is thrown away.
    let message = stateless(1, "tools/call", flood());
    let post = String::from_utf8(stateless_post(hosted.authority(), &message)).expect("it is text");
    let mut deaf = Connection::open(hosted.authority()).await;
    deaf.send(post.replace("application/json, text/event-stream", "application/json")).await;
    // A session whose client is gone: the call goes on, and nobody hears it.
    let mut session = Talk::stateful(hosted.authority()).await;
    drop(flooded(&mut session).await);
    gauge.begins(2).await;
    let mut other = Talk::stateless(hosted.authority());
    for _ in 0..20 {
        assert_eq!(text(&other.call("echo", json!({"text": "a"})).await), "a");
    }
    assert_eq!(gauge.gone(), 0);
    drop(deaf);
    gauge.ends(1).await;
    assert_eq!(session.delete().await.head.status, 204);
    gauge.ends(2).await;
}
