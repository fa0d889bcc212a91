//! The head of an HTTP request: everything that says nothing of who sent it.

use http::{HeaderMap, HeaderValue, Method, header::ORIGIN};
use mocopr_core::{
    fault::Fault,
    peer::{Peer, Place, Source},
};
use tracing::{info, warn};

use super::{
    Gate, Refusal,
    refusal::{refusal, refuse},
};
use crate::{
    evidence::{AuditEvent, Decided, Ending, Happening},
    origin::{
        Pages, Rejection,
        media::{self, Accept},
    },
    policy::CrossOrigin,
    proxies::{Caller, TrustedProxies},
    rate::Block,
};

/// Proof that the head of an HTTP request is in order: where it comes from, by which name it calls, and for which page.
///
/// Made by [`Gate::check_head`] alone. It says nothing of who sent the request.
#[derive(Debug)]
#[must_use]
pub struct Head {
    pub(super) from: Caller,
}

impl Head {
    /// What the request comes from: the address of the peer, what a trusted proxy says, or a user of this machine.
    pub fn from(&self) -> Source {
        self.from.source()
    }
}

impl Gate {
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

fn unknown_address() -> Refusal {
    warn!(rule = "address", "an HTTP request without its peer's address was refused");
    Refusal { status: 500, fault: Fault::Internal, challenge: None, reason: "unknown address" }
}
