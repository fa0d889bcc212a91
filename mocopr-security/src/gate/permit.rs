//! Which call is permitted.

use std::time::Duration;

use mocopr_core::{
    call::{Call, Request},
    fault::{self, Fault},
    id::RequestId,
    wire::revision::Revision,
};

use super::{Admission, Decision, Gate, Kind, Requirement, Weight};
use crate::{
    evidence::{self, Decided, Ending},
    principal::Principal,
    random::digest,
    rate::Slot,
};

/// Proof that one call may be carried out. Owns the call, so it cannot be spent on another one.
///
/// Made by [`Gate::permit`] alone.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    admission: Admission,
    call: Call,
    /// A place among the principal's concurrent calls; none for calls about the protocol itself.
    slot: Option<Slot<Principal>>,
}

impl Permit {
    /// Who calls.
    pub fn principal(&self) -> &Principal {
        &self.admission.principal
    }

    /// By what the caller is here.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Spends the permit on a long-lived stream: the call's place among the concurrent calls is given back.
    pub fn into_call(self) -> Call {
        let Self { admission: _, call, slot } = self;
        drop(slot);
        call
    }
}

/// A call that was not permitted.
#[derive(Debug)]
pub struct Denied {
    /// The call's id.
    pub id: RequestId,
    /// The revision of the answer.
    pub revision: Revision,
    /// Why, as the peer may know it.
    pub fault: Fault,
    /// Why, as the owner may know it.
    pub ending: Ending,
}

/// What a call is about, as the registry found it.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The protocol itself: lists, handshakes, subscriptions.
    Protocol,
    /// Something registered.
    Found {
        /// What kind of thing.
        kind: Kind,
        /// Its name, or its URI in normal form.
        name: &'a str,
        /// What its handler requires.
        need: &'a Requirement,
    },
    /// Nothing of that name is registered.
    Missing,
}

impl Gate {
    /// Decides whether one call may be carried out, whatever transport it came on.
    ///
    /// # Errors
    /// [`Denied`] with the fault of the first check that failed. A hidden thing and an unknown one give the same.
    pub fn permit(&self, admission: &Admission, call: Call, target: Target<'_>) -> Result<Permit, Denied> {
        let who = &admission.principal;
        let denied = |call: Call, fault: Fault, decision| {
            let ending = Ending::refused(decision, evidence::reason(&fault));
            Err(Denied { id: call.id, revision: call.revision, fault, ending })
        };

        let because = |refused: Result<_, Denied>, reason| {
            refused.map_err(|denied| Denied { ending: Ending { reason, ..denied.ending }, ..denied })
        };

        // 0. Nothing happens that nobody can write down, where somebody should.
        if !self.evidence.can_be_kept() {
            return because(
                denied(call, Fault::Busy { retry_after: BUSY_RETRY }, Decided::Refused),
                evidence::UNRECORDED,
            );
        }
        // 1. Whoever was admitted long ago may be nobody by now.
        if !self.holds(admission) {
            return denied(call, Fault::Unauthenticated, Decided::Refused);
        }
        // 2. The rate and the concurrency of the principal: unknown names cost as much as known ones.
        if let Some(rate) = &self.rate
            && let Err(retry_after) = rate.check(who)
        {
            return denied(call, Fault::Rate { retry_after }, Decided::Refused);
        }
        // What the protocol itself answers does not wait for anybody, so it needs no place: a principal whose calls all
        // wait for a person can still ping, list and end its session.
        let slot = match target {
            Target::Protocol => None,
            Target::Found { .. } | Target::Missing => {
                let most = self.policy.limits().calls_per_principal.get();
                match self.calls.enter(who, most) {
                    Some(slot) => Some(slot),
                    None => return denied(call, Fault::Busy { retry_after: BUSY_RETRY }, Decided::Refused),
                }
            }
        };
        // 3. The decision.
        match self.decide(who, target) {
            Decision::Permit => {}
            Decision::Hidden => {
                let decision = match target {
                    Target::Missing => Decided::Unknown,
                    Target::Found { .. } | Target::Protocol => Decided::Hidden,
                };
                let fault = absent(&call);
                return denied(call, fault, decision);
            }
            Decision::Refused => return denied(call, Fault::Refused, Decided::Refused),
            Decision::StepUp(scopes) => return denied(call, Fault::Scope(scopes), Decided::StepUp),
        }
        // 4. The rate of what costs much.
        if let Target::Found { name, need: Requirement { weight: Weight::Heavy, .. }, .. } = target
            && let Some(rate) = &self.heavy_rate
            && let Err(retry_after) = rate.check(&(who.clone(), digest(&[name.as_bytes()])))
        {
            return because(denied(call, Fault::Rate { retry_after }, Decided::Refused), evidence::HEAVY_RATE);
        }
        Ok(Permit { admission: admission.clone(), call, slot })
    }

    /// A place among the principal's open streams.
    ///
    /// # Errors
    /// [`Fault::Busy`] when it has as many as it may.
    pub fn open_stream(&self, admission: &Admission) -> Result<Slot<Principal>, Fault> {
        self.streams
            .enter(&admission.principal, self.policy.limits().streams_per_principal.get())
            .ok_or(Fault::Busy { retry_after: BUSY_RETRY })
    }
}

/// What an unknown name of this kind of call is answered with.
fn absent(call: &Call) -> Fault {
    match &call.request {
        Request::CallTool(_) => Fault::UnknownName(fault::Target::Tool),
        Request::GetPrompt(_) => Fault::UnknownName(fault::Target::Prompt),
        Request::Complete(_) => Fault::UnknownName(fault::Target::Completion),
        Request::ReadResource(read) => Fault::ResourceAbsent { uri: read.uri.clone() },
        Request::Subscribe(uri) | Request::Unsubscribe(uri) => Fault::ResourceAbsent { uri: uri.clone() },
        // These are about the protocol itself, which is never missing.
        Request::Initialize(_)
        | Request::Discover
        | Request::Ping
        | Request::SetLevel(_)
        | Request::ListTools(_)
        | Request::ListPrompts(_)
        | Request::ListResources(_)
        | Request::ListTemplates(_)
        | Request::Listen(_) => Fault::UnknownMethod,
    }
}

/// How long a client should wait when there are too many at once.
pub(super) const BUSY_RETRY: Duration = Duration::from_secs(1);
