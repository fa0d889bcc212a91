//! `AuthMiddleware`: which credentials a server accepts, as its owner says it.
//!
//! Plain configuration. What works comes of it when a server is built, which is when its audience is known.

use std::{collections::HashSet, sync::Arc, time::Duration};

use mocopr_core::clock::Clock;

use crate::{
    auth::{
        Authenticator,
        dpop::DpopPolicy,
        jwt::{Ready, TokenAuthenticator, TokenValidator},
    },
    policy::{Middleware, Problem, Problems, SecurityPolicy},
    redact::Secret,
};

/// The credentials that a server accepts.
///
/// ```
/// use std::time::Duration;
/// use mocopr_security::{auth::{AuthMiddleware, TokenValidator}, redact::Secret};
///
/// # let secret = || Secret::new(vec![7; 32]);
/// let middleware = AuthMiddleware::builder()
///     .with_token_validation(TokenValidator::hs256("https://id.example.com", secret()))
///     .with_token_expiry(Duration::from_secs(15 * 60))
///     .build()?;
/// assert!(AuthMiddleware::builder().build().is_err(), "nothing would be accepted");
/// # let _ = middleware;
/// # Ok::<(), mocopr_security::policy::Problems>(())
/// ```
#[derive(Clone, Debug)]
pub struct AuthMiddleware {
    validators: Vec<TokenValidator>,
    lifetime: Option<Duration>,
    others: Vec<Arc<dyn Authenticator>>,
    dpop: Option<DpopPolicy>,
}

/// Collects an [`AuthMiddleware`].
///
/// An example is at [`AuthMiddleware`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthMiddlewareBuilder(AuthMiddleware);

impl AuthMiddleware {
    /// Begins with nothing accepted.
    pub fn builder() -> AuthMiddlewareBuilder {
        AuthMiddlewareBuilder(Self { validators: Vec::new(), lifetime: None, others: Vec::new(), dpop: None })
    }

    /// Accepts tokens of `issuer` that are authenticated with a shared secret of at least 32 random bytes, as
    /// [`TokenValidator::hs256`] says.
    pub fn hs256(issuer: impl Into<Box<str>>, secret: Secret<Vec<u8>>) -> Self {
        let validators = vec![TokenValidator::hs256(issuer, secret)];
        Self { validators, lifetime: None, others: Vec::new(), dpop: None }
    }

    /// By how many it asks: issuers, and others.
    pub(crate) fn count(&self) -> usize {
        self.validators.len() + self.others.len()
    }

    /// What is said of tokens that are bound to keys.
    pub(crate) fn dpop(&self) -> Option<&DpopPolicy> {
        self.dpop.as_ref()
    }

    /// What looks at credentials, for a server whose tokens are for `audience`: tokens first, then the others in the
    /// order in which they were named, and at last who asks an issuer.
    ///
    /// # Errors
    /// Every problem of every validator.
    pub fn into_authenticators(
        self,
        audience: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Vec<Arc<dyn Authenticator>>, Vec<Problem>> {
        let Asking { first, last } = self.asking(audience, clock)?;
        Ok(first.into_iter().chain(last).collect())
    }

    /// The same, with who is to be asked last apart, so that others can be put before it.
    pub(crate) fn asking(self, audience: &str, clock: &Arc<dyn Clock>) -> Result<Asking, Vec<Problem>> {
        let Self { validators, lifetime, others, dpop: _ } = self;
        let (mut ready, mut last, mut problems) = (Vec::new(), None, Vec::new());
        for validator in validators {
            let issuer = Box::from(validator.issuer());
            match validator.ready(audience, lifetime, Arc::clone(clock)) {
                Ok(Ready::Keys(validator)) => ready.push(validator),
                Ok(Ready::Asked(asked)) => last = Some((issuer, asked)),
                Err(more) => problems.extend(more),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (elsewhere, last) = last.unzip();
        let tokens = (!ready.is_empty())
            .then(|| Arc::new(TokenAuthenticator::new(ready, elsewhere, Arc::clone(clock))) as Arc<dyn Authenticator>);
        let others = others.into_iter().map(|other| other.by_clock(clock).unwrap_or(other));
        Ok(Asking { first: tokens.into_iter().chain(others).collect(), last })
    }
}

/// Who looks at credentials, in the order in which they are asked.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    pub(crate) first: Vec<Arc<dyn Authenticator>>,
    /// Takes every token that nobody else knows.
    pub(crate) last: Option<Arc<dyn Authenticator>>,
}

impl Middleware for AuthMiddleware {
    fn name(&self) -> &'static str {
        "AuthMiddleware"
    }

    fn slot_into(self, policy: SecurityPolicy) -> SecurityPolicy {
        policy.with_authentication(self)
    }
}

impl AuthMiddlewareBuilder {
    /// Accepts tokens of one issuer; for several issuers it is called several times.
    pub fn with_token_validation(mut self, validator: TokenValidator) -> Self {
        self.0.validators.push(validator);
        self
    }

    /// The longest time from `iat` to `exp` that is accepted of every issuer whose validator does not say its own; one
    /// hour unless said.
    pub fn with_token_expiry(mut self, longest: Duration) -> Self {
        self.0.lifetime = Some(longest);
        self
    }

    /// Asks this one as well, about what is no token of an issuer that was named.
    pub fn with_authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.0.others.push(Arc::new(authenticator));
        self
    }

    /// Accepts, or demands, access tokens that are bound to a key of the client, with a proof in each request. Without
    /// this every bound token is refused.
    pub fn with_dpop(mut self, policy: DpopPolicy) -> Self {
        self.0.dpop = Some(policy);
        self
    }

    /// What was collected. Keys and audiences are checked when a server is built with it.
    ///
    /// # Errors
    /// [`Problems`] where nothing would be accepted, where an issuer is named twice, and where more than one would be asked
    /// about tokens. An issuer may be named with its keys and be asked about what they do not verify as well.
    pub fn build(self) -> Result<AuthMiddleware, Problems> {
        let Self(middleware) = self;
        let mut problems = Vec::new();
        if middleware.validators.is_empty() && middleware.others.is_empty() {
            let mend = "call `with_token_validation(..)` or `with_authenticator(..)`";
            problems.push(Problem::new("no credential is accepted", mend));
        }
        let mut issuers = HashSet::new();
        for validator in &middleware.validators {
            if !issuers.insert((validator.issuer(), validator.asks())) {
                let what = format!("issuer `{}` is named twice", validator.issuer());
                problems
                    .push(Problem::new(what, "give all its keys to one validator, with `TokenValidator::key_set(..)`"));
            }
        }
        if middleware.validators.iter().filter(|validator| validator.asks()).count() > 1 {
            let mend = "name one, because a token of one issuer must not be shown to another";
            problems.push(Problem::new("more than one issuer would be asked about tokens", mend));
        }
        if problems.is_empty() { Ok(middleware) } else { Err(problems.into()) }
    }
}
