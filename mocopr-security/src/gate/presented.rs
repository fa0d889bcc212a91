//! What credentials a request presents: read from two headers, never from its target or its body.

use http::{
    HeaderMap, HeaderName,
    header::{AUTHORIZATION, HeaderValue},
};

use crate::auth::Credential;

/// What a request presents.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presented<'a> {
    /// No credential.
    Nothing,
    /// One credential.
    One(Credential<'a>),
    /// One of each kind, which must prove the same principal.
    Two(Credential<'a>, Credential<'a>),
    /// An access token that is bound to a key, and a proof that the sender has it.
    Bound {
        /// The token.
        token: &'a str,
        /// What stood in `DPoP`.
        proof: &'a str,
    },
    /// Something that is no credential of a kind that there is here.
    Unknown,
}

/// A credential is given more than once, so it cannot be told which is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated;

/// Reads `Authorization`, `X-API-Key`, and `DPoP` where the first is of that scheme.
///
/// # Source
/// RFC 6750, section 2.1 (and not 2.2 and 2.3: no credential is taken from a body or a query, as MCP 2026-07-28,
/// basic/authorization, "Access Token Usage" asks); RFC 9110, section 11.6.2; RFC 9449, sections 4.3 and 7.1.
pub(super) fn presented(headers: &HeaderMap) -> Result<Presented<'_>, Repeated> {
    let authorization = single(headers, &AUTHORIZATION)?;
    let key = single(headers, &API_KEY)?;
    let bearer = match authorization {
        None => None,
        Some(value) => match access_token(value) {
            Some((Scheme::Bearer, token)) => Some(Credential::Bearer(token)),
            Some((Scheme::Dpop, _)) if key.is_some() => return Err(Repeated),
            Some((Scheme::Dpop, token)) => return Ok(bound(token, headers)),
            None => return Ok(Presented::Unknown),
        },
    };
    let key = match key {
        None => None,
        Some(value) => match token(value.as_bytes()) {
            Some(key) => Some(Credential::ApiKey(key)),
            None => return Ok(Presented::Unknown),
        },
    };
    Ok(match (bearer, key) {
        (None, None) => Presented::Nothing,
        (Some(one), None) | (None, Some(one)) => Presented::One(one),
        (Some(bearer), Some(key)) => Presented::Two(bearer, key),
    })
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Repeated> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Repeated),
    }
}

/// A token with its proof, where there is exactly one. What a proof consists of is what a token does.
fn bound<'a>(token: &'a str, headers: &'a HeaderMap) -> Presented<'a> {
    let proof = single(headers, &DPOP).ok().flatten().and_then(|proof| self::token(proof.as_bytes()));
    proof.map_or(Presented::Unknown, |proof| Presented::Bound { token, proof })
}

/// How an access token is presented.
#[derive(Clone, Copy, Debug)]
enum Scheme {
    Bearer,
    Dpop,
}

/// The token behind `Bearer` or `DPoP` and one or more spaces; the scheme's name has no case.
fn access_token(value: &HeaderValue) -> Option<(Scheme, &str)> {
    let mut parts = value.as_bytes().splitn(2, |byte| *byte == b' ');
    let (scheme, mut rest) = (parts.next()?, parts.next()?);
    while let [b' ', behind @ ..] = rest {
        rest = behind;
    }
    let scheme = if scheme.eq_ignore_ascii_case(b"bearer") {
        Scheme::Bearer
    } else if scheme.eq_ignore_ascii_case(b"dpop") {
        Scheme::Dpop
    } else {
        return None;
    };
    Some((scheme, token(rest)?))
}

/// The whole as a `b64token` of RFC 6750, section 2.1, where it is one.
fn token(whole: &[u8]) -> Option<&str> {
    let mut body = whole;
    while let [before @ .., b'='] = body {
        body = before;
    }
    // Looking at all bytes, also behind one that does not belong there, takes a tenth of the time: the compiler then
    // looks at sixteen at once.
    let is_token = !body.is_empty() && body.iter().fold(true, |all, byte| all & is_token_byte(*byte));
    if is_token { std::str::from_utf8(whole).ok() } else { None }
}

/// Letters and digits, and `-._~+/`; without a branch, so that it can be asked of many bytes at once.
fn is_token_byte(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // `-`, `.`, `/` and the digits stand in a row.
    let is_from_dash_to_nine = byte.wrapping_sub(b'-') < 13;
    is_letter | is_from_dash_to_nine | (byte == b'_') | (byte == b'~') | (byte == b'+')
}

/// Where API keys stand that are not sent as bearer tokens.
static API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Where proofs of possession stand.
static DPOP: HeaderName = HeaderName::from_static("dpop");

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn read<'a>(headers: &'a HeaderMap) -> Result<Presented<'a>, Repeated> {
        presented(headers)
    }

    #[test]
    fn the_scheme_has_no_case_and_any_number_of_spaces_behind_it() {
        for value in ["Bearer abc.def", "bearer abc.def", "BEARER   abc.def"] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(read(&headers), Ok(Presented::One(Credential::Bearer("abc.def"))), "{value}");
        }
    }

    /// S-30
    #[test]
    fn what_is_no_bearer_token_is_no_credential() {
        for value in [
            "Basic YTpi",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearerabc",
            "Bearer\tabc",
            "Bearer a,b",
            "Bearer ===",
            "abc",
            "",
        ] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(read(&headers), Ok(Presented::Unknown), "{value}");
        }
        let latin = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer a\xe9").unwrap())]);
        assert_eq!(read(&latin), Ok(Presented::Unknown));
    }

    #[test]
    fn token_bytes_are_those_of_the_specification_and_no_others() {
        for byte in 0..=u8::MAX {
            let named = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_token_byte(byte), named, "{byte:#04x}");
        }
    }

    #[test]
    fn a_header_that_comes_twice_says_nothing() {
        let twice = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]);
        assert_eq!(read(&twice), Err(Repeated));
        let keys = headers(&[("x-api-key", "a"), ("x-api-key", "b")]);
        assert_eq!(read(&keys), Err(Repeated));
    }

    #[test]
    fn a_token_and_a_key_are_two_credentials() {
        let both = headers(&[("authorization", "Bearer a"), ("x-api-key", "b")]);
        assert_eq!(read(&both), Ok(Presented::Two(Credential::Bearer("a"), Credential::ApiKey("b"))));
        let garbled = headers(&[("authorization", "Basic a"), ("x-api-key", "b")]);
        assert_eq!(read(&garbled), Ok(Presented::Unknown));
        assert_eq!(read(&HeaderMap::new()), Ok(Presented::Nothing));
    }

    /// RFC 9449, sections 4.3 and 7.1
    #[test]
    fn a_bound_token_comes_with_exactly_one_proof_and_nothing_else() {
        let one = headers(&[("authorization", "dPoP  t"), ("dpop", "a.b.c")]);
        assert_eq!(read(&one), Ok(Presented::Bound { token: "t", proof: "a.b.c" }));
        let lines: [&[(&str, &str)]; 6] = [
            &[("authorization", "DPoP t")],
            &[("authorization", "DPoP t"), ("dpop", "")],
            &[("authorization", "DPoP t"), ("dpop", "a.b.c, a.b.c")],
            &[("authorization", "DPoP t"), ("dpop", "a.b.c"), ("dpop", "a.b.c")],
            &[("authorization", "DPoP"), ("dpop", "a.b.c")],
            &[("authorization", "DPoPt"), ("dpop", "a.b.c")],
        ];
        for lines in lines {
            assert_eq!(read(&headers(lines)), Ok(Presented::Unknown), "{lines:?}");
        }
        let with_key = headers(&[("authorization", "DPoP t"), ("dpop", "a.b.c"), ("x-api-key", "k")]);
        assert_eq!(read(&with_key), Err(Repeated));
        assert_eq!(read(&headers(&[("dpop", "a.b.c")])), Ok(Presented::Nothing));
    }
}
