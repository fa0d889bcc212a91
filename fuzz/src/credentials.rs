//! Credentials and sealed texts: nothing that was changed is believed, and what is believed says what it must.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use mocopr_core::{
    clock::{Clock, ManualClock},
    peer::{HttpFacts, Peer},
};
use mocopr_security::{
    auth::{
        ApiKey, ApiKeys, AuthMiddleware, Authenticator, Credential, DpopKey, DpopPolicy, TokenIssuer, TokenValidator,
        Verdict, Verified,
    },
    fuzzing,
    gate::Gate,
    policy::{RateLimitPolicy, SecurityPolicy},
    proxies::TrustedProxies,
    redact::Secret,
    seal::{KeyRing, Purpose},
};
use serde_json::{Map, Value};

use crate::{
    draw::Draw,
    json::{Judged, judge},
};

const URL: &str = "https://mcp.example.com/mcp";
const ISSUER: &str = "https://issuer.test";
const LEEWAY: u64 = 30;

/// The state key of the targets.
pub(crate) const KEY: &str = "2b0qTnNYu0PZJqUtyPCXFQcYkJL9yoNcXoVkqTCuAsU=";

/// The same, for who takes a ring.
pub(crate) static RING: LazyLock<KeyRing> =
    LazyLock::new(|| KeyRing::from_secret(&Secret::new(KEY.to_owned())).expect("it is a key"));

/// Who looks at tokens that are signed with a secret which a target knows too.
static BY_SECRET: LazyLock<(Arc<dyn Authenticator>, ManualClock)> = LazyLock::new(|| {
    let clock = ManualClock::new();
    let validator = TokenValidator::hs256(ISSUER, Secret::new(secret().to_vec()))
        .with_tenant_claim("tenant")
        .with_leeway(Duration::from_secs(LEEWAY));
    let middleware = AuthMiddleware::builder().with_token_validation(validator).build().expect("it accepts one issuer");
    let clock_of_server: Arc<dyn Clock> = Arc::new(clock.clone());
    let mut ready = middleware.into_authenticators(URL, &clock_of_server).expect("it is whole");
    (ready.remove(0), clock)
});

fn secret() -> [u8; 32] {
    std::array::from_fn(|at| (at * 37 + 11) as u8)
}

/// Of any claims that are signed well, those are believed that a plain reading of the rules believes; the caller is who
/// they name, and holds what they name.
pub fn token_claims(data: &[u8]) {
    let (authenticator, clock) = &*BY_SECRET;
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"at+jwt"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(data));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret()), signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag));
    if let Verdict::Verified(verified) = authenticator.authenticate(Credential::Bearer(&token)) {
        let Judged::Json(Value::Object(claims)) = judge(data) else { panic!("{}", String::from_utf8_lossy(data)) };
        is_named_by(&verified, &claims, clock.unix());
    }
}

fn is_named_by(verified: &Verified, claims: &Map<String, Value>, now: Duration) {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let seconds = |name: &str| claims.get(name).map(|value| value.as_f64().expect("a time is a number"));
    assert_eq!(text("iss"), Some(ISSUER));
    let audience = claims.get("aud").and_then(|value| match value {
        Value::Array(all) if all.len() == 1 => all[0].as_str(),
        value => value.as_str(),
    });
    assert!(audience.expect("there is one audience").eq_ignore_ascii_case(URL));
    let (now, leeway) = (now.as_secs_f64(), LEEWAY as f64);
    assert!(seconds("exp").expect("it ends") + leeway > now);
    assert!(seconds("nbf").is_none_or(|from| from <= now + leeway));
    assert!(seconds("iat").is_none_or(|issued| issued <= now + leeway));
    let who = verified.principal();
    assert_eq!((Some(who.subject()), who.issuer()), (text("sub"), ISSUER));
    assert!(!who.subject().is_empty() && !who.subject().chars().any(char::is_control));
    assert_eq!(who.tenant(), text("tenant"));
    assert!(who.tenant().is_some(), "a token without a tenant");
    for scope in text("scope").into_iter().flat_map(|list| list.split(' ')).filter(|scope| !scope.is_empty()) {
        assert!(who.has_scope(scope), "{scope}");
    }
    assert_eq!(verified.key().is_some(), claims.contains_key("cnf"));
    assert!(!who.has_role("admin") || claims.get("roles").is_some_and(|roles| roles.to_string().contains("admin")));
}

/// A server with tokens, proofs and API keys, and genuine ones of each.
struct Guarded {
    gate: Gate,
    clock: ManualClock,
    bearer: String,
    bound: String,
    key: DpopKey,
    api_key: Secret<String>,
}

static GUARDED: LazyLock<Guarded> = LazyLock::new(|| {
    let clock = ManualClock::new();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let issuer = TokenIssuer::new().expect("a key is made").with_audience(URL).with_clock(Arc::clone(&shared));
    let key = DpopKey::new().expect("a key is made").with_clock(Arc::clone(&shared));
    let bearer = issuer.token_for("alice").with_role("reader").sign().expect("it is signed");
    let bound = issuer.token_for("bob").bound_to(&key).sign().expect("it is signed");
    let (api_key, record) = ApiKey::create("carol", clock.unix()).expect("a key is made");
    let middleware = AuthMiddleware::builder()
        .with_token_validation(issuer.validator())
        .with_authenticator(ApiKeys::of(vec![record]).expect("one key"))
        .with_dpop(DpopPolicy::accepted())
        .build()
        .expect("it accepts something");
    let policy = SecurityPolicy::strict()
        .with_public_url(URL)
        .with_rate_limiting(RateLimitPolicy::unlimited())
        .with_authentication(middleware);
    let authenticators = policy.open_authenticators(Arc::clone(&shared)).expect("they are whole");
    let ring = KeyRing::generate().expect("there is randomness");
    let proofs = policy.open_proofs(&ring, Arc::clone(&shared)).expect("there is a URL");
    let gate = Gate::new(policy, authenticators, None, shared).with_proofs(proofs);
    Guarded { gate, clock, bearer, bound, key, api_key }
});

/// Whatever heads of requests look like, a caller is admitted with one genuine credential alone, under the server's name,
/// and with a proof of this request where the credential is bound to a key.
pub fn admission(data: &[u8]) {
    let Guarded { gate, clock, bearer, bound, key, api_key } = &*GUARDED;
    let mut draw = Draw::new(data);
    let mut headers = HeaderMap::new();
    let host = match draw.byte() % 4 {
        0 => edited(&mut draw, "mcp.example.com"),
        _ => "mcp.example.com".to_owned(),
    };
    put(&mut headers, "host", &host);
    put(&mut headers, "content-type", "application/json");
    if draw.one_in(8) {
        put(&mut headers, "origin", &edited(&mut draw, "https://mcp.example.com"));
    }
    let mut genuine = None;
    for _ in 0..1 + draw.byte() % 2 {
        let (name, scheme, credential, who) = match draw.byte() % 4 {
            0 => ("authorization", "Bearer ", bearer.as_str(), "alice"),
            1 => ("authorization", "DPoP ", bound.as_str(), "bob"),
            2 => ("x-api-key", "", api_key.expose().as_str(), "carol"),
            _ => ("authorization", "Bearer ", bound.as_str(), "nobody"),
        };
        let sent = match draw.byte() % 3 {
            0 => format!("{scheme}{credential}"),
            1 => format!("{scheme}{}", edited(&mut draw, credential)),
            _ => edited(&mut draw, &format!("{scheme}{credential}")),
        };
        if put(&mut headers, name, &sent) {
            genuine = Some((credential, who));
        }
    }
    let proof = match draw.byte() % 4 {
        0 => None,
        kind => {
            let method = if kind == 3 { *draw.pick(&["GET", "post", "POST"]) } else { "POST" };
            let url = if kind == 3 { edited(&mut draw, URL) } else { URL.to_owned() };
            let proof = key.proof(method, &url, bound).sign().expect("it is signed");
            let sent = if kind == 2 { edited(&mut draw, &proof) } else { proof.clone() };
            put(&mut headers, "dpop", &sent);
            let is_right = sent == proof && method == "POST" && url == URL;
            Some(is_right)
        }
    };
    let place = SocketAddr::from((Ipv4Addr::new(192, 0, 2, draw.byte()), 1_234)).into();
    let (method, uri) = (Method::POST, Uri::from_static("/mcp"));
    let http = HttpFacts { method: &method, version: Version::HTTP_11, uri: &uri, headers: &headers };
    let peer = Peer { place: Some(&place), tls: None, http };
    // Proofs that were used are remembered for a while, in bounded memory.
    clock.advance(Duration::from_millis(1));
    let Ok(head) = gate.check_head(&peer, &TrustedProxies::default(), None) else { return };
    assert!(host.eq_ignore_ascii_case("mcp.example.com") || host.eq_ignore_ascii_case("mcp.example.com:443"), "{host}");
    let Ok(admission) = gate.admit(head, &peer).now_or_never().expect("nothing is fetched") else { return };
    let credentials = headers.get_all("authorization").iter().chain(headers.get_all("x-api-key")).count();
    assert_eq!(credentials, 1, "{headers:?}");
    let (credential, who) = genuine.expect("one was sent");
    let sent = headers.get("authorization").or(headers.get("x-api-key")).and_then(|value| value.to_str().ok());
    assert!(sent.is_some_and(|sent| sent.trim().ends_with(credential)), "{headers:?} {credential}");
    let subject = admission.principal().subject();
    assert!(subject == who, "{subject} with the credential of {who}");
    assert!(who != "bob" || proof == Some(true) || is_same_url(&headers), "{headers:?}");
}

/// Another spelling of the same URL in the proof is the same URL, which another target is about.
fn is_same_url(headers: &HeaderMap) -> bool {
    let claims = headers.get("dpop").and_then(|proof| proof.to_str().ok()?.split('.').nth(1));
    let claims = claims.and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
    let claims: Option<Value> = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
    let is_url = |claims: &Value| {
        let url = claims["htu"].as_str().unwrap_or_default();
        let url = url.split(['?', '#']).next().unwrap_or_default();
        url.len() <= URL.len() + 12 && url.to_ascii_lowercase().contains("mcp.example.com")
    };
    claims.is_some_and(|claims| claims["htm"] == "POST" && is_url(&claims))
}

/// Adds a field; false where a header cannot hold the value.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) -> bool {
    let Ok(value) = HeaderValue::from_str(value) else { return false };
    headers.append(name, value);
    true
}

/// The text with up to three small changes, all of them in visible ASCII.
pub(crate) fn edited(draw: &mut Draw<'_>, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + draw.byte() % 3 {
        let at = draw.below(bytes.len() + 1);
        let new = b' ' + draw.byte() % 95;
        match draw.byte() % 6 {
            0 if at < bytes.len() => bytes[at] = new,
            1 => bytes.insert(at, new),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            4 if at < bytes.len() => bytes[at] ^= 0x20 & (bytes[at] & 0x40) >> 1,
            _ => {
                let mut parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'.').collect();
                let (one, other) = (at % parts.len(), usize::from(new) % parts.len());
                parts.swap(one, other);
                bytes = parts.join(&b'.');
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Key sets and keys in PEM are read or refused, never in between; an API key that was changed in any place proves
/// nobody.
pub fn keys(data: &[u8]) {
    static ONE: LazyLock<(ApiKeys, Secret<String>)> = LazyLock::new(|| {
        let (key, record) = ApiKey::create("carol", Duration::from_secs(1)).expect("a key is made");
        (ApiKeys::of(vec![record]).expect("one key"), key)
    });
    let (keys, key) = &*ONE;
    if let Some(usable) = fuzzing::key_set(data) {
        let Judged::Json(set) = judge(data) else { panic!("{}", String::from_utf8_lossy(data)) };
        let listed = set["keys"].as_array().expect("a key set has keys");
        let public = |key: &Value| !["d", "p", "q", "k"].iter().any(|private| key.get(private).is_some());
        assert!(!usable || listed.iter().any(public));
    }
    let text = String::from_utf8_lossy(data);
    if fuzzing::pem_key(&text) {
        assert!(text.contains("-----BEGIN PUBLIC KEY-----") && text.contains("-----END PUBLIC KEY-----"));
        assert!(!text.contains("PRIVATE"));
    }
    let mut draw = Draw::new(data);
    for sent in [edited(&mut draw, key.expose()), text.into_owned()] {
        for credential in [Credential::ApiKey(&sent), Credential::Bearer(&sent)] {
            let is_believed = matches!(keys.authenticate(credential), Verdict::Verified(_));
            assert_eq!(is_believed, sent == *key.expose());
        }
    }
    // What is kept of keys is read back from its line, or not at all.
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("keys");
    if crate::logs::write_private(&path, data) {
        for record in mocopr_security::auth::ApiKeyFile::at(&path).keys().into_iter().flatten() {
            assert!(!record.id().is_empty() && !record.subject().is_empty());
        }
    }
}

/// A sealed text opens for what it was made for, until its time is over, and in no other spelling.
pub fn sealed(data: &[u8]) {
    const PURPOSES: [Purpose; 4] = [Purpose::Cursor, Purpose::RequestState, Purpose::Event, Purpose::Handle];
    let mut draw = Draw::new(data);
    let purpose = *draw.pick(&PURPOSES);
    let parts: Vec<&[u8]> = (0..draw.byte() % 4).map(|_| draw.bytes(12)).collect();
    let payload = draw.bytes(60);
    let until = Duration::from_millis(1 + draw.number() % 100_000);
    let text = RING.seal(purpose, &parts, payload).expect("it is small");
    assert_eq!(RING.open(purpose, &parts, &text).as_deref(), Ok(payload));
    let short = RING.seal_until(purpose, &parts, payload, until).expect("it is small");
    let just = until - Duration::from_millis(1);
    assert_eq!(RING.open_at(purpose, &parts, &short, just).as_deref(), Ok(payload));
    assert!(RING.open_at(purpose, &parts, &short, until).is_err());
    assert!(RING.open(purpose, &parts, &short).is_err() && RING.open_at(purpose, &parts, &text, just).is_err());
    let other = *draw.pick(&PURPOSES);
    assert_eq!(RING.open(other, &parts, &text).is_ok(), other == purpose);
    let mut others = parts.clone();
    match draw.byte() % 3 {
        0 => others.push(b""),
        1 => drop(others.pop()),
        _ => others.reverse(),
    }
    // The same bytes in other parts are something else.
    let joined = others.concat();
    for bound in [others.as_slice(), &[&joined]] {
        assert_eq!(RING.open(purpose, bound, &text).is_ok(), bound == parts.as_slice());
    }
    let changed = edited(&mut draw, &text);
    assert_eq!(RING.open(purpose, &parts, &changed).is_ok(), changed == *text);
    let foreign = String::from_utf8_lossy(draw.rest());
    assert!(RING.open(purpose, &parts, &foreign).is_err());
}
