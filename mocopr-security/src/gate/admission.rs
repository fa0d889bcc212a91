//! Who was admitted, and for how long.

use std::{sync::Arc, time::Duration};

use crate::{auth::Verified, principal::Principal};

/// Proof that a peer may speak: who it is, and until when.
///
/// Made by the gate alone. Where it is kept longer than for one message, as on a stream,
/// [`Gate::holds`](super::Gate::holds) says whether it still means anything.
#[derive(Clone, Debug)]
#[must_use]
pub struct Admission {
    pub(super) principal: Principal,
    /// By what it was admitted; `None` where nothing can end it but the end of the peer.
    pub(super) lease: Option<Arc<Lease>>,
    /// How many revocations there were when it was looked at.
    pub(super) revocations: u64,
}

/// What an admission rests on.
#[derive(Debug)]
pub(super) struct Lease {
    /// In time since 1970-01-01T00:00:00Z.
    pub(super) until: Option<Duration>,
    pub(super) credential: Option<Box<str>>,
}

impl Admission {
    /// Somebody whom no credential proves.
    pub(super) fn of(principal: Principal) -> Self {
        Self { principal, lease: None, revocations: 0 }
    }

    /// Somebody whom a credential proves.
    pub(super) fn by(verified: &Verified, revocations: u64) -> Self {
        let lease = Lease { until: verified.expires(), credential: verified.credential().map(Into::into) };
        Self { principal: verified.principal().clone(), lease: Some(Arc::new(lease)), revocations }
    }

    /// Who was admitted.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// It can end before its peer does: by its time, or because it is revoked.
    pub fn can_lapse(&self) -> bool {
        self.lease.is_some()
    }
}
