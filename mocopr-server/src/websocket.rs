//! Where and how a server listens for WebSocket.
//!
//! A listener has it only where its owner says so here; nothing of it is in a program that never does.

use std::{net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use mocopr_security::{
    origin::Pages,
    policy::{Problem, SecurityPolicy},
    principal::Method,
    rate::RateLimit,
};

use crate::{
    engine::Engine,
    error::Result,
    http::{HttpConfig, Listen},
    server::{MayListen, McpServer},
    transport::{
        http::{app::UPGRADES, takeover::Upgrades},
        websocket::Sockets,
    },
};

/// Where and how a server listens for WebSocket: at `/ws` of a listener that serves Streamable HTTP at `/mcp` as well.
///
/// Everything that holds for the listener holds here: TLS, `Host`, `Origin`, credentials, limits. What is said here
/// holds for `/ws` beside that.
///
/// ```
/// use mocopr_security::{origin::Pages, rate::RateLimit};
/// use mocopr_server::websocket::{AuthMethod, WebSocketConfig};
///
/// let config = WebSocketConfig::loopback(8080)
///     .with_origin_validation(&["https://app.example.com"])
///     .with_rate_limiting(RateLimit::per_minute(100))
///     .with_auth(AuthMethod::Bearer);
/// assert_eq!(config.address().to_string(), "127.0.0.1:8080");
/// ```
///
/// # Source
/// `docs/websocket.md`; RFC 6455.
#[derive(Debug)]
pub struct WebSocketConfig {
    pub(crate) http: HttpConfig,
    settings: Settings,
}

/// How a client proves who it is when it opens a WebSocket.
///
/// An example is at [`WebSocketConfig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMethod {
    /// By an access token or an API key in its header.
    Bearer,
    /// By the certificate of its TLS handshake, and no token beside it.
    Certificate,
}

impl AuthMethod {
    fn proofs(self) -> &'static [Method] {
        match self {
            Self::Bearer => &[Method::Token, Method::ApiKey],
            Self::Certificate => &[Method::Certificate],
        }
    }
}

impl WebSocketConfig {
    /// Listens at this address. Port 0 lets the system choose.
    pub fn new(address: impl Into<SocketAddr>) -> Self {
        Self::beside(HttpConfig::new(address))
    }

    /// Listens at 127.0.0.1. Port 0 lets the system choose.
    pub fn loopback(port: u16) -> Self {
        Self::beside(HttpConfig::loopback(port))
    }

    /// Listens where and how this says.
    pub fn beside(http: HttpConfig) -> Self {
        Self { http, settings: Settings::default() }
    }

    /// Says whether this listener needs TLS, as [`HttpConfig::with_tls_required`] does.
    #[must_use]
    pub fn with_tls_required(mut self, required: bool) -> Self {
        self.http = self.http.with_tls_required(required);
        self
    }

    /// Lets pages of exactly these origins open a WebSocket, and no others, whatever the policy says of pages; programs
    /// that are not browsers send no origin, and need none. Unless this is said, the policy's list holds.
    #[must_use]
    pub fn with_origin_validation(mut self, origins: &[&str]) -> Self {
        self.settings.origins = Some(origins.iter().map(|origin| (*origin).into()).collect());
        self
    }

    /// Takes so many messages of one principal, over all its WebSockets, also such as cannot be read; a batch is one.
    /// More are answered with an error that says when to come back, and notifications beyond that are dropped. The
    /// rates of the policy hold as well, for each call.
    #[must_use]
    pub fn with_rate_limiting(mut self, rate: RateLimit) -> Self {
        self.settings.rate = Some(rate);
        self
    }

    /// Opens a WebSocket for whoever proves itself so, and nobody else; said twice, for either. Unless this is said,
    /// for whomever the policy admits.
    #[must_use]
    pub fn with_auth(mut self, method: AuthMethod) -> Self {
        self.settings.methods.push(method);
        self
    }

    /// Calls `ready` once the server listens, with the address that it has.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce(SocketAddr) + Send + 'static) -> Self {
        self.http = self.http.on_ready(ready);
        self
    }

    /// The address to listen at.
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// The path at which a WebSocket is opened.
    pub const fn path(&self) -> &'static str {
        UPGRADES
    }
}

/// A listener that serves both.
impl From<WebSocketConfig> for HttpConfig {
    fn from(config: WebSocketConfig) -> Self {
        config.http.with_upgrades(Box::new(config.settings))
    }
}

/// Such a listener, alone or as one of several.
impl From<WebSocketConfig> for Listen {
    fn from(config: WebSocketConfig) -> Self {
        Self::http(config.into())
    }
}

impl<P> McpServer<P> {
    /// Serves WebSocket at `/ws` and Streamable HTTP at its own path until the server is told to stop, then finishes
    /// the calls under way.
    ///
    /// # Errors
    /// As [`run_http`](Self::run_http), and what of the [`WebSocketConfig`] contradicts itself or the policy.
    ///
    /// # Source
    /// `docs/websocket.md`.
    pub fn run_websocket(self, config: WebSocketConfig) -> BoxFuture<'static, Result<()>>
    where
        P: MayListen + 'static,
    {
        self.run_http(config.into())
    }

    /// The same over TLS and never without it: a [`WebSocketConfig`] that is given no certificate is a problem.
    ///
    /// # Errors
    /// As [`run_websocket`](Self::run_websocket).
    pub fn run_websocket_secure(self, config: WebSocketConfig) -> BoxFuture<'static, Result<()>>
    where
        P: MayListen + 'static,
    {
        self.run_websocket(config.with_tls_required(true))
    }
}

/// What may take over connections of a listener, before there is a server.
pub(crate) trait Attached: Send + std::fmt::Debug {
    /// Everything that keeps it from being served so.
    fn problems(&self, policy: &SecurityPolicy, path: &str, clients: Clients) -> Vec<Problem>;

    /// What serves it.
    fn open(self: Box<Self>, engine: &Arc<Engine>) -> Box<dyn Upgrades>;
}

/// Whether the handshake of a listener asks clients for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    Asked,
    Unknown,
}

/// What holds for `/ws` alone.
#[derive(Debug, Default)]
struct Settings {
    origins: Option<Vec<Box<str>>>,
    rate: Option<RateLimit>,
    methods: Vec<AuthMethod>,
}

impl Settings {
    fn pages(&self) -> Option<std::result::Result<Pages, Problem>> {
        self.origins.as_ref().map(|origins| Pages::of(origins.iter().map(|origin| &**origin)))
    }
}

impl Attached for Settings {
    fn problems(&self, policy: &SecurityPolicy, path: &str, clients: Clients) -> Vec<Problem> {
        let mut problems = Vec::new();
        if path == UPGRADES {
            problems.push(Problem::new(
                format!("{UPGRADES} is where a WebSocket is opened, and the path of the endpoint as well"),
                "call .with_path(\"/mcp\") on the HttpConfig",
            ));
        }
        if let Some(Err(problem)) = self.pages() {
            problems.push(problem);
        }
        for method in &self.methods {
            match method {
                AuthMethod::Bearer if !policy.has_authenticators() => problems.push(Problem::new(
                    "a WebSocket is for whoever has a token or a key, and nobody can say whom one proves",
                    "call .with_authentication(..) on the policy",
                )),
                AuthMethod::Certificate if clients == Clients::Unknown => problems.push(Problem::new(
                    "a WebSocket is for whoever has a certificate, and the listener asks nobody for one",
                    "call .with_client_ca_file(..) on the TlsConfig",
                )),
                AuthMethod::Bearer | AuthMethod::Certificate => {}
            }
        }
        problems
    }

    fn open(self: Box<Self>, engine: &Arc<Engine>) -> Box<dyn Upgrades> {
        let pages = self.pages().and_then(std::result::Result::ok);
        let proofs = self.methods.iter().flat_map(|method| method.proofs()).copied().collect();
        let rate = self.rate.map(|rate| Arc::new(engine.gate.rate_of_principals(rate)));
        Box::new(Sockets { pages, proofs, rate })
    }
}
