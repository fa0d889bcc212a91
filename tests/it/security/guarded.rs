//! A server under the strict policy, and a client of it that presents what it is told to.

use std::time::Duration;

use mocopr::{
    HttpConfig, LiveKillSwitch, LiveSessions, McpServer, ServerBuilder,
    auth::{Authenticator, Credential, Identity, Rejected, Verdict, Verified},
    prelude::*,
    security::{Method, RateLimitPolicy, Revocations},
};
use serde_json::Value;

use crate::support::{
    hosted::Hosted,
    http::{Answer, Connection},
    request,
};

/// By which the tests call the server.
pub(super) const HOST: &str = "mcp.example.com";

/// Who issues the tokens of [`Names`].
pub(super) const ISSUER: &str = "https://id.example.com";

/// Takes tokens for names: `alice`, `alice.editor` with a role, `alice.editor.notes` with a role and a scope. What
/// begins with `x` proves nobody, what begins with `key` is not its business, and `brief` ends after ten seconds.
#[derive(Debug)]
pub(super) struct Names;

impl Authenticator for Names {
    fn authenticate(&self, credential: Credential<'_>) -> Verdict {
        let (Credential::Bearer(token) | Credential::ApiKey(token)) = credential;
        if token.starts_with("key") {
            return Verdict::Foreign;
        }
        if token.starts_with('x') {
            return Verdict::Rejected(Rejected::new("it begins with x"));
        }
        let mut parts = token.split('.');
        let subject = parts.next().unwrap_or_default();
        let mut list = || parts.next().filter(|part| !part.is_empty()).map(Box::from).into_iter().collect();
        let identity = Identity { method: Method::Token, issuer: ISSUER, subject, tenant: None };
        let verified = Verified::new(identity, list(), list()).by(token);
        Verdict::Verified(match subject {
            // A manual clock begins in 2026.
            "brief" => verified.until(Duration::from_secs(1_767_225_610)),
            _ => verified,
        })
    }

    fn issuers(&self) -> Vec<Box<str>> {
        vec![ISSUER.into()]
    }
}

/// The policy of these tests.
pub(super) fn policy() -> SecurityPolicy {
    SecurityPolicy::strict()
        .with_public_url(format!("https://{HOST}/mcp"))
        .with_authorization_enabled(false)
        .with_rate_limiting(RateLimitPolicy::unlimited())
        .with_authenticator(Names)
}

/// A server that listens under that policy.
pub(super) struct Guarded {
    hosted: Hosted,
    pub(super) revocations: Revocations,
    pub(super) sessions: LiveSessions,
    switch: Option<LiveKillSwitch>,
}

impl Guarded {
    pub(super) async fn start(policy: SecurityPolicy, with: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        Self::listen(HttpConfig::loopback(0), policy, with).await
    }

    /// The same on a listener of its own kind.
    pub(super) async fn listen(
        config: HttpConfig,
        policy: SecurityPolicy,
        with: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Self {
        let server = with(McpServer::builder().with_info("guarded", "1.0.0")).with_security_policy(policy).build();
        let server = server.expect("the server is sound");
        let (revocations, sessions, switch) = (server.revocations(), server.sessions(), server.kill_switch());
        let hosted = Hosted::start_with(server, config.with_tls_required(false)).await;
        Self { hosted, revocations, sessions, switch }
    }

    /// The kill switch, where the server was given one.
    pub(super) fn switch(&self) -> &LiveKillSwitch {
        self.switch.as_ref().expect("the server has a switch")
    }

    /// Host and port.
    pub(super) fn authority(&self) -> &str {
        self.hosted.authority()
    }

    pub(super) async fn connect(&self) -> Connection {
        Connection::open(self.hosted.authority()).await.watched()
    }

    /// The answer to any request with these header fields.
    pub(super) async fn send(&self, line: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
        self.connect().await.ask(request::request(line, &[&[("Host", HOST)], fields].concat(), body)).await
    }

    /// The answer to a message of 2026-07-28 with this credential and these header fields.
    pub(super) async fn ask(&self, fields: &[(&str, &str)], message: &Value) -> Answer {
        self.connect().await.ask(with_fields(fields, message)).await
    }

    /// The answer to a message of the revisions with sessions.
    pub(super) async fn ask_stateful(&self, fields: &[(&str, &str)], message: &Value) -> Answer {
        let base =
            [("Host", HOST), ("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
        let post = request::post(&[&base, fields].concat(), message.to_string().as_bytes());
        self.connect().await.ask(post).await
    }

    /// The session that this `initialize` opens for whom a token proves.
    pub(super) async fn open_session(&self, token: &str, hello: &Value) -> String {
        let opened = self.ask_stateful(&[("Authorization", &bearer(token))], hello).await;
        assert_eq!(opened.head.status, 200);
        opened.head.header("mcp-session-id").expect("a session begins").to_owned()
    }

    /// The stream of a session, which has begun.
    pub(super) async fn stream_of(&self, token: &str, session: &str) -> Connection {
        let bearer = bearer(token);
        let accept = ("Accept", "application/json, text/event-stream");
        let fields = [("Host", HOST), ("Authorization", &bearer), accept, ("Mcp-Session-Id", session)];
        let mut stream = self.connect().await;
        stream.send(request::request("GET /mcp HTTP/1.1", &fields, b"")).await;
        assert!(stream.head().await.is_event_stream());
        stream
    }
}

/// A message of 2026-07-28 as bytes, with these header fields more.
pub(super) fn with_fields(fields: &[(&str, &str)], message: &Value) -> Vec<u8> {
    let bytes = String::from_utf8(request::stateless_post(HOST, message)).expect("it is text");
    let more: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    bytes.replacen("\r\nHost:", &format!("\r\n{more}Host:"), 1).into_bytes()
}

/// The header field that presents a token.
pub(super) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
