//! What one HTTP request is answered with.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE},
    request::Parts,
};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use mocopr_core::{
    fault::Fault,
    peer::{HttpFacts, Peer, Source, TlsFacts},
    wire::{
        code,
        revision::{Era, Revision},
    },
};
use mocopr_security::{
    evidence,
    gate::{self, Admission, Challenge, Refusal},
    headers::{self, Transport},
    origin::{cors, media::Accept},
    proxies::TrustedProxies,
};
use tokio::{sync::Semaphore, task::yield_now, time::timeout};

use super::{
    answer::AnswerBody,
    health::{self, Readiness},
    listener::{App, Remote},
    read_body::{BodyBounds, BodyFault, read_body},
    stream,
    takeover::Upgrades,
};
use crate::{
    answer::{Answer, Asks, Body},
    arrival::Arrival,
    calls::Calls,
    engine::{Engine, Link, Misnamed, Step},
    http::{CorsConfig, Endpoint, Health},
    running::Event,
    session::Session,
    transport::claims::{Claims, SESSION},
};

/// The endpoint of one listener.
#[derive(Debug)]
pub(crate) struct HttpApp {
    engine: Arc<Engine>,
    path: Box<str>,
    cors: CorsConfig,
    timeout: Option<Duration>,
    bodies: Arc<BodyBounds>,
    upgrades: Option<Box<dyn Upgrades>>,
    health: Health,
    proxies: TrustedProxies,
    /// Connections of this listener.
    open: AtomicUsize,
    /// Refusals that wait for the rest of a body.
    arriving: Semaphore,
}

/// How far a message got at once.
#[expect(clippy::large_enum_variant, reason = "a call that runs is the rule, and costs no allocation of its own")]
enum Begun {
    Answered(Response<AnswerBody>),
    Runs(stream::Kept),
}

impl HttpApp {
    /// Serves the protocol there.
    pub(crate) fn new(engine: Arc<Engine>, endpoint: Endpoint) -> Self {
        let Endpoint { path, cors, max_request, timeout, health, proxies, untrusted: _ } = endpoint;
        let limits = engine.limits();
        let most = max_request.map_or(limits.message_bytes, |own| own.min(limits.message_bytes));
        let bodies = Arc::new(BodyBounds::new(most, limits.body_read, limits.bodies_bytes));
        let (open, arriving) = (AtomicUsize::new(0), Semaphore::new(MOST_ARRIVING));
        Self { engine, path, cors, timeout, bodies, upgrades: None, health, proxies, open, arriving }
    }

    /// Lets this take over connections, at [`UPGRADES`].
    pub(crate) fn with_upgrades(self, upgrades: Option<Box<dyn Upgrades>>) -> Self {
        Self { upgrades, ..self }
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Who may say from where a request comes.
    pub(crate) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// The bounds on what peers send.
    pub(crate) fn bodies(&self) -> &Arc<BodyBounds> {
        &self.bodies
    }
}

impl App for HttpApp {
    fn answer(
        self: Arc<Self>,
        remote: Remote,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<AnswerBody>> + Send {
        // The parts are lent on from here, so that the future holds them once.
        let (head, mut body) = request.into_parts();
        async move {
            let response = self.respond(Some(&remote), &head, &mut body).await;
            if head.version == Version::HTTP_2
                && !body.is_end_stream()
                && let Ok(_place) = self.arriving.try_acquire()
            {
                // Nothing that a peer sent waits with the answer.
                drop((head, remote));
                // On the heap: it is seldom waited for, and hyper moves the future of every request.
                Box::pin(let_arrive(body)).await;
            }
            response
        }
    }

    fn refusal_headers(&self, transport: Transport) -> HeaderMap {
        let mut fields = HeaderMap::new();
        headers::apply(&mut fields, transport, self.engine.gate.policy().security_headers());
        fields
    }

    fn connected(&self, connections: usize) {
        // Other listeners have others.
        let before = self.open.swap(connections, Ordering::Relaxed);
        self.engine.connections.fetch_add(connections, Ordering::Relaxed);
        self.engine.connections.fetch_sub(before, Ordering::Relaxed);
    }
}

impl HttpApp {
    /// Answers one request of a listener that says who its peer is, or does not.
    pub(crate) async fn respond<B>(&self, remote: Option<&Remote>, head: &Parts, body: B) -> Response<AnswerBody>
    where
        B: HttpBody<Data = Bytes> + Unpin + Send,
    {
        let mut response = self.route(remote, head, body).await;
        let is_secure = remote.is_some_and(|remote| remote.tls.is_some());
        let transport = if is_secure { Transport::Tls } else { Transport::Plain };
        headers::apply(response.headers_mut(), transport, self.engine.gate.policy().security_headers());
        if let Some(reader) = self.reader(&head.headers) {
            cors::let_read(reader, response.headers_mut());
        }
        response
    }

    /// The page that may read the answer to a request with these headers.
    fn reader(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        match self.cors {
            CorsConfig::Listed => self.engine.gate.reader(headers),
            CorsConfig::Nobody => None,
        }
    }

    async fn route<B>(&self, remote: Option<&Remote>, head: &Parts, body: B) -> Response<AnswerBody>
    where
        B: HttpBody<Data = Bytes> + Unpin + Send,
    {
        if self.health == Health::Told && health::is_path(head.uri.path()) {
            return health::answer(&head.method, head.uri.path(), self.engine.readiness());
        }
        if let (Some(upgrades), Some(remote)) = (&self.upgrades, remote)
            && head.uri.path() == UPGRADES
        {
            return upgrades.answer(self, remote, head).await;
        }
        let facts = HttpFacts { method: &head.method, version: head.version, uri: &head.uri, headers: &head.headers };
        let gate = &self.engine.gate;
        let tls = remote.and_then(|remote| remote.tls.as_deref());
        let peer = Peer { place: remote.map(|remote| &remote.place), tls, http: facts };
        let checked = match gate.check_head(&peer, &self.proxies, None) {
            Ok(checked) => checked,
            Err(refusal) => return self.refused(refusal),
        };
        if head.uri.path() != &*self.path {
            return self.elsewhere(head, tls);
        }
        if self.is_preflight(head) {
            return preflight(head);
        }
        let from = checked.from();
        let admission = match gate.admit(checked, &peer).await {
            Ok(admission) => admission,
            Err(refusal) => return self.turned_away(from, refusal).await,
        };
        match head.method {
            Method::POST => self.post(&admission, &head.headers, body).await,
            Method::GET => self.get(&admission, &head.headers),
            Method::DELETE => self.delete(&admission, &head.headers),
            _ => {
                let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
                closing(response)
            }
        }
    }

    /// What lies beside the endpoint and is for everybody: where to get a token (RFC 9728).
    fn elsewhere(&self, head: &Parts, tls: Option<&TlsFacts>) -> Response<AnswerBody> {
        let is_preflight = self.is_preflight(head);
        let document = match head.method {
            Method::GET | Method::HEAD => self.metadata(head, tls),
            // A page says which revision it speaks here as well, and for that has to ask first.
            Method::OPTIONS if is_preflight => self.metadata(head, tls),
            _ => None,
        };
        let Some(document) = document else { return closing(empty(StatusCode::NOT_FOUND)) };
        if is_preflight {
            return preflight(head);
        }
        let mut response = json(StatusCode::OK, Bytes::from(document).into());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        // Whoever keeps it must not show it to a page without the word that lets the page read it.
        if self.reader(&head.headers).is_none() {
            response.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
        }
        response
    }

    /// The document of this path.
    fn metadata(&self, head: &Parts, tls: Option<&TlsFacts>) -> Option<Vec<u8>> {
        self.engine.gate.resource_metadata(head.uri.path(), self.engine.registry.snapshot().scopes(), tls)
    }

    /// A page that may read answers asks what it may send.
    fn is_preflight(&self, head: &Parts) -> bool {
        cors::is_preflight(&head.method, &head.headers) && self.reader(&head.headers).is_some()
    }

    async fn post<B>(&self, admission: &Admission, headers: &HeaderMap, body: B) -> Response<AnswerBody>
    where
        B: HttpBody<Data = Bytes> + Unpin + Send,
    {
        let accept = match gate::accepted_forms(headers) {
            Ok(accept) => accept,
            Err(refusal) => return self.refused_later(admission, refusal),
        };
        let frame = match read_body(headers, body, admission.principal(), &self.bodies).await {
            Ok(frame) => frame,
            Err(fault) => return self.refused_later(admission, unread(fault)),
        };
        let mut kept = match self.begun(self.engine.begin(admission, frame, Link::Http(headers)), accept) {
            Begun::Answered(response) => return response,
            Begun::Runs(kept) => kept,
        };
        // Handlers run inside of the response's future until all have answered or one says something first.
        loop {
            let event = kept.next().await;
            match (event, accept) {
                (Event::Final(answer), _) => return self.carry(answer, accept),
                // The client no longer waits, but the exchange must end; this status says that nothing will follow, in
                // the way that clients already know from notifications.
                (Event::Cancelled, _) => return empty(StatusCode::ACCEPTED),
                // A client that takes no event stream hears nothing before the answer. Each thing that is thrown away
                // gives way to other tasks, so that a handler that never stops talking does not keep the thread.
                (Event::Frame(_) | Event::Part(_) | Event::CloseStream, Accept::Json) => yield_now().await,
                (Event::Question(id, _), Accept::Json) => kept.cannot_ask(&id),
                (
                    event @ (Event::Frame(_) | Event::Part(_) | Event::Question(..) | Event::CloseStream),
                    Accept::EventStream | Accept::Both | Accept::BothRatherStream,
                ) => return kept.into_stream(event),
            }
        }
    }

    /// What a message led to at once.
    fn begun(&self, step: Step, accept: Accept) -> Begun {
        let (mut calls, session) = match step {
            Step::Accepted => return Begun::Answered(empty(StatusCode::ACCEPTED)),
            Step::Answer(answer) => return Begun::Answered(self.carry(answer, accept)),
            Step::Opened(answer, session) => {
                let mut response = self.carry(answer, accept);
                if let Ok(id) = HeaderValue::from_str(session.id()) {
                    response.headers_mut().insert(&SESSION, id);
                }
                return Begun::Answered(response);
            }
            Step::Listen(listening) => {
                return Begun::Answered(match accept {
                    Accept::Json => self.not_acceptable(),
                    Accept::EventStream | Accept::Both | Accept::BothRatherStream => {
                        stream::listen(&self.engine, listening)
                    }
                });
            }
            Step::Run(running, session) => (Calls::One(running), session),
            Step::Batch(batch) => {
                let session = batch.session().clone();
                (Calls::Batch(batch), Some(session))
            }
        };
        if let Some(timeout) = self.timeout {
            calls.end_within(timeout);
        }
        Begun::Runs(stream::Kept::new(&self.engine, calls, session))
    }

    fn get(&self, admission: &Admission, headers: &HeaderMap) -> Response<AnswerBody> {
        let session = match self.session_of(admission, headers) {
            Ok(session) => session,
            Err(response) => return *response,
        };
        match gate::accepted_forms(headers) {
            Ok(Accept::EventStream | Accept::Both | Accept::BothRatherStream) => {}
            Ok(Accept::Json) => return self.not_acceptable(),
            Err(refusal) => return self.refused_later(admission, refusal),
        }
        match stream::session(&self.engine, admission, &session, headers) {
            Ok(response) => {
                self.engine.gate.tell_session(admission, "session/stream");
                response
            }
            // A client that asked for a stream looks at the status alone.
            Err(fault @ Fault::Sealed(_)) => {
                let mut answer = self.engine.refuse(None, fault, session.revision());
                self.engine.tell_refused(admission, &answer, &Arrival::default());
                answer.status = StatusCode::BAD_REQUEST.as_u16();
                self.carry(answer, Accept::Json)
            }
            Err(fault) => self.fault(admission, fault, session.revision()),
        }
    }

    fn delete(&self, admission: &Admission, headers: &HeaderMap) -> Response<AnswerBody> {
        match self.session_of(admission, headers) {
            Ok(session) => {
                self.engine.sessions.close(&session);
                self.engine.gate.tell_session(admission, "session/end");
                empty(StatusCode::NO_CONTENT)
            }
            Err(response) => *response,
        }
    }

    /// The session that a request without a body names. Without one there is nothing to get or delete.
    fn session_of(
        &self,
        admission: &Admission,
        headers: &HeaderMap,
    ) -> Result<Arc<Session>, Box<Response<AnswerBody>>> {
        // A session that a server without sessions is asked for means nothing.
        let named = match self.engine.serves(Era::Stateful) {
            true => self.engine.named_session(admission, &Claims::read(headers)),
            false => Ok(None),
        };
        match named {
            Ok(Some(session)) => Ok(session),
            Ok(None) => {
                let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                Err(Box::new(response))
            }
            Err(Misnamed { fault, revision }) => Err(Box::new(self.fault(admission, fault, revision))),
        }
    }

    /// A finished answer: JSON, or the one event of a stream for a client that would rather have that.
    fn carry(&self, answer: Answer, accept: Accept) -> Response<AnswerBody> {
        let rather_stream = matches!(accept, Accept::EventStream | Accept::BothRatherStream);
        if rather_stream && answer.status == 200 {
            return stream::single(answer.body.whole());
        }
        let Answer { status, body, code: _, asks, ending: _, is_told: _ } = answer;
        let mut response = json(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body);
        if let Some(asks) = asks {
            self.ask(&mut response, &asks);
        }
        response
    }

    fn fault(&self, admission: &Admission, fault: Fault, revision: Revision) -> Response<AnswerBody> {
        let answer = self.engine.refuse(None, fault, revision);
        self.engine.tell_refused(admission, &answer, &Arrival::default());
        self.carry(answer, Accept::Json)
    }

    /// A request whose sender was not admitted.
    pub(crate) async fn turned_away(&self, from: Source, refusal: Refusal) -> Response<AnswerBody> {
        if let Some(slowed) = self.engine.gate.slow(from, &refusal) {
            tokio::time::sleep(slowed.delay()).await;
        }
        self.refused(refusal)
    }

    /// A request whose sender was admitted, and has as much open as it may.
    pub(crate) fn busy(&self, admission: &Admission, fault: Fault) -> Response<AnswerBody> {
        closing(self.fault(admission, fault, Revision::NEWEST_STATELESS))
    }

    /// A request whose sender was admitted, refused before its message was read.
    pub(crate) fn refused_later(&self, admission: &Admission, refusal: Refusal) -> Response<AnswerBody> {
        self.engine.gate.tell_malformed(admission, refusal.reason, evidence::Bytes::default());
        self.refused(refusal)
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> Response<AnswerBody> {
        let mut answer = self.engine.refuse(None, refusal.fault, Revision::NEWEST_STATELESS);
        answer.status = refusal.status;
        if let Some(challenge) = refusal.challenge {
            answer.asks = Some(Box::new(Asks::Credential(challenge)));
        }
        closing(self.carry(answer, Accept::Json))
    }

    /// Says what the client should do to be let in.
    fn ask(&self, response: &mut Response<AnswerBody>, asks: &Asks) {
        let (name, value) = match asks {
            Asks::Credential(challenge) => {
                if let Challenge::Nonce(nonce) = challenge
                    && let Ok(nonce) = HeaderValue::from_str(nonce)
                {
                    response.headers_mut().insert(&DPOP_NONCE, nonce);
                }
                let snapshot = self.engine.registry.snapshot();
                (WWW_AUTHENTICATE, self.engine.gate.challenge(challenge, snapshot.scopes()))
            }
            // Whole seconds, rounded up, so that nobody comes back too early.
            Asks::Patience(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                (RETRY_AFTER, HeaderValue::from(seconds.max(1)))
            }
        };
        response.headers_mut().insert(name, value);
    }

    fn not_acceptable(&self) -> Response<AnswerBody> {
        let fault = Fault::Envelope("Accept must allow text/event-stream for this method");
        let mut answer = self.engine.refuse(None, fault, Revision::NEWEST_STATELESS);
        answer.status = StatusCode::NOT_ACCEPTABLE.as_u16();
        self.carry(answer, Accept::Json)
    }
}

/// Throws away what was not read of a body that is on its way.
///
/// Over HTTP/2 an answer that comes before the body has arrived ends the stream while the client still sends. It may
/// (RFC 9113, section 8.1), but some clients, such as curl 7.88, then fail without showing the status. What is thrown
/// away is no more than a peer could have sent ahead in any case, and a peer that sends nothing is not waited for.
async fn let_arrive(mut body: Incoming) {
    let mut left = REST_BYTES;
    let arriving = async {
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Answered in any case.
    let _ = timeout(REST, arriving).await;
}

/// What a body that could not be read is answered with.
fn unread(fault: BodyFault) -> Refusal {
    let (status, fault, reason) = match fault {
        BodyFault::Unsupported => (415, Fault::Envelope("compressed bodies are not accepted"), "encoding"),
        BodyFault::Framing => {
            (501, Fault::Envelope("Transfer-Encoding must be chunked and nothing else"), "transfer_encoding")
        }
        BodyFault::TooLarge => {
            (code::status(&Fault::TooLarge, Revision::NEWEST_STATELESS), Fault::TooLarge, "too_large")
        }
        BodyFault::Busy => (503, Fault::Busy { retry_after: BODIES_RETRY }, "busy"),
        BodyFault::Timeout => (408, Fault::Envelope("the body did not arrive in time"), "body_timeout"),
        BodyFault::Gone => (400, Fault::Envelope("the body is broken"), "body_broken"),
    };
    Refusal { status, fault, challenge: None, reason }
}

impl Engine {
    /// Whether load balancers should send requests.
    fn readiness(&self) -> Readiness {
        if self.leaving.load(Ordering::Relaxed) || self.stopping.is_cancelled() {
            return Readiness::Leaving;
        }
        Readiness::Ready
    }
}

/// The nonce that the next proof of possession should have (RFC 9449, section 8).
static DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Where connections are taken over.
pub(crate) const UPGRADES: &str = "/ws";

/// How long what was not read of a body may take to arrive: it was sent with its head, so more than most networks need.
const REST: Duration = Duration::from_millis(250);

/// So many refusals wait at a time; further ones go out at once.
const MOST_ARRIVING: usize = 1_000;

/// Of so many bytes at most: what may be sent ahead on one stream.
const REST_BYTES: usize = 64 * 1024;

/// How long a client should wait when there is no room for its body.
const BODIES_RETRY: Duration = Duration::from_secs(1);

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::empty());
    *response.status_mut() = status;
    response
}

fn preflight(head: &Parts) -> Response<AnswerBody> {
    let mut response = empty(StatusCode::NO_CONTENT);
    *response.headers_mut() = cors::preflight(&head.headers);
    response
}

fn json(status: StatusCode, body: Body) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::pieces(body.start, body.rest));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Ends the connection after an answer that was given before the body was read.
pub(crate) fn closing(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
