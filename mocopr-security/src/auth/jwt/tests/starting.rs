//! What keeps a server with tokens from being built.

use std::time::Duration;

use super::*;
use crate::policy::Problem;

const PEM: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----";

fn problems(validator: TokenValidator, audience: &str) -> Vec<Problem> {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let middleware = AuthMiddleware::builder().with_token_validation(validator).build().unwrap();
    middleware.into_authenticators(audience, &clock).err().unwrap_or_default()
}

fn hs256() -> TokenValidator {
    TokenValidator::hs256(SHARED, Secret::new(SECRET.to_vec()))
}

/// S-03, S-31
#[test]
fn a_validator_that_could_be_fooled_is_a_problem() {
    let pem = || TokenValidator::public_key(ISSUER, PEM);
    assert_eq!(problems(pem(), AUDIENCE), []);
    assert_eq!(problems(hs256(), AUDIENCE), []);
    let secret = |bytes: &[u8]| TokenValidator::hs256(SHARED, Secret::new(bytes.to_vec()));
    let private = PEM.replace("PUBLIC", "PRIVATE");
    let empty_set = json!({"keys": [{"kty": "oct", "k": part([7; 32])}]}).to_string();
    for (name, validator) in [
        ("no issuer", TokenValidator::public_key("", PEM)),
        ("a long issuer", TokenValidator::public_key("i".repeat(256), PEM)),
        ("plain HTTP", TokenValidator::public_key("http://id.example.com", PEM)),
        ("plain HTTP elsewhere", TokenValidator::public_key("http://10.0.0.1", PEM).allowing_insecure_loopback()),
        ("a look-alike", TokenValidator::public_key("http://localhost.evil", PEM).allowing_insecure_loopback()),
        ("userinfo", TokenValidator::public_key("http://127.0.0.1:1@evil", PEM).allowing_insecure_loopback()),
        ("a short secret", secret(&[7; 31])),
        ("a public key as a secret", secret(PEM.as_bytes())),
        ("HMAC with a public key", pem().with_algorithms([JwtAlgorithm::HS256])),
        ("HMAC beside a public key", pem().with_algorithms([JwtAlgorithm::EdDSA, JwtAlgorithm::HS256])),
        ("a secret as a public key", hs256().with_algorithms([JwtAlgorithm::RS256])),
        ("no algorithm", pem().with_algorithms([])),
        ("much leeway", pem().with_leeway(Duration::from_secs(61))),
        ("no life", pem().with_token_expiry(Duration::ZERO)),
        ("no type", pem().with_token_types([])),
        ("an empty type", pem().with_token_types([""])),
        ("a broken path", pem().with_roles_claim("a..b")),
        ("a broken tenant", pem().with_tenant_claim("")),
        ("a private key", TokenValidator::public_key(ISSUER, private)),
        ("no key", TokenValidator::public_key(ISSUER, "")),
        ("a broken key", TokenValidator::public_key(ISSUER, PEM.replace("MCow", "MCox"))),
        ("two keys", TokenValidator::public_key(ISSUER, format!("{PEM}\n{PEM}"))),
        ("an empty set", TokenValidator::key_set(ISSUER, r#"{"keys":[]}"#)),
        ("a set of secrets", TokenValidator::key_set(ISSUER, empty_set)),
        ("no set", TokenValidator::key_set(ISSUER, "[]")),
    ] {
        let found = problems(validator, AUDIENCE);
        assert!(found.len() == 1 && !found[0].mend().is_empty(), "{name}: {found:?}");
    }
    assert_eq!(problems(hs256(), "").len(), 1, "no audience");
    assert_eq!(problems(hs256().with_audience("a"), "").len(), 0);
    assert_eq!(problems(pem().with_leeway(Duration::MAX).with_roles_claim("").with_algorithms([]), AUDIENCE).len(), 3);
    for local in ["http://localhost:1/a", "http://127.0.0.1", "http://[::1]:8080"] {
        assert_eq!(
            problems(TokenValidator::public_key(local, PEM).allowing_insecure_loopback(), AUDIENCE),
            [],
            "{local}"
        );
        assert_eq!(problems(TokenValidator::public_key(local, PEM), AUDIENCE).len(), 1, "{local}");
    }
}

/// S-03
#[test]
fn nothing_accepted_and_an_issuer_named_twice_are_problems() {
    assert_eq!(AuthMiddleware::builder().build().unwrap_err().problems().len(), 1);
    let twice = AuthMiddleware::builder().with_token_validation(hs256()).with_token_validation(hs256()).build();
    let text = format!("{:?}", twice.unwrap_err());
    assert!(text.contains(SHARED) && text.contains("named twice"), "{text}");
}

/// S-31
#[test]
fn a_config_chooses_one_kind_of_key() {
    use crate::auth::JwtConfig;
    let config = || JwtConfig::builder().with_issuer(SHARED).with_audience(AUDIENCE);
    let secret = || Secret::new(SECRET.to_vec());
    assert_eq!(problems(config().with_secret(secret()).build().into(), ""), []);
    assert_eq!(problems(config().with_public_key(PEM).with_algorithm(JwtAlgorithm::EdDSA).build().into(), ""), []);
    assert_eq!(problems(config().build().into(), "").len(), 1);
    assert_eq!(problems(config().with_secret(secret()).with_public_key(PEM).build().into(), "").len(), 1);
    assert_eq!(problems(config().with_public_key(PEM).with_algorithm(JwtAlgorithm::HS256).build().into(), "").len(), 1);
}

/// P-04
#[test]
fn issuers_are_named_where_they_have_a_url() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let middleware = AuthMiddleware::builder()
        .with_token_validation(TokenValidator::public_key(ISSUER, PEM))
        .with_token_validation(TokenValidator::hs256("backend", Secret::new(SECRET.to_vec())))
        .build()
        .unwrap();
    let all = middleware.into_authenticators(AUDIENCE, &clock).unwrap();
    assert_eq!((all.len(), all[0].issuers()), (1, vec![ISSUER.into()]));
}
