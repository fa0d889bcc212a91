//! For tests: a client's key, and the proofs that the client has it (DPoP), as good or as bad as a test wants them.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mocopr_core::clock::{Clock, SystemClock};
use serde_json::{Map, Value};

use crate::{
    auth::{
        dpop::thumbprint,
        issuer::{IssueError, signer::Signer},
        jwt::JwtAlgorithm,
    },
    random::random_name,
};

/// A key of a client, to which tokens can be [bound](super::TokenBuilder::bound_to); for tests.
///
/// ```
/// use mocopr_security::auth::{DpopKey, TokenIssuer};
///
/// let (issuer, key) = (TokenIssuer::new()?, DpopKey::new()?);
/// let url = "https://mcp.example.com/mcp";
/// let token = issuer.token_for("alice").with_audience(url).bound_to(&key).sign()?;
/// let proof = key.proof("POST", url, &token).sign()?;
/// let headers = [("Authorization", format!("DPoP {token}")), ("DPoP", proof)];
/// # let _ = headers;
/// # Ok::<(), mocopr_security::auth::IssueError>(())
/// ```
pub struct DpopKey {
    algorithm: JwtAlgorithm,
    signer: Signer,
    jwk: Map<String, Value>,
    thumbprint: Box<str>,
    clock: Arc<dyn Clock>,
}

impl DpopKey {
    /// A new key of P-256.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn new() -> Result<Self, IssueError> {
        Self::signing_with(JwtAlgorithm::ES256)
    }

    /// The same for that algorithm.
    ///
    /// # Errors
    /// Where no key can be made, and for `HS256`, which takes none.
    pub fn signing_with(algorithm: JwtAlgorithm) -> Result<Self, IssueError> {
        let signer = Signer::generate(algorithm)?;
        let Value::Object(mut jwk) = signer.jwk("")? else { return Err(IssueError::new("the key is no object")) };
        jwk.remove("kid");
        jwk.remove("use");
        let thumbprint = thumbprint(&jwk).ok_or(IssueError::new("the key has no thumbprint"))?;
        let thumbprint = URL_SAFE_NO_PAD.encode(thumbprint).into();
        Ok(Self { algorithm, signer, jwk, thumbprint, clock: Arc::new(SystemClock::new()) })
    }

    /// The clock that its proofs are dated by; the system's unless said.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// What tokens that are bound to it have in `jkt`.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    #[cfg(test)]
    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Begins a proof for a request of this method and URL that presents this token.
    pub fn proof(&self, method: &str, url: &str, token: &str) -> ProofBuilder<'_> {
        let mut header = Map::new();
        header.insert("typ".into(), "dpop+jwt".into());
        header.insert("alg".into(), self.algorithm.as_str().into());
        header.insert("jwk".into(), Value::Object(self.jwk.clone()));
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
        let mut claims = Map::new();
        claims.insert("htm".into(), method.into());
        claims.insert("htu".into(), url.into());
        claims.insert("iat".into(), self.clock.unix().as_secs().into());
        claims.insert("ath".into(), URL_SAFE_NO_PAD.encode(digest).into());
        ProofBuilder { key: self, algorithm: self.algorithm, header, claims, absent: Vec::new() }
    }
}

impl fmt::Debug for DpopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopKey").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

/// A proof before it is signed; for tests.
///
/// An example is at [`DpopKey`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ProofBuilder<'k> {
    key: &'k DpopKey,
    algorithm: JwtAlgorithm,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    absent: Vec<Box<str>>,
}

impl ProofBuilder<'_> {
    /// With this claim, in the place of what stands there otherwise.
    pub fn with_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Without this claim or this member of the header.
    pub fn without(mut self, name: &str) -> Self {
        self.absent.push(name.into());
        self
    }

    /// With this member of the header, in the place of what stands there otherwise.
    pub fn with_header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// Signed with that algorithm, whatever the header says; it must be one that the key can sign with.
    pub fn signed_with(mut self, algorithm: JwtAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The proof in its compact form, under a name that no other has.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn sign(self) -> Result<String, IssueError> {
        let Self { key, algorithm, mut header, mut claims, absent } = self;
        let id = random_name().map_err(|_| IssueError::new("no proof could be named"))?;
        claims.entry("jti").or_insert((&*id).into());
        header.retain(|name, _| !absent.iter().any(|absent| **absent == **name));
        claims.retain(|name, _| !absent.iter().any(|absent| **absent == **name));
        let part = |members: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(members).to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = key.signer.sign(algorithm, signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
