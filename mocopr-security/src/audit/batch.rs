//! What happened, as facts that are not put into words yet.
//!
//! Whoever answers a request hands over facts alone; the writer words them, many in a row, where that costs a third of
//! what it costs between two requests, and no caller waits for it.

use std::{fmt, time::Duration};

use mocopr_core::{peer::Source, trace::TraceId};

use crate::{
    evidence::{AuditEvent, Bytes, Ending, Happening},
    principal::Principal,
};

/// Facts of all that waits, in the order in which they came.
#[derive(Default)]
pub(super) struct Batch {
    facts: Vec<Facts>,
    /// What was done and to what, of all of them behind each other.
    texts: String,
    /// What is said of arguments, of all of them behind each other.
    arguments: Vec<u8>,
    /// Bytes that principals take.
    principals: usize,
    /// So many were taken out.
    taken: usize,
}

/// One thing that happened.
struct Facts {
    at: Duration,
    event: AuditEvent,
    who: Option<Principal>,
    from: Option<Source>,
    ending: Ending,
    trace: Option<TraceId>,
    took: Duration,
    ends: Ends,
}

/// Where the texts of one end; they begin where those of the one before it end.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    action: usize,
    target: usize,
    arguments: usize,
}

/// One thing that happened, and when: as the time since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence<'a> {
    pub(super) at: Duration,
    pub(super) happening: Happening<'a>,
    /// What is said of its arguments: members of a JSON object, each behind a comma.
    pub(super) arguments: &'a [u8],
}

impl Batch {
    /// Bytes that one more takes; `arguments` is what is said of its arguments.
    pub(super) fn size(&self, happening: &Happening<'_>, arguments: &[u8]) -> usize {
        let texts = happening.action.len() + happening.target.len() + arguments.len();
        size_of::<Facts>() + self.weight(happening.who) + texts
    }

    /// Bytes of all that is in it, also of what was taken out.
    pub(super) fn bytes(&self) -> usize {
        self.facts.len() * size_of::<Facts>() + self.principals + self.texts.len() + self.arguments.len()
    }

    /// How many were not taken out.
    pub(super) fn left(&self) -> usize {
        self.facts.len() - self.taken
    }

    /// Puts one more behind the others.
    pub(super) fn push(&mut self, at: Duration, happening: &Happening<'_>, arguments: &[u8]) {
        let Happening { event, who, from, action, target, ending, trace, took, bytes: _, arguments: _ } = *happening;
        self.principals += self.weight(who);
        self.texts.push_str(action);
        let action = self.texts.len();
        self.texts.push_str(target);
        self.arguments.extend_from_slice(arguments);
        let ends = Ends { action, target: self.texts.len(), arguments: self.arguments.len() };
        self.facts.push(Facts { at, event, who: who.cloned(), from, ending, trace, took, ends });
    }

    /// Takes out the first one that was not.
    pub(super) fn next(&mut self) -> Option<Occurrence<'_>> {
        let Facts { at, event, who, from, ending, trace, took, ends } = self.facts.get(self.taken)?;
        let before = self.taken.checked_sub(1).and_then(|before| self.facts.get(before));
        let begin = before.map_or(Ends::default(), |before| before.ends);
        self.taken += 1;
        let happening = Happening {
            event: *event,
            who: who.as_ref(),
            from: *from,
            action: self.texts.get(begin.target..ends.action).unwrap_or_default(),
            target: self.texts.get(ends.action..ends.target).unwrap_or_default(),
            ending: *ending,
            trace: *trace,
            took: *took,
            bytes: Bytes::default(),
            arguments: None,
        };
        let arguments = self.arguments.get(begin.arguments..ends.arguments).unwrap_or_default();
        Some(Occurrence { at: *at, happening, arguments })
    }

    /// Empties it, and keeps no more memory than for so many bytes of each kind.
    pub(super) fn clear(&mut self, most: usize) {
        self.facts.clear();
        self.texts.clear();
        self.arguments.clear();
        (self.principals, self.taken) = (0, 0);
        self.facts.shrink_to(most / size_of::<Facts>());
        self.texts.shrink_to(most);
        self.arguments.shrink_to(most);
    }

    /// Bytes that keeping this one takes: none where the last one is by the same, as it often is.
    fn weight(&self, who: Option<&Principal>) -> usize {
        let last = self.facts.last().and_then(|last| last.who.as_ref());
        match (who, last) {
            (Some(who), Some(last)) if who.is_shared_with(last) => 0,
            (Some(who), _) => who.weight(),
            (None, _) => 0,
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What callers wrote may hold secrets until it is put into words.
        f.debug_struct("Batch").field("left", &self.left()).field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mocopr_core::{outcome::Incident, trace::TraceParent};

    use super::*;
    use crate::evidence::{Decided, Outcome};

    #[test]
    fn what_is_put_in_is_taken_out_once_and_in_its_order() {
        let mut batch = Batch::default();
        let all: [(&str, &str, &[u8]); 4] =
            [("tools/call", "add", b""), ("", "", b",\"a\":1"), ("x", "é", b""), ("y", "z", b",\"b\":2")];
        let mut size = 0;
        for (number, (action, target, arguments)) in (0..).zip(all) {
            let happening = Happening { action, target, ..Happening::of(AuditEvent::ToolExecution) };
            size += batch.size(&happening, arguments);
            batch.push(Duration::from_secs(number), &happening, arguments);
            assert_eq!(batch.bytes(), size);
        }
        for (number, (action, target, arguments)) in (0..).zip(all) {
            let next = batch.next().unwrap();
            assert_eq!(
                (next.at, next.happening.action, next.arguments),
                (Duration::from_secs(number), action, arguments)
            );
            assert_eq!(next.happening.target, target);
        }
        assert!(batch.next().is_none() && batch.left() == 0);
        batch.clear(0);
        assert_eq!((batch.bytes(), batch.left()), (0, 0));
        assert_eq!((batch.facts.capacity(), batch.texts.capacity(), batch.arguments.capacity()), (0, 0, 0));
    }

    #[test]
    fn every_fact_is_kept() {
        let who = Principal::local();
        let parent = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        let incident = Some(Incident::new(7));
        let happening = Happening {
            who: Some(&who),
            from: Some(Source::User(7)),
            action: "tools/call",
            target: "add",
            ending: Ending { decision: Decided::Unknown, result: Outcome::Timeout, reason: "timeout", incident },
            trace: Some(parent.trace()),
            took: Duration::from_micros(1_234),
            ..Happening::of(AuditEvent::PromptUse)
        };
        let mut batch = Batch::default();
        batch.push(Duration::from_secs(5), &happening, b"");
        let kept = batch.next().unwrap().happening;
        assert_eq!(format!("{kept:?}"), format!("{happening:?}"));
    }

    /// S-93
    #[test]
    fn a_principal_counts_once_for_each_run_of_what_it_did() {
        let (alice, bob) = (Principal::local(), Principal::local_without_rights());
        let mut batch = Batch::default();
        for who in [None, Some(&alice), Some(&alice), Some(&bob), Some(&alice)] {
            batch.push(Duration::ZERO, &Happening { who, ..Happening::of(AuditEvent::Protocol) }, b"");
        }
        assert_eq!(batch.bytes(), 5 * size_of::<Facts>() + 2 * alice.weight() + bob.weight());
    }
}
