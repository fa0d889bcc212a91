//! HTTPS, and callers who bring an access token of an authorization server.
//!
//! ```sh
//! cargo run --example https_jwt -- cert.pem key.pem https://id.example.com https://id.example.com/jwks.json
//! cargo run --example https_jwt -- cert.pem key.pem       # to try it: signs tokens itself, and prints one
//! curl https://localhost:8443/mcp --cacert cert.pem -H "authorization: Bearer $TOKEN" \
//!   -H 'content-type: application/json' -H 'mcp-protocol-version: 2026-07-28' -H 'mcp-method: tools/list' \
//!   -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
//! ```
//!
//! A certificate to try it with: `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj
//! /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem && chmod 600 key.pem`
#![allow(clippy::print_stderr, reason = "standard error tells people where it listens, and a token to try it with")]

use mocopr::{
    TlsConfig,
    auth::{AuthMiddleware, TokenIssuer, TokenValidator},
    prelude::*,
    security::{RateLimitPolicy, RoleBasedAccessControl},
};

/// Says who is calling.
#[tool(read_only)]
async fn whoami(caller: Caller) -> String {
    format!("{}, with the roles {:?}", caller.subject(), caller.roles().collect::<Vec<_>>())
}

/// Deletes everything. Listed for every user; a call without the scope is told which one it takes.
#[tool(destructive, requires(scope = "all:delete"))]
async fn delete() -> &'static str {
    "deleted"
}

#[mocopr::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (cert, key, tokens) = match arguments[..] {
        [cert, key, issuer, jwks_url] => (cert, key, TokenValidator::jwks(issuer, jwks_url).with_roles_claim("roles")),
        [cert, key] => {
            // What a test uses in place of an authorization server, behind the feature `testing`.
            let issuer = TokenIssuer::new()?.with_audience(PUBLIC_URL);
            eprintln!("token {}", issuer.token_for("alice").with_role("user").sign()?);
            (cert, key, issuer.validator().with_roles_claim("roles"))
        }
        _ => return Err("https_jwt CERT KEY [ISSUER JWKS_URL]".into()),
    };
    let policy = SecurityPolicy::strict()
        .with_public_url(PUBLIC_URL)
        .with_rate_limiting(RateLimitPolicy::production())
        .with_authentication(AuthMiddleware::builder().with_token_validation(tokens).build()?);
    let server = McpServer::builder()
        .with_info("whoami", "1.0.0")
        .with_security_policy(policy)
        .with_authorization(RoleBasedAccessControl::builder().with_role("user", &["tools:call"]).build()?)
        .with_tool(whoami)
        .with_tool(delete)
        .build()?;
    let port: u16 = std::env::var("PORT").map_or(Ok(8443), |port| port.parse())?;
    let config = HttpConfig::new(([127, 0, 0, 1], port))
        .with_tls(TlsConfig::from_pem_files(cert, key)?)
        .on_ready(|address| eprintln!("listening on https://{address}/mcp"));
    Ok(server.run_http(config).await?)
}

/// By which clients call it: what `Host` has to say, and the audience of its tokens.
const PUBLIC_URL: &str = "https://localhost:8443/mcp";
