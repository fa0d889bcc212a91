//! Who and what is not believed any longer, whatever a credential says.
//!
//! A revocation acts on the next message and ends open streams. It lives in this process: an owner who must keep one
//! across a restart says it again.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::principal::Principal;

/// Revokes principals and single credentials; a handle, cheap to clone.
///
/// ```
/// use mocopr_security::revoke::Revocations;
///
/// let revocations = Revocations::default();
/// revocations.revoke_principal("https://id.example.com", "mallory");
/// revocations.revoke_credential("https://id.example.com", "token-17");
/// assert_eq!(revocations.restore_principal("https://id.example.com", "mallory"), true);
/// ```
#[derive(Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Counts changes, so that whoever looked before knows whether to look again.
    changes: AtomicU64,
    lists: RwLock<Lists>,
}

#[derive(Default)]
struct Lists {
    principals: HashSet<Named>,
    credentials: HashSet<Named>,
}

/// Something of an issuer.
type Named = (Box<str>, Box<str>);

impl Revocations {
    /// Believes nobody of this issuer and subject any longer, however verified.
    pub fn revoke_principal(&self, issuer: &str, subject: &str) {
        self.change(|lists| lists.principals.insert((issuer.into(), subject.into())));
    }

    /// Believes one credential of this issuer no longer: a token by its `jti`, an API key by its id.
    pub fn revoke_credential(&self, issuer: &str, id: &str) {
        self.change(|lists| lists.credentials.insert((issuer.into(), id.into())));
    }

    /// Takes back [`revoke_principal`](Self::revoke_principal); tells whether there was anything to take back.
    pub fn restore_principal(&self, issuer: &str, subject: &str) -> bool {
        self.change(|lists| lists.principals.remove(&(issuer.into(), subject.into())))
    }

    /// Takes back [`revoke_credential`](Self::revoke_credential); tells whether there was anything to take back.
    pub fn restore_credential(&self, issuer: &str, id: &str) -> bool {
        self.change(|lists| lists.credentials.remove(&(issuer.into(), id.into())))
    }

    /// How often anything changed; zero while nothing was ever revoked.
    pub(crate) fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// This principal, or the credential of that name by which it is here, is revoked.
    pub(crate) fn covers(&self, who: &Principal, credential: Option<&str>) -> bool {
        let lists = self.0.lists.read().unwrap_or_else(PoisonError::into_inner);
        let named = |list: &HashSet<Named>, name: &str| {
            !list.is_empty() && list.contains(&(Box::from(who.issuer()), Box::from(name)))
        };
        named(&lists.principals, who.subject()) || credential.is_some_and(|id| named(&lists.credentials, id))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Lists) -> T) -> T {
        let mut lists = self.0.lists.write().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut lists);
        // While the lists are held: whoever reads the new count reads the new lists.
        self.0.changes.fetch_add(1, Ordering::AcqRel);
        result
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("changes", &self.changes()).finish_non_exhaustive()
    }
}
