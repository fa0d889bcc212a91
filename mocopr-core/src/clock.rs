//! Time as an argument: the system's clock, and one that tests move by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Where time comes from.
///
/// `now` never goes back, whatever happens to the wall clock; `unix` is the wall clock, for what is compared with
/// times that others wrote.
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// Time since this clock was made; monotonic.
    fn now(&self) -> Duration;

    /// Time since 1970-01-01T00:00:00Z.
    fn unix(&self) -> Duration;
}

/// The clock of the system.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    #[expect(clippy::disallowed_methods, reason = "the one place where time is read")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where time is read")]
    fn unix(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
    }
}

/// A clock that stands still until it is moved.
///
/// ```
/// use std::time::Duration;
/// use mocopr_core::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_secs(3));
/// assert_eq!(clock.now(), Duration::from_secs(3));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    milliseconds: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that stands at zero, and at 2026-01-01T00:00:00Z of the wall clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves it forward, by whole milliseconds.
    pub fn advance(&self, by: Duration) {
        self.milliseconds.fetch_add(by.as_millis().try_into().unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_millis(self.milliseconds.load(Ordering::SeqCst))
    }

    fn unix(&self) -> Duration {
        MANUAL_EPOCH + self.now()
    }
}

/// 2026-01-01T00:00:00Z.
const MANUAL_EPOCH: Duration = Duration::from_secs(1_767_225_600);
