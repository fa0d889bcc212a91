//! A server that is built: it runs on a transport, and can be changed while it does.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
#[cfg(any(feature = "http", feature = "stdio"))]
use mocopr_security::policy::Problem;
use mocopr_security::{
    policy::{Report, SecurityPolicy},
    revoke::Revocations,
};

use crate::{
    builder::ServerBuilder,
    engine::Engine,
    posture,
    registry::{Prompts, Resources, Tools},
    stopping::LiveKillSwitch,
    transport::company::Companion,
};

/// A server of the Model Context Protocol.
///
/// Immutable but for what is registered. `P` says whether it has a security policy; without one it speaks over
/// standard streams and cannot listen.
///
/// ```
/// use mocopr_server::{
///     registry::tool::{NoArguments, Tool},
///     server::McpServer,
/// };
///
/// let hello = Tool::new("hello").description("Greets.").handler(|_: NoArguments| async { "hello" });
/// let server = McpServer::builder().with_info("hello", "1.0.0").with_tool(hello).build()?;
/// println!("{}", server.security_report()); // what is in force, row by row
/// assert!(server.kill_switch().is_none(), "it was given none");
/// # Ok::<(), mocopr_server::error::Error>(())
/// ```
pub struct McpServer<P = Unguarded> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) shutdown: Option<BoxFuture<'static, ()>>,
    companions: Vec<Box<dyn Companion>>,
    ready: Option<Box<dyn FnOnce() + Send>>,
    drain_delay: Duration,
    guard: PhantomData<fn() -> P>,
}

/// Marks a server without a security policy.
///
/// An example is at [`McpServer`].
#[derive(Debug)]
pub enum Unguarded {}

/// Marks a server with a security policy.
///
/// ```
/// use mocopr_security::policy::SecurityPolicy;
/// use mocopr_server::{error::Result, server::{Guarded, McpServer}};
///
/// /// The server that is shipped, for `main` and for tests.
/// fn server() -> Result<McpServer<Guarded>> {
///     McpServer::builder().with_info("hello", "1.0.0").with_security_policy(SecurityPolicy::development()).build()
/// }
/// assert!(server().is_ok());
/// ```
#[derive(Debug)]
pub enum Guarded {}

/// A server that may listen on a network.
///
/// An example is at [`Guarded`].
#[diagnostic::on_unimplemented(
    message = "this server has no security policy, so it may not listen on a network",
    label = "needs a security policy",
    note = "call `.with_security_policy(SecurityPolicy::development())` on the builder, before `.build()`"
)]
pub trait MayListen: sealed::Sealed {}

impl MayListen for Guarded {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Guarded {}
}

impl McpServer<Unguarded> {
    /// Begins a server.
    pub fn builder() -> ServerBuilder<Unguarded> {
        ServerBuilder::new()
    }
}

impl<P> McpServer<P> {
    pub(crate) fn of(engine: Arc<Engine>, companions: Vec<Box<dyn Companion>>) -> Self {
        Self { engine, shutdown: None, companions, ready: None, drain_delay: Duration::ZERO, guard: PhantomData }
    }

    /// The tools, to be changed while the server runs.
    pub fn tools(&self) -> Tools {
        Tools(self.engine.clone())
    }

    /// The prompts, to be changed while the server runs.
    pub fn prompts(&self) -> Prompts {
        Prompts(self.engine.clone())
    }

    /// The resources, to be changed while the server runs.
    pub fn resources(&self) -> Resources {
        Resources(self.engine.clone())
    }

    /// The policy in force.
    pub fn policy(&self) -> &SecurityPolicy {
        self.engine.gate.policy()
    }

    /// Who and what is not believed any longer: revocations act on the next message, and within a second end the open
    /// streams and long calls of whomever a credential proves.
    pub fn revocations(&self) -> Revocations {
        self.engine.gate.revocations().clone()
    }

    /// The sessions of stateful revisions over HTTP and WebSocket, to be ended while the server runs. A handler knows
    /// the id of its own from [`Context::session_id`](crate::context::Context::session_id).
    pub fn sessions(&self) -> LiveSessions {
        LiveSessions(self.engine.clone())
    }

    /// What stops tools in an emergency; `None` where the builder was given no
    /// [`KillSwitch`](mocopr_security::stop::KillSwitch).
    pub fn kill_switch(&self) -> Option<LiveKillSwitch> {
        LiveKillSwitch::of(&self.engine)
    }

    /// What is in force, row by row.
    pub fn security_report(&self) -> Report {
        posture::report(&self.engine)
    }

    /// Everything that would keep the server from listening so; empty where nothing does.
    #[cfg(feature = "http")]
    pub fn check(&self, listen: &impl crate::http::Listens) -> Vec<Problem> {
        listen.problems(self.engine.gate.policy())
    }

    /// What is in force where the server listens so, row by row.
    #[cfg(feature = "http")]
    pub fn security_report_with(&self, listen: &impl crate::http::Listens) -> Report {
        let mut report = self.security_report();
        listen.say(&mut report);
        report
    }

    /// Stops the server when `signal` is done, beside Ctrl-C and SIGTERM: calls under way are finished, and what has
    /// not ended after ten seconds is dropped. Another Ctrl-C or SIGTERM meanwhile drops it at once, and running fails
    /// with
    /// [`ErrorKind::Forced`](crate::error::ErrorKind::Forced).
    #[must_use]
    pub fn with_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Some(signal.boxed());
        self
    }

    /// Goes on as before for so long once the server is told to stop, but for `/readyz`, which fails at once: load
    /// balancers need a while to send requests elsewhere. Zero unless said. Over standard streams there is nothing to
    /// wait for, and no delay.
    #[must_use]
    pub fn with_drain_delay(mut self, delay: Duration) -> Self {
        self.drain_delay = delay;
        self
    }

    /// Calls `ready` once messages are taken: when everything that could keep the server from starting has passed.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce() + Send + 'static) -> Self {
        self.ready = Some(Box::new(ready));
        self
    }

    /// Speaks with one client over standard input and output until the input ends, or the server is told to stop.
    ///
    /// The protocol gets a private copy of standard output, and standard output itself is pointed at standard error,
    /// so that a stray `println!` cannot break the stream. Returns within a second after the input has ended; calls
    /// under way are finished or cancelled by then. Can be called once in a process.
    ///
    /// # Errors
    /// Where the standard streams cannot be taken, or the token for them proves nobody.
    ///
    /// # Source
    /// MCP 2025-11-25 and 2026-07-28, basic/transports, "stdio".
    #[cfg(feature = "stdio")]
    pub async fn run_stdio(mut self) -> crate::error::Result<()> {
        use crate::{
            beside::Beside,
            error::Error,
            evidence::Life,
            transport::{
                company::Company,
                connection::{self, Endings},
                stdio,
            },
        };

        let admission = self.engine.gate.admit_stdio(self.engine.stdio_token.as_ref()).await.map_err(|rejected| {
            Error::problems_found(vec![Problem::new(
                format!("the token for standard streams proves nobody: {}", rejected.reason()),
                "give .with_stdio_token(..) one that holds",
            )])
        })?;
        posture::tell(&self.security_report());
        let shutdown = crate::shutdown::Shutdown::watch(self.shutdown.take(), Duration::ZERO);
        let beside = Beside::begin(&self.engine);
        let _company = Company::begin(self.companions, &self.engine).await?;
        let (input, output) = stdio::take().map_err(|error| Error::io("taking the standard streams", error))?;
        let life = Life::begin(self.engine.gate.evidence(), "standard streams".to_owned()).await;
        if let Some(ready) = self.ready.take() {
            ready();
        }
        let drain = self.engine.stopping.clone();
        let endings = Endings { drain, after_input: AFTER_INPUT, after_drain: DRAIN, stay: None };
        let serving = beside.serve(connection::serve(self.engine.clone(), admission, input, output, endings));
        let served = Box::pin(shutdown.serve(&self.engine, serving)).await;
        life.end().await;
        served
    }

    /// Serves Streamable HTTP until the server is told to stop, then finishes the calls under way.
    ///
    /// Under [`SecurityPolicy::development`] the address must be a loopback address, and everybody on this machine is
    /// the local user.
    ///
    /// # Errors
    /// Every problem of the listener at once, before anything is bound; or that the address cannot be bound.
    ///
    /// # Source
    /// MCP 2025-11-25 and 2026-07-28, basic/transports, "Streamable HTTP".
    #[cfg(feature = "http")]
    pub fn run_http(self, config: crate::http::HttpConfig) -> BoxFuture<'static, crate::error::Result<()>>
    where
        P: MayListen + 'static,
    {
        self.run(config)
    }

    /// Serves at all of these places, under one policy and with one set of sessions, until the server is told to stop,
    /// then finishes the calls under way. Each place may have as many connections as the policy's limits say.
    ///
    /// # Errors
    /// Every problem of all listeners at once, before anything is bound; or that one of them cannot be bound.
    #[cfg(feature = "http")]
    pub fn run(self, listen: impl Into<crate::http::Listen>) -> BoxFuture<'static, crate::error::Result<()>>
    where
        P: MayListen + 'static,
    {
        let (engine, start) = self.into_start();
        crate::http::serving::run(engine, start, listen.into()).boxed()
    }

    /// What it is made of, to begin.
    #[cfg(feature = "http")]
    pub(crate) fn into_start(self) -> (Arc<Engine>, crate::http::serving::Start) {
        let Self { engine, shutdown: owner, companions, ready, drain_delay, guard: _ } = self;
        (engine, crate::http::serving::Start { owner, drain_delay, companions, ready })
    }

    /// Opens a pipe to the server, as the test client does.
    #[cfg(feature = "testing")]
    pub(crate) fn open_pipe(&self) -> tokio::io::DuplexStream {
        crate::transport::pipe::open(self.engine.clone())
    }

    /// Opens a pipe to the server whose client is somebody else than the user of this machine.
    #[cfg(feature = "testing")]
    pub(crate) fn open_pipe_as(&self, who: mocopr_security::principal::Principal) -> tokio::io::DuplexStream {
        crate::transport::pipe::open_as(self.engine.clone(), who)
    }
}

/// The sessions of a server; a handle, cheap to clone.
///
/// ```
/// # use mocopr_server::server::McpServer;
/// # let server = McpServer::builder().with_info("hello", "1.0.0").build()?;
/// let sessions = server.sessions(); // before the server runs, which takes it
/// sessions.revoke("5f0c6c1a7d1b4b0e"); // as the header `Mcp-Session-Id` names it
/// # Ok::<(), mocopr_server::error::Error>(())
/// ```
#[derive(Clone)]
pub struct LiveSessions(Arc<Engine>);

impl LiveSessions {
    /// Ends the session of that id, whoever it belongs to: its calls are cancelled, its streams close, and its id means
    /// nothing from the next message on. A WebSocket that it is bound to is closed with 1008.
    pub fn revoke(&self, id: &str) {
        self.0.sessions.revoke(id);
    }
}

impl fmt::Debug for LiveSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSessions").finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for McpServer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer").field("info", &self.engine.info).finish_non_exhaustive()
    }
}

/// How long calls under way may take when standard input has ended: the process exits within a second.
#[cfg(feature = "stdio")]
const AFTER_INPUT: Duration = Duration::from_millis(700);

/// How long calls under way may take when the server stops.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);
