//! rmcp: as its own examples start it, or with `--best` answering JSON, without sessions, and without delaying small
//! writes.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::{Router, serve::ListenerExt};
use contract::{Options, Settings, Transport};
use rmcp::{
    Json, ServerHandler, ServiceExt,
    handler::server::{
        router::tool::{ToolRoute, ToolRouter},
        wrapper::Parameters,
    },
    model::{CallToolResult, ContentBlock, Implementation, JsonObject, ServerCapabilities, ServerConfig, Tool},
    schemars, tool, tool_handler, tool_router,
    transport::{
        stdio,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let server = Bench::new(options.tools)?;
    if options.transport == Transport::Stdio {
        server.serve(stdio()).await?.waiting().await?;
        return Ok(());
    }
    let config = match options.settings {
        Settings::Default => StreamableHttpServerConfig::default(),
        Settings::Best => {
            StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true)
        }
    };
    let service =
        StreamableHttpService::new(move || Ok(server.clone()), Arc::new(LocalSessionManager::default()), config);
    let app = Router::new().nest_service("/mcp", service);
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    contract::listening(socket.local_addr()?);
    match options.settings {
        Settings::Default => axum::serve(socket, app).await?,
        Settings::Best => {
            let socket = socket.tap_io(|stream| {
                // A connection that cannot be told so is slow, and not wrong.
                let _ = stream.set_nodelay(true);
            });
            axum::serve(socket, app).await?;
        }
    }
    Ok(())
}

/// The router is shared, because a handler is cloned for each request.
#[derive(Clone)]
struct Bench {
    tools: Arc<ToolRouter<Self>>,
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

#[tool_router]
impl Bench {
    fn new(more: usize) -> Result<Self> {
        let schema: JsonObject = serde_json::from_str(contract::MORE_SCHEMA).context("the schema is JSON")?;
        let schema = Arc::new(schema);
        let mut tools = Self::tool_router();
        for name in contract::more_tools(more) {
            let tool = Tool::new(name, contract::MORE, schema.clone());
            // They are listed and never called.
            tools.add_route(ToolRoute::new_dyn(tool, |_| {
                Box::pin(async { Ok(CallToolResult::success(vec![ContentBlock::text("nothing")]).into()) })
            }));
        }
        Ok(Self { tools: Arc::new(tools) })
    }

    #[tool(description = "Answers the text it is given.")]
    async fn echo(&self, Parameters(Echo { text }): Parameters<Echo>) -> String {
        text
    }

    #[tool(description = "Adds two integers.")]
    async fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> Json<Sum> {
        Json(Sum { sum: a + b })
    }

    #[tool(description = "Answers a text of that many bytes.")]
    async fn blob(&self, Parameters(Blob { bytes }): Parameters<Blob>) -> String {
        contract::blob(bytes)
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Bench {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(contract::NAME, contract::VERSION))
    }
}
