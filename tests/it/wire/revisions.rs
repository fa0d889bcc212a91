//! What differs between revisions beside the shape of messages, and servers that serve only some of them.

use mocopr::{
    ErrorKind, Guarded, Revision,
    prelude::*,
    testing::{TestClient, TestError},
};
use serde_json::{Value, json};

use super::{
    batches::pipe,
    sample::{Gauge, builder, server, text},
};
use crate::support::{
    hosted::Hosted,
    http::{Answer, Connection},
    piped::Piped,
    request::{initialize, post, request, stateful, stateful_post, stateless, stateless_post},
    talk::Talk,
};

const STATEFUL: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

fn serving(revisions: &[Revision]) -> McpServer<Guarded> {
    let builder = builder(&Gauge::default()).with_revisions(revisions.iter().copied());
    builder.build().expect("it is well made")
}

async fn ask(pipe: &mut Piped, message: &Value) -> Value {
    pipe.send(message).await;
    pipe.message().await
}

async fn ask_http(hosted: &Hosted, bytes: impl AsRef<[u8]>) -> Answer {
    Connection::open(hosted.authority()).await.ask(bytes).await
}

#[tokio::test]
async fn a_session_needs_no_version_header_and_takes_none_but_its_own() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    for revision in STATEFUL {
        let talk = Talk::in_session(hosted.authority(), revision).await;
        let body = stateful(1, "tools/list", json!({})).to_string();
        let post = |version: Option<&str>| {
            let mut headers = vec![
                ("Host", hosted.authority()),
                ("Content-Type", "application/json"),
                ("Accept", "application/json, text/event-stream"),
                ("Mcp-Session-Id", talk.session()),
            ];
            headers.extend(version.map(|version| ("MCP-Protocol-Version", version)));
            post(&headers, body.as_bytes())
        };
        for version in [None, Some(revision)] {
            assert_eq!(ask_http(&hosted, post(version)).await.head.status, 200, "{revision} {version:?}");
        }
        for other in STATEFUL.into_iter().chain(["1999-01-01", ""]).filter(|other| *other != revision) {
            let answer = ask_http(&hosted, post(Some(other))).await;
            let error = json!({
                "code": -32600,
                "message": "unsupported protocol version",
                "data": {"supported": [revision], "requested": other},
            });
            let expected = json!({"jsonrpc": "2.0", "id": 1, "error": error});
            assert_eq!((answer.head.status, answer.json()), (400, expected), "{revision} {other}");
            let get = talk.get(None).replace(&format!("Version: {revision}"), &format!("Version: {other}"));
            assert_eq!(ask_http(&hosted, get).await.head.status, 400, "{revision} {other}");
        }
    }
}

#[tokio::test]
async fn only_streams_of_2025_11_25_begin_without_a_message_or_are_closed_before_the_answer() {
    for revision in STATEFUL {
        let gauge = Gauge::default();
        let hosted = Hosted::start(server(&gauge)).await;
        let mut talk = Talk::in_session(hosted.authority(), revision).await;
        let meta = json!({"progressToken": "token"});
        let params = json!({"name": "progress", "arguments": {}, "_meta": meta});
        let mut stream = talk.stream("tools/call", params).await;
        let first = stream.event().await.expect("something comes");
        assert_eq!(first.data.is_empty(), revision == "2025-11-25", "{revision}: {first:?}");
        assert_eq!(first.retry.is_some(), revision == "2025-11-25", "{revision}: {first:?}");
        assert!(first.id.is_some(), "a client that comes back says where it was");
        if !first.data.is_empty() {
            talk.recorder.received(&first.json());
        }
        while talk.next(&mut stream).await.is_some() {}
        assert_eq!(talk.recorder.unanswered(), [""; 0]);

        let message = talk.request("tools/call", json!({"name": "leave", "arguments": {}}));
        let mut connection = talk.send(&message).await;
        gauge.begins(1).await;
        if revision == "2025-11-25" {
            assert!(connection.head().await.is_event_stream());
            while connection.event().await.is_some_and(|event| event.data.is_empty()) {}
        } else {
            assert_eq!(text(&talk.call("another", json!({})).await), "one");
            let answer = connection.answer().await;
            assert_eq!(text(&answer.json()["result"]), "came back", "{revision}");
        }
    }
}

#[tokio::test]
async fn the_stream_of_an_older_session_begins_with_the_first_thing_said_and_can_be_taken_up_there() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18"] {
        let server = server(&Gauge::default());
        let prompts = server.prompts();
        let hosted = Hosted::start(server).await;
        let mut talk = Talk::in_session(hosted.authority(), revision).await;
        let mut stream = talk.listen(None).await;
        prompts.announce();
        let first = stream.event().await.expect("something is said");
        assert_eq!(first.json()["method"], "notifications/prompts/list_changed", "{revision}");
        talk.recorder.received(&first.json());
        drop(stream);
        let mut stream = talk.listen(first.id.as_deref()).await;
        prompts.announce();
        let second = talk.next(&mut stream).await.expect("something more is said");
        assert_eq!(second["method"], "notifications/prompts/list_changed", "{revision}");
    }
}

#[tokio::test]
async fn the_test_client_speaks_every_revision_and_hears_where_one_is_not_served() {
    let server = server(&Gauge::default());
    for revision in Revision::ALL {
        let mut client = TestClient::connect_in(&server, revision).await.expect("it is served");
        let echoed = client.call_tool("echo", json!({"text": "a"})).await.expect("it answers");
        assert_eq!(echoed.text(), "a", "{revision}");
        assert_eq!(client.read_resource("test://a").await.expect("it answers").text(), "a", "{revision}");
        let named = json!({"name": "b"});
        assert_eq!(client.get_prompt("greet", named).await.expect("it answers").text(), "Greet b.", "{revision}");
    }
    let old = serving(&[Revision::V2025_06_18]);
    assert_eq!(TestClient::connect_in(&old, Revision::V2025_03_26).await.err(), Some(TestError::Broken));
    assert!(matches!(TestClient::connect(&old).await.err(), Some(TestError::Refused { code: -32022, .. })));
}

#[tokio::test]
async fn a_question_that_a_revision_lacks_is_not_put_whatever_the_client_claims() {
    let server = server(&Gauge::default());
    for revision in ["2024-11-05", "2025-03-26"] {
        let mut pipe = Piped::open(&server);
        let claims = json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}});
        ask(&mut pipe, &initialize(0, revision, claims)).await;
        let book = stateful(1, "tools/call", json!({"name": "book", "arguments": {"what": "a"}}));
        let answer = ask(&mut pipe, &book).await;
        assert_eq!((&answer["id"], answer["error"]["code"].as_i64()), (&json!(1), Some(-32021)), "{answer}");
    }
    let hosted = Hosted::start(self::server(&Gauge::default())).await;
    let mut talk = Talk::in_session(hosted.authority(), "2025-03-26").await;
    let told = talk.ask("tools/call", json!({"name": "book", "arguments": {"what": "a"}})).await;
    assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (200, Some(-32021)));
}

#[tokio::test]
async fn a_server_without_sessions_says_so() {
    let newest = [Revision::NEWEST_STATELESS];
    let hosted = Hosted::start(serving(&newest)).await;
    let served = serving(&newest);
    let supported = json!(["2026-07-28"]);
    for version in ["2025-11-25", "2024-11-05", "1"] {
        let hello = initialize(1, version, json!({}));
        let data = json!({"supported": supported, "requested": version});
        let answer = ask_http(&hosted, stateful_post(hosted.authority(), None, &hello)).await;
        assert_eq!((answer.head.status, answer.head.header("mcp-session-id")), (400, None));
        assert_eq!((&answer.json()["error"]["code"], &answer.json()["error"]["data"]), (&json!(-32022), &data));
        let mut pipe = Piped::open(&served);
        assert_eq!(ask(&mut pipe, &hello).await, answer.json());
        assert_eq!(ask(&mut pipe, &stateful(2, "ping", json!({}))).await["error"]["code"], -32601);
        assert!(ask(&mut pipe, &stateless(3, "tools/list", json!({}))).await["result"]["tools"].is_array());
    }
    let list = stateful(1, "tools/list", json!({}));
    let old = stateful_post(hosted.authority(), Some(("x", "2025-11-25")), &list);
    let answer = ask_http(&hosted, old).await;
    assert_eq!((answer.head.status, &answer.json()["error"]["code"]), (400, &json!(-32022)));
    let bare = ask_http(&hosted, stateful_post(hosted.authority(), None, &list)).await;
    assert_eq!((bare.head.status, &bare.json()["error"]["code"]), (400, &json!(-32020)), "a header is missing");
    for method in ["GET", "DELETE"] {
        let headers = [("Host", hosted.authority()), ("Accept", "text/event-stream"), ("Mcp-Session-Id", "x")];
        let answer = ask_http(&hosted, request(&format!("{method} /mcp HTTP/1.1"), &headers, b"")).await;
        assert_eq!((answer.head.status, answer.head.header("allow")), (405, Some("POST")), "{method}");
    }
    let mut talk = Talk::stateless(hosted.authority());
    assert_eq!(talk.ask("server/discover", json!({})).await.answer["result"]["supportedVersions"], supported);
}

#[tokio::test]
async fn a_server_with_sessions_alone_names_the_versions_that_need_one() {
    let old = [Revision::V2025_06_18, Revision::V2024_11_05, Revision::V2024_11_05];
    let hosted = Hosted::start(serving(&old)).await;
    let served = serving(&old);
    let data = json!({"supported": ["2024-11-05", "2025-06-18"], "requested": "2026-07-28"});
    for method in ["tools/list", "server/discover", "no/such/method"] {
        let message = stateless(1, method, json!({}));
        let answer = ask_http(&hosted, stateless_post(hosted.authority(), &message)).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.head.status, &error["code"], &error["data"]), (400, &json!(-32022), &data), "{method}");
        let mut pipe = Piped::open(&served);
        assert_eq!(ask(&mut pipe, &message).await, answer.json(), "{method}");
        let mut pipe = self::pipe(&served, "2024-11-05").await;
        assert_eq!(ask(&mut pipe, &message).await, answer.json(), "also beside a session");
    }
    let mut message = stateless(1, "tools/list", json!({}));
    message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2025-06-18");
    let refused = ask(&mut Piped::open(&served), &message).await;
    assert_eq!(refused["error"]["data"]["supported"], data["supported"], "it needs a handshake, and is named as well");
    let mut early = Piped::open(&served);
    let refused = ask(&mut early, &stateful(1, "tools/list", json!({}))).await;
    assert_eq!(refused["error"], json!({"code": -32600, "message": "send initialize first"}));
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-06-18"),
        ("2025-11-25", "2025-06-18"),
        ("2026-07-28", "2025-06-18"),
        ("x", "2025-06-18"),
    ] {
        let hello = initialize(1, asked, json!({}));
        let answer = ask_http(&hosted, stateful_post(hosted.authority(), None, &hello)).await;
        assert_eq!(answer.json()["result"]["protocolVersion"], agreed, "{asked}");
        let mut pipe = Piped::open(&served);
        assert_eq!(ask(&mut pipe, &hello).await["result"]["protocolVersion"], agreed, "{asked}");
    }
}

#[tokio::test]
async fn a_version_that_is_not_known_is_refused_with_all_that_are_served() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut message = stateless(1, "tools/list", json!({}));
    let all = json!(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]);
    for (version, supported) in [("2099-01-01", &all), ("2025-11-25", &json!(["2026-07-28"]))] {
        message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(version);
        let post = String::from_utf8(stateless_post(hosted.authority(), &message)).expect("it is text");
        let post = post.replace("MCP-Protocol-Version: 2026-07-28", &format!("MCP-Protocol-Version: {version}"));
        let answer = ask_http(&hosted, post).await;
        let data = json!({"supported": supported, "requested": version});
        assert_eq!((answer.head.status, &answer.json()["error"]["code"]), (400, &json!(-32022)));
        assert_eq!(answer.json()["error"]["data"], data);
    }
    let mut talk = Talk::stateless(hosted.authority());
    assert_eq!(talk.ask("server/discover", json!({})).await.answer["result"]["supportedVersions"], all);
}

#[test]
fn no_revision_and_a_second_choice_of_revisions_are_problems() {
    let none = McpServer::builder().with_info("test", "1").with_revisions([]).build().expect_err("it serves nobody");
    assert_eq!(none.kind(), ErrorKind::Problems);
    assert!(none.to_string().contains(".with_revisions([..])"), "{none}");
    let newest = [Revision::NEWEST_STATELESS];
    let twice = McpServer::builder().with_info("test", "1").with_revisions(newest).with_revisions(newest).build();
    assert!(twice.expect_err("which one?").to_string().contains("with_revisions"));
}

#[tokio::test]
async fn the_two_endpoints_of_2024_11_05_are_not_there() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let host = ("Host", hosted.authority());
    let stream = request("GET /sse HTTP/1.1", &[host, ("Accept", "text/event-stream")], b"");
    assert_eq!(ask_http(&hosted, stream).await.head.status, 404);
    let body = initialize(1, "2024-11-05", json!({})).to_string();
    for path in ["/messages", "/message", "/messages?sessionId=1", "/sse"] {
        let line = format!("POST {path} HTTP/1.1");
        let message = request(&line, &[host, ("Content-Type", "application/json")], body.as_bytes());
        assert_eq!(ask_http(&hosted, message).await.head.status, 404, "{path}");
    }
    // The revision itself is spoken at the one endpoint.
    assert_eq!(
        Talk::in_session(hosted.authority(), "2024-11-05").await.ask("ping", json!({})).await.answer["result"],
        json!({})
    );
}
