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
    /// Something that is no credential of a kind that there is here.
    Unknown,
}

/// A credential is given more than once, so it cannot be told which is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated;

/// Reads `Authorization` and `X-API-Key`.
///
/// # Source
/// RFC 6750, section 2.1 (and not 2.2 and 2.3: no credential is taken from a body or a query, as MCP 2026-07-28,
/// basic/authorization, "Access Token Usage" asks); RFC 9110, section 11.6.2.
pub(super) fn presented(headers: &HeaderMap) -> Result<Presented<'_>, Repeated> {
    let authorization = single(headers, &AUTHORIZATION)?;
    let key = single(headers, &API_KEY)?;
    let bearer = match authorization {
        None => None,
        Some(value) => match bearer(value) {
            Some(token) => Some(Credential::Bearer(token)),
            None => return Ok(Presented::Unknown),
        },
    };
    let key = match key {
        None => None,
        Some(value) => match value.to_str().ok().filter(|key| is_token(key)) {
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

/// The token of `Bearer` and one or more spaces; the scheme's name has no case.
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let token = rest.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && is_token(token)).then_some(token)
}

/// `b64token` of RFC 6750, section 2.1.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| IN_TOKENS.get(usize::from(byte)) == Some(&true))
}

/// Which bytes tokens are made of: looked up, because a token of a thousand bytes comes with each request.
static IN_TOKENS: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
    while let [byte, tail @ ..] = rest {
        #[expect(clippy::indexing_slicing, reason = "a byte is below 256, and constants have no other way")]
        {
            table[*byte as usize] = true;
        }
        rest = tail;
    }
    table
};

/// Where API keys stand that are not sent as bearer tokens.
static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

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
}
