//! What an issuer for tests gives, and what it no longer takes.

use std::{sync::Arc, time::Duration};

use mocopr_core::clock::{Clock, ManualClock};

use super::*;
use crate::auth::{AuthMiddleware, Authenticator, Credential, Verdict};

const AUDIENCE: &str = "https://mcp.example.com/mcp";

fn server(issuer: &TokenIssuer, clock: &ManualClock) -> Arc<dyn Authenticator> {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let middleware = AuthMiddleware::builder().with_token_validation(issuer.validator()).build().unwrap();
    middleware.into_authenticators(AUDIENCE, &clock).unwrap().remove(0)
}

fn issuer(clock: &ManualClock) -> TokenIssuer {
    TokenIssuer::new().unwrap().with_audience(AUDIENCE).with_clock(Arc::new(clock.clone()))
}

fn accepts(server: &Arc<dyn Authenticator>, token: &str) -> bool {
    matches!(server.authenticate(Credential::Bearer(token)), Verdict::Verified(_))
}

/// S-31, S-44, P-14
#[test]
fn a_token_of_every_algorithm_carries_subject_roles_and_scopes() {
    let clock = ManualClock::new();
    for algorithm in JwtAlgorithm::PUBLIC_KEY {
        let issuer = TokenIssuer::signing_with(algorithm).unwrap().with_clock(Arc::new(clock.clone()));
        let token =
            issuer.token_for("alice").with_audience(AUDIENCE).with_role("editor").with_scope("a").with_scope("b");
        let token = token.sign().unwrap();
        let Verdict::Verified(verified) = server(&issuer, &clock).authenticate(Credential::Bearer(&token)) else {
            panic!("{algorithm:?}")
        };
        let principal = verified.principal();
        assert_eq!((principal.subject(), principal.issuer()), ("alice", "https://issuer.test"));
        assert!(principal.has_role("editor") && principal.has_scope("a") && principal.has_scope("b"));
        assert!(!principal.has_role("a") && !principal.has_scope("a b") && verified.credential().is_some());
    }
    assert!(TokenIssuer::signing_with(JwtAlgorithm::HS256).is_err());
}

/// S-33
#[test]
fn a_rotated_key_is_used_at_once_and_a_removed_one_stops_at_once() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock);
    let server = server(&issuer, &clock);
    let before = issuer.token_for("alice").sign().unwrap();
    assert!(accepts(&server, &before), "and it is remembered");
    issuer.rotate().unwrap();
    let after = issuer.token_for("alice").sign().unwrap();
    assert!(accepts(&server, &before) && accepts(&server, &after));
    issuer.forget_earlier_keys();
    assert!(!accepts(&server, &before) && accepts(&server, &after));
}

/// S-34
#[test]
fn keys_rotate_by_themselves_and_earlier_ones_go_when_their_tokens_are_dead() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock).with_key_rotation(Duration::from_secs(100));
    let keys = || issuer.key_set().unwrap().matches("kid").count();
    issuer.token_for("alice").sign().unwrap();
    assert_eq!(keys(), 1);
    clock.advance(Duration::from_secs(100));
    issuer.token_for("alice").sign().unwrap();
    assert_eq!(keys(), 2);
    clock.advance(Duration::from_secs(660));
    assert_eq!(keys(), 1);
}

/// S-34
#[test]
fn a_refresh_token_is_good_once_and_its_second_use_ends_all_that_came_of_it() {
    let clock = ManualClock::new();
    let issuer = issuer(&clock).with_refresh_tokens(Duration::from_secs(3_600));
    let server = server(&issuer, &clock);
    let refresh = |grant: &Grant| issuer.refresh(grant.refresh_token.as_deref().unwrap());
    let first = issuer.token_for("alice").with_role("editor").grant().unwrap();
    let second = refresh(&first).unwrap();
    assert!(accepts(&server, &second.access_token) && second.access_token != first.access_token);
    let third = refresh(&second).unwrap();
    assert!(refresh(&first).is_err(), "a second use");
    assert!(refresh(&third).is_err(), "which ends the newest too");

    let other = issuer.token_for("bob").grant().unwrap();
    clock.advance(Duration::from_secs(3_600));
    assert!(refresh(&other).is_err(), "it is too old");
    assert!(issuer.refresh("unknown").is_err());
    assert!(TokenIssuer::new().unwrap().token_for("carol").grant().unwrap().refresh_token.is_none());
}

/// S-33
#[test]
fn the_published_key_set_verifies_its_tokens() {
    let clock = ManualClock::new();
    for algorithm in [JwtAlgorithm::PS256, JwtAlgorithm::ES256, JwtAlgorithm::ES384, JwtAlgorithm::EdDSA] {
        let issuer = TokenIssuer::signing_with(algorithm).unwrap().with_clock(Arc::new(clock.clone()));
        let clocked: Arc<dyn Clock> = Arc::new(clock.clone());
        let validator = TokenValidator::key_set(issuer.issuer(), issuer.key_set().unwrap());
        let middleware = AuthMiddleware::builder().with_token_validation(validator).build().unwrap();
        let server = middleware.into_authenticators(AUDIENCE, &clocked).unwrap().remove(0);
        assert!(accepts(&server, &issuer.token_for("alice").with_audience(AUDIENCE).sign().unwrap()), "{algorithm:?}");
        assert!(!accepts(&server, &issuer.token_for("alice").sign().unwrap()), "it has no audience");
    }
}
