//! One stream of messages with one peer: standard streams, the in-process pipe, a WebSocket. Moves bytes; decides
//! nothing.
//!
//! Handlers, the reader and the one writer run on the connection's own task, so that two messages never mix and an
//! answer costs no hand-over. What handlers say before they answer goes through a bounded queue; a peer that does not
//! read holds up nobody but itself. What the stream is made of is its carrier's.

use std::{
    future::{Future, poll_fn},
    ops::ControlFlow,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use mocopr_core::{fault::Fault, model::notice::Notice, wire::encode};
use mocopr_security::gate::{Admission, Gate};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    task::consume_budget,
    time::{Instant, Sleep, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    lines::{LineReader, LineWriter, Lines},
    writer::{Form, WriteFault, Writer},
};
use crate::{
    arrival::Arrival,
    calls::Calls,
    engine::{Channel, Engine, Link, Step},
    lapse::Lapse,
    listening::{Listening, Told},
    running::Event,
    session::Bound,
};

/// What carries the messages of one stream both ways.
pub(crate) trait Carrier {
    /// Where its bytes go.
    type Output: AsyncWrite + Unpin;
    /// What a message looks like there.
    type Form: Form;

    /// What writes its messages.
    fn writer(&mut self) -> &mut Writer<Self::Output, Self::Form>;

    /// What comes next. Polled only while there is room.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Heard>;

    /// What comes next if the bytes at hand hold it.
    fn at_hand(&mut self) -> Option<Heard>;

    /// Takes leave of the peer, in the words that the stream has for it. Bounded in time by the carrier.
    fn part(self, parting: Parting) -> impl Future<Output = ()> + Send;
}

/// What a peer sent.
#[derive(Debug)]
pub(crate) enum Heard {
    /// One message, whatever it holds.
    Message(Bytes),
    /// A message above the cap, of which nothing is kept; it is answered, and the stream goes on.
    TooLong,
    /// Nothing more comes. The carrier knows why.
    End,
}

/// Why a talk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// The peer's side has ended.
    Ended,
    /// The server stops.
    Stopping,
    /// The peer was silent for too long, or was here for as long as it may.
    Over,
    /// What the peer was admitted by means nothing any longer.
    Lapsed,
    /// The owner ended its session.
    Revoked,
}

/// How a connection ends.
#[derive(Clone, Debug)]
pub(crate) struct Endings {
    /// No further message is read; calls under way are finished.
    pub(crate) drain: CancellationToken,
    /// How long calls under way may take when the input has ended.
    pub(crate) after_input: Duration,
    /// How long calls under way may take when the server stops.
    pub(crate) after_drain: Duration,
    /// What holds for a peer that comes over a network.
    pub(crate) stay: Option<Stay>,
}

/// How long a peer that comes over a network may stay. Beyond that it stays for as long as its admission holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stay {
    /// Without a message of the peer, while nothing of it is under way.
    pub(crate) idle: Duration,
    /// In all.
    pub(crate) within: Duration,
}

/// Serves one peer by lines until its input ends, its output fails, or the server stops.
pub(crate) async fn serve<R, W>(engine: Arc<Engine>, admission: Admission, input: R, output: W, endings: Endings)
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin,
{
    let limits = engine.limits();
    let (sink, queue) = mpsc::channel(limits.queued_messages.get());
    let writer = LineWriter::new(output, queue, limits.queued_messages, limits.write_stall);
    let reader = LineReader::new(input, limits.message_bytes);
    talk(engine, admission, Channel::default(), Lines { reader, writer }, sink, endings).await;
}

/// Talks with one peer over this carrier, which writes what is queued in `sink`.
pub(crate) async fn talk<C: Carrier>(
    engine: Arc<Engine>,
    admission: Admission,
    channel: Channel,
    carrier: C,
    sink: mpsc::Sender<Bytes>,
    endings: Endings,
) {
    let (work, visit) = (FuturesUnordered::new(), endings.stay.map(Visit::begin));
    Talk { channel, admission, sink, carrier, is_lost: false, visit, work, engine }.run(endings).await;
}

/// The talk with one peer.
struct Talk<C> {
    engine: Arc<Engine>,
    admission: Admission,
    channel: Channel,
    /// For what calls say before they answer.
    sink: mpsc::Sender<Bytes>,
    carrier: C,
    /// The writer has failed.
    is_lost: bool,
    /// What holds for a peer that comes over a network.
    visit: Option<Visit>,
    /// Each may leave a last message.
    work: FuturesUnordered<BoxFuture<'static, Option<Bytes>>>,
}

/// What a talk goes on with.
enum Turn {
    /// There is room again.
    HasRoom,
    Lost(WriteFault),
    Said(Option<Bytes>),
    Changed(Notice),
    Heard(Heard),
    Parts(Parting),
}

impl<C: Carrier> Talk<C> {
    async fn run(mut self, endings: Endings) {
        let mut drained = pin!(endings.drain.cancelled());
        let (parting, grace) = loop {
            let session = self.channel.session.get().cloned();
            let engine = self.engine.clone();
            let mut change = pin!(async {
                match &session {
                    Some(session) if session.is_ready() => session.subscription(&engine.hub).next().await,
                    _ => std::future::pending().await,
                }
            });
            let turn = poll_fn(|cx| {
                if drained.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Turn::Parts(Parting::Stopping));
                }
                self.poll_turn(cx, change.as_mut())
            });
            match turn.await {
                Turn::HasRoom => {}
                Turn::Said(last) => self.push(last),
                Turn::Changed(notice) => {
                    let told = self.told(&notice);
                    self.push(told);
                }
                Turn::Heard(heard) => {
                    self.visit.iter_mut().for_each(Visit::heard);
                    if self.hear(heard).await.is_break() {
                        break (Parting::Ended, endings.after_input);
                    }
                }
                Turn::Lost(fault) => {
                    self.lost(&fault);
                    break (Parting::Ended, Duration::ZERO);
                }
                Turn::Parts(parting @ Parting::Stopping) => break (parting, endings.after_drain),
                Turn::Parts(parting @ (Parting::Ended | Parting::Over | Parting::Lapsed | Parting::Revoked)) => {
                    break (parting, Duration::ZERO);
                }
            }
        };
        let cut = async {
            endings.drain.cancelled().await;
            sleep(endings.after_drain + CUT_MARGIN).await;
        };
        tokio::select! {
            () = self.finish(parting, grace) => {}
            // A peer that does not read must not hold up the end of the server.
            () = cut => debug!("a stream of messages was cut at the end of the server"),
        }
    }

    /// In this order, what is answered leaves before more is read, and calls under way go before new ones.
    fn poll_turn(&mut self, cx: &mut Context<'_>, change: Pin<&mut impl Future<Output = Notice>>) -> Poll<Turn> {
        match self.carrier.writer().poll_write(cx) {
            Poll::Ready(Ok(())) => return Poll::Ready(Turn::HasRoom),
            Poll::Ready(Err(fault)) => return Poll::Ready(Turn::Lost(fault)),
            Poll::Pending => {}
        }
        if let Some(visit) = &mut self.visit
            && let Poll::Ready(parting) = visit.poll(&self.engine.gate, &self.admission, self.work.is_empty(), cx)
        {
            return Poll::Ready(Turn::Parts(parting));
        }
        if let Poll::Ready(Some(last)) = self.work.poll_next_unpin(cx) {
            return Poll::Ready(Turn::Said(last));
        }
        // A peer that does not read is not listened to either.
        if !self.carrier.writer().has_room() {
            return Poll::Pending;
        }
        if let Poll::Ready(notice) = change.poll(cx) {
            return Poll::Ready(Turn::Changed(notice));
        }
        self.carrier.poll_next(cx).map(Turn::Heard)
    }

    /// Lets calls under way end, cancels what is left, writes what was said until then, and takes leave.
    async fn finish(mut self, parting: Parting, grace: Duration) {
        let deadline = Instant::now() + grace;
        while !self.work.is_empty() {
            let carrier = &mut self.carrier;
            tokio::select! {
                biased;
                written = poll_fn(|cx| carrier.writer().poll_run(cx)), if !self.is_lost => {
                    if let Err(fault) = written {
                        self.lost(&fault);
                    }
                }
                Some(last) = self.work.next() => self.push(last),
                () = sleep_until(deadline) => {
                    debug!("calls under way were cancelled at the end of their stream");
                    break;
                }
            }
        }
        self.channel.calls.end();
        if let Some(session) = self.channel.session.get() {
            session.end();
        }
        let Self { sink, work, mut carrier, is_lost, .. } = self;
        drop((sink, work));
        if is_lost {
            return;
        }
        let last = async {
            // Whoever may not hear anything any longer does not hear what waits either.
            let may_hear = match parting {
                Parting::Ended | Parting::Stopping | Parting::Over => true,
                Parting::Lapsed | Parting::Revoked => false,
            };
            if may_hear && let Err(fault) = poll_fn(|cx| carrier.writer().poll_run(cx)).await {
                debug!(%fault, "a stream of messages ended early");
                return;
            }
            carrier.part(parting).await;
        };
        match parting {
            Parting::Ended | Parting::Stopping => last.await,
            // Whoever does not read is not waited for.
            Parting::Over | Parting::Lapsed | Parting::Revoked => drop(timeout(LAST_WORD, last).await),
        }
    }

    /// Nothing more can be written; what calls still say is not queued any more.
    fn lost(&mut self, fault: &WriteFault) {
        debug!(%fault, "a stream of messages ended early");
        self.is_lost = true;
        self.carrier.writer().close();
    }

    /// Takes what has arrived: this message, and those behind it that are at hand, so that their answers leave
    /// together.
    async fn hear(&mut self, heard: Heard) -> ControlFlow<()> {
        let mut heard = heard;
        let mut left = MESSAGES_A_TURN;
        loop {
            match heard {
                Heard::Message(message) => self.take(message).await,
                Heard::TooLong => {
                    let revision = Link::Channel(&self.channel).revision();
                    let answer = self.engine.refuse(None, Fault::TooLarge, revision);
                    self.engine.tell_refused(&self.admission, &answer, &Arrival::default());
                    self.carrier.writer().push(answer.body.whole());
                }
                Heard::End => return ControlFlow::Break(()),
            }
            left -= 1;
            if left == 0 || !self.carrier.writer().has_room() {
                return ControlFlow::Continue(());
            }
            let Some(next) = self.carrier.at_hand() else { return ControlFlow::Continue(()) };
            heard = next;
            // Messages at hand are no reason to keep other tasks from their turn.
            consume_budget().await;
        }
    }

    async fn take(&mut self, message: Bytes) {
        match self.engine.begin(&self.admission, message, Link::Channel(&self.channel)) {
            Step::Accepted => {}
            Step::Answer(answer) => self.carrier.writer().push(answer.body.whole()),
            Step::Opened(answer, session) => {
                if let Some(visit) = &mut self.visit {
                    visit.session = Some(self.engine.sessions.bind(session));
                }
                self.carrier.writer().push(answer.body.whole());
            }
            Step::Run(running, _) => self.start(Calls::One(running)).await,
            Step::Batch(batch) => self.start(Calls::Batch(batch)).await,
            Step::Listen(listening) => self.work.push(Box::pin(listen(listening, self.sink.clone()))),
        }
    }

    /// Polls a handler once on the spot: most answer at once and need no place among the others.
    async fn start(&mut self, mut calls: Calls) {
        match poll_fn(|task| Poll::Ready(calls.poll_next(task))).await {
            Poll::Ready(Event::Final(answer)) => self.carrier.writer().push(answer.body.whole()),
            Poll::Ready(Event::Cancelled) => {}
            Poll::Ready(event @ (Event::Frame(_) | Event::Part(_) | Event::Question(..) | Event::CloseStream)) => {
                self.work.push(Box::pin(drive(calls, Some(event), self.sink.clone())));
            }
            Poll::Pending => self.work.push(Box::pin(drive(calls, None, self.sink.clone()))),
        }
    }

    /// A change, as the session is told of it.
    fn told(&self, notice: &Notice) -> Option<Bytes> {
        let session = self.channel.session.get()?;
        let may =
            self.engine.gate.holds(&self.admission) && self.engine.may_be_told(self.admission.principal(), notice);
        may.then(|| encode::notice(notice, session.revision(), None))?
    }

    fn push(&mut self, message: Option<Bytes>) {
        if let Some(message) = message {
            self.carrier.writer().push(message);
        }
    }
}

/// A peer over a network, while it is here.
struct Visit {
    stay: Stay,
    ends: Instant,
    heard: Instant,
    lapse: Lapse,
    /// Its session, where it has begun one.
    session: Option<Bound>,
    /// Set at most as late as the next moment that counts; moved when it goes off.
    alarm: Pin<Box<Sleep>>,
}

impl Visit {
    fn begin(stay: Stay) -> Self {
        let now = Instant::now();
        let alarm = Box::pin(sleep(stay.idle.min(stay.within)));
        Self { stay, ends: now + stay.within, heard: now, lapse: Lapse::default(), session: None, alarm }
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// Ready once the peer has to leave.
    fn poll(&mut self, gate: &Gate, admission: &Admission, is_at_rest: bool, cx: &mut Context<'_>) -> Poll<Parting> {
        if self.lapse.poll(gate, admission, cx).is_ready() {
            return Poll::Ready(Parting::Lapsed);
        }
        if self.session.as_mut().is_some_and(|session| session.poll_ended(cx).is_ready()) {
            return Poll::Ready(Parting::Revoked);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if !is_at_rest {
                self.heard = now;
            }
            let due = self.ends.min(self.heard + self.stay.idle);
            if due <= now {
                return Poll::Ready(Parting::Over);
            }
            self.alarm.as_mut().reset(due);
        }
        Poll::Pending
    }
}

/// Carries what a handler says to the writer; a handler whose words nobody can hear any more is dropped.
///
/// An answer that nothing was said before is left as the last message. Any other goes through the queue, so that it
/// cannot overtake what was said.
async fn drive(mut calls: Calls, first: Option<Event>, sink: mpsc::Sender<Bytes>) -> Option<Bytes> {
    let (mut next, mut has_spoken) = (first, false);
    loop {
        let event = match next.take() {
            Some(event) => event,
            None => calls.next().await,
        };
        match event {
            Event::Frame(frame) | Event::Question(_, frame) => {
                has_spoken = true;
                tokio::select! {
                    biased;
                    sent = sink.send(frame) => {
                        if sent.is_err() {
                            return None;
                        }
                    }
                    () = calls.overdue() => {}
                }
            }
            Event::Part(answer) => {
                has_spoken = true;
                send(&sink, answer).await;
            }
            // There is only one stream, and it stays.
            Event::CloseStream => {}
            Event::Final(answer) if has_spoken => return send(&sink, answer.body.whole()).await,
            Event::Final(answer) => return Some(answer.body.whole()),
            Event::Cancelled => return None,
        }
    }
}

async fn listen(mut listening: Listening, sink: mpsc::Sender<Bytes>) -> Option<Bytes> {
    loop {
        match listening.next().await {
            Told::Frame(frame) => {
                if sink.send(frame).await.is_err() {
                    return None;
                }
            }
            Told::Final(last) | Told::Lapsed(last) => return send(&sink, last).await,
            Told::Cancelled => return None,
        }
    }
}

/// Queues a last message; nothing is left then.
async fn send(sink: &mpsc::Sender<Bytes>, frame: Bytes) -> Option<Bytes> {
    // The queue is closed when the peer is gone; the talk ends by that.
    let _ = sink.send(frame).await;
    None
}

/// Messages that are taken before their answers leave, where so many are at hand.
const MESSAGES_A_TURN: usize = 64;

/// How long the last word to a peer may take that has to leave.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How long the writer may take, after the last call has ended, to hand over what is queued.
const CUT_MARGIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use mocopr_security::{
        auth::{ApiKey, ApiKeys},
        policy::SecurityPolicy,
    };
    use serde_json::Value;
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        time::timeout,
    };

    use super::*;
    use crate::{registry::tool::Tool, server::McpServer, transport::pipe};

    fn engine() -> Arc<Engine> {
        let tool = Tool::new("tool").handler(|_: Value| async { "x".repeat(10_000) });
        let policy = SecurityPolicy::development();
        let server = McpServer::builder().with_info("test", "1").with_security_policy(policy).with_tool(tool).build();
        server.unwrap().engine
    }

    #[tokio::test]
    async fn an_error_without_an_id_is_never_answered() {
        let mut client = BufReader::new(pipe::open(engine()));
        for line in [
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#,
        ] {
            client.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        let mut answer = String::new();
        client.read_line(&mut answer).await.unwrap();
        assert_eq!(answer.trim_end(), r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    }

    #[tokio::test]
    async fn each_of_many_lines_that_arrive_together_is_answered_in_order() {
        // Far more than the queue and the pipe hold: the input has to wait for room, and to go on once there is.
        let client = pipe::open(engine());
        let (answers, mut lines) = tokio::io::split(client);
        let ask = async {
            let all: String =
                (0..10_000).map(|id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n")).collect();
            lines.write_all(all.as_bytes()).await.unwrap();
        };
        let hear = async {
            let mut answers = BufReader::new(answers).lines();
            for id in 0..10_000 {
                let answer = answers.next_line().await.unwrap().unwrap();
                assert_eq!(answer, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
            }
        };
        tokio::join!(ask, hear);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_hears_that_its_listen_stream_is_over_when_it_may_not_listen_any_longer() {
        let (key, record) = ApiKey::create("alice", Duration::from_secs(1)).unwrap();
        let keys = ApiKeys::of(vec![record]).unwrap();
        let policy = SecurityPolicy::strict().with_authorization_enabled(false).with_authenticator(keys);
        let server = McpServer::builder().with_info("test", "1").with_security_policy(policy);
        let tool = Tool::new("tool").handler(|_: Value| async { "done" });
        let engine = server.with_tool(tool).build().unwrap().engine;
        let admission = engine.gate.admit_stdio(Some(&key)).await.unwrap();
        let (client, ours) = tokio::io::duplex(1 << 16);
        let (input, output) = tokio::io::split(ours);
        let second = Duration::from_secs(1);
        let endings = Endings { drain: engine.stopping.clone(), after_input: second, after_drain: second, stay: None };
        let talk = async {
            let mut client = BufReader::new(client);
            let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
            let params = format!(r#"{{"notifications":{{"toolsListChanged":true}},"_meta":{meta}}}"#);
            let listen = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{params}}}"#);
            client.write_all(format!("{listen}\n").as_bytes()).await.unwrap();
            let mut line = String::new();
            client.read_line(&mut line).await.unwrap();
            assert!(line.contains("acknowledged"), "{line}");
            engine.gate.revocations().revoke_principal("api-keys", "alice");
            line.clear();
            timeout(Duration::from_secs(5), client.read_line(&mut line)).await.unwrap().unwrap();
            let params = r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"requestId":1}"#;
            let over = format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#);
            assert_eq!(line.trim_end(), over);
        };
        let serving = serve(engine.clone(), admission, input, output, endings);
        tokio::select! {
            () = talk => {}
            () = serving => panic!("the connection ended"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_holds_up_no_stop() {
        let engine = engine();
        let mut client = pipe::open(engine.clone());
        let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
        let flood = async {
            for id in 0.. {
                let line = format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"tool","_meta":{meta}}}}}"#
                );
                client.write_all(format!("{line}\n").as_bytes()).await.unwrap();
            }
        };
        assert!(timeout(Duration::from_secs(1), flood).await.is_err(), "the pipe is full");
        let stopped = Instant::now();
        engine.stopping.cancel();
        engine.tasks.close();
        engine.tasks.wait().await;
        assert!(stopped.elapsed() < Duration::from_secs(3), "{:?}", stopped.elapsed());
    }
}
