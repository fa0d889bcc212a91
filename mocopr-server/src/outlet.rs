//! What a running handler says before it answers: progress, log messages, questions. Bounded, and lossy by rule:
//! of progress the latest is kept, lost log messages are counted, so that a handler never waits for a slow peer.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as TaskContext, Poll, Waker},
};

use futures_util::task::AtomicWaker;
use mocopr_core::{
    id::{ProgressToken, RequestId},
    json::RawJson,
    model::{
        ask::Ask,
        content::{Level, LogMessage},
        notice::Notice,
    },
};

use crate::ask::AskBook;

/// The outlet of one call, shared by its context and by whoever polls its handler.
#[derive(Debug)]
pub(crate) struct Outlet {
    /// Wakes whoever polls the handler.
    driver: AtomicWaker,
    cancelled: AtomicBool,
    progress_token: Option<ProgressToken>,
    log_floor: Option<Level>,
    queue: usize,
    pending: Mutex<Pending>,
}

#[derive(Debug)]
struct Pending {
    says: VecDeque<Say>,
    last_progress: f64,
    lost_logs: u64,
    waiting_for_cancel: Vec<Waker>,
    asks: AskBook,
    questions: u64,
    waiting_for_client: usize,
}

/// One thing that a handler says before it answers.
#[derive(Debug)]
pub(crate) enum Say {
    /// A notification.
    Notice(Notice),
    /// A question to the client, as a request of ours (stateful revisions).
    Ask { id: i64, ask: Ask },
    /// The stream is to be closed; the client comes back for the rest.
    CloseStream,
}

impl Outlet {
    /// The outlet of a call whose client wants progress under `progress_token` and logs from `log_floor` up.
    /// At most `queue` notes wait for the peer.
    pub(crate) fn new(
        progress_token: Option<ProgressToken>,
        log_floor: Option<Level>,
        asks: AskBook,
        queue: usize,
    ) -> Self {
        Self {
            driver: AtomicWaker::new(),
            cancelled: AtomicBool::new(false),
            progress_token,
            log_floor,
            queue,
            pending: Mutex::new(Pending {
                says: VecDeque::new(),
                last_progress: f64::NEG_INFINITY,
                lost_logs: 0,
                waiting_for_cancel: Vec::new(),
                asks,
                questions: 0,
                waiting_for_client: 0,
            }),
        }
    }

    /// Keeps the latest progress, if the client asked for it and it grew.
    pub(crate) fn progress(&self, progress: f64, total: Option<f64>, message: Option<String>) {
        let Some(token) = &self.progress_token else { return };
        if !progress.is_finite() || total.is_some_and(|total| !total.is_finite()) {
            return;
        }
        let mut pending = self.lock();
        if progress <= pending.last_progress {
            return;
        }
        let notice = Say::Notice(Notice::Progress { token: token.clone(), progress, total, message });
        let full = pending.says.len() >= self.queue;
        match pending.says.iter_mut().rev().take(if full { self.queue } else { 1 }).find(|say| say.is_progress()) {
            Some(latest) => *latest = notice,
            None if full => return,
            None => pending.says.push_back(notice),
        }
        pending.last_progress = progress;
        drop(pending);
        self.driver.wake();
    }

    /// The client wants log messages of this level.
    pub(crate) fn wants(&self, level: Level) -> bool {
        self.log_floor.is_some_and(|floor| level >= floor)
    }

    /// Queues a log message, or counts it as lost.
    pub(crate) fn log(&self, message: LogMessage) {
        if !self.wants(message.level) {
            return;
        }
        let mut pending = self.lock();
        if pending.says.len() >= self.queue {
            pending.lost_logs += 1;
            return;
        }
        pending.says.push_back(Say::Notice(Notice::Log(message)));
        drop(pending);
        self.driver.wake();
    }

    /// Queues a question of ours. Never lost: a handler waits for each.
    pub(crate) fn ask(&self, id: i64, ask: Ask) {
        let mut pending = self.lock();
        pending.says.push_back(Say::Ask { id, ask });
        pending.questions += 1;
        pending.waiting_for_client += 1;
        drop(pending);
        self.driver.wake();
    }

    /// A question of ours was answered or given up.
    pub(crate) fn answered(&self) {
        let mut pending = self.lock();
        pending.waiting_for_client = pending.waiting_for_client.saturating_sub(1);
    }

    /// Nobody waits for the answer to a question any longer: the client is told, where it was asked.
    pub(crate) fn withdraw(&self, question: i64) {
        let mut pending = self.lock();
        let said = pending.says.len();
        pending.says.retain(|say| !matches!(say, Say::Ask { id, .. } if *id == question));
        if pending.says.len() == said {
            pending.says.push_back(Say::Notice(Notice::Cancelled { id: RequestId::Integer(question) }));
        }
        drop(pending);
        self.driver.wake();
    }

    /// Forgets what was said but that questions are withdrawn, which is no less true of a call that is over.
    pub(crate) fn keep_withdrawals(&self) {
        let mut pending = self.lock();
        pending.says.retain(|say| matches!(say, Say::Notice(Notice::Cancelled { .. })));
        pending.lost_logs = 0;
    }

    /// The number of the latest question, while the handler waits for an answer of the client.
    pub(crate) fn question(&self) -> Option<u64> {
        let pending = self.lock();
        (pending.waiting_for_client > 0).then_some(pending.questions)
    }

    /// Asks for the stream to be closed.
    pub(crate) fn close_stream(&self) {
        self.lock().says.push_back(Say::CloseStream);
        self.driver.wake();
    }

    /// What was said next, if anything.
    pub(crate) fn next(&self) -> Option<Say> {
        let mut pending = self.lock();
        if let Some(say) = pending.says.pop_front() {
            return Some(say);
        }
        if pending.lost_logs == 0 {
            return None;
        }
        let lost = std::mem::take(&mut pending.lost_logs);
        drop(pending);
        let data = RawJson::encode(&format!("{lost} log messages were lost")).ok()?;
        let level = self.log_floor.filter(|floor| *floor > Level::Warning).unwrap_or(Level::Warning);
        Some(Say::Notice(Notice::Log(LogMessage { level, logger: None, data })))
    }

    /// Has `waker` woken when something is said or the call is cancelled.
    pub(crate) fn register(&self, waker: &Waker) {
        self.driver.register(waker);
    }

    /// Nobody waits for the answer any longer.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut self.lock().waiting_for_cancel);
        waiting.into_iter().for_each(Waker::wake);
        self.driver.wake();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Ready once the call is cancelled.
    pub(crate) fn poll_cancelled(&self, task: &TaskContext<'_>) -> Poll<()> {
        if self.is_cancelled() {
            return Poll::Ready(());
        }
        let mut pending = self.lock();
        if !pending.waiting_for_cancel.iter().any(|waker| waker.will_wake(task.waker())) {
            pending.waiting_for_cancel.push(task.waker().clone());
        }
        drop(pending);
        // The flag may have been raised between the two looks.
        if self.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The questions and answers of this call.
    pub(crate) fn with_asks<T>(&self, act: impl FnOnce(&mut AskBook) -> T) -> T {
        act(&mut self.lock().asks)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Say {
    fn is_progress(&self) -> bool {
        matches!(self, Self::Notice(Notice::Progress { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: usize = 256;

    fn outlet() -> Outlet {
        Outlet::new(ProgressToken::from_raw("7"), Some(Level::Info), AskBook::default(), QUEUE)
    }

    fn log(level: Level) -> LogMessage {
        LogMessage { level, logger: None, data: RawJson::empty_object() }
    }

    #[test]
    fn progress_only_grows_and_the_latest_is_kept() {
        let outlet = outlet();
        outlet.progress(1.0, None, None);
        outlet.progress(3.0, None, None);
        outlet.progress(2.0, None, None);
        outlet.progress(f64::NAN, None, None);
        let Some(Say::Notice(Notice::Progress { progress, .. })) = outlet.next() else { panic!("progress was said") };
        assert_eq!(progress, 3.0);
        assert!(outlet.next().is_none());
    }

    #[test]
    fn log_messages_past_the_bound_are_counted() {
        let outlet = outlet();
        for _ in 0..QUEUE + 5 {
            outlet.log(log(Level::Error));
        }
        outlet.log(log(Level::Debug));
        for _ in 0..QUEUE {
            assert!(outlet.next().is_some());
        }
        let Some(Say::Notice(Notice::Log(message))) = outlet.next() else { panic!("the loss was said") };
        assert_eq!(message.data.as_str(), "\"5 log messages were lost\"");
        assert_eq!(message.level, Level::Warning);
        assert!(outlet.next().is_none());
    }

    #[test]
    fn a_question_is_withdrawn_where_it_was_asked_and_forgotten_where_it_was_not() {
        let outlet = outlet();
        outlet.ask(1, Ask::Roots);
        outlet.ask(2, Ask::Roots);
        assert!(matches!(outlet.next(), Some(Say::Ask { id: 1, .. })));
        outlet.log(log(Level::Error));
        outlet.withdraw(1);
        outlet.withdraw(2);
        outlet.keep_withdrawals();
        let Some(Say::Notice(Notice::Cancelled { id })) = outlet.next() else { panic!("it is withdrawn") };
        assert_eq!(id, RequestId::Integer(1));
        assert!(outlet.next().is_none());
    }

    #[test]
    fn a_loss_is_never_told_below_the_level_that_the_client_wants() {
        let outlet = Outlet::new(None, Some(Level::Critical), AskBook::default(), 1);
        outlet.log(log(Level::Critical));
        outlet.log(log(Level::Critical));
        assert!(outlet.next().is_some());
        let Some(Say::Notice(Notice::Log(message))) = outlet.next() else { panic!("the loss was said") };
        assert_eq!(message.level, Level::Critical);
    }
}
