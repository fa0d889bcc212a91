//! Metrics of a server: the builder's part of it, and what the server measures of itself.

use std::sync::{Arc, Weak, atomic::Ordering};

use futures_util::{FutureExt, future::BoxFuture};
use mocopr_security::{
    evidence::{Measure, Witness},
    metrics::SecurityMetrics,
    policy::Problem,
};

use crate::{builder::ServerBuilder, engine::Engine, error::Result, evidence::Opener, transport::company::Companion};

impl<P> ServerBuilder<P> {
    /// Counts what happens, and serves the numbers where the metrics say, while the server runs on any transport.
    ///
    /// Beside what they count, they tell how many sessions, streams, connections and calls there are. Where they are to
    /// be served must be free when the server begins to run.
    ///
    /// ```
    /// use mocopr_security::metrics::SecurityMetrics;
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let metrics = SecurityMetrics::all();
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_metrics(metrics.clone()).build()?;
    /// assert!(metrics.text().contains("mocopr_calls_under_way 0"));
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_metrics(mut self, metrics: SecurityMetrics) -> Self {
        let witness = metrics.clone();
        self.keep_account(Opener::new(move |_| {
            let mut problems = witness.problems();
            problems.extend(unserved(&witness));
            let witness: Arc<dyn Witness> = Arc::new(witness);
            if problems.is_empty() { Ok(witness) } else { Err(problems) }
        }));
        self.run_with(Box::new(Collected(metrics)));
        self
    }
}

/// Metrics beside a transport.
#[derive(Debug)]
struct Collected(SecurityMetrics);

impl Companion for Collected {
    fn name(&self) -> &'static str {
        "with_metrics"
    }

    fn built(&self, engine: &Arc<Engine>) {
        // The engine owns the metrics as a witness, so they must not own it.
        let engine = Arc::downgrade(engine);
        self.0.watch(move |say| measure(&engine, say));
    }

    fn begin(self: Box<Self>, _: Arc<Engine>) -> BoxFuture<'static, Result<BoxFuture<'static, ()>>> {
        serve(self.0).boxed()
    }
}

/// What a server measures of itself.
fn measure(engine: &Weak<Engine>, say: &mut dyn FnMut(Measure<'_>)) {
    let Some(engine) = engine.upgrade() else { return };
    #[expect(clippy::cast_precision_loss, reason = "no server has as many of anything as a float can tell apart")]
    let mut count = |name, help, number: usize| say(Measure::new(name, help, number as f64));
    let (sessions, streams, calls) =
        (engine.sessions.count(), engine.gate.open_streams(), engine.gate.calls_under_way());
    count("mocopr_sessions", "Sessions of revisions with a handshake, over HTTP.", sessions);
    count("mocopr_open_streams", "Event streams that clients listen to.", streams);
    count(
        "mocopr_connections",
        "Connections to the listener of the protocol.",
        engine.connections.load(Ordering::Relaxed),
    );
    count("mocopr_calls_under_way", "Calls whose handlers have not answered.", calls);
    #[expect(clippy::cast_precision_loss, reason = "files do not change as often as a float can tell apart")]
    let failures = engine.tls_failures.load(Ordering::Relaxed) as f64;
    say(Measure::new(
        "mocopr_tls_reload_failures_total",
        "How often changed files of TLS could not be used.",
        failures,
    ));
    if let Some(file) = &engine.key_file {
        let age = file.age(engine.clock.unix()).as_secs_f64();
        say(Measure::new("mocopr_state_key_age_seconds", "How long ago the file of the state key was written.", age));
    }
    engine.gate.evidence().measure(say);
}

/// Serves metrics that have an address; the future that it gives goes on until it is dropped.
#[cfg(feature = "http")]
async fn serve(metrics: SecurityMetrics) -> Result<BoxFuture<'static, ()>> {
    match metrics.address() {
        Some(address) => Ok(crate::transport::http::scrape::listen(metrics, address).await?.boxed()),
        None => Ok(futures_util::future::ready(()).boxed()),
    }
}

#[cfg(not(feature = "http"))]
async fn serve(_: SecurityMetrics) -> Result<BoxFuture<'static, ()>> {
    Ok(futures_util::future::ready(()).boxed())
}

/// Whether this build cannot serve what is to be served.
#[cfg(feature = "http")]
fn unserved(_: &SecurityMetrics) -> Option<Problem> {
    None
}

#[cfg(not(feature = "http"))]
fn unserved(metrics: &SecurityMetrics) -> Option<Problem> {
    metrics.address().map(|address| {
        Problem::new(
            format!("metrics are to be served at {address}, and this build has no HTTP"),
            "add the feature `http`, or leave .with_listener(..) out",
        )
    })
}
