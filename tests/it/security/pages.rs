//! Web pages: which may call, and which may read.

use mocopr::prelude::*;
use serde_json::json;

use super::guarded::{Guarded, policy};
use crate::support::request;

async fn start() -> Guarded {
    let policy = policy().with_allowed_origin("https://app.example.com");
    Guarded::start(policy, |builder| builder.with_tool(Tool::new("a").handler(|_: serde_json::Value| async { "b" })))
        .await
}

/// S-17, P-30
#[tokio::test]
async fn a_listed_page_may_call_and_read_and_no_other_may() {
    let guarded = start().await;
    let list = request::stateless(1, "tools/list", json!({}));
    for (origin, status, reader) in [
        ("https://app.example.com", 200, Some("https://app.example.com")),
        ("https://mcp.example.com", 200, Some("https://mcp.example.com")),
        ("https://evil.example.com", 403, None),
        ("https://app.example.com.evil.example", 403, None),
        ("http://app.example.com", 403, None),
        ("null", 403, None),
    ] {
        let fields = [("Authorization", "Bearer alice"), ("Origin", origin)];
        let answer = guarded.ask(&fields, &list).await;
        let head = &answer.head;
        assert_eq!((head.status, head.header("access-control-allow-origin")), (status, reader), "{origin}");
        assert_eq!(head.header("access-control-allow-credentials"), None);
        // Also what is refused: a page must learn that it needs a token.
        let refused = guarded.ask(&[("Origin", origin)], &list).await;
        assert_eq!(refused.head.header("access-control-allow-origin"), reader, "{origin}");
    }
    let plain = guarded.ask(&[("Authorization", "Bearer alice")], &list).await;
    assert_eq!(plain.head.header("access-control-allow-origin"), None);
}

/// S-17
#[tokio::test]
async fn a_preflight_is_answered_without_a_credential_and_reaches_no_handler() {
    let guarded = start().await;
    let ask = async |origin: &str| {
        let fields = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type,mcp-protocol-version,x-evil"),
        ];
        guarded.send("OPTIONS /mcp HTTP/1.1", &fields, b"").await
    };
    let answer = ask("https://app.example.com").await;
    assert_eq!((answer.head.status, answer.body.len()), (204, 0));
    assert_eq!(answer.head.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(
        answer.head.header("access-control-allow-headers"),
        Some("authorization, content-type, mcp-protocol-version")
    );
    assert_eq!(answer.head.header("access-control-allow-methods"), Some("GET, POST, DELETE"));
    let foreign = ask("https://evil.example.com").await;
    assert_eq!((foreign.head.status, foreign.head.header("access-control-allow-origin")), (403, None));
}

/// S-17, P-03
#[tokio::test]
async fn a_page_may_ask_where_tokens_come_from_and_say_its_revision() {
    let guarded = start().await;
    let ask = async |line: &str, origin: &str| {
        let fields = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "mcp-protocol-version"),
        ];
        guarded.send(line, &fields, b"").await.head
    };
    let (app, document) = ("https://app.example.com", "/.well-known/oauth-protected-resource/mcp HTTP/1.1");
    let answer = ask(&format!("OPTIONS {document}"), app).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(app));
    assert_eq!(answer.header("access-control-allow-headers"), Some("mcp-protocol-version"));
    assert_eq!(ask("OPTIONS /nothing HTTP/1.1", app).await.status, 404);
    assert_eq!(ask(&format!("OPTIONS {document}"), "https://evil.example.com").await.status, 403);
    // What may be kept for others says that it depends on the page.
    for fields in [&[("Origin", app)][..], &[]] {
        let answer = guarded.send(&format!("GET {document}"), fields, b"").await;
        assert_eq!((answer.head.status, answer.head.header("vary")), (200, Some("origin")));
    }
}

/// S-22
#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let guarded = start().await;
    for line in ["GET /mcp HTTP/1.1", "GET /nothing HTTP/1.1", "GET /.well-known/oauth-protected-resource HTTP/1.1"] {
        let answer = guarded.send(line, &[], b"").await;
        for name in ["x-content-type-options", "x-frame-options", "content-security-policy", "referrer-policy"] {
            assert!(answer.head.header(name).is_some(), "{line}: {name}");
        }
    }
}
