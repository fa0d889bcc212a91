//! Hostile tokens, each beside a good one that differs in as little as possible.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use mocopr_core::clock::{Clock, ManualClock};
use serde_json::{Value, json};

use crate::{
    auth::{
        AuthMiddleware, Authenticator, Credential, JwtAlgorithm, TokenBuilder, TokenIssuer, TokenValidator, Verdict,
        Verified,
    },
    policy::Problem,
    redact::Secret,
};

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://mcp.example.com/mcp";

struct Bench {
    clock: ManualClock,
    issuer: TokenIssuer,
    authenticator: Arc<dyn Authenticator>,
}

impl Bench {
    fn new(change: impl FnOnce(TokenValidator) -> TokenValidator) -> Self {
        let clock = ManualClock::new();
        let issuer = issued_by(ISSUER, &clock);
        let authenticator = opened(change(issuer.validator()), &clock).unwrap();
        Self { clock, issuer, authenticator }
    }

    fn alice(&self) -> TokenBuilder<'_> {
        self.issuer.token_for("alice").with_role("editor").with_scope("notes:read").with_scope("notes:write")
    }

    fn verdict(&self, token: &str) -> Result<Verified, Option<&'static str>> {
        verdict(&*self.authenticator, token)
    }

    fn accepts(&self, token: &str) -> bool {
        self.verdict(token).is_ok()
    }
}

fn opened(validator: TokenValidator, clock: &ManualClock) -> Result<Arc<dyn Authenticator>, Vec<Problem>> {
    let middleware = AuthMiddleware::builder().with_token_validation(validator).build().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    Ok(middleware.into_authenticators(AUDIENCE, &clock)?.remove(0))
}

fn issued_by(name: &str, clock: &ManualClock) -> TokenIssuer {
    let issuer = TokenIssuer::signing_with(JwtAlgorithm::ES256).unwrap();
    issuer.with_issuer(name).with_audience(AUDIENCE).with_clock(Arc::new(clock.clone()))
}

/// Whom a token proves; the reason where nobody, `None` where it is another's business.
fn verdict(authenticator: &dyn Authenticator, token: &str) -> Result<Verified, Option<&'static str>> {
    let verdict = match authenticator.authenticate(Credential::Bearer(token)) {
        Verdict::Later(pending) => pending.wait().now_or_never().unwrap(),
        verdict => verdict,
    };
    match verdict {
        Verdict::Verified(verified) => Ok(verified),
        Verdict::Rejected(rejected) => Err(Some(rejected.reason())),
        Verdict::Foreign => Err(None),
        Verdict::Later(_) => panic!("twice later"),
    }
}

fn encode(value: &str) -> String {
    URL_SAFE_NO_PAD.encode(value)
}

fn decode(part: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// S-31, S-32, S-44, P-08, P-09
#[test]
fn a_good_token_proves_its_subject_with_roles_scopes_and_end() {
    let bench = Bench::new(|validator| validator.with_tenant_claim("org.name"));
    let verified = bench.verdict(&bench.alice().with_claim("org", json!({"name": "acme"})).sign().unwrap()).unwrap();
    let who = verified.principal();
    assert_eq!((who.issuer(), who.subject(), who.tenant()), (ISSUER, "alice", Some("acme")));
    assert!(who.has_role("editor") && !who.has_role("admin"));
    assert!(who.has_scope("notes:read") && who.has_scope("notes:write") && !who.has_scope("notes"));
    assert_eq!(verified.expires(), Some(bench.clock.unix() + Duration::from_secs(10 * 60 + 30)));
    assert!(verified.credential().is_some());
}

/// S-32, P-08, P-15, T-22, T-60
#[test]
fn each_claim_has_its_type_and_its_bounds() {
    let bench = Bench::new(|validator| validator);
    let now = bench.clock.unix().as_secs();
    let far = "x".repeat(256);
    let good: [(&str, Value); 13] = [
        ("aud", json!([AUDIENCE])),
        ("aud", json!("HTTPS://MCP.example.com/mcp")),
        ("exp", json!(now + 3_600)),
        ("exp", json!(now as f64 + 0.5)),
        ("nbf", json!(now + 30)),
        ("iat", json!(now + 30)),
        ("sub", json!("Ünïcode")),
        ("scope", json!("")),
        ("scope", json!("a  b")),
        ("roles", json!("editor")),
        ("roles", json!([])),
        ("jti", json!("x".repeat(255))),
        ("custom", json!(7)),
    ];
    for (name, value) in good {
        let token = bench.alice().with_claim(name, value.clone()).sign().unwrap();
        assert_eq!(bench.verdict(&token).err(), None, "{name}: {value}");
    }
    let bad: Vec<(&str, Value)> = vec![
        ("iss", json!("https://id.example.com/")),
        ("iss", json!("HTTPS://id.example.com")),
        ("iss", json!([ISSUER])),
        ("iss", json!(null)),
        ("iss", json!(7)),
        ("aud", json!("https://mcp.example.com/mcp/")),
        ("aud", json!("https://mcp.example.com/MCP")),
        ("aud", json!("https://mcp.example.com")),
        ("aud", json!("https://mcp.example.com/mcp#x")),
        ("aud", json!("https://other.example.com/mcp")),
        ("aud", json!([AUDIENCE, "https://other.example.com"])),
        ("aud", json!(["https://other.example.com", AUDIENCE])),
        ("aud", json!([AUDIENCE, AUDIENCE])),
        ("aud", json!([[AUDIENCE]])),
        ("aud", json!([])),
        ("aud", json!({"0": AUDIENCE})),
        ("aud", json!(null)),
        ("aud", json!("")),
        ("aud", json!(true)),
        ("exp", json!((now + 3_600).to_string())),
        ("exp", json!(now - 30)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!(-1.5)),
        ("exp", json!(now + 3_601)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("exp", json!(null)),
        ("exp", json!([now + 60])),
        ("exp", json!(true)),
        ("exp", json!({})),
        ("nbf", json!(now + 31)),
        ("nbf", json!(now.to_string())),
        ("nbf", json!(-5)),
        ("nbf", json!(null)),
        ("iat", json!(now + 31)),
        ("iat", json!(now - 3_600)),
        ("iat", json!(now.to_string())),
        ("iat", json!(-1)),
        ("iat", json!([])),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!(null)),
        ("sub", json!(["alice"])),
        ("sub", json!("alice\n")),
        ("sub", json!("al\u{0}ice")),
        ("sub", json!("\u{1b}[31malice")),
        ("sub", json!(far)),
        ("scope", json!(["notes:read"])),
        ("scope", json!(7)),
        ("scope", json!(null)),
        ("scope", json!("a\tb")),
        ("scope", json!("a\"b")),
        ("scope", json!("ä")),
        ("roles", json!({"editor": true})),
        ("roles", json!([7])),
        ("roles", json!(["editor", null])),
        ("roles", json!([["editor"]])),
        ("roles", json!(["a\nb"])),
        ("roles", json!([""])),
        ("roles", json!(true)),
        ("roles", json!(vec!["a"; 129])),
        ("jti", json!(7)),
        ("jti", json!(null)),
        ("jti", json!(far)),
        ("cnf", json!({"jkt": "x"})),
        ("cnf", json!(null)),
        ("cnf", json!({"x5t#S256": "x"})),
    ];
    for (name, value) in bad {
        let token = bench.alice().with_claim(name, value.clone()).sign().unwrap();
        assert!(!bench.accepts(&token), "{name}: {value}");
    }
    for name in ["iss", "aud", "exp", "sub"] {
        assert!(!bench.accepts(&bench.alice().without_claim(name).sign().unwrap()), "without {name}");
    }
    for name in ["iat", "nbf", "jti", "scope", "roles"] {
        assert!(bench.accepts(&bench.alice().without_claim(name).sign().unwrap()), "without {name}");
    }
    assert!(!bench.accepts(&bench.alice().without_claim("iat").with_claim("exp", now + 3_601).sign().unwrap()));
    let ended = |ago: u64| bench.alice().with_claim("iat", now - 60).with_claim("exp", now - ago).sign().unwrap();
    assert!(bench.accepts(&ended(29)) && !bench.accepts(&ended(30)), "half a minute between the clocks");
    // What was accepted above did not teach the table anything.
    assert!(bench.accepts(&bench.alice().sign().unwrap()));
}

/// S-31, T-22
#[test]
fn the_header_chooses_among_what_is_configured_and_nothing_else() {
    let bench = Bench::new(|validator| validator);
    for kind in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        assert!(bench.accepts(&bench.alice().with_header("typ", kind).sign().unwrap()), "{kind}");
    }
    let bad: Vec<(&str, Value)> = vec![
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("nOnE")),
        ("alg", json!("")),
        ("alg", json!(null)),
        ("alg", json!(7)),
        ("alg", json!(["ES256"])),
        ("alg", json!("es256")),
        ("alg", json!("ES256 ")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("ES384")),
        ("alg", json!("EdDSA")),
        ("typ", json!("id_token")),
        ("typ", json!("logout+jwt")),
        ("typ", json!("dpop+jwt")),
        ("typ", json!("")),
        ("typ", json!(null)),
        ("typ", json!(["JWT"])),
        ("cty", json!("JWT")),
        ("kid", json!(null)),
        ("kid", json!(7)),
        ("kid", json!(["a"])),
        ("kid", json!({"a": 1})),
        ("kid", json!("unknown")),
        ("kid", json!("")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("/etc/passwd")),
        ("kid", json!("https://evil.example/key.pem")),
        ("kid", json!("x' UNION SELECT 'key")),
        ("kid", json!("x\u{0}")),
        ("kid", json!("k".repeat(257))),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("enc", json!("A256GCM")),
        ("zip", json!("DEF")),
    ];
    for (name, value) in bad {
        let token = bench.alice().with_header(name, value.clone()).sign().unwrap();
        assert!(!bench.accepts(&token), "{name}: {value}");
    }
    // Keys and addresses of keys inside of a token are never looked at.
    let other = issued_by(ISSUER, &bench.clock);
    let own_key: Value = serde_json::from_str::<Value>(&other.key_set().unwrap()).unwrap()["keys"][0].clone();
    for (name, value) in [
        ("jwk", own_key),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/x")),
        ("x5c", json!(["AAAA"])),
    ] {
        assert!(!bench.accepts(&other.token_for("alice").with_header(name, value.clone()).sign().unwrap()), "{name}");
        assert!(bench.accepts(&bench.alice().with_header(name, value).sign().unwrap()), "{name} says nothing");
    }
}

/// S-31
#[test]
fn a_key_of_one_kind_verifies_nothing_of_another() {
    let clock = ManualClock::new();
    let secret = || Secret::new(b"0123456789abcdef0123456789abcdef".to_vec());
    // The public key of an issuer as the secret of HMAC: the classic.
    let bench = Bench::new(|validator| validator);
    let set: Value = serde_json::from_str(&bench.issuer.key_set().unwrap()).unwrap();
    let public = set["keys"][0].to_string();
    let header = encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = encode(
        &json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": clock.unix().as_secs() + 60}).to_string(),
    );
    let signed = format!("{header}.{claims}");
    let mac = |key: &[u8]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes())))
    };
    assert!(!bench.accepts(&mac(public.as_bytes())));
    assert!(!bench.accepts(&mac(b"")));
    // A shared secret takes HS256 and nothing else, and only where it is configured.
    let shared = opened(TokenValidator::hs256(ISSUER, secret()), &clock).unwrap();
    assert!(verdict(&*shared, &mac(secret().expose())).is_ok());
    assert!(verdict(&*shared, &mac(b"another secret of 32 bytes or more")).is_err());
    assert!(verdict(&*shared, &bench.alice().sign().unwrap()).is_err());
    for (validator, what) in [
        (TokenValidator::hs256(ISSUER, secret()).with_algorithms([JwtAlgorithm::RS256]), "a public algorithm"),
        (bench.issuer.validator().with_algorithms([JwtAlgorithm::ES256, JwtAlgorithm::HS256]), "HMAC beside it"),
        (bench.issuer.validator().with_algorithms([]), "none"),
        (TokenValidator::hs256(ISSUER, Secret::new(vec![7; 31])), "a short secret"),
        (TokenValidator::public_key(ISSUER, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"), "no key"),
        (TokenValidator::key_set(ISSUER, "{\"keys\":[]}"), "no keys"),
        (bench.issuer.validator().with_leeway(Duration::from_secs(61)), "too much leeway"),
        (bench.issuer.validator().with_roles_claim("a..b"), "an empty part"),
    ] {
        assert!(opened(validator, &clock).is_err(), "{what}");
    }
    let narrow = Bench::new(|validator| validator.with_algorithms([JwtAlgorithm::RS256]));
    assert!(!narrow.accepts(&narrow.alice().sign().unwrap()), "an algorithm that is not configured");
}

/// S-33, T-23
#[test]
fn a_new_key_counts_at_once_and_one_that_is_gone_no_longer() {
    let bench = Bench::new(|validator| validator);
    let old = bench.alice().sign().unwrap();
    assert!(bench.accepts(&old));
    bench.issuer.rotate().unwrap();
    let new = bench.alice().sign().unwrap();
    assert!(bench.accepts(&old) && bench.accepts(&new));
    bench.issuer.forget_earlier_keys();
    assert!(!bench.accepts(&old), "also where it was remembered");
    assert!(bench.accepts(&new));
}

/// S-32
#[test]
fn a_remembered_token_ends_with_its_time() {
    let bench = Bench::new(|validator| validator);
    let token = bench.alice().with_expiry(Duration::from_secs(120)).sign().unwrap();
    assert!(bench.accepts(&token));
    bench.clock.advance(Duration::from_secs(149));
    assert!(bench.accepts(&token));
    bench.clock.advance(Duration::from_secs(1));
    assert!(!bench.accepts(&token));
}

/// S-37
#[test]
fn issuers_are_told_apart_by_their_exact_names() {
    let clock = ManualClock::new();
    let issuer = |name: &str| issued_by(name, &clock);
    let (one, two) = (issuer("https://one.example"), issuer("https://two.example"));
    let both = AuthMiddleware::builder()
        .with_token_validation(one.validator())
        .with_token_validation(two.validator())
        .build()
        .unwrap();
    let clocked: Arc<dyn Clock> = Arc::new(clock.clone());
    let both = both.into_authenticators(AUDIENCE, &clocked).unwrap().remove(0);
    assert_eq!(
        verdict(&*both, &one.token_for("a").sign().unwrap()).unwrap().principal().issuer(),
        "https://one.example"
    );
    assert_eq!(
        verdict(&*both, &two.token_for("a").sign().unwrap()).unwrap().principal().issuer(),
        "https://two.example"
    );
    assert!(verdict(&*both, &one.token_for("a").with_claim("iss", "https://two.example").sign().unwrap()).is_err());
    assert!(verdict(&*both, &issuer("https://three.example").token_for("a").sign().unwrap()).is_err());
    assert_eq!(both.issuers(), ["https://one.example".into(), "https://two.example".into()]);
    let twice = AuthMiddleware::builder().with_token_validation(one.validator()).with_token_validation(one.validator());
    assert!(twice.build().is_err());
}

/// S-31, P-09
#[test]
fn a_token_is_read_in_one_way_only() {
    let bench = Bench::new(|validator| validator);
    let token = bench.alice().sign().unwrap();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    // Another authenticator's business.
    for foreign in ["", "a", "a.b", "a.b.c.d", "mocopr_abc", &format!("{token}.x"), &format!(".{token}")] {
        assert_eq!(bench.verdict(foreign).err(), Some(None), "{foreign}");
    }
    let double = decode(claims).replacen("\"sub\":", "\"sub\":\"mallory\",\"sub\":", 1);
    let nested = decode(claims).replacen('{', "{\"a\":{\"b\":1,\"b\":2},", 1);
    let deep = decode(claims).replacen('{', &format!("{{\"a\":{}{},", "[".repeat(40), "]".repeat(40)), 1);
    let mut hostile = vec![
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{}", &signature[..signature.len() - 1]),
        format!("{header}.{claims}.{signature}A"),
        format!("{header}.{claims}.{signature}="),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{}.{signature}", encode(&double)),
        format!("{header}.{}.{signature}", encode(&nested)),
        format!("{header}.{}.{signature}", encode(&deep)),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        "..".to_owned(),
        format!("{}.{claims}.{signature}", encode("[]")),
        format!("{}.{claims}.{signature}", encode("\u{feff}{}")),
        format!("{}.{claims}.{signature}", encode(&format!("{} ", decode(header)))),
        format!("{}.{claims}.", encode(r#"{"alg":"none"}"#)),
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([0xff; 64])),
        format!("{header}.{claims}.{}", "A".repeat(9_000)),
    ];
    // The last character of a part of this length has stray bits.
    let last = signature.chars().last().unwrap();
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).collect();
    let place = alphabet.iter().position(|known| *known == last).unwrap();
    hostile.push(format!("{header}.{claims}.{}{}", &signature[..signature.len() - 1], alphabet[place ^ 1]));
    for token in hostile {
        assert!(!bench.accepts(&token), "{token}");
    }
    assert!(bench.accepts(&token));
}

/// S-31, S-32, P-08
#[test]
fn of_thousands_of_malformed_and_forged_tokens_none_is_accepted() {
    let bench = Bench::new(|validator| validator);
    let stranger = issued_by(ISSUER, &bench.clock);
    let good = bench.alice().sign().unwrap();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
    };
    let alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*b"-_.=+/ ~\x00\x7f").collect();
    let mut tried = 0;
    while tried < 6_000 {
        let mut bytes = good.clone().into_bytes();
        match random(8) {
            // A character is another one.
            0 | 1 => {
                let at = random(bytes.len());
                bytes[at] = alphabet[random(alphabet.len())];
            }
            2 => {
                let at = random(bytes.len());
                bytes.remove(at);
            }
            3 => bytes.insert(random(bytes.len()), alphabet[random(alphabet.len())]),
            4 => bytes.truncate(random(bytes.len())),
            5 => {
                let (one, other) = (random(bytes.len()), random(bytes.len()));
                bytes.swap(one, other);
            }
            // Parts of another's token.
            6 => {
                let forged = stranger.token_for("alice").with_role("admin").sign().unwrap();
                let parts: Vec<Vec<&str>> = [&good, &forged].map(|token| token.split('.').collect()).into();
                let picked: Vec<&str> = (0..3).map(|part| parts[random(2)][part]).collect();
                bytes = picked.join(".").into_bytes();
            }
            // A claim is another one, and the signature stays.
            _ => {
                let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
                let mut claims: Value = serde_json::from_str(&decode(claims)).unwrap();
                claims["n"] = json!(random(1_000_000));
                bytes = format!("{header}.{}.{signature}", encode(&claims.to_string())).into_bytes();
            }
        }
        let Ok(token) = String::from_utf8(bytes) else { continue };
        if token == good {
            continue;
        }
        tried += 1;
        assert!(!bench.accepts(&token), "{token}");
        if tried % 1_000 == 0 {
            assert!(bench.accepts(&good));
        }
    }
}
