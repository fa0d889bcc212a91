//! The gate: who is admitted, and which call is permitted. The order of the checks is the security, so each of
//! them stands in one function that reads from top to bottom and returns a proof that the next step takes.
//!
//! Nothing else makes an [`Admission`] or a [`Permit`].

mod admission;
mod decision;
mod hint;
mod place;
mod presented;
mod proven;
mod resource;
mod telling;
#[cfg(test)]
mod tests;
mod websocket;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::ORIGIN};
use mocopr_core::{
    call::{Call, Request},
    clock::Clock,
    fault::{self, Fault},
    id::RequestId,
    peer::{Peer, Place, Source},
    wire::revision::Revision,
};
use tracing::{info, warn};

pub use self::{
    admission::Admission,
    decision::{Decision, Grant, Kind, Requirement, Rules, Weight},
};
use self::{
    decision::Everything,
    presented::{Presented, presented},
    proven::{BOUND, Unproven},
};
pub use crate::auth::Challenge;
use crate::{
    auth::{self, Authenticator, Credential, Proofs, ProtectedResource, Rejected},
    evidence::{self, AuditEvent, Decided, Ending, Evidence, Happening},
    origin::{
        HostPolicy, OriginPolicy, Pages, Rejection,
        media::{self, Accept},
    },
    policy::{CrossOrigin, Profile, SecurityPolicy},
    principal::Principal,
    proxies::{Caller, TrustedProxies},
    random::digest,
    rate::{Block, Concurrency, RateLimit, RateLimiter, Slot},
    redact::Secret,
    revoke::Revocations,
    slow::{Slowed, Slower},
    stop::Stopper,
};

/// The one place where it is decided who may do what.
#[derive(Debug)]
pub struct Gate {
    policy: SecurityPolicy,
    hosts: HostPolicy,
    /// Over a Unix socket, to which no name leads.
    local_hosts: HostPolicy,
    origins: OriginPolicy,
    authenticators: Vec<Arc<dyn Authenticator>>,
    /// What checks that the sender has the key of its token.
    proofs: Option<Proofs>,
    resource: Option<ProtectedResource>,
    revocations: Revocations,
    rules: Arc<dyn Rules>,
    address_rate: Option<RateLimiter<Block>>,
    rate: Option<RateLimiter<Principal>>,
    heavy_rate: Option<RateLimiter<(Principal, [u8; 32])>>,
    calls: Concurrency<Principal>,
    streams: Concurrency<Principal>,
    /// Requests whose credential waits for something to be fetched, by address and by the network around it.
    waits: Concurrency<Block>,
    /// Whoever is on this machine.
    local: Principal,
    slower: Option<Slower>,
    stopper: Option<Stopper>,
    evidence: Evidence,
    clock: Arc<dyn Clock>,
}

/// Proof that the head of an HTTP request is in order: where it comes from, by which name it calls, and for which page.
///
/// Made by [`Gate::check_head`] alone. It says nothing of who sent the request.
#[derive(Debug)]
#[must_use]
pub struct Head {
    from: Caller,
}

impl Head {
    /// What the request comes from: the address of the peer, what a trusted proxy says, or a user of this machine.
    pub fn from(&self) -> Source {
        self.from.source()
    }
}

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

/// A peer that was not admitted.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The fault for the body.
    pub fault: Fault,
    /// What would let it in, where that is why.
    pub challenge: Option<Challenge>,
    /// Why, in a fixed sentence or word for the owner, which no peer reads.
    pub reason: &'static str,
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
    /// The gate of a policy; `rules` are what roles grant, where roles decide.
    ///
    /// Whether the policy contradicts itself was asked before; here what it does not say is refused.
    pub fn new(
        policy: SecurityPolicy,
        authenticators: Vec<Arc<dyn Authenticator>>,
        rules: Option<Arc<dyn Rules>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let rates = policy.rates();
        let url = policy.public_url();
        let (hosts, mut origins) = match &url {
            Some(url) => (HostPolicy::exact([url.authority()]), OriginPolicy::exact([url.origin()])),
            None => (Ok(HostPolicy::loopback()), Ok(place::own_pages(policy.profile()))),
        };
        if policy.profile() == Profile::Development && url.is_some() {
            origins = origins.map(|origins| origins.or(OriginPolicy::loopback()));
        }
        let more = OriginPolicy::exact(policy.allowed_origins());
        let origins = origins.and_then(|origins| Ok(origins.or(more?)));
        let issuers = authenticators.iter().flat_map(|one| one.issuers()).collect();
        let hosts = hosts.unwrap_or_else(|_| HostPolicy::nobody());
        Self {
            local_hosts: hosts.clone().or_loopback(),
            hosts,
            origins: origins.unwrap_or_else(|_| OriginPolicy::nobody()),
            resource: url.and_then(|url| ProtectedResource::new(url, issuers)),
            authenticators,
            proofs: None,
            revocations: Revocations::default(),
            rules: rules.unwrap_or_else(|| Arc::new(Everything)),
            address_rate: rates
                .address
                .map(|rate| RateLimiter::new(rate, RATED, clock.clone()).with_networks(Block::network)),
            rate: rates
                .principal
                .map(|rate| RateLimiter::new(rate, RATED, clock.clone()).keeping(Principal::without_holdings)),
            heavy_rate: rates.heavy.map(|rate: RateLimit| {
                RateLimiter::new(rate, RATED, clock.clone())
                    .keeping(|(who, name): &(Principal, [u8; 32])| (who.without_holdings(), *name))
            }),
            calls: Concurrency::new(MOST_AT_ONCE),
            streams: Concurrency::new(MOST_AT_ONCE),
            waits: Concurrency::new(MOST_AT_ONCE),
            local: match policy.profile() {
                Profile::Development => Principal::local(),
                Profile::Strict => Principal::local_without_rights(),
            },
            slower: policy.slowing().map(|slowing| Slower::new(slowing, clock.clone())),
            stopper: None,
            evidence: Evidence::default(),
            policy,
            clock,
        }
    }

    /// The same gate, which tells these witnesses what happens at it.
    #[must_use]
    pub fn with_evidence(self, evidence: Evidence) -> Self {
        self.revocations.tell_changes(&evidence);
        self.rules.tell_changes(&evidence);
        self.authenticators.iter().for_each(|one| one.tell_changes(&evidence));
        Self { evidence, ..self }
    }

    /// The same gate, which believes nobody whom these revoke. Before [`with_evidence`](Self::with_evidence), whose
    /// witnesses hear of their changes.
    #[must_use]
    pub fn with_revocations(self, revocations: Revocations) -> Self {
        Self { revocations, ..self }
    }

    /// The same gate, at which this switch stops tools.
    #[must_use]
    pub fn with_kill_switch(self, stopper: Option<Stopper>) -> Self {
        Self { stopper, ..self }
    }

    /// What stops tools, where anything can.
    pub fn stopper(&self) -> Option<&Stopper> {
        self.stopper.as_ref()
    }

    /// This thing is stopped now, whoever asks for it.
    pub fn stops(&self, kind: Kind, name: &str) -> bool {
        self.stopper.as_ref().is_some_and(|stopper| stopper.stops(kind, name))
    }

    /// The same gate, which accepts tokens that are bound to keys together with proofs that these find good.
    #[must_use]
    pub fn with_proofs(self, proofs: Option<Proofs>) -> Self {
        Self { proofs, ..self }
    }

    /// Some authenticator looks at files.
    pub fn authenticators_watch(&self) -> bool {
        self.authenticators.iter().any(|one| one.watches())
    }

    /// Lets every authenticator look at its files. Blocks.
    pub fn look_at_authenticators(&self) {
        self.authenticators.iter().for_each(|one| one.look());
    }

    /// Those who keep account of what happens.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// How many calls are under way, of everybody.
    pub fn calls_under_way(&self) -> usize {
        self.calls.in_use()
    }

    /// How many streams are open, of everybody.
    pub fn open_streams(&self) -> usize {
        self.streams.in_use()
    }

    /// The policy in force.
    pub fn policy(&self) -> &SecurityPolicy {
        &self.policy
    }

    /// Who and what is not believed any longer.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Checks all of an HTTP request's head that says nothing of who sent it. Nothing of a refused request is believed.
    ///
    /// Where one of these `proxies` is the peer, the request comes from where it says, for rates and everything else.
    /// Only these `pages` may send such a request; the policy's where there is no word of them.
    ///
    /// # Errors
    /// A [`Refusal`] with the status of the first check that failed; its text names no header value.
    pub fn check_head(
        &self,
        peer: &Peer<'_>,
        proxies: &TrustedProxies,
        pages: Option<&Pages>,
    ) -> Result<Head, Refusal> {
        let caller = peer.place.map(|place| (place, proxies.caller(place.source(), peer.http.headers)));
        self.look_at_head(peer, caller, pages).inspect_err(|refusal| {
            let from = caller.map(|(place, caller)| caller.map_or(place.source(), Caller::source));
            self.evidence.tell(&Happening {
                from,
                action: "head",
                ending: Ending::refused(Decided::Refused, refusal.reason),
                ..Happening::of(AuditEvent::SecurityViolation)
            });
        })
    }

    fn look_at_head(
        &self,
        peer: &Peer<'_>,
        caller: Option<(&Place, Result<Caller, Rejection>)>,
        pages: Option<&Pages>,
    ) -> Result<Head, Refusal> {
        let http = &peer.http;
        let Some((place, caller)) = caller else { return Err(unknown_address()) };
        // 1. The budget of its address. What cannot be told from where it comes counts for the peer.
        let from = caller.map_or(place.source(), Caller::source);
        if let Some(rate) = &self.address_rate
            && let Err(retry_after) = rate.check(&Block::of(from))
        {
            return Err(refusal(Fault::Rate { retry_after }));
        }
        let mut addresses = [place.source(), from].into_iter().filter_map(Source::address);
        if addresses.any(|address| self.revocations.covers_address(address)) {
            info!(rule = "revoked address", "refused");
            return Err(Refusal { reason: "revoked address", ..refusal(Fault::Refused) });
        }
        self.admit_place(place)?;
        // 2. By which name it calls, for which page, and in which form.
        let from = caller.map_err(refuse)?;
        self.hosts_at(place).check_host(http.headers, http.uri, http.version).map_err(refuse)?;
        match (pages, self.policy.cross_origin()) {
            (Some(pages), _) => pages.0.check_origin(http.headers).map_err(refuse)?,
            (None, CrossOrigin::Listed) => self.origins.check_origin(http.headers).map_err(refuse)?,
            (None, CrossOrigin::Any) => {}
        }
        if *http.method == Method::POST {
            media::check_content_type(http.headers).map_err(refuse)?;
        }
        Ok(Head { from })
    }

    /// Decides whether the sender of an HTTP request may speak: for every request, before its body is read.
    ///
    /// # Errors
    /// A [`Refusal`]: 401 without a credential or with one that does not hold, 400 where it cannot be told which is
    /// meant; both count as ten requests of its address. 503 where it cannot be known now whether it holds, and 401
    /// with a nonce where that alone is missing.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost but the answer.
    pub async fn admit(&self, head: Head, peer: &Peer<'_>) -> Result<Admission, Refusal> {
        let from = head.from();
        let admitted = self.authenticate(head, peer).await.map(|admission| admission.at(from));
        if self.evidence.is_kept() {
            match &admitted {
                Ok(admission) => self.tell_authenticated(admission),
                Err(refusal) => self.tell_unauthenticated(Some(from), refusal.reason),
            }
        }
        admitted
    }

    /// What the answer to a peer that was not admitted waits for, where its address keeps failing to prove who it is.
    pub fn slow(&self, from: Source, refusal: &Refusal) -> Option<Slowed> {
        // Whoever lacks nothing but a nonce has proven who it is.
        let failed = refusal.fault == Fault::Unauthenticated && !matches!(refusal.challenge, Some(Challenge::Nonce(_)));
        let slower = self.slower.as_ref().filter(|_| failed)?;
        let slowed = slower.failed(from)?;
        info!(rule = "slowing", peer = %from, "the answer waits");
        Some(slowed)
    }

    async fn authenticate(&self, head: Head, peer: &Peer<'_>) -> Result<Admission, Refusal> {
        let from = head.from();
        // Before the credential is looked at: whoever is revoked meanwhile is noticed at the next message.
        let revocations = self.revocations.changes();
        let failed = |reason: Rejected, challenge| {
            info!(rule = "authentication", reason = reason.reason(), "refused");
            if let Some(rate) = &self.address_rate {
                rate.charge(&Block::of(from), FAILURE_COST);
            }
            Refusal { challenge: Some(challenge), reason: reason.reason(), ..refusal(Fault::Unauthenticated) }
        };
        let invalid = |reason| {
            hint::tell_rejected_once(reason);
            failed(reason, Challenge::Invalid)
        };
        let unproven = |why| match why {
            Unproven::Rejected(reason) => invalid(reason),
            Unproven::Unavailable { reason, retry_after } => {
                info!(rule = "authentication", reason = reason.reason(), "not now");
                hint::tell_unavailable_once(reason);
                Refusal { reason: reason.reason(), ..refusal(Fault::Busy { retry_after }) }
            }
            Unproven::Nonce(nonce) => {
                let challenge = Some(Challenge::Nonce(nonce));
                Refusal { challenge, reason: evidence::NO_NONCE, ..refusal(Fault::Unauthenticated) }
            }
            Unproven::Rate(retry_after) => refusal(Fault::Rate { retry_after }),
        };
        let tls = match head.from {
            Caller::Peer(_) => peer.tls,
            // It is the proxy's, which does not call.
            Caller::Forwarded(_) => None,
        };
        let certificate = tls.and_then(|tls| tls.client.as_ref());
        let user = self.user_at(peer.place);
        let (verified, by) = match (presented(peer.http.headers), certificate.zip(tls), user) {
            (Err(_), _, _) => return Err(ambiguous()),
            // The handshake has verified it. Beside a credential it is not who calls.
            (Ok(Presented::Nothing), Some((certificate, tls)), _) => (auth::holder(certificate, &tls.told), None),
            // The system says who it is. Beside a credential that is not who calls.
            (Ok(Presented::Nothing), None, Some((user, users))) => match users.proven(user) {
                Some(verified) => (verified, None),
                None => {
                    let reason = Rejected::new("no credential, and a user of this machine who was not named");
                    return Err(failed(reason, Challenge::Absent));
                }
            },
            (Ok(Presented::Nothing), None, None) if self.policy.requires_authentication() => {
                return Err(failed(Rejected::new("no credential"), Challenge::Absent));
            }
            // Whoever is on this machine is the local user in this profile.
            (Ok(Presented::Nothing), None, None) => return Ok(Admission::of(self.local.clone())),
            // Where nobody looks at credentials, whoever presents one is nobody else for it.
            (Ok(_), _, None) if self.authenticators.is_empty() && !self.policy.requires_authentication() => {
                return Ok(Admission::of(self.local.clone()));
            }
            (Ok(Presented::Unknown), ..) => return Err(invalid(Rejected::new("not a credential of a known kind"))),
            (Ok(Presented::One(credential)), ..) => {
                self.verify_unbound(credential, certificate, Some(from)).await.map_err(unproven)?
            }
            (Ok(Presented::Bound { token, proof }), ..) => {
                self.verify_bound(token, proof, peer, from).await.map_err(unproven)?
            }
            (Ok(Presented::Two(one, other)), ..) => {
                let one = self.verify_unbound(one, certificate, Some(from)).await.map_err(unproven)?;
                let (other, _) = self.verify_unbound(other, certificate, Some(from)).await.map_err(unproven)?;
                if one.0.principal() != other.principal() {
                    return Err(ambiguous());
                }
                one
            }
        };
        // With its address: that may be revoked since the head was looked at.
        let admission = Admission::by(&verified, by, revocations).at(from);
        if admission.is_over(self.clock.unix()) || self.is_revoked(&admission) {
            return Err(invalid(Rejected::new("revoked or expired")));
        }
        Ok(admission)
    }

    /// Admits the client of standard streams: whomever the token proves, or the user of this machine, who holds
    /// nothing outside of the development profile.
    ///
    /// # Errors
    /// Why the token proves nobody.
    pub async fn admit_stdio(&self, token: Option<&Secret<String>>) -> Result<Admission, Rejected> {
        let Some(token) = token else { return Ok(self.admit_pipe()) };
        let admitted = self.authenticate_stdio(token).await;
        match &admitted {
            Ok(admission) => self.tell_authenticated(admission),
            Err(rejected) => self.tell_unauthenticated(None, rejected.reason()),
        }
        admitted
    }

    async fn authenticate_stdio(&self, token: &Secret<String>) -> Result<Admission, Rejected> {
        let revocations = self.revocations.changes();
        let (verified, by) = match self.verify(Credential::Bearer(token.expose()), None).await {
            Ok(verified) => verified,
            Err(Unproven::Rejected(reason) | Unproven::Unavailable { reason, .. }) => return Err(reason),
            // Nobody asks for a proof where there are no requests that could carry one.
            Err(Unproven::Nonce(_) | Unproven::Rate(_)) => return Err(BOUND),
        };
        if verified.key().is_some() || verified.certificate().is_some() {
            return Err(BOUND);
        }
        let admission = Admission::by(&verified, by, revocations);
        if admission.is_over(self.clock.unix()) || self.is_revoked(&admission) {
            return Err(Rejected::new("revoked or expired"));
        }
        Ok(admission)
    }

    /// Admits the client of a pipe inside of this process: the user of this machine.
    pub fn admit_pipe(&self) -> Admission {
        Admission::of(self.local.clone())
    }

    /// Admits anybody without a question, so that tests can call as whoever they want; for tests.
    ///
    /// No transport calls it but the pipe inside of the process, which only the process itself can open. What the
    /// principal may do is decided by [`Gate::permit`] as ever.
    #[cfg(feature = "testing")]
    pub fn admit_as(&self, principal: Principal) -> Admission {
        Admission::of(principal)
    }

    /// An admission still means something: it has not expired, and neither the principal nor the credential is revoked.
    ///
    /// Two reads, of the clock and of a count, where nothing was revoked since it was made and it rests on a token.
    pub fn holds(&self, admission: &Admission) -> bool {
        if admission.is_over(self.clock.unix()) || !admission.is_still_proven() {
            return false;
        }
        self.revocations.changes() == admission.revocations || !self.is_revoked(admission)
    }

    /// An admission can mean nothing any longer before its peer is gone.
    pub fn can_lapse(&self, admission: &Admission) -> bool {
        admission.can_lapse() || admission.from.is_some() && self.revocations.file().is_some()
    }

    /// Whether a revocation speaks of it, whenever that was said.
    fn is_revoked(&self, admission: &Admission) -> bool {
        let Admission { principal, from, .. } = admission;
        self.revocations.changes() > 0 && self.revocations.covers(principal, admission.credential(), *from)
    }

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

    /// The origin that may read the answer to a request with these headers, as `Access-Control-Allow-Origin` says it.
    pub fn reader(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        match self.policy.cross_origin() {
            CrossOrigin::Any => headers.contains_key(ORIGIN).then(|| HeaderValue::from_static("*")),
            CrossOrigin::Listed => self.origins.reader(headers),
        }
    }
}

/// What of an answer's form the client takes.
///
/// # Errors
/// A [`Refusal`] where it takes neither JSON nor an event stream.
pub fn accepted_forms(headers: &HeaderMap) -> Result<Accept, Refusal> {
    media::check_accept(headers).map_err(refuse)
}

fn refuse(rejection: Rejection) -> Refusal {
    info!(rule = rejection.rule(), header = rejection.header(), allowed_by = rejection.allowed_by(), "refused");
    hint::tell_once(rejection);
    let status = rejection.status();
    let fault = if status == StatusCode::FORBIDDEN { Fault::Refused } else { Fault::Envelope(rejection.sentence()) };
    Refusal { status: status.as_u16(), fault, challenge: None, reason: rejection.rule() }
}

/// A refusal with the status that its fault has everywhere.
fn refusal(fault: Fault) -> Refusal {
    let status = mocopr_core::wire::code::status(&fault, Revision::NEWEST_STATELESS);
    let reason = evidence::reason(&fault);
    Refusal { status, fault, challenge: None, reason }
}

fn ambiguous() -> Refusal {
    info!(rule = "authentication", reason = "it cannot be told which credential is meant", "refused");
    let fault = Fault::Envelope("the request presents more than one credential");
    Refusal { status: 400, fault, challenge: None, reason: "more than one credential" }
}

fn unknown_address() -> Refusal {
    warn!(rule = "address", "an HTTP request without its peer's address was refused");
    Refusal { status: 500, fault: Fault::Internal, challenge: None, reason: "unknown address" }
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

/// What is done where a credential is looked at.
const AUTHENTICATE: &str = "authenticate";

/// What a failed authentication costs an address beside the request itself.
const FAILURE_COST: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(8);

/// Calls, and streams, of all principals together.
const MOST_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// Principals, and addresses, whose rates are kept apart; more share one.
const RATED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// How long a client should wait when there are too many at once.
const BUSY_RETRY: Duration = Duration::from_secs(1);
