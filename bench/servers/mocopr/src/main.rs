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
    let builder = McpServer::builder().with_security_policy(SecurityPolicy::development().with_limits(limits));
    let server = server_mocopr::with_tools(builder, &options).build()?;
    match options.transport {
        Transport::Stdio => server.run_stdio().await?,
        Transport::Http => server.run_http(HttpConfig::loopback(0).on_ready(contract::listening)).await?,
    }
    Ok(())
}
