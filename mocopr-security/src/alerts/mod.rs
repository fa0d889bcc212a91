//! Alerts: somebody is told when too much goes wrong in a minute, once and not for every thing that goes wrong.
//!
//! A witness of what happens. It decides nothing about anybody: what to do about an alert is for whoever is told.

mod builder;
mod threshold;
#[cfg(feature = "outbound")]
mod webhook;
mod window;

use std::{
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use mocopr_core::clock::Clock;
use tracing::{error, warn};

pub use self::builder::{AlertingConfig, AlertingConfigBuilder};
use self::threshold::Threshold;
use crate::evidence::{Happening, Witness};

/// Something went wrong more often than its owner wants.
///
/// An example is at [`AlertingConfig`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Alert {
    /// The threshold that was reached: `auth_failures_per_minute`.
    pub name: &'static str,
    /// How much there was.
    pub value: f64,
    /// How much its owner said.
    pub threshold: f64,
    /// Over which time it was counted.
    pub window: Duration,
    /// When, in time since 1970-01-01T00:00:00Z.
    pub unix: Duration,
}

/// Thresholds at work.
pub struct Alerts {
    thresholds: Vec<Threshold>,
    calls: Vec<Call>,
    work: Mutex<Vec<BoxFuture<'static, ()>>>,
    clock: Arc<dyn Clock>,
}

/// Is told of alerts. It must not wait.
type Call = Box<dyn Fn(&Alert) + Send + Sync>;

/// Something that is told of alerts and hands them on by work of its own.
struct Outlet {
    call: Call,
    work: BoxFuture<'static, ()>,
}

impl Alerts {
    fn new(
        thresholds: Vec<Threshold>,
        calls: Vec<Call>,
        work: Vec<BoxFuture<'static, ()>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { thresholds, calls, work: Mutex::new(work), clock }
    }

    /// What goes on beside requests to hand alerts on; whoever runs the server runs it. It is given once.
    pub fn work(&self) -> Vec<BoxFuture<'static, ()>> {
        mem::take(&mut *self.work.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at every threshold now, so that what has fallen can rise again. To be called now and then.
    pub fn look(&self) {
        let now = self.clock.now();
        for threshold in &self.thresholds {
            self.judge(threshold, now);
        }
    }

    fn judge(&self, threshold: &Threshold, now: Duration) {
        let Some((name, value, limit)) = threshold.reached(now) else { return };
        let alert = Alert { name, value, threshold: limit, window: window::WINDOW, unix: self.clock.unix() };
        warn!(target: "security", alert = name, value, threshold = limit, "a threshold was reached");
        for call in &self.calls {
            // It is its owner's code, and it runs where a request is answered.
            if catch_unwind(AssertUnwindSafe(|| call(&alert))).is_err() {
                error!(alert = name, "what is called for alerts panicked");
            }
        }
    }
}

impl Witness for Alerts {
    fn saw(&self, happening: &Happening<'_>) {
        let mut now = None;
        for threshold in &self.thresholds {
            let concern = threshold.concern(happening);
            if concern.is_none() {
                continue;
            }
            let now = *now.get_or_insert_with(|| self.clock.now());
            threshold.count(concern, now);
            if concern.may_raise() {
                self.judge(threshold, now);
            }
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, threshold, window, unix: _ } = self;
        write!(f, "{name} is {value} in {} s, and {threshold} was the threshold", window.as_secs())
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts").field("thresholds", &self.thresholds).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
