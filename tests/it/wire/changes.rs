//! What clients are told without asking again: changes of lists and resources, to those who want them and no others.

use mocopr::{Guarded, McpServer, prelude::*, security::Limits};
use serde_json::{Value, json};

use super::sample::{Gauge, items, limits, server, with_limits};
use crate::support::{
    hosted::Hosted,
    http::Connection,
    piped::Piped,
    recorder::Recorder,
    request::{initialize, stateful, stateless},
    talk::{STATEFUL, STATELESS, Talk},
    within,
};

fn listen(filter: Value) -> Value {
    json!({"notifications": filter})
}

/// Everything changes once, each after the other.
fn change_everything(server: &Handles) {
    let (tools, prompts, resources) = server;
    tools.insert(Tool::new("new").handler(|_: Value| async { "" })).expect("it is well made");
    prompts.announce();
    resources.announce();
    resources.updated("test://a");
    resources.updated("test://b");
    resources.updated("test://nothing");
    resources.updated("not a URI");
}

type Handles = (mocopr::registry::Tools, mocopr::registry::Prompts, mocopr::registry::Resources);

fn handles(server: &McpServer<Guarded>) -> Handles {
    (server.tools(), server.prompts(), server.resources())
}

fn method(message: &Value) -> &str {
    message["method"].as_str().and_then(|method| method.strip_prefix("notifications/")).unwrap_or("an answer")
}

#[tokio::test]
async fn a_listen_stream_is_told_of_what_it_asked_for_and_of_nothing_else() {
    let server = server(&Gauge::default());
    let handles = handles(&server);
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::stateless(hosted.authority());
    for (filter, told) in [
        (json!({"toolsListChanged": true}), ["tools/list_changed"].as_slice()),
        (json!({"promptsListChanged": true, "toolsListChanged": false}), &["prompts/list_changed"]),
        (json!({"resourcesListChanged": true}), &["resources/list_changed"]),
        (json!({"resourceSubscriptions": ["test://a"]}), &["resources/updated"]),
        (
            json!({"toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
                "resourceSubscriptions": ["test://a", "test://b"]}),
            &[
                "tools/list_changed",
                "prompts/list_changed",
                "resources/list_changed",
                "resources/updated",
                "resources/updated",
            ],
        ),
    ] {
        let mut stream = talk.stream("subscriptions/listen", listen(filter.clone())).await;
        let first = talk.next(&mut stream).await.expect("it is acknowledged");
        assert_eq!(method(&first), "subscriptions/acknowledged");
        change_everything(&handles);
        let heard = talk.take(&mut stream, told.len()).await;
        assert_eq!(heard.iter().map(method).collect::<Vec<_>>(), told, "{filter}");
        for message in heard.iter().chain([&first]) {
            assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], stream.id, "{message}");
        }
        // What would come next had it come: one more change of the same kind is the next thing heard.
        change_everything(&handles);
        assert_eq!(method(&talk.next(&mut stream).await.expect("it goes on")), told[0]);
        drop(stream);
    }
}

#[tokio::test]
async fn the_acknowledgement_names_what_is_honoured() {
    let server = server(&Gauge::default());
    let handles = handles(&server);
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::stateless(hosted.authority());
    let filter = json!({"resourceSubscriptions": ["test://a", "test://absent", "TEST://a", "family://x", "no uri"]});
    let mut stream = talk.stream("subscriptions/listen", listen(filter)).await;
    let honoured = talk.next(&mut stream).await.expect("it is acknowledged");
    let uris = honoured["params"]["notifications"]["resourceSubscriptions"].as_array().expect("some are honoured");
    assert!(uris.contains(&json!("test://a")) && uris.contains(&json!("family://x")), "{uris:?}");
    assert!(!uris.contains(&json!("test://absent")) && !uris.contains(&json!("no uri")), "{uris:?}");
    handles.2.updated("test://absent");
    handles.2.updated("family://y");
    handles.2.updated("family://x");
    let told = talk.next(&mut stream).await.expect("it is told");
    assert_eq!(told["params"]["uri"], "family://x");
    let nothing = talk.ask("subscriptions/listen", listen(json!({"resourceSubscriptions": vec!["a:b"; 1_025]}))).await;
    assert_eq!(nothing.answer["error"]["code"], -32602);
}

#[tokio::test]
async fn a_listen_stream_ends_with_its_answer_when_the_server_stops() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateless(hosted.authority());
    let mut stream = talk.stream("subscriptions/listen", listen(json!({"toolsListChanged": true}))).await;
    talk.next(&mut stream).await.expect("it is acknowledged");
    let (last, ()) = tokio::join!(
        async {
            let last = talk.next(&mut stream).await;
            assert_eq!(talk.next(&mut stream).await, None);
            last
        },
        hosted.stop()
    );
    let last = last.expect("the stream ends with its answer");
    assert_eq!((&last["id"], method(&last)), (&stream.id, "an answer"));
}

#[tokio::test]
async fn the_stream_of_a_session_is_told_of_lists_and_of_the_resources_it_subscribes_to() {
    let server = server(&Gauge::default());
    let handles = handles(&server);
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let mut other = Talk::stateful(hosted.authority()).await;
    let mut stream = talk.listen(None).await;
    let mut others = other.listen(None).await;
    assert_eq!(talk.ask("resources/subscribe", json!({"uri": "test://a"})).await.answer["result"], json!({}));
    let lists = ["tools/list_changed", "prompts/list_changed", "resources/list_changed"];
    change_everything(&handles);
    let heard = talk.take(&mut stream, 4).await;
    assert_eq!(heard.iter().map(method).collect::<Vec<_>>(), [&lists[..], &["resources/updated"]].concat());
    assert_eq!(heard[3]["params"]["uri"], "test://a");
    let heard = other.take(&mut others, 3).await;
    assert_eq!(heard.iter().map(method).collect::<Vec<_>>(), lists, "the other one subscribed to nothing");

    assert_eq!(talk.ask("resources/unsubscribe", json!({"uri": "test://a"})).await.answer["result"], json!({}));
    change_everything(&handles);
    change_everything(&handles);
    for (talk, stream) in [(&mut talk, &mut stream), (&mut other, &mut others)] {
        let heard = talk.take(stream, 3).await;
        assert!(heard.iter().all(|message| method(message).ends_with("list_changed")), "{heard:?}");
        assert!(heard.iter().all(|message| message["params"].get("_meta").is_none()), "{heard:?}");
    }
    for (request, uri) in [("resources/subscribe", "test://absent"), ("resources/subscribe", "no uri")] {
        let told = talk.ask(request, json!({"uri": uri})).await;
        assert_eq!(told.answer["error"]["code"], -32002, "{uri}");
    }
}

#[tokio::test]
async fn a_session_on_a_pipe_is_told_after_its_handshake_is_done() {
    let server = server(&Gauge::default());
    let handles = handles(&server);
    let mut pipe = Piped::open(&server);
    let mut recorder = Recorder::new(STATEFUL);
    for message in [initialize(0, STATEFUL, json!({})), stateful(1, "resources/subscribe", json!({"uri": "test://b"}))]
    {
        recorder.sent(&message);
        pipe.send(&message).await;
        recorder.received(&pipe.message().await);
    }
    change_everything(&handles);
    let ping = stateful(2, "ping", json!({}));
    recorder.sent(&ping);
    pipe.send(&ping).await;
    let answer = pipe.message().await;
    assert_eq!(answer["id"], 2, "nothing is said before the client is ready");
    recorder.received(&answer);
    pipe.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    let mut heard = Vec::new();
    for _ in 0..4 {
        let message = pipe.message().await;
        recorder.received(&message);
        heard.push(message);
    }
    let wanted = ["tools/list_changed", "prompts/list_changed", "resources/list_changed", "resources/updated"];
    assert_eq!(heard.iter().map(method).collect::<Vec<_>>(), wanted);
    assert_eq!(heard[3]["params"]["uri"], "test://b");
}

#[tokio::test]
async fn two_listen_streams_on_one_pipe_are_told_apart() {
    let server = server(&Gauge::default());
    let (tools, _, resources) = handles(&server);
    let mut pipe = Piped::open(&server);
    let mut recorder = Recorder::new(STATELESS);
    for (id, filter) in
        [(json!(1), json!({"toolsListChanged": true})), (json!("1"), json!({"resourceSubscriptions": ["test://a"]}))]
    {
        let message = stateless(id, "subscriptions/listen", listen(filter));
        recorder.sent(&message);
        pipe.send(&message).await;
        recorder.received(&pipe.message().await);
    }
    tools.announce();
    let heard = pipe.message().await;
    recorder.received(&heard);
    let id = "io.modelcontextprotocol/subscriptionId";
    assert_eq!((method(&heard), &heard["params"]["_meta"][id]), ("tools/list_changed", &json!(1)));
    resources.updated("test://a");
    let heard = pipe.message().await;
    recorder.received(&heard);
    assert_eq!((method(&heard), &heard["params"]["_meta"][id]), ("resources/updated", &json!("1")));
}

#[tokio::test]
async fn streams_have_a_cap_and_their_places_come_back() {
    let limits = Limits { streams_per_principal: items(3), ..limits() };
    let server = with_limits(&Gauge::default(), limits).build().expect("it is well made");
    let tools = server.tools();
    let hosted = Hosted::start(server).await;
    let mut talk = Talk::stateless(hosted.authority());
    let session = Talk::stateful(hosted.authority()).await;
    let mut held = vec![session.listen(None).await];
    for _ in 0..2 {
        held.push(talk.stream("subscriptions/listen", listen(json!({"toolsListChanged": true}))).await);
    }
    let told = talk.ask("subscriptions/listen", listen(json!({"toolsListChanged": true}))).await;
    assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (503, Some(1503)));
    assert_eq!(told.head.header("retry-after"), Some("1"));
    let refused = Connection::open(hosted.authority()).await.ask(session.get(None)).await;
    assert_eq!(refused.head.status, 503);
    drop(held);
    // The server notices at its next word, or when it sees the end of the connection.
    within("a free place", async {
        loop {
            tools.announce();
            let message = talk.request("subscriptions/listen", listen(json!({"toolsListChanged": true})));
            let mut connection = Connection::open(hosted.authority()).await;
            connection.send(talk.post(&message)).await;
            if connection.head().await.status == 200 {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_subscribes_to_a_bounded_number_of_resources() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    for number in 0..256 {
        let told = talk.ask("resources/subscribe", json!({"uri": format!("family://{number}")})).await;
        assert_eq!(told.answer["result"], json!({}), "{number}");
    }
    let told = talk.ask("resources/subscribe", json!({"uri": "family://256"})).await;
    assert_eq!(told.answer["error"]["code"], -32602);
    // One that is there already takes no place, and one that is given up gives its place back.
    talk.ask("resources/unsubscribe", json!({"uri": "family://absent"})).await;
    for (method, number) in [("subscribe", 0), ("unsubscribe", 7), ("subscribe", 256)] {
        let told = talk.ask(&format!("resources/{method}"), json!({"uri": format!("family://{number}")})).await;
        assert_eq!(told.answer["result"], json!({}), "{method} {number}");
    }
}
