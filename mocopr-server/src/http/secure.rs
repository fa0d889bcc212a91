//! HTTPS: what a listener proves itself with, and how it is kept up to date while the server runs.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, atomic::Ordering},
};

use futures_util::future::BoxFuture;
use mocopr_core::clock::Clock;
use mocopr_security::{
    console,
    policy::Problem,
    tls::{LiveTls, TlsConfig, TlsError},
};
use tokio::{net::TcpListener, task::spawn_blocking, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{HttpConfig, Listen, listen::Nowhere};
use crate::{
    engine::Engine,
    error::{Error, Result},
    server::{MayListen, McpServer},
    signals::{Signal, Signals},
    transport::http::{
        HttpApp,
        listener::{self, ListenerLimits},
    },
    websocket::WebSocketConfig,
};

/// How a listener speaks TLS.
#[derive(Debug)]
pub(super) struct Secure(TlsConfig);

impl Secure {
    /// Clients prove themselves by certificates, where they prove themselves by nothing else.
    pub(super) fn asks_clients(&self) -> bool {
        self.0.asks_clients()
    }

    /// Nobody vouches for its certificate but itself.
    pub(super) fn is_self_signed(&self) -> bool {
        self.0.self_signed_fingerprint().is_some()
    }

    /// Says by what a certificate that nobody vouches for is known, on standard error, where whoever tries the server
    /// is.
    pub(super) fn tell(&self, address: SocketAddr) {
        let Some(fingerprint) = self.0.self_signed_fingerprint() else { return };
        console::say(format_args!(
            "{address} shows a self-signed certificate with the SHA-256 fingerprint {fingerprint}"
        ));
    }

    /// Serves until told to stop, with what the files hold at that time.
    pub(super) fn serve(
        self,
        socket: TcpListener,
        app: Arc<HttpApp>,
        limits: ListenerLimits,
        clock: Arc<dyn Clock>,
        drain: CancellationToken,
        kill: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        let hangups = Signals::watch(Signal::Hangup);
        Box::pin(async move {
            let live = Arc::new(LiveTls::new(self.0, clock));
            let engine = app.engine().clone();
            let serving = listener::serve(socket, app, live.clone(), limits, drain, kill);
            tokio::select! {
                () = serving => {}
                () = keep_up(live, hangups, &engine) => {}
            }
        })
    }
}

/// Looks at the files now and then, and at SIGHUP. Never ends.
async fn keep_up(live: Arc<LiveTls>, mut hangups: Signals, engine: &Engine) {
    let mut known = 0;
    loop {
        let asked = tokio::select! {
            () = sleep(live.look_every()) => false,
            () = hangups.next() => true,
        };
        let looked_at = live.clone();
        // Reading files waits for a disk.
        let looked = spawn_blocking(move || if asked { looked_at.reload() } else { looked_at.look() }).await;
        if let Err(error) = looked {
            debug!(%error, "certificates were not looked at");
        }
        let failures = live.failures();
        engine.tls_failures.fetch_add(failures.saturating_sub(known), Ordering::Relaxed);
        known = failures;
    }
}

impl HttpConfig {
    /// Speaks TLS, and nothing else.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsConfig) -> Self {
        self.secure = Some(Secure(tls));
        self
    }
}

impl WebSocketConfig {
    /// Speaks TLS, and nothing else.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsConfig) -> Self {
        self.http = self.http.with_tls(tls);
        self
    }
}

impl<P> McpServer<P> {
    /// Serves Streamable HTTP over TLS at this address, such as `"0.0.0.0:443"`, until the server is told to stop.
    ///
    /// The same as [`run_http`](Self::run_http) with [`HttpConfig::with_tls`].
    ///
    /// # Errors
    /// Where the address is none, and as [`run_http`](Self::run_http).
    pub fn run_https(self, address: impl ToSocketAddrs, tls: TlsConfig) -> BoxFuture<'static, Result<()>>
    where
        P: MayListen + 'static,
    {
        self.run(Listen::https(address, tls))
    }
}

impl Listen {
    /// At one address, such as `"0.0.0.0:443"`, with TLS.
    ///
    /// Where the address is none, that is a problem which keeps the server from listening.
    pub fn https(address: impl ToSocketAddrs, tls: TlsConfig) -> Self {
        match address.to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(address)) => Self::http(HttpConfig::new(address).with_tls(tls)),
            Ok(None) => nowhere("there is no address to listen at".to_owned()),
            Err(error) => nowhere(format!("there is no address to listen at ({error})")),
        }
    }
}

/// So that `?` in a `main` takes what is wrong with TLS as well.
impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::problems_found(error.problems().to_vec())
    }
}

fn nowhere(what: String) -> Listen {
    Listen(vec![Box::new(Nowhere(Problem::new(what, "give one such as \"0.0.0.0:443\"")))])
}
