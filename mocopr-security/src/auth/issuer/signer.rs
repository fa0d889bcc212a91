//! A key that signs: for tests, made new each time, never read from anywhere.

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
        RsaKeyPair, RsaSignatureEncoding,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::auth::{
    issuer::IssueError,
    jwt::{
        algorithm::{Family, JwtAlgorithm},
        key::VerifyingKey,
        pem::rsa_public_key,
    },
};

/// A private key of one of the kinds that tokens are signed with.
pub(crate) enum Signer {
    Ed25519(Ed25519KeyPair),
    Curve(Family, Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl Signer {
    /// A new key for that algorithm. One of RSA has 2,048 bits and takes about a tenth of a second.
    pub(crate) fn generate(algorithm: JwtAlgorithm) -> Result<Self, IssueError> {
        let failed = |_| IssueError::new("no key could be made");
        match algorithm.family() {
            Family::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519).map_err(failed),
            Family::Rsa => RsaKeyPair::generate(KeySize::Rsa2048).map(|key| Self::Rsa(Box::new(key))).map_err(failed),
            Family::P256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .map(|key| Self::Curve(Family::P256, Box::new(key)))
                .map_err(failed),
            Family::P384 => EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)
                .map(|key| Self::Curve(Family::P384, Box::new(key)))
                .map_err(failed),
            Family::Secret => Err(IssueError::new("an issuer for tests signs with a private key")),
        }
    }

    /// The signature of a message. A key of RSA signs with every algorithm of RSA.
    pub(crate) fn sign(&self, algorithm: JwtAlgorithm, message: &[u8]) -> Result<Vec<u8>, IssueError> {
        let wrong = IssueError::new("the key is of another kind than the algorithm takes");
        let failed = |_| IssueError::new("the token could not be signed");
        match self {
            Self::Ed25519(key) if algorithm.family() == Family::Ed25519 => Ok(key.sign(message).as_ref().to_vec()),
            Self::Curve(family, key) if algorithm.family() == *family => {
                key.sign(&SystemRandom::new(), message).map(|signature| signature.as_ref().to_vec()).map_err(failed)
            }
            Self::Rsa(key) => {
                let encoding = rsa_encoding(algorithm).ok_or(wrong)?;
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Self::Ed25519(_) | Self::Curve(..) => Err(wrong),
        }
    }

    /// The key that verifies what this one signs.
    pub(crate) fn verifying(&self) -> Result<VerifyingKey, IssueError> {
        let key = match self {
            Self::Ed25519(key) => VerifyingKey::curve(Family::Ed25519, key.public_key().as_ref()),
            Self::Curve(family, key) => VerifyingKey::curve(*family, key.public_key().as_ref()),
            Self::Rsa(key) => rsa_public_key(key.public_key().as_ref())
                .and_then(|(modulus, exponent)| VerifyingKey::rsa(modulus, exponent)),
        };
        key.map_err(IssueError::new)
    }

    /// The same as a JSON Web Key.
    pub(crate) fn jwk(&self, id: &str) -> Result<Value, IssueError> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Ed25519(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())}),
            Self::Curve(family, key) => {
                let point = key.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if *family == Family::P384 { "P-384" } else { "P-256" };
                json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
            }
            Self::Rsa(key) => {
                let (modulus, exponent) = rsa_public_key(key.public_key().as_ref()).map_err(IssueError::new)?;
                let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
                json!({"kty": "RSA", "n": text(modulus), "e": text(exponent)})
            }
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".into(), id.into());
            members.insert("use".into(), "sig".into());
        }
        Ok(jwk)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(..)")
    }
}

fn rsa_encoding(algorithm: JwtAlgorithm) -> Option<&'static RsaSignatureEncoding> {
    match algorithm {
        JwtAlgorithm::RS256 => Some(&RSA_PKCS1_SHA256),
        JwtAlgorithm::RS384 => Some(&RSA_PKCS1_SHA384),
        JwtAlgorithm::RS512 => Some(&RSA_PKCS1_SHA512),
        JwtAlgorithm::PS256 => Some(&RSA_PSS_SHA256),
        JwtAlgorithm::PS384 => Some(&RSA_PSS_SHA384),
        JwtAlgorithm::PS512 => Some(&RSA_PSS_SHA512),
        JwtAlgorithm::ES256 | JwtAlgorithm::ES384 | JwtAlgorithm::EdDSA | JwtAlgorithm::HS256 => None,
    }
}
