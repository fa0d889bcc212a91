//! Where and how a server listens for HTTP.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use mocopr_security::policy::{Problem, Profile};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    engine::Engine,
    error::{Error, Result},
    server::DRAIN,
    transport::http::{HttpApp, listener},
};

/// Where and how a server listens for HTTP.
///
/// ```
/// use mocopr_server::http::HttpConfig;
///
/// let config = HttpConfig::loopback(8080);
/// assert_eq!(config.address().to_string(), "127.0.0.1:8080");
/// assert_eq!(config.path(), "/mcp");
/// ```
pub struct HttpConfig {
    address: SocketAddr,
    path: Box<str>,
    ready: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
}

impl HttpConfig {
    /// Listens at this address, at `/mcp`. Port 0 lets the system choose.
    pub fn new(address: impl Into<SocketAddr>) -> Self {
        Self { address: address.into(), path: "/mcp".into(), ready: None }
    }

    /// Listens at 127.0.0.1, at `/mcp`. Port 0 lets the system choose.
    pub fn loopback(port: u16) -> Self {
        Self::new(([127, 0, 0, 1], port))
    }

    /// Serves the protocol at this path instead: it begins with `/`, and has no query.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Box<str>>) -> Self {
        self.path = path.into();
        self
    }

    /// Calls `ready` once the server listens, with the address that it has.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce(SocketAddr) + Send + 'static) -> Self {
        self.ready = Some(Box::new(ready));
        self
    }

    /// The address to listen at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path of the endpoint.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        // Whatever the profile: nothing in this version protects an address that others can reach. Of the loopback
        // addresses only these two are names that a request's Host may give.
        let ip = self.address.ip();
        if ip != IpAddr::V4(Ipv4Addr::LOCALHOST) && ip != IpAddr::V6(Ipv6Addr::LOCALHOST) {
            problems.push(Problem::new(
                format!("this version does not listen at {}", self.address),
                "listen at 127.0.0.1 or [::1], for example with HttpConfig::loopback(8080)",
            ));
        }
        if !self.path.starts_with('/') || self.path.contains(['?', '#']) {
            problems.push(Problem::new(
                format!("`{}` is not a path", self.path),
                "give one that begins with / and has no query, for example .with_path(\"/mcp\")",
            ));
        }
        problems
    }
}

impl std::fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConfig").field("address", &self.address).field("path", &self.path).finish_non_exhaustive()
    }
}

/// Says it on standard error, because a log that nobody reads warns nobody.
fn warn_once(address: SocketAddr) {
    let warning = format!(
        "mocopr: {address} is served under the development profile: every program on this machine is the local user\n"
    );
    // Where standard error is closed there is nobody to warn.
    let _ = std::io::stderr().write_all(warning.as_bytes());
}

/// Listens until told to stop.
pub(crate) async fn run(engine: Arc<Engine>, owner: Option<BoxFuture<'static, ()>>, config: HttpConfig) -> Result<()> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(Error::problems_found(problems));
    }
    let HttpConfig { address, path, ready } = config;
    let stop = crate::shutdown::stop(owner, engine.stopping.clone());
    let failed = |error| Error::io(format!("listening at {address}"), error);
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    match engine.gate.policy().profile() {
        Profile::Development => warn_once(address),
        _ => info!(%address, "listening"),
    }
    if let Some(ready) = ready {
        ready(address);
    }

    let limits = engine.limits();
    let limits = listener::ListenerLimits {
        connections: limits.connections,
        per_address: limits.connections_per_address,
        head_bytes: limits.header_bytes,
        header_lines: limits.headers,
        head_within: limits.header_read,
        idle: limits.idle,
        write_stall: limits.write_stall,
        drain_within: DRAIN,
    };
    let app = Arc::new(HttpApp::new(engine.clone(), path));
    let kill = CancellationToken::new();
    let serving = listener::serve(socket, app, limits, engine.stopping.clone(), kill.clone());
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => {}
        () = stop => serving.await,
    }
    engine.sessions.close_all();
    engine.tasks.close();
    // What streams are left belong to connections that are gone.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), engine.tasks.wait()).await;
    Ok(())
}
