//! Keys of an issuer by the URL of its key set: fetched beside requests, kept, and replaced.
//!
//! A request never fetches. It may find that a key is not there and so bring the next fetch forward, within what
//! [`schedule`] bounds, and wait for its end. A document without usable keys never replaces one that has some.

mod discover;
mod fetch;
mod schedule;
#[cfg(test)]
mod tests;

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::select;
use mocopr_core::clock::Clock;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{sleep, timeout},
};

use self::{
    fetch::{Fetch, FetchError, Fetched, FromUrl},
    schedule::Schedule,
};
use crate::{
    auth::{
        TokenValidator,
        jwt::{
            algorithm::JwtAlgorithm,
            jwk::{KeySet, parse_set},
            key::VerifyingKey,
            keys::{Found, KeyLocation, KeySource, PlainHttp},
        },
    },
    background::Background,
    outbound::OutboundClient,
    policy::Problem,
};

/// Opens the keys of an issuer. Inside of a runtime the first fetch starts at once, elsewhere with the first token.
///
/// # Errors
/// A URL that is neither `https` nor, where that is permitted, `http` to this machine.
pub(crate) fn open(location: KeyLocation, clock: Arc<dyn Clock>) -> Result<Arc<dyn KeySource>, Problem> {
    let KeyLocation { issuer, url, plain_http } = location;
    if !plain_http.permits(&url) {
        let mend = "name the `https` URL of the key set, or call `allowing_insecure_loopback()`";
        let what = format!("the keys of `{issuer}` cannot be fetched: they would come without TLS");
        return Err(Problem::new(what, mend));
    }
    let client = client(plain_http)?;
    client.check(&url).map_err(|error| {
        let what = format!("the keys of `{issuer}` cannot be fetched: {error}");
        Problem::new(what, "name the `https` URL of its key set, at a public address")
    })?;
    let keys = IssuerKeys::new(issuer, FromUrl { client, url }, clock);
    keys.start();
    Ok(Arc::new(keys))
}

/// What keys are fetched with.
fn client(plain_http: PlainHttp) -> Result<OutboundClient, Problem> {
    let client = OutboundClient::builder().with_timeout(MOST_FETCH).with_max_response_bytes(MOST_BYTES);
    match plain_http {
        PlainHttp::Refused => client.build(),
        PlainHttp::Loopback => client.allowing_insecure_loopback().build(),
    }
}

impl TokenValidator {
    /// Tokens of this issuer, whose public keys are published at `url` as a key set (RFC 7517).
    ///
    /// The keys are fetched beside requests and kept: a new key is found without a restart, one that is gone stops
    /// counting at the next fetch, and while the issuer is down those that are known count for a day. The URL is
    /// `https`.
    ///
    /// ```
    /// use mocopr_security::auth::TokenValidator;
    ///
    /// let validator = TokenValidator::jwks("https://id.example.com", "https://id.example.com/jwks.json");
    /// # let _ = validator;
    /// ```
    pub fn jwks(issuer: impl Into<Box<str>>, url: impl Into<Box<str>>) -> Self {
        Self::by_url(issuer, url, Arc::new(open))
    }
}

/// Keys of one issuer. Fetching ends when this is dropped.
#[derive(Debug)]
struct IssuerKeys {
    shared: Arc<Shared>,
    background: Background,
    is_started: AtomicBool,
}

impl IssuerKeys {
    fn new(issuer: Box<str>, fetch: impl Fetch, clock: Arc<dyn Clock>) -> Self {
        let held = Held { schedule: Schedule::new(clock.now()), flight: Flight::None, current: None };
        let shared = Shared {
            issuer,
            fetch: Box::new(fetch),
            clock,
            held: Mutex::new(held),
            generation: AtomicU64::new(0),
            moved: Notify::new(),
            ended: watch::Sender::new(()),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
        };
        Self { shared: Arc::new(shared), background: Background::new(), is_started: AtomicBool::new(false) }
    }

    /// Starts fetching, where that has not been done and there is a runtime.
    fn start(&self) {
        if self.is_started.load(Ordering::Relaxed) || self.is_started.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.background.run(refresh(Arc::clone(&self.shared))).is_err() {
            self.is_started.store(false, Ordering::Relaxed);
        }
    }
}

impl KeySource for IssuerKeys {
    fn find(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Found {
        self.start();
        self.shared.find(id, algorithm)
    }

    fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    fn still_has(&self, key: &VerifyingKey) -> bool {
        self.shared.keys(self.shared.clock.now()).is_some_and(|keys| keys.has(key))
    }
}

#[derive(Debug)]
struct Shared {
    issuer: Box<str>,
    fetch: Box<dyn Fetch>,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
    generation: AtomicU64,
    /// The next fetch is due sooner than it was.
    moved: Notify,
    /// A fetch ended, with or without keys.
    ended: watch::Sender<()>,
    waiting: Arc<Semaphore>,
}

#[derive(Debug)]
struct Held {
    schedule: Schedule,
    flight: Flight,
    current: Option<Current>,
}

/// The keys that count.
#[derive(Debug)]
struct Current {
    keys: Arc<KeySet>,
    fetched: Duration,
}

/// Whether a fetch is on its way. There is one task that fetches, so there is never a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flight {
    None,
    /// It was asked for, and the task has yet to begin.
    Asked,
    Running,
}

/// What the task does next.
enum Next {
    Fetch,
    Sleep(Duration),
}

impl Shared {
    fn find(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Found {
        let now = self.clock.now();
        let missing = match self.keys(now) {
            Some(keys) => match keys.candidates(id, algorithm) {
                Some(found) => return Found::Keys(found),
                None => Found::Absent,
            },
            None => Found::Unavailable,
        };
        // Before the task is told, so that the end of the fetch cannot be missed.
        let mut ended = self.ended.subscribe();
        let is_coming = {
            let held = &mut *self.lock();
            match held.flight {
                Flight::Asked | Flight::Running => true,
                Flight::None if held.schedule.ask(now) => {
                    held.flight = Flight::Asked;
                    self.moved.notify_one();
                    true
                }
                Flight::None => false,
            }
        };
        if !is_coming {
            return missing;
        }
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else { return Found::Unavailable };
        Found::Wait(Box::pin(async move {
            let _place = place;
            // Both ends are the same to who waits: the keys are looked at once more.
            let _ = timeout(MOST_WAIT, ended.changed()).await;
        }))
    }

    /// The keys that count at this time, if there are any.
    fn keys(&self, now: Duration) -> Option<Arc<KeySet>> {
        let mut held = self.lock();
        self.drop_stale(&mut held, now);
        held.current.as_ref().map(|current| Arc::clone(&current.keys))
    }

    fn drop_stale(&self, held: &mut Held, now: Duration) {
        if held.current.as_ref().is_some_and(|current| now >= current.fetched + LONGEST_STALE) {
            held.current = None;
            self.forget();
            tracing::error!(issuer = &*self.issuer, "the keys are too old and no longer count");
        }
    }

    /// What was verified with the keys until now has to be verified again.
    fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn next(&self) -> Next {
        let now = self.clock.now();
        let mut held = self.lock();
        self.drop_stale(&mut held, now);
        let due = held.schedule.due();
        if due <= now {
            held.flight = Flight::Running;
            held.schedule.started(now);
            return Next::Fetch;
        }
        let stale = held.current.as_ref().map(|current| current.fetched + LONGEST_STALE);
        Next::Sleep(stale.map_or(due, |stale| due.min(stale)).saturating_sub(now))
    }

    fn finish(&self, fetched: Result<Fetched, FetchError>) {
        let read = fetched.and_then(|fetched| match parse_set(&fetched.document)? {
            keys if keys.is_empty() => Err("the key set has no key that can be used".into()),
            keys => Ok((keys, fetched.max_age)),
        });
        let jitter = random_byte();
        let now = self.clock.now();
        let mut held = self.lock();
        held.flight = Flight::None;
        match read {
            Ok((keys, max_age)) => {
                held.schedule.succeeded(now, max_age, jitter);
                self.replace(&mut held, keys, now);
            }
            Err(error) => {
                held.schedule.failed(now, jitter);
                let cause = error.source().map(ToString::to_string);
                let keeps = held.current.is_some();
                tracing::warn!(issuer = &*self.issuer, %error, cause, keeps, "the keys could not be fetched");
            }
        }
        drop(held);
        self.ended.send_replace(());
    }

    fn replace(&self, held: &mut Held, keys: KeySet, now: Duration) {
        let is_same = held.current.as_ref().is_some_and(|current| current.keys.fingerprint() == keys.fingerprint());
        let keys = match held.current.take() {
            Some(current) if is_same => current.keys,
            Some(_) | None => {
                self.forget();
                tracing::info!(issuer = &*self.issuer, "there are new keys");
                Arc::new(keys)
            }
        };
        held.current = Some(Current { keys, fetched: now });
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches when it is time to, for as long as somebody owns the keys.
async fn refresh(shared: Arc<Shared>) {
    loop {
        match shared.next() {
            Next::Fetch => {
                let fetched = timeout(MOST_FETCH, shared.fetch.fetch()).await;
                shared.finish(fetched.unwrap_or_else(|elapsed| Err(elapsed.into())));
            }
            Next::Sleep(time) => {
                let moved = pin!(shared.moved.notified());
                select(pin!(sleep(time)), moved).await;
            }
        }
    }
}

/// Spreads fetches; without randomness they are not spread.
fn random_byte() -> u8 {
    let mut byte = [u8::MAX / 2];
    match getrandom::fill(&mut byte) {
        Ok(()) | Err(_) => u8::from_be_bytes(byte),
    }
}

/// The largest document, in bytes: what the reader of key sets takes.
const MOST_BYTES: usize = 256 << 10;
/// How long a fetch may take.
const MOST_FETCH: Duration = Duration::from_secs(5);
/// How long a request waits for the end of a fetch.
const MOST_WAIT: Duration = Duration::from_secs(6);
/// How many requests wait at a time; more are told to come again.
const MOST_WAITING: usize = 256;
/// How long keys count while the issuer gives no others.
const LONGEST_STALE: Duration = Duration::from_secs(24 * 60 * 60);
