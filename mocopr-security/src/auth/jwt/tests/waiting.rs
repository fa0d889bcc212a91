//! Keys that are fetched, keys that change, and tokens that are remembered.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;

use super::*;
use crate::auth::jwt::{
    jwk::{KeySet, parse_set},
    key::VerifyingKey,
    keys::{Found, KeySource},
};
use crate::{gate::Gate, policy::SecurityPolicy, redact::Secret};

/// Keys of which a test decides when they are there.
#[derive(Debug)]
struct Shelf {
    keys: Mutex<Option<KeySet>>,
    generation: AtomicU64,
    asked: AtomicU64,
    is_down: AtomicBool,
}

impl KeySource for Shelf {
    fn find(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Found {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return Found::Unavailable;
        }
        match &*self.keys.lock().unwrap() {
            Some(keys) => keys.candidates(id, algorithm).map_or(Found::Absent, Found::Keys),
            None => Found::Wait(Box::pin(std::future::ready(()))),
        }
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn still_has(&self, key: &VerifyingKey) -> bool {
        self.keys.lock().unwrap().as_ref().is_some_and(|keys| keys.has(key))
    }
}

fn shelved(clock: &ManualClock) -> (Arc<Shelf>, Arc<dyn Authenticator>, Signer) {
    let shelf = Arc::new(Shelf {
        keys: Mutex::new(None),
        generation: AtomicU64::new(0),
        asked: AtomicU64::new(0),
        is_down: AtomicBool::new(false),
    });
    let opened = Arc::clone(&shelf);
    let open = move |_, _| Ok(Arc::clone(&opened) as Arc<dyn KeySource>);
    let validator = TokenValidator::by_url(ISSUER, "https://id.example.com/keys", Arc::new(open));
    let clocked: Arc<dyn Clock> = Arc::new(clock.clone());
    let middleware = AuthMiddleware::builder().with_token_validation(validator).build().unwrap();
    let server = middleware.into_authenticators(AUDIENCE, &clocked).unwrap().remove(0);
    (shelf, server, Signer::generate(JwtAlgorithm::EdDSA).unwrap())
}

fn set_of(signer: &Signer) -> KeySet {
    parse_set(json!({"keys": [signer.jwk("k").unwrap()]}).to_string().as_bytes()).unwrap()
}

fn token(signer: &Signer, now: u64) -> String {
    let claims = json!({"iss": ISSUER, "sub": "a", "aud": AUDIENCE, "iat": now, "exp": now + 3_600}).to_string();
    sign_with(signer, JwtAlgorithm::EdDSA, r#"{"alg":"EdDSA","kid":"k"}"#, &claims)
}

/// S-33
#[test]
fn a_token_waits_once_for_its_key() {
    let clock = ManualClock::new();
    let (shelf, server, signer) = shelved(&clock);
    let token = token(&signer, clock.unix().as_secs());
    let later = || match server.authenticate(Credential::Bearer(&token)) {
        Verdict::Later(pending) => pending,
        other => panic!("{other:?}"),
    };
    let verdict = later().wait().now_or_never().unwrap();
    assert!(matches!(verdict, Verdict::Unavailable { .. }), "still not there: {verdict:?}");
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 2);
    let pending = later();
    *shelf.keys.lock().unwrap() = Some(set_of(&signer));
    assert!(matches!(pending.wait().now_or_never().unwrap(), Verdict::Verified(_)));
    assert!(matches!(server.authenticate(Credential::Bearer(&token)), Verdict::Verified(_)));
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 4, "the last was remembered");
}

/// S-30, S-33
#[test]
fn without_any_keys_only_tokens_that_a_key_could_make_good_are_told_to_come_again() {
    let clock = ManualClock::new();
    let (shelf, server, signer) = shelved(&clock);
    shelf.is_down.store(true, Ordering::SeqCst);
    let now = clock.unix().as_secs();
    let verdict = |token: &str| server.authenticate(Credential::Bearer(token));
    let good = verdict(&token(&signer, now));
    assert!(matches!(good, Verdict::Unavailable { retry_after, .. } if retry_after > Duration::ZERO), "{good:?}");
    let signed = |claims: Value| sign_with(&signer, JwtAlgorithm::EdDSA, r#"{"alg":"EdDSA"}"#, &claims.to_string());
    for wrong in [
        signed(json!({"iss": "https://evil.example", "sub": "a", "aud": AUDIENCE, "exp": now + 60})),
        signed(json!({"iss": ISSUER, "sub": "a", "aud": "https://other.example.com", "exp": now + 60})),
        signed(json!({"iss": ISSUER, "sub": "a", "aud": AUDIENCE, "exp": now - 60})),
        signed(json!({"iss": ISSUER, "aud": AUDIENCE, "exp": now + 60})),
        "a.b.c".into(),
    ] {
        let verdict = verdict(&wrong);
        assert!(matches!(verdict, Verdict::Rejected(_)), "{wrong}: {verdict:?}");
    }
}

/// S-33, P-08
#[test]
fn a_remembered_token_is_checked_again_after_five_minutes_and_under_other_keys() {
    let clock = ManualClock::new();
    let (shelf, server, signer) = shelved(&clock);
    *shelf.keys.lock().unwrap() = Some(set_of(&signer));
    let token = token(&signer, clock.unix().as_secs());
    let accepts = || matches!(server.authenticate(Credential::Bearer(&token)), Verdict::Verified(_));
    let asked = || shelf.asked.load(Ordering::SeqCst);
    assert!((0..100).all(|_| accepts()) && asked() == 1);
    clock.advance(Duration::from_secs(300));
    assert!((0..100).all(|_| accepts()) && asked() == 2);
    *shelf.keys.lock().unwrap() = Some(set_of(&Signer::generate(JwtAlgorithm::EdDSA).unwrap()));
    assert!(accepts(), "the source has not said that a key is gone");
    shelf.generation.fetch_add(1, Ordering::SeqCst);
    assert!(!accepts() && !accepts());
}

/// S-33, P-08
#[test]
fn what_is_open_under_a_key_ends_when_the_issuer_withdraws_it_and_not_when_it_adds_another() {
    let clock = ManualClock::new();
    let (shelf, server, signer) = shelved(&clock);
    let set = |signers: &[&Signer]| {
        let keys: Vec<Value> = signers.iter().zip(["k", "l"]).map(|(one, id)| one.jwk(id).unwrap()).collect();
        let replaced = parse_set(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        *shelf.keys.lock().unwrap() = Some(replaced);
        shelf.generation.fetch_add(1, Ordering::SeqCst);
    };
    set(&[&signer]);
    let policy = SecurityPolicy::strict().with_public_url("https://mcp.example.com/mcp");
    let gate = Gate::new(policy, vec![server], None, Arc::new(clock.clone()));
    let token = Secret::new(token(&signer, clock.unix().as_secs()));
    let admitted = || gate.admit_stdio(Some(&token)).now_or_never().unwrap();
    let (first, remembered) = (admitted().unwrap(), admitted().unwrap());
    let other = Signer::generate(JwtAlgorithm::EdDSA).unwrap();
    set(&[&signer, &other]);
    assert!(gate.holds(&first) && gate.holds(&remembered));
    set(&[&other]);
    assert!(!gate.holds(&first) && !gate.holds(&remembered), "another key under its name is another key");
    assert!(admitted().is_err());
    set(&[&signer]);
    assert!(gate.holds(&first) && admitted().is_ok());
}

/// T-23
#[test]
fn tokens_of_other_issuers_and_of_other_algorithms_never_reach_the_keys() {
    let clock = ManualClock::new();
    let (shelf, server, signer) = shelved(&clock);
    let now = clock.unix().as_secs();
    let claims = |issuer: &str| json!({"iss": issuer, "sub": "a", "aud": AUDIENCE, "exp": now + 60}).to_string();
    for (header, issuer) in [
        (r#"{"alg":"EdDSA"}"#, "https://evil.example"),
        (r#"{"alg":"HS256"}"#, ISSUER),
        (r#"{"alg":"none"}"#, ISSUER),
        (r#"{"alg":"EdDSA","typ":"dpop+jwt"}"#, ISSUER),
    ] {
        let token = sign_with(&signer, JwtAlgorithm::EdDSA, header, &claims(issuer));
        assert!(matches!(server.authenticate(Credential::Bearer(&token)), Verdict::Rejected(_)), "{header}");
    }
    assert_eq!(shelf.asked.load(Ordering::SeqCst), 0);
}

/// T-23
#[test]
fn a_token_that_names_no_key_has_at_most_four_tried() {
    let signers: Vec<Signer> = (0..5).map(|_| Signer::generate(JwtAlgorithm::EdDSA).unwrap()).collect();
    let set = |count: usize, id: &dyn Fn(usize) -> String| {
        let keys: Vec<Value> =
            signers[..count].iter().enumerate().map(|(nth, one)| one.jwk(&id(nth)).unwrap()).collect();
        parse_set(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    };
    let found = |set: KeySet, id: Option<&str>| set.candidates(id, JwtAlgorithm::EdDSA).map(|keys| keys.len());
    let own = |nth: usize| nth.to_string();
    assert_eq!((found(set(4, &own), None), found(set(5, &own), None)), (Some(4), None));
    assert_eq!((found(set(5, &own), Some("3")), found(set(5, &own), Some("5"))), (Some(1), None));
    assert_eq!(found(set(5, &|_| "same".into()), Some("same")), None);
}

/// S-33
#[test]
fn of_a_published_set_only_keys_that_verify_are_used() {
    let good = Signer::generate(JwtAlgorithm::ES256).unwrap().jwk("good").unwrap();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key.as_object_mut().unwrap().insert(name.into(), value);
        key
    };
    let usable = |key: &Value| !parse_set(json!({"keys": [key]}).to_string().as_bytes()).unwrap().is_empty();
    for key in [
        good.clone(),
        with("alg", json!("ES256")),
        with("use", json!("sig")),
        with("key_ops", json!(["verify", "x"])),
        with("x5c", json!(["MIIB"])),
        with("ext", json!(true)),
    ] {
        assert!(usable(&key), "{key}");
    }
    for key in [
        with("kty", json!("oct")),
        with("kty", json!("ec")),
        with("kty", json!(null)),
        with("crv", json!("P-521")),
        with("crv", json!("secp256k1")),
        with("crv", json!("P-384")),
        with("use", json!("enc")),
        with("use", json!(null)),
        with("key_ops", json!(["sign"])),
        with("key_ops", json!("verify")),
        with("key_ops", json!([])),
        with("alg", json!("ES384")),
        with("alg", json!("RS256")),
        with("alg", json!("none")),
        with("alg", json!(1)),
        with("kid", json!(1)),
        with("kid", json!("k".repeat(257))),
        with("x", json!("AAAA")),
        with("y", json!(null)),
        with("x", json!(format!("{}=", good["x"].as_str().unwrap()))),
        with("d", json!("AAAA")),
        with("k", json!("AAAA")),
        json!({"kty": "oct", "k": part([7; 64]), "alg": "HS256"}),
        json!({}),
        json!(null),
        json!([]),
        json!("key"),
        json!({"kty": "RSA", "n": part([0xff; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": part([0xff; 256]), "e": "AQ"}),
        json!({"kty": "OKP", "crv": "Ed448", "x": part([1; 57])}),
        json!({"kty": "OKP", "crv": "X25519", "x": part([9; 32])}),
    ] {
        assert!(!usable(&key), "{key}");
    }
    let set = |keys: usize| json!({ "keys": vec![good.clone(); keys] }).to_string();
    assert!(parse_set(set(64).as_bytes()).is_ok() && parse_set(set(65).as_bytes()).is_err());
    let sized = |bytes: usize| String::from(r#"{"keys":[]}"#) + &" ".repeat(bytes - 11);
    assert!(parse_set(sized(256 << 10).as_bytes()).is_ok() && parse_set(sized((256 << 10) + 1).as_bytes()).is_err());
    for document in
        ["", "{}", "[]", "null", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[],"keys":[]}"#, "{\"keys\":[]}x"]
    {
        assert!(parse_set(document.as_bytes()).is_err(), "{document}");
    }
    assert!(parse_set(b"\xff").is_err());
    let one = |id| parse_set(json!({"keys": [with("kid", json!(id))]}).to_string().as_bytes()).unwrap().fingerprint();
    assert!(one("a") == one("a") && one("a") != one("b"));
}
