//! What ends a call early, and what does not: a lost connection, `notifications/cancelled`, the end of a session.

use serde_json::{Value, json};

use super::{
    child,
    sample::{Gauge, server, text},
};
use crate::support::{
    hosted::Hosted,
    piped::Piped,
    process::Ended,
    recorder::Recorder,
    request::{initialize, stateful, stateless},
    talk::{STATEFUL, STATELESS, Talk},
};

/// The parameters of a call that wants to hear logs.
fn heard(tool: &str) -> Value {
    json!({"name": tool, "arguments": {}, "_meta": {"io.modelcontextprotocol/logLevel": "debug"}})
}

#[tokio::test]
async fn a_closed_event_stream_drops_the_handler() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::stateless(hosted.authority());
    let mut stream = talk.stream("tools/call", heard("say_and_wait")).await;
    assert_eq!(talk.next(&mut stream).await.expect("it says something")["method"], "notifications/message");
    assert_eq!((gauge.begun(), gauge.gone()), (1, 0));
    drop(stream);
    gauge.ends(1).await;
}

#[tokio::test]
async fn a_connection_that_closes_before_the_answer_drops_the_handler() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::stateless(hosted.authority());
    let message = talk.request("tools/call", json!({"name": "wait", "arguments": {}}));
    let connection = talk.send(&message).await;
    gauge.begins(1).await;
    assert_eq!(gauge.gone(), 0);
    drop(connection);
    gauge.ends(1).await;
}

#[tokio::test]
async fn a_call_of_a_session_goes_on_without_its_connection() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let message = talk.request("tools/call", json!({"name": "wait_for_another", "arguments": {}}));
    let connection = talk.send(&message).await;
    gauge.begins(1).await;
    drop(connection);
    // By the time these are answered the server has seen the end of the connection.
    for _ in 0..8 {
        talk.ask("ping", json!({})).await;
    }
    assert_eq!(gauge.gone(), 0);
    talk.call("another", json!({})).await;
    gauge.ends(2).await;
}

#[tokio::test]
async fn a_streamed_call_of_a_session_goes_on_and_its_answer_is_kept() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let mut stream = talk.stream("tools/call", json!({"name": "count", "arguments": {"to": 1}})).await;
    assert_eq!(talk.next(&mut stream).await.expect("it counts")["params"]["data"], 0);
    let (id, last) = (stream.id.clone(), stream.last.clone());
    drop(stream);
    for _ in 0..8 {
        talk.ask("ping", json!({})).await;
    }
    assert_eq!(gauge.gone(), 0);
    talk.call("another", json!({})).await;
    let mut rest = talk.listen(last.as_deref()).await;
    let answer = talk.next(&mut rest).await.expect("the answer was kept");
    assert_eq!((&answer["id"], text(&answer["result"])), (&id, "counted"));
    assert_eq!(talk.next(&mut rest).await, None);
}

#[tokio::test]
async fn a_cancelled_call_of_a_session_is_dropped_and_never_answered() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let message = talk.request("tools/call", json!({"name": "wait", "arguments": {}}));
    let mut connection = talk.send(&message).await;
    gauge.begins(1).await;
    assert_eq!(talk.tell("notifications/cancelled", json!({"requestId": message["id"]})).await, 202);
    gauge.ends(1).await;
    let answer = connection.answer().await;
    assert_eq!((answer.head.status, answer.text().as_str()), (202, ""));

    let mut stream = talk.stream("tools/call", heard("say_and_wait")).await;
    talk.next(&mut stream).await.expect("it says something");
    assert_eq!(talk.tell("notifications/cancelled", json!({"requestId": stream.id})).await, 202);
    assert_eq!(talk.next(&mut stream).await, None);
    gauge.ends(2).await;
}

#[tokio::test]
async fn the_end_of_a_session_drops_its_calls() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let mut stream = talk.stream("tools/call", heard("say_and_wait")).await;
    talk.next(&mut stream).await.expect("it says something");
    assert_eq!(talk.delete().await.head.status, 204);
    gauge.ends(1).await;
    assert_eq!(talk.next(&mut stream).await, None);
}

#[tokio::test]
async fn nobody_cancels_the_call_of_another() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut mine = Talk::stateful(hosted.authority()).await;
    let mut theirs = Talk::stateful(hosted.authority()).await;
    let mut nobody = Talk::stateless(hosted.authority());
    let message = mine.request("tools/call", json!({"name": "wait_for_another", "arguments": {}}));
    let mut connection = mine.send(&message).await;
    gauge.begins(1).await;
    for talk in [&mut theirs, &mut nobody] {
        assert_eq!(talk.tell("notifications/cancelled", json!({"requestId": message["id"]})).await, 202);
    }
    // Nor does its owner by the same number as a text, or by nothing.
    for id in [json!({"requestId": message["id"].to_string()}), json!({"requestId": null}), json!({}), json!({"id": 1})]
    {
        assert_eq!(mine.tell("notifications/cancelled", id).await, 202);
    }
    assert_eq!(gauge.gone(), 0);
    theirs.call("another", json!({})).await;
    let answer = connection.answer().await.json();
    mine.recorder.received(&answer);
    assert_eq!(text(&answer["result"]), "another");
}

#[tokio::test]
async fn a_cancelled_call_on_a_pipe_is_dropped_and_never_answered() {
    let gauge = Gauge::default();
    let server = server(&gauge);
    let mut pipe = Piped::open(&server);
    pipe.send(&stateless(1, "tools/call", json!({"name": "wait", "arguments": {}}))).await;
    gauge.begins(1).await;
    for id in [json!("1"), json!(2), json!(null), json!([1])] {
        pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})).await;
    }
    pipe.send(&stateless(2, "server/discover", json!({}))).await;
    assert_eq!(pipe.message().await["id"], 2);
    assert_eq!(gauge.gone(), 0);
    pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    gauge.ends(1).await;
    // The id is free again.
    let mut recorder = Recorder::new(STATELESS);
    let again = stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": "a"}}));
    recorder.sent(&again);
    pipe.send(&again).await;
    let answer = pipe.message().await;
    recorder.received(&answer);
    assert_eq!(text(&answer["result"]), "a");
    pipe.finish().await;
    assert_eq!(pipe.next().await, None, "nothing else is ever said");
}

#[tokio::test]
async fn a_cancelled_call_of_a_session_on_a_pipe_is_dropped_and_never_answered() {
    let gauge = Gauge::default();
    let server = server(&gauge);
    let mut pipe = Piped::open(&server);
    let mut recorder = Recorder::new(STATEFUL);
    let hello = initialize(0, STATEFUL, json!({}));
    recorder.sent(&hello);
    pipe.send(&hello).await;
    recorder.received(&pipe.message().await);
    pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    pipe.send(&stateful("a", "tools/call", json!({"name": "wait", "arguments": {}}))).await;
    gauge.begins(1).await;
    pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "a"}})).await;
    gauge.ends(1).await;
    let ping = stateful(1, "ping", json!({}));
    recorder.sent(&ping);
    pipe.send(&ping).await;
    recorder.received(&pipe.message().await);
    pipe.finish().await;
    assert_eq!(pipe.next().await, None, "nothing else is ever said");
}

#[tokio::test]
async fn a_cancelled_listen_stream_on_a_pipe_says_nothing_more() {
    let gauge = Gauge::default();
    let server = server(&gauge);
    let mut pipe = Piped::open(&server);
    let mut recorder = Recorder::new(STATELESS);
    let listen = stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    recorder.sent(&listen);
    pipe.send(&listen).await;
    recorder.received(&pipe.message().await);
    server.tools().announce();
    let changed = pipe.message().await;
    recorder.received(&changed);
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    pipe.send(&stateless(2, "server/discover", json!({}))).await;
    assert_eq!(pipe.message().await["id"], 2);
    server.tools().announce();
    pipe.finish().await;
    assert_eq!(pipe.next().await, None);
}

#[tokio::test]
async fn a_cancelled_call_on_standard_streams_is_dropped_and_never_answered() {
    let mut lines = child::start().await;
    lines.send(&stateless(1, "tools/call", json!({"name": "wait", "arguments": {}}))).await;
    lines.logs("begun: 1").await;
    lines.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    lines.logs("gone: 1").await;
    lines.send(&stateless(2, "server/discover", json!({}))).await;
    assert_eq!(lines.message().await["id"], 2);
    let Ended { status, rest, .. } = lines.end().await;
    assert!(status.success());
    assert_eq!(rest, [""; 0]);
}

#[tokio::test]
async fn an_id_under_way_is_not_taken_twice() {
    let gauge = Gauge::default();
    let server = server(&gauge);
    let mut pipe = Piped::open(&server);
    let mut recorder = Recorder::new(STATELESS);
    let first = stateless(1, "tools/call", json!({"name": "wait_for_another", "arguments": {}}));
    pipe.send(&first).await;
    gauge.begins(1).await;
    let second = stateless(1, "tools/call", json!({"name": "another", "arguments": {}}));
    recorder.sent(&second);
    pipe.send(&second).await;
    let refused = pipe.message().await;
    recorder.received(&refused);
    assert_eq!((refused["error"]["code"].as_i64(), &refused["id"]), (Some(-32600), &json!(1)));
    assert_eq!((gauge.begun(), gauge.gone()), (1, 0), "the second was not begun, the first not ended");
    let third = stateless("1", "tools/call", json!({"name": "another", "arguments": {}}));
    recorder.sent(&first);
    recorder.sent(&third);
    pipe.send(&third).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = pipe.message().await;
        recorder.received(&answer);
        ids.push(answer["id"].clone());
    }
    assert!(ids.contains(&json!(1)) && ids.contains(&json!("1")), "{ids:?}");
}

#[tokio::test]
async fn a_server_that_stops_answers_what_is_under_way_and_takes_nothing_new() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let authority = hosted.authority().to_owned();
    let mut stateless = Talk::stateless(&authority);
    let mut session = Talk::stateful(&authority).await;
    let mut open = Vec::new();
    for talk in [&mut stateless, &mut session] {
        let message = talk.request("tools/call", json!({"name": "soon"}));
        open.push(talk.send(&message).await);
    }
    gauge.begins(2).await;
    hosted.stop().await;
    for (mut connection, talk) in open.into_iter().zip([&mut stateless, &mut session]) {
        let answer = connection.answer().await.json();
        talk.recorder.received(&answer);
        assert_eq!(text(&answer["result"]), "here");
    }
    assert!(tokio::net::TcpStream::connect(&authority).await.is_err(), "nobody listens");
}
