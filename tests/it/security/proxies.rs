//! From where a request comes: from the peer, or from where a trusted proxy says.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use mocopr::{
    HttpConfig, McpServer,
    audit::{AuditEvent, Happening, Source, Witness},
    prelude::*,
    security::{RateLimit, RateLimitPolicy},
    testing::ManualClock,
};
use serde_json::json;

use super::{
    fixture::Fixture,
    guarded::{Guarded, bearer, policy, with_fields},
};
use crate::support::request;

/// A server at which each address may ask twice, and whose peers on this machine are trusted or not.
async fn start(proxies: &[&str]) -> Guarded {
    let address = Some(RateLimit::per_minute(1).with_burst(2));
    let policy = policy().with_rate_limiting(RateLimitPolicy { address, ..RateLimitPolicy::unlimited() });
    let config = HttpConfig::loopback(0).with_trusted_proxies(proxies);
    Guarded::listen(config, policy, |builder| builder.with_clock(ManualClock::new())).await
}

async fn statuses(guarded: &Guarded, forwarded: &[(&str, &str)], requests: usize) -> Vec<u16> {
    let list = request::stateless(1, "server/discover", json!({}));
    let mut statuses = Vec::new();
    for _ in 0..requests {
        let fields = [&[("Authorization", "Bearer alice")], forwarded].concat();
        statuses.push(guarded.ask(&fields, &list).await.head.status);
    }
    statuses
}

/// S-24
#[tokio::test]
async fn callers_behind_a_trusted_proxy_have_rates_of_their_own() {
    let guarded = start(&["127.0.0.0/8"]).await;
    let one = [("X-Forwarded-For", "203.0.113.1, 192.0.2.1, 127.0.0.9")];
    assert_eq!(statuses(&guarded, &one, 3).await, [200, 200, 429]);
    // What a caller puts in front changes nothing.
    assert_eq!(statuses(&guarded, &[("X-Forwarded-For", "198.51.100.7, 192.0.2.1")], 1).await, [429]);
    let other = [("X-Forwarded-For", "192.0.2.2"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "evil.example")];
    assert_eq!(statuses(&guarded, &other, 3).await, [200, 200, 429]);
}

/// S-24
#[tokio::test]
async fn a_peer_that_is_not_trusted_cannot_choose_its_address() {
    let guarded = start(&["10.0.0.0/8"]).await;
    let forged = [("X-Forwarded-For", "192.0.2.1")];
    assert_eq!(statuses(&guarded, &forged, 3).await, [400, 400, 429], "they count for the peer");
}

/// S-24
#[tokio::test]
async fn a_list_that_cannot_be_read_is_refused_and_counts_for_the_proxy() {
    let guarded = start(&["127.0.0.1"]).await;
    assert_eq!(statuses(&guarded, &[("X-Forwarded-For", "unknown")], 3).await, [400, 400, 429]);
    assert_eq!(statuses(&guarded, &[("X-Forwarded-For", "192.0.2.1")], 1).await, [200]);
}

/// Hears from where everything comes.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Option<IpAddr>>>);

impl Witness for Heard {
    fn saw(&self, happening: &Happening<'_>) {
        if happening.event != AuditEvent::Administration {
            self.0.lock().unwrap().push(happening.from.and_then(Source::address));
        }
    }
}

/// S-24
#[tokio::test]
async fn witnesses_hear_the_address_of_the_caller() {
    let heard = Arc::new(Heard::default());
    let config = HttpConfig::loopback(0).with_trusted_proxies(["127.0.0.1"]);
    let guarded = Guarded::listen(config, policy(), |builder| builder.with_witness(heard.clone())).await;
    for credential in ["Bearer alice", "Bearer xavier"] {
        let fields = [("Authorization", credential), ("X-Forwarded-For", "[2001:db8::7]:443")];
        let message = request::stateless(1, "tools/call", json!({"name": "nothing", "arguments": {}}));
        guarded.ask(&fields, &message).await;
    }
    let heard = heard.0.lock().unwrap().clone();
    assert!(heard.len() >= 2, "{heard:?}");
    assert!(heard.iter().all(|from| *from == Some("2001:db8::7".parse().unwrap())), "{heard:?}");
}

/// S-24
#[tokio::test]
async fn the_report_names_the_proxies_that_are_trusted() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let served = fixture.listen_with(&[("MOCOPR_TRUSTED_PROXIES", "127.0.0.1/32, ::1")]).await;
    let call = request::stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": "x"}}));
    let fields = [("Authorization", &*bearer(&key)), ("X-Forwarded-For", "192.0.2.77")];
    assert_eq!(served.connect().await.ask(with_fields(&fields, &call)).await.head.status, 200);
    served.listening.logs("127.0.0.1/32, ::1/128").await;
}

/// S-24
#[test]
fn the_development_profile_trusts_no_proxy_and_no_profile_a_large_network() {
    let found = |policy, networks: &[&str]| {
        let server = McpServer::builder().with_info("x", "1").with_security_policy(policy).build().unwrap();
        server.check(&HttpConfig::loopback(0).with_tls_required(false).with_trusted_proxies(networks)).len()
    };
    assert_eq!(found(policy(), &["10.0.0.0/8", "::1"]), 0);
    assert_eq!(found(policy(), &["10.0.0.0/7", "::/0", "x"]), 3);
    assert_eq!(found(SecurityPolicy::development(), &["127.0.0.1"]), 1);
}
