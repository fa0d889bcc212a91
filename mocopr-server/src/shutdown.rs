//! When a server stops: Ctrl-C, SIGTERM, or what its owner says.

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// Done once the server is told to stop; `stopping` is done then as well.
pub(crate) async fn stop(owner: Option<BoxFuture<'static, ()>>, stopping: CancellationToken) {
    let owner = async {
        match owner {
            Some(owner) => owner.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = owner => {}
        () = signals() => {}
        () = stopping.cancelled() => {}
    }
    info!("stopping: calls under way are finished");
    stopping.cancel();
}

#[cfg(unix)]
async fn signals() {
    use tokio::signal::unix::{SignalKind, signal};

    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        (Err(error), _) | (_, Err(error)) => {
            debug!(%error, "signals cannot be watched");
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
async fn signals() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        debug!(%error, "signals cannot be watched");
        std::future::pending().await
    }
}
