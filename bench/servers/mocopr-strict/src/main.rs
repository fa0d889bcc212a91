//! mocopr under the strict policy: each request shows an access token, roles decide what its caller may do, and its
//! address and its caller have a rate each. What the server does not know of a call it must find out at each of them.

mod issued;
mod kept;

use std::num::NonZeroUsize;

use anyhow::{Result, ensure};
use contract::{Evidence, Options, Transport};
use mocopr::{
    audit::AuditLogger,
    auth::{AuthMiddleware, TokenValidator},
    metrics::security::SecurityMetrics,
    prelude::*,
    security::{Limits, RateLimit, RateLimitPolicy, RoleBasedAccessControl, Secret},
};

use crate::issued::Issued;

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    ensure!(options.transport == Transport::Http, "standard streams have no policy of their own to measure");
    let Issued { key_set, token } = Issued::new(ISSUER, URL, ROLE)?;
    let tokens = AuthMiddleware::builder().with_token_validation(TokenValidator::key_set(ISSUER, key_set)).build()?;
    let policy = SecurityPolicy::strict()
        .with_public_url(URL)
        .with_authentication(tokens)
        .with_rate_limiting(RATES)
        .with_limits(limits(&options));
    let roles = RoleBasedAccessControl::builder()
        .with_role("admin", &["*"])
        .with_role(ROLE, &["tools:call:*", "resources:read:*", "prompts:read:*"])
        .with_role("service", &["tools:call:echo"])
        .build()?;
    let mut builder = McpServer::builder().with_security_policy(policy).with_authorization(roles);
    if options.evidence == Evidence::Kept {
        builder = builder
            .with_state_key(Secret::new(STATE_KEY.to_owned()))
            .with_audit(AuditLogger::builder().with_file(kept::audit_file()?).build())
            .with_metrics(SecurityMetrics::all());
    }
    let server = server_mocopr::with_tools(builder, &options).build()?;
    let config =
        HttpConfig::loopback(0).with_tls_required(false).on_ready(move |at| contract::listening_as(at, HOST, &token));
    Ok(server.run_http(config).await?)
}

/// Those of the strict profile, but for what the load needs more of.
fn limits(options: &Options) -> Limits {
    let strict = Limits::strict();
    let development = Limits::development();
    Limits {
        sessions: NonZeroUsize::new(options.sessions).unwrap_or(strict.sessions),
        sessions_per_principal: NonZeroUsize::new(options.sessions),
        streams_per_principal: NonZeroUsize::new(options.streams).unwrap_or(strict.streams_per_principal),
        calls_per_principal: development.calls_per_principal,
        message: development.message,
        schema: development.schema,
        result_bytes: development.result_bytes,
        ..strict
    }
}

/// Every bucket is taken from, and none is ever empty.
const RATES: RateLimitPolicy = RateLimitPolicy {
    address: Some(RateLimit::per_minute(u32::MAX)),
    principal: Some(RateLimit::per_minute(u32::MAX)),
    heavy: Some(RateLimit::per_minute(u32::MAX)),
};
/// Seals nothing but the audit log of a measurement.
const STATE_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ISSUER: &str = "https://id.example.com";
const HOST: &str = "mcp.example.com";
const URL: &str = "https://mcp.example.com/mcp";
const ROLE: &str = "user";
