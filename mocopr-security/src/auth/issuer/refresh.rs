//! Refresh tokens of an issuer for tests: each good once, and all that came of one grant ended by a second use.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value};

use crate::{
    auth::issuer::IssueError,
    random::{digest, random_name},
};

/// What an issuer gives: an access token, and what gets the next one.
#[derive(Clone)]
pub struct Grant {
    /// The access token.
    pub access_token: String,
    /// The refresh token, where the issuer gives them.
    pub refresh_token: Option<String>,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grant(..)")
    }
}

/// The refresh tokens that were given, under their digests.
#[derive(Debug, Default)]
pub(super) struct Families(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    last: u64,
    given: HashMap<[u8; 32], Given>,
}

#[derive(Debug)]
struct Given {
    family: u64,
    claims: Map<String, Value>,
    until: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unused,
    Used,
}

impl Families {
    /// A family that has no token yet.
    pub(super) fn begin(&self) -> u64 {
        let mut held = self.held();
        held.last += 1;
        held.last
    }

    /// One token more of a family.
    pub(super) fn add(
        &self,
        family: u64,
        claims: Map<String, Value>,
        now: Duration,
        lifetime: Duration,
    ) -> Result<String, IssueError> {
        let mut held = self.held();
        held.given.retain(|_, given| now < given.until);
        if held.given.len() >= MOST_GIVEN {
            return Err(IssueError::new("too many refresh tokens are alive"));
        }
        let name = random_name().map_err(|_| IssueError::new("no refresh token could be made"))?;
        let given = Given { family, claims, until: now + lifetime, state: State::Unused };
        held.given.insert(digest(&[name.as_bytes()]), given);
        Ok(name.into())
    }

    /// Uses a token: its family, and the claims that it stands for.
    pub(super) fn take(&self, token: &str, now: Duration) -> Result<(u64, Map<String, Value>), IssueError> {
        let mut held = self.held();
        let refused = IssueError::new("the refresh token is unknown, used, ended or too old");
        let given = held.given.get_mut(&digest(&[token.as_bytes()])).ok_or(refused)?;
        if now >= given.until {
            return Err(refused);
        }
        let family = given.family;
        match given.state {
            State::Unused => {
                given.state = State::Used;
                Ok((family, given.claims.clone()))
            }
            State::Used => {
                held.given.retain(|_, given| given.family != family);
                Err(refused)
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More are refused.
const MOST_GIVEN: usize = 10_000;
