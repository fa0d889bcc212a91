//! Peers that are not admitted, and what they are told.

use http::StatusCode;
use mocopr_core::{fault::Fault, wire::revision::Revision};
use tracing::info;

use super::{Challenge, hint};
use crate::{evidence, origin::Rejection};

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

pub(super) fn refuse(rejection: Rejection) -> Refusal {
    info!(rule = rejection.rule(), header = rejection.header(), allowed_by = rejection.allowed_by(), "refused");
    hint::tell_once(rejection);
    let status = rejection.status();
    let fault = if status == StatusCode::FORBIDDEN { Fault::Refused } else { Fault::Envelope(rejection.sentence()) };
    Refusal { status: status.as_u16(), fault, challenge: None, reason: rejection.rule() }
}

/// A refusal with the status that its fault has everywhere.
pub(super) fn refusal(fault: Fault) -> Refusal {
    let status = mocopr_core::wire::code::status(&fault, Revision::NEWEST_STATELESS);
    let reason = evidence::reason(&fault);
    Refusal { status, fault, challenge: None, reason }
}
