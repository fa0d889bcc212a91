//! Key sets as issuers publish them (RFC 7517) to keys that verify.
//!
//! A key that cannot be used is left out, because an issuer may publish keys for others beside ours; a document that
//! is not a key set is refused as a whole. Shared secrets are never taken from a document, and a key whose private part
//! was published is no key any more.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use mocopr_core::json::{JsonLimits, RawJson};
use serde_json::{Map, Value};

use crate::{
    auth::jwt::{
        algorithm::{Family, JwtAlgorithm},
        header::MOST_KEY_ID,
        key::VerifyingKey,
        keys::{Candidates, MOST_CANDIDATES},
    },
    random::digest,
};

/// Keys that verify, in the order of their document.
#[derive(Clone, Debug)]
pub(crate) struct KeySet {
    keys: Vec<Arc<VerifyingKey>>,
}

impl KeySet {
    /// A set of these keys.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn of(keys: impl IntoIterator<Item = Arc<VerifyingKey>>) -> Self {
        Self { keys: keys.into_iter().collect() }
    }

    /// No key of the document can be used.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes that are the same for sets of the same keys, under the same names, in the same order, and for no others.
    #[allow(dead_code, reason = "compared by what fetches keys, which is a feature")]
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let parts: Vec<&[u8]> = self.keys.iter().map(|key| key.fingerprint().as_slice()).collect();
        digest(&parts)
    }

    /// This key is in it, under the same name and for the same algorithms.
    pub(crate) fn has(&self, key: &VerifyingKey) -> bool {
        self.keys.iter().any(|own| own.fingerprint() == key.fingerprint())
    }

    /// The keys that may have signed a token whose header names this key and this algorithm.
    ///
    /// With a name: those of that name. Without one: all that fit. `None` where there is none, and where there are more
    /// than may be tried for one token.
    pub(crate) fn candidates(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Option<Candidates> {
        let chosen = |key: &&Arc<VerifyingKey>| key.fits(algorithm) && id.is_none_or(|id| key.id() == Some(id));
        let found: Vec<_> = self.keys.iter().filter(chosen).take(MOST_CANDIDATES + 1).cloned().collect();
        (1..=MOST_CANDIDATES).contains(&found.len()).then(|| found.into())
    }
}

/// Reads a key set: an object with a member `keys`, of at most 64 keys in 256 KiB.
///
/// # Errors
/// Why it is no key set, in our words.
///
/// # Source
/// RFC 7517, section 5.
pub(crate) fn parse_set(document: &[u8]) -> Result<KeySet, &'static str> {
    if document.len() > MOST_BYTES {
        return Err("the key set has more than 256 KiB");
    }
    let raw = RawJson::parse(Bytes::copy_from_slice(document), &LIMITS)
        .map_err(|_| "the key set is not JSON, or breaks a limit, or repeats a member")?;
    let set: Map<String, Value> = raw.decode().map_err(|_| "the key set is not an object")?;
    let Some(Value::Array(keys)) = set.get("keys") else { return Err("the key set has no array `keys`") };
    if keys.len() > MOST_KEYS {
        return Err("the key set has more than 64 keys");
    }
    Ok(KeySet { keys: keys.iter().filter_map(|key| usable(key.as_object()?).map(Arc::new)).collect() })
}

/// The key, where it is one that may verify signatures.
fn usable(jwk: &Map<String, Value>) -> Option<VerifyingKey> {
    let key = match jwk.get("kid") {
        None => public_key(jwk)?,
        Some(Value::String(id)) if id.len() <= MOST_KEY_ID => public_key(jwk)?.named(id),
        Some(_) => return None,
    };
    match jwk.get("alg") {
        None => Some(key),
        Some(Value::String(name)) => key.only(JwtAlgorithm::named(name)?).ok(),
        Some(_) => None,
    }
}

/// The public key that verifies, whatever its name; `None` where a private part stands beside it.
pub(crate) fn public_key(jwk: &Map<String, Value>) -> Option<VerifyingKey> {
    let is_public = !PRIVATE.iter().any(|member| jwk.contains_key(*member));
    if is_public && is_for_signatures(jwk) { material(jwk) } else { None }
}

/// What `use` and `key_ops` say, where they say anything (RFC 7517, sections 4.2 and 4.3).
fn is_for_signatures(jwk: &Map<String, Value>) -> bool {
    let purpose = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    let operations = jwk.get("key_ops").is_none_or(|operations| match operations {
        Value::Array(operations) => operations.iter().any(|operation| operation == "verify"),
        _ => false,
    });
    purpose && operations
}

fn material(jwk: &Map<String, Value>) -> Option<VerifyingKey> {
    let text = |member: &str| jwk.get(member).and_then(Value::as_str);
    let bytes = |member: &str| URL_SAFE_NO_PAD.decode(text(member)?).ok();
    let point = |family| VerifyingKey::curve_point(family, &bytes("x")?, &bytes("y")?).ok();
    match (text("kty")?, text("crv")) {
        ("RSA", _) => VerifyingKey::rsa(&bytes("n")?, &bytes("e")?).ok(),
        ("EC", Some("P-256")) => point(Family::P256),
        ("EC", Some("P-384")) => point(Family::P384),
        ("OKP", Some("Ed25519")) => VerifyingKey::curve(Family::Ed25519, &bytes("x")?).ok(),
        _ => None,
    }
}

/// Members of private and symmetric keys (RFC 7518, section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
const MOST_BYTES: usize = 256 << 10;
const MOST_KEYS: usize = 64;
/// A chain of certificates in `x5c` is the longest text that real key sets hold.
const LIMITS: JsonLimits = JsonLimits { depth: 8, members: 64, string_bytes: 32 << 10, elements: 256 };
