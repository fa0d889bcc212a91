//! The endpoint inside of an application of the owner's own, whose listener is not ours.
//!
//! Every check of a request stands behind the router and is kept. What only a listener can do is accepted by name, and
//! stands in the report.

use std::{collections::BTreeSet, fmt, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    routing::any,
};
use futures_util::future::BoxFuture;
use http::Response;
use mocopr_security::policy::{Problem, Report, SecurityPolicy};
use tokio_util::sync::DropGuard;

use super::{
    CorsConfig, Endpoint, Health,
    listen::{Listens, sealed::Sealed},
    serving::{self, Start},
};
use crate::{
    beside::Beside,
    engine::Engine,
    error::{Error, Result},
    evidence::Life,
    posture,
    server::{DRAIN, MayListen, McpServer},
    shutdown,
    transport::{
        company::Company,
        http::{HttpApp, health, listener::Remote},
    },
};

/// How an endpoint lies in an application of the owner's own.
///
/// The application's listener must say who its peers are, as axum's
/// `into_make_service_with_connect_info::<SocketAddr>()` does: a request without that is answered with 500. It cannot
/// bound the time of heads and idle connections, stalled writes, or the number of connections, as ours does, and shows
/// no certificates of clients; whoever mounts an endpoint says who does that instead.
///
/// ```
/// use mocopr_server::http::Mounted;
///
/// let mounted = Mounted::behind_proxy(["10.0.0.0/8"]).with_path("/assistant/mcp").with_health();
/// # drop(mounted);
/// ```
#[derive(Debug)]
pub struct Mounted {
    endpoint: Endpoint,
    protection: Protection,
}

/// Who does what a listener of ours would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    Proxy,
    Listener,
}

impl Mounted {
    /// Nobody reaches the application but through these proxies, which bound the time and the number of connections;
    /// they are trusted as by [`HttpConfig::with_trusted_proxies`](super::HttpConfig::with_trusted_proxies).
    pub fn behind_proxy<S: AsRef<str>>(networks: impl IntoIterator<Item = S>) -> Self {
        let mut endpoint = Endpoint::new();
        endpoint.trust(networks);
        Self { endpoint, protection: Protection::Proxy }
    }

    /// The application's listener bounds the time and the number of connections itself, and speaks TLS where that is
    /// needed.
    pub fn listener_protects_itself() -> Self {
        Self { endpoint: Endpoint::new(), protection: Protection::Listener }
    }

    /// Serves the protocol at this path instead of `/mcp`: it begins with `/`, and has no query.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Box<str>>) -> Self {
        self.endpoint.path = path.into();
        self
    }

    /// Answers at `/livez` and `/readyz` as [`HttpConfig::with_health`](super::HttpConfig::with_health) does.
    #[must_use]
    pub fn with_health(mut self) -> Self {
        self.endpoint.health = Health::Told;
        self
    }

    /// Says what browsers are told about pages of other origins.
    #[must_use]
    pub fn with_cors(mut self, cors: CorsConfig) -> Self {
        self.endpoint.cors = cors;
        self
    }

    /// Takes bodies of at most so many bytes, one at least and not more than `message_bytes` of the policy's limits.
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
}

impl Listens for Mounted {}

impl Sealed for Mounted {
    fn problems(&self, policy: &SecurityPolicy) -> Vec<Problem> {
        let mut problems = self.endpoint.problems(policy);
        problems.extend(super::endpoint::no_public_url(policy));
        problems.extend(super::endpoint::nobody_proves(policy));
        if self.protection == Protection::Proxy
            && self.endpoint.proxies.is_empty()
            && self.endpoint.untrusted.is_empty()
        {
            problems.push(Problem::new(
                "the endpoint is behind proxies, and there are none",
                "give Mounted::behind_proxy(..) the networks that they are in",
            ));
        }
        problems
    }

    fn say(&self, report: &mut Report) {
        let by = match self.protection {
            Protection::Proxy => "a proxy's",
            Protection::Listener => "a listener of another maker's",
        };
        let lacks = "time of heads and idle connections, stalled writes, number of connections; no client certificates";
        report.say("mounted", format!("{by} to bound: {lacks}"), true);
        self.endpoint.say(report);
    }
}

/// A server that serves inside of an application, and what runs beside it: both end with this.
///
/// A process has one owner, so no signal to stop is watched here; SIGUSR1 is, where the server has a kill
/// switch, and SIGHUP, where it has files to look at. Tell the
/// server to stop with [`drain`](Self::drain), and wait for its end with [`end`](Self::end).
///
/// ```no_run
/// use axum::Router;
/// use mocopr_security::policy::SecurityPolicy;
/// use mocopr_server::{http::Mounted, server::McpServer};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let policy = SecurityPolicy::development();
/// let server = McpServer::builder().with_info("hello", "1.0.0").with_security_policy(policy).build()?;
/// let (mcp, running) = server.into_router(Mounted::listener_protects_itself()).await?;
/// let app: Router = Router::new().merge(mcp);
/// # drop(app);
/// // `app` is served here, with `running.drain()` as what ends it; then:
/// running.end().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "the server stops when this is dropped"]
pub struct MountedServer {
    engine: Arc<Engine>,
    delay: Duration,
    life: Life,
    _company: Company,
    _stop: DropGuard,
}

impl MountedServer {
    /// Fails readiness, waits for [`McpServer::with_drain_delay`], and then ends the open streams, so that an
    /// application which waits for its connections is not kept by them. Calls go on.
    ///
    /// Does not borrow the server, so that it fits `axum::serve(..).with_graceful_shutdown(..)`. Does nothing before it
    /// is awaited.
    pub fn drain(&self) -> BoxFuture<'static, ()> {
        let (engine, delay) = (self.engine.clone(), self.delay);
        Box::pin(async move { shutdown::drain(&engine, delay).await })
    }

    /// Drains, waits for calls that have no connection any longer, at most ten seconds, and ends what runs beside.
    /// Requests of that time and later are refused or find nothing.
    pub async fn end(self) {
        self.drain().await;
        let Self { engine, delay: _, life, _company, _stop } = self;
        engine.tasks.close();
        // What has not ended by then is dropped with the process.
        let _ = tokio::time::timeout(DRAIN, engine.tasks.wait()).await;
        serving::finish(&engine).await;
        life.end().await;
    }
}

impl fmt::Debug for MountedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountedServer").finish_non_exhaustive()
    }
}

impl<P> McpServer<P> {
    /// A router for an application of your own, and the server behind it, which lives as long as the second value.
    ///
    /// The router has a route for the path of the endpoint and for the documents beside it, and nothing else: merge it
    /// with yours. What wraps it, such as a layer that reads bodies, comes before all checks.
    ///
    /// # Errors
    /// Every problem at once; or that what runs beside the server cannot begin.
    pub fn into_router(self, mounted: Mounted) -> BoxFuture<'static, Result<(Router, MountedServer)>>
    where
        P: MayListen + 'static,
    {
        let (engine, start) = self.into_start();
        Box::pin(mount(engine, start, mounted))
    }
}

async fn mount(engine: Arc<Engine>, start: Start, mounted: Mounted) -> Result<(Router, MountedServer)> {
    let Start { owner, drain_delay: delay, companions, ready } = start;
    let problems = mounted.problems(engine.gate.policy());
    if !problems.is_empty() {
        return Err(Error::problems_found(problems));
    }
    let mut report = posture::report(&engine);
    mounted.say(&mut report);
    posture::tell(&report);
    let beside = Beside::begin(&engine);
    let mut company = Company::begin(companions, &engine).await?;
    company.keep(beside.serve(std::future::pending()));
    let path = mounted.endpoint.path.clone();
    let life = Life::begin(engine.gate.evidence(), format!("mounted at {path}")).await;
    if let Some(owner) = owner {
        let engine = engine.clone();
        company.keep(async move {
            owner.await;
            shutdown::drain(&engine, delay).await;
        });
    }
    let router = router(&engine, mounted.endpoint);
    if let Some(ready) = ready {
        ready();
    }
    let stop = engine.stopping.clone().drop_guard();
    Ok((router, MountedServer { engine, delay, life, _company: company, _stop: stop }))
}

fn router(engine: &Arc<Engine>, endpoint: Endpoint) -> Router {
    let mut paths = BTreeSet::from([endpoint.path.to_string()]);
    if endpoint.health == Health::Told {
        paths.extend([health::LIVE, health::READY].map(str::to_owned));
    }
    paths.extend(engine.gate.metadata_paths());
    let app = Arc::new(HttpApp::new(engine.clone(), endpoint));
    let handler = any(move |request: Request| answer(app.clone(), request));
    // The paths are meant as they are written, and not as patterns.
    let routes = paths.into_iter().map(|path| path.replace('{', "{{").replace('}', "}}"));
    routes.fold(Router::new().without_v07_checks(), |router, path| router.route(&path, handler.clone()))
}

async fn answer(app: Arc<HttpApp>, request: Request) -> Response<axum::body::Body> {
    // Who is at the other end is what the listener says, and nothing else: no header, no guess.
    let remote = request.extensions().get();
    let remote = remote.map(|ConnectInfo::<SocketAddr>(address)| Remote { place: (*address).into(), tls: None });
    let (head, body) = request.into_parts();
    app.respond(remote.as_ref(), &head, body).await.map(axum::body::Body::new)
}
