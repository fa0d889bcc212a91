//! One token of an issuer for tests, as good or as bad as a test wants it.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{
    auth::issuer::{DpopKey, Grant, IssueError, TokenIssuer},
    random::random_name,
};

/// A token before it is signed.
///
/// An example is at [`TokenIssuer`](super::TokenIssuer).
#[derive(Clone, Debug)]
#[must_use]
pub struct TokenBuilder<'i> {
    issuer: &'i TokenIssuer,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    absent: Vec<Box<str>>,
    lifetime: Duration,
}

impl<'i> TokenBuilder<'i> {
    pub(super) fn new(issuer: &'i TokenIssuer, subject: &str) -> Self {
        let mut claims = Map::new();
        claims.insert("sub".into(), subject.into());
        if let Some(audience) = &issuer.audience {
            claims.insert("aud".into(), (&**audience).into());
        }
        resume(issuer, claims)
    }

    /// With one role more, in the claim `roles`.
    pub fn with_role(mut self, role: &str) -> Self {
        let roles = self.claims.entry("roles").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(roles) = roles {
            roles.push(role.into());
        }
        self
    }

    /// With one scope more, in the claim `scope`.
    pub fn with_scope(mut self, scope: &str) -> Self {
        let scopes = match self.claims.get("scope").and_then(Value::as_str) {
            Some(scopes) => format!("{scopes} {scope}"),
            None => scope.into(),
        };
        self.claims.insert("scope".into(), scopes.into());
        self
    }

    /// For this audience.
    pub fn with_audience(self, audience: &str) -> Self {
        self.with_claim("aud", audience)
    }

    /// Expiring so long after it is signed.
    pub fn with_expiry(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Bound to a client's key, so that it is good only together with a [proof](DpopKey::proof).
    pub fn bound_to(self, key: &DpopKey) -> Self {
        self.with_claim("cnf", serde_json::json!({"jkt": key.thumbprint()}))
    }

    /// Bound to a client's certificate, so that it is good only on a connection whose client proved itself by it;
    /// `der` is the whole certificate (RFC 8705, section 3.1).
    pub fn bound_to_certificate(self, der: &[u8]) -> Self {
        let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, der));
        self.with_claim("cnf", serde_json::json!({"x5t#S256": thumbprint}))
    }

    /// With this claim, in the place of what stands there otherwise.
    pub fn with_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Without this claim, even where every token has it.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.absent.push(name.into());
        self
    }

    /// With this member of the header, in the place of what stands there otherwise.
    pub fn with_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// The token in its compact form.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn sign(self) -> Result<String, IssueError> {
        let Self { issuer, header, mut claims, absent, lifetime } = self;
        let now = issuer.ring.unix();
        let id = random_name().map_err(|_| IssueError::new("no token could be named"))?;
        let usual: [(&str, Value); 4] = [
            ("iss", (&*issuer.issuer).into()),
            ("iat", now.as_secs().into()),
            ("exp", (now + lifetime).as_secs().into()),
            ("jti", (&*id).into()),
        ];
        for (name, value) in usual {
            claims.entry(name).or_insert(value);
        }
        claims.retain(|name, _| !absent.iter().any(|absent| **absent == **name));
        let (signed, signature) = issuer.ring.sign(issuer.lifetime.max(lifetime), |key, algorithm| {
            let mut all = Map::new();
            all.insert("alg".into(), algorithm.as_str().into());
            all.insert("typ".into(), "at+jwt".into());
            all.insert("kid".into(), key.into());
            all.extend(header);
            let part = |members: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(members).to_string());
            format!("{}.{}", part(all), part(claims))
        })?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The token, with a refresh token where the issuer gives them.
    ///
    /// # Errors
    /// Where it cannot be signed, and where too many refresh tokens are alive.
    pub fn grant(self) -> Result<Grant, IssueError> {
        let family = self.issuer.families.begin();
        self.grant_in(family)
    }

    pub(super) fn grant_in(self, family: u64) -> Result<Grant, IssueError> {
        let issuer = self.issuer;
        let refresh_token = match issuer.refresh {
            Some(lifetime) => Some(issuer.families.add(family, self.claims.clone(), issuer.ring.unix(), lifetime)?),
            None => None,
        };
        Ok(Grant { access_token: self.sign()?, refresh_token })
    }
}

/// A token with claims that are there already.
pub(super) fn resume(issuer: &TokenIssuer, claims: Map<String, Value>) -> TokenBuilder<'_> {
    TokenBuilder { issuer, header: Map::new(), claims, absent: Vec::new(), lifetime: issuer.lifetime }
}
