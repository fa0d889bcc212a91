//! The versions and the cipher suites that a listener may speak. Others have no name here, so nobody can switch them
//! on.

use tokio_rustls::rustls::{self, SupportedCipherSuite, SupportedProtocolVersion, crypto::aws_lc_rs::cipher_suite};

/// A version of TLS. Earlier ones than 1.2 are not served.
///
/// An example is at [`TlsConfig`](super::TlsConfig).
///
/// # Source
/// RFC 5246, RFC 8446, and RFC 8996, which deprecates what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// A cipher suite with forward secrecy and authenticated encryption.
///
/// ```no_run
/// use mocopr_security::tls::{CipherSuite, TlsConfig, TlsVersion};
///
/// let tls = TlsConfig::builder()
///     .with_cert_chain_file("cert.pem")
///     .with_private_key_file("key.pem")
///     .with_min_tls_version(TlsVersion::V1_3)
///     .with_cipher_suites(&[CipherSuite::Aes256GcmSha384, CipherSuite::Chacha20Poly1305Sha256])
///     .build()?;
/// # Ok::<(), mocopr_security::tls::TlsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CipherSuite {
    /// `TLS_AES_256_GCM_SHA384`, of TLS 1.3.
    Aes256GcmSha384,
    /// `TLS_AES_128_GCM_SHA256`, of TLS 1.3.
    Aes128GcmSha256,
    /// `TLS_CHACHA20_POLY1305_SHA256`, of TLS 1.3.
    Chacha20Poly1305Sha256,
    /// `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384`, of TLS 1.2.
    EcdheEcdsaAes256GcmSha384,
    /// `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`, of TLS 1.2.
    EcdheEcdsaAes128GcmSha256,
    /// `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256`, of TLS 1.2.
    EcdheEcdsaChacha20Poly1305Sha256,
    /// `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`, of TLS 1.2.
    EcdheRsaAes256GcmSha384,
    /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`, of TLS 1.2.
    EcdheRsaAes128GcmSha256,
    /// `TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256`, of TLS 1.2.
    EcdheRsaChacha20Poly1305Sha256,
}

/// Every suite that is served unless an owner narrows it, the strongest first.
///
/// An example is at [`TlsConfig`](super::TlsConfig).
pub const SECURE_CIPHER_SUITES: [CipherSuite; 9] = [
    CipherSuite::Aes256GcmSha384,
    CipherSuite::Aes128GcmSha256,
    CipherSuite::Chacha20Poly1305Sha256,
    CipherSuite::EcdheEcdsaAes256GcmSha384,
    CipherSuite::EcdheEcdsaAes128GcmSha256,
    CipherSuite::EcdheEcdsaChacha20Poly1305Sha256,
    CipherSuite::EcdheRsaAes256GcmSha384,
    CipherSuite::EcdheRsaAes128GcmSha256,
    CipherSuite::EcdheRsaChacha20Poly1305Sha256,
];

impl TlsVersion {
    /// This version and the later ones.
    pub(super) fn and_later(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::V1_2 => vec![&rustls::version::TLS13, &rustls::version::TLS12],
            Self::V1_3 => vec![&rustls::version::TLS13],
        }
    }

    /// Some of these suites belongs to this version or a later one.
    pub(super) fn is_served_by(self, suites: &[CipherSuite]) -> bool {
        suites.iter().any(|suite| suite.version() >= self)
    }
}

impl CipherSuite {
    /// The version that the suite belongs to.
    pub fn version(self) -> TlsVersion {
        match self {
            Self::Aes256GcmSha384 | Self::Aes128GcmSha256 | Self::Chacha20Poly1305Sha256 => TlsVersion::V1_3,
            Self::EcdheEcdsaAes256GcmSha384
            | Self::EcdheEcdsaAes128GcmSha256
            | Self::EcdheEcdsaChacha20Poly1305Sha256
            | Self::EcdheRsaAes256GcmSha384
            | Self::EcdheRsaAes128GcmSha256
            | Self::EcdheRsaChacha20Poly1305Sha256 => TlsVersion::V1_2,
        }
    }

    pub(super) fn supported(self) -> SupportedCipherSuite {
        match self {
            Self::Aes256GcmSha384 => cipher_suite::TLS13_AES_256_GCM_SHA384,
            Self::Aes128GcmSha256 => cipher_suite::TLS13_AES_128_GCM_SHA256,
            Self::Chacha20Poly1305Sha256 => cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            Self::EcdheEcdsaAes256GcmSha384 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            Self::EcdheEcdsaAes128GcmSha256 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            Self::EcdheEcdsaChacha20Poly1305Sha256 => cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            Self::EcdheRsaAes256GcmSha384 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            Self::EcdheRsaAes128GcmSha256 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            Self::EcdheRsaChacha20Poly1305Sha256 => cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        }
    }
}

/// The provider's own list is not longer than ours, so what it gains is looked at before it is served.
#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;

    use super::*;

    #[test]
    fn every_suite_of_the_provider_has_a_name_here() {
        assert_eq!(SECURE_CIPHER_SUITES.len(), ALL_CIPHER_SUITES.len());
        for suite in SECURE_CIPHER_SUITES {
            assert!(ALL_CIPHER_SUITES.contains(&suite.supported()), "{suite:?}");
        }
    }
}
