//! Which requests beyond the rate of their address are recorded, and how many are not.
//!
//! They come before anybody is known and cost their senders nothing. Written down one by one they would fill the disk,
//! and a log that cannot be written stops the server: whoever floods it would have what they want. Nothing else that
//! happens is ever left out here.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use mocopr_core::clock::Clock;

use crate::{
    evidence::{Exceeded, Happening},
    rate::{RateLimit, RateLimiter},
};

/// Counts what is not recorded.
pub(super) struct Floods {
    room: RateLimiter<()>,
    left_out: AtomicU64,
}

impl Floods {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { room: RateLimiter::new(RECORDED, NonZeroUsize::MIN, clock), left_out: AtomicU64::new(0) }
    }

    /// This is recorded, behind so many that were not; `None` where it is not recorded either.
    pub(super) fn takes(&self, happening: &Happening<'_>) -> Option<u64> {
        if happening.exceeded() != Some(Exceeded::Address) {
            return Some(0);
        }
        if self.room.check(&()).is_ok() {
            return Some(self.left_out());
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// How many were not recorded since this was asked last.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out.swap(0, Ordering::Relaxed)
    }
}

/// So many are recorded: all of a short flood, and of a long one a few in each second.
const RECORDED: RateLimit = RateLimit::per_minute(600).with_burst(10_000);
