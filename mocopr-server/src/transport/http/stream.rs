//! Event streams: calls that say something first, listen streams, and the streams of sessions, which a client that
//! lost one can go on reading.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header::CONTENT_TYPE};
use mocopr_core::{
    fault::Fault,
    id::RequestId,
    model::notice::Notice,
    wire::{encode, revision::Era},
};
use mocopr_security::{
    gate::Admission,
    principal::Principal,
    rate::Slot,
    seal::{KeyRing, Purpose},
};
use tokio::{
    sync::mpsc,
    time::{Interval, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{answer::AnswerBody, sse};
use crate::{
    calls::Calls,
    engine::Engine,
    lapse::lapsed,
    listening::{Listening, Told},
    replay::{Position, Reader, Writer},
    running::Event,
    session::Session,
    transport::claims::{LAST_EVENT, NotOnce, single as once},
};

/// Handlers that run inside of a response's future. When the client is gone, a stateless call is dropped with it, which
/// cancels it; calls of a session go on, because there a lost connection cancels nothing.
pub(super) struct Kept {
    engine: Arc<Engine>,
    calls: Option<Calls>,
    session: Option<Arc<Session>>,
}

impl Kept {
    pub(super) fn new(engine: &Arc<Engine>, calls: Calls, session: Option<Arc<Session>>) -> Self {
        Self { engine: engine.clone(), calls: Some(calls), session }
    }

    pub(super) async fn next(&mut self) -> Event {
        match &mut self.calls {
            Some(calls) => {
                let event = calls.next().await;
                if matches!(event, Event::Final(_) | Event::Cancelled) {
                    self.calls = None;
                }
                event
            }
            None => Event::Cancelled,
        }
    }

    /// Tells the handler that a question of it cannot be put to the client.
    pub(super) fn cannot_ask(&self, question: &RequestId) {
        if let Some(session) = &self.session {
            session.asks().answer(question, None);
        }
    }

    /// Goes on as a task of the server, with `first` as the first thing said.
    pub(super) fn into_stream(mut self, first: Event) -> Response<AnswerBody> {
        let (pipe, body) = Pipe::open();
        let Some(mut calls) = self.calls.take() else { return event_stream(body) };
        calls.answer_each_alone();
        match self.session.take() {
            Some(session) if calls.revision().era() == Era::Stateful => {
                let (writer, reader) = session.replay(self.engine.limits()).open(calls.topic());
                let carrier = Carrier::new(&self.engine, calls.admission(), &session, reader);
                pipe.put(carrier.prime());
                let (engine, admission) = (self.engine.clone(), calls.admission().clone());
                self.engine.tasks.spawn(async move {
                    let carried = async {
                        tokio::select! {
                            () = carrier.carry(&pipe) => {}
                            () = outlived(&engine, &admission) => pipe.cut(),
                        }
                        drop(pipe);
                    };
                    // The call goes on when its client is gone: what it says is kept for a client that comes back.
                    tokio::join!(run_in_session(calls, first, writer), carried);
                });
            }
            Some(_) | None => {
                let (engine, admission) = (self.engine.clone(), calls.admission().clone());
                self.engine.tasks.spawn(async move {
                    tokio::select! {
                        () = run_alone(calls, first, &pipe, engine.limits().keep_alive) => {}
                        () = outlived(&engine, &admission) => pipe.cut(),
                    }
                });
            }
        }
        event_stream(body)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let (Some(mut calls), Some(session)) = (self.calls.take(), self.session.take()) {
            self.engine.tasks.spawn(async move {
                loop {
                    match calls.next().await {
                        Event::Final(_) | Event::Cancelled => return,
                        Event::Frame(_) | Event::Part(_) | Event::CloseStream => {}
                        // There is no stream on which the client could hear it.
                        Event::Question(id, _) => session.asks().answer(&id, None),
                    }
                }
            });
        }
    }
}

/// One answer as the only event of a stream.
pub(super) fn single(answer: Bytes) -> Response<AnswerBody> {
    event_stream(AnswerBody::full(sse::event(None, None, &answer)))
}

/// A listen stream (2026-07-28).
pub(super) fn listen(engine: &Arc<Engine>, listening: Listening) -> Response<AnswerBody> {
    let (pipe, body) = Pipe::open();
    let (engine, admission) = (engine.clone(), listening.admission().clone());
    let tasks = engine.tasks.clone();
    tasks.spawn(async move {
        let limits = engine.limits();
        tokio::select! {
            () = run_listening(listening, &pipe, limits.keep_alive, limits.stream) => {}
            // Whoever does not read what was sent is not waited for.
            () = lapsed(&engine.gate, &admission) => pipe.cut(),
        }
    });
    event_stream(body)
}

/// The stream of a session, or the rest of an earlier stream of it.
///
/// # Errors
/// [`Fault::Sealed`] for a `Last-Event-ID` that is not of this session and principal, or is too long ago;
/// [`Fault::Busy`] where the principal has as many streams as it may.
pub(super) fn session(
    engine: &Arc<Engine>,
    admission: &Admission,
    session: &Arc<Session>,
    headers: &HeaderMap,
) -> Result<Response<AnswerBody>, Fault> {
    // First: a stream that is refused must not take the place of one that is open.
    let slot = engine.gate.open_stream(admission)?;
    let wrong = |_| Fault::Envelope("Last-Event-ID must come once, in visible ASCII characters");
    let replay = session.replay(engine.limits());
    let (reader, listens) = match single_header(headers).map_err(wrong)? {
        None => (replay.attach_notices(), true),
        Some(id) => {
            let unknown = || Fault::Sealed("unknown Last-Event-ID");
            let position = open_event_id(engine.ring(), session, id).ok_or_else(unknown)?;
            // Roles can have been taken away since; to whom they were, what it may not ask for looks like nothing.
            if replay.topic(position).is_some_and(|topic| !engine.may_hear_again(admission.principal(), &topic)) {
                return Err(unknown());
            }
            (replay.resume(position).ok_or_else(unknown)?, position.is_of_notices())
        }
    };
    let carrier = Carrier::new(engine, admission, session, reader);
    let (pipe, body) = Pipe::open();
    pipe.put(carrier.prime());
    let (engine, admission, session) = (engine.clone(), admission.clone(), session.clone());
    let tasks = engine.tasks.clone();
    tasks.spawn(async move {
        let _slot: Slot<Principal> = slot;
        let told = async {
            if listens {
                tokio::select! {
                    () = tell(&engine, &admission, &session) => {}
                    () = engine.stopping.cancelled() => {}
                }
            } else {
                pending().await
            }
        };
        tokio::select! {
            () = carrier.carry(&pipe) => {}
            () = told => {}
            () = lapsed(&engine.gate, &admission) => pipe.cut(),
        }
    });
    Ok(event_stream(body))
}

/// Says what changes on the notices of a session.
async fn tell(engine: &Arc<Engine>, admission: &Admission, session: &Arc<Session>) {
    let writer = session.replay(engine.limits()).notices();
    loop {
        let notice = session.subscription(&engine.hub).next().await;
        if engine.may_be_told(admission.principal(), &notice)
            && let Some(frame) = encode::notice(&notice, session.revision(), None)
        {
            let about = match notice {
                Notice::ResourceUpdated { uri } => Some(uri),
                Notice::Progress { .. }
                | Notice::Log(_)
                | Notice::ToolsChanged
                | Notice::PromptsChanged
                | Notice::ResourcesChanged
                | Notice::Acknowledged(_)
                | Notice::ElicitationComplete { .. }
                | Notice::Cancelled { .. } => None,
            };
            writer.push_about(frame, about).await;
        }
    }
}

/// A call whose stream nobody can come back to: it ends with its client.
async fn run_alone(mut calls: Calls, first: Event, pipe: &Pipe, keep_alive: Duration) {
    let mut pulse = Pulse::new(keep_alive);
    let mut next = Some(first);
    let mut late = false;
    loop {
        let event = match next.take() {
            Some(event) => event,
            None => tokio::select! {
                biased;
                () = pipe.gone() => return,
                event = calls.next() => event,
                () = pulse.beat() => {
                    tokio::select! {
                        biased;
                        () = pipe.send(sse::comment()) => continue,
                        () = calls.overdue() => {
                            late = true;
                            continue;
                        }
                    }
                }
            },
        };
        match event {
            Event::Frame(frame) | Event::Question(_, frame) => tokio::select! {
                biased;
                () = pipe.send(sse::event(None, None, &frame)) => {}
                () = calls.overdue() => late = true,
            },
            Event::Part(answer) => pipe.send(sse::event(None, None, &answer)).await,
            // A stream of this revision cannot be resumed, so it stays.
            Event::CloseStream => {}
            Event::Final(answer) => {
                let last = pipe.send(sse::event(None, None, &answer.body.whole()));
                // A client that was too slow for what came before has a little time to hear how the call ended.
                if late {
                    let _ = timeout(LAST_WORD, last).await;
                } else {
                    last.await;
                }
                return;
            }
            Event::Cancelled => return,
        }
    }
}

/// Ready some time after an admission has ended, in which its calls end by themselves and say so to a client that
/// reads.
async fn outlived(engine: &Engine, admission: &Admission) {
    lapsed(&engine.gate, admission).await;
    sleep(FAREWELL).await;
}

/// Calls of a session: what they say goes to its lane, whoever reads that.
async fn run_in_session(mut calls: Calls, first: Event, writer: Writer) {
    let mut next = Some(first);
    loop {
        let event = match next.take() {
            Some(event) => event,
            None => calls.next().await,
        };
        match event {
            // What is not handed over in time is kept all the same.
            Event::Frame(frame) | Event::Question(_, frame) => tokio::select! {
                biased;
                () = writer.push(frame) => {}
                () = calls.overdue() => {}
            },
            Event::Part(answer) => writer.push(answer).await,
            Event::CloseStream => writer.detach(),
            Event::Final(answer) => return writer.push(answer.body.whole()).await,
            Event::Cancelled => return,
        }
    }
}

async fn run_listening(mut listening: Listening, pipe: &Pipe, keep_alive: Duration, life: Duration) {
    let mut pulse = Pulse::new(keep_alive);
    let talk = async {
        loop {
            let told = tokio::select! {
                biased;
                () = pipe.gone() => return,
                told = listening.next() => told,
                () = pulse.beat() => {
                    pipe.send(sse::comment()).await;
                    continue;
                }
            };
            match told {
                Told::Frame(frame) => pipe.send(sse::event(None, None, &frame)).await,
                Told::Final(answer) => return pipe.send(sse::event(None, None, &answer)).await,
                // The end of the response says it.
                Told::Lapsed(_) | Told::Cancelled => return,
            }
        }
    };
    // A stream that outlives its time is cut; the client opens another.
    let _ = timeout(life, talk).await;
}

/// Carries a lane of a session to one client.
struct Carrier {
    engine: Arc<Engine>,
    admission: Admission,
    session: Arc<Session>,
    reader: Reader,
}

impl Carrier {
    fn new(engine: &Arc<Engine>, admission: &Admission, session: &Arc<Session>, reader: Reader) -> Self {
        Self { engine: engine.clone(), admission: admission.clone(), session: session.clone(), reader }
    }

    /// The first event of the stream: its id lets a client come back that has read nothing else. Clients of other
    /// revisions would look for a message in it; theirs begin with a comment, which nobody reads.
    fn prime(&self) -> Bytes {
        let id = self.session.revision().has_polling().then(|| self.event_id(self.reader.start())).flatten();
        match id {
            Some(id) => sse::priming(&id, Some(RETRY)),
            None => sse::comment(),
        }
    }

    async fn carry(mut self, pipe: &Pipe) {
        let life = self.engine.limits().stream;
        let mut pulse = Pulse::new(self.engine.limits().keep_alive);
        let ended = self.session.ended().clone();
        let talk = async {
            loop {
                let event = tokio::select! {
                    biased;
                    () = pipe.gone() => return,
                    event = self.reader.next() => event,
                    () = pulse.beat() => {
                        // An open stream keeps its session alive.
                        self.engine.sessions.touch(&self.session);
                        pipe.send(sse::comment()).await;
                        continue;
                    }
                };
                let Some(event) = event else { return };
                // Decided when it was said, and again now: it may be a replay.
                let who = self.admission.principal();
                if event.about.as_ref().is_some_and(|uri| !self.engine.may_see(who, uri)) {
                    continue;
                }
                let id = self.event_id(event.position);
                pipe.send(sse::event(id.as_deref(), None, &event.data)).await;
            }
        };
        tokio::select! {
            biased;
            // Also where the client does not read, and some of it still waits.
            () = ended.cancelled() => pipe.cut(),
            _ = timeout(life, talk) => {}
        }
    }

    fn event_id(&self, position: Position) -> Option<Box<str>> {
        let bind: [&[u8]; 2] = [self.session.principal().binding(), self.session.id().as_bytes()];
        self.engine.ring().seal(Purpose::Event, &bind, &position.to_bytes()).ok()
    }
}

/// The way of pieces to a client.
struct Pipe {
    pieces: mpsc::Sender<Bytes>,
    cut: Arc<AtomicBool>,
}

impl Pipe {
    fn open() -> (Self, AnswerBody) {
        let (pieces, body) = mpsc::channel(WINDOW);
        let cut = Arc::<AtomicBool>::default();
        let body = AnswerBody::stream(body, cut.clone(), CancellationToken::new().drop_guard());
        (Self { pieces, cut }, body)
    }

    /// Nothing more leaves, not even what is queued: the client may not read it any longer. The body ends when this is
    /// dropped.
    fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// Queues the first piece, so that it leaves with the head.
    fn put(&self, piece: Bytes) {
        // The queue is new and holds more than one.
        let _ = self.pieces.try_send(piece);
    }

    async fn send(&self, piece: Bytes) {
        // A client that is gone is noticed by `gone`.
        let _ = self.pieces.send(piece).await;
    }

    async fn gone(&self) {
        self.pieces.closed().await;
    }
}

/// Tells when a silent stream needs a comment.
struct Pulse(Interval);

impl Pulse {
    fn new(every: Duration) -> Self {
        let mut beats = interval(every.max(Duration::from_millis(1)));
        beats.reset();
        Self(beats)
    }

    async fn beat(&mut self) {
        self.0.tick().await;
    }
}

fn event_stream(body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    fields.insert(&BUFFERING, HeaderValue::from_static("no"));
    response
}

fn single_header(headers: &HeaderMap) -> Result<Option<&str>, NotOnce> {
    once(headers, &LAST_EVENT)
}

fn open_event_id(ring: &KeyRing, session: &Session, id: &str) -> Option<Position> {
    let bind: [&[u8]; 2] = [session.principal().binding(), session.id().as_bytes()];
    Position::from_bytes(&ring.open(Purpose::Event, &bind, id).ok()?)
}

/// Tells proxies not to hold back events.
static BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How long a client should wait before it comes back to a stream.
const RETRY: Duration = Duration::from_secs(1);

/// How long the answer waits for a client that did not hear out its call in time.
const LAST_WORD: Duration = Duration::from_secs(2);

/// How long after the end of an admission a client may hear how its calls ended. Calls notice as late as this stream
/// does, so two looks and this fit into the second that is promised.
const FAREWELL: Duration = Duration::from_millis(450);

/// Pieces that wait for a slow client before the call waits too.
const WINDOW: usize = 16;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use http_body::Body;
    use mocopr_core::meta;
    use mocopr_security::{
        auth::{Authenticator, Credential, Identity, Verdict, Verified},
        limits::Limits,
        policy::{RateLimitPolicy, SecurityPolicy},
        principal::Method,
        redact::Secret,
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        batch::tests::batch_of,
        engine::{Channel, Link, Step},
        replay::Replay,
        running::tests::{call, talker},
        server::McpServer,
        subscribe::Change,
    };

    /// Takes every token for its bearer.
    #[derive(Debug)]
    struct Bearers;

    impl Authenticator for Bearers {
        fn authenticate(&self, credential: Credential<'_>) -> Verdict {
            let (Credential::Bearer(subject) | Credential::ApiKey(subject)) = credential;
            let identity = Identity { method: Method::Token, issuer: "issuer", subject, tenant: None };
            Verdict::Verified(Verified::new(identity, [].into(), [].into()))
        }
    }

    /// An engine under the strict policy, and somebody who was admitted there.
    async fn guarded() -> (Arc<Engine>, Admission) {
        let limits = Limits { request: Duration::from_secs(600), ..Limits::strict() };
        let policy = SecurityPolicy::strict()
            .with_limits(limits)
            .with_public_url("https://mcp.example.com/mcp")
            .with_authorization_enabled(false)
            .with_rate_limiting(RateLimitPolicy::unlimited())
            .with_authenticator(Bearers);
        let server = McpServer::builder().with_info("test", "1").with_security_policy(policy).with_tool(talker());
        let engine = server.build().unwrap().engine;
        let alice = Secret::new("alice".to_owned());
        let admission = engine.gate.admit_stdio(Some(&alice)).await.unwrap();
        (engine, admission)
    }

    fn begin(engine: &Arc<Engine>, admission: &Admission, method: &str, params: Value) -> Step {
        let mut params = params;
        params["_meta"] =
            json!({meta::PROTOCOL_VERSION: "2026-07-28", meta::CLIENT_CAPABILITIES: {}, meta::LOG_LEVEL: "debug"});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        engine.begin(admission, message.to_string().into(), Link::Channel(&Channel::default()))
    }

    /// How many pieces can still be read.
    async fn rest(response: Response<AnswerBody>) -> usize {
        let mut body = response.into_body();
        let mut pieces = 0;
        while poll_fn(|task| std::pin::Pin::new(&mut body).poll_frame(task)).await.is_some() {
            pieces += 1;
        }
        pieces
    }

    /// Lets everybody go on for so long.
    async fn pass(time: Duration) {
        sleep(time).await;
    }

    /// What is open ends within the second that is promised, and of what waited nothing is read.
    async fn ends_at_once(engine: &Engine, response: Response<AnswerBody>) {
        pass(Duration::from_secs(5)).await;
        engine.gate.revocations().revoke_principal("issuer", "alice");
        pass(Duration::from_secs(1)).await;
        assert_eq!(engine.tasks.len(), 0, "whoever waits for the client ended");
        assert_eq!(rest(response).await, 0);
    }

    /// S-80
    #[tokio::test(start_paused = true)]
    async fn the_stream_of_a_call_ends_with_its_admission_though_nobody_reads() {
        let (engine, admission) = guarded().await;
        let Step::Run(mut running, _) = begin(&engine, &admission, "tools/call", json!({"name": "tool"})) else {
            panic!("it does not run")
        };
        let first = running.next().await;
        let response = Kept::new(&engine, Calls::One(running), None).into_stream(first);
        ends_at_once(&engine, response).await;
    }

    /// S-80
    #[tokio::test(start_paused = true)]
    async fn a_listen_stream_ends_with_its_admission_though_nobody_reads() {
        let (engine, admission) = guarded().await;
        let params = json!({"notifications": {"toolsListChanged": true}});
        let Step::Listen(listening) = begin(&engine, &admission, "subscriptions/listen", params) else {
            panic!("it does not listen")
        };
        let response = listen(&engine, listening);
        for _ in 0..2 * WINDOW {
            engine.hub.tell(&Change::Tools);
            pass(Duration::from_millis(1)).await;
        }
        ends_at_once(&engine, response).await;
    }

    /// S-80
    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_hears_that_its_call_ended_with_its_admission() {
        let (engine, admission) = guarded().await;
        let Step::Run(mut running, _) = begin(&engine, &admission, "tools/call", json!({"name": "tool"})) else {
            panic!("it does not run")
        };
        let first = running.next().await;
        let mut body = Kept::new(&engine, Calls::One(running), None).into_stream(first).into_body();
        engine.gate.revocations().revoke_principal("issuer", "alice");
        let mut last = Bytes::new();
        while let Some(Ok(frame)) = poll_fn(|task| std::pin::Pin::new(&mut body).poll_frame(task)).await {
            last = frame.into_data().unwrap();
        }
        assert!(String::from_utf8_lossy(&last).contains("1401"), "{last:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_holds_a_handler_no_longer_than_a_call_may_take() {
        let mut running = call(talker());
        let first = running.next().await;
        let (pipe, _unread) = Pipe::open();
        let call = run_alone(Calls::One(running), first, &pipe, Duration::from_secs(1));
        assert!(timeout(Duration::from_secs(10), call).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_holds_in_a_session_and_the_end_is_kept() {
        let mut running = call(talker());
        let first = running.next().await;
        let replay = crate::replay::Replay::new(1_000, 1_000_000);
        let calls = Calls::One(running);
        let (writer, reader) = replay.open(calls.topic());
        let call = run_in_session(calls, first, writer);
        // The last word waits for the reader as well, but no handler does.
        assert!(timeout(Duration::from_secs(10), call).await.is_err());
        let mut late = replay.resume(reader.start()).unwrap();
        let mut last = None;
        while let Some(event) = late.next().await {
            last = Some(event.data);
        }
        assert!(String::from_utf8_lossy(&last.unwrap()).contains("1504"));
    }

    #[tokio::test(start_paused = true)]
    async fn each_answer_of_a_batch_reaches_a_client_that_is_behind_when_others_are_late() {
        let mut calls = Calls::Batch(batch_of(&["tool", "silent", "tool"]));
        calls.answer_each_alone();
        let (writer, mut reader) = Replay::new(8, 1 << 20).open(calls.topic());
        let first = calls.next().await;
        tokio::spawn(run_in_session(calls, first, writer));
        // All of them are late before anything is read.
        sleep(Duration::from_secs(60)).await;
        let mut answered = Vec::new();
        while let Some(event) = reader.next().await {
            let message: Value = serde_json::from_slice(&event.data).unwrap();
            answered.extend(message["id"].as_i64());
        }
        answered.sort_unstable();
        assert_eq!(answered, [0, 1, 2]);
    }
}
