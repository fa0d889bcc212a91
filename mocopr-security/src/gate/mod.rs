//! The gate: who is admitted, and which call is permitted. The order of the checks is the security, so each of
//! the two stands in one function that reads from top to bottom and returns a proof that the next step takes.
//!
//! Nothing else makes an [`Admission`] or a [`Permit`].

use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use http::{Method, StatusCode};
use mocopr_core::{
    call::{Call, Request},
    clock::Clock,
    fault::{self, Fault},
    id::RequestId,
    peer::{HttpFacts, Peer, PeerKind},
    wire::revision::Revision,
};
use tracing::{info, warn};

use crate::{
    origin::{
        self, HostPolicy, OriginPolicy, Rejection,
        media::{self, Accept},
    },
    policy::SecurityPolicy,
    principal::Principal,
    rate::{Concurrency, RateLimiter, Slot},
};

/// The one place where it is decided who may do what.
#[derive(Debug)]
pub struct Gate {
    policy: SecurityPolicy,
    hosts: HostPolicy,
    origins: OriginPolicy,
    rules: Arc<dyn Rules>,
    rate: Option<RateLimiter<Principal>>,
    calls: Concurrency<Principal>,
    streams: Concurrency<Principal>,
    local: Principal,
}

/// What roles and rules grant, beside what a handler itself requires.
pub trait Rules: Send + Sync + std::fmt::Debug + 'static {
    /// What `who` may do with the named thing.
    fn grant(&self, who: &Principal, kind: Kind, name: &str) -> Grant;

    /// The answers depend on who asks, so a list must not be shared between callers.
    fn depend_on_caller(&self) -> bool;
}

/// The rules of the development profile: whoever was admitted may do everything that handlers allow.
#[derive(Debug)]
struct Everything;

impl Rules for Everything {
    fn grant(&self, _who: &Principal, _kind: Kind, _name: &str) -> Grant {
        Grant::Call
    }

    fn depend_on_caller(&self) -> bool {
        false
    }
}

/// What the rules grant on one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing: it is hidden.
    Nothing,
    /// It is listed.
    Read,
    /// It is listed and may be called or read.
    Call,
}

/// What kind of thing is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource or a template.
    Resource,
}

/// What a handler requires of its caller, beside what the rules grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// Every one of these roles; where one is missing the thing is hidden.
    pub roles: Vec<Box<str>>,
    /// Every one of these scopes; where one is missing the thing is listed, and a call names all of them.
    pub scopes: Vec<Box<str>>,
}

/// One of the four answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Not listed, and answered like an unknown name.
    Hidden,
    /// Listed, and refused.
    Refused,
    /// Listed, and refused until the caller has these scopes.
    StepUp(Box<[Box<str>]>),
    /// Listed and allowed.
    Permit,
}

/// Proof that a peer may speak: who it is.
///
/// Made by [`Gate::admit`] alone.
#[derive(Clone, Debug)]
#[must_use]
pub struct Admission {
    principal: Principal,
}

impl Admission {
    /// Who was admitted.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// Proof that one call may be carried out. Owns the call, so it cannot be spent on another one.
///
/// Made by [`Gate::permit`] alone.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    principal: Principal,
    call: Call,
    /// A place among the principal's concurrent calls; none for calls about the protocol itself.
    slot: Option<Slot<Principal>>,
}

impl Permit {
    /// Who calls.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Spends the permit on a long-lived stream: the call's place among the concurrent calls is given back.
    pub fn into_call(self) -> Call {
        let Self { principal: _, call, slot } = self;
        drop(slot);
        call
    }
}

/// A peer that was not admitted.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The fault for the body.
    pub fault: Fault,
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
    /// The gate of a policy.
    pub fn new(policy: SecurityPolicy, clock: Arc<dyn Clock>) -> Self {
        Self::with_rules(policy, Arc::new(Everything), clock)
    }

    fn with_rules(policy: SecurityPolicy, rules: Arc<dyn Rules>, clock: Arc<dyn Clock>) -> Self {
        let rate = policy.principal_rate().map(|rate| RateLimiter::new(rate, RATED_PRINCIPALS, clock));
        Self {
            hosts: HostPolicy::loopback(),
            origins: OriginPolicy::loopback(),
            rules,
            rate,
            calls: Concurrency::new(MOST_AT_ONCE),
            streams: Concurrency::new(MOST_AT_ONCE),
            local: Principal::local(),
            policy,
        }
    }

    /// The policy in force.
    pub fn policy(&self) -> &SecurityPolicy {
        &self.policy
    }

    /// Decides whether a peer may speak: every HTTP request before its body is read, standard streams and pipes
    /// once at their start.
    ///
    /// # Errors
    /// A [`Refusal`] with the status of the first check that failed; its text names no header value.
    pub fn admit(&self, peer: &Peer<'_>) -> Result<Admission, Refusal> {
        match (peer.kind, &peer.http) {
            // Connections are counted by the listener; here nothing is known of the peer but its pipe.
            (PeerKind::Stdio | PeerKind::Pipe, _) => {}
            (PeerKind::Http, Some(http)) => {
                let addr = peer.addr.ok_or_else(unknown_address)?;
                self.admit_address(addr)?;
                // Host, Origin and Content-Type.
                self.admit_head(http).map_err(refuse)?;
            }
            (PeerKind::Http, None) => return Err(unknown_address()),
        }
        // Whoever is on this machine is the local user in this profile.
        Ok(Admission { principal: self.local.clone() })
    }

    /// Admits anybody without a question, so that tests can call as whoever they want; for tests.
    ///
    /// No transport calls it but the pipe inside of the process, which only the process itself can open. What the
    /// principal may do is decided by [`Gate::permit`] as ever.
    #[cfg(feature = "testing")]
    pub fn admit_as(&self, principal: Principal) -> Admission {
        Admission { principal }
    }

    /// Decides whether one call may be carried out, whatever transport it came on.
    ///
    /// # Errors
    /// [`Denied`] with the fault of the first check that failed. A hidden thing and an unknown one give the same.
    pub fn permit(&self, admission: &Admission, call: Call, target: Target<'_>) -> Result<Permit, Denied> {
        let who = &admission.principal;
        let denied = |call: Call, fault| Err(Denied { id: call.id, revision: call.revision, fault });

        // First the rate and the concurrency of the principal: unknown names cost as much as known ones.
        if let Some(rate) = &self.rate
            && let Err(retry_after) = rate.check(who)
        {
            return denied(call, Fault::Rate { retry_after });
        }
        // What the protocol itself answers does not wait for anybody, so it needs no place: a principal whose calls all
        // wait for a person can still ping, list and end its session.
        let slot = match target {
            Target::Protocol => None,
            Target::Found { .. } | Target::Missing => {
                let most = self.policy.limits().calls_per_principal.get();
                match self.calls.enter(who, most) {
                    Some(slot) => Some(slot),
                    None => return denied(call, Fault::Busy { retry_after: BUSY_RETRY }),
                }
            }
        };

        // Then the decision.
        match self.decide(who, target) {
            Decision::Permit => {}
            Decision::Hidden => {
                let fault = absent(&call);
                return denied(call, fault);
            }
            Decision::Refused => return denied(call, Fault::Refused),
            Decision::StepUp(scopes) => return denied(call, Fault::Scope(scopes)),
        }
        Ok(Permit { principal: who.clone(), call, slot })
    }

    /// One of the four answers; lists, completions and notifications are filtered by the same function.
    pub fn decide(&self, who: &Principal, target: Target<'_>) -> Decision {
        let (kind, name, need) = match target {
            Target::Protocol => return Decision::Permit,
            Target::Missing => return Decision::Hidden,
            Target::Found { kind, name, need } => (kind, name, need),
        };
        if !need.roles.iter().all(|role| who.has_role(role)) {
            return Decision::Hidden;
        }
        match self.rules.grant(who, kind, name) {
            Grant::Nothing => return Decision::Hidden,
            Grant::Read => return Decision::Refused,
            Grant::Call => {}
        }
        if !need.scopes.iter().all(|scope| who.has_scope(scope)) {
            return Decision::StepUp(need.scopes.iter().cloned().collect());
        }
        Decision::Permit
    }

    /// This caller sees everything, so there is nothing to decide entry by entry.
    pub fn is_unrestricted(&self, who: &Principal) -> bool {
        !self.rules.depend_on_caller() && who.holds_everything()
    }

    /// Lists must be told apart by caller.
    pub fn depends_on_caller(&self) -> bool {
        self.rules.depend_on_caller()
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

    fn admit_address(&self, addr: SocketAddr) -> Result<(), Refusal> {
        if addr.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        // The listener is bound to loopback; a peer from elsewhere means that it was bound by somebody else.
        warn!(peer = %addr, rule = "address", "refused");
        Err(Refusal { status: 403, fault: Fault::Refused })
    }

    fn admit_head(&self, http: &HttpFacts<'_>) -> Result<(), Rejection> {
        origin::check_forwarded(http.headers)?;
        self.hosts.check_host(http.headers, http.uri, http.version)?;
        self.origins.check_origin(http.headers)?;
        if *http.method == Method::POST {
            media::check_content_type(http.headers)?;
        }
        Ok(())
    }
}

/// What of an answer's form the client takes.
///
/// # Errors
/// A [`Refusal`] where it takes neither JSON nor an event stream.
pub fn accepted_forms(headers: &http::HeaderMap) -> Result<Accept, Refusal> {
    media::check_accept(headers).map_err(refuse)
}

fn refuse(rejection: Rejection) -> Refusal {
    info!(rule = rejection.rule(), header = rejection.header(), "refused");
    let status = rejection.status();
    let fault = if status == StatusCode::FORBIDDEN { Fault::Refused } else { Fault::Envelope(rejection.sentence()) };
    Refusal { status: status.as_u16(), fault }
}

fn unknown_address() -> Refusal {
    warn!(rule = "address", "an HTTP request without its peer's address was refused");
    Refusal { status: 500, fault: Fault::Internal }
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

/// Calls, and streams, of all principals together.
const MOST_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// Principals whose rates are kept apart; more share one.
const RATED_PRINCIPALS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// How long a client should wait when there are too many at once.
const BUSY_RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::{HeaderMap, HeaderValue, Uri, Version};
    use mocopr_core::{
        call::{CallTool, Request},
        clock::ManualClock,
        json::RawJson,
        meta::Meta,
    };

    use super::*;
    use crate::{
        principal::{Holdings, Method as Verified},
        rate::RateLimit,
    };

    /// Grants what its name says, to everybody.
    #[derive(Debug)]
    struct Granted(Grant);

    impl Rules for Granted {
        fn grant(&self, _: &Principal, _: Kind, _: &str) -> Grant {
            self.0
        }

        fn depend_on_caller(&self) -> bool {
            true
        }
    }

    fn gate(grant: Grant) -> Gate {
        Gate::with_rules(SecurityPolicy::development(), Arc::new(Granted(grant)), Arc::new(ManualClock::new()))
    }

    fn holding(roles: &[&str], scopes: &[&str]) -> Principal {
        let boxed = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
        let holdings = Holdings::These { roles: boxed(roles), scopes: boxed(scopes) };
        Principal::new(Verified::Local, "https://id.example.com", "alice", None, holdings)
    }

    fn call(name: &str) -> Call {
        let tool = CallTool { name: name.into(), arguments: RawJson::empty_object(), input: Default::default() };
        Call {
            id: RequestId::Integer(1),
            revision: Revision::NEWEST_STATELESS,
            meta: Meta::default(),
            request: Request::CallTool(tool),
        }
    }

    fn found(need: &Requirement) -> Target<'_> {
        Target::Found { kind: Kind::Tool, name: "reset", need }
    }

    #[test]
    fn each_of_the_four_answers_is_given_for_its_reason() {
        let need = Requirement { roles: vec!["admin".into()], scopes: vec!["a".into(), "b".into()] };
        let admin = holding(&["admin"], &["a", "b"]);
        assert_eq!(gate(Grant::Call).decide(&admin, found(&need)), Decision::Permit);
        assert_eq!(gate(Grant::Read).decide(&admin, found(&need)), Decision::Refused);
        assert_eq!(gate(Grant::Nothing).decide(&admin, found(&need)), Decision::Hidden);
        assert_eq!(gate(Grant::Call).decide(&holding(&["user"], &["a", "b"]), found(&need)), Decision::Hidden);
        let all = Box::from(["a".into(), "b".into()]);
        assert_eq!(gate(Grant::Call).decide(&holding(&["admin"], &["a"]), found(&need)), Decision::StepUp(all));
        assert_eq!(gate(Grant::Call).decide(&admin, Target::Missing), Decision::Hidden);
    }

    #[test]
    fn hidden_and_unknown_are_denied_alike() {
        let need = Requirement { roles: vec!["admin".into()], scopes: Vec::new() };
        let admission = Admission { principal: holding(&["user"], &[]) };
        let hidden = gate(Grant::Call).permit(&admission, call("reset"), found(&need)).unwrap_err();
        let unknown = gate(Grant::Call).permit(&admission, call("reset"), Target::Missing).unwrap_err();
        assert_eq!(hidden.fault, Fault::UnknownName(fault::Target::Tool));
        assert_eq!(hidden.fault, unknown.fault);
    }

    #[test]
    fn an_unknown_name_costs_as_much_of_the_rate_as_a_known_one() {
        let policy = SecurityPolicy::development().with_principal_rate(RateLimit::per_minute(60).with_burst(2));
        let gate = Gate::new(policy, Arc::new(ManualClock::new()));
        let admission = Admission { principal: Principal::local() };
        let need = Requirement::default();
        assert!(gate.permit(&admission, call("nothing"), Target::Missing).is_err());
        assert!(gate.permit(&admission, call("reset"), found(&need)).is_ok());
        let denied = gate.permit(&admission, call("reset"), found(&need)).unwrap_err();
        assert_eq!(denied.fault, Fault::Rate { retry_after: Duration::from_secs(1) });
    }

    #[test]
    fn a_permit_holds_a_place_among_the_concurrent_calls() {
        let mut limits = SecurityPolicy::development().limits().clone();
        limits.calls_per_principal = NonZeroUsize::MIN;
        let gate = Gate::new(SecurityPolicy::development().with_limits(limits), Arc::new(ManualClock::new()));
        let admission = Admission { principal: Principal::local() };
        let need = Requirement::default();
        let permit = gate.permit(&admission, call("reset"), found(&need)).unwrap();
        let denied = gate.permit(&admission, call("reset"), found(&need)).unwrap_err();
        assert!(matches!(denied.fault, Fault::Busy { .. }));
        drop(permit);
        assert!(gate.permit(&admission, call("reset"), found(&need)).is_ok());
    }

    #[test]
    fn http_is_admitted_from_loopback_alone_and_only_with_its_address() {
        let gate = Gate::new(SecurityPolicy::development(), Arc::new(ManualClock::new()));
        let headers = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("localhost:8080"))]);
        let uri = Uri::from_static("/mcp");
        let status = |addr: Option<IpAddr>| {
            let addr = addr.map(|ip| SocketAddr::new(ip, 1));
            let http = HttpFacts { method: &Method::GET, version: Version::HTTP_11, uri: &uri, headers: &headers };
            gate.admit(&Peer { kind: PeerKind::Http, addr, http: Some(http) }).map_err(|refusal| refusal.status)
        };
        assert!(status(Some(Ipv4Addr::LOCALHOST.into())).is_ok());
        assert!(status(Some(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into())).is_ok());
        assert_eq!(status(Some(Ipv4Addr::new(192, 0, 2, 1).into())).err(), Some(403));
        assert_eq!(status(None).err(), Some(500));
    }
}
