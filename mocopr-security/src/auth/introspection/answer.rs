//! What an issuer's answer says of a token, held against what the owner demands.
//!
//! An answer counts only where it is one JSON object that can be read in one way. Whatever is not plainly a good token
//! of the issuer for this server is refused.

use std::time::Duration;

use bytes::Bytes;
use mocopr_core::json::{JsonLimits, RawJson};
use serde_json::{Map, Value};

use super::endpoint::AskError;
use crate::auth::{
    jwt::{
        claims::Claims,
        compact::{self, Compact},
        rules::Rules,
    },
    verdict::{Rejected, Verified},
};

/// Whom the token proves at that time, since 1970-01-01T00:00:00Z, or why nobody.
///
/// # Errors
/// An answer that is none.
///
/// # Source
/// RFC 7662, section 2.2.
pub(super) fn read(body: Bytes, rules: &Rules, unix: Duration) -> Result<Result<Verified, Rejected>, AskError> {
    let answer = RawJson::parse(body, &LIMITS);
    let answer = answer.map_err(|_| "the answer is not JSON, or breaks a limit, or repeats a member")?;
    let members: Map<String, Value> = answer.decode().map_err(|_| "the answer is not an object")?;
    Ok(judge(members, rules, unix))
}

fn judge(mut members: Map<String, Value>, rules: &Rules, unix: Duration) -> Result<Verified, Rejected> {
    if members.get("active") != Some(&Value::Bool(true)) {
        return Err(Rejected::new("its issuer does not say that the token is active"));
    }
    let demands_key = match members.get("token_type") {
        None => false,
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => false,
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("dpop") => true,
        Some(_) => return Err(Rejected::new("the token is no access token")),
    };
    // The issuer may leave its own name out: that it was asked is known.
    members.entry("iss").or_insert_with(|| Value::from(&*rules.issuer));
    let verified = Claims::of(members).judge(rules, unix)?;
    if demands_key && verified.key().is_none() {
        return Err(Rejected::new("the token is bound to a key that its issuer does not name"));
    }
    Ok(verified)
}

/// The token plainly is one of another issuer, which this one has no business to see.
pub(super) fn names_another(token: &str, issuer: &str) -> bool {
    let claims = Compact::split(token).and_then(|parts| compact::object(parts.claims).ok());
    claims.is_some_and(|claims| claims.get("iss").and_then(Value::as_str).is_some_and(|named| named != issuer))
}

/// Room for what real issuers nest and list; the bytes are bounded by the client.
pub(super) const LIMITS: JsonLimits = JsonLimits { depth: 16, members: 256, string_bytes: 8 << 10, elements: 1_024 };

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn only_a_token_that_can_be_read_and_names_another_issuer_is_one_of_another_issuer() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = |claims: &str| format!("{}.{}.c2ln", part("{}"), part(claims));
        assert!(names_another(&token(r#"{"iss":"https://other.example.com"}"#), "https://id.example.com"));
        for own in
            [&*token(r#"{"iss":"https://id.example.com"}"#), &token("{}"), &token(r#"{"iss":1}"#), "opaque", "a.b.c"]
        {
            assert!(!names_another(own, "https://id.example.com"), "{own}");
        }
    }
}
