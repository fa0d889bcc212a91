//! How many lists that have to be looked up are made at a time.

use std::{fmt, num::NonZeroUsize};

use mocopr_security::{
    principal::Principal,
    rate::{Concurrency, Slot},
};

/// Lists that are made at the moment, by principal: one costs a walk, which a permit for the protocol itself does not
/// count.
#[derive(Clone)]
pub(crate) struct Walks(Concurrency<Principal>);

impl Walks {
    /// A place for one more; `None` where the principal has as many as it may.
    pub(super) fn enter(&self, who: &Principal) -> Option<Slot<Principal>> {
        self.0.enter(who, OF_ONE)
    }
}

impl Default for Walks {
    fn default() -> Self {
        Self(Concurrency::new(OF_ALL))
    }
}

impl fmt::Debug for Walks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Walks").field(&self.0.in_use()).finish()
    }
}

/// Of one principal.
const OF_ONE: usize = 16;

/// Of all.
const OF_ALL: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);
