//! How much of something there was in the last minute: a ring of counters, without a lock.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Counts of the last minute, in slots of five seconds.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The number of a slot in the upper half, what was counted in it in the lower.
    slots: [AtomicU64; SLOTS],
}

impl Window {
    /// Counts one more.
    pub(super) fn add(&self, now: Duration) {
        let number = slot(now);
        let Some(cell) = self.slots.get(number as usize % SLOTS) else { return };
        let mut seen = cell.load(Ordering::Relaxed);
        loop {
            let is_current = seen >> HALF == u64::from(number);
            // A full slot stays full: one more would count as another slot.
            let next = match is_current {
                true if seen & COUNT == COUNT => return,
                true => seen + 1,
                false => (u64::from(number) << HALF) | 1,
            };
            match cell.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    /// How many there were in the last minute, or up to five seconds less.
    pub(super) fn count(&self, now: Duration) -> u64 {
        let number = slot(now);
        let within = |seen: &u64| u64::from(number).wrapping_sub(seen >> HALF) < SLOTS as u64;
        self.slots.iter().map(|cell| cell.load(Ordering::Relaxed)).filter(within).map(|seen| seen & COUNT).sum()
    }
}

/// The number of the slot that a time is in. It begins again after six hundred years.
fn slot(now: Duration) -> u32 {
    (now.as_secs() / SLOT_SECONDS) as u32
}

/// How much is looked back on.
pub(super) const WINDOW: Duration = Duration::from_secs(SLOT_SECONDS * SLOTS as u64);

const SLOT_SECONDS: u64 = 5;
const SLOTS: usize = 12;
const HALF: u32 = 32;
const COUNT: u64 = u32::MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_older_than_a_minute_does_not_count() {
        let window = Window::default();
        (0..3).for_each(|_| window.add(at(0)));
        window.add(at(31));
        assert_eq!(window.count(at(59)), 4);
        assert_eq!(window.count(at(60)), 1);
        window.add(at(60));
        assert_eq!(window.count(at(89)), 2, "its place was taken over");
        assert_eq!(window.count(at(90)), 1);
        assert_eq!(window.count(at(1_000_000)), 0);
    }

    #[test]
    fn many_threads_lose_nothing() {
        let window = Window::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..60_000).for_each(|number| window.add(at(number / 1_000))));
            }
        });
        assert_eq!(window.count(at(59)), 240_000);
    }
}
