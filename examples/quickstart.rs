//! A first server: one tool, one prompt, one resource. Start it and read what it says.
//!
//! `cargo run --example quickstart` serves standard streams, which is how clients start a server of their own.
//! `cargo run --example quickstart -- --http` serves Streamable HTTP on a loopback address.
#![allow(clippy::print_stderr, reason = "standard output belongs to the protocol, so people are told here")]

use std::{io::IsTerminal, net::SocketAddr};

use mocopr::prelude::*;

/// Adds two numbers.
#[tool(read_only)]
async fn add(
    /// The first addend.
    a: f64,
    /// The second addend.
    b: f64,
) -> f64 {
    a + b
}

/// Asks for an explanation that a child understands.
#[prompt]
async fn explain(
    /// What is to be explained.
    topic: String,
) -> String {
    format!("Explain {topic} to a child of ten, in five sentences.")
}

/// The time that a cup of tea takes.
#[resource("tea://{kind}/minutes", mime = "text/plain")]
async fn minutes(kind: String) -> Result<String, Failure> {
    match kind.as_str() {
        "green" => Ok("2".to_owned()),
        "black" => Ok("4".to_owned()),
        _ => Err(Failure::absent(format!("tea://{kind}/minutes"))),
    }
}

#[mocopr::main]
async fn main() -> Result<()> {
    let server = McpServer::builder()
        .with_info("quickstart", "1.0.0")
        .with_security_policy(SecurityPolicy::development())
        .with_tool(add)
        .with_prompt(explain)
        .with_resource(minutes)
        .build()?;
    if std::env::args().any(|argument| argument == "--http") {
        return server.run_http(HttpConfig::loopback(0).on_ready(say_how_to_reach)).await;
    }
    say_how_to_start();
    server.run_stdio().await
}

fn say_how_to_reach(address: SocketAddr) {
    let url = format!("http://{address}/mcp");
    eprintln!("listening on {url}");
    eprintln!("in a client's configuration:");
    eprintln!(r#"  {{"mcpServers": {{"quickstart": {{"type": "http", "url": "{url}"}}}}}}"#);
    eprintln!("or look at it:\n  npx @modelcontextprotocol/inspector --cli {url} --method tools/list");
}

fn say_how_to_start() {
    let program = std::env::current_exe().unwrap_or_else(|_| "quickstart".into());
    eprintln!("listening on stdio");
    eprintln!("in a client's configuration:");
    eprintln!(r#"  {{"mcpServers": {{"quickstart": {{"command": {program:?}}}}}}}"#);
    if std::io::stdin().is_terminal() {
        eprintln!(
            "or look at it:\n  npx @modelcontextprotocol/inspector --cli {} --method tools/list",
            program.display()
        );
        eprintln!("or paste this line here, and end with Ctrl-D:\n  {LINE}");
    }
}

/// A call that needs no handshake.
const LINE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":2},"#,
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}}}"#,
);
