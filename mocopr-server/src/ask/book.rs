//! The questions and answers of one call in 2026-07-28, and the sealed state that carries them between rounds.
//!
//! An answer belongs to a question by its identity: where it stands in the handler, how often it was asked
//! there before, and what exactly it asks. An answer for another identity is never handed out.

use std::{panic::Location, time::Duration};

use mocopr_core::{
    json::RawJson,
    model::ask::{Ask, Questions},
};
use mocopr_security::seal::{KeyRing, Purpose};
use serde::{Deserialize, Serialize};

/// Which question it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity([u8; 32]);

impl Identity {
    pub(crate) fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

/// What has been asked and answered so far.
#[derive(Debug, Default)]
pub(crate) struct AskBook {
    given: Vec<(Identity, RawJson)>,
    /// Answers that came without state, by key.
    offered: Vec<(Box<str>, RawJson)>,
    open: Vec<Open>,
    sites: Vec<(&'static Location<'static>, u32)>,
    single_use: bool,
}

#[derive(Debug)]
struct Open {
    identity: Identity,
    key: Box<str>,
    ask: Ask,
}

/// What a client brings back with a retry.
#[derive(Debug)]
pub(crate) struct Retry {
    /// The answers so far.
    pub(crate) book: AskBook,
    /// The state must be burnt before the handler runs.
    pub(crate) burn: Option<Burn>,
}

/// A state that may be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Burn {
    /// Names the state among all states.
    pub(crate) nonce: String,
}

/// The state was not made by this server, for this caller and call, in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateRefused;

/// What the sealed state says.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    nonce: String,
    single_use: bool,
    asked: Vec<(Box<str>, Identity)>,
    given: Vec<(Identity, Box<serde_json::value::RawValue>)>,
}

impl AskBook {
    /// How often this place has asked before, in this round.
    pub(crate) fn count(&mut self, site: &'static Location<'static>) -> u32 {
        if let Some((_, count)) = self.sites.iter_mut().find(|(known, _)| *known == site) {
            *count += 1;
            return *count;
        }
        self.sites.push((site, 0));
        0
    }

    /// A book of answers that came without the state of an earlier round.
    ///
    /// They count for questions that the handler gave that very key. Nothing shows that the questions were ever
    /// asked, so this is only for handlers that may run twice with the same answers, and not for a question that may
    /// be answered once.
    pub(crate) fn offered(responses: &RawJson) -> Self {
        Self { offered: members(responses), ..Self::default() }
    }

    /// The answer to that question.
    pub(crate) fn given(&mut self, identity: Identity, key: Option<&str>) -> Option<RawJson> {
        if let Some((_, answer)) = self.given.iter().find(|(known, _)| *known == identity) {
            return Some(answer.clone());
        }
        if self.single_use {
            return None;
        }
        let place = self.offered.iter().position(|(offered, _)| Some(&**offered) == key)?;
        let (_, answer) = self.offered.swap_remove(place);
        self.given.push((identity, answer.clone()));
        Some(answer)
    }

    /// Asks; an earlier answer, which did not fit, is forgotten.
    pub(crate) fn open(&mut self, identity: Identity, key: Option<Box<str>>, ask: Ask) {
        self.given.retain(|(known, _)| *known != identity);
        let wanted = key.unwrap_or_else(|| format!("question-{}", self.given.len() + self.open.len() + 1).into());
        let mut unique = wanted.clone();
        let mut number = 2;
        while self.open.iter().any(|open| open.key == unique) {
            unique = format!("{wanted}-{number}").into();
            number += 1;
        }
        self.open.push(Open { identity, key: unique, ask });
    }

    /// The state of this round may be used once, whatever the handler is.
    pub(crate) fn single_use(&mut self) {
        self.single_use = true;
    }

    /// A question is open.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The open questions, with the state that carries the rest.
    ///
    /// `None` where randomness fails or the state would be larger than `max_bytes`.
    pub(crate) fn into_questions(
        self,
        ring: &KeyRing,
        bind: &[&[u8]],
        nonce: String,
        expires: Duration,
        max_bytes: usize,
    ) -> Option<Questions> {
        let mut given = Vec::with_capacity(self.given.len());
        for (identity, answer) in &self.given {
            given.push((*identity, serde_json::value::RawValue::from_string(answer.as_str().to_owned()).ok()?));
        }
        let state = State {
            nonce,
            single_use: self.single_use,
            asked: self.open.iter().map(|open| (open.key.clone(), open.identity)).collect(),
            given,
        };
        let payload = serde_json::to_vec(&state).ok()?;
        let sealed = ring.seal_until(Purpose::RequestState, bind, &payload, expires).ok()?;
        (sealed.len() <= max_bytes).then(|| Questions {
            asks: self.open.into_iter().map(|open| (open.key, open.ask)).collect(),
            state: Some(sealed),
        })
    }
}

impl Retry {
    /// Opens what a client sent back. Answers under keys that were not asked are ignored.
    ///
    /// `repeatable`: the handler may run twice with one state (it is read-only or idempotent).
    pub(crate) fn open(
        ring: &KeyRing,
        bind: &[&[u8]],
        sealed: &str,
        responses: Option<&RawJson>,
        now: Duration,
        repeatable: Repeatable,
    ) -> Result<Self, StateRefused> {
        let payload = ring.open_at(Purpose::RequestState, bind, sealed, now).map_err(|_| StateRefused)?;
        let state: State = serde_json::from_slice(&payload).map_err(|_| StateRefused)?;
        let mut book = AskBook { single_use: state.single_use, ..AskBook::default() };
        for (identity, answer) in state.given {
            book.given.push((identity, RawJson::encode(&answer).map_err(|_| StateRefused)?));
        }
        let answers: Vec<(Box<str>, RawJson)> = responses.map(members).unwrap_or_default();
        // Whether this round is the last one only the handler will tell, and one that asks two things at a time may
        // go on with the first answer. So whatever is answered is answered once: the state of the round before has
        // done its work, and the next round has a state of its own.
        let mut answered = false;
        for (key, identity) in state.asked {
            if let Some((_, answer)) = answers.iter().find(|(given, _)| *given == key) {
                book.given.push((identity, answer.clone()));
                answered = true;
            }
        }
        let once = state.single_use || repeatable == Repeatable::No;
        let burn = (answered && once).then_some(Burn { nonce: state.nonce });
        Ok(Self { book, burn })
    }
}

/// Whether a handler may run twice with one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeatable {
    /// It changes nothing, or twice is the same as once.
    Always,
    /// It must not.
    No,
}

/// The members of an object that the scanner has accepted.
fn members(object: &RawJson) -> Vec<(Box<str>, RawJson)> {
    let Ok(map) = object.decode::<std::collections::BTreeMap<Box<str>, Box<serde_json::value::RawValue>>>() else {
        return Vec::new();
    };
    map.into_iter().filter_map(|(key, value)| Some((key, RawJson::encode(&value).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIND: [&[u8]; 1] = [b"call"];

    /// The state of a round with two questions, `a` and `b`.
    fn two_questions(ring: &KeyRing) -> Box<str> {
        let mut book = AskBook::default();
        book.open(Identity::new([1; 32]), Some("a".into()), Ask::Roots);
        book.open(Identity::new([2; 32]), Some("b".into()), Ask::Roots);
        let questions = book.into_questions(ring, &BIND, "nonce".into(), Duration::from_secs(9), 4_096).unwrap();
        questions.state.unwrap()
    }

    fn retry(responses: Option<&str>, repeatable: Repeatable) -> Retry {
        let ring = KeyRing::generate().unwrap();
        let state = two_questions(&ring);
        let responses = responses.map(|text| RawJson::from_value(&serde_json::from_str(text).unwrap()));
        Retry::open(&ring, &BIND, &state, responses.as_ref(), Duration::ZERO, repeatable).unwrap()
    }

    #[test]
    fn a_state_is_burnt_by_the_first_answer_and_not_only_by_the_last() {
        let burn = Some(Burn { nonce: "nonce".into() });
        for responses in [r#"{"a":{}}"#, r#"{"b":{},"c":{}}"#, r#"{"a":{},"b":{}}"#] {
            assert_eq!(retry(Some(responses), Repeatable::No).burn, burn, "{responses}");
            assert_eq!(retry(Some(responses), Repeatable::Always).burn, None, "{responses}");
        }
    }

    #[test]
    fn a_state_without_an_answer_can_be_sent_again() {
        for responses in [None, Some("{}"), Some(r#"{"c":{}}"#)] {
            assert_eq!(retry(responses, Repeatable::No).burn, None, "{responses:?}");
        }
    }
}
