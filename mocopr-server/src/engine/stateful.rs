//! The revisions with sessions: the handshake, and which session a message belongs to.

use std::sync::Arc;

use mocopr_core::{
    call::{Call, Incoming, Initialize, Note, Request},
    envelope::Message,
    fault::Fault,
    wire::{
        decode::{DecodeContext, Opened},
        revision::{Era, Revision},
    },
};
use mocopr_security::{gate::Admission, random};

use super::{Engine, Link, Refused, Scene, Step, is_initialize, is_ping};
use crate::{answer::Answer, arrival::Arrival, session::Session, transport::claims::Claims};

/// A session is named that there is not, or in a way that contradicts it.
#[derive(Debug)]
pub(crate) struct Misnamed {
    pub(crate) fault: Fault,
    /// The revision that the refusal is written in: that of the session where there is one.
    pub(crate) revision: Revision,
}

impl Engine {
    pub(super) fn stateful(
        self: &Arc<Self>,
        admission: &Admission,
        opened: Opened,
        claims: Option<&Claims<'_>>,
        link: Link<'_>,
        arrival: &Arrival,
    ) -> Result<Step, Refused> {
        if is_initialize(opened.message()) {
            let revision = self.newest_stateful();
            let Incoming::Call(call) = self.decode(opened, DecodeContext::Stateful(revision))? else {
                return Err(self.refuse(None, Fault::Envelope("initialize is a request"), revision));
            };
            return self.accounted(admission, *call, None, arrival, |call| self.initialize(admission, call, link));
        }
        let session = self
            .session(admission, claims, link, opened.message())
            .map_err(|Misnamed { fault, revision }| self.refuse(opened.message().id(), fault, revision))?;
        self.in_session(admission, opened, session.as_ref(), arrival)
    }

    /// One message of a session, or a ping before there is one.
    pub(crate) fn in_session(
        self: &Arc<Self>,
        admission: &Admission,
        opened: Opened,
        session: Option<&Arc<Session>>,
        arrival: &Arrival,
    ) -> Result<Step, Refused> {
        let revision = session.map_or_else(|| self.newest_stateful(), |session| session.revision());
        match self.decode(opened, DecodeContext::Stateful(revision))? {
            Incoming::Call(call) => {
                let calls = session.map(|session| session.calls().clone());
                self.carry_out(admission, *call, Scene { session, calls: calls.as_ref(), headers: None, arrival })
            }
            Incoming::Note(note) => {
                if let Some(session) = session {
                    match note {
                        Note::Initialized => session.make_ready(),
                        Note::Cancelled { id } => session.calls().cancel(&id),
                        // Roots are asked for when a handler needs them, never kept.
                        Note::RootsChanged | Note::Ignored => {}
                    }
                }
                Ok(Step::Accepted)
            }
            Incoming::Answer(answer) => {
                if let Some(session) = session {
                    session.asks().answer(&answer.id, answer.result);
                }
                Ok(Step::Accepted)
            }
        }
    }

    /// The session that an array belongs to, where its revision has batches.
    pub(super) fn session_with_batches(
        &self,
        admission: &Admission,
        link: Link<'_>,
    ) -> Result<Option<Arc<Session>>, Refused> {
        let known = match link {
            Link::Channel(channel) => channel.session.get().cloned(),
            Link::Http(headers) => {
                let claims = Claims::read(headers);
                let named = claims.version.as_ref().ok().copied().flatten().and_then(Revision::parse);
                // A request that says everything itself is of no session.
                if named.is_some_and(|revision| revision.era() == Era::Stateless) {
                    return Ok(None);
                }
                self.named_session(admission, &claims)
                    .map_err(|Misnamed { fault, revision }| self.refuse(None, fault, revision))?
            }
        };
        Ok(known.filter(|session| session.revision().has_batches()))
    }

    /// The session that a stateful message belongs to; `None` for one that has none and may do without.
    fn session(
        &self,
        admission: &Admission,
        claims: Option<&Claims<'_>>,
        link: Link<'_>,
        message: &Message,
    ) -> Result<Option<Arc<Session>>, Misnamed> {
        let refused = |rule| Err(Misnamed { fault: Fault::Envelope(rule), revision: self.newest_stateful() });
        let known = match (claims, link) {
            (Some(claims), _) => self.named_session(admission, claims)?,
            (None, Link::Channel(channel)) => channel.session.get().cloned(),
            (None, Link::Http(_)) => None,
        };
        match (known, link, message) {
            (Some(session), ..) => Ok(Some(session)),
            // A ping is answered before the handshake, as the specification allows.
            (None, ..) if is_ping(message) => Ok(None),
            (None, Link::Channel(_), Message::Notification { .. } | Message::Response { .. }) => Ok(None),
            (None, Link::Channel(_), Message::Request { .. }) => refused("send initialize first"),
            (None, Link::Http(_), _) => refused("a session is needed: send initialize first, then its Mcp-Session-Id"),
        }
    }

    /// The session that the headers of a request name; `None` where they name none.
    ///
    /// # Errors
    /// [`Fault::UnknownSession`] for one that is not there or not this caller's; [`Fault::UnsupportedVersion`] where
    /// `MCP-Protocol-Version` is not the one that was negotiated.
    pub(crate) fn named_session(
        &self,
        admission: &Admission,
        claims: &Claims<'_>,
    ) -> Result<Option<Arc<Session>>, Misnamed> {
        let misnamed = |fault| Misnamed { fault, revision: self.newest_stateful() };
        let version = claims.version.clone().map_err(misnamed)?;
        let Some(id) = claims.session.clone().map_err(misnamed)? else { return Ok(None) };
        let session = self.sessions.find(id, admission.principal(), self.limits());
        let session = session.ok_or_else(|| misnamed(Fault::UnknownSession))?;
        match version {
            Some(version) if version != session.revision().as_str() => {
                let fault = Fault::UnsupportedVersion { requested: version.into() };
                Err(Misnamed { fault, revision: session.revision() })
            }
            // Revisions before 2025-06-18 know no such header, and the session says its own anyway.
            Some(_) | None => Ok(Some(session)),
        }
    }

    fn initialize(self: &Arc<Self>, admission: &Admission, call: Call, link: Link<'_>) -> Result<Step, Refused> {
        let permit = self.protocol(admission, call)?;
        let Call { id, request, revision, .. } = permit.into_call();
        let Request::Initialize(initialize) = request else {
            return Err(self.refuse(Some(&id), Fault::Internal, revision));
        };
        let Initialize { protocol_version, capabilities } = *initialize;
        let asked = Revision::parse(&protocol_version);
        let revision = asked
            .filter(|revision| revision.era() == Era::Stateful && self.served.contains(revision))
            .or_else(|| self.newest_served(Era::Stateful))
            .ok_or_else(|| {
                let fault = Fault::UnsupportedVersion { requested: protocol_version.clone() };
                self.refuse(Some(&id), fault, Revision::NEWEST_STATELESS)
            })?;
        let capabilities = capabilities.known_in(revision);
        let answer = Answer::kept(&id, self.hello(revision));
        match link {
            Link::Http(_) => {
                let session = self
                    .sessions
                    .open(admission.principal(), revision, capabilities, self.limits())
                    .map_err(|fault| self.refuse(Some(&id), fault, revision))?;
                Ok(Step::Opened(answer, session))
            }
            Link::Channel(channel) => {
                let name = random::random_name().map_err(|_| self.refuse(Some(&id), Fault::Internal, revision))?;
                let who = admission.principal().clone();
                let session = Arc::new(Session::new(name, who, revision, capabilities, channel.calls.clone()));
                match channel.session.set(session.clone()) {
                    Ok(()) => Ok(Step::Opened(answer, session)),
                    Err(_) => Err(self.refuse(Some(&id), Fault::Envelope("already initialized"), revision)),
                }
            }
        }
    }
}
