//! What load balancers are told.

use mocopr::{
    HttpConfig, McpServer,
    security::{RateLimit, RateLimitPolicy},
};

use super::guarded::{Guarded, HOST, policy};
use crate::support::{
    http::{Answer, Connection},
    request,
};

async fn ask(guarded: &Guarded, line: &str, fields: &[(&str, &str)]) -> Answer {
    let bytes = request::request(line, fields, b"");
    Connection::open(guarded.authority()).await.watched().ask(bytes).await
}

/// S-22
#[tokio::test]
async fn health_is_told_to_everybody_and_says_nothing_else() {
    let address = Some(RateLimit::per_minute(1).with_burst(1));
    let policy = policy().with_rate_limiting(RateLimitPolicy { address, ..RateLimitPolicy::unlimited() });
    let guarded = Guarded::listen(HttpConfig::loopback(0).with_health(), policy, |builder| builder).await;
    for path in ["/livez", "/readyz"] {
        for fields in [&[("Host", "10.0.0.1:8080")][..], &[], &[("Host", HOST), ("Origin", "https://evil.example")]] {
            let answer = ask(&guarded, &format!("GET {path} HTTP/1.1"), fields).await;
            assert_eq!((answer.head.status, answer.text().as_str()), (200, "ok\n"), "{path} {fields:?}");
            assert_eq!(answer.head.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.head.header("access-control-allow-origin"), None);
        }
        let refused = ask(&guarded, &format!("POST {path} HTTP/1.1"), &[("Host", HOST)]).await;
        assert_eq!((refused.head.status, refused.head.header("allow")), (405, Some("GET, HEAD")));
        assert_eq!(refused.body, b"");
    }
    let head = request::request("HEAD /readyz HTTP/1.1", &[("Host", "x"), ("Connection", "close")], b"");
    let mut connection = Connection::open(guarded.authority()).await;
    connection.send(head).await;
    let answer = String::from_utf8(connection.drain().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    // Other paths are as strict as ever.
    assert_eq!(ask(&guarded, "GET /livez/ HTTP/1.1", &[("Host", "10.0.0.1")]).await.head.status, 403);
    assert_eq!(ask(&guarded, "GET /livez/ HTTP/1.1", &[("Host", HOST)]).await.head.status, 429);
}

/// S-22
#[tokio::test]
async fn health_is_told_only_where_the_owner_says_so() {
    let guarded = Guarded::start(policy(), |builder| builder).await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(guarded.send(&format!("GET {path} HTTP/1.1"), &[], b"").await.head.status, 404);
    }
}

/// S-03
#[test]
fn the_endpoint_is_not_where_health_is_told() {
    let server = McpServer::builder().with_info("x", "1").with_security_policy(policy()).build().unwrap();
    let config = || HttpConfig::loopback(0).with_tls_required(false).with_path("/readyz");
    assert_eq!(server.check(&config().with_health()).len(), 1);
    assert_eq!(server.check(&config()), []);
}
