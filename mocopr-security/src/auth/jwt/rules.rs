//! What the owner demands of one issuer's tokens, ready to be compared with.

use std::{borrow::Cow, time::Duration};

use serde_json::{Map, Value};

use crate::auth::{
    jwt::{algorithm::JwtAlgorithm, header::Header},
    verdict::Rejected,
};

/// The demands on tokens of one issuer.
#[derive(Debug)]
pub(crate) struct Rules {
    /// `iss`, exactly.
    pub(crate) issuer: Box<str>,
    /// `aud`, in the form of [`folded`].
    pub(super) audience: Box<str>,
    /// The algorithms that are accepted.
    pub(super) algorithms: Box<[JwtAlgorithm]>,
    /// The types that are accepted.
    pub(super) kinds: TokenKinds,
    /// Where roles are.
    pub(super) roles: ClaimPath,
    /// Where the tenant is, if tokens name one.
    pub(super) tenant: Option<ClaimPath>,
    /// The longest that a token may live.
    pub(super) lifetime: Duration,
    /// How far the clocks of issuer and server may be apart.
    pub(crate) leeway: Duration,
}

/// Which `typ` a token may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKinds {
    /// None, `JWT`, or `at+jwt`.
    Usual,
    /// One of these, in the form of [`media_type`](super::header::media_type).
    Only(Box<[Box<str>]>),
}

impl Rules {
    /// Whether the header is one that tokens of this issuer have.
    pub(super) fn judge_header(&self, header: &Header) -> Result<(), Rejected> {
        if !self.algorithms.contains(&header.algorithm) {
            return Err(Rejected::new("the algorithm is not one that is accepted"));
        }
        let is_right = match (&self.kinds, header.kind.as_deref()) {
            (TokenKinds::Usual, None | Some("jwt" | "at+jwt")) => true,
            (TokenKinds::Usual, Some(_)) | (TokenKinds::Only(_), None) => false,
            (TokenKinds::Only(kinds), Some(kind)) => kinds.iter().any(|only| &**only == kind),
        };
        if is_right { Ok(()) } else { Err(Rejected::new("the token is not of a type that is accepted")) }
    }

    /// The issuer where it has a URL, as authorization servers do.
    pub(crate) fn issuer_url(&self) -> Option<Box<str>> {
        let is_url = self.issuer.starts_with("https://") || self.issuer.starts_with("http://");
        is_url.then(|| self.issuer.clone())
    }
}

/// Where a claim is: the names of members from the outside in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClaimPath(Box<[Box<str>]>);

impl ClaimPath {
    /// Reads `realm_access.roles` as two names. A name with `://` in it is a single one, dots and all, because names
    /// that nobody else uses are made like that (RFC 7519, section 4.2). `None` for empty names.
    pub(super) fn read(path: &str) -> Option<Self> {
        let names: Box<[Box<str>]> =
            if path.contains("://") { [path.into()].into() } else { path.split('.').map(Box::from).collect() };
        (names.len() <= MOST_NAMES && names.iter().all(|name| !name.is_empty())).then_some(Self(names))
    }

    /// The claim; `None` where it or anything on the way is absent.
    pub(super) fn find<'c>(&self, claims: &'c Map<String, Value>) -> Result<Option<&'c Value>, Rejected> {
        let Some((last, outer)) = self.0.split_last() else { return Ok(None) };
        let mut inside = claims;
        for name in outer {
            inside = match inside.get(&**name) {
                None => return Ok(None),
                Some(Value::Object(members)) => members,
                Some(_) => return Err(Rejected::new("a claim on the way to roles or tenant is not an object")),
            };
        }
        Ok(inside.get(&**last))
    }
}

/// An audience as it is compared: scheme and host of an HTTP URL in small letters, everything else as it was written.
///
/// # Source
/// RFC 3986, section 6.2.2.1; RFC 8707, section 2.
pub(super) fn folded(audience: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = audience.split_once("://") else { return Cow::Borrowed(audience) };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Cow::Borrowed(audience);
    }
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // What stands before an `@` is no host, and has case.
    if host.contains('@') || !audience.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(audience);
    }
    Cow::Owned(format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase()))
}

/// Names on the way to a claim.
const MOST_NAMES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_and_host_are_folded() {
        assert_eq!(folded("HTTPS://MCP.Example.COM:8443/Mcp?A=B"), "https://mcp.example.com:8443/Mcp?A=B");
        for same in ["https://mcp.example.com/mcp", "Urn:Example:A", "api://Default/X", "https://Ann@host/", "Clients"]
        {
            assert_eq!(folded(same), same);
        }
    }

    #[test]
    fn a_path_goes_through_objects_and_a_url_is_one_name() {
        let claims = serde_json::json!({"a": {"b": ["x"]}, "https://e.example/a.b": "y", "c": 1});
        let claims = claims.as_object().unwrap();
        let find = |path| ClaimPath::read(path).unwrap().find(claims).map(|found| found.cloned());
        assert_eq!(find("a.b"), Ok(Some(serde_json::json!(["x"]))));
        assert_eq!(find("https://e.example/a.b"), Ok(Some("y".into())));
        assert_eq!(find("a.c"), Ok(None));
        assert_eq!(find("d.c"), Ok(None));
        assert!(find("c.d").is_err());
        for broken in ["", ".", "a.", ".a", "a..b", "a.b.c.d.e.f.g.h.i"] {
            assert_eq!(ClaimPath::read(broken), None, "{broken}");
        }
    }
}
