//! Streams of a session that are lost and taken up again: exactly what was missed, and only of one's own.

use mocopr::security::Limits;
use serde_json::{Value, json};

use super::sample::{Gauge, items, limits, server, text, with_limits};
use crate::support::{
    hosted::Hosted,
    http::Connection,
    talk::{Stream, Talk},
};

/// Begins a call that counts to 5, and reads the first number.
async fn counting(talk: &mut Talk) -> (Stream, Vec<Value>) {
    let mut stream = talk.stream("tools/call", json!({"name": "count", "arguments": {"to": 5}})).await;
    let first = talk.next(&mut stream).await.expect("it counts");
    assert_eq!(first["params"]["data"], 0);
    (stream, vec![first])
}

async fn rest(talk: &mut Talk, stream: &mut Stream) -> Vec<Value> {
    let mut all = Vec::new();
    while let Some(message) = talk.next(stream).await {
        all.push(message);
    }
    all
}

/// Numbers that were said, with the answer's text at the end.
fn said(messages: &[Value]) -> Vec<Value> {
    let one = |message: &Value| match message.get("result") {
        Some(result) => json!(text(result)),
        None => message["params"]["data"].clone(),
    };
    messages.iter().map(one).collect()
}

#[tokio::test]
async fn a_stream_goes_on_exactly_after_the_event_that_was_read_last() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let (mut stream, mut heard) = counting(&mut talk).await;
    let from_the_start = stream.last.clone();
    talk.call("another", json!({})).await;
    heard.push(talk.next(&mut stream).await.expect("it goes on"));
    let last = stream.last.clone();
    drop(stream);
    for _ in 0..4 {
        talk.call("another", json!({})).await;
    }
    let mut again = talk.listen(last.as_deref()).await;
    heard.extend(rest(&mut talk, &mut again).await);
    assert_eq!(said(&heard), [json!(0), json!(1), json!(2), json!(3), json!(4), json!("counted")]);

    // Another client of the same session that had read only the first event.
    talk.recorder.sent(&json!({"id": heard[5]["id"], "method": "tools/call"}));
    let mut again = talk.listen(from_the_start.as_deref()).await;
    let replayed = rest(&mut talk, &mut again).await;
    assert_eq!(replayed, heard[1..]);
}

#[tokio::test]
async fn the_priming_event_is_enough_to_come_back() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let mut stream = talk.stream("tools/call", json!({"name": "leave", "arguments": {}})).await;
    let priming = stream.event().await.expect("a stream begins with an id");
    assert!(priming.data.is_empty() && priming.id.is_some() && priming.retry.is_some());
    assert_eq!(talk.next(&mut stream).await, None, "the server closes the stream");
    talk.call("another", json!({})).await;
    let mut again = talk.listen(priming.id.as_deref()).await;
    assert_eq!(said(&rest(&mut talk, &mut again).await), [json!("came back")]);
}

#[tokio::test]
async fn the_events_of_another_session_stay_its_own() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut mine = Talk::stateful(hosted.authority()).await;
    let theirs = Talk::stateful(hosted.authority()).await;
    let (stream, _) = counting(&mut mine).await;
    let last = stream.last.clone().expect("events have ids");
    assert_refused(hosted.authority(), &theirs, &last).await;
    let own = theirs.listen(None).await;
    assert!(own.head.is_event_stream());
}

#[tokio::test]
async fn an_event_id_with_any_change_is_refused() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let (stream, _) = counting(&mut talk).await;
    let last = stream.last.clone().expect("events have ids");
    for at in 0..last.len() {
        let mut changed = last.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_refused(hosted.authority(), &talk, &String::from_utf8(changed).expect("it is ASCII")).await;
    }
    let cut = &last[..last.len() - 1];
    for wrong in [cut, &format!("{last}A"), "0", "1", "x", &"A".repeat(4_000)] {
        assert_refused(hosted.authority(), &talk, wrong).await;
    }
    let twice = format!("{last}\r\nLast-Event-ID: {last}");
    let answer = Connection::open(hosted.authority()).await.ask(talk.get(Some(&twice))).await;
    assert_eq!(answer.head.status, 400);
}

#[tokio::test]
async fn what_is_too_long_ago_is_refused_and_never_skipped() {
    let limits = Limits { replay_events: items(2), ..limits() };
    let server = with_limits(&Gauge::default(), limits).build().expect("it is well made");
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let (mut stream, _) = counting(&mut talk).await;
    let first = stream.last.clone().expect("events have ids");
    for _ in 0..5 {
        talk.call("another", json!({})).await;
    }
    let numbers = talk.take(&mut stream, 3).await;
    let fourth = stream.last.clone().expect("events have ids");
    assert_eq!(said(&Vec::from(numbers)), [1, 2, 3]);
    rest(&mut talk, &mut stream).await;
    assert_refused(hosted.authority(), &talk, &first).await;
    talk.recorder.sent(&json!({"id": stream.id, "method": "tools/call"}));
    let mut again = talk.listen(Some(&fourth)).await;
    assert_eq!(said(&rest(&mut talk, &mut again).await), [json!(4), json!("counted")]);
}

#[tokio::test]
async fn a_second_stream_of_a_session_takes_the_place_of_the_first() {
    let server = server(&Gauge::default());
    let tools = server.tools();
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let mut first = talk.listen(None).await;
    first.event().await.expect("a stream begins with an id");
    tools.announce();
    assert_eq!(talk.next(&mut first).await.expect("it is told")["method"], "notifications/tools/list_changed");
    let mut second = talk.listen(None).await;
    second.event().await.expect("a stream begins with an id");
    assert_eq!(talk.next(&mut first).await, None, "the first one ends");
    for _ in 0..3 {
        tools.announce();
        assert_eq!(talk.next(&mut second).await.expect("it is told")["method"], "notifications/tools/list_changed");
    }
}

#[tokio::test]
async fn changes_between_two_streams_of_a_session_are_told_on_the_second() {
    let server = server(&Gauge::default());
    let tools = server.tools();
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let mut first = talk.listen(None).await;
    tools.announce();
    talk.next(&mut first).await.expect("it is told");
    let last = first.last.clone();
    drop(first);
    for _ in 0..4 {
        talk.ask("ping", json!({})).await;
    }
    tools.announce();
    tools.announce();
    let mut second = talk.listen(last.as_deref()).await;
    assert_eq!(talk.next(&mut second).await.expect("it is told")["method"], "notifications/tools/list_changed");
}

async fn assert_refused(authority: &str, talk: &Talk, last: &str) {
    let answer = Connection::open(authority).await.ask(talk.get(Some(last))).await;
    assert!(!answer.head.is_event_stream(), "{last}");
    assert_eq!(answer.json()["error"]["code"], -32602, "{last}");
    talk.recorder.beside().received(&answer.json());
}
