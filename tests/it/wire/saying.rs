//! What handlers say beside and in their answers: progress, logs, failures; and what of it a peer never reads.

use mocopr::security::Limits;
use serde_json::{Value, json};

use super::sample::{CANARY, Gauge, limits, server, text, with_limits};
use crate::support::{hosted::Hosted, http::Connection, request::stateless_post, talk::Talk};

fn call(tool: &str, meta: Value) -> Value {
    json!({"name": tool, "arguments": {}, "_meta": meta})
}

#[tokio::test]
async fn progress_goes_to_its_token_and_only_grows() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let talks = [Talk::stateless(hosted.authority()), Talk::stateful(hosted.authority()).await];
    for mut talk in talks {
        for token in [json!("t"), json!(7), json!(0), json!("")] {
            let told = talk.ask("tools/call", call("progress", json!({"progressToken": token}))).await;
            assert_eq!(text(&told.answer["result"]), "done");
            let said: Vec<&Value> = told.before.iter().map(|message| &message["params"]["progress"]).collect();
            let numbers: Vec<f64> = said.iter().filter_map(|number| number.as_f64()).collect();
            assert!(numbers.len() == said.len() && numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
            assert_eq!(numbers.last(), Some(&3.0), "the latest is always told");
            assert!(told.before.iter().all(|message| message["params"]["progressToken"] == token));
            assert!(told.before.iter().all(|message| message["params"]["total"] == 4.0));
        }
        let told = talk.ask("tools/call", call("progress", json!({"other": 1}))).await;
        assert_eq!((told.before.len(), told.head.is_event_stream()), (0, false), "nobody asked to be told");
    }
}

#[tokio::test]
async fn logs_are_for_the_request_that_asks_and_from_its_level_on() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut talk = Talk::stateless(hosted.authority());
    for (level, count) in [("debug", 8), ("info", 7), ("warning", 5), ("emergency", 1)] {
        let meta = json!({"io.modelcontextprotocol/logLevel": level});
        let told = talk.ask("tools/call", call("logs", meta)).await;
        assert_eq!(told.before.len(), count, "{level}");
        assert_eq!(told.before[0]["params"]["level"], level);
        // What one request wants says nothing about the next.
        assert_eq!(talk.ask("tools/call", call("logs", json!({"a": 1}))).await.before.len(), 0);
    }
    let mut session = Talk::stateful(hosted.authority()).await;
    let told = session.ask("tools/call", call("logs", json!({"io.modelcontextprotocol/logLevel": "emergency"}))).await;
    assert_eq!(told.before.len(), 7, "a session has a level of its own, and it is `info` until it says otherwise");
}

#[tokio::test]
async fn nothing_of_an_inner_error_is_in_any_byte_that_leaves() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let mut stateless = Talk::stateless(hosted.authority());
    let mut session = Talk::stateful(hosted.authority()).await;
    let here = std::env::current_dir().expect("there is one").display().to_string();
    let requests = [
        ("tools/call", json!({"name": "fail"})),
        ("tools/call", json!({"name": "panics"})),
        ("tools/call", json!({"name": "panics_alone"})),
        ("tools/call", json!({"name": "lie"})),
        ("tools/call", json!({"name": "huge", "arguments": {"bytes": 100_000}})),
        ("prompts/get", json!({"name": "fails"})),
        ("resources/read", json!({"uri": "test://broken"})),
    ];
    for talk in [&mut stateless, &mut session] {
        let mut incidents = Vec::new();
        for (method, params) in &requests {
            let message = talk.request(method, params.clone());
            talk.recorder.sent(&message);
            let mut connection = Connection::open(hosted.authority()).await;
            let mut post = String::from_utf8(talk.post(&message)).expect("it is text");
            post = post.replacen("Host:", "Connection: close\r\nHost:", 1);
            connection.send(post).await;
            let bytes = String::from_utf8(connection.drain().await).expect("an answer is text");
            for secret in [CANARY, &here, ".rs", "No such file", "os error", "panicked", "/no/such", "Custom", "number"]
            {
                assert!(!bytes.contains(secret), "{params}: {secret} in {bytes}");
            }
            let (_, body) = bytes.split_once("\r\n\r\n").expect("it has a body");
            let answer: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {bytes}"));
            talk.recorder.received(&answer);
            let incident = match method {
                &"tools/call" => {
                    assert_eq!(answer["result"]["isError"], true, "{answer}");
                    assert_eq!(answer["result"].get("structuredContent"), None);
                    text(&answer["result"]).strip_prefix("internal error (incident ").expect("it names one").to_owned()
                }
                _ => {
                    assert_eq!(
                        (&answer["error"]["code"], &answer["error"]["message"]),
                        (&json!(-32603), &json!("internal error"))
                    );
                    answer["error"]["data"]["incident"].as_str().expect("it names one").to_owned()
                }
            };
            assert!(!incidents.contains(&incident));
            incidents.push(incident);
        }
        // It lives on.
        assert_eq!(text(&talk.call("echo", json!({"text": "a"})).await), "a");
    }
}

#[tokio::test]
async fn a_result_at_the_cap_passes_and_a_larger_one_does_not() {
    let limits = Limits { result_bytes: 4_096, ..limits() };
    let hosted = Hosted::start(with_limits(&Gauge::default(), limits).build().expect("it is well made")).await;
    let mut talk = Talk::stateless(hosted.authority());
    let message = talk.request("tools/call", json!({"name": "huge", "arguments": {"bytes": 1_000}}));
    let answer = Connection::open(hosted.authority()).await.ask(stateless_post(hosted.authority(), &message)).await;
    let frame = answer.body.len() - 1_000;
    // The id of the next requests has as many digits as that of the first.
    for (bytes, fits) in [(4_096 - frame, true), (4_097 - frame, false)] {
        let result = talk.call("huge", json!({"bytes": bytes})).await;
        assert_eq!(result.get("isError").is_none_or(|is| is == false), fits, "{bytes}");
        assert_eq!(text(&result).len() == bytes, fits);
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_told_so_and_dropped() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let mut stateless = Talk::stateless(hosted.authority());
    let mut session = Talk::stateful(hosted.authority()).await;
    for (count, talk) in [&mut stateless, &mut session].into_iter().enumerate() {
        let told = talk.ask("tools/call", json!({"name": "late"})).await;
        assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (504, Some(1504)));
        gauge.ends(count + 1).await;
    }
}

#[tokio::test]
async fn more_calls_at_once_than_a_caller_may_have_are_refused_and_places_come_back() {
    let gauge = Gauge::default();
    let limits = Limits { calls_per_principal: super::sample::items(3), ..limits() };
    let hosted = Hosted::start(with_limits(&gauge, limits).build().expect("it is well made")).await;
    let mut talk = Talk::stateless(hosted.authority());
    let mut held = Vec::new();
    for count in 1..=3 {
        let message = talk.request("tools/call", json!({"name": "wait"}));
        held.push(talk.send(&message).await);
        gauge.begins(count).await;
    }
    let told = talk.ask("tools/call", json!({"name": "echo", "arguments": {"text": "a"}})).await;
    assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (503, Some(1503)));
    assert_eq!(told.head.header("retry-after"), Some("1"));
    assert_eq!(told.answer["error"]["data"]["retryAfterMs"], 1_000);
    // What the protocol answers by itself waits for nobody.
    for method in ["tools/list", "server/discover"] {
        assert_eq!(talk.ask(method, json!({})).await.head.status, 200, "{method}");
    }
    assert_eq!(gauge.begun(), 3);
    drop(held);
    gauge.ends(3).await;
    assert_eq!(text(&talk.call("echo", json!({"text": "a"})).await), "a");
}

#[tokio::test]
async fn a_handler_that_panics_in_the_middle_of_its_stream_ends_with_an_answer() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    for mut talk in [Talk::stateless(hosted.authority()), Talk::stateful(hosted.authority()).await] {
        let meta = json!({"io.modelcontextprotocol/logLevel": "debug"});
        let told = talk.ask("tools/call", call("panics_late", meta)).await;
        assert_eq!((told.before.len(), &told.answer["result"]["isError"]), (1, &json!(true)));
        assert!(text(&told.answer["result"]).starts_with("internal error (incident "));
        assert_eq!(text(&talk.call("echo", json!({"text": "a"})).await), "a");
    }
}
