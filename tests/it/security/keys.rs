//! API keys over HTTP, and handles that belong to the caller they were given to.

use std::{
    os::unix::fs::PermissionsExt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use mocopr::{
    ServerBuilder,
    auth::{ApiKey, ApiKeyFile, ApiKeys},
    prelude::*,
    security::{RateLimitPolicy, Secret},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::guarded::{Guarded, HOST, with_fields};
use crate::support::{request, within};

const HOUR: Duration = Duration::from_secs(3_600);

/// Says who calls, and whether as a user.
#[tool]
async fn whoami(caller: Caller) -> String {
    format!("{} {} {}", caller.method().as_str(), caller.issuer(), caller.subject())
}

#[tool(requires(role = "user", scope = "notes:read"))]
async fn notes() -> &'static str {
    "read"
}

#[tool]
async fn mint(ctx: &Context) -> Result<String, Failure> {
    ctx.mint_handle("basket", &json!({"seat": 7}), HOUR)
}

#[tool]
async fn open(ctx: &Context, handle: &str) -> Result<String, Failure> {
    Ok(ctx.open_handle::<Value>("basket", handle)?.to_string())
}

#[tool]
async fn redeem(ctx: &Context, handle: &str) -> Result<String, Failure> {
    Ok(ctx.open_handle_once::<Value>("basket", handle).await?.to_string())
}

/// A server that takes these keys.
async fn serve(keys: &ApiKeys, with: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Guarded {
    let policy = SecurityPolicy::strict()
        .with_public_url(format!("https://{HOST}/mcp"))
        .with_authorization_enabled(false)
        .with_rate_limiting(RateLimitPolicy::unlimited())
        .with_authenticator(keys.clone());
    let guarded = Guarded::start(policy, |builder| {
        with(builder).with_tool(whoami).with_tool(notes).with_tool(mint).with_tool(open).with_tool(redeem)
    });
    guarded.await
}

struct Keys {
    folder: TempDir,
    file: ApiKeyFile,
    keys: ApiKeys,
    guarded: Guarded,
    alice: Secret<String>,
    alice_id: String,
    bob: Secret<String>,
}

impl Keys {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is a folder");
        let path = folder.path().join("keys.jsonl");
        let file = ApiKeyFile::at(&path);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        let (alice, record) = ApiKey::create("alice", now).expect("a key is made");
        let alice_id = record.id().to_owned();
        file.add(record.with_role("user").with_scope("notes:read")).expect("it is added");
        let (bob, record) = ApiKey::create("bob", now).expect("a key is made");
        file.add(record.with_role("user")).expect("it is added");

        let keys = ApiKeys::from_file(&path).expect("the file is sound");
        let guarded = serve(&keys, |builder| builder).await;
        Self { folder, file, keys, guarded, alice, alice_id, bob }
    }

    /// The status and the body of a call with this key.
    async fn call(&self, key: &Secret<String>, tool: &str, arguments: Value) -> (u16, Value) {
        let message = request::stateless(1, "tools/call", json!({"name": tool, "arguments": arguments}));
        let answer = self.guarded.ask(&[("X-API-Key", key.expose())], &message).await;
        (answer.head.status, answer.json())
    }

    async fn text(&self, key: &Secret<String>, tool: &str, arguments: Value) -> String {
        let (status, body) = self.call(key, tool, arguments).await;
        let text = body["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("{status} {body}")).to_owned()
    }
}

/// S-35, S-37
#[tokio::test]
async fn a_key_is_taken_in_either_header_with_its_roles_and_scopes() {
    let keys = Keys::start().await;
    assert_eq!(keys.text(&keys.alice, "whoami", json!({})).await, "api_key api-keys alice");
    assert_eq!(keys.text(&keys.alice, "notes", json!({})).await, "read");
    assert_eq!(keys.call(&keys.bob, "notes", json!({})).await.0, 403);

    let message = request::stateless(1, "tools/call", json!({"name": "whoami", "arguments": {}}));
    let bearer = format!("Bearer {}", keys.alice.expose());
    let answer = keys.guarded.ask(&[("Authorization", &bearer)], &message).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "api_key api-keys alice");
}

/// S-35, P-16
#[tokio::test]
async fn strange_and_revoked_keys_read_the_same_refusal_which_repeats_nothing() {
    let keys = Keys::start().await;
    let (strange, _) = ApiKey::create("alice", Duration::ZERO).expect("a key is made");
    let malformed = Secret::new(strange.expose().replacen("mocopr_", "mocopr_x", 1));
    let absent = keys.guarded.ask(&[], &request::stateless(1, "tools/list", json!({}))).await;
    let message = request::stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut stream = keys.guarded.connect().await;
    stream.send(with_fields(&[("X-API-Key", keys.alice.expose())], &message)).await;
    assert!(stream.head().await.is_event_stream() && stream.event().await.is_some());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    keys.file.revoke(&keys.alice_id, now).expect("it is revoked");
    keys.keys.reload().expect("the file is sound");
    // What is open under a key that is gone ends.
    while stream.event().await.is_some() {}
    for key in [&keys.alice, &strange, &malformed] {
        let (status, body) = keys.call(key, "whoami", json!({})).await;
        assert_eq!((status, &body), (401, &absent.json()));
        assert!(!body.to_string().contains(key.expose()));
    }
    assert_eq!(keys.call(&keys.bob, "whoami", json!({})).await.0, 200);
}

/// P-19, P-70, P-71
#[tokio::test]
async fn a_handle_opens_for_its_caller_and_for_nobody_else() {
    let keys = Keys::start().await;
    let handle = keys.text(&keys.alice, "mint", json!({})).await;
    for _ in 0..2 {
        assert_eq!(keys.text(&keys.alice, "open", json!({"handle": handle})).await, r#"{"seat":7}"#);
    }
    let forged = keys.call(&keys.alice, "open", json!({"handle": "forged"})).await;
    assert_eq!(forged.1["error"]["code"], -32602);
    assert_eq!(keys.call(&keys.bob, "open", json!({"handle": handle})).await, forged);
    assert_eq!(keys.call(&keys.bob, "redeem", json!({"handle": handle})).await, forged);
}

/// P-72
#[tokio::test]
async fn a_handle_is_redeemed_once() {
    let keys = Keys::start().await;
    let handle = keys.text(&keys.alice, "mint", json!({})).await;
    let forged = keys.call(&keys.alice, "redeem", json!({"handle": "forged"})).await;
    assert_eq!(keys.text(&keys.alice, "redeem", json!({"handle": handle})).await, r#"{"seat":7}"#);
    assert_eq!(keys.call(&keys.alice, "redeem", json!({"handle": handle})).await, forged);
}

/// S-35, S-59
#[tokio::test]
async fn a_file_that_changes_is_taken_while_the_server_runs() {
    let keys = Keys::start().await;
    assert_eq!(keys.call(&keys.alice, "whoami", json!({})).await.0, 200);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    keys.file.revoke(&keys.alice_id, now).expect("it is revoked");
    let refused = async { while keys.call(&keys.alice, "whoami", json!({})).await.0 != 401 {} };
    within("the key to be refused", refused).await;
    assert_eq!(keys.call(&keys.bob, "whoami", json!({})).await.0, 200);

    // Of two replicas one has the new state key, and the other takes it from its file.
    let state_key = |first: u8| STANDARD.encode((0..32).map(|place: u8| first.wrapping_add(place)).collect::<Vec<_>>());
    let path = keys.folder.path().join("state_key");
    let write = |key: String| {
        std::fs::write(&path, key).expect("it can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    };
    write(state_key(1));
    let watching = serve(&keys.keys, |builder| builder.with_state_key_file(&path)).await;
    let renewed = serve(&keys.keys, |builder| builder.with_state_key(Secret::new(state_key(2)))).await;
    let call = async |server: &Guarded, tool: &str, arguments: Value| {
        let message = request::stateless(1, "tools/call", json!({"name": tool, "arguments": arguments}));
        let answer = server.connect().await.ask(with_fields(&[("X-API-Key", keys.bob.expose())], &message)).await;
        answer.json()["result"].clone()
    };
    let text = |result: &Value| result["content"][0]["text"].as_str().unwrap_or_default().to_owned();
    let opens = async |server: &Guarded, handle: &str| {
        text(&call(server, "open", json!({"handle": handle})).await) == "{\"seat\":7}"
    };
    let old = text(&call(&watching, "mint", json!({})).await);
    assert!(opens(&watching, &old).await && !opens(&renewed, &old).await);
    write(state_key(2));
    let taken = async {
        loop {
            let handle = text(&call(&watching, "mint", json!({})).await);
            if opens(&renewed, &handle).await {
                break;
            }
        }
    };
    within("the new key to seal", taken).await;
    assert!(opens(&watching, &old).await, "what the old key sealed opens");
}
