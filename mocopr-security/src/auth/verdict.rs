//! What comes of looking at a credential.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;

use crate::principal::{Holdings, Method, Principal};

/// What an authenticator says of a credential.
///
/// An example is at [`Authenticator`](crate::auth::Authenticator).
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It is not of a kind that this authenticator knows: the next one is asked.
    Foreign,
    /// It proves somebody.
    Verified(Verified),
    /// It proves nobody, and no other authenticator is asked.
    Rejected(Rejected),
    /// Something has to be fetched first. A future that ends in this again counts as a rejection.
    Later(Pending),
    /// It cannot be known now whether it proves anybody, such as while its issuer cannot be reached; no other
    /// authenticator is asked. The client hears how long to wait, and not that its credential is wrong.
    Unavailable {
        /// Why: a fixed sentence for the log, which no peer reads.
        reason: Rejected,
        /// How long the client should wait before it asks again.
        retry_after: Duration,
    },
}

/// A verdict that has to wait.
///
/// ```
/// use mocopr_security::auth::{Pending, Rejected, Verdict};
///
/// /// What an authenticator says where a table has to be asked first.
/// fn later(badge: String) -> Verdict {
///     Verdict::Later(Pending::new(async move {
///         // Here the table is asked for `badge`.
///         # drop(badge);
///         Verdict::Rejected(Rejected::new("no such badge"))
///     }))
/// }
/// assert!(matches!(later("c0ffee-7f3a".to_owned()), Verdict::Later(_)));
/// ```
pub struct Pending(BoxFuture<'static, Verdict>);

impl Pending {
    /// A verdict that has to wait for `verdict`.
    pub fn new(verdict: impl Future<Output = Verdict> + Send + 'static) -> Self {
        Self(Box::pin(verdict))
    }

    /// Waits for it.
    pub async fn wait(self) -> Verdict {
        self.0.await
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending(..)")
    }
}

/// Why a credential proves nobody: a fixed sentence for the log, which no peer reads.
///
/// An example is at [`Authenticator`](crate::auth::Authenticator).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected(&'static str);

impl Rejected {
    /// A rejection for this reason: lower case, no full stop, nothing of the credential.
    pub const fn new(reason: &'static str) -> Self {
        Self(reason)
    }

    /// The reason, for the log.
    pub const fn reason(self) -> &'static str {
        self.0
    }
}

/// Whom a credential proves, what that somebody holds by its claims, and until when.
///
/// An example is at [`Authenticator`](crate::auth::Authenticator).
#[derive(Clone, Debug)]
pub struct Verified {
    principal: Principal,
    lease: Arc<Lease>,
}

/// What an admission rests on. Shared by all admissions while the verdict on the credential is remembered.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    /// In time since 1970-01-01T00:00:00Z.
    pub(crate) until: Option<Duration>,
    /// The name of the credential.
    pub(crate) credential: Option<Box<str>>,
    /// What it was proven with, where that may be withdrawn.
    pub(crate) proof: Option<Arc<dyn Proof>>,
    /// The thumbprint of the key that the credential is bound to.
    pub(crate) key: Option<[u8; 32]>,
    /// The thumbprint of the certificate that the credential is bound to.
    pub(crate) certificate: Option<[u8; 32]>,
    /// Somebody was told that the credential holds.
    is_told: AtomicBool,
}

/// What a credential was proven with, such as the key that signed it.
pub(crate) trait Proof: fmt::Debug + Send + Sync {
    /// It still proves. Asked at each message and now and then while something is open, so it answers at once.
    fn stands(&self) -> bool;
}

impl Lease {
    /// Nobody was told so far that the credential holds. From now on somebody is.
    pub(crate) fn is_first_told(&self) -> bool {
        !self.is_told.load(Ordering::Relaxed) && !self.is_told.swap(true, Ordering::Relaxed)
    }
}

impl Clone for Lease {
    fn clone(&self) -> Self {
        let Self { until, credential, proof, key, certificate, is_told } = self;
        let (credential, proof) = (credential.clone(), proof.clone());
        let is_told = is_told.load(Ordering::Relaxed).into();
        Self { until: *until, credential, proof, key: *key, certificate: *certificate, is_told }
    }
}

impl Verified {
    /// Somebody with these roles and scopes, as verified claims name them.
    pub fn new(identity: Identity<'_>, roles: Box<[Box<str>]>, scopes: Box<[Box<str>]>) -> Self {
        let Identity { method, issuer, subject, tenant } = identity;
        let holdings = Holdings::These { roles, scopes };
        let principal = Principal::new(method, issuer, subject, tenant.map(Box::from), holdings);
        Self { principal, lease: Arc::default() }
    }

    /// Only until then, in time since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn until(mut self, unix: Duration) -> Self {
        Arc::make_mut(&mut self.lease).until = Some(unix);
        self
    }

    /// By a credential of this name (the `jti` of a token, the id of a key), so that it can be revoked alone.
    #[must_use]
    pub fn by(mut self, credential: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.lease).credential = Some(credential.into());
        self
    }

    /// Only as long as what it was proven with is not withdrawn.
    #[must_use]
    pub(crate) fn while_it_stands(mut self, proof: Arc<dyn Proof>) -> Self {
        Arc::make_mut(&mut self.lease).proof = Some(proof);
        self
    }

    /// Only together with a proof that the sender has the key of this thumbprint: SHA-256 as RFC 7638 says, which
    /// stands in `jkt` of a token's `cnf`. The gate looks at the proof, where the owner accepts
    /// [DPoP](super::DpopPolicy).
    #[must_use]
    pub fn bound_to(mut self, thumbprint: [u8; 32]) -> Self {
        Arc::make_mut(&mut self.lease).key = Some(thumbprint);
        self
    }

    /// Only on a connection whose client proved in its TLS handshake that it holds the certificate of this thumbprint:
    /// SHA-256 of the whole certificate, which stands in `x5t#S256` of a token's `cnf`. The gate looks at the
    /// connection.
    ///
    /// # Source
    /// RFC 8705, section 3.
    #[must_use]
    pub fn bound_to_certificate(mut self, thumbprint: [u8; 32]) -> Self {
        Arc::make_mut(&mut self.lease).certificate = Some(thumbprint);
        self
    }

    /// The credential was seen to hold before, in a verdict that nobody remembers.
    #[must_use]
    pub(crate) fn seen_before(mut self) -> Self {
        *Arc::make_mut(&mut self.lease).is_told.get_mut() = true;
        self
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(crate) fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }

    /// When it ends, in time since 1970-01-01T00:00:00Z.
    pub fn expires(&self) -> Option<Duration> {
        self.lease.until
    }

    /// The thumbprint of the key that the credential is bound to, where it is bound.
    pub fn key(&self) -> Option<[u8; 32]> {
        self.lease.key
    }

    /// The thumbprint of the certificate that the credential is bound to, where it is bound.
    pub fn certificate(&self) -> Option<[u8; 32]> {
        self.lease.certificate
    }

    /// The name of the credential, where it has one.
    pub fn credential(&self) -> Option<&str> {
        self.lease.credential.as_deref()
    }
}

/// Who somebody is. Two that differ in any part are two principals.
///
/// An example is at [`Authenticator`](crate::auth::Authenticator).
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// How it was verified.
    pub method: Method,
    /// Who vouches for it.
    pub issuer: &'a str,
    /// Who it is, in the words of the issuer.
    pub subject: &'a str,
    /// The tenant it belongs to, where claims name one.
    pub tenant: Option<&'a str>,
}
