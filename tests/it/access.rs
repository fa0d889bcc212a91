//! Conditions on the arguments of a call: what `allow` refuses, when it is looked at, and what its refusal says.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mocopr::{
    Read, Revision,
    prelude::*,
    security::Principal,
    testing::{TestAnswer, TestClient, TestError},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{
    hosted::Hosted,
    http::Connection,
    request::{stateless, stateless_post},
};

/// How many handlers ran.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Takes money from an account.
#[tool(allow = |who, from, cents, note| {
    if note == Some("panic") {
        panic!("CANARY-7f3a");
    }
    from == who.subject() && *cents <= 100
})]
async fn transfer(
    from: String,
    #[arg(range(1..))] cents: u64,
    note: Option<String>,
    runs: State<Runs>,
) -> Json<Vec<String>> {
    runs.add();
    Json(vec![from, cents.to_string(), note.unwrap_or_default()])
}

/// A function as a condition sees every argument in order, texts as `&str`.
fn is_own(who: &Principal, user: &str, tags: &[u8], more: Option<&str>, limit: &Option<u8>) -> bool {
    user == who.subject() && !tags.contains(&13) && more != Some("no") && limit.is_none_or(|limit| limit < 9)
}

#[tool(allow = is_own)]
fn tag(user: &str, tags: Vec<u8>, more: Option<&str>, limit: Option<u8>) -> String {
    format!("{user} {tags:?} {more:?} {limit:?}")
}

#[derive(Tool)]
#[tool(allow = Self::is_small)]
struct Grow {
    by: u8,
    runs: State<Runs>,
}

impl Grow {
    fn is_small(_: &Principal, grow: &Self) -> bool {
        grow.by < 5 && grow.runs.count() < 100
    }
}

impl CallTool for Grow {
    type Output = u8;

    async fn call(self, _: &Context) -> u8 {
        self.runs.add();
        self.by
    }
}

#[derive(Tool)]
#[tool(allow = |_, by: &u8| *by < 5)]
struct Shrink {
    by: u8,
}

impl CallTool for Shrink {
    type Output = u8;

    async fn call(self, _: &Context) -> u8 {
        self.by
    }
}

/// Everything else that a condition can stand at.
struct Notes {
    runs: Runs,
}

impl Notes {
    const MOST: u32 = 7;

    fn is_known(_: &Principal, user: &str, id: &u32, lang: Option<&str>) -> bool {
        user != "secret" && *id <= Self::MOST && lang != Some("xx")
    }
}

#[handlers]
impl Notes {
    #[tool(allow = |who| who.has_role("editor"), requires(scope = "notes:write"))]
    fn erase(&self) -> &'static str {
        self.runs.add();
        "erased"
    }

    #[prompt(allow = |who, topic, tone, style| topic == who.subject() && tone != Some("rude") && style == "plain")]
    fn summary(&self, topic: String, tone: Option<String>, #[arg(default = "plain")] style: String) -> String {
        self.runs.add();
        format!("{topic} {tone:?} {style}")
    }

    #[resource("notes://{user}/{id}{?lang}", allow = Self::is_known)]
    fn note(&self, user: &str, id: u32, lang: Option<String>) -> String {
        self.runs.add();
        format!("{user} {id} {lang:?}")
    }

    #[resource("files://{user}/{+path}", allow = |who, user, path: &str| user == who.subject() && path.ends_with(".md"))]
    async fn file(&self, user: String, path: String) -> String {
        self.runs.add();
        format!("{user} {path}")
    }
}

/// The arguments of what is registered without macros.
#[derive(Deserialize, schemars::JsonSchema)]
struct Own {
    user: String,
}

fn server(runs: &Runs) -> McpServer<mocopr::Guarded> {
    let bare_runs = runs.clone();
    let bare = Tool::new("bare")
        .input::<Own>()
        .allow(|who: &Principal, own: &Own| own.user == who.subject())
        .allow(|_: &Principal, own: &Own| own.user != "bob")
        .handler(move |own: Own| {
            bare_runs.add();
            async move { own.user }
        });
    let prompt = PromptDefinition::new("ask")
        .required("user", "Whom.")
        .allow(|who: &Principal, own: &Own| own.user == who.subject())
        .handler(|own: Own| async move { own.user });
    let resource = ResourceDefinition::new("own://{user}", "own")
        .allow(|who, read: &Read| read.text("user") == Some(who.subject()))
        .handler(|read| async move { read.text("user").unwrap_or_default().to_owned() });
    McpServer::builder()
        .with_info("access", "1")
        .with_security_policy(SecurityPolicy::development())
        .with_state(runs.clone())
        .with_tool(transfer)
        .with_tool(tag)
        .with_tool(Grow::tool())
        .with_tool(Shrink::tool())
        .with_tool(bare)
        .with_prompt(prompt)
        .with_resource(resource)
        .with_handlers(Notes { runs: runs.clone() })
        .build()
        .expect("it is well made")
}

async fn client(runs: &Runs, who: Principal) -> TestClient {
    TestClient::as_principal(&server(runs), who).await.expect("the pipe is open to whom the test names")
}

fn alice() -> Principal {
    Principal::named("alice")
}

/// That an answer is the refusal, which says nothing of why.
fn assert_refused(answer: Result<TestAnswer, TestError>, what: &str) {
    match answer {
        Err(TestError::Refused { code: 1403, message, data }) => {
            assert_eq!((message.as_str(), data), ("forbidden", Value::Null), "{what}");
        }
        other => panic!("{what} was not refused: {other:?}"),
    }
}

/// S-40, T-26
#[tokio::test]
async fn what_a_condition_refuses_does_not_run() {
    let runs = Runs::default();
    let mut client = client(&runs, alice()).await;
    for arguments in [json!({"from": "bob", "cents": 1}), json!({"from": "alice", "cents": 101})] {
        assert_refused(client.call_tool("transfer", arguments.clone()).await, &arguments.to_string());
    }
    assert_eq!(runs.count(), 0);
    let answer = client.call_tool("transfer", json!({"from": "alice", "cents": 100, "note": "a"})).await.unwrap();
    assert_eq!((answer.structured(), runs.count()), (&json!(["alice", "100", "a"]), 1));
}

#[tokio::test]
async fn a_function_as_a_condition_sees_every_argument() {
    let mut client = client(&Runs::default(), alice()).await;
    let all = json!({"user": "alice", "tags": [1], "more": "yes", "limit": 8});
    let answer = client.call_tool("tag", all.clone()).await.unwrap();
    assert_eq!(answer.text(), r#"alice [1] Some("yes") Some(8)"#);
    assert_eq!(
        client.call_tool("tag", json!({"user": "alice", "tags": []})).await.unwrap().text(),
        "alice [] None None"
    );
    for (name, value) in [("user", json!("bob")), ("tags", json!([1, 13])), ("more", json!("no")), ("limit", json!(9))]
    {
        let mut arguments = all.clone();
        arguments[name] = value;
        assert_refused(client.call_tool("tag", arguments).await, name);
    }
}

#[tokio::test]
async fn a_struct_is_a_condition_s_to_see_as_a_whole_or_by_its_fields() {
    let runs = Runs::default();
    let mut client = client(&runs, alice()).await;
    for tool in ["grow", "shrink"] {
        assert_eq!(client.call_tool(tool, json!({"by": 4})).await.unwrap().text(), "4");
        assert_refused(client.call_tool(tool, json!({"by": 5})).await, tool);
    }
    assert_eq!(runs.count(), 1);
}

/// P-85
#[tokio::test]
async fn prompts_and_resources_have_conditions_as_tools_have() {
    let runs = Runs::default();
    let mut client = client(&runs, alice()).await;
    let answer = client.get_prompt("summary", json!({"topic": "alice"})).await.unwrap();
    assert_eq!(answer.text(), "alice None plain");
    for arguments in [
        json!({"topic": "bob"}),
        json!({"topic": "alice", "tone": "rude"}),
        json!({"topic": "alice", "style": "fancy"}),
    ] {
        assert_refused(client.get_prompt("summary", arguments.clone()).await, &arguments.to_string());
    }
    assert_eq!(client.read_resource("notes://alice/7?lang=en").await.unwrap().text(), r#"alice 7 Some("en")"#);
    assert_eq!(client.read_resource("files://alice/a/b.md").await.unwrap().text(), "alice a/b.md");
    for uri in [
        "notes://secret/1",
        "notes://%73ecret/1",
        "notes://alice/8",
        "notes://alice/1?lang=xx",
        "files://bob/a.md",
        "files://alice/a.txt",
    ] {
        assert_refused(client.read_resource(uri).await, uri);
    }
    assert_eq!(runs.count(), 3);
}

#[tokio::test]
async fn conditions_without_macros_must_all_hold() {
    let runs = Runs::default();
    let mut as_alice = client(&runs, alice()).await;
    assert_eq!(as_alice.call_tool("bare", json!({"user": "alice"})).await.unwrap().text(), "alice");
    assert_refused(as_alice.call_tool("bare", json!({"user": "bob"})).await, "another");
    assert_eq!(as_alice.get_prompt("ask", json!({"user": "alice"})).await.unwrap().text(), "alice");
    assert_refused(as_alice.get_prompt("ask", json!({"user": "bob"})).await, "another");
    assert_eq!(as_alice.read_resource("own://alice").await.unwrap().text(), "alice");
    assert_refused(as_alice.read_resource("own://bob").await, "another");
    let mut bob = client(&runs, Principal::named("bob")).await;
    assert_refused(bob.call_tool("bare", json!({"user": "bob"})).await, "the second condition");
    assert_eq!(runs.count(), 1);
}

#[tokio::test]
async fn a_condition_is_looked_at_behind_scopes_and_the_schema() {
    let runs = Runs::default();
    let mut without = client(&runs, alice()).await;
    // Scopes come first, so that a client knows what it can ask for.
    match without.call_tool("erase", json!({})).await {
        Err(TestError::Refused { code: 1403, data, .. }) => assert_eq!(data, json!({"scopes": ["notes:write"]})),
        other => panic!("it was not refused: {other:?}"),
    }
    let mut with = client(&runs, alice().with_scope("notes:write")).await;
    assert_refused(with.call_tool("erase", json!({})).await, "without the role");
    let mut editor = client(&runs, alice().with_scope("notes:write").with_role("editor")).await;
    assert_eq!(editor.call_tool("erase", json!({})).await.unwrap().text(), "erased");
    // A condition never sees what the schema refuses.
    for arguments in [json!({"from": "bob", "cents": 0}), json!({"from": "bob", "cents": 1, "note": 1})] {
        assert!(without.call_tool("transfer", arguments).await.unwrap().is_error());
    }
    assert!(without.call_tool("bare", json!({"user": 1})).await.unwrap().is_error());
}

#[tokio::test]
async fn what_a_condition_can_refuse_is_listed() {
    let mut client = client(&Runs::default(), alice()).await;
    assert_eq!(client.tool_names().await.unwrap(), ["transfer", "tag", "grow", "shrink", "bare", "erase"]);
}

#[tokio::test]
async fn a_condition_that_panics_is_an_incident_and_the_handler_does_not_run() {
    let runs = Runs::default();
    let mut client = client(&runs, alice()).await;
    let answer = client.call_tool("transfer", json!({"from": "alice", "cents": 1, "note": "panic"})).await.unwrap();
    assert!(answer.is_error() && !answer.text().contains("CANARY"), "{answer:?}");
    assert_eq!(runs.count(), 0);
}

#[tokio::test]
async fn a_refusal_is_the_same_in_every_revision() {
    let runs = Runs::default();
    for revision in Revision::ALL {
        let mut client = TestClient::as_principal_in(&server(&runs), alice(), revision).await.unwrap();
        assert_refused(client.call_tool("bare", json!({"user": "bob"})).await, revision.as_str());
        assert_refused(client.read_resource("own://bob").await, revision.as_str());
    }
}

#[tokio::test]
async fn over_http_a_refusal_has_the_status_403_and_tells_nothing() {
    let runs = Runs::default();
    let hosted = Hosted::start(server(&runs)).await;
    let mut connection = Connection::open(hosted.authority()).await;
    for (method, params) in [
        ("tools/call", json!({"name": "transfer", "arguments": {"from": "CANARY", "cents": 1}})),
        ("tools/call", json!({"name": "bare", "arguments": {"user": "CANARY"}})),
        ("tools/call", json!({"name": "tag", "arguments": {"user": "CANARY", "tags": []}})),
        ("prompts/get", json!({"name": "ask", "arguments": {"user": "CANARY"}})),
        ("resources/read", json!({"uri": "own://CANARY"})),
    ] {
        let answer = connection.ask(stateless_post(hosted.authority(), &stateless(1, method, params))).await;
        assert_eq!(answer.head.status, 403);
        let body = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1403, "message": "forbidden"}});
        assert_eq!(answer.json(), body);
    }
    assert_eq!(runs.count(), 0);
    hosted.stop().await;
}
