//! Whom a client's certificate proves, where nothing else does.

use mocopr_core::peer::ClientCertificate;

use super::{Identity, Verified};
use crate::principal::Method;

/// The holder of a certificate that the handshake has verified: without roles and scopes, until its time is over.
///
/// It can be revoked by its thumbprint.
pub(crate) fn holder(certificate: &ClientCertificate) -> Verified {
    let ClientCertificate { issuer, subject, thumbprint, until } = certificate;
    let identity = Identity { method: Method::Certificate, issuer, subject, tenant: None };
    Verified::new(identity, [].into(), [].into()).until(*until).by(thumbprint.clone())
}
