//! The time that a call has: its own, and that of each question to its client.

use std::{
    future::Future,
    pin::Pin,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a call may take. Stands still while the client is asked something, and costs no timer until the handler
/// first waits.
#[derive(Debug)]
pub(crate) struct CallClock {
    timeout: Duration,
    client_wait: Duration,
    timer: Option<Timer>,
}

#[derive(Debug)]
struct Timer {
    sleep: Pin<Box<Sleep>>,
    deadline: Instant,
    asking_since: Option<Instant>,
    question: Option<u64>,
}

impl CallClock {
    pub(crate) fn new(timeout: Duration, client_wait: Duration) -> Self {
        Self { timeout, client_wait, timer: None }
    }

    /// Gives the call this time at most. Does nothing once the handler has waited.
    pub(crate) fn shorten(&mut self, timeout: Duration) {
        self.timeout = self.timeout.min(timeout);
    }

    /// `question` is the number of the latest question that waits for the client, where one does.
    pub(crate) fn poll_over(&mut self, question: Option<u64>, task: &mut TaskContext<'_>) -> Poll<()> {
        let timeout = self.timeout;
        let timer = self.timer.get_or_insert_with(|| {
            let deadline = far(timeout);
            Timer { sleep: Box::pin(sleep_until(deadline)), deadline, asking_since: None, question: None }
        });
        if question.is_some() && question != timer.question {
            timer.sleep.as_mut().reset(far(self.client_wait));
        }
        timer.question = question;
        match (question, timer.asking_since) {
            (Some(_), None) => timer.asking_since = Some(now()),
            (None, Some(since)) => {
                timer.asking_since = None;
                timer.deadline += now() - since;
                timer.sleep.as_mut().reset(timer.deadline);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        // A task that never waits does not give the runtime a chance to fire its timers.
        match timer.sleep.as_mut().poll(task) {
            Poll::Pending if timer.sleep.deadline() > now() => Poll::Pending,
            Poll::Pending | Poll::Ready(()) => Poll::Ready(()),
        }
    }
}

/// Tokio's own time, which tests can stop.
fn now() -> Instant {
    Instant::now()
}

/// That long from now; as good as never where the sum does not exist.
fn far(after: Duration) -> Instant {
    let now = now();
    now.checked_add(after).unwrap_or_else(|| now + NEVER)
}

/// Thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_question_has_its_own_time_to_be_answered() {
        let mut clock = CallClock::new(Duration::from_secs(5), Duration::from_secs(300));
        let mut over = async |question, seconds| {
            let over = poll_fn(|task| Poll::Ready(clock.poll_over(question, task).is_ready())).await;
            tokio::time::advance(Duration::from_secs(seconds)).await;
            over
        };
        assert!(!over(None, 4).await);
        assert!(!over(Some(1), 299).await);
        assert!(!over(Some(2), 299).await);
        assert!(!over(Some(2), 2).await);
        assert!(over(Some(2), 0).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_call_s_own_time_goes_on_when_the_client_has_answered() {
        let mut clock = CallClock::new(Duration::from_secs(5), Duration::from_secs(300));
        let mut over = async |question, seconds| {
            let over = poll_fn(|task| Poll::Ready(clock.poll_over(question, task).is_ready())).await;
            tokio::time::advance(Duration::from_secs(seconds)).await;
            over
        };
        assert!(!over(None, 4).await);
        assert!(!over(Some(1), 200).await);
        assert!(!over(None, 0).await);
        assert!(!over(None, 2).await);
        assert!(over(None, 0).await);
    }
}
