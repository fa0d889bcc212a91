//! What an owner says of alerts: when somebody is told, and who.

use std::{fmt, num::NonZeroU32, sync::Arc};

use mocopr_core::clock::Clock;

use super::{
    Alert, Alerts, Call, Outlet,
    threshold::{About, Threshold},
};
use crate::policy::Problem;

/// When somebody is told that something goes wrong too often, and who.
///
/// | threshold | what is counted, in the last minute |
/// |---|---|
/// | `auth_failures_per_minute` | credentials that were missing or did not hold |
/// | `rate_limit_violations_per_minute` | refusals because there was too much |
/// | `refusals_per_minute` | refusals of every kind |
/// | `error_rate_percentage` | calls that failed or took too long, in percent of those that a handler was called for |
///
/// An alert is given when a value reaches its threshold, once: not again before the value has fallen under 80 % of it,
/// and not within a minute of the last. It is a `tracing` warning of the target `security` in any case.
///
/// ```
/// use mocopr_security::alerts::AlertingConfig;
///
/// let alerting = AlertingConfig::builder()
///     .with_threshold("auth_failures_per_minute", 10)
///     .with_threshold("rate_limit_violations_per_minute", 50)
///     .with_threshold("error_rate_percentage", 5.0)
///     .on_alert(|alert| println!("{alert}"))
///     .build();
/// assert!(alerting.problems().is_empty());
/// ```
#[derive(Debug)]
pub struct AlertingConfig {
    said: AlertingConfigBuilder,
}

/// Collects what an owner says of alerts. Begins with [`AlertingConfig::builder`].
///
/// An example is at [`AlertingConfig`].
#[must_use = "a builder makes a configuration with `.build()`"]
pub struct AlertingConfigBuilder {
    thresholds: Vec<(Box<str>, f64)>,
    least: NonZeroU32,
    calls: Vec<Call>,
    outlets: Vec<OpenOutlet>,
}

/// Opens something that tells of alerts by a task of its own.
type OpenOutlet = Box<dyn FnOnce() -> Result<Outlet, Problem> + Send>;

impl AlertingConfig {
    /// Begins alerts without a threshold.
    pub fn builder() -> AlertingConfigBuilder {
        AlertingConfigBuilder { thresholds: Vec::new(), least: LEAST_CALLS, calls: Vec::new(), outlets: Vec::new() }
    }

    /// Everything that is wrong with its thresholds.
    pub fn problems(&self) -> Vec<Problem> {
        let thresholds = &self.said.thresholds;
        let mut problems: Vec<Problem> = thresholds.iter().filter_map(|(name, limit)| problem(name, *limit)).collect();
        if thresholds.is_empty() {
            problems.push(Problem::new(
                "alerts have no threshold",
                "call .with_threshold(\"auth_failures_per_minute\", 10) on them",
            ));
        }
        for (at, (name, _)) in thresholds.iter().enumerate() {
            if thresholds.iter().take(at).any(|(earlier, _)| earlier == name) {
                problems.push(Problem::new(format!("the threshold `{name}` is given twice"), "give it once"));
            }
        }
        problems
    }

    /// Puts the thresholds to work, on this clock.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn open(self, clock: Arc<dyn Clock>) -> Result<Alerts, Vec<Problem>> {
        let mut problems = self.problems();
        let AlertingConfigBuilder { thresholds, least, mut calls, outlets } = self.said;
        let mut work = Vec::new();
        for open in outlets {
            match open() {
                Ok(Outlet { call, work: its }) => {
                    calls.push(call);
                    work.push(its);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let thresholds =
            thresholds.iter().filter_map(|(name, limit)| Some(Threshold::new(known(name)?, *limit, least))).collect();
        Ok(Alerts::new(thresholds, calls, work, clock))
    }
}

impl AlertingConfigBuilder {
    /// Tells when this value is reached; [`AlertingConfig`] lists the names. Each comes once.
    pub fn with_threshold(mut self, name: impl Into<Box<str>>, value: impl Into<f64>) -> Self {
        self.thresholds.push((name.into(), value.into()));
        self
    }

    /// How many calls there must be in a minute before the share of those that failed means anything; 20 unless said.
    pub fn with_least_calls(mut self, calls: NonZeroU32) -> Self {
        self.least = calls;
        self
    }

    /// Calls this with each alert. It runs where a request is answered, so it must not wait.
    pub fn on_alert(mut self, call: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        self.calls.push(Box::new(call));
        self
    }

    /// Makes the configuration. What is wrong with it is a problem that the server's `build()` reports.
    #[must_use]
    pub fn build(self) -> AlertingConfig {
        AlertingConfig { said: self }
    }

    #[cfg_attr(not(feature = "outbound"), expect(dead_code, reason = "webhooks alone are outlets"))]
    pub(super) fn with_outlet(mut self, open: impl FnOnce() -> Result<Outlet, Problem> + Send + 'static) -> Self {
        self.outlets.push(Box::new(open));
        self
    }
}

impl fmt::Debug for AlertingConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither calls nor webhooks: the URL of one may be a secret.
        f.debug_struct("AlertingConfigBuilder").field("thresholds", &self.thresholds).finish_non_exhaustive()
    }
}

fn known(name: &str) -> Option<About> {
    About::ALL.into_iter().find(|about| about.name() == name)
}

fn problem(name: &str, limit: f64) -> Option<Problem> {
    let Some(about) = known(name) else {
        let names = About::ALL.map(About::name).join(", ");
        return Some(Problem::new(format!("there is no threshold `{name}`"), format!("give one of {names}")));
    };
    // Also what is no number fails this.
    let can_be_reached = limit > 0.0 && limit <= about.most();
    (!can_be_reached).then(|| {
        Problem::new(
            format!("the threshold `{name}` is {limit}, which says nothing"),
            "give a number above 0, and for a percentage one up to 100",
        )
    })
}

const LEAST_CALLS: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
