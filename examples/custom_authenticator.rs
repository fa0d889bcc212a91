//! Callers whom something of your own knows: here, the sessions of a web application.
//!
//! `SESSION=$(openssl rand -hex 32) cargo run --example custom_authenticator` listens on port 8080 of loopback, or `PORT`,
//! for a proxy, and serves whoever presents `Authorization: Bearer session_$SESSION`. The rest is the framework's: that a
//! session has not ended, that it was not revoked, what its roles may do.
#![allow(clippy::print_stderr, reason = "the address goes to whoever started the example")]

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use mocopr::{
    auth::{Authenticator, Credential, Identity, Rejected, Verdict, Verified},
    prelude::*,
    security::{Method, Principal, RoleBasedAccessControl, Secret},
};

/// Says who calls.
#[tool]
async fn whoami(caller: Caller) -> String {
    caller.subject().to_owned()
}

/// The sessions that are open, by their ids. An id has so many random bits that none can be found by trying, so it is
/// looked up as it is; ids that could be guessed would be compared by their digests.
#[derive(Clone, Default)]
struct Sessions(Arc<RwLock<HashMap<String, Session>>>);

struct Session {
    user: &'static str,
    roles: &'static [&'static str],
    /// Names it in logs and revocations, which its id must not do.
    number: &'static str,
    /// In time since 1970-01-01T00:00:00Z.
    ends: Duration,
}

impl Authenticator for Sessions {
    fn authenticate(&self, credential: Credential<'_>) -> Verdict {
        // What is not ours is left to whoever is asked next.
        let Credential::Bearer(token) = credential else { return Verdict::Foreign };
        let Some(id) = token.strip_prefix("session_") else { return Verdict::Foreign };
        // A table elsewhere would be asked inside of `Verdict::Later(Pending::new(..))`, and one that cannot be reached
        // answers `Verdict::Unavailable`.
        let sessions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(Session { user, roles, number, ends }) = sessions.get(id) else {
            return Verdict::Rejected(Rejected::new("no such session"));
        };
        let identity =
            Identity { method: Method::Token, issuer: "https://app.example.com", subject: user, tenant: None };
        let roles = roles.iter().map(|role| Box::from(*role)).collect();
        Verdict::Verified(Verified::new(identity, roles, [].into()).by(*number).until(*ends))
    }

    /// Who has logged out is gone at once, also where something of theirs is open.
    fn still_proves(&self, _who: &Principal, credential: Option<&str>) -> bool {
        let sessions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        sessions.values().any(|session| Some(session.number) == credential)
    }
}

/// Tells nothing of the ids.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(..)")
    }
}

#[mocopr::main]
async fn main() -> Result<()> {
    let id: Secret<String> = Secret::from_env("SESSION")?;
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080);
    // Until 2100.
    let session = Session { user: "alice", roles: &["user"], number: "1", ends: Duration::from_secs(4_102_444_800) };
    let sessions = Sessions::default();
    sessions.0.write().unwrap_or_else(PoisonError::into_inner).insert(id.expose().clone(), session);
    let policy = SecurityPolicy::strict().with_public_url("https://mcp.example.com/mcp").with_authenticator(sessions);
    let config = HttpConfig::loopback(port).with_tls_required(false);
    McpServer::builder()
        .with_info("sessions", "1.0.0")
        .with_security_policy(policy)
        .with_authorization(RoleBasedAccessControl::builder().with_role("user", &["tools:call"]).build()?)
        .with_tool(whoami)
        .build()?
        .run_http(config.on_ready(|address| eprintln!("listening on http://{address}/mcp")))
        .await
}
