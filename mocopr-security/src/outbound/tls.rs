//! TLS of the guarded client: which roots it trusts, and how a host proves itself.
//!
//! Certificates are always verified; nothing here can switch that off, and the default provider of the process is
//! neither read nor set.

use std::{io, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, Error, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::{
    error::{OutboundError, OutboundErrorKind},
    target::Host,
};
use crate::policy::Problem;

/// The certificates that end a chain.
#[derive(Clone, Debug)]
pub(super) struct Roots(RootCertStore);

/// Opens TLS to hosts.
#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

impl Roots {
    /// Those of the system, as `SSL_CERT_FILE` and `SSL_CERT_DIR` may say where they are; what cannot be read is
    /// left out.
    pub(super) fn of_the_system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, ignored) = roots.add_parsable_certificates(found.certs);
        tracing::debug!(added, ignored, errors = found.errors.len(), "system roots");
        Self(roots)
    }

    /// None.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self(RootCertStore::empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the certificates of a PEM text, at least one.
    pub(super) fn add(&mut self, pem: &[u8]) -> Result<(), Problem> {
        let problem = |what: &str| Problem::new(what, "give `with_root_certificate` a certificate in PEM");
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| problem("a root certificate is not PEM"))?;
            self.0.add(certificate).map_err(|_| problem("a root certificate is not a certificate"))?;
            added += 1;
        }
        if added == 0 { Err(problem("there is no certificate in a root certificate")) } else { Ok(()) }
    }
}

impl Tls {
    /// TLS 1.2 and 1.3, with the suites of the provider.
    pub(super) fn new(roots: Roots) -> Result<Self, Problem> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                Problem::new(format!("TLS is not available: {error}"), "report it: this build of mocopr is broken")
            })?;
        let mut config = config.with_root_certificates(roots.0).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Speaks TLS on a connection, to that host and no other.
    pub(super) async fn open(&self, host: &Host, stream: TcpStream) -> Result<TlsStream<TcpStream>, OutboundError> {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.to_string())
                .map_err(|error| OutboundError::caused_by(OutboundErrorKind::Url, error))?,
            Host::Address(address) => ServerName::from(*address),
        };
        self.0.connect(name, stream).await.map_err(|error| OutboundError::caused_by(kind_of(&error), error))
    }
}

fn kind_of(error: &io::Error) -> OutboundErrorKind {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause {
        Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented) => OutboundErrorKind::Certificate,
        Some(_) | None => OutboundErrorKind::Connect,
    }
}
