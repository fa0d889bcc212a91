//! What an owner says of an endpoint, whatever listens for it: its path, its limits, whom it believes.

use std::time::Duration;

use mocopr_security::{
    policy::{Problem, Profile, Report, SecurityPolicy},
    proxies::TrustedProxies,
};

use super::CorsConfig;
use crate::transport::http::health;

/// What the owner says of one endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) path: Box<str>,
    pub(crate) cors: CorsConfig,
    /// Bytes of one body.
    pub(crate) max_request: Option<usize>,
    /// For one call.
    pub(crate) timeout: Option<Duration>,
    pub(crate) health: Health,
    pub(crate) proxies: TrustedProxies,
    /// What is wrong with the proxies.
    pub(crate) untrusted: Vec<Problem>,
}

/// Whether load balancers are told how the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Told,
    Untold,
}

impl Endpoint {
    /// At `/mcp`, as the policy says.
    pub(super) fn new() -> Self {
        Self {
            path: "/mcp".into(),
            cors: CorsConfig::default(),
            max_request: None,
            timeout: None,
            health: Health::Untold,
            proxies: TrustedProxies::default(),
            untrusted: Vec::new(),
        }
    }

    /// Trusts these networks as well, as far as they are such.
    pub(super) fn trust<S: AsRef<str>>(&mut self, networks: impl IntoIterator<Item = S>) {
        for network in networks {
            if let Err(problem) = self.proxies.trust(network.as_ref()) {
                self.untrusted.push(problem);
            }
        }
    }

    /// Says whom it believes and what it tells, for the owner.
    pub(super) fn say(&self, report: &mut Report) {
        if !self.proxies.is_empty() {
            report.say("trusted proxies", self.proxies.to_string(), false);
        }
        if self.health == Health::Told {
            report.say("health", format!("told to everybody at {} and {}", health::LIVE, health::READY), false);
        }
    }

    /// Everything that keeps a server with this policy from serving it.
    pub(super) fn problems(&self, policy: &SecurityPolicy) -> Vec<Problem> {
        let mut problems = self.untrusted.clone();
        if policy.profile() == Profile::Development && !self.proxies.is_empty() {
            problems.push(Problem::new(
                "the development profile trusts no proxy: whoever comes through one would be the local user",
                "leave .with_trusted_proxies(..) out, or use SecurityPolicy::strict()",
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
        if self.health == Health::Told && health::is_path(&self.path) {
            problems.push(Problem::new(
                format!("`{}` is where load balancers ask how the server is", self.path),
                "give .with_path(..) another path, or leave .with_health() out",
            ));
        }
        problems
    }
}

/// Without a public URL nobody can say for whom a request is.
pub(super) fn no_public_url(policy: &SecurityPolicy) -> Option<Problem> {
    (policy.profile() == Profile::Strict && policy.public_url().is_none()).then(|| {
        Problem::new(
            "no public URL: requests cannot be told from those for another server",
            "call .with_public_url(\"https://mcp.example.com/mcp\") on the policy",
        )
    })
}

/// Callers must prove who they are, and there is nothing by which they could.
pub(super) fn nobody_proves(policy: &SecurityPolicy) -> Option<Problem> {
    (policy.requires_authentication() && !policy.has_authenticators()).then(|| {
        Problem::new(
            "callers must prove who they are, and nobody can say whom a credential proves",
            "call .with_authentication(..) on the policy",
        )
    })
}
