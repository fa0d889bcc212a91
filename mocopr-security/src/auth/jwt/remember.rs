//! Tokens that were verified lately, so that each is verified once in a while and not at each request.
//!
//! What is kept is whom a token proved, under a digest of the whole token. Never a decision about what that somebody
//! may do; and never a refusal, so that only who holds good tokens can fill this.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::auth::{lately::Lately, verdict::Verified};

/// Verified tokens, at most 10,000.
pub(crate) struct Remembered {
    shards: [Mutex<Shard>; SHARDS],
    time: Duration,
}

type Shard = Lately<Entry, HALF_SHARD>;

struct Entry {
    validator: usize,
    generation: u64,
    /// By the monotonic clock, so that setting the wall clock back keeps nothing alive.
    fresh_until: Duration,
    verified: Verified,
}

impl Remembered {
    /// None yet; each is remembered for that time.
    pub(crate) fn for_time(time: Duration) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), time }
    }

    /// Whom that token proved, unless its keys have changed since, it has expired, or its time has gone by.
    pub(crate) fn find(
        &self,
        name: &[u8; 32],
        generation: impl Fn(usize) -> Option<u64>,
        now: Duration,
        unix: Duration,
    ) -> Option<Verified> {
        let shard = self.shard(name)?;
        let entry = shard.find(name)?;
        let is_current = generation(entry.validator) == Some(entry.generation);
        let is_alive = entry.verified.expires().is_some_and(|expires| unix < expires) && now < entry.fresh_until;
        (is_current && is_alive).then(|| entry.verified.clone())
    }

    /// Keeps whom that token proved, with the generation under which its key was looked for.
    pub(crate) fn keep(&self, name: [u8; 32], validator: usize, generation: u64, verified: &Verified, now: Duration) {
        let Some(mut shard) = self.shard(&name) else { return };
        let entry = Entry { validator, generation, fresh_until: now + self.time, verified: verified.clone() };
        shard.keep(name, entry);
    }

    /// That token was verified, not long ago, whether or not that still counts.
    #[allow(dead_code, reason = "asked by what asks issuers about tokens, which is a feature")]
    pub(crate) fn has_seen(&self, name: &[u8; 32]) -> bool {
        self.shard(name).is_some_and(|shard| shard.find(name).is_some())
    }

    /// That token proves nobody any longer.
    #[allow(dead_code, reason = "called by what asks issuers about tokens, which is a feature")]
    pub(crate) fn forget(&self, name: &[u8; 32]) {
        if let Some(mut shard) = self.shard(name) {
            shard.forget(name);
        }
    }

    fn shard(&self, name: &[u8; 32]) -> Option<MutexGuard<'_, Shard>> {
        let shard = self.shards.get(usize::from(*name.first()?) % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered(..)")
    }
}

const SHARDS: usize = 16;
/// Twice this for each of the shards is the bound on all.
const HALF_SHARD: usize = 10_000 / SHARDS / 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{auth::verdict::Identity, principal::Method};

    fn verified(subject: &str, expires: u64) -> Verified {
        let identity = Identity { method: Method::Token, issuer: "i", subject, tenant: None };
        Verified::new(identity, [].into(), [].into()).until(Duration::from_secs(expires))
    }

    fn name(number: u32) -> [u8; 32] {
        crate::random::digest(&[&number.to_be_bytes()])
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_was_kept_is_found_until_expiry_a_new_generation_or_five_minutes() {
        let remembered = Remembered::for_time(at(300));
        remembered.keep(name(1), 0, 7, &verified("a", 1_000), at(10));
        let find = |generation, now, unix| remembered.find(&name(1), |_| Some(generation), at(now), at(unix)).is_some();
        assert!(find(7, 10, 900) && find(7, 309, 999));
        assert!(!find(7, 310, 999), "five minutes have gone by");
        assert!(!find(7, 309, 1_000), "it has expired");
        assert!(!find(8, 10, 900), "its keys have changed");
        assert!(remembered.find(&name(2), |_| Some(7), at(10), at(900)).is_none());
        assert!(remembered.find(&name(1), |_| None, at(10), at(900)).is_none(), "its issuer is unknown");
    }

    #[test]
    fn ten_times_as_many_tokens_as_there_is_room_for_leave_the_newest_within_the_bound() {
        let remembered = Remembered::for_time(at(300));
        for number in 0..100_000 {
            remembered.keep(name(number), 0, 0, &verified("a", 1_000), at(0));
        }
        let held = |number| remembered.find(&name(number), |_| Some(0), at(0), at(0)).is_some();
        let kept = (0..100_000).filter(|number| held(*number)).count();
        assert!((3_000..=10_000).contains(&kept), "{kept}");
        assert!((99_000..100_000).all(held));
        assert!(!held(0));
    }
}
