//! Signals that a server acts upon while it runs, where the system has them.

use std::future::pending;

/// Which one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    User1,
}

/// Each time that a signal comes.
pub(crate) struct Signals {
    #[cfg(unix)]
    watched: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// Watches from now on, not from the first wait: from now on the signal does not end the process. Must be called
    /// inside of a tokio runtime.
    pub(crate) fn watch(signal: Signal) -> Self {
        use tokio::signal::unix::{self, SignalKind};

        let watched = unix::signal(match signal {
            Signal::Hangup => SignalKind::hangup(),
            Signal::User1 => SignalKind::user_defined1(),
        });
        if let Err(error) = &watched {
            tracing::error!(%error, ?signal, "a signal cannot be watched");
        }
        Self { watched: watched.ok() }
    }

    /// The next time.
    ///
    /// # Cancel safety
    /// Safe: a signal that comes meanwhile is there at the next call.
    pub(crate) async fn next(&mut self) {
        match &mut self.watched {
            Some(watched) => {
                if watched.recv().await.is_none() {
                    pending().await
                }
            }
            None => pending().await,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn watch(_: Signal) -> Self {
        Self {}
    }

    pub(crate) async fn next(&mut self) {
        pending().await
    }
}
