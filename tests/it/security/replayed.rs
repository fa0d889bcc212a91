//! What a stream of a session carried is decided again for whoever comes back for it.

use mocopr::{
    prelude::*,
    security::{AccessRules, RoleBasedAccessControl},
};
use serde_json::{Value, json};

use super::guarded::{Guarded, HOST, bearer, policy};
use crate::support::{http::Event, request};

/// Says something first, so that its answer comes on a stream.
#[tool(requires(role = "owner"))]
async fn count_money(ctx: &Context) -> &'static str {
    ctx.progress(1.0, 2.0, "counting");
    "a lot"
}

fn rules(owner: &[&str]) -> RoleBasedAccessControl {
    let builder = RoleBasedAccessControl::builder().with_role("guest", &["tools:read"]).with_role("owner", owner);
    builder.build().expect("the rules are sound")
}

/// A server whose owner counted money in a session, which goes on.
struct Counted {
    guarded: Guarded,
    access: AccessRules,
    session: String,
    /// The first event of the call's stream.
    first: String,
}

impl Counted {
    async fn start(messages: &Value) -> Self {
        let access = AccessRules::new(rules(&["*"]));
        let policy = policy().with_authorization_enabled(true);
        let guarded =
            Guarded::start(policy, |builder| builder.with_tool(count_money).with_authorization(access.clone())).await;
        let hello = request::initialize(1, "2025-03-26", json!({}));
        let session = guarded.open_session("alice.owner", &hello).await;
        let fields = [("Authorization", "Bearer alice.owner"), ("Mcp-Session-Id", &*session)];
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(guarded.ask_stateful(&fields, &ready).await.head.status, 202);

        let base =
            [("Host", HOST), ("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
        let post = request::post(&[&base[..], &fields].concat(), messages.to_string().as_bytes());
        let mut stream = guarded.connect().await;
        stream.send(post).await;
        assert!(stream.head().await.is_event_stream());
        let first = stream.event().await.expect("the stream begins").id.expect("with an id");
        while stream.event().await.is_some() {}
        Self { guarded, access, session, first }
    }

    /// What comes of going on after an event: the events, or the status and body of a refusal.
    async fn again(&self, token: &str, last: &str) -> Result<Vec<Event>, (u16, String)> {
        let bearer = bearer(token);
        let fields = [
            ("Host", HOST),
            ("Authorization", &*bearer),
            ("Accept", "application/json, text/event-stream"),
            ("Mcp-Session-Id", &*self.session),
            ("Last-Event-ID", last),
        ];
        let mut stream = self.guarded.connect().await;
        stream.send(request::request("GET /mcp HTTP/1.1", &fields, b"")).await;
        let head = stream.head().await;
        if !head.is_event_stream() {
            return Err((head.status, String::from_utf8(stream.rest().await).expect("it is text")));
        }
        let mut events = Vec::new();
        while let Some(event) = stream.event().await {
            events.push(event);
        }
        Ok(events)
    }
}

fn call() -> Value {
    let params = json!({"name": "count_money", "arguments": {}, "_meta": {"progressToken": 1}});
    request::stateful(2, "tools/call", params)
}

/// S-42, P-82
#[tokio::test]
async fn what_a_call_said_is_replayed_only_to_whom_might_still_call() {
    let counted = Counted::start(&call()).await;
    let heard = counted.again("alice.owner", &counted.first).await.expect("the owner comes back");
    assert!(heard.last().is_some_and(|event| event.data.contains("a lot")), "{heard:?}");

    let unknown = counted.again("alice.owner", "made-up").await.expect_err("nobody made that up");
    assert_eq!(unknown.0, 400);
    assert_eq!(counted.again("alice.guest", &counted.first).await.expect_err("without the role"), unknown);
    assert_eq!(counted.again("alice", &counted.first).await.expect_err("without any role"), unknown);

    counted.access.replace(rules(&["tools:read"]));
    assert_eq!(counted.again("alice.owner", &counted.first).await.expect_err("by other rules"), unknown);
    counted.access.replace(rules(&["*"]));
    assert_eq!(counted.again("alice.owner", &counted.first).await.map(|heard| heard.len()), Ok(heard.len()));
}

/// S-42, P-82
#[tokio::test]
async fn a_list_in_a_batch_is_replayed_only_to_the_same_roles() {
    let batch = json!([request::stateful(1, "tools/list", json!({})), call()]);
    let counted = Counted::start(&batch).await;
    let heard = counted.again("alice.owner", &counted.first).await.expect("the owner comes back");
    assert!(heard.iter().any(|event| event.data.contains("inputSchema")), "{heard:?}");
    let refused = counted.again("alice.owner.more", &counted.first).await.expect_err("with another scope");
    assert_eq!(refused.0, 400);
}
