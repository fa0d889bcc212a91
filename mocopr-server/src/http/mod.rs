//! Where and how a server listens for HTTP.

#[cfg(not(feature = "tls"))]
mod insecure;
#[cfg(feature = "tls")]
mod secure;

use std::{
    io::Write,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use mocopr_security::policy::{Problem, Profile, SecurityPolicy};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

#[cfg(not(feature = "tls"))]
use self::insecure::Secure;
#[cfg(feature = "tls")]
use self::secure::Secure;
use crate::{
    beside::Beside,
    engine::Engine,
    error::{Error, Result},
    evidence::Life,
    posture,
    server::DRAIN,
    transport::{
        company::{Companion, Company},
        http::{
            Endpoint, HttpApp,
            listener::{self, WithoutTls},
        },
    },
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
    tls: Tls,
    secure: Option<Secure>,
    cors: CorsConfig,
    max_request: Option<usize>,
    timeout: Option<Duration>,
    ready: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
}

/// What a listener tells browsers about pages of other origins.
///
/// Which pages those are is for the policy to say, and whether a page may call at all: what is not listed there is
/// refused on every listener.
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
            path: "/mcp".into(),
            tls: Tls::AsProfile,
            secure: None,
            cors: CorsConfig::default(),
            max_request: None,
            timeout: None,
            ready: None,
        }
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
        self.cors = cors;
        self
    }

    /// Takes bodies of at most so many bytes, one at least and not more than `message_bytes` of the policy's limits, which
    /// holds unless said.
    #[must_use]
    pub fn with_max_request_size(mut self, bytes: usize) -> Self {
        self.max_request = Some(bytes);
        self
    }

    /// Gives each call so long; the policy's own limit, and that of its handler, hold as well.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Calls `ready` once the server listens, with the address that it has.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce(SocketAddr) + Send + 'static) -> Self {
        self.ready = Some(Box::new(ready));
        self
    }

    /// Calls this as well, first.
    pub(crate) fn also_on_ready(mut self, first: Box<dyn FnOnce() + Send>) -> Self {
        let own = self.ready.take();
        self.on_ready(move |address| {
            first();
            if let Some(own) = own {
                own(address);
            }
        })
    }

    /// The address to listen at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path of the endpoint.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Everything that keeps a server with this policy from listening so.
    pub(crate) fn problems(&self, policy: &SecurityPolicy) -> Vec<Problem> {
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
                if policy.public_url().is_none() {
                    problems.push(Problem::new(
                        "no public URL: requests cannot be told from those for another server",
                        "call .with_public_url(\"https://mcp.example.com/mcp\") on the policy",
                    ));
                }
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
        if policy.requires_authentication() && !policy.has_authenticators() && !asks_clients {
            problems.push(Problem::new(
                "callers must prove who they are, and nobody can say whom a credential proves",
                "call .with_authentication(..) on the policy",
            ));
        }
        let most = policy.limits().message_bytes;
        if let Some(own) = self.max_request.filter(|own| !(1..=most).contains(own)) {
            problems.push(Problem::new(
                format!("the listener is to take bodies of {own} bytes, and the policy takes messages of 1 to {most}"),
                "give .with_max_request_size(..) a number in between, or raise `message_bytes` of the policy's limits",
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
pub(crate) async fn run(
    engine: Arc<Engine>,
    owner: Option<BoxFuture<'static, ()>>,
    companions: Vec<Box<dyn Companion>>,
    config: HttpConfig,
) -> Result<()> {
    let problems = config.problems(engine.gate.policy());
    if !problems.is_empty() {
        return Err(Error::problems_found(problems));
    }
    let HttpConfig { address, path, tls: _, secure, cors, max_request, timeout, ready } = config;
    let stop = crate::shutdown::stop(owner, engine.stopping.clone());
    let beside = Beside::begin(&engine);
    let failed = |error| Error::io(format!("listening at {address}"), error);
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    match engine.gate.policy().profile() {
        Profile::Development => warn_once(address),
        Profile::Strict => {
            posture::tell(&posture::report(&engine));
            info!(%address, "listening");
        }
    }
    let _company = Company::begin(companions, &engine).await?;
    let life = Life::begin(engine.gate.evidence(), address.to_string()).await;
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
    let app = Arc::new(HttpApp::new(engine.clone(), Endpoint { path, cors, max_request, timeout }));
    let kill = CancellationToken::new();
    let (drain, clock) = (engine.stopping.clone(), engine.clock.clone());
    let serving = match secure {
        Some(secure) => secure.serve(socket, app, limits, clock, drain, kill),
        None => listener::serve(socket, app, Arc::new(WithoutTls), limits, drain, kill).boxed(),
    };
    let serving = beside.serve(serving);
    tokio::pin!(serving);
    tokio::select! {
        () = &mut serving => {}
        () = stop => serving.await,
    }
    engine.sessions.close_all();
    engine.tasks.close();
    // What streams are left belong to connections that are gone.
    let _ = tokio::time::timeout(Duration::from_secs(1), engine.tasks.wait()).await;
    life.end().await;
    Ok(())
}
