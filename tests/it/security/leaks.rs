//! What handlers say by mistake: secrets, and characters that terminals obey. And what a caller reads of a failure.

use std::io;

use mocopr::{
    McpServer, ServerBuilder,
    error::{ErrorHandler, SecurityLevel},
    model::PromptArgument,
    prelude::*,
    security::OutputSanitizer,
};
use serde_json::{Value, json};

use super::guarded::{Guarded, policy};
use crate::support::{piped::Piped, request::stateless};

/// The example key id of its maker's own documentation, in a text that also tries to clear the screen.
const SAID: &str = "it is AKIAIOSFODNN7EXAMPLE\u{1b}[2J.";
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const CLEAN: &str = "it is [redacted].";

fn server() -> ServerBuilder {
    let talks = Tool::new("talks").handler_with_context(async |_: Value, ctx: &Context| {
        ctx.progress(0.5, 1.0, SAID);
        ctx.log(Level::Info, json!({ "said": SAID }));
        SAID
    });
    let asks = Tool::new("asks").handler_with_context(async |_: Value, ctx: &Context| {
        let form = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        let answer = ctx.elicit_with_schema(SAID, &form).named("who").await?;
        Ok::<_, Failure>(answer.to_string())
    });
    let prompt = PromptDefinition::new("greet")
        .argument(PromptArgument { name: "a".into(), ..PromptArgument::default() })
        .completion("a", |_: String| async { vec![SAID.to_owned()] })
        .handler(|_: Value| async { SAID });
    McpServer::builder()
        .with_info("test", "1.0.0")
        .with_tool(talks)
        .with_tool(asks)
        .with_tool(Tool::new("structure").handler(|_: Value| async { Json(json!({ "said": [SAID], "count": 1.50 })) }))
        .with_tool(Tool::new("refuses").handler(|_: Value| async { Err::<String, _>(Failure::caller(SAID)) }))
        .with_tool(Tool::new("fails").handler(|_: Value| async { Err::<String, _>(io::Error::other(SAID).into()) }))
        .with_resource(ResourceDefinition::new("note://1", "note").handler(|_| async { SAID }))
        .with_prompt(prompt)
}

/// One message for each way in which a handler's words reach a client.
fn messages() -> [Value; 8] {
    let call = |id: u64, tool: &str| {
        let meta = json!({
            "progressToken": 1,
            "io.modelcontextprotocol/logLevel": "debug",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        });
        stateless(id, "tools/call", json!({"name": tool, "arguments": {}, "_meta": meta}))
    };
    let completion = json!({"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "a", "value": ""}});
    [
        call(1, "talks"),
        call(2, "asks"),
        call(3, "structure"),
        call(4, "refuses"),
        call(5, "fails"),
        stateless(6, "resources/read", json!({"uri": "note://1"})),
        stateless(7, "prompts/get", json!({"name": "greet", "arguments": {}})),
        stateless(8, "completion/complete", completion),
    ]
}

/// All that the server says until it has answered.
async fn told(piped: &mut Piped, message: &Value) -> Vec<Value> {
    piped.send(message).await;
    let mut told = Vec::new();
    loop {
        let next = piped.message().await;
        let is_answer = next["id"] == message["id"];
        told.push(next);
        if is_answer {
            return told;
        }
    }
}

fn assert_clean(what: &Value, text: &str) {
    assert!(!text.contains(KEY), "{what} tells the key: {text}");
    assert!(!text.contains("[2J") && !text.contains('\u{1b}') && !text.contains("u001b"), "{what}: {text}");
}

/// S-64, P-87
#[tokio::test]
async fn under_the_strict_policy_no_word_of_a_handler_holds_a_known_secret() {
    let mut piped = Piped::open(&server().with_security_policy(policy()).build().unwrap());
    let mut redacted = 0;
    for message in messages() {
        let told = told(&mut piped, &message).await;
        for said in &told {
            assert_clean(&message["params"]["name"], &said.to_string());
            redacted += usize::from(said.to_string().contains(CLEAN));
        }
    }
    // Progress, log and answer of the first call, and one word of each other but for the one that fails inside.
    assert_eq!(redacted, 9);
}

/// S-64
#[tokio::test]
async fn over_http_no_word_of_a_handler_holds_a_known_secret() {
    let guarded = Guarded::start(policy(), |_| server()).await;
    for message in messages() {
        let answer = guarded.ask(&[("Authorization", "Bearer alice")], &message).await;
        assert_clean(&message["params"]["name"], &format!("{:?} {}", answer.head, answer.text()));
        assert_eq!(answer.text().contains(CLEAN), message["params"]["name"] != "fails", "{}", answer.text());
    }
}

/// S-64
#[tokio::test]
async fn structured_content_stays_the_same_but_for_its_secrets() {
    let mut piped = Piped::open(&server().with_security_policy(policy()).build().unwrap());
    let told = told(&mut piped, &messages()[2]).await;
    assert_eq!(told[0]["result"]["structuredContent"], json!({"said": [CLEAN], "count": 1.5}));
}

/// S-64
#[tokio::test]
async fn what_leaves_is_what_the_output_schema_promises() {
    let property = json!({"type": "string", "pattern": "^AKIA[A-Z0-9]{16}$"});
    let schema = json!({"type": "object", "properties": {"key": property}});
    let tool = || {
        let keys = Tool::new("keys").output_schema(schema.to_string());
        keys.handler(|_: Value| async { Json(json!({ "key": KEY })) })
    };
    let builder = || McpServer::builder().with_info("test", "1.0.0").with_tool(tool());
    let call = stateless(1, "tools/call", json!({"name": "keys", "arguments": {}}));
    let mut open = Piped::open(&builder().build().unwrap());
    assert_eq!(told(&mut open, &call).await[0]["result"]["structuredContent"], json!({ "key": KEY }));
    let mut strict = Piped::open(&builder().with_security_policy(policy()).build().unwrap());
    let answer = told(&mut strict, &call).await;
    assert_eq!(answer[0]["result"]["isError"], true, "{answer:?}");
    assert_clean(&call["params"]["name"], &answer[0].to_string());
}

/// S-64
#[tokio::test]
async fn an_owner_may_leave_it_out_and_may_add_to_it() {
    let call = &messages()[0];
    let text = |told: Vec<Value>| told.last().unwrap()["result"]["content"][0]["text"].as_str().unwrap().to_owned();
    let mut plain = Piped::open(&server().build().unwrap());
    assert_eq!(text(told(&mut plain, call).await), SAID);
    let off = server().with_security_policy(policy().with_output_sanitization(false)).build().unwrap();
    assert_eq!(text(told(&mut Piped::open(&off), call).await), SAID);
    let report = off.security_report();
    let relaxed: Vec<&str> = report.rows().iter().filter(|row| row.relaxed).map(|row| row.about).collect();
    assert!(relaxed.ends_with(&["sentences of errors", "output"]), "{relaxed:?}");
    let own = OutputSanitizer::builder().with_pattern("it i[a-z]").build().unwrap();
    let own = SecurityPolicy::development().with_output_sanitization(own);
    let mut own = Piped::open(&server().with_security_policy(own).build().unwrap());
    assert_eq!(text(told(&mut own, call).await), "[redacted] [redacted].");
}

/// The text of the tool that fails inside.
async fn failure<P>(server: &McpServer<P>) -> String {
    let told = told(&mut Piped::open(server), &messages()[4]).await;
    told[0]["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

/// S-63, T-27
#[tokio::test]
async fn a_caller_reads_causes_under_detailed_errors_alone() {
    assert!(failure(&server().build().unwrap()).await.starts_with("internal error (incident "));
    let detailed = SecurityPolicy::development().with_detailed_errors(true);
    let text = failure(&server().with_security_policy(detailed).build().unwrap()).await;
    assert!(text.contains(KEY) && !text.contains('\u{1b}'), "{text}");
    let clean = SecurityPolicy::development().with_detailed_errors(true).with_output_sanitization(true);
    let text = failure(&server().with_security_policy(clean).build().unwrap()).await;
    assert!(text.contains("[redacted]") && !text.contains(KEY), "{text}");
}

/// S-63, S-03
#[tokio::test]
async fn an_error_handler_cleans_sentences_for_callers_also_where_output_is_not() {
    let errors = ErrorHandler::builder().with_error_sanitization(true).build();
    let mut piped = Piped::open(&server().with_error_handler(errors).build().unwrap());
    let told = told(&mut piped, &messages()[3]).await;
    assert_eq!(told[0]["result"]["content"][0]["text"], CLEAN);

    let loose = ErrorHandler::builder().with_security_level(SecurityLevel::Development).with_error_sanitization(false);
    let error = server().with_error_handler(loose.build()).with_security_policy(policy()).build().unwrap_err();
    let found: Vec<_> = error.problems().iter().map(|problem| problem.what().to_owned()).collect();
    let outside = "outside of the development profile";
    assert_eq!(
        found,
        [format!("errors are detailed {outside}"), format!("what handlers write of errors is not cleaned {outside}")]
    );
}
