//! The text files of one directory as resources, and nothing beside it.
//!
//! `cargo run --example sandboxed_files -- docs`, and paste these lines: a file, and a way out that is none.
//!
//! ```json
//! {"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///policies.md","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
//! {"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"file:///../Cargo.toml","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
//! ```
//!
//! The directory is opened once and held. `file:///` is that directory; its own path is never shown. Linux alone.

use mocopr::{prelude::*, resources::security::FileResourceHandler};

#[mocopr::main]
async fn main() -> Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "docs".to_owned());
    let files = FileResourceHandler::builder()
        .with_base_directory(directory)
        .with_read_only(true)
        .with_symlink_following(false)
        .with_allowed_extensions(&["md", "txt"])
        .with_file_size_limit(1024 * 1024)
        .build();
    McpServer::builder().with_info("documents", "1.0.0").with_resources("file:///", files).build()?.run_stdio().await
}
