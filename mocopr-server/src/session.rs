//! Sessions of the stateful revisions: bound to their principal, capped, expiring. A session id is not a
//! credential: every request is admitted on its own, and another principal's session looks like none.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use dashmap::DashMap;
use mocopr_core::{
    clock::Clock,
    fault::Fault,
    id::RequestId,
    json::RawJson,
    model::{ask::ListenFilter, capability::ClientCapabilities, content::Level},
    wire::revision::Revision,
};
use mocopr_security::{limits::Limits, principal::Principal, random};
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{
    inflight::Inflight,
    replay::Replay,
    subscribe::{Hub, Subscription},
};

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session {
    id: Box<str>,
    principal: Principal,
    revision: Revision,
    capabilities: ClientCapabilities,
    level: AtomicU8,
    ready: AtomicBool,
    last_used: AtomicU64,
    calls: Inflight,
    asks: Arc<Asks>,
    subscription: OnceLock<Subscription>,
    replay: OnceLock<Replay>,
    ended: CancellationToken,
}

impl Session {
    pub(crate) fn new(
        id: Box<str>,
        principal: Principal,
        revision: Revision,
        capabilities: ClientCapabilities,
        calls: Inflight,
    ) -> Self {
        Self {
            id,
            principal,
            revision,
            capabilities,
            level: AtomicU8::new(DEFAULT_LEVEL as u8),
            ready: AtomicBool::new(false),
            last_used: AtomicU64::new(0),
            calls,
            asks: Arc::default(),
            subscription: OnceLock::new(),
            replay: OnceLock::new(),
            ended: CancellationToken::new(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(crate) fn capabilities(&self) -> &ClientCapabilities {
        &self.capabilities
    }

    pub(crate) fn calls(&self) -> &Inflight {
        &self.calls
    }

    pub(crate) fn asks(&self) -> &Arc<Asks> {
        &self.asks
    }

    /// The lowest level of log messages that the client wants.
    pub(crate) fn level(&self) -> Level {
        let level = self.level.load(Ordering::Relaxed);
        Level::ALL.into_iter().find(|known| *known as u8 == level).unwrap_or(DEFAULT_LEVEL)
    }

    pub(crate) fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    /// The client said `notifications/initialized`.
    pub(crate) fn make_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// What this session is told of: every list, and the resources that it subscribes to.
    pub(crate) fn subscription(&self, hub: &Arc<Hub>) -> &Subscription {
        self.subscription.get_or_init(|| {
            let everything = ListenFilter { tools: true, prompts: true, resources: true, uris: Vec::new() };
            hub.subscribe(everything, &self.principal)
        })
    }

    /// What this session's streams have carried.
    pub(crate) fn replay(&self, limits: &Limits) -> &Replay {
        self.replay.get_or_init(|| Replay::new(limits.replay_events.get(), limits.replay_bytes))
    }

    /// Done once the session has ended.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Ends it: calls are cancelled, streams close, questions get no answer.
    pub(crate) fn end(&self) {
        self.ended.cancel();
        self.calls.end();
        self.asks.give_up();
    }
}

/// Our own requests that wait for the client's answer.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    next: AtomicI64,
    waiting: Mutex<HashMap<i64, oneshot::Sender<Option<RawJson>>>>,
}

/// One request of ours; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct Pending {
    asks: Arc<Asks>,
    id: i64,
    answer: oneshot::Receiver<Option<RawJson>>,
}

impl Asks {
    /// Opens a request under an id of its own.
    pub(crate) fn open(self: &Arc<Self>) -> Pending {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        self.lock().insert(id, sender);
        Pending { asks: self.clone(), id, answer }
    }

    /// Hands an answer to whoever waits for it; an answer to nothing is ignored.
    pub(crate) fn answer(&self, id: &RequestId, result: Option<RawJson>) {
        let RequestId::Integer(id) = id else { return };
        if let Some(sender) = self.lock().remove(id) {
            // Whoever waited may be gone; then nobody needs the answer.
            let _ = sender.send(result);
        }
    }

    fn give_up(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, oneshot::Sender<Option<RawJson>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    /// The client's result; `None` where it answered with an error or the session ended.
    pub(crate) async fn answer(mut self) -> Option<RawJson> {
        (&mut self.answer).await.ok().flatten()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.asks.lock().remove(&self.id);
    }
}

/// The sessions of HTTP, and those that are bound to a connection over a network.
#[derive(Debug)]
pub(crate) struct Sessions {
    by_id: DashMap<Box<str>, Arc<Session>>,
    /// No request finds these; their owner ends them.
    bound: Arc<DashMap<Box<str>, Arc<Session>>>,
    per_principal: DashMap<Principal, usize>,
    count: AtomicUsize,
    clock: Arc<dyn Clock>,
    swept: AtomicU64,
}

impl Sessions {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            by_id: DashMap::new(),
            bound: Arc::default(),
            per_principal: DashMap::new(),
            count: AtomicUsize::new(0),
            clock,
            swept: AtomicU64::new(0),
        }
    }

    /// Opens a session, if there is room after those past their idle life are gone.
    pub(crate) fn open(
        &self,
        principal: &Principal,
        revision: Revision,
        capabilities: ClientCapabilities,
        limits: &Limits,
    ) -> Result<Arc<Session>, Fault> {
        let idle = limits.session_idle;
        self.sweep(idle, idle / 10);
        if self.count.load(Ordering::Acquire) >= limits.sessions.get() {
            self.sweep(idle, FULL_SWEEP);
        }
        let full = Fault::Busy { retry_after: FULL_RETRY };
        if self.count.fetch_add(1, Ordering::AcqRel) >= limits.sessions.get() {
            self.count.fetch_sub(1, Ordering::AcqRel);
            return Err(full);
        }
        if !self.take_place(principal, limits.sessions_per_principal) {
            self.count.fetch_sub(1, Ordering::AcqRel);
            return Err(full);
        }
        let Ok(id) = random::random_name() else {
            self.give_place(principal);
            return Err(Fault::Internal);
        };
        let session =
            Arc::new(Session::new(id.clone(), principal.clone(), revision, capabilities, Inflight::default()));
        self.touch(&session);
        self.by_id.insert(id, session.clone());
        Ok(session)
    }

    /// How many there are, those among them whose time is over and which nobody has looked for yet.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The session of that id, if it is this principal's and has not ended.
    pub(crate) fn find(&self, id: &str, principal: &Principal, limits: &Limits) -> Option<Arc<Session>> {
        let session = self.by_id.get(id).map(|entry| entry.value().clone())?;
        if session.principal != *principal {
            return None;
        }
        if self.is_stale(&session, limits.session_idle) {
            self.close(&session);
            return None;
        }
        self.touch(&session);
        Some(session)
    }

    /// Ends a session.
    pub(crate) fn close(&self, session: &Session) {
        if self.by_id.remove(session.id()).is_some() {
            self.give_place(&session.principal);
        }
        session.end();
    }

    /// Ends the session of that id, whoever it belongs to.
    pub(crate) fn revoke(&self, id: &str) {
        let session = self.by_id.get(id).map(|entry| entry.value().clone());
        if let Some(session) = session {
            self.close(&session);
        }
        let bound = self.bound.get(id).map(|entry| entry.value().clone());
        if let Some(session) = bound {
            session.end();
        }
    }

    /// Lets a session be ended by its id while its connection is there. There are no more of them than connections.
    pub(crate) fn bind(&self, session: Arc<Session>) -> Bound {
        let (all, id) = (self.bound.clone(), Box::from(session.id()));
        let ended = Box::pin(session.ended().clone().cancelled_owned());
        self.bound.insert(session.id().into(), session);
        Bound { all, id, ended }
    }

    /// Ends every session.
    pub(crate) fn close_all(&self) {
        let all: Vec<Arc<Session>> = self.by_id.iter().map(|entry| entry.value().clone()).collect();
        all.iter().for_each(|session| self.close(session));
    }

    /// The session was used now.
    pub(crate) fn touch(&self, session: &Session) {
        session.last_used.store(milliseconds(self.clock.now()), Ordering::Relaxed);
    }

    /// Ends the sessions past their life; at most once in `every`.
    fn sweep(&self, idle: Duration, every: Duration) {
        let now = milliseconds(self.clock.now());
        let last = self.swept.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= milliseconds(every);
        if !due || self.swept.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let stale: Vec<Arc<Session>> = self
            .by_id
            .iter()
            .filter(|entry| self.is_stale(entry.value(), idle))
            .map(|entry| entry.value().clone())
            .collect();
        stale.iter().for_each(|session| self.close(session));
    }

    fn is_stale(&self, session: &Session, idle: Duration) -> bool {
        let now = milliseconds(self.clock.now());
        // A handshake that was never finished keeps its place for a short while only.
        let life = if session.is_ready() { idle } else { idle.min(HANDSHAKE) };
        now.saturating_sub(session.last_used.load(Ordering::Relaxed)) > milliseconds(life)
    }

    fn take_place(&self, principal: &Principal, max: Option<NonZeroUsize>) -> bool {
        let mut held = self.per_principal.entry(principal.clone()).or_insert(0);
        if max.is_some_and(|max| *held >= max.get()) {
            return false;
        }
        *held += 1;
        true
    }

    fn give_place(&self, principal: &Principal) {
        self.count.fetch_sub(1, Ordering::AcqRel);
        if let Some(mut held) = self.per_principal.get_mut(principal) {
            *held = held.saturating_sub(1);
        }
        self.per_principal.remove_if(principal, |_, held| *held == 0);
    }
}

/// A session that is bound to a connection; nobody can end it by its id any longer once this is dropped.
pub(crate) struct Bound {
    all: Arc<DashMap<Box<str>, Arc<Session>>>,
    id: Box<str>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Bound {
    /// Ready once it was ended.
    pub(crate) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.ended.as_mut().poll(cx)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.all.remove(&self.id);
    }
}

fn milliseconds(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

/// Log messages below this level are not sent until the client says otherwise.
const DEFAULT_LEVEL: Level = Level::Info;

/// How long a session lives without a request before the client has said that it is initialized.
const HANDSHAKE: Duration = Duration::from_secs(60);

/// How often sessions past their life are looked for while there is no room for another.
const FULL_SWEEP: Duration = Duration::from_secs(1);

/// How long a client should wait when there are too many sessions.
const FULL_RETRY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use mocopr_core::clock::ManualClock;

    use super::*;

    fn limits() -> Limits {
        Limits { sessions: places(3), sessions_per_principal: Some(places(2)), ..Limits::development() }
    }

    fn places(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    fn open(sessions: &Sessions, who: &Principal) -> Result<Arc<Session>, Fault> {
        sessions.open(who, Revision::NEWEST_STATEFUL, ClientCapabilities::default(), &limits())
    }

    #[test]
    fn a_session_of_another_principal_looks_like_none() {
        let sessions = Sessions::new(Arc::new(ManualClock::new()));
        let (alice, mallory) = (Principal::named("alice"), Principal::named("mallory"));
        let session = open(&sessions, &alice).unwrap();
        assert!(sessions.find(session.id(), &mallory, &limits()).is_none());
        assert!(sessions.find(session.id(), &Principal::named("alice"), &limits()).is_some());
        assert!(!session.ended().is_cancelled(), "whoever asks for it does not end it");
    }

    #[test]
    fn whoever_asks_for_the_session_of_another_does_not_keep_it_alive() {
        let clock = ManualClock::new();
        let sessions = Sessions::new(Arc::new(clock.clone()));
        let (alice, mallory) = (Principal::named("alice"), Principal::named("mallory"));
        let session = open(&sessions, &alice).unwrap();
        clock.advance(limits().session_idle);
        assert!(sessions.find(session.id(), &mallory, &limits()).is_none());
        clock.advance(Duration::from_millis(1));
        assert!(sessions.find(session.id(), &alice, &limits()).is_none());
        assert!(session.ended().is_cancelled());
    }

    #[test]
    fn each_principal_has_its_own_cap_and_all_have_one_together() {
        let sessions = Sessions::new(Arc::new(ManualClock::new()));
        let (alice, bob) = (Principal::named("alice"), Principal::named("bob"));
        let first = open(&sessions, &alice).unwrap();
        open(&sessions, &alice).unwrap();
        assert!(matches!(open(&sessions, &alice), Err(Fault::Busy { .. })), "her own cap");
        open(&sessions, &bob).unwrap();
        assert!(matches!(open(&sessions, &bob), Err(Fault::Busy { .. })), "the cap of all");
        sessions.close(&first);
        sessions.close(&first);
        open(&sessions, &bob).unwrap();
        assert!(matches!(open(&sessions, &alice), Err(Fault::Busy { .. })), "closed twice is one place");
    }

    #[test]
    fn a_session_of_a_connection_is_found_by_nobody_and_ended_by_its_id_while_the_connection_is_there() {
        let sessions = Sessions::new(Arc::new(ManualClock::new()));
        let who = Principal::named("alice");
        let session = |id: &str| {
            let revision = Revision::NEWEST_STATEFUL;
            let capabilities = ClientCapabilities::default();
            Arc::new(Session::new(id.into(), who.clone(), revision, capabilities, Inflight::default()))
        };
        let (one, other) = (session("one"), session("other"));
        let mut bound = sessions.bind(one.clone());
        drop(sessions.bind(other.clone()));
        let mut task = Context::from_waker(std::task::Waker::noop());
        assert!(sessions.find("one", &who, &limits()).is_none());
        assert!(bound.poll_ended(&mut task).is_pending());
        sessions.revoke("other");
        sessions.revoke("one");
        assert!(!other.ended().is_cancelled(), "its connection is gone");
        assert!(one.ended().is_cancelled() && bound.poll_ended(&mut task).is_ready());
        drop(bound);
        assert!(sessions.bound.is_empty());
    }

    #[test]
    fn the_answer_to_a_question_is_taken_once_and_only_by_its_number() {
        let asks = Arc::new(Asks::default());
        let mut pending = asks.open();
        let answer = || Some(RawJson::empty_object());
        asks.answer(&RequestId::Text(pending.id().to_string().into()), answer());
        asks.answer(&RequestId::Integer(pending.id() + 1), answer());
        assert!(pending.answer.try_recv().is_err(), "an answer to something else is not taken");
        asks.answer(&RequestId::Integer(pending.id()), answer());
        asks.answer(&RequestId::Integer(pending.id()), None);
        assert_eq!(pending.answer.try_recv().unwrap().unwrap().as_str(), "{}");
    }
}
