//! Authentication: whom a credential proves.
//!
//! An [`Authenticator`] looks at one credential and says who it proves, or why not; the reason is for the log alone. It
//! decides nothing about what that principal may do, and never sees anything of a request but the credential.

mod api_key;
mod certificate;
mod dpop;
#[cfg(feature = "outbound")]
mod introspection;
#[cfg(any(test, feature = "testing"))]
mod issuer;
mod jwt;
#[cfg(feature = "outbound")]
mod key_set;
mod lately;
pub(crate) mod local_users;
mod metadata;
mod middleware;
mod scope;
mod verdict;

use std::{fmt, sync::Arc};

use mocopr_core::clock::Clock;

#[cfg(any(test, feature = "testing"))]
pub use self::issuer::{DpopKey, Grant, IssueError, ProofBuilder, TokenBuilder, TokenIssuer};
#[cfg(feature = "testing")]
pub(crate) use self::jwt::{jwk, pem};
pub use self::{
    api_key::{ApiKey, ApiKeyFile, ApiKeys},
    dpop::{DpopPolicy, Proofs},
    jwt::{JwtAlgorithm, JwtConfig, JwtConfigBuilder, TokenValidator},
    local_users::LocalUsers,
    metadata::Challenge,
    middleware::{AuthMiddleware, AuthMiddlewareBuilder},
    scope::is_scope,
    verdict::{Identity, Pending, Rejected, Verdict, Verified},
};
pub(crate) use self::{
    certificate::holder,
    dpop::{NotProven, Shown},
    metadata::{ProtectedResource, challenge},
    middleware::Asking,
    verdict::{Lease, Proof},
};

use crate::{evidence::Evidence, principal::Principal};

/// A credential as a peer presented it: not checked in any way but that it is visible ASCII.
///
/// `Debug` shows nothing of it.
///
/// An example is at [`Authenticator`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// What stood behind `Authorization: Bearer` (RFC 6750, section 2.1), or `DPoP` (RFC 9449, section 7.1): whether
    /// the sender may present it is looked at elsewhere, once it is known [to what it is bound](Verified::bound_to).
    Bearer(&'a str),
    /// What stood in `X-API-Key`.
    ApiKey(&'a str),
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(..)",
            Self::ApiKey(_) => "ApiKey(..)",
        })
    }
}

/// Says whom a credential proves.
///
/// The gate asks every authenticator in the order in which the owner named them, until one knows the credential's kind.
/// It asks at every request: what may be remembered is remembered inside.
///
/// ```
/// use mocopr_security::{
///     auth::{Authenticator, Credential, Identity, Rejected, Verdict, Verified},
///     principal::Method,
/// };
///
/// /// The badges of a building.
/// #[derive(Debug)]
/// struct Badges;
///
/// impl Authenticator for Badges {
///     fn authenticate(&self, credential: Credential<'_>) -> Verdict {
///         let Credential::ApiKey(badge) = credential else { return Verdict::Foreign };
///         if badge != "c0ffee-7f3a" {
///             return Verdict::Rejected(Rejected::new("no such badge"));
///         }
///         let alice = Identity { method: Method::ApiKey, issuer: "badges", subject: "alice", tenant: None };
///         Verdict::Verified(Verified::new(alice, ["user".into()].into(), [].into()))
///     }
/// }
/// assert!(matches!(Badges.authenticate(Credential::Bearer("eyJ")), Verdict::Foreign), "another one may know it");
/// ```
pub trait Authenticator: Send + Sync + fmt::Debug + 'static {
    /// Whom the credential proves. Answers at once where nothing has to be fetched.
    fn authenticate(&self, credential: Credential<'_>) -> Verdict;

    /// A credential that it accepted still proves what it proved, as far as that can change before its time ends.
    ///
    /// Asked at each message of a stream, and now and then while something is open; it must answer at once.
    fn still_proves(&self, _who: &Principal, _credential: Option<&str>) -> bool {
        true
    }

    /// It has files that may change, and wants to [look](Self::look) at them.
    fn watches(&self) -> bool {
        false
    }

    /// Looks at its files. A server that runs calls this four times a second where it [watches](Self::watches) any,
    /// where it may wait for a file system.
    fn look(&self) {}

    /// The same authenticator by a server's clock, so that time passes for what it keeps as it does for the server;
    /// `None` where it asks for no time. Called when a server is built.
    fn by_clock(&self, _clock: &Arc<dyn Clock>) -> Option<Arc<dyn Authenticator>> {
        None
    }

    /// Who issues what this authenticator accepts, as `authorization_servers` of RFC 9728 names them; empty where no
    /// OAuth issuer does.
    fn issuers(&self) -> Vec<Box<str>> {
        Vec::new()
    }

    /// Tells these of every change of what is accepted from now on, where an owner can change it. Called when a server
    /// is built, on what [`by_clock`](Self::by_clock) gave.
    fn tell_changes(&self, _evidence: &Evidence) {}
}
