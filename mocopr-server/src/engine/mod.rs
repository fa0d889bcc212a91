//! The pipeline: one message of an admitted peer in, what to do with it out. Straight-line, and never waits.
//!
//! It does no I/O and decides nothing about access; that is the gate, which it asks for every call.

mod stateful;

use std::{
    cell::RefCell,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
    },
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use mocopr_core::{
    call::{Answer as ClientAnswer, Call, Incoming, Note, Request},
    clock::Clock,
    envelope::{self, Malformed, Message, Wants},
    fault::Fault,
    id::RequestId,
    json::Scanner,
    model::capability::{Hello, Implementation},
    store::Store,
    wire::{
        decode::{self, DecodeContext, MetaVersion, Opened},
        encode::{self, Stamp},
        method::Method,
        revision::{Era, Revision},
    },
};
use mocopr_security::{
    gate::{Admission, Denied, Gate, Permit, Target},
    limits::Limits,
    policy::Row,
    principal::Principal,
    rate::RateLimiter,
    redact::Secret,
    seal::{KeyFile, KeyRing},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

#[cfg(feature = "http")]
pub(crate) use self::stateful::Misnamed;
use crate::{
    answer::Answer,
    arrival::Arrival,
    batch::Batch,
    inflight::{Cancel, IdInUse, Inflight, Taken},
    listening::Listening,
    listing::{self, List, Reading},
    registry::Registry,
    running::Running,
    session::{Session, Sessions},
    spans::Spans,
    state::States,
    subscribe::Hub,
    transport::claims::Claims,
};

/// Everything that all transports share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) gate: Gate,
    /// What was found of the privileges of this process, for the report.
    pub(crate) process: Vec<Row>,
    /// What proves the client of standard streams.
    #[cfg_attr(not(feature = "stdio"), expect(dead_code, reason = "standard streams alone use it"))]
    pub(crate) stdio_token: Option<Secret<String>>,
    pub(crate) registry: Registry,
    pub(crate) sessions: Sessions,
    pub(crate) hub: Arc<Hub>,
    pub(crate) states: States,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ring: KeyRing,
    /// Who makes spans of requests, where anybody does.
    pub(crate) spans: Option<Arc<dyn Spans>>,
    /// Where its keys come from, where that is a file.
    pub(crate) key_file: Option<KeyFile>,
    pub(crate) info: Implementation,
    pub(crate) stamp: Stamp,
    pub(crate) instructions: Option<Box<str>>,
    pub(crate) page_size: NonZeroUsize,
    pub(crate) list_ttl: Duration,
    pub(crate) served: Vec<Revision>,
    /// Connections that are open, of HTTP.
    pub(crate) connections: AtomicUsize,
    /// How often changed files of TLS could not be used, of all listeners.
    pub(crate) tls_failures: AtomicU64,
    /// Calls that outlive the connection they came on.
    pub(crate) tasks: TaskTracker,
    /// Set once the server is about to stop, while it still serves.
    pub(crate) leaving: AtomicBool,
    /// Done once the server stops.
    pub(crate) stopping: CancellationToken,
}

/// How a message came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Link<'a> {
    /// As the body of one HTTP request with these headers.
    Http(&'a HeaderMap),
    /// On a stream of messages.
    Channel(&'a Channel),
}

/// What a stream of messages knows of its peer.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    pub(crate) calls: Inflight,
    pub(crate) session: std::sync::OnceLock<Arc<Session>>,
    /// Messages that this kind of stream takes of one principal, beside the rates of the gate.
    pub(crate) rate: Option<Arc<RateLimiter<Principal>>>,
}

/// What is to be done with a message.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a call that runs is the rule, and costs no allocation of its own")]
pub(crate) enum Step {
    /// Nothing is sent: it was a notification, or the answer to a question of ours.
    Accepted,
    /// This is sent.
    Answer(Answer),
    /// This is sent, and a session begins.
    Opened(Answer, Arc<Session>),
    /// A handler is at work; `session` where it belongs to one.
    Run(Running, Option<Arc<Session>>),
    /// Handlers of the messages of a batch are at work.
    Batch(Batch),
    /// A listen stream is open.
    Listen(Listening),
}

/// A message that ends here, with the answer that says so.
pub(crate) type Refused = Answer;

impl Engine {
    pub(crate) fn limits(&self) -> &Limits {
        self.gate.policy().limits()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Who the server is, for every result.
    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The revisions that this server serves, oldest first.
    pub(crate) fn served(&self) -> &[Revision] {
        &self.served
    }

    /// Some revision of that era is served.
    pub(crate) fn serves(&self, era: Era) -> bool {
        self.newest_served(era).is_some()
    }

    fn newest_served(&self, era: Era) -> Option<Revision> {
        self.served.iter().rev().find(|revision| revision.era() == era).copied()
    }

    /// The revision that a stateful message is read in before a session has one.
    fn newest_stateful(&self) -> Revision {
        self.newest_served(Era::Stateful).unwrap_or(Revision::NEWEST_STATEFUL)
    }

    /// Takes one message, or one batch, as far as it goes without waiting.
    pub(crate) fn begin(self: &Arc<Self>, admission: &Admission, frame: Bytes, link: Link<'_>) -> Step {
        let mut arrival = Arrival::of(&frame, link, admission, self);
        match self.step(admission, frame, link, &mut arrival) {
            Ok(step) => step,
            Err(refused) => {
                self.tell_refused(admission, &refused, &arrival);
                Step::Answer(refused)
            }
        }
    }

    fn step(
        self: &Arc<Self>,
        admission: &Admission,
        frame: Bytes,
        link: Link<'_>,
        arrival: &mut Arrival,
    ) -> Result<Step, Refused> {
        let too_fast = match link {
            Link::Http(_) => None,
            Link::Channel(channel) => channel.is_too_fast(admission).map(|retry_after| Fault::Rate { retry_after }),
        };
        if envelope::is_batch(&frame)
            && let Some(session) = self.session_with_batches(admission, link)?
        {
            return match too_fast {
                Some(fault) => Err(self.refuse(None, fault, session.revision())),
                None => self.batch(admission, &frame, &session, arrival),
            };
        }
        let read = with_scanner(|scanner| envelope::read(frame, &self.limits().message, scanner));
        let message = match (read, link) {
            (Ok(message), _) => message,
            (Err(Malformed { fault, wants: Wants::Nothing, .. }), Link::Channel(_)) => {
                debug!(?fault, "the peer could not read something");
                return Ok(Step::Accepted);
            }
            // An exchange of HTTP has an answer, whoever waits for it.
            (Err(Malformed { id, fault, .. }), Link::Http(_) | Link::Channel(_)) => {
                return Err(self.refuse(id.as_ref(), too_fast.unwrap_or(fault), link.revision()));
            }
        };
        let claims = match link {
            Link::Http(headers) => Some(Claims::read(headers)),
            Link::Channel(_) => None,
        };
        if let Some(fault) = too_fast {
            // What asks for nothing is told nothing.
            let Some(id) = message.id() else { return Ok(Step::Accepted) };
            return Err(self.refuse(Some(id), fault, link.revision()));
        }
        let opened = decode::open(message);
        arrival.read_in(&opened, self);
        let era = self.era(&opened, claims.as_ref(), link)?;
        match (era, claims) {
            (Era::Stateless, Some(claims)) => self.stateless_http(admission, opened, &claims, arrival),
            (Era::Stateless, None) => self.stateless(admission, opened, None, link, arrival),
            (Era::Stateful, claims) => self.stateful(admission, opened, claims.as_ref(), link, arrival),
        }
    }

    /// Which era a message belongs to: what its `_meta` or its header says, else that of the session. Only of eras that
    /// are served, but for a handshake, which is answered with what is served instead.
    fn era(&self, opened: &Opened, claims: Option<&Claims<'_>>, link: Link<'_>) -> Result<Era, Refused> {
        let message = opened.message();
        let unsupported = |version: &str| {
            let fault = Fault::UnsupportedVersion { requested: version.into() };
            Err(self.refuse(message.id(), fault, Revision::NEWEST_STATELESS))
        };
        match opened.version() {
            MetaVersion::Named(version) if !self.serves(Era::Stateless) => return unsupported(version),
            // Whether it is a version that is served is looked at with the rest of `_meta`.
            MetaVersion::Named(_) | MetaVersion::Wrong => return Ok(Era::Stateless),
            MetaVersion::Absent => {}
        }
        let version = match (claims, link) {
            (Some(claims), _) => claims.version.clone(),
            (None, Link::Channel(channel)) => return Ok(channel.era(message, self)),
            (None, Link::Http(_)) => Ok(None),
        };
        let version = version.map_err(|fault| self.refuse(message.id(), fault, Revision::NEWEST_STATELESS))?;
        let names_session = claims.is_some_and(|claims| matches!(claims.session, Ok(Some(_))));
        match version.map(|version| (version, Revision::parse(version))) {
            None if self.serves(Era::Stateful) || is_initialize(message) => Ok(Era::Stateful),
            None => Ok(Era::Stateless),
            Some((_, Some(revision))) if self.serves(revision.era()) => Ok(revision.era()),
            Some((_, Some(revision))) if revision.era() == Era::Stateful && is_initialize(message) => Ok(Era::Stateful),
            // The session knows which version it would have been.
            Some((_, None)) if names_session && !is_initialize(message) && self.serves(Era::Stateful) => {
                Ok(Era::Stateful)
            }
            Some((version, _)) => unsupported(version),
        }
    }

    fn stateless_http(
        self: &Arc<Self>,
        admission: &Admission,
        opened: Opened,
        claims: &Claims<'_>,
        arrival: &Arrival,
    ) -> Result<Step, Refused> {
        if let Err(fault) = claims.agree(&opened) {
            return Err(self.refuse(opened.message().id(), fault, Revision::NEWEST_STATELESS));
        }
        self.stateless(admission, opened, Some(claims), Link::Http(claims.headers), arrival)
    }

    fn stateless(
        self: &Arc<Self>,
        admission: &Admission,
        opened: Opened,
        claims: Option<&Claims<'_>>,
        link: Link<'_>,
        arrival: &Arrival,
    ) -> Result<Step, Refused> {
        let call = match self.decode(opened, DecodeContext::Stateless)? {
            Incoming::Call(call) => call,
            Incoming::Note(note) => {
                if let (Note::Cancelled { id }, Link::Channel(channel)) = (note, link) {
                    channel.calls.cancel(&id);
                }
                return Ok(Step::Accepted);
            }
            Incoming::Answer(ClientAnswer { .. }) => {
                let fault = Fault::Envelope("this revision has no requests that a client answers");
                return Err(self.refuse(None, fault, Revision::NEWEST_STATELESS));
            }
        };
        if !self.served.contains(&call.revision) {
            let fault = Fault::UnsupportedVersion { requested: call.revision.as_str().into() };
            return Err(self.refuse(Some(&call.id), fault, call.revision));
        }
        if let Some(claims) = claims
            && let Err(fault) = claims.agree_on_name(&call)
        {
            return Err(self.refuse(Some(&call.id), fault, call.revision));
        }
        let calls = match link {
            Link::Http(_) => None,
            Link::Channel(channel) => Some(&channel.calls),
        };
        self.carry_out(
            admission,
            *call,
            Scene { session: None, calls, headers: claims.map(|claims| claims.headers), arrival },
        )
    }

    /// One call, era and session known.
    fn carry_out(self: &Arc<Self>, admission: &Admission, call: Call, scene: Scene<'_>) -> Result<Step, Refused> {
        let session = scene.session.map(|session| &**session);
        self.accounted(admission, call, session, scene.arrival, |call| self.carry_out_call(admission, call, scene))
    }

    fn carry_out_call(self: &Arc<Self>, admission: &Admission, call: Call, scene: Scene<'_>) -> Result<Step, Refused> {
        match &call.request {
            Request::CallTool(_) | Request::GetPrompt(_) | Request::ReadResource(_) | Request::Complete(_) => {
                self.start(admission, call, scene)
            }
            Request::ListTools(_) => self.list(admission, call, List::Tools),
            Request::ListPrompts(_) => self.list(admission, call, List::Prompts),
            Request::ListResources(_) => self.list_resources(admission, call, scene),
            Request::ListTemplates(_) => self.list(admission, call, List::Templates),
            Request::Discover => {
                let permit = self.protocol(admission, call)?;
                let call = permit.call();
                Ok(Step::Answer(Answer::kept(&call.id, self.hello(call.revision))))
            }
            Request::Ping => {
                let permit = self.protocol(admission, call)?;
                let call = permit.call();
                Ok(Step::Answer(Answer::result(&call.id, encode::empty(call.revision), call.revision, self)))
            }
            Request::SetLevel(level) => {
                let level = *level;
                let permit = self.protocol(admission, call)?;
                if let Some(session) = scene.session {
                    session.set_level(level);
                }
                let call = permit.call();
                Ok(Step::Answer(Answer::result(&call.id, encode::empty(call.revision), call.revision, self)))
            }
            Request::Subscribe(_) | Request::Unsubscribe(_) => self.subscribe(admission, call, scene),
            Request::Listen(_) => self.listen(admission, call, scene),
            // The handshake is taken before a session is looked for; a second road to it would open a second session.
            Request::Initialize(_) => Err(self.refuse(Some(&call.id), Fault::Internal, call.revision)),
        }
    }

    pub(crate) fn list(&self, admission: &Admission, call: Call, list: List) -> Result<Step, Refused> {
        let permit = self.protocol(admission, call)?;
        let call = permit.call();
        let snapshot = self.registry.snapshot();
        if !snapshot.offers(list) {
            return Err(self.refuse(Some(&call.id), Fault::UnknownMethod, call.revision));
        }
        let (Request::ListTools(page)
        | Request::ListPrompts(page)
        | Request::ListResources(page)
        | Request::ListTemplates(page)) = &call.request
        else {
            return Err(self.refuse(Some(&call.id), Fault::Internal, call.revision));
        };
        let reading = Reading {
            gate: &self.gate,
            ring: &self.ring,
            who: permit.principal(),
            revision: call.revision,
            page_size: self.page_size.get(),
            stamp: &self.stamp,
            cache: listing::hint(&self.gate, self.list_ttl),
        };
        match list.read(&snapshot, page, &reading) {
            Ok(kept) => Ok(Step::Answer(Answer::kept(&call.id, kept))),
            Err(fault) => Err(self.refuse(Some(&call.id), fault, call.revision)),
        }
    }

    /// Takes the id of a call, where ids must be unique among the calls under way.
    pub(crate) fn take_id(&self, scene: Scene<'_>, call: &Call, cancel: Cancel) -> Result<Option<Taken>, Refused> {
        let Some(calls) = scene.calls else { return Ok(None) };
        let in_use =
            |IdInUse| self.refuse(Some(&call.id), Fault::Envelope("the id is used by a call under way"), call.revision);
        calls.enter(&call.id, cancel).map(Some).map_err(in_use)
    }

    /// A permit for a call that is about the protocol itself.
    pub(crate) fn protocol(&self, admission: &Admission, call: Call) -> Result<Permit, Refused> {
        self.gate.permit(admission, call, Target::Protocol).map_err(|denied| self.denied(denied))
    }

    pub(crate) fn denied(&self, denied: Denied) -> Refused {
        self.refuse(Some(&denied.id), denied.fault, denied.revision).ending(denied.ending)
    }

    pub(crate) fn refuse(&self, id: Option<&RequestId>, fault: Fault, revision: Revision) -> Refused {
        Answer::fault(id, fault, revision, self)
    }

    fn decode(&self, opened: Opened, context: DecodeContext) -> Result<Incoming, Refused> {
        opened
            .decode(&context)
            .map_err(|undecoded| self.refuse(undecoded.id.as_ref(), undecoded.fault, undecoded.revision))
    }

    fn hello(&self, revision: Revision) -> Bytes {
        self.registry.snapshot().hello(revision, || Hello {
            server: self.info.clone(),
            capabilities: self.registry.capabilities(),
            instructions: self.instructions.clone(),
            revisions: self.served.clone(),
            cache: listing::hint(&self.gate, self.list_ttl),
        })
    }
}

/// What a call is carried out in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    /// The session of a stateful call.
    pub(crate) session: Option<&'a Arc<Session>>,
    /// The ids in use where they must be unique.
    pub(crate) calls: Option<&'a Inflight>,
    /// The headers of a stateless call over HTTP.
    pub(crate) headers: Option<&'a HeaderMap>,
    /// How the message came.
    pub(crate) arrival: &'a Arrival,
}

impl Channel {
    /// How long to wait, where this principal has sent too many messages.
    fn is_too_fast(&self, admission: &Admission) -> Option<Duration> {
        self.rate.as_ref()?.check(admission.principal()).err()
    }

    /// Before a handshake only the handshake and `ping` are stateful, and answers to questions that nobody asked;
    /// afterwards everything that does not name a version is. A notification names none: without a session it is
    /// about the stateless calls of this stream. Where one era is not served, all but a handshake is of the other.
    fn era(&self, message: &Message, engine: &Engine) -> Era {
        if self.session.get().is_some() || is_initialize(message) || !engine.serves(Era::Stateless) {
            return Era::Stateful;
        }
        if !engine.serves(Era::Stateful) {
            return Era::Stateless;
        }
        match message {
            Message::Request { .. } if is_ping(message) => Era::Stateful,
            Message::Request { .. } | Message::Notification { .. } => Era::Stateless,
            Message::Response { .. } => Era::Stateful,
        }
    }
}

impl Link<'_> {
    /// The revision that an error is written in whose message could not be read: that of the session where it is at
    /// hand.
    pub(crate) fn revision(self) -> Revision {
        match self {
            Self::Http(_) => Revision::NEWEST_STATELESS,
            Self::Channel(channel) => {
                channel.session.get().map_or(Revision::NEWEST_STATELESS, |session| session.revision())
            }
        }
    }
}

/// Lends the scanner of this thread, whose stacks are kept between messages.
pub(crate) fn with_scanner<T>(read: impl FnOnce(&mut Scanner) -> T) -> T {
    SCANNER.with_borrow_mut(read)
}

pub(crate) fn is_initialize(message: &Message) -> bool {
    matches!(message, Message::Request { method, .. } if method.as_str() == INITIALIZE)
}

fn is_ping(message: &Message) -> bool {
    matches!(message, Message::Request { method, .. } if method.as_str() == PING)
}

thread_local! {
    static SCANNER: RefCell<Scanner> = RefCell::new(Scanner::new());
}

const INITIALIZE: &str = Method::Initialize.as_str();
const PING: &str = Method::Ping.as_str();
