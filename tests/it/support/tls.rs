//! An authority of its own for each test: certificates of servers and clients as files, and a client that trusts it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

use super::within;

/// An authority, and the folder in which its certificates are.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as files.
pub(crate) struct Files {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

/// How a client shakes hands.
#[derive(Default)]
pub(crate) struct Hello<'a> {
    /// By which certificate it proves itself.
    pub(crate) certificate: Option<&'a Files>,
    /// What it offers to speak.
    pub(crate) protocols: &'a [&'a str],
    /// TLS 1.2 and nothing later.
    pub(crate) is_old: bool,
}

impl Files {
    /// The certificate itself, as a handshake carries it.
    pub(crate) fn der(&self) -> Vec<u8> {
        certificates(&self.chain).first().expect("there is one").to_vec()
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority can be made");
        let authority = Self { folder: tempfile::tempdir().expect("there is room for files"), issuer };
        authority.write("ca.pem", &authority.issuer.pem(), 0o644);
        authority
    }

    /// The certificate of the authority itself.
    pub(crate) fn roots(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for a server of these names.
    pub(crate) fn server(&self, file: &str, names: &[&str]) -> Files {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.sign(file, CertificateParams::new(names).expect("they are names"))
    }

    /// A certificate for a server whose time is over.
    pub(crate) fn expired(&self, file: &str, name: &str) -> Files {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(file, params)
    }

    /// A certificate for a client: by the URI where there is one, else by the common name.
    pub(crate) fn client(&self, file: &str, common: &str, uri: Option<&str>, serial: u64) -> Files {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common);
        let uri = uri.map(|uri| SanType::URI(uri.to_owned().try_into().expect("it is ASCII")));
        params.subject_alt_names.extend(uri);
        params.serial_number = Some(SerialNumber::from(serial));
        self.sign(file, params)
    }

    /// A list that revokes the certificate with this serial number.
    pub(crate) fn revoke(&self, file: &str, serial: u64) -> PathBuf {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2096, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date_time_ymd(2026, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).expect("a list can be made").pem().expect("it has a text");
        self.write(file, &list, 0o644)
    }

    fn sign(&self, file: &str, params: CertificateParams) -> Files {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate can be made");
        Files {
            chain: self.write(&format!("{file}.pem"), &certificate.pem(), 0o644),
            key: self.write(&format!("{file}.key"), &key.serialize_pem(), 0o600),
        }
    }

    /// Writes a file of the folder with this mode, in one step.
    pub(crate) fn write(&self, file: &str, text: &str, mode: u32) -> PathBuf {
        let (path, beside) = (self.folder.path().join(file), self.folder.path().join(format!("{file}.new")));
        fs::write(&beside, text).expect("the folder takes files");
        fs::set_permissions(&beside, fs::Permissions::from_mode(mode)).expect("it is ours");
        fs::rename(&beside, &path).expect("the folder takes files");
        path
    }

    /// Shakes hands with the server at `host:port` that proves `name`.
    pub(crate) async fn connect(
        &self,
        authority: &str,
        name: &str,
        hello: &Hello<'_>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        connect(self.issuer.der(), authority, name, hello).await
    }
}

/// Shakes hands with the server at `host:port` that proves `name` by this certificate, or by one of it.
pub(crate) async fn connect(
    root: &CertificateDer<'static>,
    authority: &str,
    name: &str,
    hello: &Hello<'_>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("it is a certificate");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = if hello.is_old { &[&TLS12][..] } else { &[&TLS13, &TLS12] };
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let builder = builder.expect("these are versions").with_root_certificates(roots);
    let mut config = match hello.certificate {
        None => builder.with_no_client_auth(),
        Some(files) => builder
            .with_client_auth_cert(certificates(&files.chain), key(&files.key))
            .expect("a certificate and its key"),
    };
    config.alpn_protocols = hello.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = within("a connection", TcpStream::connect(authority)).await.expect("the server listens");
    let name = ServerName::try_from(name.to_owned()).expect("it is a name");
    within("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path).expect("it is a file").collect::<Result<_, _>>().expect("it is PEM")
}

fn key(path: &Path) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(path).expect("it is PEM")
}
