//! Who is let in over HTTP, what those read who are not, and what they can find out to be.

use mocopr::prelude::*;
use serde_json::json;

use super::guarded::{Guarded, bearer, policy, with_fields};
use crate::support::request;

/// Says who calls.
#[tool]
async fn whoami(caller: Caller) -> String {
    caller.subject().to_owned()
}

#[tool(requires(scope = "notes:read", scope = "notes:write"))]
async fn write() -> &'static str {
    "written"
}

#[tool(requires(role = "editor"))]
async fn publish() -> &'static str {
    "published"
}

/// Needs a scope for some of its arguments.
#[tool]
async fn look(ctx: &Context, at: &str) -> Result<String, Failure> {
    if at == "everything" {
        ctx.require("notes")?;
    }
    Ok(at.to_owned())
}

async fn start() -> Guarded {
    let tools =
        |builder: mocopr::ServerBuilder| builder.with_tool(whoami).with_tool(write).with_tool(publish).with_tool(look);
    Guarded::start(policy(), tools).await
}

fn call(tool: &str) -> serde_json::Value {
    request::stateless(1, "tools/call", json!({"name": tool, "arguments": {}}))
}

const METADATA: &str = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";

/// S-30, P-05, P-06, P-08, P-10, P-12, P-32
#[tokio::test]
async fn every_request_needs_a_credential_and_all_that_fail_read_the_same() {
    let guarded = start().await;
    let absent = guarded.ask(&[], &call("whoami")).await;
    assert_eq!(absent.head.status, 401);
    let challenge = format!("Bearer scope=\"notes:read notes:write\", resource_metadata=\"{METADATA}\"");
    assert_eq!(absent.head.header("www-authenticate"), Some(&*challenge));
    let invalid = format!("Bearer error=\"invalid_token\", {}", challenge.trim_start_matches("Bearer "));
    for credential in ["Bearer xavier", "Bearer key.1", "Bearer", "Basic YTpi", "bearer a b", "Negotiate YTpi"] {
        let answer = guarded.ask(&[("Authorization", credential)], &call("whoami")).await;
        assert_eq!((answer.head.status, &answer.body), (401, &absent.body), "{credential}");
        assert_eq!(answer.head.header("www-authenticate"), Some(&*invalid), "{credential}");
    }
    for line in ["GET /mcp HTTP/1.1", "DELETE /mcp HTTP/1.1", "PUT /mcp HTTP/1.1", "OPTIONS /mcp HTTP/1.1"] {
        let answer = guarded.send(line, &[], b"").await;
        assert_eq!((answer.head.status, &answer.body), (401, &absent.body), "{line}");
    }
    // A token in the query is none.
    let body = call("whoami").to_string();
    let fields = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
    let answer = guarded.send("POST /mcp?access_token=alice HTTP/1.1", &fields, body.as_bytes()).await;
    assert_eq!(answer.head.status, 401);
    assert_eq!(absent.json(), json!({"jsonrpc": "2.0", "error": {"code": 1401, "message": "authentication required"}}));
}

/// P-08, P-54
#[tokio::test]
async fn a_connection_remembers_nobody() {
    let guarded = start().await;
    let mut connection = guarded.connect().await;
    let mut ask = async |token: Option<&str>| {
        let value = token.map(bearer);
        let fields: Vec<(&str, &str)> = value.iter().map(|value| ("Authorization", &**value)).collect();
        let answer = connection.ask(with_fields(&fields, &call("whoami"))).await;
        (answer.head.status, answer.json()["result"]["content"][0]["text"].as_str().map(str::to_owned))
    };
    assert_eq!(ask(Some("alice")).await, (200, Some("alice".to_owned())));
    assert_eq!(ask(Some("bob")).await, (200, Some("bob".to_owned())));
    assert_eq!(ask(None).await, (401, None));
}

/// P-10, P-13
#[tokio::test]
async fn a_missing_scope_is_named_with_all_others_that_the_call_needs() {
    let guarded = start().await;
    let answer = guarded.ask(&[("Authorization", "Bearer alice..notes:read")], &call("whoami")).await;
    assert_eq!(answer.head.status, 401, "a scope with a colon is not in the alphabet of tokens");
    let answer = guarded.ask(&[("Authorization", "Bearer alice")], &call("write")).await;
    assert_eq!(answer.head.status, 403);
    let challenge = format!(
        "Bearer error=\"insufficient_scope\", scope=\"notes:read notes:write\", resource_metadata=\"{METADATA}\""
    );
    assert_eq!(answer.head.header("www-authenticate"), Some(&*challenge));
    assert_eq!(answer.json()["error"]["data"]["scopes"], json!(["notes:read", "notes:write"]));
}

/// P-13
#[tokio::test]
async fn a_handler_asks_for_a_scope_where_its_arguments_need_one() {
    let guarded = start().await;
    let ask = async |token: &str, at: &str| {
        let message = request::stateless(1, "tools/call", json!({"name": "look", "arguments": {"at": at}}));
        guarded.ask(&[("Authorization", &bearer(token))], &message).await
    };
    assert_eq!(ask("alice", "one").await.head.status, 200);
    assert_eq!(ask("alice..notes", "everything").await.head.status, 200);
    let refused = ask("alice", "everything").await;
    assert_eq!((refused.head.status, &refused.json()["error"]["code"]), (403, &json!(1403)));
    let challenge = refused.head.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with("Bearer error=\"insufficient_scope\", scope=\"notes\""), "{challenge}");
}

/// S-41, S-42
#[tokio::test]
async fn what_a_role_hides_is_answered_like_what_does_not_exist() {
    let guarded = start().await;
    let ask = async |token: &str, tool: &str| guarded.ask(&[("Authorization", &bearer(token))], &call(tool)).await;
    assert_eq!(ask("alice.editor", "publish").await.head.status, 200);
    let (hidden, unknown) = (ask("alice", "publish").await, ask("alice", "nothing").await);
    assert_eq!((hidden.head.status, hidden.body), (unknown.head.status, unknown.body));
}

/// P-03, P-04, P-05, P-07, P-33
#[tokio::test]
async fn where_to_get_a_token_is_for_everybody_to_read() {
    let guarded = start().await;
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"] {
        let answer = guarded.send(&format!("GET {path} HTTP/1.1"), &[], b"").await;
        assert_eq!((answer.head.status, answer.head.header("content-type")), (200, Some("application/json")), "{path}");
        let document = json!({
            "resource": "https://mcp.example.com/mcp",
            "authorization_servers": ["https://id.example.com"],
            "scopes_supported": ["notes:read", "notes:write"],
            "bearer_methods_supported": ["header"],
        });
        assert_eq!(answer.json(), document);
        let foreign = guarded.send(&format!("GET {path} HTTP/1.1"), &[("Origin", "https://evil.example")], b"").await;
        assert_eq!(foreign.head.status, 403);
        assert_eq!(
            guarded
                .send(&format!("POST {path} HTTP/1.1"), &[("Content-Type", "application/json")], b"{}")
                .await
                .head
                .status,
            404
        );
    }
    for path in
        ["/", "/mcp/", "/.well-known/oauth-protected-resource/other", "/sse", "/.well-known/openid-configuration"]
    {
        assert_eq!(guarded.send(&format!("GET {path} HTTP/1.1"), &[], b"").await.head.status, 404, "{path}");
    }
}

/// S-37, P-10
#[tokio::test]
async fn two_credentials_of_different_principals_are_a_malformed_request() {
    let guarded = start().await;
    let ask = async |fields: &[(&str, &str)]| guarded.ask(fields, &call("whoami")).await.head.status;
    assert_eq!(ask(&[("Authorization", "Bearer alice"), ("X-API-Key", "alice")]).await, 200);
    assert_eq!(ask(&[("Authorization", "Bearer alice"), ("X-API-Key", "bob")]).await, 400);
    assert_eq!(ask(&[("Authorization", "Bearer alice"), ("X-API-Key", "xavier")]).await, 401);
    assert_eq!(ask(&[("Authorization", "Bearer alice"), ("Authorization", "Bearer alice")]).await, 400);
}

/// S-44, P-64
#[tokio::test]
async fn what_a_client_says_of_itself_gives_it_no_role() {
    let guarded = start().await;
    let mut message = call("publish");
    message["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "editor", "version": "editor"});
    message["params"]["_meta"]["roles"] = json!(["editor"]);
    let fields = [("Authorization", "Bearer alice"), ("X-Role", "editor"), ("Roles", "editor")];
    let answer = guarded.ask(&fields, &message).await;
    assert_eq!(answer.json()["error"]["code"], -32602);
}

/// P-48
#[tokio::test]
async fn a_session_is_no_credential_and_of_one_principal_alone() {
    let guarded = start().await;
    let hello = request::initialize(1, "2025-11-25", json!({}));
    let session = &*guarded.open_session("alice", &hello).await;
    let list = request::stateful(2, "tools/list", json!({}));
    let of = |who: &'static str| [("Mcp-Session-Id", session), ("Authorization", who)];
    assert_eq!(guarded.ask_stateful(&of("Bearer alice"), &list).await.head.status, 200);
    assert_eq!(guarded.ask_stateful(&of("Bearer bob"), &list).await.head.status, 404);
    assert_eq!(guarded.ask_stateful(&[("Mcp-Session-Id", session)], &list).await.head.status, 401);
}
