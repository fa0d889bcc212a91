//! A certificate for a machine of one's own, made in memory when a program starts.
//!
//! It vouches for itself, so whoever meets it has to know its fingerprint. A listener takes it under the development
//! profile alone; neither it nor its key is ever written.

use std::{fmt::Write, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use mocopr_core::clock::{Clock, SystemClock};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::rustls::{
    crypto::aws_lc_rs::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};

use super::config::{SelfSigned, TlsConfig, TlsError};
use crate::policy::Problem;

impl TlsConfig {
    /// TLS with a certificate for `localhost`, `127.0.0.1` and `::1` that is made now, in memory, and is good for seven
    /// days; a program that starts again has another one.
    ///
    /// For the development profile: a listener of any other does not start with it. A server says the fingerprint on
    /// standard error when it listens; [`self_signed_certificate`](Self::self_signed_certificate) is for clients in
    /// tests. Behind the feature `self-signed`.
    ///
    /// ```
    /// use mocopr_security::tls::TlsConfig;
    ///
    /// let tls = TlsConfig::self_signed_for_development()?;
    /// assert_eq!(tls.self_signed_fingerprint().map(str::len), Some(95));
    /// # Ok::<(), mocopr_security::tls::TlsError>(())
    /// ```
    ///
    /// # Errors
    /// Where the system gives no randomness for a key.
    pub fn self_signed_for_development() -> Result<Self, TlsError> {
        Self::builder().with_self_signed(make(SystemClock::new().unix())?).build()
    }
}

/// Makes a key, and a certificate of it that begins an hour before now, for clients whose clocks are behind.
fn make(now: Duration) -> Result<SelfSigned, TlsError> {
    let failed = |what: String| {
        TlsError::of(Problem::new(
            format!("a certificate for development cannot be made ({what})"),
            "make one with `openssl req -x509`, and call TlsConfig::from_pem_files(..)",
        ))
    };
    if now > LATEST {
        return Err(failed("the clock of this machine is wrong".to_owned()));
    }
    let made = |error: rcgen::Error| failed(error.to_string());
    let key = KeyPair::generate().map_err(made)?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned)).map_err(made)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "mocopr, for development");
    params.not_before = date_time_ymd(1970, 1, 1) + now.saturating_sub(BEFORE);
    params.not_after = date_time_ymd(1970, 1, 1) + now.saturating_add(LIFE);
    // It signs nothing else, so whoever trusts it trusts this server and no other.
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(made)?;
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = default_provider().key_provider.load_private_key(secret);
    let signing = signing.map_err(|error| failed(error.to_string()))?;
    let mut fingerprint = String::new();
    for byte in digest(&SHA256, certificate.der()).as_ref() {
        let colon = if fingerprint.is_empty() { "" } else { ":" };
        // Writing to a string does not fail.
        let _ = write!(fingerprint, "{colon}{byte:02X}");
    }
    let certified = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signing));
    Ok(SelfSigned { certified, fingerprint: fingerprint.into() })
}

/// What clients on this machine call it.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Days and not years: it is for the work of a week.
const LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Some thousand years before the last time that a certificate can name.
const LATEST: Duration = Duration::from_secs(1 << 37);

const BEFORE: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use x509_parser::{certificate::X509Certificate, prelude::FromDer};

    use super::*;
    use crate::tls::certificate::OwnCertificate;

    /// S-11
    #[test]
    fn it_is_for_this_machine_for_a_week_and_signs_nothing_else() {
        let now = Duration::from_secs(1_800_000_000);
        let made = make(now).unwrap();
        let der: &CertificateDer<'_> = &made.certified.cert[0];
        let own = OwnCertificate::read(der).unwrap();
        assert_eq!((own.from, own.until), (now - BEFORE, now + LIFE));
        assert_eq!(own.names, ["localhost".into()]);
        let (_, certificate) = X509Certificate::from_der(der).unwrap();
        let names = certificate.subject_alternative_name().unwrap().unwrap();
        assert_eq!(names.value.general_names.len(), 3);
        assert!(!certificate.is_ca());
        assert!(made.certified.keys_match().is_ok());
    }

    #[test]
    fn a_clock_that_is_wrong_is_a_problem() {
        assert!(make(Duration::ZERO).is_ok() && make(LATEST).is_ok());
        assert!(make(Duration::MAX).unwrap_err().to_string().contains("the clock of this machine is wrong"));
    }

    /// S-11
    #[test]
    fn each_has_a_key_of_its_own_which_is_never_printed() {
        let [one, other] = [(), ()].map(|()| TlsConfig::self_signed_for_development().unwrap());
        assert_ne!(one.self_signed_fingerprint(), other.self_signed_fingerprint());
        let digest = digest(&SHA256, one.self_signed_certificate().unwrap());
        let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(one.self_signed_fingerprint().unwrap().replace(':', ""), digits);
        assert!(format!("{one:?}").contains(one.self_signed_fingerprint().unwrap()));
        assert!(!format!("{one:?}").contains("key: Some"), "{one:?}");
    }
}
