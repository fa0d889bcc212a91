//! Tokens that were verified lately, so that a client's next request costs a digest and a look.
//!
//! What is kept is whom a token proved, never what that principal may do. Only verified tokens get in, so strangers can
//! neither fill the table nor push others out of it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use dashmap::DashMap;
use mocopr_core::clock::Clock;

use super::Issuer;
use crate::auth::Verified;

/// The SHA-256 of a whole token.
pub(super) type Digest = [u8; 32];

/// Tokens that were verified lately.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    tokens: DashMap<Digest, Kept>,
    /// When a full table is swept next, in milliseconds of the clock.
    next_sweep: AtomicU64,
}

#[derive(Debug)]
struct Kept {
    verified: Verified,
    /// Whose keys verified it, and which these were.
    issuer: usize,
    generation: u64,
    /// In time of the monotonic clock.
    until: Duration,
}

impl Remembered {
    pub(super) fn digest(token: &str) -> Digest {
        let mut bytes = [0; 32];
        let whole = digest(&SHA256, token.as_bytes());
        for (to, from) in bytes.iter_mut().zip(whole.as_ref()) {
            *to = *from;
        }
        bytes
    }

    /// Whom a token proved, if its time has not passed and the keys that verified it still count.
    pub(super) fn find(&self, digest: &Digest, issuers: &[Issuer], clock: &dyn Clock) -> Option<Verified> {
        let kept = self.tokens.get(digest)?;
        let counts = issuers.get(kept.issuer).is_some_and(|issuer| issuer.keys.generation() == kept.generation);
        let expired = kept.verified.expires().is_some_and(|expires| expires <= clock.unix());
        if counts && !expired && clock.now() < kept.until {
            return Some(kept.verified.clone());
        }
        drop(kept);
        self.tokens.remove(digest);
        None
    }

    /// Keeps what was verified under these keys.
    pub(super) fn keep(&self, digest: Digest, verified: &Verified, issuer: usize, generation: u64, clock: &dyn Clock) {
        let now = clock.now();
        if self.tokens.len() >= MOST_TOKENS && !self.sweep(now) {
            return;
        }
        let kept = Kept { verified: verified.clone(), issuer, generation, until: now.saturating_add(LONGEST) };
        self.tokens.insert(digest, kept);
    }

    /// Makes room by what has passed, at most once a second; tells whether there is any.
    fn sweep(&self, now: Duration) -> bool {
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let next = self.next_sweep.load(Ordering::Relaxed);
        if now_ms >= next
            && self
                .next_sweep
                .compare_exchange(next, now_ms.saturating_add(1_000), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.tokens.retain(|_, kept| kept.until > now);
        }
        self.tokens.len() < MOST_TOKENS
    }
}

const MOST_TOKENS: usize = 10_000;
/// However long a token lives, it is looked at again after this time.
const LONGEST: Duration = Duration::from_secs(5 * 60);
