//! Who was admitted, and for how long.

use std::{sync::Arc, time::Duration};

use mocopr_core::peer::Source;

use crate::{
    auth::{Authenticator, Lease, Verified},
    principal::Principal,
};

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
    /// Who said so.
    pub(super) by: Option<Arc<dyn Authenticator>>,
    /// How many revocations there were when it was looked at.
    pub(super) revocations: u64,
    /// What it speaks from, where that is a listener.
    pub(super) from: Option<Source>,
}

impl Admission {
    /// Somebody whom no credential proves.
    pub(super) fn of(principal: Principal) -> Self {
        Self { principal, lease: None, by: None, revocations: 0, from: None }
    }

    /// Somebody whom a credential proves.
    pub(super) fn by(verified: &Verified, by: Option<Arc<dyn Authenticator>>, revocations: u64) -> Self {
        let principal = verified.principal().clone();
        Self { principal, lease: Some(verified.lease()), by, revocations, from: None }
    }

    /// Of a peer that speaks from there.
    pub(super) fn at(self, from: Source) -> Self {
        Self { from: Some(from), ..self }
    }

    /// The credential that it rests on is seen to hold for the first time.
    pub(super) fn is_new(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.is_first_told())
    }

    /// Its time has passed.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.lease.as_ref().and_then(|lease| lease.until).is_some_and(|until| until <= now)
    }

    /// Whoever verified its credential would say the same of it now.
    pub(super) fn is_still_proven(&self) -> bool {
        let proof = self.lease.as_ref().and_then(|lease| lease.proof.as_ref());
        proof.is_none_or(|proof| proof.stands())
            && self.by.as_ref().is_none_or(|by| by.still_proves(&self.principal, self.credential()))
    }

    /// The name of the credential that it rests on.
    pub(super) fn credential(&self) -> Option<&str> {
        self.lease.as_ref()?.credential.as_deref()
    }

    /// Who was admitted.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What it speaks from, where that is a listener.
    pub fn from(&self) -> Option<Source> {
        self.from
    }

    /// It can end before its peer does: by its time, or because it is revoked.
    pub fn can_lapse(&self) -> bool {
        self.lease.is_some()
    }
}
