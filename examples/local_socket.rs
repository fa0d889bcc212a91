//! A Unix socket: programs of this machine call without a token, because the system says which user each runs as.
//!
//! ```sh
//! cargo run --example local_socket -- "$XDG_RUNTIME_DIR/board.sock"        # for you alone
//! cargo run --example local_socket -- "$XDG_RUNTIME_DIR/board.sock" 100    # the group 100 may read
//! curl --unix-socket "$XDG_RUNTIME_DIR/board.sock" http://localhost/mcp -H 'content-type: application/json' \
//!   -H 'mcp-protocol-version: 2026-07-28' -H 'mcp-method: tools/list' -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
//! ```
//!
//! The folder must be yours or root's, and nobody else may write there, so `/tmp` is refused. It needs no public URL, no
//! certificate and no keys.
#![allow(clippy::print_stderr, reason = "standard error tells people where it listens")]

use std::sync::{Mutex, PoisonError};

use mocopr::{UnixConfig, auth::LocalUsers, prelude::*, security::RoleBasedAccessControl};

/// A board that some read and its owner writes.
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
}

#[mocopr::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "/run/board/mcp.sock".to_owned());
    let group: Option<u32> = arguments.next().and_then(|gid| gid.parse().ok());
    let mut users = LocalUsers::only_me(["owner"]);
    let mut config = UnixConfig::new(&path);
    if let Some(gid) = group {
        // Both are needed: the file lets the group connect, and the policy lets it call.
        users = users.with_group(gid, ["reader"]);
        config = config.with_group(gid);
    }
    let roles = RoleBasedAccessControl::builder()
        .with_role("reader", &["tools:call:read"])
        .with_role("owner", &["*"])
        .build()?;
    McpServer::builder()
        .with_info("board", "1.0.0")
        .with_security_policy(SecurityPolicy::strict().with_local_users(users))
        .with_authorization(roles)
        .with_handlers(Board::default())
        .build()?
        .run(config.on_ready(move || eprintln!("listening on {path}")))
        .await
}
