//! Questions of a stateless revision: what a client carries between rounds is the server's, unread and unchanged, for
//! this call alone, in time and once.

use std::time::Duration;

use mocopr::{prelude::*, security::Limits, testing::ManualClock};
use serde_json::{Value, json};

use super::sample::{Gauge, limits, text, with_limits};
use crate::support::{
    hosted::Hosted,
    piped::Piped,
    request::{initialize, stateful},
    talk::Talk,
};

/// How long a state is good.
const LIFE: Duration = Duration::from_secs(60);

struct House {
    hosted: Hosted,
    gauge: Gauge,
    clock: ManualClock,
}

async fn house() -> (House, Talk) {
    let (gauge, clock) = (Gauge::default(), ManualClock::new());
    let limits = Limits { request_state: LIFE, ..limits() };
    let server = with_limits(&gauge, limits).with_clock(clock.clone()).build().expect("it is well made");
    let hosted = Hosted::start(server).await;
    let talk = Talk::stateless(hosted.authority());
    (House { hosted, gauge, clock }, talk)
}

/// A call by a client that can show forms.
async fn ask(talk: &mut Talk, tool: &str, what: &str, round: Value) -> Value {
    let mut params = json!({"name": tool, "arguments": if tool == "both" { json!({}) } else { json!({"what": what}) }});
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    for (name, value) in round.as_object().expect("it is an object") {
        params[name] = value.clone();
    }
    talk.ask("tools/call", params).await.answer
}

fn named(name: &str) -> Value {
    json!({"action": "accept", "content": {"name": name}})
}

/// The state of a first round.
async fn state(talk: &mut Talk, tool: &str, what: &str) -> String {
    let answer = ask(talk, tool, what, json!({})).await;
    assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
    answer["result"]["requestState"].as_str().expect("it has a state").to_owned()
}

fn retry(state: &str) -> Value {
    json!({"requestState": state, "inputResponses": {"who": named("Ada")}})
}

fn assert_refused(answer: &Value, why: &str) {
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["message"]),
        (&json!(-32602), &json!("invalid request state")),
        "{why}: {answer}"
    );
}

#[tokio::test]
async fn a_state_with_any_character_changed_is_refused() {
    let (house, mut talk) = house().await;
    let state = state(&mut talk, "book", "a").await;
    for at in 0..state.len() {
        let mut changed = state.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("it is ASCII");
        assert_refused(&ask(&mut talk, "book", "a", retry(&changed)).await, &format!("character {at}"));
    }
    for wrong in [
        "",
        "A",
        &state[1..],
        &state[..state.len() - 1],
        &format!("{state}A"),
        &format!("{state}="),
        &format!("{state} "),
    ] {
        assert_refused(&ask(&mut talk, "book", "a", retry(wrong)).await, wrong);
    }
    assert_eq!(house.gauge.begun(), 0, "no handler ran on");
    let answer = ask(&mut talk, "book", "a", retry(&state)).await;
    assert_eq!(text(&answer["result"]), "a for Ada", "the true one is still good");
}

#[tokio::test]
async fn a_state_is_for_the_call_that_it_was_made_for() {
    let (house, mut talk) = house().await;
    let state = state(&mut talk, "book", "a").await;
    assert_refused(&ask(&mut talk, "book", "b", retry(&state)).await, "other arguments");
    assert_refused(&ask(&mut talk, "book_too", "a", retry(&state)).await, "another tool");
    assert_refused(&ask(&mut talk, "look", "a", retry(&state)).await, "a tool that may run twice");
    let mut prompt = json!({"name": "greet", "arguments": {"name": "a"}, "requestState": state});
    prompt["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    assert_refused(&talk.ask("prompts/get", prompt).await.answer, "a prompt");
    let resource = json!({"uri": "test://a", "requestState": state});
    assert_refused(&talk.ask("resources/read", resource).await.answer, "a resource");
    assert_eq!(house.gauge.begun(), 0);
    let answer = ask(&mut talk, "book", "a", retry(&state)).await;
    assert_eq!(text(&answer["result"]), "a for Ada");
}

#[tokio::test]
async fn a_state_of_another_server_is_refused() {
    let (_house, mut talk) = house().await;
    let (_other, mut there) = house().await;
    let state = state(&mut talk, "book", "a").await;
    assert_refused(&ask(&mut there, "book", "a", retry(&state)).await, "another server");
}

#[tokio::test]
async fn a_state_expires() {
    let (house, mut talk) = house().await;
    let (early, late) = (state(&mut talk, "book", "a").await, state(&mut talk, "book", "a").await);
    house.clock.advance(LIFE - Duration::from_secs(1));
    assert_eq!(text(&ask(&mut talk, "book", "a", retry(&early)).await["result"]), "a for Ada");
    house.clock.advance(Duration::from_secs(1));
    assert_refused(&ask(&mut talk, "book", "a", retry(&late)).await, "too late");
}

#[tokio::test]
async fn a_state_is_used_once_unless_the_tool_may_run_twice() {
    let (house, mut talk) = house().await;
    let once = state(&mut talk, "book", "a").await;
    assert_eq!(text(&ask(&mut talk, "book", "a", retry(&once)).await["result"]), "a for Ada");
    for _ in 0..3 {
        let answer = ask(&mut talk, "book", "a", retry(&once)).await;
        assert_refused(&answer, "used twice");
    }
    assert_eq!(house.gauge.begun(), 1, "the handler went past its question once");
    let often = state(&mut talk, "look", "a").await;
    for _ in 0..3 {
        assert_eq!(text(&ask(&mut talk, "look", "a", retry(&often)).await["result"]), "a for Ada");
    }
}

#[tokio::test]
async fn of_many_that_use_one_state_at_once_one_is_served() {
    let (house, mut talk) = house().await;
    let once = state(&mut talk, "book", "a").await;
    let mut connections = Vec::new();
    for _ in 0..16 {
        let mut params = json!({"name": "book", "arguments": {"what": "a"}});
        params["requestState"] = json!(once);
        params["inputResponses"] = json!({"who": named("Ada")});
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
        let message = talk.request("tools/call", params);
        connections.push(talk.send(&message).await);
    }
    let mut served = 0;
    for mut connection in connections {
        let answer = connection.answer().await.json();
        talk.recorder.received(&answer);
        match answer.get("result") {
            Some(result) => {
                assert_eq!(text(result), "a for Ada");
                served += 1;
            }
            None => assert_refused(&answer, "used at once"),
        }
    }
    assert_eq!((served, house.gauge.begun()), (1, 1));
}

#[tokio::test]
async fn what_is_not_answered_is_asked_again_and_what_was_not_asked_is_ignored() {
    let (house, mut talk) = house().await;
    let first = ask(&mut talk, "both", "", json!({})).await;
    let questions = first["result"]["inputRequests"].as_object().expect("it asks");
    assert_eq!(questions.keys().collect::<Vec<_>>(), ["one", "two"]);
    let state = &first["result"]["requestState"];
    let round =
        json!({"requestState": state, "inputResponses": {"two": named("B"), "three": named("C"), "who": named("D")}});
    let second = ask(&mut talk, "both", "", round).await;
    let questions = second["result"]["inputRequests"].as_object().expect("it asks again");
    assert_eq!(questions.keys().collect::<Vec<_>>(), ["one"]);
    let round = json!({"requestState": second["result"]["requestState"], "inputResponses": {"one": named("A"), "two": named("X")}});
    let third = ask(&mut talk, "both", "", round).await;
    assert_eq!(text(&third["result"]), "A and B", "an answer that was taken cannot be changed");
    drop(house.hosted);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_again_and_a_refusal_is_one() {
    let (_house, mut talk) = house().await;
    for wrong in [
        json!({"action": "accept"}),
        json!({"action": "accept", "content": {}}),
        json!({"action": "accept", "content": {"name": 7}}),
        json!({"action": "accept", "content": {"Name": "Ada"}}),
        json!({"action": "maybe"}),
        json!({}),
        json!([]),
        json!(null),
        json!("Ada"),
    ] {
        let state = state(&mut talk, "look", "a").await;
        let round = json!({"requestState": state, "inputResponses": {"who": wrong}});
        let answer = ask(&mut talk, "look", "a", round).await;
        assert_eq!(answer["result"]["resultType"], "input_required", "{wrong}: {answer}");
    }
    for (action, said) in [("decline", "the user declined"), ("cancel", "the user cancelled")] {
        let state = state(&mut talk, "look", "a").await;
        let round = json!({"requestState": state, "inputResponses": {"who": {"action": action}}});
        let answer = ask(&mut talk, "look", "a", round).await;
        assert_eq!((&answer["result"]["isError"], text(&answer["result"])), (&json!(true), said));
    }
}

#[tokio::test]
async fn a_client_that_cannot_be_asked_is_told_what_is_missing() {
    let (house, mut talk) = house().await;
    let told = talk.ask("tools/call", json!({"name": "book", "arguments": {"what": "a"}})).await;
    assert_eq!((told.head.status, told.answer["error"]["code"].as_i64()), (400, Some(-32021)));
    assert_eq!(told.answer["error"]["data"]["requiredCapabilities"], json!({"elicitation": {}}));
    // Answers without a state are not taken for a tool that may run once.
    let answer = ask(&mut talk, "book", "a", json!({"inputResponses": {"who": named("Ada")}})).await;
    assert_eq!(answer["result"]["resultType"], "input_required");
    assert_eq!(house.gauge.begun(), 0);
}

#[tokio::test]
async fn a_question_of_a_session_is_answered_by_its_own_client_alone() {
    let (house, _) = house().await;
    let mut mine = Talk::stateful(house.hosted.authority()).await;
    let mut theirs = Talk::stateful(house.hosted.authority()).await;
    let mut stream = mine.stream("tools/call", json!({"name": "book", "arguments": {"what": "a"}})).await;
    let question = mine.next(&mut stream).await.expect("it asks");
    assert_eq!(question["method"], "elicitation/create");
    theirs.reply(&question, named("Mallory")).await;
    theirs.ask("ping", json!({})).await;
    let mut wrong = question.clone();
    wrong["id"] = json!(question["id"].to_string());
    mine.reply(&wrong, named("Mallory")).await;
    assert_eq!(house.gauge.begun(), 0, "nobody answered yet");
    mine.reply(&question, named("Ada")).await;
    mine.reply(&question, named("Bob")).await;
    let answer = mine.next(&mut stream).await.expect("it answers");
    assert_eq!(text(&answer["result"]), "a for Ada");
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_answer_nobody_waits_for_any_longer_is_withdrawn() {
    /// Asks, and answers by itself as soon as the question is out.
    #[tool]
    async fn hasty(ctx: &Context) -> &'static str {
        let roots = ctx.roots();
        tokio::select! {
            biased;
            _ = roots => "asked",
            () = tokio::task::yield_now() => "not asked",
        }
    }
    #[tool]
    async fn patient(ctx: &Context) -> Result<&'static str, Failure> {
        ctx.roots().await?;
        Ok("asked")
    }

    let limits = Limits { client_wait: Duration::from_secs(5), ..limits() };
    let server = McpServer::builder()
        .with_info("it", "0")
        .with_security_policy(SecurityPolicy::development().with_limits(limits))
        .with_tool(hasty)
        .with_tool(patient)
        .build()
        .expect("it is well made");
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut pipe = Piped::open(&server);
        pipe.send(&initialize(0, revision, json!({"roots": {}}))).await;
        pipe.message().await;
        for (tool, said) in [("hasty", json!("not asked")), ("patient", json!(1504))] {
            pipe.send(&stateful(1, "tools/call", json!({"name": tool, "arguments": {}}))).await;
            let question = pipe.message().await;
            assert_eq!(question["method"], "roots/list", "{revision} {tool}");
            let withdrawn = pipe.message().await;
            let told = (&withdrawn["method"], &withdrawn["params"]["requestId"]);
            assert_eq!(told, (&json!("notifications/cancelled"), &question["id"]), "{revision} {tool}: {withdrawn}");
            let answer = pipe.message().await;
            let text = &answer["result"]["content"][0]["text"];
            assert_eq!(if text.is_null() { &answer["error"]["code"] } else { text }, &said, "{revision} {tool}");
        }
    }
}
