//! One stream of messages, one a line: standard streams, and the in-process pipe. Moves bytes; decides nothing.
//!
//! Handlers, the reader and the one writer run on the connection's own task, so that two messages never mix and an
//! answer costs no hand-over. What handlers say before they answer goes through a bounded queue; a peer that does not
//! read holds up nobody but itself.

use std::{future::poll_fn, io, ops::ControlFlow, pin::pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use mocopr_core::{fault::Fault, model::notice::Notice, wire::encode};
use mocopr_security::gate::Admission;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    task::consume_budget,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::lines::{Frame, LineReader, LineWriter, WriteFault};
use crate::{
    calls::Calls,
    engine::{Arrival, Channel, Engine, Link, Step},
    listening::{Listening, Told},
    running::Event,
};

/// How a connection ends.
#[derive(Clone, Debug)]
pub(crate) struct Endings {
    /// No further message is read; calls under way are finished.
    pub(crate) drain: CancellationToken,
    /// How long calls under way may take when the input has ended.
    pub(crate) after_input: Duration,
    /// How long calls under way may take when the server stops.
    pub(crate) after_drain: Duration,
}

/// Serves one peer until its input ends, its output fails, or the server stops.
pub(crate) async fn serve<R, W>(engine: Arc<Engine>, admission: Admission, input: R, output: W, endings: Endings)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let limits = engine.limits();
    let (sink, queue) = mpsc::channel(limits.queued_messages.get());
    let writer = LineWriter::new(output, queue, limits.queued_messages, limits.write_stall);
    let reader = LineReader::new(input, limits.message_bytes);
    let work = FuturesUnordered::new();
    Talk { channel: Channel::default(), admission, sink, writer, is_lost: false, work, engine }
        .run(reader, endings)
        .await;
}

/// The talk with one peer.
struct Talk<W> {
    engine: Arc<Engine>,
    admission: Admission,
    channel: Channel,
    /// For what calls say before they answer.
    sink: mpsc::Sender<Bytes>,
    writer: LineWriter<W>,
    /// The writer has failed.
    is_lost: bool,
    /// Each may leave a last message.
    work: FuturesUnordered<BoxFuture<'static, Option<Bytes>>>,
}

impl<W: AsyncWrite + Unpin> Talk<W> {
    async fn run<R: AsyncRead + Unpin>(mut self, mut reader: LineReader<R>, endings: Endings) {
        let mut drained = pin!(endings.drain.cancelled());
        let grace = loop {
            let session = self.channel.session.get().cloned();
            let engine = self.engine.clone();
            let change = async {
                match &session {
                    Some(session) if session.is_ready() => session.subscription(&engine.hub).next().await,
                    _ => std::future::pending().await,
                }
            };
            // A peer that does not read is not listened to either.
            let has_room = self.writer.has_room();
            // In this order, what is answered leaves before more is read, and calls under way go before new ones.
            tokio::select! {
                biased;
                () = &mut drained => break endings.after_drain,
                written = self.writer.write() => {
                    if let Err(fault) = written {
                        self.lost(&fault);
                        break Duration::ZERO;
                    }
                }
                Some(last) = self.work.next(), if !self.work.is_empty() => self.push(last),
                notice = change, if has_room => {
                    let told = self.told(&notice);
                    self.push(told);
                }
                frame = reader.next(), if has_room => match self.hear(frame, &mut reader).await {
                    ControlFlow::Continue(()) => {}
                    ControlFlow::Break(()) => break endings.after_input,
                }
            }
        };
        let cut = async {
            endings.drain.cancelled().await;
            sleep(endings.after_drain + CUT_MARGIN).await;
        };
        tokio::select! {
            () = self.finish(grace) => {}
            // A peer that does not read must not hold up the end of the server.
            () = cut => debug!("a stream of messages was cut at the end of the server"),
        }
    }

    /// Lets calls under way end, cancels what is left, and writes what was said until then.
    async fn finish(mut self, grace: Duration) {
        let deadline = Instant::now() + grace;
        while !self.work.is_empty() {
            tokio::select! {
                biased;
                written = self.writer.run(), if !self.is_lost => {
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
        let Self { sink, work, mut writer, is_lost, .. } = self;
        drop((sink, work));
        if !is_lost && let Err(fault) = writer.run().await {
            debug!(%fault, "a stream of messages ended early");
        }
    }

    /// Nothing more can be written; what calls still say is not queued any more.
    fn lost(&mut self, fault: &WriteFault) {
        debug!(%fault, "a stream of messages ended early");
        self.is_lost = true;
        self.writer.close();
    }

    /// Takes what has arrived: this frame, and those behind it that are at hand, so that their answers leave together.
    async fn hear<R: AsyncRead + Unpin>(
        &mut self,
        frame: io::Result<Frame>,
        reader: &mut LineReader<R>,
    ) -> ControlFlow<()> {
        let mut frame = frame;
        let mut left = FRAMES_A_TURN;
        loop {
            match frame {
                Ok(Frame::Line(line)) => self.take(line).await,
                Ok(Frame::TooLong) => {
                    let revision = Link::Channel(&self.channel).revision();
                    let answer = self.engine.refuse(None, Fault::TooLarge, revision);
                    self.engine.tell_refused(&self.admission, &answer, Arrival::default());
                    self.writer.push(answer.body.whole());
                }
                Ok(Frame::End) => return ControlFlow::Break(()),
                Err(error) => {
                    debug!(%error, "the input of a stream of messages failed");
                    return ControlFlow::Break(());
                }
            }
            left -= 1;
            if left == 0 || !self.writer.has_room() {
                return ControlFlow::Continue(());
            }
            let Some(next) = reader.at_hand() else { return ControlFlow::Continue(()) };
            frame = Ok(next);
            // Lines at hand are no reason to keep other tasks from their turn.
            consume_budget().await;
        }
    }

    async fn take(&mut self, line: Bytes) {
        match self.engine.begin(&self.admission, line, Link::Channel(&self.channel)) {
            Step::Accepted => {}
            Step::Answer(answer) | Step::Opened(answer, _) => self.writer.push(answer.body.whole()),
            Step::Run(running, _) => self.start(Calls::One(running)).await,
            Step::Batch(batch) => self.start(Calls::Batch(batch)).await,
            Step::Listen(listening) => self.work.push(Box::pin(listen(listening, self.sink.clone()))),
        }
    }

    /// Polls a handler once on the spot: most answer at once and need no place among the others.
    async fn start(&mut self, mut calls: Calls) {
        match poll_fn(|task| Poll::Ready(calls.poll_next(task))).await {
            Poll::Ready(Event::Final(answer)) => self.writer.push(answer.body.whole()),
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
            self.writer.push(message);
        }
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

/// Lines that are taken before their answers leave, where so many are at hand.
const FRAMES_A_TURN: usize = 64;

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
        let endings = Endings { drain: engine.stopping.clone(), after_input: second, after_drain: second };
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
