//! Tells when an admission ends, or a tool is stopped, while something of it is still open: a stream, or a call that
//! takes long.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context as TaskContext, Poll, ready},
    time::Duration,
};

use mocopr_security::gate::{Admission, Gate};
use tokio::time::{Instant, Sleep, sleep};

/// Looks now and then whether an admission still holds, or whatever lets something go on. Costs nothing where it cannot
/// lapse, and no timer before it is polled.
#[derive(Debug, Default)]
pub(crate) struct Lapse {
    next_look: Option<Pin<Box<Sleep>>>,
}

impl Lapse {
    /// Ready once the admission means nothing any longer, at most [`LOOK`] late.
    pub(crate) fn poll(&mut self, gate: &Gate, admission: &Admission, task: &mut TaskContext<'_>) -> Poll<()> {
        if !gate.can_lapse(admission) {
            return Poll::Pending;
        }
        self.poll_while(|| gate.holds(admission), task)
    }

    /// Ready once this holds no longer, at most [`LOOK`] late.
    pub(crate) fn poll_while(&mut self, holds: impl Fn() -> bool, task: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            let next_look = self.next_look.get_or_insert_with(|| Box::pin(sleep(LOOK)));
            // A task that never waits does not give the runtime a chance to fire its timers.
            if next_look.deadline() > Instant::now() {
                ready!(next_look.as_mut().poll(task));
            }
            if !holds() {
                return Poll::Ready(());
            }
            next_look.as_mut().reset(Instant::now() + LOOK);
        }
    }
}

/// Ready once the admission means nothing any longer.
///
/// # Cancel safety
/// Safe: whoever asks again is told again.
pub(crate) async fn lapsed(gate: &Gate, admission: &Admission) {
    let mut lapse = Lapse::default();
    poll_fn(|task| lapse.poll(gate, admission, task)).await;
}

/// How long something may go on after its admission has ended: two looks fit into the second that is promised.
const LOOK: Duration = Duration::from_millis(400);
