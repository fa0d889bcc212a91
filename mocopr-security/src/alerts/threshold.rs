//! One threshold: what it is about, how much of it there was, and whether somebody was told already.

use std::{
    num::NonZeroU32,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::window::{WINDOW, Window};
use crate::evidence::{Happening, Outcome};

/// What a threshold is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    AuthFailures,
    RateViolations,
    Refusals,
    /// In percent of the calls that handlers were asked to carry out.
    Errors,
}

/// What a happening is to a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    Nothing,
    /// One of those that the threshold is a share of, and none that it counts.
    Whole,
    /// One of those that it counts.
    Counted,
}

/// A threshold at work.
#[derive(Debug)]
pub(super) struct Threshold {
    about: About,
    limit: f64,
    counted: Window,
    /// All of what a share is of.
    whole: Window,
    /// A share of fewer means nothing.
    least: NonZeroU32,
    /// It was reached, and has not fallen since.
    is_raised: AtomicBool,
    /// When somebody was told last. Locked when that may change, and not while all is well.
    told: Mutex<Option<Duration>>,
}

impl About {
    pub(super) const ALL: [Self; 4] = [Self::AuthFailures, Self::RateViolations, Self::Refusals, Self::Errors];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AuthFailures => "auth_failures_per_minute",
            Self::RateViolations => "rate_limit_violations_per_minute",
            Self::Refusals => "refusals_per_minute",
            Self::Errors => "error_rate_percentage",
        }
    }

    /// The greatest limit that can ever be reached.
    pub(super) fn most(self) -> f64 {
        match self {
            Self::AuthFailures | Self::RateViolations | Self::Refusals => f64::MAX,
            Self::Errors => 100.0,
        }
    }
}

impl Concern {
    pub(super) fn is_none(self) -> bool {
        self == Self::Nothing
    }

    /// More of it can reach the limit.
    pub(super) fn may_raise(self) -> bool {
        self == Self::Counted
    }

    fn counted(is_counted: bool) -> Self {
        if is_counted { Self::Counted } else { Self::Nothing }
    }
}

impl Threshold {
    pub(super) fn new(about: About, limit: f64, least: NonZeroU32) -> Self {
        Self {
            about,
            limit,
            counted: Window::default(),
            whole: Window::default(),
            least,
            is_raised: AtomicBool::new(false),
            told: Mutex::default(),
        }
    }

    pub(super) fn concern(&self, happening: &Happening<'_>) -> Concern {
        match self.about {
            About::AuthFailures => Concern::counted(happening.is_failed_authentication()),
            About::RateViolations => Concern::counted(happening.exceeded().is_some()),
            About::Refusals => Concern::counted(happening.is_refused()),
            About::Errors if !happening.is_carried_out() => Concern::Nothing,
            About::Errors => match happening.ending.result {
                Outcome::Failed | Outcome::Timeout => Concern::Counted,
                Outcome::Succeeded | Outcome::Refused | Outcome::Cancelled | Outcome::InputRequired => Concern::Whole,
            },
        }
    }

    pub(super) fn count(&self, concern: Concern, now: Duration) {
        match (concern, self.about) {
            (Concern::Nothing, _) => {}
            (Concern::Whole, _) => self.whole.add(now),
            (Concern::Counted, About::Errors) => {
                self.whole.add(now);
                self.counted.add(now);
            }
            (Concern::Counted, About::AuthFailures | About::RateViolations | About::Refusals) => self.counted.add(now),
        }
    }

    /// Its name, how much there is, and the limit, where somebody should be told now: it was reached, it had fallen
    /// before, and nobody was told of it within the last minute.
    pub(super) fn reached(&self, now: Duration) -> Option<(&'static str, f64, f64)> {
        let value = self.value(now);
        let (is_reached, has_fallen) = (value >= self.limit, value < self.limit * FALLEN);
        let changes = if self.is_raised.load(Ordering::Acquire) { has_fallen } else { is_reached };
        if !changes {
            return None;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_raised.load(Ordering::Acquire) {
            if has_fallen {
                self.is_raised.store(false, Ordering::Release);
            }
            return None;
        }
        if !is_reached || told.is_some_and(|told| now.saturating_sub(told) < WINDOW) {
            return None;
        }
        *told = Some(now);
        self.is_raised.store(true, Ordering::Release);
        Some((self.about.name(), value, self.limit))
    }

    #[expect(clippy::cast_precision_loss, reason = "no minute has as many of anything as a float can tell apart")]
    fn value(&self, now: Duration) -> f64 {
        let counted = self.counted.count(now) as f64;
        match self.about {
            About::AuthFailures | About::RateViolations | About::Refusals => counted,
            About::Errors => match self.whole.count(now) {
                few if few < u64::from(self.least.get()) => 0.0,
                calls => 100.0 * counted / calls as f64,
            },
        }
    }
}

/// The share of its limit below which a threshold has fallen. What only goes up and down around the limit is one alert.
const FALLEN: f64 = 0.8;
