//! The secure example as a process, with API keys of whomever a test needs.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mocopr::{
    audit::{Verification, verify},
    auth::{ApiKey, ApiKeyFile},
    security::Secret,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::guarded::{HOST, bearer, with_fields};
use crate::support::{
    http::{Answer, Connection},
    http2::Http2,
    process::{self, Lined, Listening},
    tls::{Authority, Hello},
    websocket::Socket,
};

/// A key that its audit log is sealed with.
pub(super) const STATE_KEY: &str = "2b0qTnNYu0PZJqUtyPCXFQcYkJL9yoNcXoVkqTCuAsU=";

/// What the example is started with.
pub(super) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("there is room for files") }
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// A key of somebody with these roles and scopes.
    pub(super) fn key(&self, subject: &str, roles: &[&str], scopes: &[&str]) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let (secret, key) = ApiKey::create(subject, now).expect("a key can be made");
        let key = roles.iter().fold(key, |key, role| key.with_role(*role));
        let key = scopes.iter().fold(key, |key, scope| key.with_scope(*scope));
        ApiKeyFile::at(self.keys()).add(key).expect("the file takes it");
        secret.expose().clone()
    }

    /// Where its audit log is.
    pub(super) fn audit(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    /// The records of its audit log.
    pub(super) fn records(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.audit()).expect("there is a log");
        log.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// What is said of its audit log.
    pub(super) fn verify(&self) -> Verification {
        verify(self.audit(), &Secret::new(STATE_KEY.to_owned())).expect("it can be read")
    }

    /// The example, with these settings beside those of every test.
    pub(super) fn command(&self, settings: &[(&str, &str)]) -> Command {
        self.settle(process::command("fixture", &[]), settings)
    }

    /// The same for a command that becomes the example.
    pub(super) fn settle(&self, mut command: Command, settings: &[(&str, &str)]) -> Command {
        command.env_clear();
        command.env("MOCOPR_RATE", "off").env("MOCOPR_PUBLIC_URL", format!("https://{HOST}/mcp"));
        if self.keys().exists() {
            command.env("MOCOPR_API_KEYS", self.keys());
        }
        command.envs(settings.iter().copied());
        command
    }

    /// The example over standard streams, whose client this key proves.
    pub(super) fn streams(&self, key: Option<&str>) -> Lined {
        self.streams_with(key, &[])
    }

    /// The same with these settings more.
    pub(super) fn streams_with(&self, key: Option<&str>, settings: &[(&str, &str)]) -> Lined {
        let mut command = self.command(&[&[("MOCOPR_TRANSPORT", "stdio")], settings].concat());
        if let Some(key) = key {
            command.env("MOCOPR_STDIO_TOKEN", key);
        }
        Lined::spawn(command)
    }

    /// The example over HTTP, which keeps an audit log.
    pub(super) async fn listen_audited(&self) -> Served {
        let audit = self.audit();
        let audit = audit.to_str().expect("paths of tests are text");
        self.listen_with(&[("MOCOPR_STATE_KEY", STATE_KEY), ("MOCOPR_AUDIT", audit)]).await
    }

    /// The example over HTTP.
    pub(super) async fn listen(&self) -> Served {
        self.listen_with(&[]).await
    }

    /// The same with these settings more.
    pub(super) async fn listen_with(&self, settings: &[(&str, &str)]) -> Served {
        let settings = [&[("MOCOPR_TRANSPORT", "http"), ("MOCOPR_BIND", "127.0.0.1:0")], settings].concat();
        Served::over(Listening::spawn(self.command(&settings)).await)
    }

    /// The example at a Unix socket.
    pub(super) async fn listen_locally(&self) -> Served {
        let path = self.folder.path().join("mcp.sock");
        let path = path.to_str().expect("paths of tests are text");
        let command = self.command(&[("MOCOPR_TRANSPORT", "unix"), ("MOCOPR_BIND", path)]);
        Served::over(Listening::spawn(command).await)
    }

    /// The example over HTTPS.
    pub(super) async fn listen_securely(&self) -> Served {
        let authority = Authority::new();
        let files = authority.server("server", &[HOST]);
        let mut command = self.command(&[("MOCOPR_TRANSPORT", "https"), ("MOCOPR_BIND", "127.0.0.1:0")]);
        command.env("MOCOPR_TLS_CERT", &files.chain).env("MOCOPR_TLS_KEY", &files.key);
        command.env("MOCOPR_TLS_CLIENT_CA", authority.roots());
        Served { listening: Listening::spawn(command).await, authority: Some(authority) }
    }
}

/// The example over HTTP or HTTPS.
pub(super) struct Served {
    pub(super) listening: Listening,
    authority: Option<Authority>,
}

impl Served {
    /// What listens without TLS.
    pub(super) fn over(listening: Listening) -> Self {
        Self { listening, authority: None }
    }

    pub(super) async fn connect(&self) -> Connection {
        let connection = match &self.authority {
            None if let Some(path) = self.listening.url().strip_prefix("unix:") => {
                Connection::over(tokio::net::UnixStream::connect(path).await.expect("the example listens"))
            }
            None => Connection::open(self.listening.authority()).await,
            Some(authority) => {
                let shaken = authority.connect(self.listening.authority(), HOST, &Hello::default()).await;
                Connection::over(shaken.expect("a handshake"))
            }
        };
        connection.watched()
    }

    /// The message that answers another one, by HTTP/2.
    pub(super) async fn ask_by_http2(&self, key: &str, message: &Value) -> Value {
        let authority = self.authority.as_ref().expect("it is spoken over TLS alone");
        let hello = Hello { protocols: &["h2"], ..Hello::default() };
        let shaken = authority.connect(self.listening.authority(), HOST, &hello).await.expect("a handshake");
        let request = with_fields(&[("Authorization", &bearer(key))], message);
        Http2::over(shaken).await.ask(request).await.messages().pop().expect("there is an answer")
    }

    /// A WebSocket of whom this key proves.
    pub(super) async fn open_socket(&self, key: &str) -> Socket {
        Socket::open(self.connect().await, HOST, &[("Authorization", &bearer(key))]).await
    }

    /// The whole answer to a message of 2026-07-28 under this key.
    pub(super) async fn answer(&self, key: &str, message: &Value) -> Answer {
        self.connect().await.ask(with_fields(&[("Authorization", &bearer(key))], message)).await
    }

    /// The message that answers another one.
    pub(super) async fn ask(&self, key: &str, message: &Value) -> Value {
        self.answer(key, message).await.messages().pop().expect("there is an answer")
    }

    pub(super) fn log(&self) -> String {
        self.listening.log()
    }
}

/// A message whose incident numbers, which differ each time, are left out.
pub(super) fn without_incidents(message: &Value) -> String {
    let text = message.to_string();
    let mut parts = text.split("incident ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("incident …");
        out.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()));
    }
    match message["error"]["data"]["incident"].as_str() {
        Some(incident) => out.replace(incident, "…"),
        None => out,
    }
}
