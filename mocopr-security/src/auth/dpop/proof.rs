//! One proof: a token of its own, signed with the key that it carries, about one request.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{key::ProofKey, target::TargetUrl};
use crate::auth::{
    jwt::{
        JwtAlgorithm,
        claims::is_name,
        compact::{self, Compact, MOST_BYTES},
        header::Header,
    },
    verdict::Rejected,
};

/// What a proof has to be about.
pub(super) struct Demands<'a> {
    pub(super) algorithms: &'a [JwtAlgorithm],
    /// The thumbprint of the key that the token is bound to.
    pub(super) key: [u8; 32],
    pub(super) method: &'a str,
    pub(super) target: &'a TargetUrl,
    pub(super) token: &'a str,
    /// How far from now it may be dated.
    pub(super) age: Duration,
    /// In time since 1970-01-01T00:00:00Z.
    pub(super) now: Duration,
}

/// A proof that holds, but for whether it was sent before and has a nonce.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) id: Box<str>,
    pub(super) issued: Duration,
    pub(super) nonce: Option<Box<str>>,
}

impl Proof {
    /// Reads a proof and holds it against what it has to be about.
    ///
    /// # Source
    /// RFC 9449, section 4.3.
    pub(super) fn read(text: &str, demands: &Demands<'_>) -> Result<Self, Rejected> {
        if text.len() > MOST_BYTES {
            return Err(Rejected::new("the proof has more than 8 KiB"));
        }
        let parts = Compact::split(text).ok_or(Rejected::new("the proof has not three parts"))?;
        let members = compact::object(parts.header)?;
        let header = Header::of(&members)?;
        if header.kind.as_deref() != Some(KIND) {
            return Err(Rejected::new("the proof is not of the type `dpop+jwt`"));
        }
        if !demands.algorithms.contains(&header.algorithm) {
            return Err(Rejected::new("the algorithm of the proof is not one that is accepted"));
        }
        let ProofKey { key, thumbprint } = ProofKey::read(members.get("jwk"))?;
        if thumbprint != demands.key {
            return Err(Rejected::new("the proof is of another key than the token is bound to"));
        }
        let signature = compact::bytes(parts.signature)?;
        if !key.has_signed(header.algorithm, parts.signed.as_bytes(), &signature) {
            return Err(Rejected::new("the signature of the proof is not by its key"));
        }
        Self::judge(&compact::object(parts.claims)?, demands)
    }

    /// The claims, whose signature holds.
    fn judge(claims: &Map<String, Value>, demands: &Demands<'_>) -> Result<Self, Rejected> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let id = text("jti").filter(|id| is_name(id)).ok_or(Rejected::new("the proof has no usable `jti`"))?;
        if text("htm") != Some(demands.method) {
            return Err(Rejected::new("the proof is for another method"));
        }
        if text("htu").and_then(TargetUrl::read).as_ref() != Some(demands.target) {
            return Err(Rejected::new("the proof is for another URL"));
        }
        let digest = URL_SAFE_NO_PAD.encode(digest(&SHA256, demands.token.as_bytes()));
        if text("ath") != Some(&digest) {
            return Err(Rejected::new("the proof is for another token"));
        }
        let seconds = claims.get("iat").and_then(Value::as_f64).filter(|seconds| *seconds >= 0.0);
        let issued = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let issued = issued.ok_or(Rejected::new("the proof has no time"))?;
        if demands.now.abs_diff(issued) > demands.age {
            return Err(Rejected::new("the proof is too old, or from the future"));
        }
        let nonce = match claims.get("nonce") {
            None => None,
            Some(Value::String(nonce)) => Some(nonce.as_str().into()),
            Some(_) => return Err(Rejected::new("the nonce of the proof is not a string")),
        };
        Ok(Self { id: id.into(), issued, nonce })
    }
}

/// The type of proofs, as [`Header`] reads it.
const KIND: &str = "dpop+jwt";
