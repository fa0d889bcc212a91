//! Where and how a server listens for HTTP.

mod endpoint;
#[cfg(not(feature = "tls"))]
mod insecure;
mod listen;
#[cfg(feature = "axum")]
mod mounted;
#[cfg(feature = "tls")]
mod secure;
pub(crate) mod serving;
#[cfg(target_os = "linux")]
mod unix;

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as OpenListener},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use mocopr_security::{
    console,
    policy::{Problem, Profile, Report, SecurityPolicy},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

pub(crate) use self::endpoint::{Endpoint, Health};
#[cfg(not(feature = "tls"))]
use self::insecure::Secure;
use self::listen::{Bind, Bound, sealed::Sealed};
pub use self::listen::{Listen, Listens};
#[cfg(feature = "axum")]
pub use self::mounted::{Mounted, MountedServer};
#[cfg(feature = "tls")]
use self::secure::Secure;
#[cfg(target_os = "linux")]
pub use self::unix::UnixConfig;
use crate::{
    engine::Engine,
    error::{Error, Result},
    transport::http::{
        HttpApp,
        listener::{self, WithoutTls},
    },
    websocket::{Attached, Clients},
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
    /// What is bound already.
    socket: Option<OpenListener>,
    endpoint: Endpoint,
    tls: Tls,
    secure: Option<Secure>,
    ready: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
    upgrades: Option<Box<dyn Attached>>,
}

/// What a listener tells browsers about pages of other origins.
///
/// Which pages those are is for the policy to say, and whether a page may call at all: what is not listed there is
/// refused on every listener.
///
/// ```
/// use mocopr_server::http::{CorsConfig, HttpConfig};
///
/// let config = HttpConfig::loopback(8080).with_cors(CorsConfig::Nobody);
/// # drop(config);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CorsConfig {
    /// Pages that the policy lists may read answers, and no others.
    #[default]
    Listed,
    /// No page may read answers.
    Nobody,
}

impl CorsConfig {
    /// Pages that the policy lists may read answers, and no others.
    pub const fn restrictive() -> Self {
        Self::Listed
    }
}

/// Whether a listener may do without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    /// As the profile says: the development profile does without.
    AsProfile,
    Required,
    /// By the owner's own word.
    NotRequired,
}

impl HttpConfig {
    /// Listens at this address, at `/mcp`. Port 0 lets the system choose.
    pub fn new(address: impl Into<SocketAddr>) -> Self {
        Self {
            address: address.into(),
            socket: None,
            endpoint: Endpoint::new(),
            tls: Tls::AsProfile,
            secure: None,
            ready: None,
            upgrades: None,
        }
    }

    /// Listens at 127.0.0.1, at `/mcp`. Port 0 lets the system choose.
    pub fn loopback(port: u16) -> Self {
        Self::new(([127, 0, 0, 1], port))
    }

    /// Listens with a socket that is bound already, such as one at a low port, which was bound before the process gave
    /// its privileges up.
    ///
    /// ```
    /// use mocopr_server::http::HttpConfig;
    ///
    /// let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let address = socket.local_addr().unwrap();
    /// assert_eq!(HttpConfig::from_listener(socket)?.address(), address);
    /// # Ok::<(), mocopr_server::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// Where the system does not say its address.
    pub fn from_listener(socket: OpenListener) -> Result<Self> {
        let address = socket.local_addr().map_err(|error| Error::io("asking a listener for its address", error))?;
        Ok(Self { socket: Some(socket), ..Self::new(address) })
    }

    /// Serves the protocol at this path instead: it begins with `/`, and has no query.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Box<str>>) -> Self {
        self.endpoint.path = path.into();
        self
    }

    /// Says whether this listener needs TLS. Outside of the development profile it does unless said; `false` is for a
    /// loopback address alone, such as one behind a proxy on the same machine.
    #[must_use]
    pub fn with_tls_required(mut self, required: bool) -> Self {
        self.tls = if required { Tls::Required } else { Tls::NotRequired };
        self
    }

    /// Says what browsers are told about pages of other origins.
    #[must_use]
    pub fn with_cors(mut self, cors: CorsConfig) -> Self {
        self.endpoint.cors = cors;
        self
    }

    /// Takes bodies of at most so many bytes, one at least and not more than `message_bytes` of the policy's limits,
    /// which holds unless said.
    #[must_use]
    pub fn with_max_request_size(mut self, bytes: usize) -> Self {
        self.endpoint.max_request = Some(bytes);
        self
    }

    /// Gives each call so long; the policy's own limit, and that of its handler, hold as well.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.endpoint.timeout = Some(timeout);
        self
    }

    /// Answers `GET /livez` with 200 while the process lives, and `GET /readyz` with 200 while requests should come
    /// here and with 503 once the server is told to stop, before it begins to.
    ///
    /// For everybody: no credential, rate, `Host` or `Origin` is asked for, because load balancers send an address as
    /// `Host` and a probe must not use up anybody's rate. The answers are fixed words that say nothing of the server.
    #[must_use]
    pub fn with_health(mut self) -> Self {
        self.endpoint.health = Health::Told;
        self
    }

    /// Believes these networks, such as `"10.0.0.0/8"`, and addresses, such as `"10.0.0.7"`, when they say in
    /// `X-Forwarded-For` from where a request comes: it comes from the last address there that is not trusted, for
    /// rates, slowing, revocations and the audit log. None unless said.
    ///
    /// `X-Forwarded-Proto`, `X-Forwarded-Host`, `Forwarded` and `X-Real-IP` are never believed; let the proxy pass
    /// `Host` on. From anybody else all of them are refused with 400, and so is a list that cannot be read. A
    /// certificate that a proxy shows is not that of whoever calls through it.
    ///
    /// `connections_per_address` of the policy's [`Limits`](mocopr_security::limits::Limits) counts the connections of
    /// the proxy itself, which holds those of all its clients: raise it to what the proxy opens, or make it `None`.
    ///
    /// # Errors
    /// More than a /8 of IPv4 or a /32 of IPv6, and any proxy under the development profile, is a problem that keeps
    /// the server from listening.
    #[must_use]
    pub fn with_trusted_proxies<S: AsRef<str>>(mut self, networks: impl IntoIterator<Item = S>) -> Self {
        self.endpoint.trust(networks);
        self
    }

    /// Calls `ready` once the server listens, with the address that it has.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce(SocketAddr) + Send + 'static) -> Self {
        self.ready = Some(Box::new(ready));
        self
    }

    /// Serves this beside HTTP.
    pub(crate) fn with_upgrades(mut self, upgrades: Box<dyn Attached>) -> Self {
        self.upgrades = Some(upgrades);
        self
    }

    /// The address to listen at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path of the endpoint.
    pub fn path(&self) -> &str {
        &self.endpoint.path
    }
}

impl Sealed for HttpConfig {
    fn problems(&self, policy: &SecurityPolicy) -> Vec<Problem> {
        let mut problems = Vec::new();
        let ip = self.address.ip();
        match policy.profile() {
            // Of the loopback addresses only these two are names that a request's Host may give.
            Profile::Development if ip != Ipv4Addr::LOCALHOST && ip != Ipv6Addr::LOCALHOST => {
                problems.push(Problem::new(
                    format!("the development profile does not listen at {}", self.address),
                    "listen at 127.0.0.1 or [::1], for example with HttpConfig::loopback(8080)",
                ));
            }
            Profile::Development => {}
            Profile::Strict => {
                if !ip.is_loopback() && self.secure.is_none() {
                    problems.push(Problem::new(
                        format!(
                            "{} can be reached from other machines, and HTTP without TLS protects nothing",
                            self.address
                        ),
                        "call .with_tls(..) on the HttpConfig, or listen at a loopback address, for example with \
                         HttpConfig::loopback(8080)",
                    ));
                }
                if self.secure.as_ref().is_some_and(Secure::is_self_signed) {
                    problems.push(Problem::new(
                        "the certificate was made by this process, so a client cannot tell it from that of an attacker",
                        "give TlsConfig::from_pem_files(..) one that clients trust, or begin with \
                         SecurityPolicy::development()",
                    ));
                }
                problems.extend(endpoint::no_public_url(policy));
            }
        }
        let by_profile = policy.profile() != Profile::Development;
        if self.secure.is_none() && (self.tls == Tls::Required || self.tls == Tls::AsProfile && by_profile) {
            problems.push(Problem::new(
                "TLS is required, and this listener has none",
                "call .with_tls(..) on the HttpConfig, or .with_tls_required(false) on that of a loopback listener",
            ));
        }
        let asks_clients = self.secure.as_ref().is_some_and(Secure::asks_clients);
        if !asks_clients {
            problems.extend(endpoint::nobody_proves(policy));
        }
        if let Some(upgrades) = &self.upgrades {
            let clients = if asks_clients { Clients::Asked } else { Clients::Unknown };
            problems.extend(upgrades.problems(policy, &self.endpoint.path, clients));
        }
        problems.extend(self.endpoint.problems(policy));
        problems
    }

    fn say(&self, report: &mut Report) {
        self.endpoint.say(report);
    }
}

impl Bind for HttpConfig {
    fn fixed_name(&self) -> Option<String> {
        (self.address.port() != 0).then(|| self.address.to_string())
    }

    fn bind(self: Box<Self>, engine: &Arc<Engine>) -> BoxFuture<'static, Result<Bound>> {
        let engine = engine.clone();
        let Self { address, socket, endpoint, tls: _, secure, ready, upgrades } = *self;
        Box::pin(async move {
            let failed = |error| Error::io(format!("listening at {address}"), error);
            let socket = match socket {
                None => listener::listen(address),
                Some(socket) => socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket)),
            };
            let socket = socket.map_err(failed)?;
            let address = socket.local_addr().map_err(failed)?;
            match engine.gate.policy().profile() {
                Profile::Development => warn_once(address),
                Profile::Strict => info!(%address, "listening"),
            }
            if let Some(secure) = &secure {
                secure.tell(address);
            }
            let upgrades = upgrades.map(|upgrades| upgrades.open(&engine));
            let app = Arc::new(HttpApp::new(engine.clone(), endpoint).with_upgrades(upgrades));
            let limits = serving::limits(&engine);
            let (drain, kill) = (engine.stopping.clone(), CancellationToken::new());
            let serving = match secure {
                Some(secure) => secure.serve(socket, app, limits, engine.clock.clone(), drain, kill),
                None => listener::serve(socket, app, Arc::new(WithoutTls), limits, drain, kill).boxed(),
            };
            let ready = ready.map(|ready| Box::new(move || ready(address)) as Box<dyn FnOnce() + Send>);
            Ok(Bound { place: address.to_string(), ready, serving })
        })
    }
}

impl std::fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpConfig")
            .field("address", &self.address)
            .field("path", &self.endpoint.path)
            .finish_non_exhaustive()
    }
}

fn warn_once(address: SocketAddr) {
    console::say(format_args!(
        "{address} is served under the development profile: every program on this machine is the local user"
    ));
}
