//! Which refusals that cost their senders nothing are recorded, and how many are not.
//!
//! Written down one by one they would fill the disk, and a log that cannot be written stops the server: whoever floods
//! it would have what they want. Nothing else that happens is ever left out here, and nobody's flood takes the room of
//! somebody else.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use mocopr_core::clock::Clock;

use crate::{
    evidence::{Happening, Outcome},
    principal::Principal,
    rate::{RateLimit, RateLimiter},
};

/// Counts what is not recorded.
pub(super) struct Floods {
    /// Of each principal; of all who are not known together.
    room: RateLimiter<Option<Principal>>,
    left_out: AtomicU64,
}

impl Floods {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let room = RateLimiter::new(RECORDED, PRINCIPALS, clock)
            .keeping(|who: &Option<Principal>| who.as_ref().map(Principal::without_holdings));
        Self { room, left_out: AtomicU64::new(0) }
    }

    /// Has it kept, behind how many were left out before it; where there is no room, it is left out as well.
    pub(super) fn sift(&self, happening: &Happening<'_>, keep: impl Fn(&Happening<'_>)) {
        if happening.is_refused_for_nothing() {
            if self.room.check(&happening.who.cloned()).is_err() {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                return;
            }
            self.tell_left_out(&keep);
        }
        keep(happening);
    }

    /// Has kept how many were left out since this was told last, where there were any.
    pub(super) fn tell_left_out(&self, keep: impl Fn(&Happening<'_>)) {
        let count = self.left_out.swap(0, Ordering::Relaxed);
        if count > 0 {
            let target = format!("{count} refused messages beyond those that are recorded of one sender");
            keep(&Happening::administration("audit/left_out", &target, Outcome::Failed));
        }
    }
}

/// So many of one sender are recorded: all of a short flood, and of a long one a few in each second.
const RECORDED: RateLimit = RateLimit::per_minute(600).with_burst(10_000);

/// Principals that have room of their own at once; more share it.
const PRINCIPALS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);
