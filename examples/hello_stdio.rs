//! The smallest server: one tool over standard streams.
//!
//! `cargo run --example hello_stdio`, paste this line, and end with Ctrl-D:
//!
//! ```json
//! {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hello","arguments":{"name":"Ann"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
//! ```
//!
//! A client starts the program itself; its configuration names the path of the program and nothing else.

use mocopr::prelude::*;

/// Greets somebody.
#[tool(read_only, closed_world)]
async fn hello(
    /// Who is greeted.
    name: String,
) -> String {
    format!("Hello, {name}!")
}

#[mocopr::main]
async fn main() -> Result<()> {
    McpServer::builder().with_info("hello", "1.0.0").with_tool(hello).build()?.run_stdio().await
}
