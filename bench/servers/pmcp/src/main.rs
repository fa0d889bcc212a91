//! pmcp as it is fastest: JSON answers, no sessions, requests side by side instead of one after the other.

use std::sync::Arc;

use anyhow::Result;
use axum::{Router, serve::ListenerExt};
use contract::{Options, Transport};
use pmcp::{
    Server, ServerCapabilities,
    server::{
        axum_router::{RouterConfig, concurrent_router_with_config},
        streamable_http_server::StreamableHttpServerConfig,
        typed_tool::{TypedTool, TypedToolWithOutput},
    },
    types::{
        CallToolResult, Content,
        protocol::{LATEST_PROTOCOL_VERSION, PROTOCOL_VERSION_2026_07_28, ProtocolVersion},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let server = server(options.tools)?;
    if options.transport == Transport::Stdio {
        server.run_stdio().await?;
        return Ok(());
    }
    let config = RouterConfig { server_config: StreamableHttpServerConfig::stateless(), ..RouterConfig::default() };
    // It serves the root of a path; the client of the comparison asks at `/mcp`.
    let app = Router::new().nest("/mcp", concurrent_router_with_config(Arc::new(server), config));
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    contract::listening(socket.local_addr()?);
    let socket = socket.tap_io(|stream| {
        // A connection that cannot be told so is slow, and not wrong.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(socket, app).await?;
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(Deserialize, JsonSchema)]
struct Blob {
    bytes: usize,
}

#[derive(Deserialize)]
struct Search {
    pattern: String,
}

fn server(more: usize) -> Result<Server> {
    let mut builder = Server::builder()
        .name(contract::NAME)
        .version(contract::VERSION)
        .capabilities(ServerCapabilities::tools_only())
        .with_supported_protocol_versions([
            ProtocolVersion(LATEST_PROTOCOL_VERSION.to_string()),
            ProtocolVersion(PROTOCOL_VERSION_2026_07_28.to_string()),
        ])
        // A text that a typed tool returns would be quoted as JSON a second time; a result of its own is not.
        .tool_with_result("echo", |Echo { text }, _| Box::pin(async move { Ok(texts(text)) }))
        .tool(
            "add",
            TypedToolWithOutput::new("add", |Add { a, b }, _| Box::pin(async move { Ok(Sum { sum: a + b }) }))
                .with_description(contract::ADD),
        )
        .tool_with_result("blob", |Blob { bytes }, _| Box::pin(async move { Ok(texts(contract::blob(bytes))) }));
    let schema: Value = serde_json::from_str(contract::MORE_SCHEMA)?;
    for name in contract::more_tools(more) {
        let tool = TypedTool::new_with_schema(name.clone(), schema.clone(), |Search { pattern }, _| {
            Box::pin(async move { Ok(Value::String(pattern)) })
        });
        builder = builder.tool(name, tool.with_description(contract::MORE));
    }
    Ok(builder.build()?)
}

fn texts(text: String) -> CallToolResult {
    CallToolResult::new(vec![Content::text(text)])
}
