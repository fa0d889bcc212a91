//! One stream of messages, one a line: standard streams, and the in-process pipe. Moves bytes; decides nothing.
//!
//! Handlers run on the connection's own task. What they send goes through one bounded queue to one writer, so that
//! two messages never mix and a peer that does not read holds up nobody but itself.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use mocopr_core::{fault::Fault, model::notice::Notice, wire::encode};
use mocopr_security::gate::Admission;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::lines::{Frame, LineReader, LineWriter};
use crate::{
    calls::Calls,
    engine::{Channel, Engine, Link, Step},
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
    let (sink, queue) = mpsc::channel(engine.limits().queued_messages.get());
    let writer = LineWriter::new(output, queue, engine.limits().write_stall).run();
    let (drain, after_drain) = (endings.drain.clone(), endings.after_drain);
    let cut = async {
        drain.cancelled().await;
        sleep(after_drain + CUT_MARGIN).await;
    };
    let talk = Talk { channel: Channel::default(), admission, sink, work: FuturesUnordered::new(), engine };
    let reader = LineReader::new(input, talk.engine.limits().message_bytes);
    let talk = async { tokio::join!(writer, talk.run(reader, endings)) };
    tokio::select! {
        (written, ()) = talk => {
            if let Err(fault) = written {
                debug!(%fault, "a stream of messages ended early");
            }
        }
        // A peer that does not read holds up the talk; it must not hold up the end of the server.
        () = cut => debug!("a stream of messages was cut at the end of the server"),
    }
}

/// The talk with one peer.
struct Talk {
    engine: Arc<Engine>,
    admission: Admission,
    channel: Channel,
    sink: mpsc::Sender<Bytes>,
    work: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Talk {
    async fn run<R: AsyncRead + Unpin>(mut self, mut reader: LineReader<R>, endings: Endings) {
        let grace = loop {
            let session = self.channel.session.get().cloned();
            let engine = self.engine.clone();
            let change = async {
                match &session {
                    Some(session) if session.is_ready() => session.subscription(&engine.hub).next().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = endings.drain.cancelled() => break endings.after_drain,
                () = self.sink.closed() => break Duration::ZERO,
                Some(()) = self.work.next(), if !self.work.is_empty() => {}
                notice = change => {
                    if let Some(frame) = self.told(&notice) {
                        send(&self.sink, frame).await;
                    }
                }
                frame = reader.next() => match frame {
                    Ok(Frame::Line(line)) => self.take(line).await,
                    Ok(Frame::TooLong) => {
                        let revision = Link::Channel(&self.channel).revision();
                        let answer = self.engine.refuse(None, Fault::TooLarge, revision);
                        send(&self.sink, answer.body.whole()).await;
                    }
                    Ok(Frame::End) => break endings.after_input,
                    Err(error) => {
                        debug!(%error, "the input of a stream of messages failed");
                        break endings.after_input;
                    }
                },
            }
        };
        self.finish(grace).await;
    }

    /// Lets calls under way end, then cancels what is left.
    async fn finish(mut self, grace: Duration) {
        let Self { work, .. } = &mut self;
        let all = async { while work.next().await.is_some() {} };
        if timeout(grace, all).await.is_err() {
            debug!("calls under way were cancelled at the end of their stream");
        }
        self.channel.calls.end();
        if let Some(session) = self.channel.session.get() {
            session.end();
        }
    }

    async fn take(&mut self, line: Bytes) {
        match self.engine.begin(&self.admission, line, Link::Channel(&self.channel)) {
            Step::Accepted => {}
            Step::Answer(answer) | Step::Opened(answer, _) => send(&self.sink, answer.body.whole()).await,
            Step::Run(running, _) => self.start(Calls::One(running)).await,
            Step::Batch(batch) => self.start(Calls::Batch(batch)).await,
            Step::Listen(listening) => self.work.push(Box::pin(listen(listening, self.sink.clone()))),
        }
    }

    /// Polls a handler once on the spot: most answer at once and need no place among the others.
    async fn start(&mut self, mut calls: Calls) {
        match poll_fn(|task| Poll::Ready(calls.poll_next(task))).await {
            Poll::Ready(Event::Final(answer)) => send(&self.sink, answer.body.whole()).await,
            Poll::Ready(Event::Cancelled) => {}
            Poll::Ready(event @ (Event::Frame(_) | Event::Question(..) | Event::CloseStream)) => {
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
}

/// Carries what a handler says to the writer; a handler whose words nobody can hear any more is dropped.
async fn drive(mut calls: Calls, first: Option<Event>, sink: mpsc::Sender<Bytes>) {
    let mut next = first;
    loop {
        let event = match next.take() {
            Some(event) => event,
            None => calls.next().await,
        };
        match event {
            Event::Frame(frame) | Event::Question(_, frame) => tokio::select! {
                biased;
                sent = sink.send(frame) => {
                    if sent.is_err() {
                        return;
                    }
                }
                () = calls.overdue() => {}
            },
            // There is only one stream, and it stays.
            Event::CloseStream => {}
            Event::Final(answer) => return send(&sink, answer.body.whole()).await,
            Event::Cancelled => return,
        }
    }
}

async fn listen(mut listening: Listening, sink: mpsc::Sender<Bytes>) {
    loop {
        match listening.next().await {
            Told::Frame(frame) => {
                if sink.send(frame).await.is_err() {
                    return;
                }
            }
            Told::Final(answer) => return send(&sink, answer).await,
            Told::Cancelled => return,
        }
    }
}

async fn send(sink: &mpsc::Sender<Bytes>, frame: Bytes) {
    // The writer is gone when the peer is; the talk ends by that.
    let _ = sink.send(frame).await;
}

/// How long the writer may take, after the last call has ended, to hand over what is queued.
const CUT_MARGIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use mocopr_security::policy::SecurityPolicy;
    use serde_json::Value;
    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        time::Instant,
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
