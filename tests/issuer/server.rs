//! A server whose tokens come from a real authorization server: signed ones by discovery, others by asking about them.
//!
//! What `tests/issuer/run` starts; everything that it needs comes from the environment.
#![allow(clippy::print_stderr, reason = "the address goes to whoever started it")]

use std::error::Error;

use mocopr::{
    auth::{AuthMiddleware, DpopPolicy, TokenValidator},
    prelude::*,
    security::{RateLimitPolicy, RoleBasedAccessControl, Secret},
};

/// Says who calls, and by which scopes.
#[tool]
async fn whoami(caller: Caller) -> String {
    let scopes = ["notes:read", "notes:write"].into_iter().filter(|scope| caller.has_scope(scope));
    format!("{} {}", caller.subject(), scopes.collect::<Vec<_>>().join(" "))
}

#[mocopr::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let setting = |name: &str| std::env::var(name).map_err(|_| format!("{name}: missing"));
    let issuer = setting("ISSUER")?;
    let (url, secret) = (setting("INTROSPECTION_URL")?, Secret::from_env("CLIENT_SECRET")?);
    let signed = TokenValidator::oidc(issuer.clone());
    let opaque = TokenValidator::introspection(issuer, url, setting("CLIENT_ID")?, secret);
    // The authorization server is on this machine, without TLS.
    let tokens = AuthMiddleware::builder()
        .with_token_validation(signed.allowing_insecure_loopback())
        .with_token_validation(opaque.allowing_insecure_loopback())
        .with_dpop(DpopPolicy::accepted())
        .build()?;
    let policy = SecurityPolicy::strict()
        .with_public_url(setting("PUBLIC_URL")?)
        // Each refusal counts as ten requests, and there are many of them.
        .with_rate_limiting(RateLimitPolicy::unlimited());
    let config = HttpConfig::loopback(0).with_tls_required(false);
    McpServer::builder()
        .with_info("issued", env!("CARGO_PKG_VERSION"))
        .with_security_policy(policy)
        .with_middleware(tokens)
        .with_authorization(RoleBasedAccessControl::builder().with_role("user", &["tools:call"]).build()?)
        .with_tool(whoami)
        .build()?
        .run_http(config.on_ready(|address| eprintln!("listening on http://{address}/mcp")))
        .await?;
    Ok(())
}
