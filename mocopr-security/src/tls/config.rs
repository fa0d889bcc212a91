//! What an owner says of TLS, and the server's configuration that is made of it.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mocopr_core::clock::{Clock, SystemClock};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{
    certificate::OwnCertificate,
    client::{Authorities, Clients},
    suites::{CipherSuite, SECURE_CIPHER_SUITES, TlsVersion},
};
use crate::{
    file::{self, Privacy},
    policy::Problem,
    redact::Secret,
};

/// How a listener speaks TLS, with everything that it needs for it read and checked.
///
/// ```no_run
/// use mocopr_security::tls::{SECURE_CIPHER_SUITES, TlsConfig, TlsVersion};
///
/// let tls = TlsConfig::builder()
///     .with_cert_chain_file("cert.pem")
///     .with_private_key_file("key.pem")
///     .with_min_tls_version(TlsVersion::V1_2)
///     .with_cipher_suites(&SECURE_CIPHER_SUITES)
///     .build()?;
/// # Ok::<(), mocopr_security::tls::TlsError>(())
/// ```
#[derive(Clone)]
pub struct TlsConfig {
    pub(super) said: Arc<TlsConfigBuilder>,
    pub(super) made: Arc<ServerConfig>,
}

/// Collects what an owner says of TLS. Begins with [`TlsConfig::builder`].
///
/// An example is at [`TlsConfig`].
#[derive(Clone, Debug)]
#[must_use = "it makes a configuration with `.build()`"]
pub struct TlsConfigBuilder {
    chain: Option<PathBuf>,
    key: Option<PathBuf>,
    more: Vec<(PathBuf, PathBuf)>,
    least: TlsVersion,
    suites: Vec<CipherSuite>,
    clients: Clients,
    client_lists: Vec<PathBuf>,
    names: Names,
    tickets: Tickets,
    pub(super) look_every: Duration,
    /// What was made instead of being read.
    own: Option<SelfSigned>,
}

/// A certificate that was made in this process, and vouches for itself.
#[derive(Clone)]
pub(super) struct SelfSigned {
    pub(super) certified: Arc<CertifiedKey>,
    /// SHA-256 of the certificate, as tools show it.
    pub(super) fingerprint: Box<str>,
}

/// Which server names are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// Those of the certificates, and a client that names none gets the first certificate.
    OfCertificates,
    /// A client must name one of them.
    Strict,
}

/// Whether a client may go on with an earlier session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tickets {
    Given,
    None,
}

/// Everything that keeps TLS from being spoken so.
#[derive(PartialEq, Eq)]
pub struct TlsError(Vec<Problem>);

impl TlsConfig {
    /// TLS with this certificate chain and its private key, the rest as is secure.
    ///
    /// # Errors
    /// As [`TlsConfigBuilder::build`].
    pub fn from_pem_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        Self::builder().with_cert_chain_file(chain).with_private_key_file(key).build()
    }

    /// Begins a configuration: TLS 1.2 and 1.3, every suite of [`SECURE_CIPHER_SUITES`], no certificates of clients,
    /// session tickets, and files that are looked at again every minute.
    pub fn builder() -> TlsConfigBuilder {
        TlsConfigBuilder {
            chain: None,
            key: None,
            more: Vec::new(),
            least: TlsVersion::V1_2,
            suites: SECURE_CIPHER_SUITES.to_vec(),
            clients: Clients::Unasked,
            client_lists: Vec::new(),
            names: Names::OfCertificates,
            tickets: Tickets::Given,
            look_every: Duration::from_secs(60),
            own: None,
        }
    }

    /// Clients are asked for certificates.
    pub fn asks_clients(&self) -> bool {
        self.said.clients.are_asked()
    }

    /// The certificate in DER that was made for development, which a client may trust for as long as it lives; `None`
    /// where the certificate was read from a file.
    pub fn self_signed_certificate(&self) -> Option<&[u8]> {
        self.said.own.as_ref()?.certified.cert.first().map(AsRef::as_ref)
    }

    /// SHA-256 of that certificate, as tools show it: pairs of hexadecimal digits with colons between.
    pub fn self_signed_fingerprint(&self) -> Option<&str> {
        self.said.own.as_ref().map(|own| &*own.fingerprint)
    }
}

impl TlsConfigBuilder {
    /// The certificate chain in PEM, the server's own certificate first. Others may read the file, nobody else may
    /// write it.
    pub fn with_cert_chain_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.chain = Some(path.into());
        self
    }

    /// The private key of that certificate in PEM (PKCS 8, PKCS 1 or SEC 1). Only its owner may read the file.
    pub fn with_private_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key = Some(path.into());
        self
    }

    /// One more certificate and its key, for clients that name one of its names.
    pub fn with_certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.more.push((chain.into(), key.into()));
        self
    }

    /// Speaks this version and later ones. 1.2 unless said.
    pub fn with_min_tls_version(mut self, version: TlsVersion) -> Self {
        self.least = version;
        self
    }

    /// Speaks these suites alone, the first ones rather.
    pub fn with_cipher_suites(mut self, suites: &[CipherSuite]) -> Self {
        self.suites = suites.to_vec();
        self
    }

    /// Asks clients for a certificate of an authority in this PEM file, and verifies it where one is given. Its holder
    /// is the caller where no token says more.
    pub fn with_client_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.clients = Clients::Asked(Authorities { roots: path.into(), revoked: Vec::new() });
        self
    }

    /// As [`with_client_ca_file`](Self::with_client_ca_file), and without a certificate there is no connection.
    pub fn with_required_client_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.clients = Clients::Required(Authorities { roots: path.into(), revoked: Vec::new() });
        self
    }

    /// Refuses the certificates of clients that this revocation list (PEM) names, and all of an authority whose list
    /// is too old. Every authority needs one as soon as one is given.
    pub fn with_client_revocation_list(mut self, path: impl Into<PathBuf>) -> Self {
        self.client_lists.push(path.into());
        self
    }

    /// Ends a handshake that names no server, as well as one that names another; unless said, a client that names none
    /// gets the first certificate.
    pub fn with_strict_sni(mut self, strict: bool) -> Self {
        self.names = if strict { Names::Strict } else { Names::OfCertificates };
        self
    }

    /// Lets clients go on with an earlier session, which saves the better part of a handshake. They may unless said,
    /// and never where certificates of clients count: a session that goes on asks for none.
    pub fn with_session_tickets(mut self, given: bool) -> Self {
        self.tickets = if given { Tickets::Given } else { Tickets::None };
        self
    }

    /// Looks at the files this often, and serves new connections with what they hold then; one minute unless said.
    /// SIGHUP looks at once.
    pub fn with_reload_interval(mut self, interval: Duration) -> Self {
        self.look_every = interval;
        self
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every problem at once: a file that cannot be read or that others may write, a key that others may read, that is
    /// not the certificate's, a certificate whose time has not come or is over, no suite for the versions.
    pub fn build(self) -> Result<TlsConfig, TlsError> {
        let made = self.make(SystemClock::new().unix()).map_err(TlsError)?;
        Ok(TlsConfig { said: Arc::new(self), made: Arc::new(made) })
    }

    /// What is served with what the files hold now.
    pub(super) fn make(&self, now: Duration) -> Result<ServerConfig, Vec<Problem>> {
        let mut problems = Vec::new();
        let provider = Arc::new(CryptoProvider {
            cipher_suites: self.suites.iter().map(|suite| suite.supported()).collect(),
            ..aws_lc_rs::default_provider()
        });
        if !self.least.is_served_by(&self.suites) {
            problems.push(Problem::new(
                "no cipher suite belongs to a version of TLS that is spoken",
                "call .with_cipher_suites(&SECURE_CIPHER_SUITES), or leave it out",
            ));
        }
        let mut keys = Vec::new();
        match (&self.chain, &self.key) {
            (Some(chain), Some(key)) => keys.push((chain, key)),
            (None, None) if self.own.is_some() => {}
            (None, _) => problems.push(Problem::new("TLS has no certificate", "call .with_cert_chain_file(..)")),
            (_, None) => problems.push(Problem::new("TLS has no private key", "call .with_private_key_file(..)")),
        }
        keys.extend(self.more.iter().map(|(chain, key)| (chain, key)));
        let mut proofs: Vec<Proof> = self.own.iter().filter_map(Proof::of).collect();
        for (chain, key) in keys {
            match Proof::read(chain, key, &provider, now) {
                Ok(proof) => proofs.push(proof),
                Err(problem) => problems.push(problem),
            }
        }
        let mut clients = self.clients.clone();
        match &mut clients {
            Clients::Asked(authorities) | Clients::Required(authorities) => {
                authorities.revoked.clone_from(&self.client_lists);
            }
            Clients::Unasked if !self.client_lists.is_empty() => problems.push(Problem::new(
                "a revocation list is given, and no client is asked for a certificate",
                "call .with_client_ca_file(..) as well",
            )),
            Clients::Unasked => {}
        }
        let verifier = clients.verifier(&provider).map_err(|problem| problems.push(problem)).ok();
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&self.least.and_later());
        let (true, Some(verifier), Ok(builder)) = (problems.is_empty(), verifier, builder) else {
            if problems.is_empty() {
                problems.push(Problem::new("TLS is not available", "report it: this build of mocopr is broken"));
            }
            return Err(problems);
        };
        let resolver = Resolver { proofs, names: self.names };
        let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ignore_client_order = true;
        if clients.are_asked() || self.tickets == Tickets::None {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        } else if let Ok(ticketer) = aws_lc_rs::Ticketer::new() {
            config.ticketer = ticketer;
        }
        Ok(config)
    }

    /// Proves the server by a certificate that was made in this process.
    #[cfg(feature = "self-signed")]
    pub(super) fn with_self_signed(mut self, own: SelfSigned) -> Self {
        self.own = Some(own);
        self
    }

    /// Every file that it is made of.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let more = self.more.iter().flat_map(|(chain, key)| [chain, key]);
        let own = self.chain.iter().chain(&self.key).chain(more).chain(&self.client_lists).cloned();
        own.chain(self.clients.files()).collect()
    }
}

/// A certificate chain and its key.
struct Proof {
    key: Arc<CertifiedKey>,
    own: OwnCertificate,
}

impl Proof {
    fn of(made: &SelfSigned) -> Option<Self> {
        let own = OwnCertificate::read(made.certified.cert.first()?)?;
        Some(Self { key: made.certified.clone(), own })
    }

    fn read(chain: &Path, key: &Path, provider: &CryptoProvider, now: Duration) -> Result<Self, Problem> {
        let pem = read(chain, Privacy::Public)?;
        let of_chain = |what: &str| {
            Problem::new(
                format!("{} {what}", chain.display()),
                "name a certificate chain in PEM, the server's own first",
            )
        };
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem.expose())
            .collect::<Result<_, _>>()
            .map_err(|_| of_chain("is not PEM"))?;
        let own = certificates.first().ok_or_else(|| of_chain("holds no certificate"))?;
        let own = OwnCertificate::read(own).ok_or_else(|| of_chain("holds something that is no certificate"))?;
        if now < own.from || own.until <= now {
            return Err(Problem::new(
                format!("the certificate in {} is not valid now", chain.display()),
                "renew it, or set the clock of this machine",
            ));
        }
        let secret = read(key, Privacy::Owner)?;
        let of_key = |what: &str| {
            Problem::new(format!("{} {what}", key.display()), "name the private key in PEM, not encrypted")
        };
        let der = PrivateKeyDer::from_pem_slice(secret.expose()).map_err(|_| of_key("holds no private key in PEM"))?;
        let signing =
            provider.key_provider.load_private_key(der).map_err(|_| of_key("holds a key that cannot be used"))?;
        let certified = CertifiedKey::new(certificates, signing);
        certified.keys_match().map_err(|_| {
            Problem::new(
                format!("{} is not the key of the certificate in {}", key.display(), chain.display()),
                "name the two that were made together",
            )
        })?;
        Ok(Self { key: Arc::new(certified), own })
    }
}

impl fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfSigned").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Chooses the certificate by the name that a client gives.
struct Resolver {
    proofs: Vec<Proof>,
    names: Names,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let proof = match hello.server_name() {
            Some(name) => self.proofs.iter().find(|proof| proof.own.proves(name)),
            None if self.names == Names::Strict => None,
            None => self.proofs.first(),
        };
        proof.map(|proof| proof.key.clone())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("names", &self.names).finish_non_exhaustive()
    }
}

impl TlsError {
    #[cfg(feature = "self-signed")]
    pub(super) fn of(problem: Problem) -> Self {
        Self(vec![problem])
    }

    /// Each problem, with the call that mends it.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

/// Prints the readable list, because that is what `main` prints.
impl fmt::Debug for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TlsError {}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig").field("said", &self.said).finish_non_exhaustive()
    }
}

/// One file of TLS.
pub(super) fn read(path: &Path, privacy: Privacy) -> Result<Secret<Vec<u8>>, Problem> {
    file::read(path, privacy, FILE_BYTES)
}

/// The largest file of certificates, keys or lists.
const FILE_BYTES: usize = 4 * 1024 * 1024;
