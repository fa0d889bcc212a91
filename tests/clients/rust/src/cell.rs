//! One revision over one transport: a server of its own, and clients that speak to it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rmcp::{
    ClientLifecycleMode, ClientServiceExt, RoleClient,
    model::{ClientConfig, Implementation, ProtocolVersion},
    service::RunningService,
    transport::{StreamableHttpClientTransport, TokioChildProcess},
};
use serde_json::json;
use tokio::process::Command;

use crate::{
    answers::Answers,
    server::{PAGE, Server},
};

/// How messages travel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A child process and its standard streams.
    Stdio,
    /// Streamable HTTP on loopback.
    Http,
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
        }
    }
}

/// A connected client.
pub(crate) type Connected = RunningService<RoleClient, Answers>;

/// One revision over one transport.
pub(crate) struct Cell {
    everything: PathBuf,
    pub(crate) revision: ProtocolVersion,
    server: Option<Server>,
    pub(crate) client: Connected,
}

impl Cell {
    pub(crate) async fn open(everything: &Path, revision: &str, transport: Transport) -> Result<Self, String> {
        let known = ProtocolVersion::KNOWN_VERSIONS.iter().find(|known| known.as_str() == revision);
        let revision = known.ok_or_else(|| format!("rmcp does not know {revision}"))?.clone();
        let server = match transport {
            Transport::Stdio => None,
            Transport::Http => Some(Server::start(everything).await?),
        };
        let client = connect(everything, server.as_ref(), &revision).await?;
        Ok(Self { everything: everything.to_owned(), revision, server, client })
    }

    /// A second client: of the same server over HTTP, of another process over standard streams.
    pub(crate) async fn another(&self) -> Result<Connected, String> {
        connect(&self.everything, self.server.as_ref(), &self.revision).await
    }

    /// Ends the server that listens, if there is one, and starts it anew at the same address.
    pub(crate) async fn restart(&mut self) -> Result<(), String> {
        match &mut self.server {
            Some(server) => server.restart(&self.everything).await,
            None => Err("nothing listens".to_owned()),
        }
    }

    /// Whether clients come over HTTP.
    pub(crate) fn listens(&self) -> bool {
        self.server.is_some()
    }

    /// A client that finds out by itself which era the server is of.
    pub(crate) async fn choosing(&self) -> Result<Connected, String> {
        let newest = ProtocolVersion::LATEST;
        let lifecycle = ClientLifecycleMode::Auto { preferred_versions: vec![newest.clone()], legacy_version: None };
        start(&self.everything, self.server.as_ref(), &newest, lifecycle).await
    }

    /// Whether every request says everything, so that there is no handshake.
    pub(crate) fn is_stateless(&self) -> bool {
        !self.revision.has_initialize()
    }
}

async fn connect(everything: &Path, server: Option<&Server>, revision: &ProtocolVersion) -> Result<Connected, String> {
    let lifecycle = if revision.has_initialize() {
        ClientLifecycleMode::Initialize
    } else {
        ClientLifecycleMode::Discover { preferred_versions: vec![revision.clone()] }
    };
    start(everything, server, revision, lifecycle).await
}

async fn start(
    everything: &Path,
    server: Option<&Server>,
    revision: &ProtocolVersion,
    lifecycle: ClientLifecycleMode,
) -> Result<Connected, String> {
    let capabilities = json!({"roots": {}, "sampling": {}, "elicitation": {}});
    let capabilities = serde_json::from_value(capabilities).map_err(|error| error.to_string())?;
    let config = ClientConfig::new(capabilities, Implementation::new("rmcp", "3.11.0"));
    let answers = Answers::new(config.with_protocol_version(revision.clone()));
    let connected = async {
        let Some(server) = server else {
            let mut command = Command::new(everything);
            command.arg("--stdio").env("PAGE", PAGE);
            let transport = TokioChildProcess::builder(command).stderr(Stdio::null()).spawn();
            let (transport, _) = transport.map_err(|error| error.to_string())?;
            return answers.serve_with_lifecycle(transport, lifecycle).await.map_err(|error| error.to_string());
        };
        let transport = StreamableHttpClientTransport::from_uri(server.url_by_name());
        answers.serve_with_lifecycle(transport, lifecycle).await.map_err(|error| error.to_string())
    };
    tokio::time::timeout(Duration::from_secs(30), connected).await.map_err(|_| "no answer to the start".to_owned())?
}
