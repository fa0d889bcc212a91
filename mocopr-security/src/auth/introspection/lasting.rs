//! Whether a token that was accepted still is, for what stays open longer than an answer counts.
//!
//! It is looked at often and answers at once: the issuer is asked beside it. An issuer that cannot be asked ends what
//! is open after a while, because a token that was revoked meanwhile must not be good for ever.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Answer, FRESH, Shared};
use crate::{auth::Proof, principal::Principal, redact::Secret};

/// A token that was accepted, and what was heard of it since.
#[derive(Debug)]
pub(super) struct Lasting(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    /// Not kept alive by what it remembers.
    shared: Weak<Shared>,
    /// Needed to ask again; wiped with this.
    token: Secret<String>,
    name: [u8; 32],
    who: Principal,
    heard: Mutex<Heard>,
    is_asking: AtomicBool,
}

/// Times are by the monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Heard {
    confirmed: Duration,
    /// Since when the issuer could not be asked.
    silent: Option<Duration>,
    has_ended: bool,
}

impl Lasting {
    /// A token that was accepted now, of somebody.
    pub(super) fn new(shared: &Arc<Shared>, token: &str, name: [u8; 32], who: &Principal) -> Self {
        let heard = Heard { confirmed: shared.clock.now(), silent: None, has_ended: false };
        Self(Arc::new(Watched {
            shared: Arc::downgrade(shared),
            token: Secret::new(token.into()),
            name,
            who: who.clone(),
            heard: Mutex::new(heard),
            is_asking: AtomicBool::new(false),
        }))
    }
}

impl Proof for Lasting {
    fn stands(&self) -> bool {
        let Self(watched) = self;
        let Some(shared) = watched.shared.upgrade() else { return false };
        let (heard, now) = (*watched.heard(), shared.clock.now());
        if heard.has_ended || heard.silent.is_some_and(|since| now >= since + LONGEST_SILENCE) {
            return false;
        }
        let is_due = heard.silent.is_some() || now >= heard.confirmed + FRESH;
        if is_due && !watched.is_asking.swap(true, Ordering::AcqRel) {
            let asking = Arc::clone(watched).ask();
            let begun = shared.background.upgrade().is_some_and(|background| background.run(asking).is_ok());
            if !begun {
                watched.is_asking.store(false, Ordering::Release);
            }
        }
        true
    }
}

impl Watched {
    async fn ask(self: Arc<Self>) {
        let answer = match self.shared.upgrade() {
            None => return,
            Some(shared) => match shared.refused.find(&self.name, shared.clock.now()) {
                Some(answer) => answer,
                None => match shared.board(self.name) {
                    Some(flight) => Arc::clone(&shared).land(flight, &self.token, self.name).await,
                    None => Answer::Unavailable,
                },
            },
        };
        let Some(now) = self.shared.upgrade().map(|shared| shared.clock.now()) else { return };
        let mut heard = self.heard();
        match answer {
            Answer::Verified(verified) if verified.principal().has_the_rights_of(&self.who) => {
                *heard = Heard { confirmed: now, silent: None, has_ended: false };
            }
            // Whoever lost a role is to come again, and be looked at anew.
            Answer::Verified(_) | Answer::Rejected(_) => heard.has_ended = true,
            Answer::Unavailable => {
                heard.silent.get_or_insert(now);
            }
        }
        drop(heard);
        self.is_asking.store(false, Ordering::Release);
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long what is open goes on while its issuer cannot be asked.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
