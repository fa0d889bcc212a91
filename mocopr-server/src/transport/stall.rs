//! How long a write may stand still.
//!
//! Owns the one timer of a stream that is written to. It never looks at what is written, and reads have no limit here.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// The other side took nothing for the whole time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stalled;

impl From<Stalled> for io::Error {
    fn from(Stalled: Stalled) -> Self {
        io::ErrorKind::TimedOut.into()
    }
}

/// A timer that runs only while a write waits.
///
/// It is made at the first write that has to wait; a stream whose peer reads never touches the timer wheel.
#[derive(Debug)]
pub(crate) struct Stall {
    within: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Stall {
    /// A write may wait for `within` in all; each write that does not wait gives the next one its time again.
    pub(crate) fn new(within: Duration) -> Self {
        Self { within, timer: None, waiting: false }
    }

    /// Passes on how a write went, or that it has waited for too long.
    pub(crate) fn watch<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<T>) -> Poll<Result<T, Stalled>> {
        if let Poll::Ready(outcome) = outcome {
            self.waiting = false;
            return Poll::Ready(Ok(outcome));
        }
        let within = self.within;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(within)));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + within);
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(Stalled))
    }

    /// Whether a write has ever had to wait.
    #[cfg(all(test, feature = "http"))]
    pub(crate) fn has_timer(&self) -> bool {
        self.timer.is_some()
    }
}
