//! How often, and how much at a time: a token bucket for each key, and counted slots for each key.
//!
//! A bucket is one instant (the generic cell rate algorithm), changed under the lock of its shard, so that of many
//! parallel requests exactly the burst passes. It is our own because it must tell a new key from a known one: without
//! that a bound on the table either grows or lets strangers push others out. Keys are facts that were verified (a
//! principal, an address), never what a client says of itself.

mod block;
mod concurrency;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    fmt,
    hash::Hash,
    num::{NonZeroU32, NonZeroUsize},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use dashmap::{DashMap, Entry};
use mocopr_core::clock::Clock;

pub use self::{
    block::Block,
    concurrency::{Concurrency, Slot},
};

/// So many requests a minute, and so many of them at once.
///
/// ```
/// use mocopr_security::rate::RateLimit;
///
/// let limit = RateLimit::per_minute(600).with_burst(100);
/// assert_eq!((limit.per_minute.get(), limit.burst.get()), (600, 100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many tokens a bucket regains in a minute, evenly.
    pub per_minute: NonZeroU32,
    /// How many tokens a bucket holds: what passes at once after a rest.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// So many a minute, all of which may come at once; zero counts as one.
    pub const fn per_minute(requests: u32) -> Self {
        let requests = at_least_one(requests);
        Self { per_minute: requests, burst: requests }
    }

    /// So many at once; zero counts as one.
    #[must_use]
    pub const fn with_burst(self, burst: u32) -> Self {
        Self { burst: at_least_one(burst), ..self }
    }
}

/// A token bucket for each key, in bounded memory.
///
/// A known key keeps its bucket whatever others do. When `max_keys` buckets are in use, all further keys share one:
/// whoever makes up keys slows down newcomers but neither grows the table nor frees or empties another's bucket. Where
/// keys have networks ([`with_networks`](Self::with_networks)) these newcomers are those of the same network alone.
pub struct RateLimiter<K> {
    pace: Pace,
    /// When the bucket of a key is full again, in nanoseconds of the clock; a full one may as well be absent.
    full_at: DashMap<K, u64>,
    overflow: AtomicU64,
    keys: AtomicUsize,
    max_keys: NonZeroUsize,
    next_sweep: AtomicU64,
    clock: Arc<dyn Clock>,
    /// What of a key is kept.
    kept: fn(&K) -> K,
    networks: Option<Box<Networks<K>>>,
}

/// What holds for the newcomers of one network, once the table is half full.
struct Networks<K> {
    /// The network of a key.
    of: fn(&K) -> K,
    /// How many of a network get a bucket of their own.
    newcomers: RateLimiter<K>,
    /// What the others share, network by network.
    shared: RateLimiter<K>,
}

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// Full buckets of that size for at most `max_keys` keys, about 64 bytes each beside what the key itself owns.
    pub fn new(limit: RateLimit, max_keys: NonZeroUsize, clock: Arc<dyn Clock>) -> Self {
        Self {
            pace: Pace::of(limit),
            full_at: DashMap::new(),
            overflow: AtomicU64::new(0),
            keys: AtomicUsize::new(0),
            max_keys,
            next_sweep: AtomicU64::new(0),
            clock,
            kept: K::clone,
            networks: None,
        }
    }

    /// Keeps of each key what this makes of it, which must be equal to it, for keys that own more than tells them
    /// apart.
    #[must_use]
    pub fn keeping(self, kept: fn(&K) -> K) -> Self {
        Self { kept, ..self }
    }

    /// Holds the keys of one network together where the table fills: from half of it on a network gets buckets for
    /// 1,024 new keys at once and as many a minute, and its further ones share one. So who has a network of many
    /// addresses neither fills the table nor slows down newcomers from elsewhere.
    #[must_use]
    pub fn with_networks(self, of: fn(&K) -> K) -> Self {
        let (most, clock) = (self.max_keys, &self.clock);
        let networks = Networks {
            of,
            newcomers: Self::new(NEWCOMERS, most, clock.clone()),
            shared: Self { pace: self.pace, ..Self::new(NEWCOMERS, most, clock.clone()) },
        };
        Self { networks: Some(Box::new(networks)), ..self }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long to wait until there is one; nothing was taken.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        self.check_n(key, NonZeroU32::MIN)
    }

    /// Takes `cost` tokens, or none; a cost above the burst counts as the burst, so that it passes after a rest.
    ///
    /// # Errors
    /// How long to wait until there are as many; nothing was taken.
    pub fn check_n(&self, key: &K, cost: NonZeroU32) -> Result<(), Duration> {
        let (pace, now) = (self.pace, nanoseconds(self.clock.now()));
        self.change(key, now, |full_at| pace.take(full_at, now, cost))
    }

    /// Takes `cost` tokens: the price of something that has happened already. What is not there is owed, at most as
    /// much as this price and one burst, so that whoever always comes back for the next token pays it in full.
    pub fn charge(&self, key: &K, cost: NonZeroU32) {
        let (pace, now) = (self.pace, nanoseconds(self.clock.now()));
        let Ok(()) = self.change::<Infallible>(key, now, |full_at| Ok(pace.owe(full_at, now, cost)));
    }

    /// How many keys have a bucket of their own.
    pub fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// Puts what `step` answers in the place of the instant that stands, in one step for all threads.
    fn change<E>(&self, key: &K, now: u64, step: impl Fn(u64) -> Result<u64, E> + Copy) -> Result<(), E> {
        let apply = |cell: &mut u64| {
            *cell = step(*cell)?;
            Ok(())
        };
        if let Some(mut cell) = self.full_at.get_mut(key) {
            return apply(&mut cell);
        }
        if let Some(networks) = &self.networks
            && self.keys() >= self.max_keys.get() / 2
            // What was in use a moment ago may be full again.
            && !(self.sweep(now) && self.keys() < self.max_keys.get() / 2)
        {
            let network = (networks.of)(key);
            if networks.newcomers.check(&network).is_err() {
                return networks.shared.change(&network, now, step);
            }
        }
        for sweep in [true, false] {
            // Whether there is room is asked under the lock of the key's shard: of many first requests of one key,
            // none may find the table full of the room that another of them has just taken.
            match self.full_at.entry((self.kept)(key)) {
                Entry::Occupied(mut cell) => return apply(cell.get_mut()),
                Entry::Vacant(place) if self.take_room() => {
                    let mut cell = now;
                    let applied = apply(&mut cell);
                    place.insert(cell);
                    return applied;
                }
                Entry::Vacant(_) => {}
            }
            if !(sweep && self.sweep(now)) {
                break;
            }
        }
        if let Some(networks) = &self.networks {
            return networks.shared.change(&(networks.of)(key), now, step);
        }
        let mut stands = self.overflow.load(Ordering::Acquire);
        loop {
            let changed = step(stands)?;
            match self.overflow.compare_exchange_weak(stands, changed, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(actual) => stands = actual,
            }
        }
    }

    /// Removes the buckets that are full again, at most once a second, since that reads all of them; tells whether
    /// it did.
    fn sweep(&self, now: u64) -> bool {
        let next = self.next_sweep.load(Ordering::Acquire);
        let later = now.saturating_add(nanoseconds(SWEEP_PAUSE));
        if now < next || self.next_sweep.compare_exchange(next, later, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        self.full_at.retain(|_, full_at| {
            let in_use = *full_at > now;
            if !in_use {
                self.keys.fetch_sub(1, Ordering::AcqRel);
            }
            in_use
        });
        true
    }

    fn take_room(&self) -> bool {
        let within = |keys: usize| (keys < self.max_keys.get()).then_some(keys + 1);
        self.keys.fetch_update(Ordering::AcqRel, Ordering::Acquire, within).is_ok()
    }
}

impl<K> fmt::Debug for RateLimiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter").field("pace", &self.pace).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// A limit in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// How long one token takes to come back, rounded up.
    token: u64,
    burst: NonZeroU32,
}

impl Pace {
    fn of(limit: RateLimit) -> Self {
        Self { token: MINUTE.div_ceil(u64::from(limit.per_minute.get())), burst: limit.burst }
    }

    /// When the bucket is full again once the cost is taken, or how long to wait for it.
    fn take(self, full_at: u64, now: u64, cost: NonZeroU32) -> Result<u64, Duration> {
        let changed = full_at.max(now).saturating_add(self.time_for(cost.min(self.burst)));
        match changed.checked_sub(now.saturating_add(self.time_for(self.burst))) {
            None | Some(0) => Ok(changed),
            Some(wait) => Err(Duration::from_nanos(wait)),
        }
    }

    /// When the bucket is full again once the cost is taken, and what of it is not there is owed.
    fn owe(self, full_at: u64, now: u64, cost: NonZeroU32) -> u64 {
        let price = self.time_for(cost.min(self.burst));
        let most = now.saturating_add(self.time_for(self.burst)).saturating_add(price);
        // A thread whose `now` is older must not give back what a newer one took.
        full_at.max(now).saturating_add(price).min(most).max(full_at)
    }

    fn time_for(self, tokens: NonZeroU32) -> u64 {
        self.token.saturating_mul(u64::from(tokens.get()))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const fn at_least_one(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}

const MINUTE: u64 = 60_000_000_000;

/// The new keys of one network, once the table is half full.
const NEWCOMERS: RateLimit = RateLimit::per_minute(1_024);

/// How long a full table is left alone after it was swept.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
