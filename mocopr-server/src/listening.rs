//! Open streams of changes: `subscriptions/listen` (2026-07-28), and what sessions subscribe to.

use std::sync::Arc;

use bytes::Bytes;
use mocopr_core::{
    call::{Call, Request},
    fault::Fault,
    id::RequestId,
    model::{ask::ListenFilter, notice::Notice},
    uri::ResourceUri,
    wire::{encode, revision::Revision},
};
use mocopr_security::{
    gate::{Admission, Decision, Target},
    principal::Principal,
    rate::Slot,
};
use tokio_util::sync::CancellationToken;

use crate::{
    answer::Answer,
    engine::{Engine, Refused, Scene, Step},
    inflight::{Cancel, Taken},
    lapse::lapsed,
    listing::List,
    subscribe::Subscription,
};

/// An open listen stream.
#[derive(Debug)]
pub(crate) struct Listening {
    engine: Arc<Engine>,
    subscription: Subscription,
    admission: Admission,
    id: RequestId,
    revision: Revision,
    acknowledgement: Option<Notice>,
    cancelled: CancellationToken,
    _slot: Slot<Principal>,
    _taken: Option<Taken>,
}

/// What comes of a listen stream next.
#[derive(Debug)]
pub(crate) enum Told {
    /// A notification.
    Frame(Bytes),
    /// The server ends the stream: its answer.
    Final(Bytes),
    /// Its client may not listen any longer: what says so where the stream has no end of its own.
    Lapsed(Bytes),
    /// The client ended it: nothing is sent.
    Cancelled,
}

impl Listening {
    /// By what the listener is here.
    #[cfg(feature = "http")]
    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// The next notification, the acknowledgement first.
    ///
    /// # Cancel safety
    /// Nothing is lost when the returned future is dropped.
    pub(crate) async fn next(&mut self) -> Told {
        loop {
            let notice = match self.acknowledgement.take() {
                Some(acknowledgement) => acknowledgement,
                None => tokio::select! {
                    biased;
                    () = self.cancelled.cancelled() => return Told::Cancelled,
                    () = lapsed(&self.engine.gate, &self.admission) => return self.lapse(),
                    () = self.engine.stopping.cancelled() => return Told::Final(encode::listen_end(&self.id, self.engine.stamp())),
                    notice = self.subscription.next() => notice,
                },
            };
            if self.engine.may_be_told(self.admission.principal(), &notice)
                && let Some(frame) = encode::notice(&notice, self.revision, Some(&self.id))
            {
                return Told::Frame(frame);
            }
        }
    }

    /// The stream is over by no wish of the client.
    ///
    /// # Source
    /// MCP 2026-07-28, basic/patterns/cancellation.
    fn lapse(&self) -> Told {
        let notice = Notice::Cancelled { id: self.id.clone() };
        encode::notice(&notice, self.revision, Some(&self.id)).map_or(Told::Cancelled, Told::Lapsed)
    }
}

impl Engine {
    /// Opens a listen stream for what of the filter can be honoured.
    pub(crate) fn listen(
        self: &Arc<Self>,
        admission: &Admission,
        call: Call,
        scene: Scene<'_>,
    ) -> Result<Step, Refused> {
        let permit = self.protocol(admission, call)?;
        let call = permit.into_call();
        let Request::Listen(wanted) = &call.request else {
            return Err(self.refuse(Some(&call.id), Fault::Internal, call.revision));
        };
        let slot =
            self.gate.open_stream(admission).map_err(|fault| self.refuse(Some(&call.id), fault, call.revision))?;
        let cancelled = CancellationToken::new();
        let taken = self.take_id(scene, &call, Cancel::Stream(cancelled.clone()))?;
        let honoured = self.honoured(admission.principal(), wanted);
        Ok(Step::Listen(Listening {
            engine: self.clone(),
            subscription: self.hub.subscribe(honoured.clone(), admission.principal()),
            admission: admission.clone(),
            id: call.id,
            revision: call.revision,
            acknowledgement: Some(Notice::Acknowledged(honoured)),
            cancelled,
            _slot: slot,
            _taken: taken,
        }))
    }

    /// `resources/subscribe` and `resources/unsubscribe`.
    pub(crate) fn subscribe(&self, admission: &Admission, call: Call, scene: Scene<'_>) -> Result<Step, Refused> {
        let (uri, adds) = match &call.request {
            Request::Subscribe(uri) => (uri.clone(), true),
            Request::Unsubscribe(uri) => (uri.clone(), false),
            _ => return Err(self.refuse(Some(&call.id), Fault::Internal, call.revision)),
        };
        let snapshot = self.registry.snapshot();
        if !snapshot.offers(List::Resources) {
            let permit = self.protocol(admission, call)?;
            let call = permit.call();
            return Err(self.refuse(Some(&call.id), Fault::UnknownMethod, call.revision));
        }
        let parsed = ResourceUri::parse(&uri).ok();
        let found = parsed.as_ref().and_then(|uri| snapshot.resource(uri));
        let target = match (&found, &parsed) {
            // Also of what is gone or hidden by now: a subscription must not outlive the wish to end it.
            _ if !adds => Target::Protocol,
            (Some(found), Some(uri)) => found.target(uri),
            (None, _) | (_, None) => Target::Missing,
        };
        let permit = self.gate.permit(admission, call, target).map_err(|denied| self.denied(denied))?;
        let call = permit.call();
        let Some(session) = scene.session else {
            return Err(self.refuse(Some(&call.id), Fault::Internal, call.revision));
        };
        let subscription = session.subscription(&self.hub);
        match parsed {
            Some(uri) if !adds => subscription.remove(&uri),
            Some(uri) if !subscription.add(&uri, MAX_URIS) => {
                let fault = Fault::Params("this session subscribes to as many resources as it may");
                return Err(self.refuse(Some(&call.id), fault, call.revision));
            }
            // Nothing can be subscribed to under what is no URI.
            Some(_) | None => {}
        }
        Ok(Step::Answer(Answer::result(&call.id, encode::empty(call.revision), call.revision, self)))
    }

    /// The principal may know of this change now, whatever held when it subscribed.
    pub(crate) fn may_be_told(&self, who: &Principal, notice: &Notice) -> bool {
        match notice {
            Notice::ResourceUpdated { uri } => self.may_see(who, uri),
            // That a list changed tells nothing of what is in it; all others are about the client's own calls.
            Notice::ToolsChanged
            | Notice::PromptsChanged
            | Notice::ResourcesChanged
            | Notice::Acknowledged(_)
            | Notice::Progress { .. }
            | Notice::Log(_)
            | Notice::ElicitationComplete { .. }
            | Notice::Cancelled { .. } => true,
        }
    }

    /// What of a filter exists here and may be seen.
    fn honoured(&self, who: &Principal, wanted: &ListenFilter) -> ListenFilter {
        let snapshot = self.registry.snapshot();
        let ListenFilter { tools, prompts, resources, uris } = wanted;
        ListenFilter {
            tools: *tools && snapshot.offers(List::Tools),
            prompts: *prompts && snapshot.offers(List::Prompts),
            resources: *resources && snapshot.offers(List::Resources),
            uris: uris.iter().filter(|uri| self.may_see(who, uri)).cloned().collect(),
        }
    }

    /// There is a resource of that URI now, and the principal may read it.
    pub(crate) fn may_see(&self, who: &Principal, uri: &str) -> bool {
        let Ok(uri) = ResourceUri::parse(uri) else { return false };
        let snapshot = self.registry.snapshot();
        snapshot.resource(&uri).is_some_and(|found| self.gate.decide(who, found.target(&uri)) == Decision::Permit)
    }
}

/// Resources that one session subscribes to at most, as many as a listen stream can name.
const MAX_URIS: usize = 256;
