//! mocopr in its default configuration: every check that it has is on.

use std::num::NonZeroUsize;

use anyhow::Result;
use contract::{Options, Transport};
use mocopr::{prelude::*, security::Limits};

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let defaults = Limits::development();
    let limits = Limits {
        sessions: NonZeroUsize::new(options.sessions).unwrap_or(defaults.sessions),
        streams_per_principal: NonZeroUsize::new(options.streams).unwrap_or(defaults.streams_per_principal),
        ..defaults
    };
    let mut builder = McpServer::builder()
        .with_info(contract::NAME, contract::VERSION)
        .with_security_policy(SecurityPolicy::development().with_limits(limits))
        .with_tool(echo)
        .with_tool(add)
        .with_tool(blob);
    for name in contract::more_tools(options.tools) {
        builder = builder
            .with_tool(Tool::new(name).description(contract::MORE).input_schema(contract::MORE_SCHEMA).handler(search));
    }
    let server = builder.build()?;
    match options.transport {
        Transport::Stdio => server.run_stdio().await?,
        Transport::Http => server.run_http(HttpConfig::loopback(0).on_ready(contract::listening)).await?,
    }
    Ok(())
}

/// Answers the text it is given.
#[tool]
async fn echo(text: String) -> String {
    text
}

/// The sum of two integers.
#[data]
pub struct Sum {
    /// The sum.
    pub sum: i64,
}

/// Adds two integers.
#[tool]
async fn add(a: i64, b: i64) -> Json<Sum> {
    Json(Sum { sum: a + b })
}

/// Answers a text of that many bytes.
#[tool]
async fn blob(bytes: usize) -> String {
    contract::blob(bytes)
}

/// What each further tool takes.
#[data]
struct Search {
    pattern: String,
}

async fn search(search: Search) -> String {
    search.pattern
}
