//! What a caller may do who does not hold everything: what is required of callers hides or refuses, on the wire.

use mocopr::{
    Revision,
    prelude::*,
    security::Principal,
    testing::{TestAnswer, TestClient, TestError},
};
use serde_json::{Value, json};

/// Everything that can require something, and one of each that requires nothing.
struct Notes;

#[handlers]
impl Notes {
    #[tool]
    fn count(&self) -> u8 {
        7
    }

    #[tool(requires(scope = "notes:write", scope = "notes:own"))]
    fn write(&self, caller: Caller) -> String {
        caller.subject().to_owned()
    }

    #[tool(requires(role = "editor", scope = "notes:write"))]
    fn publish(&self) -> &'static str {
        "published"
    }

    #[prompt]
    fn hello(&self) -> &'static str {
        "Hello"
    }

    #[prompt(requires(scope = "notes:read"))]
    fn summary(&self, topic: &str) -> String {
        format!("Sum up {topic}")
    }

    #[completion(prompt = "summary", argument = "topic")]
    fn topics(&self, typed: &str) -> Vec<String> {
        vec![format!("{typed}!")]
    }

    #[prompt(requires(role = "editor"))]
    fn review(&self, topic: &str) -> String {
        format!("Review {topic}")
    }

    #[completion(prompt = "review", argument = "topic")]
    fn drafts(&self, typed: &str) -> Vec<String> {
        vec![format!("{typed}?")]
    }

    #[resource("notes://all", requires(scope = "notes:read"))]
    fn all(&self) -> &'static str {
        "all"
    }

    #[resource("notes://drafts", requires(role = "editor"))]
    fn all_drafts(&self) -> &'static str {
        "drafts"
    }

    #[resource("notes://{id}/text", requires(scope = "notes:read"))]
    fn one(&self, id: u8) -> String {
        id.to_string()
    }

    #[resource("drafts://{id}/text", requires(role = "editor"))]
    fn draft(&self, id: u8) -> String {
        id.to_string()
    }
}

fn server() -> McpServer {
    McpServer::builder().with_info("notes", "1.0.0").with_handlers(Notes).build().expect("it is well made")
}

fn alice() -> Principal {
    Principal::named("alice")
}

async fn client(who: Principal) -> TestClient {
    TestClient::as_principal(&server(), who).await.expect("the pipe is open to whom the test names")
}

/// The code, the sentence and the data of an error.
fn refused(answer: Result<TestAnswer, TestError>) -> (i64, String, Value) {
    match answer {
        Err(TestError::Refused { code, message, data }) => (code, message, data),
        other => panic!("it was not refused: {other:?}"),
    }
}

/// Every name or URI of a list.
async fn listed(client: &mut TestClient, method: &str, list: &str, member: &str) -> Vec<String> {
    let answer = client.request(method, json!({})).await.expect("lists are open to all");
    let items = answer.value()[list].as_array().expect("it is a list").iter();
    items.map(|item| item[member].as_str().expect("it is a text").to_owned()).collect()
}

async fn everything(client: &mut TestClient) -> [Vec<String>; 4] {
    [
        listed(client, "tools/list", "tools", "name").await,
        listed(client, "prompts/list", "prompts", "name").await,
        listed(client, "resources/list", "resources", "uri").await,
        listed(client, "resources/templates/list", "resourceTemplates", "uriTemplate").await,
    ]
}

#[tokio::test]
async fn what_lacks_a_scope_is_listed_and_what_lacks_a_role_is_not() {
    let mut nobody = client(alice().with_scope("notes:write")).await;
    let seen: [&[&str]; 4] = [&["count", "write"], &["hello", "summary"], &["notes://all"], &["notes://{id}/text"]];
    assert_eq!(everything(&mut nobody).await, seen);

    let mut editor = client(alice().with_role("editor")).await;
    let seen: [&[&str]; 4] = [
        &["count", "write", "publish"],
        &["hello", "summary", "review"],
        &["notes://all", "notes://drafts"],
        &["drafts://{id}/text", "notes://{id}/text"],
    ];
    assert_eq!(everything(&mut editor).await, seen);
}

#[tokio::test]
async fn a_call_without_a_scope_is_refused_with_all_that_it_takes_and_nothing_else() {
    for revision in Revision::ALL {
        let who = alice().with_scope("notes:write");
        let mut client = TestClient::as_principal_in(&server(), who, revision).await.unwrap();
        let scopes = json!({"scopes": ["notes:write", "notes:own"]});
        let (code, message, data) = refused(client.call_tool("write", json!({})).await);
        assert_eq!((code, &data), (1403, &scopes), "{revision:?}");
        // Arguments that no tool takes are not looked at before.
        assert_eq!(refused(client.call_tool("write", json!({"x": 1})).await), (code, message, data));
    }
}

#[tokio::test]
async fn every_kind_of_thing_is_refused_without_its_scope_and_given_with_it() {
    let mut without = client(alice().with_role("editor")).await;
    let read = json!({"scopes": ["notes:read"]});
    let complete =
        json!({"ref": {"type": "ref/prompt", "name": "summary"}, "argument": {"name": "topic", "value": "a"}});
    for answer in [
        without.get_prompt("summary", json!({"topic": "x"})).await,
        without.read_resource("notes://all").await,
        without.read_resource("notes://7/text").await,
        without.request("completion/complete", complete.clone()).await,
    ] {
        let (code, _, data) = refused(answer);
        assert_eq!((code, &data), (1403, &read));
    }

    let mut with = client(alice().with_scope("notes:read").with_scope("notes:write").with_scope("notes:own")).await;
    assert_eq!(with.call_tool("write", json!({})).await.unwrap().text(), "alice");
    assert_eq!(with.get_prompt("summary", json!({"topic": "x"})).await.unwrap().text(), "Sum up x");
    assert_eq!(with.read_resource("notes://all").await.unwrap().text(), "all");
    assert_eq!(with.read_resource("notes://7/text").await.unwrap().text(), "7");
    let completed = with.request("completion/complete", complete).await.unwrap();
    assert_eq!(completed.value()["completion"]["values"], json!(["a!"]));
}

#[tokio::test]
async fn what_a_role_hides_is_answered_like_what_there_is_not() {
    for revision in Revision::ALL {
        let who = alice().with_scope("notes:write");
        let mut client = TestClient::as_principal_in(&server(), who, revision).await.unwrap();
        let hidden = refused(client.call_tool("publish", json!({})).await);
        assert_eq!(hidden, refused(client.call_tool("absent", json!({})).await), "{revision:?}");
        assert_ne!(hidden.0, 1403);
        let hidden = refused(client.get_prompt("review", json!({"topic": "x"})).await);
        assert_eq!(hidden, refused(client.get_prompt("absent", json!({"topic": "x"})).await));
        for (hidden, absent) in [("notes://drafts", "notes://absent"), ("drafts://7/text", "drafts://7/other")] {
            let (code, message, data) = refused(client.read_resource(hidden).await);
            assert_eq!(data, json!({"uri": hidden}));
            assert_eq!((code, message, json!({"uri": absent})), refused(client.read_resource(absent).await));
        }
        let complete = |name: &str| {
            let reference = json!({"type": "ref/prompt", "name": name});
            json!({"ref": reference, "argument": {"name": "topic", "value": "a"}})
        };
        let hidden = refused(client.request("completion/complete", complete("review")).await);
        assert_eq!(hidden, refused(client.request("completion/complete", complete("absent")).await));
    }
}

#[tokio::test]
async fn a_role_shows_a_thing_and_its_scope_still_has_to_be_held() {
    let mut editor = client(alice().with_role("editor")).await;
    let (code, _, data) = refused(editor.call_tool("publish", json!({})).await);
    assert_eq!((code, data), (1403, json!({"scopes": ["notes:write"]})));
    let mut both = client(alice().with_role("editor").with_scope("notes:write")).await;
    assert_eq!(both.call_tool("publish", json!({})).await.unwrap().text(), "published");
    assert_eq!(both.read_resource("drafts://7/text").await.unwrap().text(), "7");
}

#[tokio::test]
async fn a_derived_tool_and_one_without_macros_require_as_functions_do() {
    #[derive(Tool)]
    #[tool(requires(scope = "a"))]
    struct Derived;
    impl CallTool for Derived {
        type Output = &'static str;
        async fn call(self, _: &Context) -> &'static str {
            "derived"
        }
    }
    let bare = Tool::new("bare").requires_scope("a").handler(|_: Value| async { "bare" });
    let hidden = Tool::new("hidden").requires_role("b").handler(|_: Value| async { "hidden" });
    let builder = McpServer::builder().with_info("test", "1").with_tool(Derived::tool()).with_tool(bare);
    let server = builder.with_tool(hidden).build().unwrap();
    let mut without = TestClient::as_principal(&server, alice()).await.unwrap();
    assert_eq!(without.tool_names().await.unwrap(), ["derived", "bare"]);
    for name in ["derived", "bare"] {
        let (code, _, data) = refused(without.call_tool(name, json!({})).await);
        assert_eq!((code, data), (1403, json!({"scopes": ["a"]})));
    }
    let mut with = TestClient::as_principal(&server, alice().with_scope("a").with_role("b")).await.unwrap();
    for name in ["derived", "bare", "hidden"] {
        assert_eq!(with.call_tool(name, json!({})).await.unwrap().text(), name);
    }
}

#[tokio::test]
async fn the_user_of_this_machine_holds_everything() {
    let mut local = TestClient::connect(&server()).await.unwrap();
    assert_eq!(local.call_tool("write", json!({})).await.unwrap().text(), "local");
    assert_eq!(local.call_tool("publish", json!({})).await.unwrap().text(), "published");
}

#[tokio::test]
async fn lists_that_roles_make_different_are_not_to_be_shared() {
    let scope = async |method: &str| {
        let mut client = client(alice()).await;
        client.request(method, json!({})).await.unwrap().value()["cacheScope"].clone()
    };
    for method in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
        assert_eq!(scope(method).await, "private", "{method}");
    }
    // Scopes hide nothing, so what they are required for can be shared.
    let scoped = Tool::new("scoped").requires_scope("a").handler(|_: Value| async { "" });
    let server = McpServer::builder().with_info("test", "1").with_tool(scoped).build().unwrap();
    let mut client = TestClient::as_principal(&server, alice()).await.unwrap();
    assert_eq!(client.request("tools/list", json!({})).await.unwrap().value()["cacheScope"], "public");
}
