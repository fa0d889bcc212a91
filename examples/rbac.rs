//! Roles over HTTP: who holds which API key sees and does different things.
//!
//! ```sh
//! cargo run --example keys -- add keys --subject ann --role reader    # prints a key, once
//! cargo run --example keys -- add keys --subject bob --role editor
//! cargo run --example rbac -- keys                                    # says its URL
//! curl $URL -H 'host: mcp.example.com' -H "x-api-key: $KEY" -H 'content-type: application/json' \
//!   -H 'mcp-protocol-version: 2026-07-28' -H 'mcp-method: tools/list' -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
//! ```
//!
//! It listens on this machine alone, for a proxy of the same machine that ends TLS, and answers to the host of its public
//! URL.
#![allow(clippy::print_stderr, reason = "standard error tells people where it listens")]

use std::sync::{Mutex, PoisonError};

use mocopr::{auth::ApiKeys, prelude::*, security::RoleBasedAccessControl};

/// A board that everybody reads and editors write.
#[derive(Default)]
struct Board(Mutex<Vec<String>>);

#[handlers]
impl Board {
    /// Reads the board.
    #[tool(read_only)]
    fn read(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Writes a line on the board.
    #[tool]
    fn write(&self, #[arg(length(1..=200))] line: String, caller: Caller) -> String {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(format!("{}: {line}", caller.subject()));
        format!("{} lines", lines.len())
    }

    /// Wipes the board. Whatever the rules say, this takes the role.
    #[tool(destructive, requires(role = "owner"))]
    fn wipe(&self) -> &'static str {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
        "wiped"
    }
}

#[mocopr::main]
async fn main() -> Result<()> {
    let keys = std::env::args().nth(1).unwrap_or_else(|| "keys".to_owned());
    // What no role grants does not exist for its holder: it is not listed, and a call of it names an unknown tool.
    let roles = RoleBasedAccessControl::builder()
        .with_role("reader", &["tools:call:read"])
        .with_role("editor", &["tools:call:read", "tools:call:write"])
        .with_role("owner", &["*"])
        .build()?;
    let policy = SecurityPolicy::strict()
        .with_public_url("https://mcp.example.com/mcp") // as clients see it, through the proxy
        .with_authenticator(ApiKeys::from_file(keys)?);
    McpServer::builder()
        .with_info("board", "1.0.0")
        .with_security_policy(policy)
        .with_authorization(roles)
        .with_handlers(Board::default())
        .build()?
        .run_http(
            HttpConfig::loopback(0)
                .with_tls_required(false)
                .on_ready(|address| eprintln!("listening on http://{address}/mcp")),
        )
        .await
}
