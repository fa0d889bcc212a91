//! TLS while a server runs: one configuration for each new connection, replaced when the files change.
//!
//! What cannot be read leaves the earlier configuration in force, and is counted.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use mocopr_core::{clock::Clock, peer::TlsFacts};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};
use tracing::{info, warn};

use super::{certificate, config::TlsConfig};
use crate::file::Stamp;

/// TLS of one listener while it runs.
pub struct LiveTls {
    config: TlsConfig,
    current: ArcSwap<ServerConfig>,
    seen: std::sync::Mutex<Vec<Option<Stamp>>>,
    failures: AtomicU64,
    clock: Arc<dyn Clock>,
}

/// A client on the other side of a handshake.
#[derive(Debug)]
pub struct Handshaken<S> {
    /// The connection.
    pub stream: TlsStream<S>,
    /// What the handshake showed.
    pub facts: TlsFacts,
    /// HTTP/2 was agreed on.
    pub speaks_http2: bool,
}

impl LiveTls {
    /// Begins with what the configuration was built of.
    pub fn new(config: TlsConfig, clock: Arc<dyn Clock>) -> Self {
        let seen = stamps(&config);
        Self {
            current: ArcSwap::from(config.made.clone()),
            seen: seen.into(),
            failures: AtomicU64::new(0),
            config,
            clock,
        }
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// What the client or the network did; its text is for the log.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<Handshaken<S>> {
        let stream = TlsAcceptor::from(self.current.load_full()).accept(stream).await?;
        let (_, session) = stream.get_ref();
        let speaks_http2 = session.alpn_protocol() == Some(b"h2");
        let client = match session.peer_certificates().and_then(<[_]>::first) {
            None => None,
            Some(der) => Some(
                certificate::read_client(der)
                    .ok_or_else(|| io::Error::other("the certificate of a client names nobody"))?,
            ),
        };
        let facts = TlsFacts { asks_clients: self.config.asks_clients(), client, ..TlsFacts::default() };
        Ok(Handshaken { stream, facts, speaks_http2 })
    }

    /// Reads the files again where they changed since they were read last. Blocks.
    pub fn look(&self) {
        let stamps = stamps(&self.config);
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *seen != stamps {
            *seen = stamps;
            drop(seen);
            self.reload();
        }
    }

    /// Reads the files again. Blocks.
    pub fn reload(&self) {
        match self.config.said.make(self.clock.unix()) {
            Ok(made) => {
                self.current.store(Arc::new(made));
                info!("the certificates were read again");
            }
            Err(problems) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                for problem in problems {
                    warn!(%problem, "certificates stay as they were");
                }
            }
        }
    }

    /// How often files that had changed could not be used.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How often the files should be looked at.
    pub fn look_every(&self) -> std::time::Duration {
        self.config.said.look_every
    }
}

impl fmt::Debug for LiveTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveTls").field("config", &self.config).finish_non_exhaustive()
    }
}

fn stamps(config: &TlsConfig) -> Vec<Option<Stamp>> {
    config.said.files().iter().map(|path| Stamp::of(path)).collect()
}
