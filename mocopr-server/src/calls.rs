//! What one message leads to while it is under way: a call, or the calls of a batch, as one source of events.

use std::{
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use mocopr_core::wire::revision::Revision;
use mocopr_security::gate::Admission;

use crate::{
    batch::Batch,
    running::{Event, Running},
    subject::Topic,
};

/// A call, or the calls of a batch.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a single call is the rule, and costs no allocation of its own")]
pub(crate) enum Calls {
    One(Running),
    Batch(Batch),
}

impl Calls {
    /// The revision that they are answered in.
    pub(crate) fn revision(&self) -> Revision {
        match self {
            Self::One(running) => running.revision(),
            Self::Batch(batch) => batch.revision(),
        }
    }

    /// By what their caller is here.
    pub(crate) fn admission(&self) -> &Admission {
        match self {
            Self::One(running) => running.admission(),
            Self::Batch(batch) => batch.admission(),
        }
    }

    /// What they are about.
    pub(crate) fn topic(&self) -> Topic {
        let subjects = match self {
            Self::One(running) => vec![running.subject().clone()],
            Self::Batch(batch) => batch.subjects().to_vec(),
        };
        Topic { subjects, caller: self.admission().principal().clone() }
    }

    /// Gives each of them this time at most. Before the first event.
    pub(crate) fn end_within(&mut self, timeout: Duration) {
        match self {
            Self::One(running) => running.end_within(timeout),
            Self::Batch(batch) => batch.end_within(timeout),
        }
    }

    /// What comes next.
    ///
    /// # Cancel safety
    /// Nothing is lost when the returned future is dropped.
    pub(crate) async fn next(&mut self) -> Event {
        match self {
            Self::One(running) => running.next().await,
            Self::Batch(batch) => batch.next().await,
        }
    }

    /// As [`Calls::next`], for those who poll by hand.
    pub(crate) fn poll_next(&mut self, task: &mut TaskContext<'_>) -> Poll<Event> {
        match self {
            Self::One(running) => running.poll_next(task),
            Self::Batch(batch) => batch.poll_next(task),
        }
    }

    /// Ready once one of them has taken longer than it may, or may not go on; the next event says so.
    pub(crate) async fn overdue(&mut self) {
        match self {
            Self::One(running) => running.overdue().await,
            Self::Batch(batch) => batch.overdue().await,
        }
    }

    /// Somebody reads what is said before the end, so answers need not wait for each other.
    pub(crate) fn answer_each_alone(&mut self) {
        match self {
            Self::One(_) => {}
            Self::Batch(batch) => batch.answer_each_alone(),
        }
    }
}
