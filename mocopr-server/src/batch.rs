//! Batches of 2025-03-26: each message goes the way of a single one, and what they say and answer comes from one
//! source.
//!
//! Decides nothing of its own: each message has its own permit, rate, limits and deadline.

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as TaskContext, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use mocopr_core::{
    envelope::{self, Malformed, Message, Wants},
    fault::Fault,
    id::RequestId,
    wire::{
        decode::{self, MetaVersion},
        encode,
        revision::Revision,
    },
};
use mocopr_security::{gate::Admission, sanitize};
use tokio::task::coop::consume_budget;

use crate::{
    answer::Answer,
    arrival::Arrival,
    engine::{Engine, Refused, Step, is_initialize, with_scanner},
    running::{Event, Running},
    session::Session,
    subject::Subject,
};

/// The calls of a batch that are under way, and the answers that there are.
///
/// The answers come in the order in which they are there: in one array when all are, or, once somebody reads what is
/// said before, each by itself.
pub(crate) struct Batch {
    engine: Arc<Engine>,
    admission: Admission,
    session: Arc<Session>,
    members: Vec<Member>,
    answers: VecDeque<Bytes>,
    /// What all of them are about, also those that are answered.
    subjects: Vec<Subject>,
    /// Bytes that further answers may have.
    room: usize,
    form: Form,
    /// Whose turn it is, so that one that always says something does not keep the others from it.
    turn: usize,
    /// Wakes whoever polls the batch.
    driver: Arc<AtomicWaker>,
}

/// How answers leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Array,
    EachAlone,
}

/// One call of a batch.
struct Member {
    id: Option<RequestId>,
    running: Running,
    bell: Arc<Bell>,
}

/// Remembers that a call wants to be polled, so that of many calls only those are that have something to do.
struct Bell {
    rung: AtomicBool,
    driver: Arc<AtomicWaker>,
}

impl Engine {
    /// Takes the messages of a batch as far as they go without waiting, in their order.
    pub(crate) fn batch(
        self: &Arc<Self>,
        admission: &Admission,
        frame: &Bytes,
        session: &Arc<Session>,
        arrival: &Arrival,
    ) -> Result<Step, Refused> {
        let read = with_scanner(|scanner| envelope::read_batch(frame, &self.limits().message, scanner));
        let messages = read.map_err(|fault| self.refuse(None, fault, session.revision()))?;
        let mut batch = Batch::new(self, admission, session);
        let mut well_formed = false;
        for message in messages {
            let id = envelope::answered_id(&message).cloned();
            let mut arrival = arrival.of_member();
            let step = match message {
                Ok(message) => {
                    well_formed = true;
                    self.member(admission, message, session, &mut arrival)
                }
                Err(Malformed { wants: Wants::Nothing, .. }) => Ok(Step::Accepted),
                Err(Malformed { id, fault, wants: Wants::Answer }) => {
                    Err(self.refuse(id.as_ref(), fault, session.revision()))
                }
            };
            match step {
                Ok(Step::Accepted) => {}
                Ok(Step::Run(running, _)) => {
                    batch.subjects.push(running.subject().clone());
                    batch.members.push(Member::new(id, running, &batch.driver));
                }
                Ok(Step::Answer(answer)) => {
                    // Of what is answered at once only lists differ by caller.
                    batch.subjects.push(Subject::List);
                    batch.keep(id.as_ref(), answer);
                }
                Err(refused) => {
                    self.tell_refused(admission, &refused, &arrival);
                    batch.keep(id.as_ref(), refused);
                }
                // Nothing of a session leads to these; whoever waits is told so all the same.
                Ok(Step::Opened(..) | Step::Listen(_) | Step::Batch(_)) => {
                    let refusal = self.refuse(id.as_ref(), Fault::Internal, session.revision());
                    batch.keep(id.as_ref(), refusal);
                }
            }
        }
        if !batch.members.is_empty() {
            return Ok(Step::Batch(batch));
        }
        Ok(match batch.end() {
            Some(answer) if well_formed => Step::Answer(answer),
            Some(answer) => Step::Answer(Answer { status: 400, ..answer }),
            None => Step::Accepted,
        })
    }

    /// One message of a batch.
    fn member(
        self: &Arc<Self>,
        admission: &Admission,
        message: Message,
        session: &Arc<Session>,
        arrival: &mut Arrival,
    ) -> Result<Step, Refused> {
        let opened = decode::open(message);
        arrival.read_in(&opened, self);
        let rule = if is_initialize(opened.message()) {
            "initialize stands alone, never in a batch"
        } else if opened.version() != MetaVersion::Absent {
            "a message of a batch names no version of its own"
        } else {
            return self.in_session(admission, opened, Some(session), arrival);
        };
        Err(self.refuse(opened.message().id(), Fault::Envelope(rule), session.revision()))
    }
}

impl Batch {
    fn new(engine: &Arc<Engine>, admission: &Admission, session: &Arc<Session>) -> Self {
        Self {
            engine: engine.clone(),
            admission: admission.clone(),
            session: session.clone(),
            members: Vec::new(),
            answers: VecDeque::new(),
            subjects: Vec::new(),
            room: engine.limits().result_bytes,
            form: Form::Array,
            turn: 0,
            driver: Arc::default(),
        }
    }

    /// The session that the batch belongs to.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Gives each of its calls this time at most. Before the first event.
    pub(crate) fn end_within(&mut self, timeout: Duration) {
        self.members.iter_mut().for_each(|member| member.running.end_within(timeout));
    }

    /// By what its caller is here.
    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    pub(crate) fn revision(&self) -> Revision {
        self.session.revision()
    }

    /// What its calls are about.
    pub(crate) fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// From now on each answer leaves by itself, as soon as it is there.
    pub(crate) fn answer_each_alone(&mut self) {
        self.form = Form::EachAlone;
    }

    /// What comes next; gives way to other tasks now and then.
    ///
    /// # Cancel safety
    /// Nothing is lost when the returned future is dropped.
    pub(crate) async fn next(&mut self) -> Event {
        consume_budget().await;
        poll_fn(|task| self.poll_next(task)).await
    }

    /// As [`Batch::next`], for those who poll by hand.
    pub(crate) fn poll_next(&mut self, task: &mut TaskContext<'_>) -> Poll<Event> {
        self.driver.register(task.waker());
        if self.form == Form::EachAlone
            && let Some(answer) = self.answers.pop_front()
        {
            return Poll::Ready(Event::Part(answer));
        }
        let mut looked_at = 0;
        while looked_at < self.members.len() {
            if self.turn >= self.members.len() {
                self.turn = 0;
            }
            let Some(member) = self.members.get_mut(self.turn) else { break };
            match member.poll_next() {
                Poll::Pending => {
                    looked_at += 1;
                    self.turn += 1;
                }
                Poll::Ready(Event::Final(answer)) => {
                    let Member { id, .. } = self.members.remove(self.turn);
                    match self.form {
                        Form::Array => self.keep(id.as_ref(), answer),
                        Form::EachAlone if self.members.is_empty() => return Poll::Ready(Event::Final(answer)),
                        Form::EachAlone => return Poll::Ready(Event::Part(answer.body.whole())),
                    }
                }
                Poll::Ready(Event::Cancelled) => {
                    self.members.remove(self.turn);
                }
                Poll::Ready(event @ (Event::Frame(_) | Event::Part(_) | Event::Question(..) | Event::CloseStream)) => {
                    self.turn += 1;
                    return Poll::Ready(event);
                }
            }
        }
        if !self.members.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(self.end().map_or(Event::Cancelled, Event::Final))
    }

    /// Ready once one of the calls has taken longer than it may; the next event says so.
    pub(crate) async fn overdue(&mut self) {
        poll_fn(|task| {
            self.driver.register(task.waker());
            let mut overdue = self.members.iter_mut().map(Member::poll_overdue);
            if overdue.any(|poll| poll.is_ready()) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Keeps an answer until all are there. Together they are no larger than one result may be.
    fn keep(&mut self, id: Option<&RequestId>, answer: Answer) {
        let body = match self.room.checked_sub(answer.body.len()) {
            Some(room) => {
                self.room = room;
                answer.body.whole()
            }
            None => self.too_large(id),
        };
        self.answers.push_back(body);
    }

    fn too_large(&self, id: Option<&RequestId>) -> Bytes {
        let note = "the answers of a batch are larger than a result may be";
        let error =
            sanitize::internal(self.session.principal(), "batch", note, None, self.engine.gate.policy().manner());
        Answer::error(id, &error, self.session.revision(), &self.engine).body.whole()
    }

    /// The answers that are kept, as one; `None` where there are none.
    fn end(&mut self) -> Option<Answer> {
        let answers = std::mem::take(&mut self.answers);
        (!answers.is_empty()).then(|| Answer::message(encode::batch(&Vec::from(answers))))
    }
}

impl Member {
    fn new(id: Option<RequestId>, running: Running, driver: &Arc<AtomicWaker>) -> Self {
        Self { id, running, bell: Arc::new(Bell { rung: AtomicBool::new(true), driver: driver.clone() }) }
    }

    fn poll_next(&mut self) -> Poll<Event> {
        if !self.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(self.bell.clone());
        let event = self.running.poll_next(&mut TaskContext::from_waker(&waker));
        self.goes_on_after(event)
    }

    fn poll_overdue(&mut self) -> Poll<()> {
        let waker = Waker::from(self.bell.clone());
        let overdue = pin!(self.running.overdue()).poll(&mut TaskContext::from_waker(&waker));
        self.goes_on_after(overdue)
    }

    /// A call that came to something is polled again: there may be more, and nothing else will ring.
    fn goes_on_after<T>(&self, poll: Poll<T>) -> Poll<T> {
        if poll.is_ready() {
            self.bell.rung.store(true, Ordering::Release);
        }
        poll
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.driver.wake();
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("under_way", &self.members.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use mocopr_security::{limits::Limits, policy::SecurityPolicy};
    use serde_json::{Value, json};
    use tokio::time::timeout;

    use super::*;
    use crate::{
        engine::{Channel, Link},
        registry::tool::Tool,
        running::tests::talker,
        server::McpServer,
    };

    /// A batch of calls of these tools, each of which may take five seconds.
    pub(crate) fn batch_of(tools: &[&str]) -> Batch {
        let limits = Limits { request: Duration::from_secs(5), ..Limits::development() };
        let silent = Tool::new("silent").handler(|_: Value| std::future::pending::<&str>());
        let server = McpServer::builder()
            .with_info("test", "1")
            .with_security_policy(SecurityPolicy::development().with_limits(limits))
            .with_tool(talker())
            .with_tool(silent)
            .build();
        let engine = server.unwrap().engine;
        let admission = engine.gate.admit_pipe();
        let channel = Channel::default();
        let begin = |message: Value| engine.begin(&admission, message.to_string().into(), Link::Channel(&channel));
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": client});
        begin(json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}));
        let calls = tools
            .iter()
            .enumerate()
            .map(|(id, tool)| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool}}));
        match begin(calls.collect()) {
            Step::Batch(batch) => batch,
            other => panic!("{other:?}"),
        }
    }

    /// The codes of the answers as they leave: those of an array together.
    async fn codes(batch: &mut Batch) -> Vec<Value> {
        let mut codes = Vec::new();
        loop {
            let (answer, is_last) = match batch.next().await {
                Event::Frame(frame) | Event::Part(frame) => (frame, false),
                Event::Final(answer) => (answer.body.whole(), true),
                other => panic!("{other:?}"),
            };
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            match answer {
                Value::Array(all) => codes.push(all.iter().map(|one| one["error"]["code"].clone()).collect()),
                one if one.get("id").is_some() => codes.push(one["error"]["code"].clone()),
                _ => {}
            }
            if is_last {
                return codes;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_calls_are_late_one_by_one_and_answered_together() {
        let mut batch = batch_of(&["silent", "silent", "silent"]);
        assert!(batch.next().now_or_never().is_none());
        assert_eq!(codes(&mut batch).await, [json!([1504, 1504, 1504])]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_always_says_something_keeps_no_other_from_its_end() {
        let mut batch = batch_of(&["tool", "silent", "tool"]);
        assert_eq!(codes(&mut batch).await, [json!([1504, 1504, 1504])]);
        let mut batch = batch_of(&["tool", "silent", "tool"]);
        batch.answer_each_alone();
        assert_eq!(codes(&mut batch).await, [1504, 1504, 1504]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_a_slow_peer_hears_that_a_call_is_late() {
        let mut batch = batch_of(&["silent", "tool"]);
        assert!(matches!(batch.next().await, Event::Frame(_)));
        assert!(timeout(Duration::from_secs(4), batch.overdue()).await.is_err());
        assert!(timeout(Duration::from_secs(2), batch.overdue()).await.is_ok());
        // Whoever waited hears it from the batch as well, though the clock rang while nobody polled it.
        assert!(timeout(Duration::from_secs(1), codes(&mut batch)).await.is_ok());
    }

    #[tokio::test]
    async fn calls_of_a_batch_that_is_dropped_are_gone() {
        let batch = batch_of(&["silent", "silent"]);
        let calls = batch.session.calls().clone();
        let id = RequestId::Integer(1);
        let outlet = || crate::outlet::Outlet::new(None, None, crate::ask::AskBook::default(), 1);
        let enter = || calls.enter(&id, crate::inflight::Cancel::Call(Arc::new(outlet())));
        assert!(enter().is_err());
        drop(batch);
        assert!(enter().is_ok());
    }
}
