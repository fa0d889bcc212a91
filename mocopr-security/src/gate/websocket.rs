//! Whom a WebSocket is opened for, where its owner says how peers prove who they are, and how often such a peer may
//! speak.

use mocopr_core::{fault::Fault, peer::Peer};
use tracing::info;

use super::{Admission, Challenge, Gate, Head, RATED, Refusal, refusal};
use crate::{
    principal::{Method, Principal},
    rate::{RateLimit, RateLimiter},
};

impl Gate {
    /// A rate for each principal beside those of the policy.
    pub fn rate_of_principals(&self, rate: RateLimit) -> RateLimiter<Principal> {
        RateLimiter::new(rate, RATED, self.clock.clone()).keeping(Principal::without_holdings)
    }

    /// As [`admit`](Self::admit), for a peer that must prove who it is in one of these ways; in any where there are
    /// none.
    ///
    /// # Errors
    /// As [`admit`](Self::admit), and 401 for a peer that proves itself in another way.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost but the answer.
    pub async fn admit_by(&self, head: Head, peer: &Peer<'_>, proofs: &[Method]) -> Result<Admission, Refusal> {
        let from = head.from();
        let admission = self.admit(head, peer).await?;
        if proofs.is_empty() || proofs.contains(&admission.principal.method()) {
            return Ok(admission);
        }
        let reason = "a credential of another kind";
        info!(rule = "authentication", reason, "refused");
        self.tell_unauthenticated(Some(from), reason);
        Err(Refusal { challenge: Some(Challenge::Absent), reason, ..refusal(Fault::Unauthenticated) })
    }
}
