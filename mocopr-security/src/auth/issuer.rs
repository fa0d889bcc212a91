//! Issues tokens, for tests: an authorization server in a value. A server of the protocol is none.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mocopr_core::clock::{Clock, SystemClock};
use serde_json::{Map, Value, json};

use super::{
    TokenValidator,
    jwt::{
        JwtAlgorithm,
        jwk::{KeySet, parse_set},
        keys::{Found, KeySource},
    },
};
use crate::random;

/// Issues access tokens, for tests of servers that take them.
///
/// ```
/// use mocopr_security::auth::TokenIssuer;
///
/// let issuer = TokenIssuer::new("https://id.example.com", "https://mcp.example.com/mcp");
/// let token = issuer.token_for("alice").with_role("editor").with_scope("notes:read").sign();
/// assert_eq!(token.split('.').count(), 3);
/// let validator = issuer.validator();
/// # let _ = validator;
/// ```
///
/// # Panics
/// Where the system has no randomness, as tests do elsewhere.
#[derive(Clone)]
pub struct TokenIssuer(Arc<Inner>);

struct Inner {
    issuer: Box<str>,
    audience: Box<str>,
    clock: Box<dyn Clock>,
    keys: RwLock<Keys>,
    generation: AtomicU64,
}

struct Keys {
    pair: EcdsaKeyPair,
    id: String,
    /// As the issuer publishes them, the newest first.
    published: Vec<Value>,
    set: KeySet,
}

impl TokenIssuer {
    /// An issuer with a new key (ES256), whose tokens are for `audience` unless they say otherwise.
    pub fn new(issuer: impl Into<Box<str>>, audience: impl Into<Box<str>>) -> Self {
        Self::with_clock(issuer, audience, SystemClock::new())
    }

    /// The same by this clock.
    pub fn with_clock(issuer: impl Into<Box<str>>, audience: impl Into<Box<str>>, clock: impl Clock) -> Self {
        Self(Arc::new(Inner {
            issuer: issuer.into(),
            audience: audience.into(),
            clock: Box::new(clock),
            keys: RwLock::new(Keys::new(Vec::new())),
            generation: AtomicU64::new(0),
        }))
    }

    /// Its name.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Accepts its tokens; follows [`rotate`](Self::rotate) at once.
    pub fn validator(&self) -> TokenValidator {
        TokenValidator::with_keys(&self.0.issuer, Arc::new(self.clone()))
    }

    /// Its key set, as it would publish it (RFC 7517).
    pub fn key_set(&self) -> String {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        json!({"keys": keys.published}).to_string()
    }

    /// Signs with a new key from now on, and still publishes the old one.
    pub fn rotate(&self) {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        *keys = Keys::new(std::mem::take(&mut keys.published));
    }

    /// Publishes none but the newest key from now on: what older ones signed does not count any longer.
    pub fn forget_old_keys(&self) {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.published.truncate(1);
        keys.set = set_of(&keys.published);
        self.0.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Begins a token for this subject: an hour long, without roles and scopes.
    pub fn token_for(&self, subject: &str) -> TokenDraft<'_> {
        let now = self.0.clock.unix();
        let claims = json!({
            "iss": self.0.issuer,
            "aud": self.0.audience,
            "sub": subject,
            "iat": now.as_secs(),
            "exp": (now + Duration::from_secs(60 * 60)).as_secs(),
            "jti": random::random_name().unwrap_or_default(),
        });
        let Value::Object(claims) = claims else { unreachable!("it is an object") };
        TokenDraft { issuer: self, claims, header: Map::new() }
    }

    fn sign(&self, mut header: Map<String, Value>, claims: &Map<String, Value>) -> String {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        header.entry("alg").or_insert_with(|| "ES256".into());
        header.entry("typ").or_insert_with(|| "at+jwt".into());
        header.entry("kid").or_insert_with(|| keys.id.as_str().into());
        let part = |object: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::from(object.clone()).to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = keys.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map(|signature| URL_SAFE_NO_PAD.encode(signature)).unwrap_or_default();
        format!("{signed}.{signature}")
    }
}

/// A token that is not signed yet.
#[derive(Debug)]
#[must_use = "ends with `.sign()`"]
pub struct TokenDraft<'i> {
    issuer: &'i TokenIssuer,
    claims: Map<String, Value>,
    header: Map<String, Value>,
}

impl TokenDraft<'_> {
    /// With one role more, in the claim `roles`.
    pub fn with_role(mut self, role: &str) -> Self {
        if let Value::Array(roles) = self.claims.entry("roles").or_insert_with(|| json!([])) {
            roles.push(role.into());
        }
        self
    }

    /// With one scope more.
    pub fn with_scope(self, scope: &str) -> Self {
        let scopes = match self.claims.get("scope").and_then(Value::as_str) {
            Some(scopes) => format!("{scopes} {scope}"),
            None => scope.to_owned(),
        };
        self.with_claim("scope", scopes)
    }

    /// For another audience.
    pub fn with_audience(self, audience: &str) -> Self {
        self.with_claim("aud", audience)
    }

    /// Ends after this time, counted from now.
    pub fn with_expiry(self, life: Duration) -> Self {
        let end = (self.issuer.0.clock.unix() + life).as_secs();
        self.with_claim("exp", end)
    }

    /// With this claim, whatever it is.
    pub fn with_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Without this claim.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// With this member of the header, whatever it is.
    pub fn with_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// The token.
    pub fn sign(self) -> String {
        self.issuer.sign(self.header, &self.claims)
    }
}

impl Keys {
    #[expect(clippy::expect_used, reason = "it is for tests, which fail without randomness")]
    fn new(older: Vec<Value>) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the system has randomness");
        let id = String::from(random::random_name().expect("the system has randomness"));
        let point = pair.public_key().as_ref();
        // An uncompressed point: a byte that says so, then both coordinates.
        let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(point.get(from..from + 32).unwrap_or_default());
        let key = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": coordinate(1), "y": coordinate(33),
        });
        let published: Vec<Value> = [key].into_iter().chain(older).collect();
        let set = set_of(&published);
        Self { pair, id, published, set }
    }
}

#[expect(clippy::expect_used, reason = "it is for tests, and the set is our own")]
fn set_of(published: &[Value]) -> KeySet {
    parse_set(json!({"keys": published}).to_string().as_bytes()).expect("it is a key set")
}

impl KeySource for TokenIssuer {
    fn find(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Found {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).set.find(id, algorithm)
    }

    fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}
