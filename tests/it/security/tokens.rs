//! Access tokens over HTTP: whom they let in, for how long, and what is never repeated of them.

use std::{sync::Arc, time::Duration};

use mocopr::{
    auth::{AuthMiddleware, TokenIssuer},
    prelude::*,
    security::{RateLimitPolicy, RoleBasedAccessControl},
    testing::ManualClock,
};
use serde_json::json;

use super::guarded::{Guarded, HOST, ISSUER, bearer, with_fields};
use crate::support::request;

#[tool]
async fn whoami(caller: Caller) -> String {
    format!("{} {}", caller.issuer(), caller.subject())
}

fn issuer(clock: &ManualClock) -> TokenIssuer {
    let issuer = TokenIssuer::new().expect("keys can be made");
    issuer.with_issuer(ISSUER).with_audience(format!("https://{HOST}/mcp")).with_clock(Arc::new(clock.clone()))
}

async fn start(issuer: &TokenIssuer, clock: &ManualClock) -> Guarded {
    let tokens = AuthMiddleware::builder().with_token_validation(issuer.validator()).build().expect("it is sound");
    let roles =
        RoleBasedAccessControl::builder().with_role("user", &["tools:call:whoami"]).build().expect("they are sound");
    let policy = SecurityPolicy::strict()
        .with_public_url(format!("https://{HOST}/mcp"))
        .with_rate_limiting(RateLimitPolicy::unlimited())
        .with_authentication(tokens);
    Guarded::start(policy, |builder| builder.with_tool(whoami).with_authorization(roles).with_clock(clock.clone()))
        .await
}

fn call() -> serde_json::Value {
    request::stateless(1, "tools/call", json!({"name": "whoami", "arguments": {}}))
}

/// S-31, S-32, S-33, S-44, P-08, P-09, P-15, T-22
#[tokio::test]
async fn a_token_for_this_server_lets_its_subject_in_until_it_ends() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let guarded = start(&issuer, &clock).await;
    let ask = async |token: &str| guarded.ask(&[("Authorization", &bearer(token))], &call()).await;
    let good = issuer.token_for("alice").with_role("user").sign().unwrap();
    let answer = ask(&good).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], format!("{ISSUER} alice"));
    let folded = issuer.token_for("alice").with_role("user").with_audience("HTTPS://MCP.EXAMPLE.COM/mcp");
    assert_eq!(ask(&folded.sign().unwrap()).await.head.status, 200);
    for audience in ["https://mcp.example.com", "https://mcp.example.com/mcp/", "https://other.example.com/mcp"] {
        let token = issuer.token_for("alice").with_role("user").with_audience(audience).sign().unwrap();
        assert_eq!(ask(&token).await.head.status, 401, "{audience}");
    }
    // Without the role the tool is hidden, whatever the token says elsewhere.
    let plain = issuer.token_for("alice").with_claim("role", "user").with_scope("user").sign().unwrap();
    assert_eq!(ask(&plain).await.json()["error"]["code"], -32602);
    issuer.rotate().unwrap();
    assert_eq!(ask(&issuer.token_for("bob").with_role("user").sign().unwrap()).await.head.status, 200);
    assert_eq!(ask(&good).await.head.status, 200, "the old key is still published");
    issuer.forget_earlier_keys();
    assert_eq!(ask(&good).await.head.status, 401);
}

/// S-32, P-08
#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let guarded = start(&issuer, &clock).await;
    let token = issuer.token_for("alice").with_role("user").with_expiry(Duration::from_secs(60)).sign().unwrap();
    let message = request::stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut stream = guarded.connect().await;
    stream.send(with_fields(&[("Authorization", &bearer(&token))], &message)).await;
    assert!(stream.head().await.is_event_stream());
    assert!(stream.event().await.is_some());
    clock.advance(Duration::from_secs(91));
    while stream.event().await.is_some() {}
    assert_eq!(guarded.ask(&[("Authorization", &bearer(&token))], &call()).await.head.status, 401);
}

/// S-30, P-16, T-27
#[tokio::test]
async fn nothing_of_a_token_is_ever_repeated() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let guarded = start(&issuer, &clock).await;
    let canary = "CANARY7f3a";
    let expired = issuer.token_for(canary).with_claim("iat", 1).with_claim("exp", 2).sign().unwrap();
    let foreign = issuer.token_for(canary).with_audience(canary).sign().unwrap();
    for token in [&*expired, &foreign, "CANARY7f3a", "CANARY7f3a.CANARY7f3a.CANARY7f3a"] {
        let answer = guarded.ask(&[("Authorization", &bearer(token))], &call()).await;
        assert_eq!(answer.head.status, 401);
        let all = format!("{:?} {}", answer.head, answer.text());
        assert!(!all.contains(canary) && !all.contains("exp") && !all.contains(token), "{all}");
    }
}
