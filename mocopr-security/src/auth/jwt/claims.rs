//! The claims of a token, judged after its signature.
//!
//! Each registered claim has its one JSON type; another type is a rejection, never an absent claim.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Map, Value};

use crate::{
    auth::{
        is_scope,
        jwt::{
            compact,
            rules::{Rules, folded},
        },
        scope,
        verdict::{Identity, Rejected, Verified},
    },
    principal::Method,
};

/// The claims of a token as they were sent.
pub(crate) struct Claims(Map<String, Value>);

/// The thumbprints of what a token is bound to.
struct Bound {
    key: Option<[u8; 32]>,
    certificate: Option<[u8; 32]>,
}

impl Claims {
    /// The claims of a token that somebody else has read.
    #[allow(dead_code, reason = "called by what asks issuers about tokens, which is a feature")]
    pub(crate) fn of(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Reads the second part of a token.
    pub(super) fn read(part: &str) -> Result<Self, Rejected> {
        compact::object(part).map(Self)
    }

    /// Who issued it, by its own word.
    pub(super) fn issuer(&self) -> Result<&str, Rejected> {
        self.text("iss", "`iss` is not a string")?.ok_or(Rejected::new("`iss` is absent"))
    }

    /// Whom the claims prove at that time, since 1970-01-01T00:00:00Z. What is judged
    /// counts only where the claims are known to be the issuer's.
    ///
    /// # Source
    /// RFC 7519, section 4.1; RFC 9068, sections 2.2 and 4; RFC 8707, section 2.
    pub(crate) fn judge(&self, rules: &Rules, now: Duration) -> Result<Verified, Rejected> {
        if self.issuer()? != &*rules.issuer {
            return Err(Rejected::new("the issuer is not one of ours"));
        }
        if folded(self.audience()?) != *rules.audience {
            return Err(Rejected::new("the token is for another audience"));
        }
        let expires = self.times(rules, now)?;
        let Bound { key, certificate } = self.bound()?;
        let subject = self.text("sub", "`sub` is not a string")?.ok_or(Rejected::new("`sub` is absent"))?;
        if !is_name(subject) {
            return Err(Rejected::new("`sub` is empty, too long, or has control characters"));
        }
        let credential = self.text("jti", "`jti` is not a string")?;
        if credential.is_some_and(|name| !is_name(name)) {
            return Err(Rejected::new("`jti` is empty, too long, or has control characters"));
        }
        // It names nobody here, but who sends another type makes no tokens that can be trusted.
        self.text("client_id", "`client_id` is not a string")?;
        let tenant = self.tenant(rules)?;
        let identity = Identity { method: Method::Token, issuer: &rules.issuer, subject, tenant };
        let verified = Verified::new(identity, self.roles(rules)?, self.scopes()?).until(expires);
        let verified = match credential {
            Some(name) => verified.by(name),
            None => verified,
        };
        let verified = match key {
            Some(thumbprint) => verified.bound_to(thumbprint),
            None => verified,
        };
        Ok(match certificate {
            Some(thumbprint) => verified.bound_to_certificate(thumbprint),
            None => verified,
        })
    }

    /// What the token is bound to: a key, a certificate, or both. One that is bound to anything else is refused: nobody
    /// here would check that.
    ///
    /// # Source
    /// RFC 7800, section 3.1; RFC 9449, section 6.1; RFC 8705, section 3.1.
    fn bound(&self) -> Result<Bound, Rejected> {
        let mut to = Bound { key: None, certificate: None };
        let Some(bound) = self.0.get("cnf") else { return Ok(to) };
        let unchecked = Rejected::new("the token is bound to something that is not checked here");
        let members = bound.as_object().filter(|members| !members.is_empty()).ok_or(unchecked)?;
        for (name, value) in members {
            let thumbprint = value.as_str().and_then(|text| compact::bytes(text).ok()?.try_into().ok());
            let thumbprint = Some(thumbprint.ok_or(unchecked)?);
            match name.as_str() {
                "jkt" => to.key = thumbprint,
                "x5t#S256" => to.certificate = thumbprint,
                _ => return Err(unchecked),
            }
        }
        Ok(to)
    }

    /// The only audience. One of several is not enough: what is also meant for others can be replayed by them.
    fn audience(&self) -> Result<&str, Rejected> {
        match self.0.get("aud") {
            Some(Value::String(only)) => Ok(only),
            Some(Value::Array(all)) => match all.as_slice() {
                [Value::String(only)] => Ok(only),
                _ => Err(Rejected::new("`aud` does not hold exactly one string")),
            },
            Some(_) => Err(Rejected::new("`aud` is neither a string nor an array")),
            None => Err(Rejected::new("`aud` is absent")),
        }
    }

    /// Checks the three times and says when the token ends, with the leeway.
    fn times(&self, rules: &Rules, now: Duration) -> Result<Duration, Rejected> {
        let expires = self.time("exp", "`exp` is no time")?.ok_or(Rejected::new("`exp` is absent"))?;
        let ends = expires + rules.leeway;
        if now >= ends {
            return Err(Rejected::new("the token has expired"));
        }
        let latest = now + rules.leeway;
        if self.time("nbf", "`nbf` is no time")?.is_some_and(|from| from > latest) {
            return Err(Rejected::new("the token is not valid yet"));
        }
        let issued = self.time("iat", "`iat` is no time")?;
        if issued.is_some_and(|issued| issued > latest) {
            return Err(Rejected::new("the token was issued in the future"));
        }
        // Without `iat` a token may have as long to go as it might have lived in all.
        let lives = match issued {
            Some(issued) => {
                expires.checked_sub(issued).ok_or(Rejected::new("the token expired before it was issued"))?
            }
            None => expires.saturating_sub(now),
        };
        if lives > rules.lifetime {
            return Err(Rejected::new("the token lives longer than is accepted"));
        }
        Ok(ends)
    }

    /// A `NumericDate`, in time since 1970-01-01T00:00:00Z.
    fn time(&self, name: &str, wrong: &'static str) -> Result<Option<Duration>, Rejected> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_f64().filter(|seconds| (0.0..=LAST_SECOND).contains(seconds));
        let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        time.map(Some).ok_or(Rejected::new(wrong))
    }

    /// `scope`, or where it is absent `scp`, as some issuers name it. Where both are there they must name the same
    /// scopes: else this server would grant what another reader of the same token does not.
    ///
    /// # Source
    /// RFC 6749, section 3.3; RFC 9068, section 2.2.3.
    fn scopes(&self) -> Result<Box<[Box<str>]>, Rejected> {
        let scope = match self.text("scope", "`scope` is not a string")? {
            Some(text) => Some(scope::words(text).ok_or(Rejected::new("`scope` has characters that no scope has"))?),
            None => None,
        };
        let scp = match self.0.get("scp") {
            Some(value) => Some(several(value).ok_or(Rejected::new("`scp` is no text and no array of scopes"))?),
            None => None,
        };
        let scopes = match (scope, scp) {
            (Some(scope), Some(scp)) if BTreeSet::from_iter(&scope) != BTreeSet::from_iter(&scp) => {
                return Err(Rejected::new("`scope` and `scp` name different scopes"));
            }
            (Some(scopes), Some(_) | None) | (None, Some(scopes)) => scopes,
            (None, None) => Vec::new(),
        };
        if scopes.len() > MOST_HELD {
            return Err(Rejected::new("the token names more than 256 scopes"));
        }
        Ok(scopes.into_iter().map(Box::from).collect())
    }

    fn roles(&self, rules: &Rules) -> Result<Box<[Box<str>]>, Rejected> {
        let roles = match rules.roles.find(&self.0)? {
            None => return Ok([].into()),
            Some(Value::String(role)) => Box::from([Some(Box::from(role.as_str()))]),
            Some(Value::Array(roles)) => roles.iter().map(|role| role.as_str().map(Box::from)).collect(),
            Some(_) => return Err(Rejected::new("roles are neither a string nor an array")),
        };
        let roles: Box<[Option<Box<str>>]> = roles;
        if roles.len() > MOST_HELD {
            return Err(Rejected::new("there are more than 256 roles"));
        }
        let roles = roles.into_iter().map(|role| role.filter(|role| is_name(role)));
        roles.collect::<Option<_>>().ok_or(Rejected::new("a role is not a string, empty, too long, or has controls"))
    }

    /// The tenant, where the owner has said which claim names it: then no token is without.
    fn tenant(&self, rules: &Rules) -> Result<Option<&str>, Rejected> {
        let Some(path) = &rules.tenant else { return Ok(None) };
        match path.find(&self.0)? {
            Some(Value::String(tenant)) if is_name(tenant) => Ok(Some(tenant)),
            Some(_) => Err(Rejected::new("the tenant is not a string, empty, too long, or has control characters")),
            None => Err(Rejected::new("the tenant is absent")),
        }
    }

    fn text(&self, name: &str, wrong: &'static str) -> Result<Option<&str>, Rejected> {
        self.0.get(name).map(|value| value.as_str().ok_or(Rejected::new(wrong))).transpose()
    }
}

/// The scopes of `scp`: words between spaces, or an array with one in each element.
fn several(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => scope::words(text),
        Value::Array(all) => all.iter().map(|one| one.as_str().filter(|one| is_scope(one))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Whether this can stand in logs and keys: not empty, not long, no control characters.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MOST_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Bytes of a subject, a role, a tenant, the name of a token.
const MOST_NAME: usize = 255;
/// Roles, and scopes, of one token.
const MOST_HELD: usize = 256;
/// 9999-12-31T23:59:59Z: what lies behind it is no date.
const LAST_SECOND: f64 = 253_402_300_799.0;
