//! A handler at work: polled by the transport that carries its answer, without a task or a channel of its own.
//!
//! What the handler says comes out first, then its answer. A panic, a deadline, a cancellation and open questions
//! end it here.

mod conclude;

use std::{
    future::poll_fn,
    num::NonZeroI32,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use mocopr_core::{
    fault::{self, Fault},
    id::RequestId,
    outcome::{Outcome, PublicError},
    wire::{
        encode,
        revision::{Era, Revision},
    },
};
use mocopr_security::{
    evidence::{Account, Ending},
    gate::{Admission, Kind},
    sanitize,
};
use tokio::task::coop::consume_budget;

pub(crate) use self::conclude::{ARGUMENTS_ARE_RESULTS, tool_error};
use crate::{
    answer::Answer,
    ask::StateBind,
    call_clock::CallClock,
    engine::Engine,
    handler::BoxFuture,
    inflight::Taken,
    lapse::Lapse,
    outlet::{Outlet, Say},
    spans::{Ended, Span},
    subject::Subject,
};

/// A handler at work.
pub(crate) struct Running {
    engine: Arc<Engine>,
    future: Option<BoxFuture<'static, Outcome>>,
    outlet: Arc<Outlet>,
    id: RequestId,
    revision: Revision,
    admission: Admission,
    subject: Subject,
    /// What sealed request state is bound to, beside the principal.
    state_bind: Option<StateBind>,
    outcome: Option<Result<Outcome, PublicError>>,
    /// The answer of a call whose handler was not let finish; in a box, because most calls never have one.
    broken_off: Option<Box<Answer>>,
    clock: CallClock,
    lapse: Lapse,
    /// Told when it ends; that it was given up where it is dropped before.
    account: Option<Box<Account>>,
    /// What the handler does is a part of it; the same holds for its end.
    span: Option<Box<dyn Span>>,
    _taken: Option<Taken>,
}

/// All that a run needs.
pub(crate) struct Start {
    pub(crate) future: BoxFuture<'static, Outcome>,
    pub(crate) outlet: Arc<Outlet>,
    pub(crate) id: RequestId,
    pub(crate) revision: Revision,
    pub(crate) admission: Admission,
    pub(crate) subject: Subject,
    pub(crate) state_bind: Option<StateBind>,
    pub(crate) timeout: Duration,
    pub(crate) taken: Option<Taken>,
}

/// What comes of a run next.
#[derive(Debug)]
pub(crate) enum Event {
    /// A notification for the client before the answer.
    Frame(Bytes),
    /// The answer of one of several calls, of which others go on. Unlike a notification it is never left out.
    Part(Bytes),
    /// A request of ours, with its id: the handler waits until the client has answered.
    Question(
        #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "other transports put every question"))] RequestId,
        Bytes,
    ),
    /// The stream is to be closed; the answer is fetched later.
    CloseStream,
    /// The answer. Nothing follows.
    Final(Answer),
    /// The call was cancelled: nothing is sent, nothing follows.
    Cancelled,
}

impl Running {
    pub(crate) fn new(engine: Arc<Engine>, start: Start) -> Self {
        let Start { future, outlet, id, revision, admission, subject, state_bind, timeout, taken } = start;
        let client_wait = engine.limits().client_wait;
        Self {
            engine,
            future: Some(future),
            outlet,
            id,
            revision,
            admission,
            subject,
            state_bind,
            outcome: None,
            broken_off: None,
            clock: CallClock::new(timeout, client_wait),
            lapse: Lapse::default(),
            account: None,
            span: None,
            _taken: taken,
        }
    }

    /// Of this call account is kept, and it has a span. In place: to move a call costs as much as to tell of it.
    pub(crate) fn keep(&mut self, account: Option<Box<Account>>, span: Option<Box<dyn Span>>) {
        (self.account, self.span) = (account, span);
    }

    /// The revision that the call is answered in.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Gives the handler this time at most. Before the first event.
    pub(crate) fn end_within(&mut self, timeout: Duration) {
        self.clock.shorten(timeout);
    }

    /// By what the caller is here.
    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Whose handler it is.
    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What comes next.
    ///
    /// Gives way to other tasks now and then, also where the handler always has something to say.
    ///
    /// # Cancel safety
    /// Nothing is lost when the returned future is dropped.
    pub(crate) async fn next(&mut self) -> Event {
        consume_budget().await;
        poll_fn(|task| self.poll_next(task)).await
    }

    /// As [`Running::next`], for those who poll by hand.
    pub(crate) fn poll_next(&mut self, task: &mut TaskContext<'_>) -> Poll<Event> {
        let next = self.poll_event(task);
        match &next {
            Poll::Ready(Event::Final(answer)) => self.tell_end(answer.ending, answer.code, answer.body.len()),
            Poll::Ready(Event::Cancelled) => self.tell_end(Ending::CANCELLED, None, 0),
            Poll::Ready(Event::Frame(_) | Event::Part(_) | Event::Question(..) | Event::CloseStream)
            | Poll::Pending => {}
        }
        next
    }

    fn tell_end(&mut self, ending: Ending, code: Option<NonZeroI32>, answered: usize) {
        if let Some(span) = self.span.take() {
            span.end(&Ended { ending, code, opened: None });
        }
        if let Some(account) = self.account.take() {
            account.end(ending, answered);
        }
    }

    fn poll_event(&mut self, task: &mut TaskContext<'_>) -> Poll<Event> {
        self.outlet.register(task.waker());
        if self.broken_off.is_none() && self.outlet.is_cancelled() {
            self.drop_handler();
            return Poll::Ready(Event::Cancelled);
        }
        self.poll_handler(task);
        let asks = self.future.is_some()
            && self.revision.era() == Era::Stateless
            && self.outlet.with_asks(|book| book.is_open());
        // Before what the handler says, or one that always has something to say would have no deadline.
        if self.future.is_some()
            && !asks
            && let Poll::Ready(ended) = self.poll_ended(task)
        {
            self.break_off(ended);
        }
        if let Some(event) = self.next_say() {
            return Poll::Ready(event);
        }
        if let Some(answer) = self.broken_off.take() {
            return Poll::Ready(Event::Final(*answer));
        }
        if let Some(outcome) = self.outcome.take() {
            return Poll::Ready(Event::Final(self.conclude(outcome)));
        }
        if asks {
            self.drop_handler();
            return Poll::Ready(Event::Final(self.need_input()));
        }
        Poll::Pending
    }

    /// Ready once the handler has taken longer than it may, or its caller may not call any longer; it is not polled,
    /// and the next event says so.
    ///
    /// For whoever waits until a peer has read what was said so far: a peer that takes a byte now and then must not
    /// hold a handler for longer than any other.
    pub(crate) async fn overdue(&mut self) {
        poll_fn(|task| {
            if self.broken_off.is_some() {
                return Poll::Ready(());
            }
            if self.future.is_none() {
                return Poll::Pending;
            }
            match self.poll_over(task) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => self.lapse.poll(&self.engine.gate, &self.admission, task),
            }
        })
        .await;
    }

    fn poll_over(&mut self, task: &mut TaskContext<'_>) -> Poll<()> {
        self.clock.poll_over(self.outlet.question(), task)
    }

    /// Ready, with what it is answered with, once it has taken longer than it may, its caller is believed no longer or
    /// its tool is stopped.
    fn poll_ended(&mut self, task: &mut TaskContext<'_>) -> Poll<Answer> {
        if self.poll_over(task).is_ready() {
            return Poll::Ready(self.fault(Fault::Timeout));
        }
        let (gate, admission) = (&self.engine.gate, &self.admission);
        let tool = match &self.subject {
            Subject::Tool(entry) if gate.stopper().is_some() => Some(entry),
            Subject::Tool(_)
            | Subject::Prompt(_)
            | Subject::Resource(_)
            | Subject::Member(..)
            | Subject::Completion(_)
            | Subject::List => None,
        };
        if tool.is_none() && !gate.can_lapse(admission) {
            return Poll::Pending;
        }
        let is_stopped = || tool.is_some_and(|entry| gate.stops(Kind::Tool, &entry.info.name));
        ready!(self.lapse.poll_while(|| !is_stopped() && gate.holds(admission), task));
        if gate.holds(admission) {
            // What is stopped is not there, for whoever asks and for whoever waits.
            return Poll::Ready(self.fault(Fault::UnknownName(fault::Target::Tool)).ending(Ending::STOPPED));
        }
        Poll::Ready(self.fault(Fault::Unauthenticated))
    }

    /// Ends the handler, and the call with this answer. Of what was said and not sent only that questions are withdrawn
    /// goes out before it.
    fn break_off(&mut self, answer: Answer) {
        self.outlet.cancel();
        self.drop_handler();
        self.outlet.keep_withdrawals();
        self.broken_off = Some(Box::new(answer));
    }

    /// Ends the handler where it stands. Its destructors are its owner's code, and may panic like the rest of it.
    fn drop_handler(&mut self) {
        let Some(future) = self.future.take() else { return };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(future))) {
            // The call is over, so the incident is in the log alone.
            let _ = sanitize::panic(&*panic, self.admission.principal(), self.subject.name(), self.manner());
        }
    }

    fn poll_handler(&mut self, task: &mut TaskContext<'_>) {
        let Some(future) = &mut self.future else { return };
        // A handler that panicked is never polled again, so what it left behind is not seen.
        match catch_unwind(AssertUnwindSafe(|| poll_within(self.span.as_deref(), future, task))) {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(outcome)) => {
                self.future = None;
                // It holds the arguments, and with them the whole message: large ones should not be kept beside the
                // answer.
                self.state_bind = None;
                self.outcome = Some(Ok(outcome));
            }
            Err(panic) => {
                self.future = None;
                let error = sanitize::panic(&*panic, self.admission.principal(), self.subject.name(), self.manner());
                self.outcome = Some(Err(error));
            }
        }
    }

    fn next_say(&mut self) -> Option<Event> {
        loop {
            let frame = match self.outlet.next()? {
                Say::Notice(notice) => {
                    let notice = match self.output() {
                        Some(output) => output.notice(notice),
                        None => notice,
                    };
                    encode::notice(&notice, self.revision, None)
                }
                Say::Ask { id, ask } => {
                    let ask = match self.output() {
                        Some(output) => output.ask(ask),
                        None => ask,
                    };
                    let id = RequestId::Integer(id);
                    match encode::ask(&id, &ask, self.revision) {
                        Some(frame) => return Some(Event::Question(id, frame)),
                        None => None,
                    }
                }
                Say::CloseStream => return Some(Event::CloseStream),
            };
            // What a revision lacks is not sent.
            if let Some(frame) = frame {
                return Some(Event::Frame(frame));
            }
        }
    }
}

/// Polls a handler as a part of the span of its call.
fn poll_within(
    span: Option<&dyn Span>,
    future: &mut BoxFuture<'static, Outcome>,
    task: &mut TaskContext<'_>,
) -> Poll<Outcome> {
    let Some(span) = span else { return future.as_mut().poll(task) };
    let mut polled = Poll::Pending;
    span.within(&mut || polled = future.as_mut().poll(task));
    polled
}

/// Nobody polls the handler any longer, so nobody waits for its answer. One that blocks hears of it only this way.
impl Drop for Running {
    fn drop(&mut self) {
        if self.future.is_some() {
            self.outlet.cancel();
            self.drop_handler();
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("id", &self.id).field("subject", &self.subject).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::FutureExt;
    use mocopr_core::meta;
    use mocopr_security::{limits::Limits, policy::SecurityPolicy};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        context::Context,
        engine::{Channel, Link, Step},
        registry::tool::Tool,
        server::McpServer,
    };

    /// A call of the one tool of a server whose calls may take five seconds; the client wants every log message.
    pub(crate) fn call(tool: Tool) -> Running {
        let limits = Limits { request: Duration::from_secs(5), ..Limits::development() };
        let policy = SecurityPolicy::development().with_limits(limits);
        let server = McpServer::builder().with_info("test", "1").with_security_policy(policy).with_tool(tool).build();
        let engine = server.unwrap().engine;
        let admission = engine.gate.admit_pipe();
        let meta =
            json!({meta::PROTOCOL_VERSION: "2026-07-28", meta::CLIENT_CAPABILITIES: {}, meta::LOG_LEVEL: "debug"});
        let params = json!({"name": "tool", "_meta": meta});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let link = Link::Channel(&Channel::default());
        match engine.begin(&admission, message.to_string().into(), link) {
            Step::Run(running, _) => running,
            other => panic!("{other:?}"),
        }
    }

    /// A tool that always has something to say and never ends.
    pub(crate) fn talker() -> Tool {
        Tool::new("tool").handler_with(|_: Value, ctx: &Context| {
            async move {
                loop {
                    ctx.log(mocopr_core::model::content::Level::Info, "still here");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                #[expect(unreachable_code, reason = "says what the tool would answer")]
                ""
            }
            .boxed()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_always_says_something_is_timed_out_like_any_other() {
        let tool = Tool::new("tool").handler_with(|_: Value, ctx: &Context| {
            async move {
                loop {
                    ctx.log(mocopr_core::model::content::Level::Info, "still here");
                    // As long as something is said at every poll, time goes on only here.
                    tokio::time::advance(Duration::from_millis(100)).await;
                }
                #[expect(unreachable_code, reason = "says what the tool would answer")]
                ""
            }
            .boxed()
        });
        let mut running = call(tool);
        for _ in 0..1_000 {
            if let Event::Final(answer) = running.next().await {
                assert_eq!(answer.status, 504);
                return;
            }
        }
        panic!("it goes on after {:?}", Duration::from_millis(100) * 1_000);
    }

    #[tokio::test]
    async fn a_handler_that_blocks_hears_that_its_client_is_gone() {
        static HEARD: AtomicBool = AtomicBool::new(false);
        struct Heard<'a>(&'a Context);
        impl Drop for Heard<'_> {
            fn drop(&mut self) {
                HEARD.store(self.0.is_cancelled(), Ordering::SeqCst);
            }
        }
        let tool = Tool::new("tool").handler_with(|_: Value, ctx: &Context| {
            async move {
                let _heard = Heard(ctx);
                std::future::pending::<&str>().await
            }
            .boxed()
        });
        let mut running = call(tool);
        assert!(running.next().now_or_never().is_none());
        drop(running);
        assert!(HEARD.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_destructor_that_panics_ends_its_own_call_and_nothing_else() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("boom");
            }
        }
        let tool = || {
            Tool::new("tool").handler(|_: Value| async {
                let _bomb = Bomb;
                std::future::pending::<&str>().await
            })
        };
        let mut cancelled = call(tool());
        assert!(cancelled.next().now_or_never().is_none());
        cancelled.outlet.cancel();
        assert!(matches!(cancelled.next().await, Event::Cancelled));
        let mut gone = call(tool());
        assert!(gone.next().now_or_never().is_none());
        drop(gone);
    }
}
