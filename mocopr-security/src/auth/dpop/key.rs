//! The key of a proof: a public key in its header, known by its thumbprint.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::auth::{
    jwt::{jwk, key::VerifyingKey},
    verdict::Rejected,
};

/// A key that a proof carries with it. It is nobody's until a token is bound to its thumbprint.
pub(super) struct ProofKey {
    pub(super) key: VerifyingKey,
    pub(super) thumbprint: [u8; 32],
}

impl ProofKey {
    /// Reads `jwk`.
    ///
    /// # Source
    /// RFC 9449, section 4.2 (it must hold no private key).
    pub(super) fn read(jwk: Option<&Value>) -> Result<Self, Rejected> {
        let Some(Value::Object(jwk)) = jwk else { return Err(Rejected::new("the proof has no key")) };
        let key = jwk::public_key(jwk).ok_or(Rejected::new("the key of the proof cannot be used"))?;
        let thumbprint = thumbprint(jwk).ok_or(Rejected::new("the key of the proof has no thumbprint"))?;
        Ok(Self { key, thumbprint })
    }
}

/// SHA-256 of the required members of a public key, in their one order.
///
/// # Source
/// RFC 7638, section 3; RFC 8037, section 2.
pub(crate) fn thumbprint(jwk: &Map<String, Value>) -> Option<[u8; 32]> {
    let members: &[&str] = match jwk.get("kty")?.as_str()? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let mut text = String::from("{");
    for name in members {
        let value = jwk.get(*name)?.as_str()?;
        // Base64url and names of curves: what would have to be escaped stands in no key.
        if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return None;
        }
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&format!("\"{name}\":\"{value}\""));
    }
    text.push('}');
    digest(&SHA256, text.as_bytes()).as_ref().try_into().ok()
}
