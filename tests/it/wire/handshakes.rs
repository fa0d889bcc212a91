//! How the two eras begin, and that they do not mix: the handshake of sessions, and requests that need none.

use serde_json::{Value, json};

use super::sample::{Gauge, server, text};
use crate::support::{
    hosted::Hosted,
    piped::Piped,
    recorder::Recorder,
    request::{initialize, stateful, stateless},
    talk::{STATEFUL, STATELESS, Talk},
};

async fn ask(pipe: &mut Piped, recorder: &mut Recorder, message: &Value) -> Value {
    recorder.sent(message);
    pipe.send(message).await;
    let answer = pipe.message().await;
    recorder.received(&answer);
    answer
}

#[tokio::test]
async fn a_handshake_gets_the_version_that_it_names_or_else_the_newest_with_sessions() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let known = ["2024-11-05", "2025-03-26", "2025-06-18", STATEFUL].map(|version| (version, version));
    let others = [STATELESS, "1999-01-01", "", "é", " 2025-06-18"].map(|version| (version, STATEFUL));
    for (version, agreed) in known.into_iter().chain(others) {
        let message = initialize(version, version, json!({}));
        let plain = Talk::stateless(hosted.authority()).post(&message);
        talk.recorder.sent(&message);
        let mut connection = crate::support::http::Connection::open(hosted.authority()).await;
        let answer = connection.ask(plain).await;
        talk.recorder.received(&answer.json());
        assert_eq!(answer.json()["result"]["protocolVersion"], agreed, "{version:?}");
        assert!(answer.head.header("mcp-session-id").is_some());
    }
}

#[tokio::test]
async fn a_handshake_that_says_too_little_begins_no_session() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateful(hosted.authority()).await;
    let client = json!({"name": "it", "version": "0"});
    for params in [
        json!({}),
        json!({"protocolVersion": STATEFUL, "capabilities": {}}),
        json!({"protocolVersion": STATEFUL, "clientInfo": client}),
        json!({"capabilities": {}, "clientInfo": client}),
        json!({"protocolVersion": 1, "capabilities": {}, "clientInfo": client}),
        json!({"protocolVersion": STATEFUL, "capabilities": [], "clientInfo": client}),
        json!({"protocolVersion": STATEFUL, "capabilities": {}, "clientInfo": {"name": "it"}}),
        json!({"protocolVersion": "1".repeat(65), "capabilities": {}, "clientInfo": client}),
    ] {
        let told = talk.ask("initialize", params.clone()).await;
        assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (200, Some(-32602)), "{params}");
        assert_eq!(told.head.header("mcp-session-id"), None);
    }
}

#[tokio::test]
async fn what_a_client_says_of_itself_for_people_may_be_long() {
    let mut pipe = Piped::open(&server(&Gauge::default()));
    let long = "x".repeat(5_000);
    let client = json!({"name": "it", "version": "0", "title": long, "description": long, "websiteUrl": long});
    let mut message = initialize(0, STATEFUL, json!({}));
    message["params"]["clientInfo"] = client.clone();
    pipe.send(&message).await;
    assert_eq!(pipe.message().await["result"]["protocolVersion"], STATEFUL);
    let mut pipe = Piped::open(&server(&Gauge::default()));
    let mut message = stateless(1, "tools/list", json!({}));
    message["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = client;
    pipe.send(&message).await;
    assert!(pipe.message().await["result"]["tools"].is_array());
}

#[tokio::test]
async fn a_pipe_has_one_handshake_and_before_it_only_a_ping() {
    let server = server(&Gauge::default());
    let mut pipe = Piped::open(&server);
    let mut recorder = Recorder::new(STATEFUL);
    assert_eq!(ask(&mut pipe, &mut recorder, &stateful(1, "ping", json!({}))).await["result"], json!({}));
    // Without a handshake and without `_meta` it is of no era.
    let early = ask(&mut pipe, &mut recorder, &stateful(2, "tools/list", json!({}))).await;
    assert_eq!((&early["id"], early["error"]["code"].as_i64()), (&json!(2), Some(-32602)));
    let hello = ask(&mut pipe, &mut recorder, &initialize(3, STATEFUL, json!({}))).await;
    assert_eq!(hello["result"]["protocolVersion"], STATEFUL);
    let again = ask(&mut pipe, &mut recorder, &initialize(4, STATEFUL, json!({}))).await;
    assert_eq!(again["error"]["code"], -32600);
    let listed = ask(&mut pipe, &mut recorder, &stateful(5, "tools/list", json!({}))).await;
    assert!(listed["result"]["tools"].is_array(), "the session that there is goes on: {listed}");
}

#[tokio::test]
async fn a_request_that_says_everything_is_answered_in_its_own_era_beside_a_session() {
    let server = server(&Gauge::default());
    let mut pipe = Piped::open(&server);
    let (mut before, mut now) = (Recorder::new(STATEFUL), Recorder::new(STATELESS));
    ask(&mut pipe, &mut before, &initialize(0, STATEFUL, json!({"elicitation": {}}))).await;
    let call = json!({"name": "echo", "arguments": {"text": "a"}});
    let old = ask(&mut pipe, &mut before, &stateful(1, "tools/call", call.clone())).await;
    let new = ask(&mut pipe, &mut now, &stateless(1, "tools/call", call)).await;
    assert_eq!((text(&old["result"]), old["result"].get("resultType")), ("a", None));
    assert_eq!((text(&new["result"]), &new["result"]["resultType"]), ("a", &json!("complete")));
    // What the session declared is not what this request declares.
    let book = json!({"name": "book", "arguments": {"what": "a"}});
    let missing = ask(&mut pipe, &mut now, &stateless(2, "tools/call", book)).await;
    assert_eq!(missing["error"]["code"], -32021);
    for method in ["ping", "logging/setLevel", "resources/subscribe", "initialize"] {
        let unknown = ask(&mut pipe, &mut now, &stateless(3, method, json!({}))).await;
        assert_eq!(unknown["error"]["code"], -32601, "{method}");
    }
    for method in ["server/discover", "subscriptions/listen"] {
        let unknown = ask(&mut pipe, &mut before, &stateful(3, method, json!({}))).await;
        assert_eq!(unknown["error"]["code"], -32601, "{method}");
    }
}

#[tokio::test]
async fn what_one_request_says_of_its_client_is_not_believed_of_the_next() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateless(hosted.authority());
    let mut book = json!({"name": "book", "arguments": {"what": "a"}});
    let told = talk.ask("tools/call", book.clone()).await;
    assert_eq!(told.answer["error"]["code"], -32021);
    book["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    let told = talk.ask("tools/call", book.clone()).await;
    assert_eq!(told.answer["result"]["resultType"], "input_required");
    book.as_object_mut().expect("it is an object").remove("_meta");
    let told = talk.ask("tools/call", book).await;
    assert_eq!(told.answer["error"]["code"], -32021);
}
