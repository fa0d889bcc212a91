//! Metrics: what happened, as numbers that a Prometheus server collects.
//!
//! A witness of what happens, and the text that is made of it. Labels are words of ours and names that are registered;
//! nothing that a peer writes becomes one. It owns no socket: a server asks [`MetricsEndpoint`] what to answer.

mod builder;
mod calls;
mod counter;
mod endpoint;
mod histogram;
mod measured;
mod text;

use std::{net::SocketAddr, sync::Arc};

pub use self::{builder::SecurityMetricsBuilder, endpoint::MetricsEndpoint};
use self::{
    builder::{Counted, Listener},
    calls::Calls,
    counter::Counter,
    histogram::{BYTES, Histogram},
    measured::Sources,
    text::{Kind, Text},
};
use crate::{
    evidence::{Exceeded, Happening, Measure, Witness},
    policy::Problem,
};

/// What a server counts, and where it tells. A handle, cheap to clone: give one to the server and keep the other.
///
/// ```
/// use mocopr_security::metrics::SecurityMetrics;
///
/// let metrics = SecurityMetrics::builder()
///     .with_authentication_failures(true)
///     .with_rate_limit_violations(true)
///     .with_request_size_monitoring(true)
///     .with_error_rate_monitoring(true)
///     .with_listener("127.0.0.1:9464")
///     .build();
/// assert!(metrics.text().contains("# TYPE mocopr_authentication_failures_total counter"));
/// ```
#[derive(Clone, Debug)]
pub struct SecurityMetrics(Arc<Metrics>);

#[derive(Debug)]
struct Metrics {
    failures: Option<Counter<1>>,
    rates: Option<Counter<1>>,
    sizes: Option<Sizes>,
    errors: Option<Errors>,
    sources: Sources,
    listener: Option<Listener>,
}

/// How large messages are.
#[derive(Debug)]
struct Sizes {
    requests: Histogram,
    answers: Histogram,
}

/// How calls end, and why they are refused.
#[derive(Debug)]
struct Errors {
    calls: Calls,
    refusals: Counter<2>,
}

impl SecurityMetrics {
    /// Begins metrics that count nothing yet, are not served, and tell how much is open and under way.
    pub fn builder() -> SecurityMetricsBuilder {
        SecurityMetricsBuilder::default()
    }

    /// Metrics that count everything there is, and are not served: [`text`](Self::text) has them.
    pub fn all() -> Self {
        Self::builder()
            .with_authentication_failures(true)
            .with_rate_limit_violations(true)
            .with_request_size_monitoring(true)
            .with_error_rate_monitoring(true)
            .build()
    }

    fn new(counted: Counted, listener: Option<Listener>) -> Self {
        let Counted { failures, rates, sizes, errors } = counted;
        Self(Arc::new(Metrics {
            failures: failures.then(|| Counter::new(&[["no credential"]])),
            rates: rates.then(|| Counter::new(&Exceeded::ALL.map(|kind| [kind.as_str()]))),
            sizes: sizes.then(|| Sizes { requests: Histogram::new(&BYTES), answers: Histogram::new(&BYTES) }),
            errors: errors.then(|| Errors { calls: Calls::new(), refusals: Counter::new(&[]) }),
            sources: Sources::default(),
            listener,
        }))
    }

    /// Everything as it is now, in the text format of Prometheus, version 0.0.4.
    ///
    /// At most a few megabytes, where a thousand tools have been called; a few kilobytes for most servers.
    pub fn text(&self) -> String {
        let Metrics { failures, rates, sizes, errors, sources, listener: _ } = &*self.0;
        let mut text = Text::default();
        if let Some(failures) = failures {
            let help = "Credentials that were missing or did not hold, by reason.";
            failures.write(&mut text, "mocopr_authentication_failures_total", help, ["reason"]);
        }
        if let Some(rates) = rates {
            let help = "Refusals because there was too much at once, or too much in a minute, by what was bounded.";
            rates.write(&mut text, "mocopr_rate_limit_hits_total", help, ["kind"]);
        }
        if let Some(Errors { calls, refusals }) = errors {
            let help = "Requests and calls that were refused, by decision and reason.";
            refusals.write(&mut text, "mocopr_refusals_total", help, ["decision", "reason"]);
            calls.write(&mut text);
        }
        if let Some(Sizes { requests, answers }) = sizes {
            text.family("mocopr_request_bytes", Kind::Histogram, "Bytes of messages that came in.");
            requests.write(&mut text, "mocopr_request_bytes", &[]);
            text.family("mocopr_answer_bytes", Kind::Histogram, "Bytes of answers that went out.");
            answers.write(&mut text, "mocopr_answer_bytes", &[]);
        }
        sources.write(&mut text);
        text.into_string()
    }

    /// Asks `source` too whenever metrics are read; it must not wait.
    ///
    /// ```
    /// use mocopr_security::{evidence::Measure, metrics::SecurityMetrics};
    ///
    /// let metrics = SecurityMetrics::builder().build();
    /// metrics.watch(|say| say(Measure::new("jobs", "Jobs that wait.", 3.0)));
    /// assert_eq!(metrics.text(), "# HELP jobs Jobs that wait.\n# TYPE jobs gauge\njobs 3\n");
    /// ```
    pub fn watch(&self, source: impl Fn(&mut dyn FnMut(Measure<'_>)) + Send + Sync + 'static) {
        self.0.sources.add(source);
    }

    /// Everything that keeps these metrics from being served as they are described.
    pub fn problems(&self) -> Vec<Problem> {
        self.0.listener.as_ref().map_or_else(Vec::new, Listener::problems)
    }

    /// Where they are to be served, if anywhere.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.listener.as_ref()?.address()
    }

    /// What answers at `bound`, the address that a listener of these metrics was given. Whoever waits for that address
    /// is told of it.
    pub fn open(&self, bound: SocketAddr) -> MetricsEndpoint {
        MetricsEndpoint::new(self.clone(), self.0.listener.as_ref(), bound)
    }
}

impl Witness for SecurityMetrics {
    fn saw(&self, happening: &Happening<'_>) {
        let Metrics { failures, rates, sizes, errors, sources: _, listener: _ } = &*self.0;
        let ending = happening.ending;
        let is_failed_authentication = happening.is_failed_authentication();
        if let (Some(failures), true) = (failures, is_failed_authentication) {
            failures.add([ending.reason]);
        }
        if let (Some(rates), Some(exceeded)) = (rates, happening.exceeded()) {
            rates.add([exceeded.as_str()]);
        }
        if let Some(Sizes { requests, answers }) = sizes {
            // What has no bytes of its own is part of something that has, or was never read.
            if happening.bytes.read > 0 {
                requests.add_bytes(happening.bytes.read);
            }
            if happening.bytes.answered > 0 {
                answers.add_bytes(happening.bytes.answered);
            }
        }
        if let Some(Errors { calls, refusals }) = errors {
            if happening.is_refused() {
                let reason = if is_failed_authentication { "authentication" } else { ending.reason };
                refusals.add([ending.decision.as_str(), reason]);
            }
            calls.add(happening);
        }
    }
}

/// The label of what is not counted apart.
const OTHER: &str = "other";

/// How the names of our own families begin; what is measured has other names.
const FAMILIES: [&str; 7] = [
    "mocopr_authentication_failures_total",
    "mocopr_rate_limit_hits_total",
    "mocopr_refusals_total",
    "mocopr_calls_total",
    "mocopr_call_seconds",
    "mocopr_request_bytes",
    "mocopr_answer_bytes",
];

#[cfg(test)]
mod tests;
