//! The header of a token: which algorithm, which key, which type.
//!
//! A header only chooses among what the owner has configured. Keys and addresses of keys inside of it (`jwk`, `jku`,
//! `x5c`, `x5u`) are never looked at; what would change the meaning of the rest is refused.

use serde_json::{Map, Value};

use crate::auth::{
    jwt::{algorithm::JwtAlgorithm, compact},
    verdict::Rejected,
};

/// What a header says, as far as it is used.
#[derive(Debug)]
pub(crate) struct Header {
    /// The algorithm of the signature.
    pub(crate) algorithm: JwtAlgorithm,
    /// The name of the key: only ever compared with names of keys.
    pub(crate) key: Option<Box<str>>,
    /// The media type, in small letters and without `application/`.
    pub(crate) kind: Option<Box<str>>,
}

impl Header {
    /// Reads the first part of a token.
    pub(crate) fn read(part: &str) -> Result<Self, Rejected> {
        Self::of(&compact::object(part)?)
    }

    /// Reads the members of a header.
    ///
    /// # Source
    /// RFC 7515, section 4.1; RFC 7797, section 7 (`b64` is not for tokens).
    pub(crate) fn of(header: &Map<String, Value>) -> Result<Self, Rejected> {
        for (member, reason) in REFUSED {
            if header.contains_key(*member) {
                return Err(Rejected::new(reason));
            }
        }
        let algorithm = text(header, "alg", Rejected::new("`alg` is not a string"))?
            .and_then(JwtAlgorithm::named)
            .ok_or(Rejected::new("`alg` is absent or names no algorithm that is known"))?;
        let key = text(header, "kid", Rejected::new("`kid` is not a string"))?;
        if key.is_some_and(|key| key.len() > MOST_KEY_ID) {
            return Err(Rejected::new("`kid` is longer than 256 bytes"));
        }
        let kind = text(header, "typ", Rejected::new("`typ` is not a string"))?.map(media_type);
        let content = text(header, "cty", Rejected::new("`cty` is not a string"))?.map(media_type);
        if content.as_deref() == Some("jwt") {
            return Err(Rejected::new("the token holds another one"));
        }
        Ok(Self { algorithm, key: key.map(Box::from), kind })
    }
}

/// A media type as it is compared: `application/` may be left out, and case does not count (RFC 7515, section 4.1.9).
pub(crate) fn media_type(text: &str) -> Box<str> {
    let lower = text.to_ascii_lowercase();
    lower.strip_prefix("application/").unwrap_or(&lower).into()
}

fn text<'h>(header: &'h Map<String, Value>, member: &str, wrong: Rejected) -> Result<Option<&'h str>, Rejected> {
    header.get(member).map(|value| value.as_str().ok_or(wrong)).transpose()
}

/// The longest name of a key, in bytes.
pub(crate) const MOST_KEY_ID: usize = 256;
/// Members that change what the rest means, so that a token with one is refused.
const REFUSED: &[(&str, &str)] = &[
    ("crit", "`crit` names extensions, and none is known here"),
    ("b64", "`b64` changes what is signed"),
    ("enc", "an encrypted token is not accepted"),
    ("zip", "a compressed token is not accepted"),
];
