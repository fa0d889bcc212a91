//! Whom a client's certificate proves, where nothing else does.

use std::sync::atomic::{AtomicBool, Ordering};

use mocopr_core::peer::ClientCertificate;

use super::{Identity, Verified};
use crate::principal::Method;

/// The holder of a certificate that the handshake has verified: without roles and scopes, until its time is over.
///
/// It can be revoked by its thumbprint. Once somebody was `told` that it holds, it was seen before.
pub(crate) fn holder(certificate: &ClientCertificate, told: &AtomicBool) -> Verified {
    let ClientCertificate { issuer, subject, thumbprint, until } = certificate;
    let identity = Identity { method: Method::Certificate, issuer, subject, tenant: None };
    let holder = Verified::new(identity, [].into(), [].into()).until(*until).by(thumbprint.clone());
    if told.swap(true, Ordering::Relaxed) { holder.seen_before() } else { holder }
}
