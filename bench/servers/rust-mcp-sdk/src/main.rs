//! rust-mcp-sdk with its axum server, answering JSON. It has no registry of tools: a handler matches names itself, and
//! so the tools listed are made once here and cloned for each list, as its result owns them.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use async_trait::async_trait;
use contract::{Options, Transport};
use rust_mcp_axum::{AxumServerOptions, create_axum_server};
use rust_mcp_sdk::{
    McpServer, RequestContext, ServerDetails, StdioTransport, ToMcpServerHandler, TransportOptions,
    macros::{self, JsonSchema},
    mcp_server::{McpServerOptions, ServerHandler, server_runtime},
    schema::{
        CallToolError, CallToolRequestParams, CallToolResult, Implementation, ListToolsResult,
        ListToolsResultCacheScope, PaginatedRequestParams, RpcError, ServerCapabilities, ServerCapabilitiesTools,
        ServerResult, TextContent, Tool,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let server_details = ServerDetails {
        server_info: Implementation {
            name: contract::NAME.into(),
            version: contract::VERSION.into(),
            title: None,
            description: None,
            icons: Vec::new(),
            website_url: None,
        },
        capabilities: ServerCapabilities {
            tools: Some(ServerCapabilitiesTools { list_changed: None }),
            ..Default::default()
        },
        instructions: None,
        meta: None,
    };
    let handler = Bench { tools: tools(options.tools) }.to_mcp_server_handler();
    if options.transport == Transport::Stdio {
        let transport = StdioTransport::new(TransportOptions::default()).map_err(|error| anyhow!("{error}"))?;
        let options = McpServerOptions { server_details, transport, handler, message_observer: None };
        return server_runtime::create_server(options).start().await.map_err(|error| anyhow!("{error}"));
    }
    // Its check of the header Host compares with the configured port, so that port must be known before it listens.
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let options =
        AxumServerOptions { port: address.port(), enable_json_response: Some(true), ..AxumServerOptions::default() };
    let server = create_axum_server(server_details, handler, options);
    let handle = server.server_handle();
    let runtime = server.start_runtime().await.map_err(|error| anyhow!("{error}"))?;
    handle.listening().await;
    contract::listening(address);
    runtime.await_server().await.map_err(|error| anyhow!("{error}"))
}

#[macros::mcp_tool(name = "echo", description = "Answers the text it is given.")]
#[derive(Deserialize, Serialize, JsonSchema)]
struct Echo {
    text: String,
}

#[macros::mcp_tool(name = "add", description = "Adds two integers.")]
#[derive(Deserialize, Serialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[macros::mcp_tool(name = "blob", description = "Answers a text of that many bytes.")]
#[derive(Deserialize, Serialize, JsonSchema)]
struct Blob {
    bytes: i64,
}

#[macros::mcp_tool(
    name = "search",
    description = "Searches the files of a project for a pattern and answers the lines that match."
)]
#[derive(Deserialize, Serialize, JsonSchema)]
struct Search {
    /// What to look for.
    pattern: String,
    /// Where to look, relative to the project.
    folder: Option<String>,
    /// How many lines to answer at most.
    limit: Option<i64>,
}

fn tools(more: usize) -> Vec<Tool> {
    let mut tools = vec![Echo::tool(), Add::tool(), Blob::tool()];
    tools.extend(contract::more_tools(more).map(|name| Tool { name, ..Search::tool() }));
    tools
}

struct Bench {
    tools: Vec<Tool>,
}

#[async_trait]
impl ServerHandler for Bench {
    async fn handle_list_tools_request(
        &self,
        _: Option<PaginatedRequestParams>,
        _: &RequestContext,
        _: Arc<dyn McpServer>,
    ) -> std::result::Result<ListToolsResult, RpcError> {
        Ok(ListToolsResult {
            tools: self.tools.clone(),
            meta: None,
            next_cursor: None,
            cache_scope: ListToolsResultCacheScope::Private,
            result_type: "complete".to_string(),
            ttl_ms: 0,
        })
    }

    async fn handle_call_tool_request(
        &self,
        params: CallToolRequestParams,
        _: &RequestContext,
        _: Arc<dyn McpServer>,
    ) -> std::result::Result<ServerResult, CallToolError> {
        let (text, structured_content) = match params.name.as_str() {
            "echo" => (arguments::<Echo>(params.arguments)?.text, None),
            "add" => {
                let Add { a, b } = arguments(params.arguments)?;
                let sum = Value::Object(Map::from_iter([("sum".to_owned(), Value::from(a + b))]));
                (sum.to_string(), Some(sum))
            }
            "blob" => (contract::blob(usize::try_from(arguments::<Blob>(params.arguments)?.bytes).unwrap_or(0)), None),
            _ => return Err(CallToolError::unknown_tool(params.name)),
        };
        Ok(ServerResult::CallToolResult(CallToolResult {
            content: vec![TextContent::new(text, None, None).into()],
            is_error: None,
            meta: None,
            result_type: "complete".to_string(),
            structured_content,
        }))
    }
}

fn arguments<A: DeserializeOwned>(arguments: Option<Map<String, Value>>) -> std::result::Result<A, CallToolError> {
    serde_json::from_value(Value::Object(arguments.unwrap_or_default())).map_err(CallToolError::new)
}
