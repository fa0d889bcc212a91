//! What an owner says of metrics: what is counted, where it is told, and to whom.

use std::{fmt, net::SocketAddr, sync::Arc};

use super::SecurityMetrics;
use crate::{origin::Authority, policy::Problem, redact::Secret};

/// What an owner says of metrics. Begins with [`SecurityMetrics::builder`].
///
/// An example is at [`SecurityMetrics`](super::SecurityMetrics).
#[derive(Debug, Default)]
#[must_use = "a builder makes metrics with `.build()`"]
pub struct SecurityMetricsBuilder {
    counted: Counted,
    address: Option<Box<str>>,
    hosts: Vec<Box<str>>,
    bearer: Option<Secret<String>>,
    ready: Option<Ready>,
}

/// Which families there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) failures: bool,
    pub(super) rates: bool,
    pub(super) sizes: bool,
    pub(super) errors: bool,
}

/// Where metrics are told, and to whom.
#[derive(Debug)]
pub(super) struct Listener {
    address: Option<Box<str>>,
    /// Names by which requests may call, beside the address itself.
    pub(super) hosts: Vec<Box<str>>,
    pub(super) bearer: Option<Secret<String>>,
    pub(super) ready: Option<Ready>,
}

/// Is told the address of a listener.
#[derive(Clone)]
pub(super) struct Ready(pub(super) Arc<dyn Fn(SocketAddr) + Send + Sync>);

impl SecurityMetricsBuilder {
    /// Counts credentials that were missing or did not hold: `mocopr_authentication_failures_total`.
    pub fn with_authentication_failures(mut self, counted: bool) -> Self {
        self.counted.failures = counted;
        self
    }

    /// Counts refusals because of rates and of too much at once: `mocopr_rate_limit_hits_total`.
    pub fn with_rate_limit_violations(mut self, counted: bool) -> Self {
        self.counted.rates = counted;
        self
    }

    /// Counts messages and answers by their size: `mocopr_request_bytes` and `mocopr_answer_bytes`.
    pub fn with_request_size_monitoring(mut self, counted: bool) -> Self {
        self.counted.sizes = counted;
        self
    }

    /// Counts calls by how they ended and how long they took, and refusals by their reason: `mocopr_calls_total`,
    /// `mocopr_call_seconds` and `mocopr_refusals_total`.
    pub fn with_error_rate_monitoring(mut self, counted: bool) -> Self {
        self.counted.errors = counted;
        self
    }

    /// Serves them by HTTP at this address, at `/metrics`, while the server runs on any transport: `127.0.0.1:9464`.
    /// Port 0 lets the system choose.
    ///
    /// Whoever is on this machine may read them there. An address that others can reach needs
    /// [`with_bearer_token`](Self::with_bearer_token) as well, and should be reached through something that ends TLS.
    pub fn with_listener(mut self, address: impl Into<Box<str>>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Tells them only to requests that carry this token as `Authorization: Bearer`; 16 characters at least.
    pub fn with_bearer_token(mut self, token: Secret<String>) -> Self {
        self.bearer = Some(token);
        self
    }

    /// Takes requests that call the listener by this name too, with its port or with the one that is given:
    /// `metrics.internal`. Its address, and on loopback the names of this machine, are taken anyway.
    pub fn with_listener_host(mut self, host: impl Into<Box<str>>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Calls `ready` with the address that the listener has, before the server says that it is ready.
    pub fn on_listening(mut self, ready: impl Fn(SocketAddr) + Send + Sync + 'static) -> Self {
        self.ready = Some(Ready(Arc::new(ready)));
        self
    }

    /// Makes the metrics. What is wrong with the listener is a problem that the server's `build()` reports.
    pub fn build(self) -> SecurityMetrics {
        let Self { counted, address, hosts, bearer, ready } = self;
        let is_said = address.is_some() || !hosts.is_empty() || bearer.is_some() || ready.is_some();
        SecurityMetrics::new(counted, is_said.then_some(Listener { address, hosts, bearer, ready }))
    }
}

impl Listener {
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address.as_ref()?.parse().ok()
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match (&self.address, self.address()) {
            (None, _) => problems.push(Problem::new(
                "something is said of the listener of metrics, and there is none",
                "call .with_listener(\"127.0.0.1:9464\") on the metrics",
            )),
            (Some(text), None) => problems.push(Problem::new(
                format!("metrics cannot be served at {text:?}, which is no address with a port"),
                "give one such as .with_listener(\"127.0.0.1:9464\")",
            )),
            (Some(_), Some(address)) if !address.ip().is_loopback() => {
                if self.bearer.is_none() {
                    problems.push(Problem::new(
                        format!("everybody who can reach {address} could read the metrics"),
                        "serve them at a loopback address, or call .with_bearer_token(..) on them",
                    ));
                }
                if address.ip().is_unspecified() && self.hosts.is_empty() {
                    problems.push(Problem::new(
                        format!("no request can name the listener of metrics at {address}"),
                        "give the address of one network, or call .with_listener_host(\"metrics.internal\")",
                    ));
                }
            }
            (Some(_), Some(_)) => {}
        }
        if self.bearer.as_ref().is_some_and(|token| !is_good_token(token.expose())) {
            problems.push(Problem::new(
                "the bearer token for metrics is too short, or has characters that a header cannot carry",
                "give one of 16 visible ASCII characters or more, such as `openssl rand -hex 32` makes",
            ));
        }
        for host in self.hosts.iter().filter(|host| Authority::parse(host).is_none()) {
            problems.push(Problem::new(
                format!("`{host}` is not a host that requests for metrics can name"),
                "give a name such as .with_listener_host(\"metrics.internal\")",
            ));
        }
        problems
    }
}

fn is_good_token(token: &str) -> bool {
    token.len() >= LEAST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic())
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready(..)")
    }
}

const LEAST_TOKEN: usize = 16;
