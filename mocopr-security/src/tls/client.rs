//! Whose certificates a listener takes: the authorities that it trusts, and what they have revoked.

use std::{path::PathBuf, sync::Arc};

use tokio_rustls::rustls::{
    RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject},
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::config::read;
use crate::{file::Privacy, policy::Problem};

/// Whether a client must prove itself by a certificate.
#[derive(Clone, Debug, Default)]
pub(super) enum Clients {
    /// None is asked for.
    #[default]
    Unasked,
    /// One is asked for, and verified where it is given.
    Asked(Authorities),
    /// Without one there is no connection.
    Required(Authorities),
}

/// The authorities whose certificates count.
#[derive(Clone, Debug, Default)]
pub(super) struct Authorities {
    pub(super) roots: PathBuf,
    /// Lists of what they have revoked.
    pub(super) revoked: Vec<PathBuf>,
}

impl Clients {
    /// Reads the authorities and their lists.
    pub(super) fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
        let (authorities, required) = match self {
            Self::Unasked => return Ok(Arc::new(NoClientAuth)),
            Self::Asked(authorities) => (authorities, Need::None),
            Self::Required(authorities) => (authorities, Need::Certificate),
        };
        let pem = read(&authorities.roots, Privacy::Public)?;
        let place = authorities.roots.display();
        let wrong = |what: &str| Problem::new(format!("{place} {what}"), "name a file of certificates in PEM");
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.expose()) {
            let certificate = certificate.map_err(|_| wrong("is not PEM"))?;
            roots.add(certificate).map_err(|_| wrong("holds something that is no certificate of an authority"))?;
        }
        if roots.is_empty() {
            return Err(wrong("holds no certificate"));
        }
        let mut revoked = Vec::new();
        for path in &authorities.revoked {
            let pem = read(path, Privacy::Public)?;
            let before = revoked.len();
            for list in CertificateRevocationListDer::pem_slice_iter(pem.expose()) {
                revoked.push(list.map_err(|_| list_problem(path, "is not PEM"))?);
            }
            if revoked.len() == before {
                return Err(list_problem(path, "holds no revocation list"));
            }
        }
        let mut verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        if !revoked.is_empty() {
            // A list that is too old says nothing about today.
            verifier = verifier.with_crls(revoked).enforce_revocation_expiration();
        }
        if required == Need::None {
            verifier = verifier.allow_unauthenticated();
        }
        verifier.build().map_err(|error| wrong(&format!("cannot be used: {error}")))
    }

    /// Certificates count, so a session must not be resumed past a revocation.
    pub(super) fn are_asked(&self) -> bool {
        match self {
            Self::Unasked => false,
            Self::Asked(_) | Self::Required(_) => true,
        }
    }

    /// The files that it is made of.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Unasked => Vec::new(),
            Self::Asked(authorities) | Self::Required(authorities) => {
                std::iter::once(&authorities.roots).chain(&authorities.revoked).cloned().collect()
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Need {
    None,
    Certificate,
}

fn list_problem(path: &std::path::Path, what: &str) -> Problem {
    Problem::new(format!("{} {what}", path.display()), "name a file of revocation lists in PEM")
}
