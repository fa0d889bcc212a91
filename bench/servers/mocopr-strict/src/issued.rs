//! One access token, and the key set that it is verified with. Both are made at each start, so that no key is kept
//! anywhere.

use std::time::SystemTime;

use anyhow::{Context, Result};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// What an issuer gives out.
#[derive(Debug)]
pub(crate) struct Issued {
    /// Its public keys, as a JSON Web Key Set.
    pub(crate) key_set: String,
    /// A token for one caller: ES256, good for an hour from now on.
    pub(crate) token: String,
}

impl Issued {
    /// A token of `issuer` for `audience`, whose caller has this role.
    ///
    /// # Errors
    /// No key can be made, or nothing can be signed with it.
    pub(crate) fn new(issuer: &str, audience: &str, role: &str) -> Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("making a key")?;
        // An uncompressed point: a byte that says so, and two coordinates of 32 bytes.
        let (x, y) =
            key.public_key().as_ref().get(1..).and_then(|point| point.split_at_checked(32)).context("a point")?;
        let key_set =
            json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": KEY, "alg": "ES256", "x": text(x), "y": text(y)}]});

        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": KEY});
        let claims = json!({
            "iss": issuer,
            "sub": "8d1f2c0e-5a7b-4c8e-9f3a-2b6d4e1c7a90",
            "aud": audience,
            "iat": now,
            "exp": now + 60 * 60,
            "jti": "5c2a4b7e9d1f4a3c8e6b0d2f7a9c1e3b",
            "roles": [role],
            "scope": "notes:read notes:write",
        });
        let part = |part: &Value| text(part.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).context("signing")?;
        Ok(Self { key_set: key_set.to_string(), token: format!("{signed}.{}", text(signature.as_ref())) })
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

const KEY: &str = "2026-07";
