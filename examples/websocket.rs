//! One tool over WebSocket. Start it, and call the tool from any client of WebSocket.
//!
//! `cargo run --example websocket` serves `ws://127.0.0.1:PORT/ws`, and Streamable HTTP at `/mcp` of the same port. A
//! client offers the subprotocol `mcp` and sends one message a text frame, for example with `websocat`:
//! `websocat --protocol mcp ws://127.0.0.1:PORT/ws`. `docs/websocket.md` says the rest.
#![allow(clippy::print_stderr, reason = "the address goes to whoever started the example")]

use std::time::Duration;

use mocopr::{WebSocketConfig, prelude::*, security::RateLimit};

/// Counts down, and tells of each step.
#[tool]
async fn count_down(
    /// Where to begin.
    from: u8,
    progress: Progress,
) -> String {
    for left in (1..=from).rev() {
        progress.report(f64::from(from - left), f64::from(from), left.to_string());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    "lift-off".to_owned()
}

#[mocopr::main]
async fn main() -> Result<()> {
    let server = McpServer::builder()
        .with_info("websocket", "1.0.0")
        .with_security_policy(SecurityPolicy::development())
        .with_tool(count_down)
        .build()?;
    let config = WebSocketConfig::loopback(0)
        .with_rate_limiting(RateLimit::per_minute(600))
        .on_ready(|address| eprintln!("listening on ws://{address}/ws"));
    server.run_websocket(config).await
}
