//! A certificate that is made for one run, and handshakes with whoever proves itself by it.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Result, ensure};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};

use crate::awake::Awake;

/// A certificate for `localhost`, as files that go with it.
#[derive(Debug)]
pub struct Certificate {
    der: CertificateDer<'static>,
    folder: PathBuf,
}

impl Certificate {
    /// Makes one.
    ///
    /// # Errors
    /// The folder for what is temporary takes no files.
    pub fn make() -> Result<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()])?;
        let folder = std::env::temp_dir().join(format!("mocopr-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let made = Self { der: cert.der().clone(), folder };
        fs::write(made.chain(), cert.pem())?;
        fs::write(made.key(), signing_key.serialize_pem())?;
        // A key that others may read is refused.
        fs::set_permissions(made.key(), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(made)
    }

    /// The file of the certificate.
    pub fn chain(&self) -> PathBuf {
        self.folder.join("chain.pem")
    }

    /// The file of its key.
    pub fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// Shakes hands with a server that proves itself by it and speaks this.
    pub(super) fn shake(&self, stream: Awake, protocol: &str) -> Result<StreamOwned<ClientConnection, Awake>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone())?;
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let mut config =
            builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from(NAME)?)?;
        let mut stream = StreamOwned::new(session, stream);
        stream.conn.complete_io(&mut stream.sock)?;
        ensure!(stream.conn.alpn_protocol() == Some(protocol.as_bytes()), "the server does not speak {protocol}");
        Ok(stream)
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // What is temporary may be gone already.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// By which name a server that speaks TLS is called.
pub const NAME: &str = "localhost";
