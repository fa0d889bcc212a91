//! How often callers may ask: exact however many ask at once, and for each caller alone.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mocopr::{
    prelude::*,
    security::{RateLimit, RateLimitPolicy, Slowing},
    testing::ManualClock,
};
use serde_json::json;

use super::guarded::{Guarded, bearer, policy, with_fields};
use crate::support::request;

#[tool(heavy)]
async fn dig() -> &'static str {
    "dug"
}

async fn start(rates: RateLimitPolicy) -> (Guarded, ManualClock) {
    let clock = ManualClock::new();
    let policy = policy().with_rate_limiting(rates);
    (Guarded::start(policy, |builder| builder.with_tool(dig).with_clock(clock.clone())).await, clock)
}

/// S-70, S-71
#[tokio::test]
async fn of_many_requests_at_once_exactly_the_burst_passes() {
    let principal = Some(RateLimit::per_minute(60).with_burst(20));
    let (guarded, clock) = start(RateLimitPolicy { principal, ..RateLimitPolicy::unlimited() }).await;
    let list = request::stateless(1, "tools/list", json!({}));
    let passed = async |who: &str, requests: usize| {
        let credential = bearer(who);
        let bytes = with_fields(&[("Authorization", &credential)], &list);
        let mut connections = join_all((0..requests).map(|_| guarded.connect())).await;
        let answers = join_all(connections.iter_mut().map(|connection| connection.ask(&bytes))).await;
        for refused in answers.iter().filter(|answer| answer.head.status != 200) {
            assert_eq!((refused.head.status, refused.head.header("retry-after")), (429, Some("1")));
            assert_eq!(refused.json()["error"]["data"]["retryAfterMs"], 1_000);
        }
        answers.iter().filter(|answer| answer.head.status == 200).count()
    };
    assert_eq!(passed("alice", 200).await, 20);
    assert_eq!(passed("bob", 5).await, 5, "one caller takes nothing from another");
    clock.advance(std::time::Duration::from_secs(3));
    assert_eq!(passed("alice", 50).await, 3, "what came back meanwhile");
}

/// S-70
#[tokio::test]
async fn an_address_is_bounded_before_anybody_is_authenticated() {
    let address = Some(RateLimit::per_minute(60).with_burst(25));
    let (guarded, _clock) = start(RateLimitPolicy { address, ..RateLimitPolicy::unlimited() }).await;
    let list = request::stateless(1, "tools/list", json!({}));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(guarded.ask(&[("Authorization", "Bearer xavier")], &list).await.head.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429], "a failure counts as ten");
    let valid = guarded.ask(&[("Authorization", "Bearer alice")], &list).await;
    assert_eq!((valid.head.status, valid.head.header("retry-after").is_some()), (429, true));
}

/// S-70
#[tokio::test]
async fn who_fails_at_every_chance_has_a_tenth_of_the_chances() {
    let address = Some(RateLimit::per_minute(60).with_burst(25));
    let (guarded, clock) = start(RateLimitPolicy { address, ..RateLimitPolicy::unlimited() }).await;
    let list = request::stateless(1, "tools/list", json!({}));
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(guarded.ask(&[("Authorization", "Bearer xavier")], &list).await.head.status);
        clock.advance(Duration::from_secs(1));
    }
    let failed = statuses.iter().filter(|status| **status == 401).count();
    assert!((12..=13).contains(&failed), "{statuses:?}");
}

/// S-70, P-80
#[tokio::test]
async fn a_heavy_tool_has_a_rate_of_its_own() {
    let heavy = Some(RateLimit::per_minute(2));
    let (guarded, _clock) = start(RateLimitPolicy { heavy, ..RateLimitPolicy::unlimited() }).await;
    let call = request::stateless(1, "tools/call", json!({"name": "dig", "arguments": {}}));
    let status = async |who: &str| guarded.ask(&[("Authorization", &bearer(who))], &call).await.head.status;
    assert_eq!([status("alice").await, status("alice").await, status("alice").await], [200, 200, 429]);
    assert_eq!(status("bob").await, 200);
    let list = request::stateless(1, "tools/list", json!({}));
    assert_eq!(guarded.ask(&[("Authorization", "Bearer alice")], &list).await.head.status, 200);
}

/// S-97
#[tokio::test]
async fn only_further_failures_of_an_address_wait() {
    let slowing = Slowing::after(RateLimit::per_minute(2)).with_delay(Duration::from_secs(1));
    let guarded = Guarded::start(policy().with_slowing(slowing), |builder| builder.with_tool(dig)).await;
    let list = request::stateless(1, "tools/list", json!({}));
    let ask = async |who: &str| {
        let begun = Instant::now();
        let status = guarded.ask(&[("Authorization", &bearer(who))], &list).await.head.status;
        (status, begun.elapsed() >= Duration::from_secs(1))
    };
    assert_eq!([ask("xavier").await, ask("xavier").await], [(401, false); 2]);
    assert_eq!(ask("xavier").await, (401, true));
    assert_eq!(ask("alice").await.0, 200);
    let (slowed, valid) = tokio::join!(ask("xavier"), async {
        let begun = Instant::now();
        (ask("alice").await.0, begun.elapsed())
    });
    assert_eq!((slowed, valid.0), ((401, true), 200));
    assert!(valid.1 < Duration::from_secs(1), "{:?}", valid.1);
}
