//! Who is admitted: by a credential, a certificate, a user of this machine, or nothing.

use mocopr_core::{
    fault::Fault,
    peer::{Peer, Source},
};
use tracing::info;

use super::{
    Admission, Challenge, Gate, Head, Refusal, hint,
    presented::{Presented, presented},
    proven::{BOUND, Unproven},
    refusal::refusal,
};
#[cfg(feature = "testing")]
use crate::principal::Principal;
use crate::{
    auth::{self, Credential, Rejected},
    evidence,
    proxies::Caller,
    rate::Block,
    redact::Secret,
    slow::Slowed,
};

impl Gate {
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
}

fn ambiguous() -> Refusal {
    info!(rule = "authentication", reason = "it cannot be told which credential is meant", "refused");
    let fault = Fault::Envelope("the request presents more than one credential");
    Refusal { status: 400, fault, challenge: None, reason: "more than one credential" }
}

/// What a failed authentication costs an address beside the request itself.
const FAILURE_COST: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(8);
