//! When a server stops: Ctrl-C, SIGTERM, or what its owner says.

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// Done once the server is told to stop; `stopping` is done then as well.
///
/// Signals are watched from the call on, not from the first poll: whoever has seen the server answer or listen can tell
/// it to stop, and it is not killed by the signal. Must be called inside of a tokio runtime.
pub(crate) fn stop(
    owner: Option<BoxFuture<'static, ()>>,
    stopping: CancellationToken,
) -> impl Future<Output = ()> + Send {
    let signals = signals();
    async move {
        let owner = async {
            match owner {
                Some(owner) => owner.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = owner => {}
            () = signals => {}
            () = stopping.cancelled() => {}
        }
        info!("stopping: calls under way are finished");
        stopping.cancel();
    }
}

#[cfg(unix)]
fn signals() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};

    let watched = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        match watched {
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
}

#[cfg(not(unix))]
async fn signals() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        debug!(%error, "signals cannot be watched");
        std::future::pending().await
    }
}
