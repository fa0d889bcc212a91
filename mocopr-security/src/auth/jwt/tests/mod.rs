//! Tokens that are good, and tokens that are not.

mod claims;
mod forged;
mod header;
mod signature;
mod starting;
mod waiting;

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mocopr_core::clock::{Clock, ManualClock};
use serde_json::{Map, Value, json};

use crate::{
    auth::{AuthMiddleware, Authenticator, Credential, JwtAlgorithm, TokenValidator, Verdict, issuer::signer::Signer},
    redact::Secret,
};

const ISSUER: &str = "https://id.example.com";
const SIBLING: &str = "https://id.example.com/";
const SHARED: &str = "https://shared.example.com";
const AUDIENCE: &str = "https://mcp.example.com/mcp";
const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// A server that accepts three issuers: one with a set of four keys, one with a single key, one with a secret.
struct World {
    clock: ManualClock,
    rsa: Signer,
    p256: Signer,
    p384: Signer,
    ed25519: Signer,
    sibling: Signer,
    server: Arc<dyn Authenticator>,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new();
        let made = |algorithm| Signer::generate(algorithm).unwrap();
        let (rsa, p256) = (made(JwtAlgorithm::RS256), made(JwtAlgorithm::ES256));
        let (p384, ed25519) = (made(JwtAlgorithm::ES384), made(JwtAlgorithm::EdDSA));
        let sibling = made(JwtAlgorithm::EdDSA);
        let set = json!({"keys": [
            rsa.jwk("rsa").unwrap(), p256.jwk("p256").unwrap(), p384.jwk("p384").unwrap(),
            ed25519.jwk("ed25519").unwrap(),
        ]});
        let sibling_set = json!({"keys": [sibling.jwk("ed25519").unwrap()]});
        let middleware = AuthMiddleware::builder()
            .with_token_validation(TokenValidator::key_set(ISSUER, set.to_string()))
            .with_token_validation(TokenValidator::key_set(SIBLING, sibling_set.to_string()))
            .with_token_validation(TokenValidator::hs256(SHARED, Secret::new(SECRET.to_vec())))
            .build()
            .unwrap();
        let clocked: Arc<dyn Clock> = Arc::new(clock.clone());
        let server = middleware.into_authenticators(AUDIENCE, &clocked).unwrap().remove(0);
        Self { clock, rsa, p256, p384, ed25519, sibling, server }
    }

    fn now(&self) -> u64 {
        self.clock.unix().as_secs()
    }

    fn signer(&self, algorithm: JwtAlgorithm) -> (&'static str, &Signer) {
        match algorithm {
            JwtAlgorithm::ES256 => ("p256", &self.p256),
            JwtAlgorithm::ES384 => ("p384", &self.p384),
            JwtAlgorithm::EdDSA => ("ed25519", &self.ed25519),
            JwtAlgorithm::RS256
            | JwtAlgorithm::RS384
            | JwtAlgorithm::RS512
            | JwtAlgorithm::PS256
            | JwtAlgorithm::PS384
            | JwtAlgorithm::PS512
            | JwtAlgorithm::HS256 => ("rsa", &self.rsa),
        }
    }

    fn good_claims(&self) -> Map<String, Value> {
        let now = self.now();
        let claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 600, "jti": "t-1",
            "scope": "notes:read notes:write", "roles": ["user", "editor"],
        });
        claims.as_object().unwrap().clone()
    }

    /// Signed as it should be, whatever the texts say.
    fn signed(&self, algorithm: JwtAlgorithm, header: &str, claims: &str) -> String {
        sign_with(self.signer(algorithm).1, algorithm, header, claims)
    }

    /// A good token of that algorithm.
    fn good(&self, algorithm: JwtAlgorithm) -> String {
        let (id, _) = self.signer(algorithm);
        let header = json!({"alg": algorithm.as_str(), "kid": id, "typ": "at+jwt"}).to_string();
        self.signed(algorithm, &header, &Value::Object(self.good_claims()).to_string())
    }

    /// A good token with another header, as text.
    fn with_header(&self, header: &str) -> String {
        self.signed(JwtAlgorithm::ES256, header, &Value::Object(self.good_claims()).to_string())
    }

    /// A good token with other claims, as text.
    fn with_claims(&self, claims: &str) -> String {
        self.signed(JwtAlgorithm::EdDSA, r#"{"alg":"EdDSA","kid":"ed25519"}"#, claims)
    }

    /// A good token with one claim replaced, or removed.
    fn with_claim(&self, name: &str, value: Option<Value>) -> String {
        let mut claims = self.good_claims();
        match value {
            Some(value) => claims.insert(name.into(), value),
            None => claims.remove(name),
        };
        self.with_claims(&Value::Object(claims).to_string())
    }

    fn ask(&self, token: &str) -> Verdict {
        self.server.authenticate(Credential::Bearer(token))
    }

    fn accepts(&self, token: &str) -> bool {
        matches!(self.ask(token), Verdict::Verified(_))
    }

    /// Refuses each, twice, and says which it took; then takes the good neighbour.
    fn refuses_all<'a>(&self, tokens: impl IntoIterator<Item = (&'a str, String)>) -> usize {
        let mut count = 0;
        for (name, token) in tokens {
            for _ in 0..2 {
                assert!(!self.accepts(&token), "accepted: {name}");
            }
            count += 1;
        }
        assert!(self.accepts(&self.good(JwtAlgorithm::ES256)) && self.accepts(&self.good(JwtAlgorithm::EdDSA)));
        count
    }
}

fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn sign_with(signer: &Signer, algorithm: JwtAlgorithm, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = signer.sign(algorithm, signed.as_bytes()).unwrap();
    format!("{signed}.{}", part(signature))
}

fn mac_with(secret: &[u8], header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", part(tag))
}

/// S-30, S-31, S-32, S-37, P-08
#[test]
fn a_good_token_of_every_algorithm_proves_its_subject_until_it_expires() {
    let world = World::new();
    for algorithm in JwtAlgorithm::PUBLIC_KEY {
        let Verdict::Verified(verified) = world.ask(&world.good(algorithm)) else { panic!("{algorithm:?}") };
        let principal = verified.principal();
        assert_eq!((principal.subject(), principal.issuer(), principal.tenant()), ("alice", ISSUER, None));
        assert!(principal.has_role("user") && principal.has_role("editor") && principal.has_scope("notes:write"));
        assert_eq!(verified.credential(), Some("t-1"));
        assert_eq!(verified.expires().unwrap().as_secs(), world.now() + 630);
    }
    let mut claims = world.good_claims();
    claims.insert("iss".into(), SHARED.into());
    let shared = mac_with(SECRET, r#"{"alg":"HS256"}"#, &Value::Object(claims).to_string());
    assert!(world.accepts(&shared));
    let token = world.good(JwtAlgorithm::ES256);
    world.clock.advance(std::time::Duration::from_millis(629_999));
    assert!(world.accepts(&token) && world.accepts(&shared));
    world.clock.advance(std::time::Duration::from_millis(1));
    assert!(!world.accepts(&token) && !world.accepts(&shared));
}

/// S-37
#[test]
fn what_does_not_look_like_a_token_is_left_to_others() {
    let world = World::new();
    let token = world.good(JwtAlgorithm::EdDSA);
    assert!(matches!(world.server.authenticate(Credential::ApiKey(&token)), Verdict::Foreign));
    for foreign in ["", "mocopr_0123", ".", "a.b", "a.b.c.d", "a.b.c.d.e", &"x".repeat(20_000)] {
        assert!(matches!(world.ask(foreign), Verdict::Foreign), "{foreign}");
    }
    for ours in ["..", "a.b.c", &format!("{}..", "x".repeat(20_000))] {
        assert!(matches!(world.ask(ours), Verdict::Rejected(_)), "{ours}");
    }
}

/// P-16
#[test]
fn debug_output_shows_no_secret_and_no_token() {
    let middleware = AuthMiddleware::hs256(SHARED, Secret::new(SECRET.to_vec()));
    let text = format!("{middleware:?}");
    assert!(text.contains(SHARED) && !text.contains("0123456789"), "{text}");
    let world = World::new();
    let token = world.good(JwtAlgorithm::EdDSA);
    assert!(world.accepts(&token));
    let text = format!("{:?} {:?}", world.server, Credential::Bearer(&token));
    assert!(token.split('.').all(|part| !text.contains(part)), "{text}");
}
