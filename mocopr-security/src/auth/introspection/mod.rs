//! Tokens that only their issuer can read: it is asked what each of them proves (RFC 7662).
//!
//! The last of all authenticators, because it takes every bearer token that nobody else knows. What an issuer said is
//! remembered for a moment, each token is asked about by one request at a time, and of all of them together there are
//! few: strangers who make tokens up must not turn this server against its issuer. An API key is never shown to it.

mod answer;
mod endpoint;
mod lasting;
mod refused;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use mocopr_core::clock::Clock;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use self::{
    answer::names_another,
    endpoint::{Ask, Endpoint},
    lasting::Lasting,
    refused::Refused,
};
use crate::{
    auth::{
        Authenticator, Credential, TokenValidator, api_key,
        jwt::{compact::MOST_BYTES, remember::Remembered, rules::Rules},
        verdict::{Pending, Rejected, Verdict, Verified},
    },
    background::Background,
    random::digest,
    redact::Secret,
};

impl TokenValidator {
    /// Tokens of this issuer, of whatever form, about each of which it is asked at `url` (token introspection).
    ///
    /// This server is a client of the issuer for that: it proves itself with `client_id` and `secret` by HTTP's Basic
    /// authentication. The URL is `https`. A server has one such issuer; it is asked after every other authenticator
    /// has said that a bearer token is not its own, and never about an API key. What it answers must hold what is
    /// demanded of other tokens: `active` true, this server as its only `aud`, `sub` and `exp`; `iss` may be left out.
    /// Refresh tokens and ID tokens are for somebody else, and so refused.
    ///
    /// A good token is asked about again after 30 seconds, which is how long it lives on when it is revoked; on what is
    /// open it is asked about as long as that stays open. While the issuer cannot be asked, a token is answered 503
    /// with `Retry-After`.
    ///
    /// ```
    /// use mocopr_security::{auth::TokenValidator, redact::Secret};
    ///
    /// # let secret = || Secret::new(String::from("correct horse"));
    /// let url = "https://id.example.com/introspect";
    /// let validator = TokenValidator::introspection("https://id.example.com", url, "weather", secret());
    /// # let _ = validator;
    /// ```
    ///
    /// # Source
    /// RFC 7662.
    pub fn introspection(
        issuer: impl Into<Box<str>>,
        url: impl Into<Box<str>>,
        client_id: impl Into<Box<str>>,
        secret: Secret<String>,
    ) -> Self {
        let (url, client_id, secret) = (url.into(), client_id.into(), Arc::new(secret));
        let open = move |plain_http, clock| {
            let endpoint = Endpoint::open(&url, &client_id, &secret, plain_http)?;
            let make = |rules| Arc::new(Introspection::new(rules, endpoint, clock)) as Arc<dyn Authenticator>;
            Ok(Box::new(make) as Box<dyn FnOnce(Rules) -> Arc<dyn Authenticator>>)
        };
        Self::by_asking(issuer, Arc::new(open))
    }
}

/// Asks an issuer whom tokens prove. Asking beside requests ends when this is dropped.
#[derive(Debug)]
struct Introspection {
    shared: Arc<Shared>,
    _background: Arc<Background>,
}

impl Introspection {
    fn new(rules: Rules, endpoint: impl Ask, clock: Arc<dyn Clock>) -> Self {
        let background = Arc::new(Background::new());
        let shared = Shared {
            rules,
            endpoint: Box::new(endpoint),
            clock,
            accepted: Remembered::for_time(FRESH),
            refused: Refused::default(),
            flights: Mutex::default(),
            places: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            background: Arc::downgrade(&background),
        };
        Self { shared: Arc::new(shared), _background: background }
    }
}

impl Authenticator for Introspection {
    fn authenticate(&self, credential: Credential<'_>) -> Verdict {
        let token = match credential {
            Credential::Bearer(token) if !token.starts_with(api_key::PREFIX) => token,
            Credential::Bearer(_) | Credential::ApiKey(_) => return Verdict::Foreign,
        };
        if token.len() > MOST_BYTES {
            return Verdict::Rejected(Rejected::new("the token has more than 8 KiB"));
        }
        let name = digest(&[token.as_bytes()]);
        if let Some(answer) = self.shared.recall(&name) {
            return answer.into();
        }
        if names_another(token, &self.shared.rules.issuer) {
            return Verdict::Rejected(Rejected::new("the token is one of another issuer"));
        }
        let Some(flight) = self.shared.board(name) else { return Answer::Unavailable.into() };
        let (shared, token) = (Arc::clone(&self.shared), Secret::new(String::from(token)));
        Verdict::Later(Pending::new(async move { shared.land(flight, &token, name).await.into() }))
    }

    fn issuers(&self) -> Vec<Box<str>> {
        self.shared.rules.issuer_url().into_iter().collect()
    }
}

#[derive(Debug)]
struct Shared {
    rules: Rules,
    endpoint: Box<dyn Ask>,
    clock: Arc<dyn Clock>,
    accepted: Remembered,
    refused: Refused,
    /// The questions that are under way, by the names of their tokens.
    flights: Mutex<HashMap<[u8; 32], Weak<Flight>>>,
    places: Arc<Semaphore>,
    /// Of the authenticator, which this must not keep alive.
    background: Weak<Background>,
}

/// One question about one token, whoever waits for its answer. It ends where nobody does.
#[derive(Debug)]
struct Flight {
    answer: OnceCell<Answer>,
    _place: OwnedSemaphorePermit,
}

/// What an issuer has said of a token.
#[derive(Clone, Debug)]
enum Answer {
    Verified(Verified),
    Rejected(Rejected),
    /// Nothing that could be understood, or nothing at all.
    Unavailable,
}

impl Shared {
    /// What the issuer said of this token a moment ago. A token is never remembered past its end.
    fn recall(&self, name: &[u8; 32]) -> Option<Answer> {
        // What is accepted lasts for the leeway beyond its end, which is for clocks that differ and not for memory.
        let (now, unix) = (self.clock.now(), self.clock.unix() + self.rules.leeway);
        match self.accepted.find(name, |_| Some(0), now, unix) {
            Some(verified) => Some(Answer::Verified(verified)),
            None => self.refused.find(name, now),
        }
    }

    /// Joins the question about this token, or begins one; `None` where there are too many of others.
    fn board(&self, name: [u8; 32]) -> Option<Arc<Flight>> {
        let mut flights = self.flights();
        if let Some(flight) = flights.get(&name).and_then(Weak::upgrade) {
            return Some(flight);
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        // Those that nobody waited for have left their names behind.
        if flights.len() >= 2 * MOST_AT_ONCE {
            flights.retain(|_, flight| flight.strong_count() > 0);
        }
        let flight = Arc::new(Flight { answer: OnceCell::new(), _place: place });
        flights.insert(name, Arc::downgrade(&flight));
        Some(flight)
    }

    /// The answer to the question. Where whoever asks goes away, another one who waits asks instead.
    async fn land(self: Arc<Self>, flight: Arc<Flight>, token: &Secret<String>, name: [u8; 32]) -> Answer {
        let answer = flight.answer.get_or_init(|| self.ask(token, name)).await.clone();
        let mut flights = self.flights();
        if flights.get(&name).is_some_and(|known| known.as_ptr() == Arc::as_ptr(&flight)) {
            flights.remove(&name);
        }
        answer
    }

    async fn ask(self: &Arc<Self>, token: &Secret<String>, name: [u8; 32]) -> Answer {
        let answered = self.endpoint.ask(token.expose()).await;
        let (now, unix) = (self.clock.now(), self.clock.unix());
        let answer = match answered.and_then(|body| answer::read(body, &self.rules, unix)) {
            Ok(Ok(verified)) => {
                let lasting = Lasting::new(self, token.expose(), name, verified.principal());
                let verified = verified.while_it_stands(Arc::new(lasting));
                // That it still holds is no news.
                let verified = if self.accepted.has_seen(&name) { verified.seen_before() } else { verified };
                self.refused.forget(&name);
                self.accepted.keep(name, 0, 0, &verified, now);
                return Answer::Verified(verified);
            }
            Ok(Err(rejected)) => Answer::Rejected(rejected),
            Err(error) => {
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(issuer = &*self.rules.issuer, %error, cause, "the issuer could not be asked about a token");
                Answer::Unavailable
            }
        };
        if matches!(answer, Answer::Rejected(_)) {
            self.accepted.forget(&name);
        }
        self.refused.keep(name, answer.clone(), now);
        answer
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<[u8; 32], Weak<Flight>>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Answer> for Verdict {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Verified(verified) => Self::Verified(verified),
            Answer::Rejected(rejected) => Self::Rejected(rejected),
            Answer::Unavailable => {
                let reason = Rejected::new("the issuer cannot be asked about the token");
                Self::Unavailable { reason, retry_after: RETRY_AFTER }
            }
        }
    }
}

/// How long a good token is believed without asking again.
const FRESH: Duration = Duration::from_secs(30);
/// Questions under way at the same time. One network of callers has 64 places among those who wait, so a few of them
/// together do not take all.
const MOST_AT_ONCE: usize = 256;
/// How long clients wait before they come again with a token that could not be asked about.
const RETRY_AFTER: Duration = Duration::from_secs(5);
