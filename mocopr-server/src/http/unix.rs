//! Where and how a server listens at a Unix socket.
//!
//! A listener is one only where its owner says so here; nothing of it is in a program that never does.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use mocopr_security::{
    auth::LocalUsers,
    console,
    policy::{Problem, Profile, Report, SecurityPolicy},
    socket_file::{self, SocketAccess},
};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    Endpoint, Health,
    listen::{Bind, Bound, Listen, Listens, sealed::Sealed},
    serving,
};
use crate::{
    engine::Engine,
    error::{Error, Result},
    transport::http::{
        HttpApp,
        listener::{self, WithoutTls},
        unix::Door,
    },
};

/// Where and how a server listens for HTTP at a Unix socket, which only programs of this machine reach.
///
/// The system says which user is at the other end. Those whom
/// [`SecurityPolicy::with_local_users`](mocopr_security::policy::SecurityPolicy::with_local_users) names need no credential;
/// others need one as everywhere. The rates and the connections of an address are those of a user here. A request calls
/// by `localhost`, another loopback name, or the public URL, which such a server can do without.
///
/// The socket is made when the server starts and removed when it ends. Its folder must belong to root or to the user
/// that this process runs as, and nobody else may write there. One that an earlier server of this user left is
/// replaced; nothing else that is there is touched, and the server does not start. For Linux.
///
/// ```
/// use mocopr_server::http::{Listen, UnixConfig};
///
/// let config = UnixConfig::new("/run/notes/mcp.sock");
/// assert_eq!(config.path(), "/mcp");
/// let listen = Listen::unix(config);
/// # drop(listen);
/// ```
pub struct UnixConfig {
    file: PathBuf,
    access: SocketAccess,
    endpoint: Endpoint,
    ready: Option<Box<dyn FnOnce() + Send>>,
}

impl UnixConfig {
    /// Listens at a socket of this name, an absolute path of at most 107 bytes, and serves the protocol at `/mcp`
    /// there. Only the user that this process runs as may connect, and root.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), access: SocketAccess::Owner, endpoint: Endpoint::new(), ready: None }
    }

    /// Lets every user in the group of this id connect as well. The user of this process must be in it.
    #[must_use]
    pub fn with_group(mut self, gid: u32) -> Self {
        self.access = SocketAccess::Group(gid);
        self
    }

    /// Serves the protocol at this path instead: it begins with `/`, and has no query.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Box<str>>) -> Self {
        self.endpoint.path = path.into();
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

    /// Answers at `/livez` and `/readyz` as [`HttpConfig::with_health`](super::HttpConfig::with_health) does.
    #[must_use]
    pub fn with_health(mut self) -> Self {
        self.endpoint.health = Health::Told;
        self
    }

    /// Calls `ready` once the server listens there.
    #[must_use]
    pub fn on_ready(mut self, ready: impl FnOnce() + Send + 'static) -> Self {
        self.ready = Some(Box::new(ready));
        self
    }

    /// The name of the socket in the file system.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The path of the endpoint.
    pub fn path(&self) -> &str {
        &self.endpoint.path
    }
}

impl Listen {
    /// At a Unix socket.
    pub fn unix(config: UnixConfig) -> Self {
        Self(vec![Box::new(config)])
    }
}

impl From<UnixConfig> for Listen {
    fn from(config: UnixConfig) -> Self {
        Self::unix(config)
    }
}

impl Listens for UnixConfig {}

impl Sealed for UnixConfig {
    fn problems(&self, policy: &SecurityPolicy) -> Vec<Problem> {
        let mut problems: Vec<Problem> = socket_file::judge(&self.file).err().into_iter().collect();
        let knows_users = policy.local_users().is_some_and(|users| !users.is_empty());
        if policy.requires_authentication() && !policy.has_authenticators() && !knows_users {
            problems.push(Problem::new(
                "callers must prove who they are, and nobody can say whom a credential proves or which users may call",
                "call .with_local_users(LocalUsers::only_me([..])) or .with_authentication(..) on the policy",
            ));
        }
        problems.extend(self.endpoint.problems(policy));
        problems
    }

    fn say(&self, report: &mut Report) {
        let whom = match self.access {
            SocketAccess::Owner => "for its owner".to_owned(),
            SocketAccess::Group(gid) => format!("for its owner and the group {gid}"),
        };
        report.say("Unix socket", format!("{}, {whom}", self.file.display()), false);
        self.endpoint.say(report);
    }
}

impl Bind for UnixConfig {
    fn fixed_name(&self) -> Option<String> {
        Some(self.file.display().to_string())
    }

    fn bind(self: Box<Self>, engine: &Arc<Engine>) -> BoxFuture<'static, Result<Bound>> {
        let engine = engine.clone();
        let Self { file, access, endpoint, ready } = *self;
        Box::pin(async move {
            let place = file.display().to_string();
            let opened = spawn_blocking(move || socket_file::open(&file, access)).await;
            let opened = opened.map_err(|error| Error::io(format!("listening at {place}"), error.into()))?;
            let (listener, file) = opened?;
            let door = Door::new(listener, file).map_err(|error| Error::io(format!("listening at {place}"), error))?;
            let policy = engine.gate.policy();
            match policy.profile() {
                Profile::Development => warn_once(&place, policy.local_users()),
                Profile::Strict => info!(socket = place, "listening"),
            }
            let app = Arc::new(HttpApp::new(engine.clone(), endpoint));
            let (drain, kill) = (engine.stopping.clone(), CancellationToken::new());
            let limits = serving::limits(&engine);
            let serving = listener::serve(door, app, Arc::new(WithoutTls), limits, drain, kill).boxed();
            Ok(Bound { place, ready, serving })
        })
    }
}

impl fmt::Debug for UnixConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixConfig")
            .field("file", &self.file)
            .field("access", &self.access)
            .field("path", &self.endpoint.path)
            .finish_non_exhaustive()
    }
}

fn warn_once(place: &str, users: Option<&LocalUsers>) {
    let whom = match users {
        None => "every program of this user is the local user".to_owned(),
        Some(users) => format!("without a credential may call: {users}"),
    };
    console::say(format_args!("{place} is served under the development profile: {whom}"));
}
