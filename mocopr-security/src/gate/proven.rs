//! Whom a credential proves, and whether its sender may present it: what authenticators say, held against how the
//! credential came.
//!
//! That a bound token has its proof is looked at here and nowhere else, with each request.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mocopr_core::peer::{ClientCertificate, Peer, Source};

use super::{Gate, permit::BUSY_RETRY};
use crate::{
    auth::{Authenticator, Credential, DpopPolicy, NotProven, Rejected, Shown, Verdict, Verified},
    principal::Method,
    rate::{Block, Slot},
};

/// Who was proven, and by whom; by nobody here where a handshake did it.
pub(super) type Proven = (Verified, Option<Arc<dyn Authenticator>>);

/// Why a credential proves nobody here and now.
#[derive(Debug)]
pub(super) enum Unproven {
    Rejected(Rejected),
    Unavailable {
        reason: Rejected,
        retry_after: Duration,
    },
    /// A proof of possession lacks this nonce.
    Nonce(Box<str>),
    /// More proofs than a principal may send.
    Rate(Duration),
}

impl From<Rejected> for Unproven {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl Gate {
    /// Whom a credential proves: the first authenticator that knows its kind says so. Where it has to wait, it does so
    /// as one of a few of the address that it is `from`: what all of them wait for has a bound as well, which one
    /// address must not exhaust.
    pub(super) async fn verify(&self, credential: Credential<'_>, from: Option<Source>) -> Result<Proven, Unproven> {
        for authenticator in &self.authenticators {
            let verdict = match authenticator.authenticate(credential) {
                Verdict::Later(pending) => {
                    let _place = self.place_to_wait(from)?;
                    pending.wait().await
                }
                verdict => verdict,
            };
            match verdict {
                Verdict::Foreign => {}
                Verdict::Verified(verified) => return Ok((verified, Some(authenticator.clone()))),
                Verdict::Rejected(rejected) => return Err(rejected.into()),
                Verdict::Later(_) => return Err(Rejected::new("a verdict that never comes").into()),
                Verdict::Unavailable { reason, retry_after } => {
                    return Err(Unproven::Unavailable { reason, retry_after });
                }
            }
        }
        Err(Rejected::new("no authenticator knows this kind of credential").into())
    }

    /// A place among those of an address and of its network whose credentials wait.
    fn place_to_wait(&self, from: Option<Source>) -> Result<Option<[Slot<Block>; 2]>, Unproven> {
        let Some(from) = from.map(Block::of) else { return Ok(None) };
        // It may be good, so its client must not take it for a bad one.
        let too_many = || {
            let reason = Rejected::new("too many credentials of this address wait for their issuer");
            Unproven::Unavailable { reason, retry_after: BUSY_RETRY }
        };
        let network = self.waits.enter(&from.network(), WAITS_OF_NETWORK).ok_or_else(too_many)?;
        let own = self.waits.enter(&from, WAITS_OF_ADDRESS).ok_or_else(too_many)?;
        Ok(Some([own, network]))
    }

    /// Whom a credential proves without more than the certificate of its connection: one that is bound to a key does
    /// not, and where the owner demands proofs no access token does.
    pub(super) async fn verify_unbound(
        &self,
        credential: Credential<'_>,
        certificate: Option<&ClientCertificate>,
        from: Option<Source>,
    ) -> Result<Proven, Unproven> {
        let (verified, by) = self.verify(credential, from).await?;
        is_of_holder(&verified, certificate)?;
        if verified.key().is_some() {
            return Err(BOUND.into());
        }
        let is_demanded = self.policy.dpop().is_some_and(DpopPolicy::is_required);
        if is_demanded && verified.principal().method() == Method::Token {
            return Err(Rejected::new("the token is not bound to a key").into());
        }
        Ok((verified, by))
    }

    /// Whom a token proves that is bound to a key, if the request proves that its sender has that key. Looked at with
    /// each request, also where the token is remembered.
    pub(super) async fn verify_bound(
        &self,
        token: &str,
        proof: &str,
        peer: &Peer<'_>,
        from: Source,
    ) -> Result<Proven, Unproven> {
        let Some(proofs) = &self.proofs else {
            return Err(Rejected::new("proofs of possession are not accepted").into());
        };
        let (verified, by) = self.verify(Credential::Bearer(token), Some(from)).await?;
        is_of_holder(&verified, peer.tls.and_then(|tls| tls.client.as_ref()))?;
        let Some(key) = verified.key() else {
            return Err(Rejected::new("the token is not bound to a key").into());
        };
        let shown = Shown { token, key, who: verified.principal(), proof, method: peer.http.method.as_str() };
        match proofs.check(shown).await {
            Ok(()) => Ok((verified, by)),
            Err(NotProven::Rejected(reason)) => Err(reason.into()),
            Err(NotProven::Nonce(nonce)) => Err(Unproven::Nonce(nonce)),
            Err(NotProven::Rate(retry_after)) => Err(Unproven::Rate(retry_after)),
            Err(NotProven::Busy) => {
                let reason = Rejected::new("proofs cannot be remembered now");
                Err(Unproven::Unavailable { reason, retry_after: BUSY_RETRY })
            }
        }
    }
}

/// A credential that is bound to a certificate comes on a connection whose client proved to hold that one. Looked at
/// with each request, also where the token is remembered.
///
/// # Source
/// RFC 8705, section 3.
fn is_of_holder(verified: &Verified, certificate: Option<&ClientCertificate>) -> Result<(), Rejected> {
    let Some(thumbprint) = verified.certificate() else { return Ok(()) };
    let Some(certificate) = certificate else {
        return Err(Rejected::new("the token is bound to a certificate, and the client proved none"));
    };
    if URL_SAFE_NO_PAD.encode(thumbprint) != *certificate.thumbprint {
        return Err(Rejected::new("the token is bound to another certificate"));
    }
    Ok(())
}

/// A token that is bound to a key or a certificate, from somebody who does not prove to have it.
pub(super) const BOUND: Rejected = Rejected::new("the token is bound to what is not proven");

/// Requests of one address, and of one network, whose credentials wait at the same time.
const WAITS_OF_ADDRESS: usize = 32;
const WAITS_OF_NETWORK: usize = 64;
