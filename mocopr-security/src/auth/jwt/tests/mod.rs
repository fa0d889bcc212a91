//! Tokens that are good, and tokens that are not.

mod hostile;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mocopr_core::clock::{Clock, ManualClock};
use serde_json::{Value, json};

use crate::{
    auth::{AuthMiddleware, Credential, Verdict},
    redact::Secret,
};

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://mcp.example.com/mcp";
const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

fn shared(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256"})), part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// S-30, S-31, S-32
#[test]
fn a_token_of_a_shared_secret_proves_its_subject_until_it_expires() {
    let clock = ManualClock::new();
    let middleware = AuthMiddleware::hs256(ISSUER, Secret::new(SECRET.to_vec()));
    let clocked: Arc<dyn Clock> = Arc::new(clock.clone());
    let tokens = middleware.into_authenticators(AUDIENCE, &clocked).unwrap().remove(0);
    let now = clock.unix().as_secs();
    let claims = json!({"iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "iat": now, "exp": now + 600});
    let token = shared(&claims);
    let Verdict::Verified(verified) = tokens.authenticate(Credential::Bearer(&token)) else { panic!() };
    assert_eq!(verified.principal().subject(), "alice");
    assert_eq!(verified.expires(), Some(Duration::from_secs(now + 630)));
    clock.advance(Duration::from_secs(630));
    assert!(matches!(tokens.authenticate(Credential::Bearer(&token)), Verdict::Rejected(_)));
    assert!(matches!(tokens.authenticate(Credential::ApiKey(&token)), Verdict::Foreign));
    assert!(matches!(tokens.authenticate(Credential::Bearer("mocopr_key")), Verdict::Foreign));
}
