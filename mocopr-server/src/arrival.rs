//! What is written down of how a message came, and who hears how it ended.
//!
//! Decides nothing: what a peer says of a trace is passed on to those who keep account, and to nobody else.

use bytes::Bytes;
use mocopr_core::{call::Call, meta::TRACE_PARENT, trace::TraceParent};
use mocopr_security::{
    evidence::{self, Ending},
    gate::{Admission, Gate},
};

use crate::engine::{Engine, Link, Refused, Step};

/// What is written down of how a message came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrival {
    /// Its bytes; none are counted for a message of a batch, which has them all.
    pub(crate) read: usize,
    /// The trace that its HTTP request names; `_meta` has the word where it names one too.
    pub(crate) trace: Option<TraceParent>,
}

impl Arrival {
    pub(crate) fn of(frame: &Bytes, link: Link<'_>, gate: &Gate) -> Self {
        let trace = match link {
            Link::Http(headers) if gate.evidence().is_kept() => {
                headers.get(TRACE_PARENT).and_then(|value| TraceParent::parse(value.to_str().ok()?))
            }
            Link::Http(_) | Link::Channel(_) => None,
        };
        Self { read: frame.len(), trace }
    }
}

impl Engine {
    /// Carries out a call, and tells those who keep account how it ended: here, or when its handler has answered.
    pub(crate) fn accounted(
        &self,
        admission: &Admission,
        mut call: Call,
        arrival: Arrival,
        carry_out: impl FnOnce(Call) -> Result<Step, Refused>,
    ) -> Result<Step, Refused> {
        call.meta.trace = call.meta.trace.or(arrival.trace);
        let Some(account) = self.gate.account(admission, &call, arrival.read) else { return carry_out(call) };
        match carry_out(call) {
            Ok(Step::Run(running, session)) => Ok(Step::Run(running.with_account(account), session)),
            Ok(step) => {
                let (ending, answered) = match &step {
                    Step::Answer(answer) | Step::Opened(answer, _) => (answer.ending, answer.body.len()),
                    Step::Accepted | Step::Listen(_) | Step::Batch(_) | Step::Run(..) => (Ending::SUCCESS, 0),
                };
                account.end(ending, answered);
                Ok(step)
            }
            Err(mut refused) => {
                account.end(refused.ending, refused.body.len());
                refused.is_told = true;
                Err(refused)
            }
        }
    }

    /// Tells of a message that was refused before it was a call.
    pub(crate) fn tell_refused(&self, admission: &Admission, refused: &Refused, arrival: Arrival) {
        if !refused.is_told {
            let bytes = evidence::Bytes { read: arrival.read, answered: refused.body.len() };
            self.gate.tell_malformed(admission, refused.ending.reason, bytes);
        }
    }
}
