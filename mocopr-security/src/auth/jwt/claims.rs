//! The claims of a token whose signature holds: each of the JSON type that it has, within the times and for the audience
//! that the owner configured.
//!
//! A claim of another type is not ignored: what an issuer means by it is unknown, so the token is refused.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    auth::{Identity, Rejected, Verified, jwt::header::Header},
    principal::Method,
};

/// What tokens of one issuer must say.
#[derive(Debug)]
pub(super) struct Terms {
    /// Whom they must be issued for, scheme and host in lower case.
    pub(super) audience: Box<str>,
    /// Media types, in small letters and without `application/`; an absent one counts as `jwt`.
    pub(super) kinds: Box<[Box<str>]>,
    /// The greatest `exp - iat`.
    pub(super) lifetime: Duration,
    /// How far the clocks may differ.
    pub(super) leeway: Duration,
    /// Where the roles stand.
    pub(super) roles: Path,
    /// Where the tenant stands.
    pub(super) tenant: Option<Path>,
}

/// The names of members, one inside of the other.
pub(super) type Path = Box<[Box<str>]>;

type Claims = Map<String, Value>;

impl Terms {
    /// Whom the claims prove.
    ///
    /// # Source
    /// RFC 7519, section 4.1; RFC 9068, sections 2.2 and 4; RFC 8707, section 2; RFC 8693, section 4.2 (`scope`).
    pub(super) fn read(
        &self,
        header: &Header,
        claims: &Claims,
        issuer: &str,
        now: Duration,
    ) -> Result<Verified, Rejected> {
        let kind = header.kind.as_deref().unwrap_or("jwt");
        if !self.kinds.iter().any(|known| **known == *kind) {
            return Err(Rejected::new("the token is of another type"));
        }
        if text(claims, "iss", "`iss` is not a string")? != Some(issuer) {
            return Err(Rejected::new("another issuer"));
        }
        if !self.is_for_us(claims) {
            return Err(Rejected::new("the token is not for this server, or not for it alone"));
        }
        let until = self.times(claims, now)?;
        if claims.contains_key("cnf") {
            return Err(Rejected::new("the token is bound to a proof that cannot be checked here"));
        }
        let subject = text(claims, "sub", "`sub` is not a string")?.ok_or(Rejected::new("no `sub`"))?;
        if !is_name(subject) {
            return Err(Rejected::new("`sub` is empty, too long, or holds control characters"));
        }
        let tenant = match self.tenant.as_ref().and_then(|path| at(claims, path)) {
            None => None,
            Some(Value::String(tenant)) if is_name(tenant) => Some(&**tenant),
            Some(_) => return Err(Rejected::new("the tenant is not a name")),
        };
        let identity = Identity { method: Method::Token, issuer, subject, tenant };
        let verified = Verified::new(identity, self.roles(claims)?, scopes(claims)?).until(until);
        Ok(match text(claims, "jti", "`jti` is not a string")? {
            Some(id) if id.len() <= MOST_NAME => verified.by(id),
            Some(_) => return Err(Rejected::new("`jti` is too long")),
            None => verified,
        })
    }

    /// One audience, and we are it. A token for several could be replayed by each of them against the others.
    fn is_for_us(&self, claims: &Claims) -> bool {
        let audience = match claims.get("aud") {
            Some(Value::String(audience)) => audience,
            Some(Value::Array(several)) => match several.as_slice() {
                [Value::String(audience)] => audience,
                _ => return false,
            },
            Some(_) | None => return false,
        };
        folded(audience) == self.audience
    }

    /// Until when the token counts.
    fn times(&self, claims: &Claims, now: Duration) -> Result<Duration, Rejected> {
        let expires = time(claims, "exp", "`exp` is not a time")?.ok_or(Rejected::new("no `exp`"))?;
        let until = expires.saturating_add(self.leeway);
        if until <= now {
            return Err(Rejected::new("expired"));
        }
        let latest = now.saturating_add(self.leeway);
        if time(claims, "nbf", "`nbf` is not a time")?.is_some_and(|from| from > latest) {
            return Err(Rejected::new("not valid yet"));
        }
        let issued = time(claims, "iat", "`iat` is not a time")?;
        if issued.is_some_and(|issued| issued > latest) {
            return Err(Rejected::new("issued in the future"));
        }
        // Without a time of issue the rest of its life is all that can be measured.
        let lifetime = expires.saturating_sub(issued.unwrap_or(now));
        if lifetime > self.lifetime {
            return Err(Rejected::new("the token lives longer than it may"));
        }
        Ok(until)
    }

    fn roles(&self, claims: &Claims) -> Result<Box<[Box<str>]>, Rejected> {
        let wrong = Rejected::new("the roles are not a list of names");
        let roles: Vec<Box<str>> = match at(claims, &self.roles) {
            None => Vec::new(),
            Some(Value::String(role)) => vec![role.as_str().into()],
            Some(Value::Array(roles)) if roles.len() <= MOST_ROLES => {
                roles.iter().map(|role| role.as_str().map(Box::from).ok_or(wrong)).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(wrong),
        };
        if roles.iter().all(|role| is_name(role)) { Ok(roles.into()) } else { Err(wrong) }
    }
}

/// An audience as it is compared: scheme and host without their case, all else as it is.
pub(super) fn folded(audience: &str) -> Box<str> {
    let Some((scheme, rest)) = audience.split_once("://") else { return audience.into() };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase()).into()
}

/// Scopes are names with spaces between (RFC 6749, section 3.3).
fn scopes(claims: &Claims) -> Result<Box<[Box<str>]>, Rejected> {
    let Some(scopes) = text(claims, "scope", "`scope` is not a string")? else { return Ok([].into()) };
    let scopes: Box<[Box<str>]> = scopes.split(' ').filter(|scope| !scope.is_empty()).map(Box::from).collect();
    let is_scope = |scope: &str| scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    if scopes.len() <= MOST_SCOPES && scopes.iter().all(|scope| is_scope(scope)) {
        Ok(scopes)
    } else {
        Err(Rejected::new("`scope` is no list of scopes"))
    }
}

fn text<'c>(claims: &'c Claims, name: &str, wrong: &'static str) -> Result<Option<&'c str>, Rejected> {
    claims.get(name).map(|value| value.as_str().ok_or(Rejected::new(wrong))).transpose()
}

/// A `NumericDate`: seconds since 1970, with or without a fraction (RFC 7519, section 2). Never a string.
fn time(claims: &Claims, name: &str, wrong: &'static str) -> Result<Option<Duration>, Rejected> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_u64().map(Duration::from_secs);
    let exact = whole.or_else(|| Duration::try_from_secs_f64(value.as_f64()?).ok());
    exact.filter(|time| *time <= LATEST).map(Some).ok_or(Rejected::new(wrong))
}

/// What stands at the end of a path; `None` where any part of it is absent.
fn at<'c>(claims: &'c Claims, path: &[Box<str>]) -> Option<&'c Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(&**first)?, |value, name| value.as_object()?.get(&**name))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MOST_NAME && !text.chars().any(char::is_control)
}

/// Bytes of a subject, a tenant, a role or the name of a token.
const MOST_NAME: usize = 255;
const MOST_ROLES: usize = 128;
const MOST_SCOPES: usize = 256;
/// The end of the year 9999.
const LATEST: Duration = Duration::from_secs(253_402_300_799);
