//! Standard streams of a process: nothing but the protocol, and an end that comes when it should.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    child,
    sample::{limits, text},
};
use crate::support::{
    process::{Ended, Lined},
    recorder::Recorder,
    request::{initialize, stateful, stateless},
    talk::{STATEFUL, STATELESS},
};

/// The longest that a process may take to end; it should take less than a second, and machines are busy.
const PROMPTLY: Duration = Duration::from_secs(10);

fn call(id: impl Into<Value>, tool: &str) -> Value {
    let arguments = if tool == "echo" { json!({"text": "a"}) } else { json!({}) };
    stateless(id, "tools/call", json!({"name": tool, "arguments": arguments}))
}

/// Sends a request and checks the next message, which must be its answer.
async fn ask(lines: &mut Lined, recorder: &mut Recorder, message: &Value) -> Value {
    recorder.sent(message);
    lines.send(message).await;
    let answer = lines.message().await;
    recorder.received(&answer);
    answer
}

#[tokio::test]
async fn what_a_handler_prints_does_not_reach_the_protocol() {
    let mut lines = child::start().await;
    let mut recorder = Recorder::new(STATELESS);
    for id in 0..3 {
        let answer = ask(&mut lines, &mut recorder, &call(id, "print")).await;
        assert_eq!(text(&answer["result"]), "printed");
    }
    lines.logs("printed by a handler").await;
    let Ended { status, rest, .. } = lines.end().await;
    assert!(status.success());
    assert_eq!(rest, [""; 0]);
}

#[tokio::test]
async fn a_line_above_the_cap_is_answered_once_and_the_next_one_is_read() {
    let mut lines = child::start().await;
    let mut recorder = Recorder::new(STATELESS);
    let cap = limits().message_bytes;
    for length in [cap + 1, 10 * cap, 200 * cap] {
        lines.send_bytes(&vec![b'x'; length]).await;
        lines.send_bytes(b"\n").await;
        let refused = lines.message().await;
        recorder.received(&refused);
        assert_eq!((refused["error"]["code"].as_i64(), refused.get("id")), (Some(-32600), None), "{length}");
        assert_eq!(text(&ask(&mut lines, &mut recorder, &call(length, "echo")).await["result"]), "a");
    }
    // One at the cap is read, whatever ends it.
    for end in ["\n", "\r\n"] {
        let mut line = call(1, "echo").to_string();
        line.extend(std::iter::repeat_n(' ', cap - line.len()));
        recorder.sent(&call(1, "echo"));
        lines.send_bytes(format!("{line}{end}").as_bytes()).await;
        let answer = lines.message().await;
        recorder.received(&answer);
        assert_eq!(text(&answer["result"]), "a");
    }
    assert!(lines.end().await.status.success());
}

#[tokio::test]
async fn lines_in_pieces_and_lines_together_are_the_same() {
    let mut lines = child::start().await;
    let mut recorder = Recorder::new(STATELESS);
    let together: String = (0..20).map(|id| format!("{}\n\n\r\n", call(id, "echo"))).collect();
    for id in 0..20 {
        recorder.sent(&call(id, "echo"));
    }
    for piece in together.as_bytes().chunks(7) {
        lines.send_bytes(piece).await;
    }
    for _ in 0..20 {
        recorder.received(&lines.message().await);
    }
    assert_eq!(recorder.unanswered(), [""; 0]);
    assert!(lines.end().await.status.success());
}

#[tokio::test]
async fn a_last_line_without_its_line_break_is_answered() {
    let mut lines = child::start().await;
    lines.send_bytes(call(1, "echo").to_string().as_bytes()).await;
    let Ended { status, rest, .. } = lines.end().await;
    assert!(status.success());
    assert_eq!(rest.len(), 1, "{rest:?}");
    let answer: Value = serde_json::from_str(&rest[0]).expect("it is JSON");
    let mut recorder = Recorder::new(STATELESS);
    recorder.sent(&call(1, "echo"));
    recorder.received(&answer);
    assert_eq!(text(&answer["result"]), "a");
}

#[tokio::test]
async fn the_process_ends_with_its_input_whatever_a_handler_does() {
    let idle = child::start().await;
    assert_ends(idle).await;
    let mut waiting = child::start().await;
    waiting.send(&call(1, "wait")).await;
    waiting.send(&stateless(2, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}))).await;
    waiting.logs("begun: 1").await;
    assert_eq!(waiting.message().await["method"], "notifications/subscriptions/acknowledged");
    assert_ends(waiting).await;
    let mut asking = child::start().await;
    let hello = initialize(0, STATEFUL, json!({"elicitation": {}}));
    asking.send(&hello).await;
    assert_eq!(asking.message().await["id"], 0);
    asking.send(&stateful(1, "tools/call", json!({"name": "book", "arguments": {"what": "a"}}))).await;
    assert_eq!(asking.message().await["method"], "elicitation/create");
    assert_ends(asking).await;
}

async fn assert_ends(lines: Lined) {
    let start = Instant::now();
    let Ended { status, rest, .. } = lines.end().await;
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < PROMPTLY, "{:?}", start.elapsed());
    assert!(rest.iter().all(|line| !line.contains("\"method\"")), "{rest:?}");
}

#[tokio::test]
async fn the_process_finishes_what_is_under_way_when_it_is_told_to_end() {
    let mut lines = child::start().await;
    let mut recorder = Recorder::new(STATELESS);
    recorder.sent(&call(1, "soon"));
    lines.send(&call(1, "soon")).await;
    lines.logs("begun: 1").await;
    lines.terminate();
    let mut told = Vec::new();
    while let Some(line) = lines.line().await {
        told.push(serde_json::from_str::<Value>(&line).expect("it is JSON"));
    }
    told.iter().for_each(|message| recorder.received(message));
    assert_eq!(told.iter().map(|message| &message["id"]).collect::<Vec<_>>(), [1], "{told:?}");
    assert_eq!(text(&told[0]["result"]), "here");
    assert!(lines.end().await.status.success());
}

#[tokio::test]
async fn a_message_of_a_handler_is_one_line_whatever_it_holds() {
    let mut lines = child::start().await;
    let mut recorder = Recorder::new(STATELESS);
    for odd in
        ["a\nb", "a\r\nb", "\u{2028}\u{2029}\u{85}", "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}\n", "\u{0}\u{1b}[2J"]
    {
        let message = stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": odd}}));
        let answer = ask(&mut lines, &mut recorder, &message).await;
        assert_eq!(text(&answer["result"]), odd);
    }
    assert!(lines.end().await.status.success());
}
