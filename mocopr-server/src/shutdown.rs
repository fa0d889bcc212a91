//! When a server stops: Ctrl-C, SIGTERM, or what its owner says; and when it stops at once, because it is told again.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
#[cfg(unix)]
use tracing::debug;
use tracing::{info, warn};

use crate::{
    engine::Engine,
    error::{Error, Result},
};

/// What tells a server to stop.
pub(crate) struct Shutdown {
    owner: Option<BoxFuture<'static, ()>>,
    signals: StopSignals,
    /// How long a server that is told to stop serves as before, but for its readiness.
    delay: Duration,
}

impl Shutdown {
    /// Watches from now on.
    ///
    /// Signals are watched from the call on, not from the first poll: whoever has seen the server answer or listen can
    /// tell it to stop, and it is not killed by the signal. Must be called inside of a tokio runtime.
    pub(crate) fn watch(owner: Option<BoxFuture<'static, ()>>, delay: Duration) -> Self {
        Self { owner, signals: StopSignals::watch(), delay }
    }

    /// Serves to the end. Once the server is told to stop its readiness fails, and after the delay `stopping` is done,
    /// at which `serving` ends in its own time.
    ///
    /// # Errors
    /// Where a signal comes once more before it has ended: `serving` is dropped where it stands.
    pub(crate) async fn serve<T>(mut self, engine: &Engine, serving: impl Future<Output = T>) -> Result<T> {
        let forced = async {
            self.told(&engine.stopping).await;
            info!("stopping: calls under way are finished");
            engine.leaving.store(true, Ordering::Relaxed);
            if !self.delay.is_zero() {
                tokio::select! {
                    () = sleep(self.delay) => {}
                    () = engine.stopping.cancelled() => {}
                    () = self.signals.next() => return,
                }
            }
            engine.stopping.cancel();
            self.signals.next().await;
        };
        tokio::select! {
            biased;
            done = serving => Ok(done),
            () = forced => {
                warn!(rule = "second signal", "stopping at once: calls under way are dropped");
                engine.stopping.cancel();
                Err(Error::forced())
            }
        }
    }

    async fn told(&mut self, stopping: &CancellationToken) {
        let owner = self.owner.take();
        let owner = async {
            match owner {
                Some(owner) => owner.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = owner => {}
            () = self.signals.next() => {}
            () = stopping.cancelled() => {}
        }
    }
}

/// Fails readiness, serves on for the delay, and then says that the server stops.
#[cfg(feature = "axum")]
pub(crate) async fn drain(engine: &Engine, delay: Duration) {
    engine.leaving.store(true, Ordering::Relaxed);
    tokio::select! {
        () = sleep(delay) => {}
        () = engine.stopping.cancelled() => {}
    }
    engine.stopping.cancel();
}

/// Ctrl-C and SIGTERM, each time that one of them comes.
#[cfg(unix)]
struct StopSignals(Option<[tokio::signal::unix::Signal; 2]>);

#[cfg(unix)]
impl StopSignals {
    fn watch() -> Self {
        use tokio::signal::unix::{SignalKind, signal};

        match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(interrupt), Ok(terminate)) => Self(Some([interrupt, terminate])),
            (Err(error), _) | (_, Err(error)) => {
                debug!(%error, "signals cannot be watched");
                Self(None)
            }
        }
    }

    async fn next(&mut self) {
        let Some([interrupt, terminate]) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn watch() -> Self {
        Self
    }

    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::debug!(%error, "signals cannot be watched");
            std::future::pending().await
        }
    }
}
