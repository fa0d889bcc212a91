//! How much a call may hold and which arguments are taken: exactly at a bound, one past it, and what an owner switches.

use mocopr::{
    McpServer, ServerBuilder,
    model::PromptArgument,
    prelude::*,
    security::{InputValidationPolicy, Limits},
    validation::JsonSchemaValidator,
};
use serde_json::{Value, json};

use super::guarded::policy;
use crate::support::{piped::Piped, request::stateless};

const DEPTH: usize = 4;
const MEMBERS: usize = 3;
const STRING: usize = 16;
const ELEMENTS: usize = 5;
/// Of the development profile.
const DIGITS: usize = 64;

fn bounded() -> ServerBuilder {
    let validator = JsonSchemaValidator::builder()
        .with_max_depth(DEPTH)
        .with_max_properties(MEMBERS)
        .with_string_length_limit(STRING)
        .with_max_elements(ELEMENTS)
        .build();
    let prompt = PromptDefinition::new("greet")
        .argument(PromptArgument { name: "a".into(), ..PromptArgument::default() })
        .completion("a", |_: String| async { Vec::<String>::new() })
        .handler(|_: Value| async { "hello" });
    named().with_input_validator(validator).with_tool(any()).with_prompt(prompt)
}

fn named() -> ServerBuilder {
    McpServer::builder().with_info("test", "1.0.0")
}

/// A tool that takes every object and says which.
fn any() -> Tool {
    Tool::new("any")
        .input_schema(json!({"type": "object"}).to_string())
        .handler(|arguments: Value| async move { arguments.to_string() })
}

/// Each place in which values stand that a handler reads: the method, and the parameters around the value.
fn places() -> [(&'static str, Value); 5] {
    let reference = json!({"type": "ref/prompt", "name": "greet"});
    [
        ("tools/call", json!({"name": "any", "arguments": HERE})),
        ("prompts/get", json!({"name": "greet", "arguments": HERE})),
        ("tools/call", json!({"name": "any", "arguments": {}, "inputResponses": HERE})),
        ("completion/complete", json!({"ref": reference, "argument": HERE})),
        ("completion/complete", json!({"ref": reference, "argument": {"name": "a", "value": ""}, "context": HERE})),
    ]
}

/// Stands for the value.
const HERE: &str = "@here@";

/// The code of the answer to a call that holds this value; zero for a result.
async fn code(piped: &mut Piped, place: &(&str, Value), value: &str) -> i64 {
    let (method, params) = place;
    let message = stateless(1, method, params.clone()).to_string().replace(&format!("\"{HERE}\""), value);
    piped.send_bytes(format!("{message}\n").as_bytes()).await;
    let answer = piped.message().await;
    answer["error"]["code"].as_i64().unwrap_or_default()
}

/// A limit of the shape of a message is broken.
const TOO_MUCH: i64 = -32600;

/// S-51
#[tokio::test]
async fn what_is_at_a_bound_passes_and_one_more_is_refused_wherever_handlers_read() {
    let mut piped = Piped::open(&bounded().build().unwrap());
    let nested = |levels: usize| format!("{}{{}}{}", r#"{"a":"#.repeat(levels - 1), "}".repeat(levels - 1));
    let object = |members: usize| {
        let members: Vec<_> = (0..members).map(|at| format!("\"m{at}\":\"\"")).collect();
        format!("{{{}}}", members.join(","))
    };
    let string = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes));
    let escaped = |bytes: usize| format!(r#"{{"a":"{}\u0061"}}"#, "x".repeat(bytes - 1));
    let wide = |bytes: usize| format!(r#"{{"a":"{}{}"}}"#, "é".repeat(bytes / 2), "x".repeat(bytes % 2));
    let name = |bytes: usize| format!(r#"{{"{}":""}}"#, "x".repeat(bytes));
    let array = |elements: usize| format!(r#"{{"a":[{}]}}"#, vec!["0"; elements].join(","));
    let number = |digits: usize| format!(r#"{{"a":{}}}"#, "1".repeat(digits));
    type Make<'a> = &'a dyn Fn(usize) -> String;
    let bounds: [(&str, usize, Make<'_>); 8] = [
        ("depth", DEPTH, &nested),
        ("members", MEMBERS, &object),
        ("bytes of a string", STRING, &string),
        ("bytes of an escaped string", STRING, &escaped),
        ("bytes beyond ASCII", STRING, &wide),
        ("bytes of a name", STRING, &name),
        ("elements", ELEMENTS, &array),
        ("digits", DIGITS, &number),
    ];
    for place in &places() {
        for (what, bound, make) in bounds {
            assert_ne!(code(&mut piped, place, &make(bound)).await, TOO_MUCH, "{what} at the bound: {place:?}");
            assert_eq!(code(&mut piped, place, &make(bound + 1)).await, TOO_MUCH, "{what} past the bound: {place:?}");
        }
    }
    assert_eq!(code(&mut piped, &places()[0], &nested(DEPTH)).await, 0);
    assert_eq!(code(&mut piped, &places()[1], &string(STRING)).await, 0);
}

/// S-51
#[tokio::test]
async fn a_policy_of_input_sets_the_numbers_of_its_profile() {
    for (policy, depth) in [(InputValidationPolicy::strict(), 32), (InputValidationPolicy::permissive(), 64)] {
        let mut piped = Piped::open(&named().with_tool(any()).with_input_validation(policy).build().unwrap());
        let nested = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        let place = ("tools/call", json!({"name": "any", "arguments": HERE}));
        assert_eq!(code(&mut piped, &place, &nested(depth)).await, 0);
        assert_eq!(code(&mut piped, &place, &nested(depth + 1)).await, TOO_MUCH);
    }
}

fn counter() -> Tool {
    let properties = json!({"count": {"type": "integer"}});
    Tool::new("count")
        .input_schema(json!({"type": "object", "properties": properties, "required": ["count"]}).to_string())
        .handler(|arguments: Value| async move { arguments.to_string() })
}

/// The result of a call of the tool `count`.
async fn count(piped: &mut Piped, arguments: Value) -> Value {
    piped.send(&stateless(1, "tools/call", json!({"name": "count", "arguments": arguments}))).await;
    piped.message().await["result"].take()
}

/// S-52
#[tokio::test]
async fn the_schema_check_alone_can_be_left_out() {
    let mut checked = Piped::open(&named().with_tool(counter()).build().unwrap());
    assert_eq!(count(&mut checked, json!({"count": "many"})).await["isError"], true);
    let mut unchecked = Piped::open(&named().with_tool(counter()).with_input_validation(false).build().unwrap());
    let result = count(&mut unchecked, json!({"count": "many"})).await;
    assert_eq!(result["content"][0]["text"], r#"{"count":"many"}"#);
    let place = ("tools/call", json!({"name": "count", "arguments": HERE}));
    assert_eq!(code(&mut unchecked, &place, r#"{"a":1,"a":2}"#).await, TOO_MUCH, "repeated names stay refused");
}

/// S-51
#[tokio::test]
async fn strict_mode_refuses_what_no_schema_names_and_says_so_in_the_list() {
    let unknown = json!({"count": 1, "more": 2});
    let mut open = Piped::open(&named().with_tool(counter()).build().unwrap());
    assert_ne!(count(&mut open, unknown.clone()).await["isError"], true);

    let strict = JsonSchemaValidator::builder().with_strict_mode(true).build();
    let server = named().with_input_validator(strict).build().unwrap();
    server.tools().insert(counter()).unwrap();
    let mut closed = Piped::open(&server);
    assert_eq!(count(&mut closed, unknown).await["isError"], true);
    assert_ne!(count(&mut closed, json!({"count": 1})).await["isError"], true);
    closed.send(&stateless(2, "tools/list", json!({}))).await;
    let list = closed.message().await;
    assert_eq!(list["result"]["tools"][0]["inputSchema"]["additionalProperties"], false);
}

/// S-51, S-03
#[test]
fn what_cannot_be_is_a_problem_of_the_build() {
    let problems = |builder: ServerBuilder| -> Vec<String> {
        let error = builder.build().unwrap_err();
        error.problems().iter().map(|problem| problem.what().to_owned()).collect()
    };
    let zero = JsonSchemaValidator::builder().with_max_depth(0).build();
    assert_eq!(problems(named().with_input_validator(zero)), ["a depth of 0 refuses every message"]);
    let twice = named().with_input_validation(true).with_input_validation(true);
    assert_eq!(problems(twice), [".with_input_validation(..) is called twice"]);

    let guarded = named().with_input_validation(false).with_security_policy(policy()).build().unwrap_err();
    assert_eq!(guarded.problems()[0].what(), "arguments are not checked outside of the development profile");

    let mut limits = Limits::strict();
    limits.message.arguments.depth += 1;
    let deep = named().with_security_policy(policy().with_limits(limits)).build().unwrap_err();
    assert!(deep.problems()[0].what().contains("33 levels deep"), "{deep}");
}

/// A caller may write a whole number as its language does: the schema takes it, so the handler does.
#[tokio::test]
async fn whole_numbers_are_integers_however_they_are_written() {
    #[tool]
    async fn sum(a: i64, b: u8, c: Option<f64>) -> String {
        format!("{a} {b} {c:?}")
    }

    let mut piped = Piped::open(&named().with_tool(sum).build().expect("it is in order"));
    for (arguments, answer) in [
        (r#"{"a":100.0,"b":1e1}"#, "100 10 None"),
        (r#"{"a":-1.0,"b":2,"c":3.0}"#, "-1 2 Some(3.0)"),
        (r#"{"a":-0,"b":-0}"#, "0 0 None"),
        (r#"{"a":1.5,"b":2}"#, "a"),
        (r#"{"a":1,"b":256.0}"#, "b"),
    ] {
        let message = stateless(1, "tools/call", json!({"name": "sum", "arguments": HERE}));
        let message = message.to_string().replace(&format!("\"{HERE}\""), arguments);
        piped.send_bytes(message.as_bytes()).await;
        piped.send_bytes(b"\n").await;
        let answer_text = piped.message().await["result"]["content"][0]["text"].to_string();
        assert!(answer_text.contains(answer), "{arguments}: {answer_text}");
    }
}
