//! Batches of 2025-03-26: what is answered, in which form, and when a call of one ends.

use std::num::NonZeroUsize;

use mocopr::{prelude::*, security::Limits};
use serde_json::{Value, json};

use super::{
    child,
    sample::{Gauge, builder, limits, server, text, with_limits},
};
use crate::support::{
    hosted::Hosted,
    http::Connection,
    piped::Piped,
    recorder::Recorder,
    request::{initialize, stateful},
    talk::Talk,
};

/// The one revision that has batches.
pub(super) const BATCHES: &str = "2025-03-26";

/// A call of a tool.
pub(super) fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    stateful(id, "tools/call", json!({"name": tool, "arguments": arguments}))
}

fn echo(id: impl Into<Value>, text: &str) -> Value {
    call(id, "echo", json!({"text": text}))
}

fn cancel(id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id.into()}})
}

/// A pipe after its handshake.
pub(super) async fn pipe<P>(server: &McpServer<P>, revision: &str) -> Piped {
    let mut pipe = Piped::open(server);
    pipe.send(&initialize("hello", revision, json!({"sampling": {}}))).await;
    assert_eq!(pipe.message().await["result"]["protocolVersion"], revision);
    pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    pipe
}

/// Sends a batch over HTTP and reads the whole answer: its status and its messages, of which an array is one.
async fn exchange(talk: &mut Talk, batch: &Value) -> (u16, bool, Vec<Value>) {
    let answer = talk.send(batch).await.answer().await;
    let messages = answer.messages();
    messages.iter().for_each(|message| talk.recorder.received(message));
    (answer.head.status, answer.head.is_event_stream(), messages)
}

/// The elements of the one array that was answered, by id.
fn by_id(mut messages: Vec<Value>) -> Vec<Value> {
    assert_eq!(messages.len(), 1, "{messages:?}");
    let Some(Value::Array(mut all)) = messages.pop() else { panic!("it is an array") };
    all.sort_by_key(|message| message["id"].to_string());
    all
}

/// One of everything.
fn mixed() -> Value {
    json!([
        stateful(1, "ping", json!({})),
        echo("two", "a"),
        {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"},
        stateful(3, "tools/list", json!({})),
        call(4, "no_such_tool", json!({})),
        stateful(5, "no/such/method", json!({})),
        call(6, "echo", json!({"text": 7})),
        {"jsonrpc": "2.0", "id": 77, "result": {}},
        call(8, "soon", json!({})),
    ])
}

fn assert_mixed(answers: &[Value]) {
    let of = |id: Value| answers.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("no {id}"));
    assert_eq!(answers.len(), 7, "{answers:?}");
    assert_eq!(of(json!(1))["result"], json!({}));
    assert_eq!(text(&of(json!("two"))["result"]), "a");
    assert!(of(json!(3))["result"]["tools"].is_array());
    for (id, code) in [(4, -32602), (5, -32601), (6, -32602)] {
        assert_eq!(of(json!(id))["error"]["code"], code);
    }
    assert_eq!(text(&of(json!(8))["result"]), "here");
}

#[tokio::test]
async fn a_batch_is_answered_in_one_array_on_every_transport() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let (status, is_stream, messages) = exchange(&mut talk, &mixed()).await;
    assert_eq!((status, is_stream), (200, false));
    let over_http = by_id(messages);
    assert_mixed(&over_http);

    let other = server(&gauge);
    let mut pipe = pipe(&other, BATCHES).await;
    pipe.send(&mixed()).await;
    assert_eq!(by_id(vec![pipe.message().await]), over_http);

    let mut stdio = child::start().await;
    stdio.ask(&initialize("hello", BATCHES, json!({})), &mut Vec::new()).await;
    stdio.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    stdio.send(&mixed()).await;
    assert_eq!(by_id(vec![stdio.message().await]), over_http);
    assert!(stdio.end().await.status.success());
}

#[tokio::test]
async fn what_needs_no_answer_gets_none() {
    let gauge = Gauge::default();
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let response = json!({"jsonrpc": "2.0", "id": 9, "result": {}});
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let other = server(&gauge);
    let mut pipe = pipe(&other, BATCHES).await;
    let own_end = json!([call(1, "wait", json!({})), cancel(1)]);
    let unread = json!([{"jsonrpc": "2.0", "error": {"code": -32700, "message": "a"}}]);
    for batch in [json!([note]), json!([note, response, note]), json!([response]), own_end, unread] {
        talk.recorder = talk.recorder.beside();
        assert_eq!(exchange(&mut talk, &batch).await, (202, false, vec![]), "{batch}");
        pipe.send(&batch).await;
        pipe.send(&stateful("fence", "ping", json!({}))).await;
        assert_eq!(pipe.message().await["id"], "fence", "{batch}");
    }
}

#[tokio::test]
async fn once_a_member_says_something_each_answer_leaves_alone() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let progress = |id: i32| {
        let meta = json!({"progressToken": format!("token-{id}")});
        stateful(id, "tools/call", json!({"name": "progress", "arguments": {}, "_meta": meta}))
    };
    let batch = json!([progress(1), echo(2, "a"), progress(3), call(4, "soon", json!({}))]);
    let (status, is_stream, messages) = exchange(&mut talk, &batch).await;
    assert_eq!((status, is_stream), (200, true));
    for id in [1, 3] {
        let said: Vec<&Value> =
            messages.iter().filter(|said| said["params"]["progressToken"] == format!("token-{id}")).collect();
        let at = |is: &Value| messages.iter().position(|message| message == is);
        let answer = messages.iter().position(|message| message["id"] == id).expect("it is answered");
        assert!(!said.is_empty() && said.iter().all(|said| at(said) < Some(answer)), "{messages:?}");
    }
    assert!(talk.recorder.unanswered().is_empty());
    assert!(messages.iter().all(Value::is_object), "no answer waits for another: {messages:?}");
    assert_eq!(messages.last().expect("something came")["id"], 4, "the slowest is the last");

    // A stream of lines has room beside the array.
    let other = server(&gauge);
    let mut pipe = pipe(&other, BATCHES).await;
    let mut recorder = Recorder::new(BATCHES);
    recorder.sent(&batch);
    pipe.send(&batch).await;
    let mut before = Vec::new();
    let answers = loop {
        let message = pipe.message().await;
        recorder.received(&message);
        if message.is_array() {
            break by_id(vec![message]);
        }
        before.push(message);
    };
    assert_eq!(answers.len(), 4);
    assert!(before.iter().all(|said| said["method"] == "notifications/progress") && before.len() >= 2, "{before:?}");
}

#[tokio::test]
async fn a_client_that_takes_no_stream_gets_the_array_alone() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let batch = json!([call(1, "logs", json!({})), echo(2, "a")]);
    talk.recorder.sent(&batch);
    let post = String::from_utf8(talk.post(&batch)).expect("it is text");
    let post = post.replace("application/json, text/event-stream", "application/json");
    let answer = Connection::open(hosted.authority()).await.ask(post).await;
    talk.recorder.received(&answer.json());
    let answers = by_id(answer.messages());
    assert_eq!((text(&answers[0]["result"]), text(&answers[1]["result"])), ("logged", "a"));
}

#[tokio::test]
async fn a_stream_of_a_batch_can_be_taken_up_again() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let batch = json!([call(101, "count", json!({"to": 1})), call(102, "wait_for_another", json!({}))]);
    let mut connection = talk.send(&batch).await;
    assert!(connection.head().await.is_event_stream());
    let first = connection.event().await.expect("it logs a number");
    assert_eq!(first.json()["params"]["data"], 0, "no event without data comes before it");
    drop(connection);
    // Both go on without their client, and end now.
    assert_eq!(text(&talk.call("another", json!({})).await), "one");
    gauge.ends(3).await;
    let mut rest = talk.listen(first.id.as_deref()).await;
    let mut ids = [talk.next(&mut rest).await, talk.next(&mut rest).await]
        .map(|answer| answer.expect("it is kept")["id"].clone());
    ids.sort_by_key(Value::to_string);
    assert_eq!(ids, [json!(101), json!(102)]);
    assert_eq!(talk.next(&mut rest).await, None);
}

#[tokio::test]
async fn the_answer_of_a_cancelled_member_is_missing() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let batch = json!([call(1, "wait", json!({})), echo(2, "a"), cancel(1)]);
    talk.recorder.sent(&batch);
    talk.recorder.cancelled(&json!(1));
    let answer = Connection::open(hosted.authority()).await.ask(talk.post(&batch)).await;
    talk.recorder.received(&answer.json());
    assert_eq!(by_id(answer.messages())[0]["id"], 2);
    // From elsewhere, while it runs.
    let batch = json!([call(3, "wait", json!({})), echo(4, "a"), call(5, "wait", json!({}))]);
    let mut connection = talk.send(&batch).await;
    gauge.begins(2).await;
    for id in [3, 5] {
        talk.recorder.cancelled(&json!(id));
        assert_eq!(talk.tell("notifications/cancelled", json!({"requestId": id})).await, 202);
    }
    let answers = by_id(connection.answer().await.messages());
    assert_eq!((answers.len(), &answers[0]["id"]), (1, &json!(4)));
}

#[tokio::test]
async fn fifty_calls_go_on_without_their_connection_until_their_session_ends() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let batch: Value = (100..150).map(|id| call(id, "wait", json!({}))).collect();
    let connection = talk.send(&batch).await;
    gauge.begins(50).await;
    drop(connection);
    // By the time these are answered the server has seen the end of the connection.
    for _ in 0..8 {
        talk.ask("ping", json!({})).await;
    }
    assert_eq!(gauge.gone(), 0);
    assert_eq!(talk.delete().await.head.status, 204);
    gauge.ends(50).await;

    let other = server(&gauge);
    let mut pipe = pipe(&other, BATCHES).await;
    pipe.send(&batch).await;
    gauge.begins(100).await;
    drop(pipe);
    gauge.ends(100).await;
}

#[tokio::test]
async fn each_call_of_a_batch_takes_a_place_of_its_own() {
    let gauge = Gauge::default();
    let two = NonZeroUsize::new(2).expect("it is not zero");
    let limits = Limits { calls_per_principal: two, ..limits() };
    let hosted = Hosted::start(with_limits(&gauge, limits).build().expect("it is well made")).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let batch =
        json!([call(1, "soon", json!({})), call(2, "soon", json!({})), echo(3, "a"), stateful(4, "ping", json!({}))]);
    let answers = by_id(exchange(&mut talk, &batch).await.2);
    assert_eq!(
        answers.iter().map(|answer| answer["error"]["code"].as_i64()).collect::<Vec<_>>(),
        [None, None, Some(1503), None]
    );
    assert_eq!(text(&talk.call("echo", json!({"text": "a"})).await), "a", "the places are free again");
}

#[tokio::test]
async fn each_call_of_a_batch_has_its_own_time() {
    let gauge = Gauge::default();
    let limits = Limits { request: std::time::Duration::from_millis(400), ..limits() };
    let hosted = Hosted::start(with_limits(&gauge, limits).build().expect("it is well made")).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let batch = json!([call(1, "late", json!({})), call(2, "soon", json!({})), call(3, "wait", json!({}))]);
    let answers = by_id(exchange(&mut talk, &batch).await.2);
    let codes: Vec<_> = answers.iter().map(|answer| answer["error"]["code"].as_i64()).collect();
    assert_eq!(codes, [Some(1504), None, Some(1504)]);
    // One that never stops talking is late as well, and does not keep the others from their turn.
    let batch = json!([call(4, "flood", json!({})), echo(5, "a"), call(6, "soon", json!({}))]);
    let (_, is_stream, messages) = exchange(&mut talk, &batch).await;
    assert!(is_stream);
    let of = |id: i32| messages.iter().find(|message| message["id"] == id).expect("it is answered");
    assert_eq!(of(4)["error"]["code"], 1504);
    assert_eq!((text(&of(5)["result"]), text(&of(6)["result"])), ("a", "here"));
}

#[tokio::test]
async fn the_answers_of_a_batch_are_together_no_larger_than_one_may_be() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let huge = |id: i32| call(id, "huge", json!({"bytes": 15_000}));
    let answers = by_id(exchange(&mut talk, &json!([huge(1), huge(2), huge(3), echo(4, "a")])).await.2);
    let codes: Vec<_> = answers.iter().map(|answer| answer["error"]["code"].as_i64()).collect();
    assert_eq!(codes, [None, None, Some(-32603), None]);
    assert!(answers[2]["error"]["data"]["incident"].is_string());
}

#[tokio::test]
async fn questions_of_a_batch_are_put_and_answered_by_a_batch() {
    let muse = || {
        Tool::new("muse").handler_with(|_: Value, ctx: &Context| {
            Box::pin(async move { Ok::<_, Failure>(ctx.sample("A word?").await?.text) })
        })
    };
    let server = builder(&Gauge::default()).with_tool(muse()).build().expect("it is well made");
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::in_session(hosted.authority(), BATCHES).await;
    let batch = json!([call(1, "muse", json!({})), call(2, "muse", json!({})), echo(3, "a")]);
    let mut connection = talk.send(&batch).await;
    assert!(connection.head().await.is_event_stream());
    let mut questions = Vec::new();
    let mut answers = Vec::new();
    while questions.len() < 2 {
        let message = connection.event().await.expect("it goes on").json();
        talk.recorder.received(&message);
        let is_question = message["method"] == "sampling/createMessage";
        if is_question { questions.push(message) } else { answers.push(message) }
    }
    let replies: Value = questions
        .iter()
        .map(|question| {
            let content = json!({"type": "text", "text": format!("word {}", question["id"])});
            let result = json!({"role": "assistant", "content": content, "model": "m"});
            json!({"jsonrpc": "2.0", "id": question["id"], "result": result})
        })
        .collect();
    let told = Connection::open(hosted.authority()).await.ask(talk.post(&replies)).await;
    assert_eq!((told.head.status, told.text().as_str()), (202, ""));
    while let Some(event) = connection.event().await {
        talk.recorder.received(&event.json());
        answers.push(event.json());
    }
    let mut texts: Vec<&str> = answers.iter().map(|answer| text(&answer["result"])).collect();
    texts.sort_unstable();
    assert_eq!((texts.len(), texts[0]), (3, "a"));
    assert!(texts[1].starts_with("word ") && texts[1] != texts[2], "{texts:?}");
}
