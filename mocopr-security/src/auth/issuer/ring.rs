//! The keys of an issuer for tests: one that signs, and earlier ones that still verify.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mocopr_core::clock::{Clock, SystemClock};
use serde_json::json;

use crate::{
    auth::{
        issuer::{IssueError, signer::Signer},
        jwt::{
            JwtAlgorithm,
            jwk::KeySet,
            key::VerifyingKey,
            keys::{Found, KeySource},
        },
    },
    random::random_name,
};

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct Ring {
    algorithm: JwtAlgorithm,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    clock: Arc<dyn Clock>,
    every: Option<Duration>,
    current: Pair,
    earlier: Vec<(Pair, Duration)>,
    generation: u64,
}

/// A key that signs with the one that verifies.
#[derive(Debug)]
struct Pair {
    id: Box<str>,
    signer: Signer,
    verifying: Arc<VerifyingKey>,
    made: Duration,
}

impl Ring {
    pub(super) fn new(algorithm: JwtAlgorithm) -> Result<Self, IssueError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let current = Pair::new(algorithm, clock.unix())?;
        let held = Held { clock, every: None, current, earlier: Vec::new(), generation: 0 };
        Ok(Self { algorithm, held: Mutex::new(held) })
    }

    pub(super) fn rotate_every(&self, every: Duration) {
        self.held().every = Some(every);
    }

    pub(super) fn read_clock(&self, clock: Arc<dyn Clock>) {
        let mut held = self.held();
        held.current.made = clock.unix();
        held.clock = clock;
    }

    pub(super) fn unix(&self) -> Duration {
        self.held().clock.unix()
    }

    pub(super) fn rotate(&self, lifetime: Duration) -> Result<(), IssueError> {
        let mut held = self.held();
        let now = held.clock.unix();
        held.rotate(self.algorithm, now, lifetime)
    }

    pub(super) fn forget_earlier(&self) {
        let mut held = self.held();
        held.earlier.clear();
        held.generation += 1;
    }

    /// The name of the key that signs, its algorithm and the signature of what `message` makes of both.
    pub(super) fn sign(
        &self,
        lifetime: Duration,
        message: impl FnOnce(&str, JwtAlgorithm) -> String,
    ) -> Result<(String, Vec<u8>), IssueError> {
        let mut held = self.held();
        let now = held.clock.unix();
        if held.every.is_some_and(|every| now.saturating_sub(held.current.made) >= every) {
            held.rotate(self.algorithm, now, lifetime)?;
        }
        let message = message(&held.current.id, self.algorithm);
        let signature = held.current.signer.sign(self.algorithm, message.as_bytes())?;
        Ok((message, signature))
    }

    pub(super) fn key_set(&self) -> Result<String, IssueError> {
        let held = self.held();
        let keys: Result<Vec<_>, _> = held.pairs().map(|pair| pair.signer.jwk(&pair.id)).collect();
        Ok(json!({ "keys": keys? }).to_string())
    }

    /// What is held now, without the keys whose tokens have all expired.
    fn held(&self) -> MutexGuard<'_, Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, before) = (held.clock.unix(), held.earlier.len());
        held.earlier.retain(|(_, until)| now < *until);
        if held.earlier.len() < before {
            held.generation += 1;
        }
        held
    }
}

impl Held {
    fn rotate(&mut self, algorithm: JwtAlgorithm, now: Duration, lifetime: Duration) -> Result<(), IssueError> {
        let earlier = mem::replace(&mut self.current, Pair::new(algorithm, now)?);
        self.earlier.push((earlier, now + lifetime + OVERLAP));
        Ok(())
    }

    fn pairs(&self) -> impl Iterator<Item = &Pair> {
        [&self.current].into_iter().chain(self.earlier.iter().map(|(pair, _)| pair))
    }
}

impl Pair {
    fn new(algorithm: JwtAlgorithm, made: Duration) -> Result<Self, IssueError> {
        let signer = Signer::generate(algorithm)?;
        let id = random_name().map_err(|_| IssueError::new("no key could be named"))?;
        let verifying = Arc::new(signer.verifying()?.named(&id));
        Ok(Self { id, signer, verifying, made })
    }
}

impl KeySource for Ring {
    fn find(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Found {
        let keys = KeySet::of(self.held().pairs().map(|pair| Arc::clone(&pair.verifying)));
        keys.candidates(id, algorithm).map_or(Found::Absent, Found::Keys)
    }

    fn generation(&self) -> u64 {
        self.held().generation
    }

    fn still_has(&self, key: &VerifyingKey) -> bool {
        self.held().pairs().any(|pair| pair.verifying.fingerprint() == key.fingerprint())
    }
}

/// The widest leeway of a validator.
const OVERLAP: Duration = Duration::from_secs(60);
