//! The three parts of a token, and what their base64url holds.
//!
//! One text has one meaning: no padding, no other alphabet, no stray bits in the last character, no repeated member.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use mocopr_core::json::{JsonLimits, RawJson};
use serde_json::{Map, Value};

use crate::auth::verdict::Rejected;

/// A token in its compact form, cut at its two dots.
///
/// # Source
/// RFC 7515, section 7.1.
#[derive(Clone, Copy)]
pub(crate) struct Compact<'t> {
    /// The header, in base64url.
    pub(crate) header: &'t str,
    /// The claims, in base64url.
    pub(crate) claims: &'t str,
    /// The signature, in base64url.
    pub(crate) signature: &'t str,
    /// What is signed: header and claims with the dot between.
    pub(crate) signed: &'t str,
}

impl<'t> Compact<'t> {
    /// Cuts a credential that looks like a token: exactly three parts. `None` where it is of another kind.
    pub(crate) fn split(token: &'t str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        (!claims.contains('.')).then_some(Self { header, claims, signature, signed })
    }
}

/// The bytes of one part.
pub(crate) fn bytes(part: &str) -> Result<Vec<u8>, Rejected> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejected::new("a part of the token is not canonical base64url"))
}

/// The JSON object of one part.
pub(crate) fn object(part: &str) -> Result<Map<String, Value>, Rejected> {
    let raw = RawJson::parse(Bytes::from(bytes(part)?), &LIMITS)
        .map_err(|_| Rejected::new("a part of the token is not JSON, or breaks a limit, or repeats a member"))?;
    raw.decode().map_err(|_| Rejected::new("a part of the token is not an object"))
}

/// Longer tokens are refused unread: a token is sent with each request.
pub(crate) const MOST_BYTES: usize = 8 << 10;
/// Room for what real issuers nest and list; the bytes are bounded by the token's.
const LIMITS: JsonLimits = JsonLimits { depth: 16, members: 256, string_bytes: MOST_BYTES, elements: 1_024 };
