//! Alerts of a server: the builder's part of it, and what goes on beside requests for them.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, join, join_all},
};
use mocopr_security::{
    alerts::{AlertingConfig, Alerts},
    evidence::Witness,
};
use tokio::time::sleep;

use crate::{builder::ServerBuilder, engine::Engine, error::Result, evidence::Opener, transport::company::Companion};

impl<P> ServerBuilder<P> {
    /// Tells somebody when too much goes wrong in a minute.
    ///
    /// ```
    /// use mocopr_security::alerts::AlertingConfig;
    /// use mocopr_server::server::McpServer;
    ///
    /// # fn main() -> Result<(), mocopr_server::error::Error> {
    /// let alerting = AlertingConfig::builder()
    ///     .with_threshold("auth_failures_per_minute", 10)
    ///     .on_alert(|alert| eprintln!("{alert}"))
    ///     .build();
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_alerting(alerting).build()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_alerting(mut self, alerting: AlertingConfig) -> Self {
        let opened = Arc::new(OnceLock::new());
        let watched = Watched(opened.clone());
        self.keep_account(Opener::new(move |opening| {
            let alerts = Arc::new(alerting.open(opening.clock.clone())?);
            let witness: Arc<dyn Witness> = opened.get_or_init(|| alerts).clone();
            Ok(witness)
        }));
        self.run_with(Box::new(watched));
        self
    }
}

/// Alerts beside a transport; they are there once the server is built.
#[derive(Debug)]
struct Watched(Arc<OnceLock<Arc<Alerts>>>);

impl Companion for Watched {
    fn name(&self) -> &'static str {
        "with_alerting"
    }

    fn built(&self, _: &Arc<Engine>) {}

    fn begin(self: Box<Self>, _: Arc<Engine>) -> BoxFuture<'static, Result<BoxFuture<'static, ()>>> {
        async move {
            let Some(alerts) = self.0.get().cloned() else { return Ok(std::future::ready(()).boxed()) };
            let work = join_all(alerts.work());
            Ok(join(look(alerts), work).map(|_| ()).boxed())
        }
        .boxed()
    }
}

/// Looks now and then at what no happening makes anybody look at: values that have fallen.
async fn look(alerts: Arc<Alerts>) {
    loop {
        sleep(EVERY).await;
        alerts.look();
    }
}

const EVERY: Duration = Duration::from_secs(5);
