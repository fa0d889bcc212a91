//! What is written down of how a message came, and who hears how it ended.
//!
//! Decides nothing: what a peer says of a trace is passed on to those who keep account and to those who trace, and to
//! nobody else.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use mocopr_core::{
    call::Call,
    envelope::Message,
    meta,
    peer::Source,
    trace::{TraceParent, TraceState},
    wire::{decode::Opened, method::Method},
};
use mocopr_security::{
    evidence::{self, Ending},
    gate::Admission,
};

use crate::{
    engine::{Engine, Link, Refused, Step},
    session::Session,
    spans::{Asked, Ended, Seen, Span, Spans, Way},
};

/// What is written down of how a message came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival {
    /// Its bytes; none are counted for a message of a batch, which has them all.
    pub(crate) read: usize,
    /// The trace that its HTTP request names; `_meta` has the word where it names one too.
    pub(crate) trace: Option<TraceParent>,
    /// What the same request says beside it; looked at where somebody traces.
    pub(crate) state: Option<TraceState>,
    pub(crate) way: Way,
    pub(crate) seen: Seen,
}

impl Arrival {
    pub(crate) fn of(frame: &Bytes, link: Link<'_>, admission: &Admission, engine: &Engine) -> Self {
        let is_traced = engine.spans.is_some();
        let (trace, state) = match link {
            Link::Http(headers) if is_traced || engine.gate.evidence().is_kept() => {
                let trace = header(headers, &TRACE_PARENT).and_then(TraceParent::parse);
                let state = if is_traced && trace.is_some() { header(headers, &TRACE_STATE) } else { None };
                (trace, state.and_then(TraceState::parse))
            }
            Link::Http(_) | Link::Channel(_) => (None, None),
        };
        let way = match (link, admission.from()) {
            (Link::Http(_), Some(Source::Address(_))) => Way::Http,
            (Link::Http(_), Some(Source::User(_)) | None) => Way::LocalHttp,
            (Link::Channel(_), Some(_)) => Way::WebSocket,
            (Link::Channel(_), None) => Way::Pipe,
        };
        Self { read: frame.len(), trace, state, way, seen: Seen::NoRequest }
    }

    /// That of one message of a batch.
    pub(crate) fn of_member(&self) -> Self {
        Self { read: 0, ..self.clone() }
    }

    /// Keeps of a message what a trace says of it also where it does not become a call.
    pub(crate) fn read_in(&mut self, opened: &Opened, engine: &Engine) {
        if engine.spans.is_none() {
            return;
        }
        self.seen = match opened.message() {
            Message::Request { method, .. } => {
                Seen::Request(Method::ALL.into_iter().find(|known| known.as_str() == method.as_str()))
            }
            Message::Notification { .. } | Message::Response { .. } => Seen::NoRequest,
        };
        if let Some((trace, state)) = opened.trace() {
            (self.trace, self.state) = (Some(trace), state);
        }
    }
}

impl Engine {
    /// Carries out a call, and tells those who keep account how it ended: here, or when its handler has answered.
    pub(crate) fn accounted(
        &self,
        admission: &Admission,
        mut call: Call,
        session: Option<&Session>,
        arrival: &Arrival,
        carry_out: impl FnOnce(Call) -> Result<Step, Refused>,
    ) -> Result<Step, Refused> {
        let span = self.spans.as_deref().map(|spans| self.span(spans, &call, session, arrival));
        // A span of ours is a part of the trace that the caller names, where it names one.
        let place = span.as_ref().and_then(|span| span.place());
        call.meta.trace = place.or(call.meta.trace).or(arrival.trace);
        let account = self.gate.account(admission, &call, arrival.read);
        if span.is_none() && account.is_none() {
            return carry_out(call);
        }
        let mut step = carry_out(call);
        if let Ok(Step::Run(running, _)) = &mut step {
            running.keep(account, span);
            return step;
        }
        let (ended, answered) = ended(&step);
        if let Some(span) = span {
            span.end(&ended);
        }
        if let Some(account) = account {
            account.end(ended.ending, answered);
        }
        step.map_err(|refused| Refused { is_told: true, ..refused })
    }

    /// Tells of a message that was refused before it was a call.
    pub(crate) fn tell_refused(&self, admission: &Admission, refused: &Refused, arrival: &Arrival) {
        if refused.is_told {
            return;
        }
        if let (Some(spans), Seen::Request(method)) = (&self.spans, arrival.seen) {
            let (parent, state, way) = (arrival.trace, arrival.state.as_ref(), arrival.way);
            let asked = Asked { method, id: None, revision: None, session: None, subject: None, parent, state, way };
            spans.begin(&asked).end(&Ended { ending: refused.ending, code: refused.code, opened: None });
        }
        let bytes = evidence::Bytes { read: arrival.read, answered: refused.body.len() };
        self.gate.tell_malformed(admission, refused.ending.reason, bytes);
    }

    fn span(&self, spans: &dyn Spans, call: &Call, session: Option<&Session>, arrival: &Arrival) -> Box<dyn Span> {
        let Call { id, revision, meta, request } = call;
        let (parent, state) = match meta.trace {
            Some(parent) => (Some(parent), meta.trace_state.as_ref()),
            None => (arrival.trace, arrival.state.as_ref()),
        };
        let method = Method::of(request);
        spans.begin(&Asked {
            method: Some(method),
            id: Some(id),
            // A handshake ends with the revision that is agreed on.
            revision: (method != Method::Initialize).then_some(*revision),
            session,
            subject: self.subject_of(request).as_ref(),
            parent,
            state,
            way: arrival.way,
        })
    }
}

/// How a call ended that has no handler, and with how many bytes of answer.
fn ended(step: &Result<Step, Refused>) -> (Ended<'_>, usize) {
    let (answer, opened) = match step {
        Ok(Step::Answer(answer)) | Err(answer) => (answer, None),
        Ok(Step::Opened(answer, session)) => (answer, Some(&**session)),
        Ok(Step::Accepted | Step::Listen(_) | Step::Batch(_) | Step::Run(..)) => {
            return (Ended { ending: Ending::SUCCESS, code: None, opened: None }, 0);
        }
    };
    (Ended { ending: answer.ending, code: answer.code, opened }, answer.body.len())
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

static TRACE_PARENT: HeaderName = HeaderName::from_static(meta::TRACE_PARENT);
static TRACE_STATE: HeaderName = HeaderName::from_static(meta::TRACE_STATE);
