//! What is read out of certificates: names, times, and who a client's certificate says that it is.
//!
//! Whether a certificate is to be believed is decided by the handshake, never here.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mocopr_core::peer::ClientCertificate;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// Reads a client's certificate that a handshake has verified; `None` where it names nobody.
///
/// The subject is the first URI of its alternative names, else the first DNS name, else the common name.
pub(super) fn read_client(der: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let names = alternative_names(&certificate);
    let uri = names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let dns = names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    let common = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    let subject = uri.or(dns).or(common).filter(|subject| is_name(subject))?;
    Some(ClientCertificate {
        issuer: certificate.issuer().to_string().chars().take(NAME_BYTES).collect::<String>().into(),
        subject: subject.into(),
        thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA256, der)).into(),
        until: seconds(certificate.validity().not_after.timestamp()),
    })
}

/// What is checked of a server's own certificate.
pub(super) struct OwnCertificate {
    pub(super) from: Duration,
    pub(super) until: Duration,
    /// The names that it proves, in small letters; one that begins with `*.` stands for one label.
    pub(super) names: Vec<Box<str>>,
}

impl OwnCertificate {
    pub(super) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = alternative_names(&certificate);
        let names = names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
            _ => None,
        });
        let validity = certificate.validity();
        Some(Self {
            from: seconds(validity.not_before.timestamp()),
            until: seconds(validity.not_after.timestamp()),
            names: names.collect(),
        })
    }

    /// It proves this name.
    pub(super) fn proves(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.names.iter().any(|known| match known.strip_prefix("*.") {
            Some(domain) => name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
            None => **known == *name,
        })
    }
}

fn alternative_names<'a>(certificate: &X509Certificate<'a>) -> Vec<GeneralName<'a>> {
    match certificate.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.clone(),
        Ok(None) | Err(_) => Vec::new(),
    }
}

/// A name that can be written down as it is.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES && !name.chars().any(char::is_control)
}

fn seconds(timestamp: i64) -> Duration {
    Duration::from_secs(u64::try_from(timestamp).unwrap_or_default())
}

/// The longest name of a holder or an issuer.
const NAME_BYTES: usize = 512;
