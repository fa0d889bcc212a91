//! What roles grant, over HTTP: the four answers, and rules that change while the server runs.

use mocopr::{
    prelude::*,
    security::{AccessRules, RoleBasedAccessControl},
};
use serde_json::{Value, json};

use super::guarded::{Guarded, Names, bearer, policy};
use crate::support::request;

struct Shop;

#[handlers]
impl Shop {
    #[tool]
    async fn look(&self) -> &'static str {
        "looked"
    }

    #[tool]
    async fn buy(&self) -> &'static str {
        "bought"
    }

    #[tool(requires(role = "owner"))]
    async fn close(&self) -> &'static str {
        "closed"
    }

    #[resource("shop://{shelf}/{item}")]
    async fn item(&self, shelf: String, item: String) -> String {
        format!("{shelf}/{item}")
    }

    #[completion(resource = "shop://{shelf}/{item}", argument = "item")]
    async fn items(&self, typed: &str) -> Vec<String> {
        vec![format!("{typed}1")]
    }
}

fn rules(guest: &[&str]) -> RoleBasedAccessControl {
    RoleBasedAccessControl::builder()
        .with_role("guest", guest)
        .with_role("owner", &["*"])
        .with_scope_implies("shop", &["shop:buy"])
        .build()
        .expect("the rules are sound")
}

async fn start(rules: AccessRules) -> Guarded {
    let policy = policy().with_authorization_enabled(true);
    Guarded::start(policy, |builder| builder.with_handlers(Shop).with_authorization(rules)).await
}

async fn ask(guarded: &Guarded, token: &str, method: &str, params: Value) -> (u16, Value) {
    let answer = guarded.ask(&[("Authorization", &bearer(token))], &request::stateless(1, method, params)).await;
    (answer.head.status, answer.json())
}

async fn tools(guarded: &Guarded, token: &str) -> Vec<String> {
    let (_, list) = ask(guarded, token, "tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().expect("a list").iter();
    tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

async fn calls(guarded: &Guarded, token: &str, tool: &str) -> u16 {
    ask(guarded, token, "tools/call", json!({"name": tool, "arguments": {}})).await.0
}

/// S-40, S-41, S-42, T-26, T-48, P-82
#[tokio::test]
async fn lists_and_calls_are_decided_alike() {
    let guarded =
        start(AccessRules::new(rules(&["tools:call:look", "tools:read:buy", "resources:read:shop://open/*"]))).await;
    assert_eq!(tools(&guarded, "alice.guest").await, ["look", "buy"]);
    assert_eq!(tools(&guarded, "alice.owner").await, ["look", "buy", "close"]);
    assert_eq!(tools(&guarded, "alice").await, [""; 0]);
    assert_eq!(tools(&guarded, "alice.nobody").await, [""; 0]);
    assert_eq!(calls(&guarded, "alice.guest", "look").await, 200);
    assert_eq!(calls(&guarded, "alice.guest", "buy").await, 403);
    let hidden = ask(&guarded, "alice.guest", "tools/call", json!({"name": "close", "arguments": {}})).await;
    assert_eq!(hidden, ask(&guarded, "alice.guest", "tools/call", json!({"name": "none", "arguments": {}})).await);
    let read = async |uri: &str| ask(&guarded, "alice.guest", "resources/read", json!({"uri": uri})).await;
    assert!(read("shop://open/1").await.1["result"].is_object());
    for uri in ["shop://safe/1", "shop://openly/1", "shop://OPEN/1", "shop://open%2f/1", "shop://open/../safe/1"] {
        assert_eq!(read(uri).await.1["error"]["code"], -32602, "{uri}");
    }
}

/// P-86, S-42
#[tokio::test]
async fn completion_follows_what_it_completes() {
    let guarded = start(AccessRules::new(rules(&["resources:read:shop://open/*"]))).await;
    let complete = json!({
        "ref": {"type": "ref/resource", "uri": "shop://{shelf}/{item}"},
        "argument": {"name": "item", "value": "x"},
    });
    let (_, owner) = ask(&guarded, "alice.owner", "completion/complete", complete.clone()).await;
    assert_eq!(owner["result"]["completion"]["values"], json!(["x1"]));
    let (_, guest) = ask(&guarded, "alice.guest", "completion/complete", complete.clone()).await;
    assert!(guest["error"].is_object(), "a part of the family is not enough: {guest}");
    let (_, nobody) = ask(&guarded, "alice", "completion/complete", complete).await;
    assert_eq!(nobody["error"]["code"], -32602);
}

/// S-45
#[tokio::test]
async fn changed_rules_hold_from_the_next_message_on() {
    let live = AccessRules::new(rules(&["tools:call"]));
    let guarded = start(live.clone()).await;
    assert_eq!(calls(&guarded, "alice.guest", "buy").await, 200);
    // What was decided for a list is kept, and more often changed than is kept.
    for _ in 0..70 {
        assert_eq!(tools(&guarded, "alice.guest").await, ["look", "buy"]);
        live.replace(rules(&["tools:call", "!tools:call:buy"]));
        assert_eq!(tools(&guarded, "alice.guest").await, ["look"]);
        assert_eq!(tools(&guarded, "alice.owner").await, ["look", "buy", "close"]);
        live.replace(rules(&["tools:call"]));
    }
    live.replace(rules(&["tools:call", "!tools:call:buy"]));
    assert_eq!(
        ask(&guarded, "alice.guest", "tools/call", json!({"name": "buy", "arguments": {}})).await.1["error"]["code"],
        -32602
    );
}

/// P-88
#[tokio::test]
async fn lists_that_roles_decide_are_for_one_caller() {
    let guarded = start(AccessRules::new(rules(&["tools:call"]))).await;
    for method in ["tools/list", "resources/list", "resources/templates/list"] {
        let (_, list) = ask(&guarded, "alice.owner", method, json!({})).await;
        assert_eq!(list["result"]["cacheScope"], "private", "{method}");
    }
}

/// S-44
#[test]
fn names_give_what_they_say() {
    use mocopr::auth::{Authenticator, Credential, Verdict};
    let Verdict::Verified(verified) = Names.authenticate(Credential::Bearer("alice.guest.shop")) else { panic!() };
    assert!(verified.principal().has_role("guest") && verified.principal().has_scope("shop"));
}
