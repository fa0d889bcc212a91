//! An issuer of access tokens for tests: it signs, rotates its keys, and refreshes.
//!
//! A server checks tokens and never makes them; what is here is behind the feature `testing`, keeps everything in the
//! memory of one process, and is no authorization server.

mod proof;
mod refresh;
mod ring;
pub(crate) mod signer;
mod token;

use std::{fmt, sync::Arc, time::Duration};

use mocopr_core::clock::Clock;

pub use self::{
    proof::{DpopKey, ProofBuilder},
    refresh::Grant,
    token::TokenBuilder,
};
use self::{refresh::Families, ring::Ring};
use crate::auth::jwt::{JwtAlgorithm, TokenValidator, keys::KeySource};

/// Issues access tokens that [`validator`](Self::validator) accepts; for tests.
///
/// ```
/// use std::time::Duration;
/// use mocopr_security::auth::{AuthMiddleware, TokenIssuer};
///
/// let issuer = TokenIssuer::new()?.with_audience("https://mcp.example.com/mcp");
/// let accepted = AuthMiddleware::builder().with_token_validation(issuer.validator()).build()?;
/// let token = issuer.token_for("alice").with_role("editor").with_scope("notes:write").sign()?;
/// assert_eq!(token.split('.').count(), 3);
/// # let _ = accepted;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TokenIssuer {
    issuer: Box<str>,
    audience: Option<Box<str>>,
    lifetime: Duration,
    refresh: Option<Duration>,
    ring: Arc<Ring>,
    families: Families,
}

impl TokenIssuer {
    /// An issuer named `https://issuer.test` with a new key of Ed25519, whose tokens live ten minutes.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn new() -> Result<Self, IssueError> {
        Self::signing_with(JwtAlgorithm::EdDSA)
    }

    /// The same with a key for that algorithm.
    ///
    /// # Errors
    /// Where no key can be made, and for `HS256`, which takes none.
    pub fn signing_with(algorithm: JwtAlgorithm) -> Result<Self, IssueError> {
        Ok(Self {
            issuer: "https://issuer.test".into(),
            audience: None,
            lifetime: Duration::from_secs(10 * 60),
            refresh: None,
            ring: Arc::new(Ring::new(algorithm)?),
            families: Families::default(),
        })
    }

    /// What its tokens say in `iss`.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// For whom its tokens are, unless a token says otherwise; without either they have no `aud`, and no server accepts
    /// them.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How long its tokens live, unless a token says otherwise; ten minutes unless said.
    #[must_use]
    pub fn with_expiry(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Signs with a new key once the current one is that old. Earlier keys verify for as long as their tokens live.
    #[must_use]
    pub fn with_key_rotation(self, every: Duration) -> Self {
        self.ring.rotate_every(every);
        self
    }

    /// Gives a refresh token with each [`grant`](TokenBuilder::grant), good once within that time.
    #[must_use]
    pub fn with_refresh_tokens(mut self, lifetime: Duration) -> Self {
        self.refresh = Some(lifetime);
        self
    }

    /// The clock that its tokens are dated by; the system's unless said.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.ring.read_clock(clock);
        self
    }

    /// What its tokens say in `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Accepts this issuer's tokens, with the keys that it has at each time.
    pub fn validator(&self) -> TokenValidator {
        let ring = Arc::clone(&self.ring);
        let open = move |_, _| Ok(Arc::clone(&ring) as Arc<dyn KeySource>);
        TokenValidator::by_url(self.issuer.clone(), "https://issuer.test/keys", Arc::new(open))
    }

    /// Begins a token that names this subject.
    pub fn token_for(&self, subject: &str) -> TokenBuilder<'_> {
        TokenBuilder::new(self, subject)
    }

    /// Takes a refresh token and gives a new pair. The second use of one ends all that came of the same grant, because
    /// one of the two who used it stole it.
    ///
    /// # Errors
    /// Where the refresh token is unknown, used, ended or too old, and where nothing can be signed.
    ///
    /// # Source
    /// RFC 9700, section 4.14.2.
    pub fn refresh(&self, refresh_token: &str) -> Result<Grant, IssueError> {
        let (family, claims) = self.families.take(refresh_token, self.ring.unix())?;
        token::resume(self, claims).grant_in(family)
    }

    /// The public keys as a JSON Web Key Set.
    ///
    /// # Errors
    /// Where a key cannot be written.
    pub fn key_set(&self) -> Result<String, IssueError> {
        self.ring.key_set()
    }

    /// Signs with a new key from now on. The earlier one verifies for as long as its tokens live.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn rotate(&self) -> Result<(), IssueError> {
        self.ring.rotate(self.lifetime)
    }

    /// Takes back every key but the current one: tokens that they signed are refused from now on.
    pub fn forget_earlier_keys(&self) {
        self.ring.forget_earlier();
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Why an issuer for tests could not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssueError(&'static str);

impl IssueError {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self(what)
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for IssueError {}

#[cfg(test)]
mod tests;
