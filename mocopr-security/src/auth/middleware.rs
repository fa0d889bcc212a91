//! How callers are authenticated, as one part of a policy.

use std::{sync::Arc, time::Duration};

use mocopr_core::clock::Clock;

use super::{Authenticator, TokenValidator, jwt::JwtAuthenticator};
use crate::{
    policy::{Middleware, Problem, SecurityPolicy},
    redact::Secret,
};

/// How callers are authenticated: whose tokens are accepted, and by what else they can prove who they are.
///
/// ```
/// use mocopr_security::{auth::AuthMiddleware, redact::Secret};
///
/// let secret = Secret::new(b"a secret of 32 bytes and some more".to_vec());
/// let authentication = AuthMiddleware::hs256("https://id.example.com", secret);
/// # let _ = authentication;
/// ```
#[derive(Clone, Debug, Default)]
pub struct AuthMiddleware {
    validators: Vec<TokenValidator>,
    others: Vec<Arc<dyn Authenticator>>,
}

/// Collects what [`AuthMiddleware`] is made of.
#[derive(Debug, Default)]
#[must_use = "ends with `.build()`"]
pub struct AuthBuilder {
    parts: AuthMiddleware,
    lifetime: Option<Duration>,
}

impl AuthMiddleware {
    /// Begins without anybody who could be authenticated.
    pub fn builder() -> AuthBuilder {
        AuthBuilder::default()
    }

    /// Tokens of one issuer with which this server shares a secret: [`TokenValidator::hs256`].
    pub fn hs256(issuer: impl Into<Box<str>>, secret: Secret<Vec<u8>>) -> Self {
        Self { validators: vec![TokenValidator::hs256(issuer, secret)], others: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.validators.is_empty() && self.others.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.validators.len() + self.others.len()
    }

    pub(crate) fn add(&mut self, authenticator: impl Authenticator) {
        self.others.push(Arc::new(authenticator));
    }

    /// The same with all of another one.
    pub(crate) fn join(&mut self, other: Self) {
        self.validators.extend(other.validators);
        self.others.extend(other.others);
    }

    /// Makes the working parts; `audience` is for validators that name none.
    pub(crate) fn open(
        self,
        audience: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Vec<Arc<dyn Authenticator>>, Vec<Problem>> {
        let Self { validators, others } = self;
        if validators.is_empty() {
            return Ok(others);
        }
        let tokens: Arc<dyn Authenticator> = Arc::new(JwtAuthenticator::open(validators, audience, clock)?);
        Ok([tokens].into_iter().chain(others).collect())
    }
}

impl AuthBuilder {
    /// Accepts these tokens; called once for each issuer.
    pub fn with_token_validation(mut self, validator: TokenValidator) -> Self {
        self.parts.validators.push(validator);
        self
    }

    /// Accepts tokens that live at most so long, where their validator says nothing else; an hour unless said.
    pub fn with_token_expiry(mut self, longest: Duration) -> Self {
        self.lifetime = Some(longest);
        self
    }

    /// Asks this authenticator as well, after those that were named before.
    pub fn with_authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.parts.add(authenticator);
        self
    }

    /// Makes it.
    ///
    /// # Errors
    /// Where nobody could ever be authenticated. What is wrong with a validator is reported with everything else when a
    /// server is built.
    pub fn build(self) -> Result<AuthMiddleware, Problem> {
        let Self { mut parts, lifetime } = self;
        if parts.is_empty() {
            return Err(Problem::new(
                "nobody could be authenticated",
                "call .with_token_validation(..) or .with_authenticator(..)",
            ));
        }
        if let Some(longest) = lifetime {
            parts.validators.iter_mut().for_each(|validator| validator.default_lifetime(longest));
        }
        Ok(parts)
    }
}

impl Middleware for AuthMiddleware {
    fn name(&self) -> &'static str {
        "AuthMiddleware"
    }

    fn slot_into(self, policy: SecurityPolicy) -> SecurityPolicy {
        policy.with_authentication(self)
    }
}
