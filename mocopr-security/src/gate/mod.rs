//! The gate: who is admitted, and which call is permitted. The order of the checks is the security, so each of
//! them stands in one function that reads from top to bottom and returns a proof that the next step takes.
//!
//! Nothing else makes an [`Admission`] or a [`Permit`].

mod admission;
mod admit;
mod decision;
mod head;
mod hint;
mod permit;
mod place;
mod presented;
mod proven;
mod refusal;
mod resource;
mod telling;
#[cfg(test)]
mod tests;
mod websocket;

use std::{num::NonZeroUsize, sync::Arc};

use mocopr_core::clock::Clock;

pub use self::{
    admission::Admission,
    decision::{Decision, Grant, Kind, Requirement, Rules, Weight},
    head::{Head, accepted_forms},
    permit::{Denied, Permit, Target},
    refusal::Refusal,
};
use self::{decision::Everything, refusal::refusal};
pub use crate::auth::Challenge;
use crate::{
    auth::{Authenticator, Proofs, ProtectedResource},
    evidence::Evidence,
    origin::{HostPolicy, OriginPolicy},
    policy::{Profile, SecurityPolicy},
    principal::Principal,
    rate::{Block, Concurrency, RateLimit, RateLimiter},
    revoke::Revocations,
    slow::Slower,
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
}

/// Principals, and addresses, whose rates are kept apart; more share one.
const RATED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// Calls, and streams, of all principals together.
const MOST_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);
