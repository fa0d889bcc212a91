//! The account of one call: opened when it is known what is asked for, told once when it ends.

use std::{mem, sync::Arc, time::Duration};

use mocopr_core::{
    call::{Call, Reference, Request},
    clock::Clock,
    json::RawJson,
    peer::Source,
    trace::TraceId,
    wire::method::Method,
};

use super::{AuditEvent, Bytes, Decided, Ending, Evidence, Happening, Outcome, UNAUTHENTICATED};
use crate::{gate::Admission, principal::Principal};

/// The account of one call. Whoever drops it before the call has ended tells that it was given up.
#[derive(Debug)]
#[must_use]
pub struct Account {
    evidence: Evidence,
    clock: Arc<dyn Clock>,
    who: Principal,
    from: Option<Source>,
    event: AuditEvent,
    action: &'static str,
    target: Box<str>,
    trace: Option<TraceId>,
    arguments: Option<RawJson>,
    read: usize,
    began: Duration,
    is_told: bool,
}

impl Account {
    /// Opens the account of a call.
    pub(crate) fn open(
        evidence: &Evidence,
        clock: &Arc<dyn Clock>,
        admission: &Admission,
        call: &Call,
        read: usize,
    ) -> Self {
        let (event, target) = subject(&call.request);
        Self {
            evidence: evidence.clone(),
            clock: clock.clone(),
            who: admission.principal().clone(),
            from: admission.from(),
            event,
            action: Method::of(&call.request).as_str(),
            target: target.into(),
            trace: call.meta.trace.map(|parent| parent.trace()),
            arguments: if evidence.wants_arguments() { arguments(&call.request) } else { None },
            read,
            began: clock.now(),
            is_told: false,
        }
    }

    /// The call has ended so, with an answer of that many bytes.
    pub fn end(mut self, ending: Ending, answered: usize) {
        self.tell(ending, answered);
    }

    fn tell(&mut self, ending: Ending, answered: usize) {
        if mem::replace(&mut self.is_told, true) {
            return;
        }
        self.evidence.tell(&Happening {
            event: event(self.event, ending),
            who: Some(&self.who),
            from: self.from,
            action: self.action,
            target: &self.target,
            ending,
            trace: self.trace,
            took: self.clock.now().saturating_sub(self.began),
            bytes: Bytes { read: self.read, answered },
            arguments: self.arguments.as_ref(),
        });
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.tell(Ending::CANCELLED, 0);
    }
}

/// A call that was refused is not of the kind that it would have been.
fn event(wanted: AuditEvent, ending: Ending) -> AuditEvent {
    match (ending.decision, ending.result) {
        (Decided::Permitted, _) => wanted,
        (Decided::Hidden | Decided::Unknown | Decided::StepUp, _) => AuditEvent::Authorization,
        (Decided::Refused, Outcome::Refused) if ending.reason == UNAUTHENTICATED => AuditEvent::Authentication,
        (Decided::Refused, Outcome::Refused) if ending.reason == REFUSED => AuditEvent::Authorization,
        (Decided::Refused, _) => AuditEvent::SecurityViolation,
    }
}

/// Of which kind a call is, and what it is about.
fn subject(request: &Request) -> (AuditEvent, &str) {
    match request {
        Request::CallTool(call) => (AuditEvent::ToolExecution, &call.name),
        Request::GetPrompt(prompt) => (AuditEvent::PromptUse, &prompt.name),
        Request::ReadResource(read) => (AuditEvent::ResourceAccess, &read.uri),
        Request::Subscribe(uri) | Request::Unsubscribe(uri) => (AuditEvent::ResourceAccess, uri),
        Request::Complete(complete) => match &complete.reference {
            Reference::Prompt(name) => (AuditEvent::PromptUse, name),
            Reference::Resource(uri) => (AuditEvent::ResourceAccess, uri),
        },
        Request::Listen(_)
        | Request::Initialize(_)
        | Request::Discover
        | Request::Ping
        | Request::SetLevel(_)
        | Request::ListTools(_)
        | Request::ListPrompts(_)
        | Request::ListResources(_)
        | Request::ListTemplates(_) => (AuditEvent::Protocol, ""),
    }
}

fn arguments(request: &Request) -> Option<RawJson> {
    match request {
        Request::CallTool(call) => Some(call.arguments.clone()),
        Request::GetPrompt(prompt) => Some(prompt.arguments.clone()),
        _ => None,
    }
}

const REFUSED: &str = "refused";
