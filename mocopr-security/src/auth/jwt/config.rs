//! `JwtConfig`: the same choices as `TokenValidator`, collected one at a time.

use std::{fmt, sync::Arc};

use crate::{auth::jwt::algorithm::JwtAlgorithm, redact::Secret};

/// Which tokens are accepted; [`TokenValidator::from`](super::TokenValidator) takes it.
///
/// Exactly one of [`with_public_key`](JwtConfigBuilder::with_public_key) and
/// [`with_secret`](JwtConfigBuilder::with_secret) is called; otherwise building the server reports a problem.
///
/// ```
/// use mocopr_security::auth::{AuthMiddleware, JwtAlgorithm, JwtConfig, TokenValidator};
///
/// let tokens = JwtConfig::builder()
///     .with_issuer("https://id.example.com")
///     .with_audience("https://mcp.example.com/mcp")
///     .with_algorithm(JwtAlgorithm::ES256)
///     .with_public_key("-----BEGIN PUBLIC KEY-----\n…")
///     .build();
/// let middleware = AuthMiddleware::builder().with_token_validation(TokenValidator::from(tokens));
/// # drop(middleware);
/// ```
#[derive(Clone)]
pub struct JwtConfig {
    pub(super) issuer: Box<str>,
    pub(super) audience: Option<Box<str>>,
    pub(super) algorithms: Option<Vec<JwtAlgorithm>>,
    pub(super) pem: Option<Box<str>>,
    pub(super) secret: Option<Arc<Secret<Vec<u8>>>>,
}

/// Collects a [`JwtConfig`].
///
/// An example is at [`JwtConfig`].
#[derive(Clone, Debug)]
#[must_use]
pub struct JwtConfigBuilder(JwtConfig);

impl JwtConfig {
    /// Begins with nothing chosen.
    pub fn builder() -> JwtConfigBuilder {
        JwtConfigBuilder(Self { issuer: Box::default(), audience: None, algorithms: None, pem: None, secret: None })
    }
}

impl JwtConfigBuilder {
    /// Accepts this signature algorithm; further calls add others. Without any, as
    /// [`TokenValidator`](super::TokenValidator) says.
    pub fn with_algorithm(mut self, algorithm: JwtAlgorithm) -> Self {
        self.0.algorithms.get_or_insert_default().push(algorithm);
        self
    }

    /// Who issues the tokens, exactly as they say in `iss`.
    pub fn with_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.0.issuer = issuer.into();
        self
    }

    /// For whom the tokens are; the server's public URL unless said.
    pub fn with_audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.0.audience = Some(audience.into());
        self
    }

    /// The issuer's public key, in PEM.
    pub fn with_public_key(mut self, pem: impl Into<Box<str>>) -> Self {
        self.0.pem = Some(pem.into());
        self
    }

    /// The secret that the issuer shares with this server, for `HS256`.
    pub fn with_secret(mut self, secret: Secret<Vec<u8>>) -> Self {
        self.0.secret = Some(Arc::new(secret));
        self
    }

    /// What was chosen.
    pub fn build(self) -> JwtConfig {
        self.0
    }
}

impl fmt::Debug for JwtConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtConfig").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
