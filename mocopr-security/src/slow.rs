//! Slowing of addresses that keep failing to prove who they are.
//!
//! It owns whose failures wait, and how many wait at a time. It never touches a request that is in order, also of the
//! same address, and it never waits itself: whoever carries the answer does.

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use mocopr_core::{clock::Clock, peer::Source};

use crate::rate::{Block, Concurrency, RateLimit, RateLimiter, Slot};

/// How many failures an address has for nothing, and how long the answers to more of them wait.
///
/// It makes guessing one after the other slow. Who guesses in parallel meets the rate of addresses, for which each
/// failure counts as ten requests: of the failures of one address at most eight wait at a time, of all together 1,000,
/// and what is beyond is answered at once.
///
/// ```
/// use std::time::Duration;
///
/// use mocopr_security::{policy::SecurityPolicy, rate::RateLimit, slow::Slowing};
///
/// let slowing = Slowing::after(RateLimit::per_minute(5)).with_delay(Duration::from_secs(4));
/// let policy = SecurityPolicy::strict().with_slowing(slowing);
/// # drop(policy);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowing {
    free: RateLimit,
    delay: Duration,
}

impl Slowing {
    /// So many failures of an address are answered at once, and more after two seconds each.
    pub const fn after(free: RateLimit) -> Self {
        Self { free, delay: Duration::from_secs(2) }
    }

    /// Makes them wait so long instead, ten seconds at most.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        Self { delay: delay.min(LONGEST), ..self }
    }

    /// What the security report says of it.
    pub(crate) fn in_words(self) -> String {
        let RateLimit { per_minute, burst } = self.free;
        format!("{per_minute} a minute, {burst} at once; the answer to each further one waits {:?}", self.delay)
    }
}

/// Slowing in use.
pub(crate) struct Slower {
    delay: Duration,
    failures: RateLimiter<Block>,
    waiting: Concurrency<Block>,
}

/// A place among the answers that wait; it is given back when this is dropped.
#[derive(Debug)]
#[must_use = "what is dropped at once waits for nothing"]
pub struct Slowed {
    delay: Duration,
    _place: Slot<Block>,
}

impl Slower {
    pub(crate) fn new(slowing: Slowing, clock: Arc<dyn Clock>) -> Self {
        let Slowing { free, delay } = slowing;
        Self { delay, failures: RateLimiter::new(free, KNOWN, clock), waiting: Concurrency::new(MOST_WAITING) }
    }

    /// Counts a failure from there; what its answer waits for where it had too many.
    pub(crate) fn failed(&self, from: Source) -> Option<Slowed> {
        let block = Block::of(from);
        self.failures.check(&block).err()?;
        let place = self.waiting.enter(&block, MOST_OF_ONE)?;
        Some(Slowed { delay: self.delay, _place: place })
    }
}

impl Slowed {
    /// How long the answer waits.
    pub fn delay(&self) -> Duration {
        self.delay
    }
}

impl fmt::Debug for Slower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slower").field("delay", &self.delay).finish_non_exhaustive()
    }
}

const LONGEST: Duration = Duration::from_secs(10);
const MOST_OF_ONE: usize = 8;
const MOST_WAITING: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);
/// Addresses whose failures are counted apart; more share one count.
const KNOWN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

#[cfg(test)]
mod tests {
    use mocopr_core::clock::ManualClock;

    use super::*;

    /// S-97
    #[test]
    fn failures_beyond_the_free_ones_wait_and_so_many_at_a_time() {
        let clock = ManualClock::new();
        let slowing = Slowing::after(RateLimit::per_minute(3)).with_delay(Duration::from_secs(60));
        let slower = Slower::new(slowing, Arc::new(clock.clone()));
        let (one, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
        let (one, other) = (Source::Address(one.into()), Source::Address(other.into()));
        for _ in 0..3 {
            assert!(slower.failed(one).is_none());
        }
        let waiting: Vec<Slowed> = (0..8).map(|_| slower.failed(one).unwrap()).collect();
        assert_eq!(waiting[0].delay(), LONGEST);
        assert!(slower.failed(one).is_none(), "no more of one address wait");
        assert!(slower.failed(other).is_none(), "another address has failures of its own");
        drop(waiting);
        assert!(slower.failed(one).is_some());
        clock.advance(Duration::from_secs(60));
        assert!(slower.failed(one).is_none(), "it is forgiven");
    }
}
