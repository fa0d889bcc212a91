//! Access tokens that are bound to a client's key, over HTTP: what lets one in, and that nothing else does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mocopr::{
    ServerBuilder,
    audit::{Happening, Witness},
    auth::{ApiKey, ApiKeys, AuthMiddleware, DpopKey, DpopPolicy, TokenIssuer},
    prelude::*,
    security::{RateLimitPolicy, Secret},
    testing::ManualClock,
};
use serde_json::{Value, json};

use super::guarded::{Guarded, ISSUER, bearer, with_fields};
use crate::support::{http::Answer, request};

const URL: &str = "https://mcp.example.com/mcp";

#[tool]
async fn whoami(caller: Caller) -> String {
    caller.subject().to_owned()
}

struct World {
    clock: ManualClock,
    issuer: TokenIssuer,
    key: DpopKey,
    api_key: Secret<String>,
    guarded: Guarded,
    failures: Arc<Failures>,
}

/// Counts the credentials that did not hold.
#[derive(Debug, Default)]
struct Failures(AtomicUsize);

impl Witness for Failures {
    fn saw(&self, happening: &Happening<'_>) {
        self.0.fetch_add(usize::from(happening.is_failed_authentication()), Ordering::Relaxed);
    }
}

impl World {
    async fn start(dpop: Option<DpopPolicy>) -> Self {
        let clock = ManualClock::new();
        let clocked = || Arc::new(clock.clone());
        let issuer = TokenIssuer::new().expect("keys can be made");
        let issuer = issuer.with_issuer(ISSUER).with_audience(URL).with_clock(clocked());
        let key = DpopKey::new().expect("a key can be made").with_clock(clocked());
        let (api_key, record) = ApiKey::create("robot", Duration::from_secs(1_767_225_600)).expect("a key can be made");
        let keys = ApiKeys::of(vec![record]).expect("it is sound");
        let mut tokens = AuthMiddleware::builder().with_token_validation(issuer.validator()).with_authenticator(keys);
        if let Some(dpop) = dpop {
            tokens = tokens.with_dpop(dpop);
        }
        let policy = SecurityPolicy::strict()
            .with_public_url(URL)
            .with_rate_limiting(RateLimitPolicy::unlimited())
            .with_authorization_enabled(false)
            .with_allowed_origin("https://app.example.com")
            .with_authentication(tokens.build().expect("it is sound"));
        let failures = Arc::new(Failures::default());
        let build = |builder: ServerBuilder| builder.with_tool(whoami).with_witness(failures.clone());
        let guarded = Guarded::start(policy, |builder| build(builder).with_clock(clock.clone())).await;
        Self { clock, issuer, key, api_key, guarded, failures }
    }

    fn bound(&self) -> String {
        self.issuer.token_for("alice").bound_to(&self.key).sign().expect("it can be signed")
    }

    fn proof(&self, token: &str) -> String {
        self.key.proof("POST", URL, token).sign().expect("it can be signed")
    }

    async fn ask(&self, fields: &[(&str, &str)]) -> Answer {
        self.guarded.ask(fields, &call()).await
    }

    async fn ask_with_proof(&self, token: &str, proof: &str) -> Answer {
        self.ask(&[("Authorization", &format!("DPoP {token}")), ("DPoP", proof)]).await
    }
}

fn call() -> Value {
    request::stateless(1, "tools/call", json!({"name": "whoami", "arguments": {}}))
}

/// S-30, P-08
#[tokio::test]
async fn a_bound_token_is_good_with_its_proof_and_in_no_other_way() {
    let world = World::start(Some(DpopPolicy::accepted())).await;
    let token = world.bound();
    let answer = world.ask_with_proof(&token, &world.proof(&token)).await;
    assert_eq!(answer.json()["result"]["content"][0]["text"], "alice");
    // Also while the token is remembered.
    assert_eq!(world.ask_with_proof(&token, &world.proof(&token)).await.head.status, 200);

    let plain = world.issuer.token_for("alice").sign().unwrap();
    let used = world.proof(&token);
    assert_eq!(world.ask_with_proof(&token, &used).await.head.status, 200);
    let thief = DpopKey::new().unwrap().with_clock(Arc::new(world.clock.clone()));
    let stolen = thief.proof("POST", URL, &token).sign().unwrap();
    let scheme = format!("DPoP {token}");
    let fresh = world.proof(&token);
    let mut refused = Vec::new();
    for (name, fields) in [
        ("as a bearer", vec![("Authorization", bearer(&token))]),
        ("as a bearer with a proof", vec![("Authorization", bearer(&token)), ("DPoP", fresh.clone())]),
        ("without a proof", vec![("Authorization", scheme.clone())]),
        (
            "with two proofs",
            vec![("Authorization", scheme.clone()), ("DPoP", fresh.clone()), ("DPoP", world.proof(&token))],
        ),
        ("with a proof that was sent", vec![("Authorization", scheme.clone()), ("DPoP", used)]),
        ("with the proof of a thief", vec![("Authorization", scheme.clone()), ("DPoP", stolen)]),
        ("with the proof of another token", vec![("Authorization", scheme.clone()), ("DPoP", world.proof(&plain))]),
        (
            "with a proof for another method",
            vec![("Authorization", scheme.clone()), ("DPoP", world.key.proof("GET", URL, &token).sign().unwrap())],
        ),
        ("a token that is not bound", vec![("Authorization", format!("DPoP {plain}")), ("DPoP", world.proof(&plain))]),
        ("a token that is none", vec![("Authorization", "DPoP a.b.c".into()), ("DPoP", world.proof("a.b.c"))]),
    ] {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = world.ask(&fields).await;
        assert_eq!(answer.head.status, 401, "{name}");
        refused.push((answer.head.header("www-authenticate").map(ToOwned::to_owned), answer.text()));
    }
    refused.dedup();
    assert_eq!(refused.len(), 1, "all read the same: {refused:?}");
    assert_eq!(world.ask_with_proof(&token, &fresh).await.head.status, 200, "it was never accepted before");
    assert_eq!(world.ask(&[("Authorization", &bearer(&plain))]).await.head.status, 200);
}

/// S-30
#[tokio::test]
async fn a_server_that_demands_proofs_takes_no_bearer_token() {
    let world = World::start(Some(DpopPolicy::required())).await;
    let token = world.bound();
    assert_eq!(world.ask_with_proof(&token, &world.proof(&token)).await.head.status, 200);
    let plain = world.issuer.token_for("alice").sign().unwrap();
    let answer = world.ask(&[("Authorization", &bearer(&plain))]).await;
    assert_eq!(answer.head.status, 401);
    let challenge = answer.head.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("DPoP error=\"invalid_token\"") && challenge.contains("algs=\""), "{challenge}");
    // An API key is no token.
    assert_eq!(world.ask(&[("X-API-Key", world.api_key.expose())]).await.head.status, 200);
    let both = [("X-API-Key", world.api_key.expose().as_str()), ("Authorization", "DPoP t"), ("DPoP", "a.b.c")];
    assert_eq!(world.ask(&both).await.head.status, 400);
}

/// S-30
#[tokio::test]
async fn without_a_word_of_the_owner_every_bound_token_is_refused() {
    let world = World::start(None).await;
    let token = world.bound();
    assert_eq!(world.ask_with_proof(&token, &world.proof(&token)).await.head.status, 401);
    let answer = world.ask(&[("Authorization", &bearer(&token))]).await;
    assert_eq!(answer.head.status, 401);
    assert!(!answer.head.header("www-authenticate").unwrap().contains("DPoP"));
}

#[tokio::test]
async fn a_client_without_a_nonce_gets_one_and_is_let_in_with_it() {
    let world = World::start(Some(DpopPolicy::required().with_nonces())).await;
    let token = world.bound();
    let answer = world.ask_with_proof(&token, &world.proof(&token)).await;
    assert_eq!(answer.head.status, 401);
    assert!(answer.head.header("www-authenticate").unwrap().starts_with("DPoP error=\"use_dpop_nonce\""));
    assert_eq!(world.failures.0.load(Ordering::Relaxed), 0, "that is how it gets one");
    let nonce = answer.head.header("dpop-nonce").unwrap();
    let proof = world.key.proof("POST", URL, &token).with_claim("nonce", nonce).sign().unwrap();
    assert_eq!(world.ask_with_proof(&token, &proof).await.head.status, 200);
}

/// P-03, P-05
#[tokio::test]
async fn clients_and_pages_learn_how_proofs_are_sent() {
    let world = World::start(Some(DpopPolicy::accepted())).await;
    let document = world.guarded.send("GET /.well-known/oauth-protected-resource HTTP/1.1", &[], b"").await;
    assert_eq!(document.json()["dpop_bound_access_tokens_required"], false);
    assert_eq!(document.json()["dpop_signing_alg_values_supported"][0], "ES256");
    let preflight = [
        ("Origin", "https://app.example.com"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization, dpop"),
    ];
    let answer = world.guarded.send("OPTIONS /mcp HTTP/1.1", &preflight, b"").await;
    assert_eq!(answer.head.header("access-control-allow-headers"), Some("authorization, dpop"));
    assert!(answer.head.header("access-control-expose-headers").unwrap().contains("dpop-nonce"));
}

/// P-08, S-32
#[tokio::test]
async fn a_stream_lives_as_long_as_the_bound_token_that_opened_it() {
    let world = World::start(Some(DpopPolicy::required())).await;
    let expiring = world.issuer.token_for("alice").bound_to(&world.key).with_expiry(Duration::from_secs(600));
    let token = expiring.sign().unwrap();
    let message = request::stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let fields = [("Authorization", format!("DPoP {token}")), ("DPoP", world.proof(&token))];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut stream = world.guarded.connect().await;
    stream.send(with_fields(&fields, &message)).await;
    assert!(stream.head().await.is_event_stream() && stream.event().await.is_some());
    // The proof is too old by now, and was for the request that opened the stream.
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(world.ask_with_proof(&token, &world.proof(&token)).await.head.status, 200);
    world.clock.advance(Duration::from_secs(331));
    while stream.event().await.is_some() {}
    assert_eq!(world.ask_with_proof(&token, &world.proof(&token)).await.head.status, 401);
}

#[tokio::test]
async fn proofs_for_a_server_without_a_public_url_are_a_problem() {
    let tokens = AuthMiddleware::builder()
        .with_token_validation(TokenIssuer::new().unwrap().with_audience(URL).validator().with_audience(URL))
        .with_dpop(DpopPolicy::accepted());
    let server = McpServer::builder()
        .with_info("guarded", "1.0.0")
        .with_security_policy(SecurityPolicy::development().with_authentication(tokens.build().unwrap()))
        .build();
    let text = server.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("proofs of possession") && text.contains("with_public_url"), "{text}");
}
