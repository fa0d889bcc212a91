//! mocopr on two listeners of one process: HTTP with WebSocket beside it, and HTTPS. `TLS_CERT` and `TLS_KEY` name the
//! files of a certificate; the line of the plain listener comes first.

use anyhow::{Context, Result};
use contract::Options;
use mocopr::{Listen, TlsConfig, WebSocketConfig, prelude::*};

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let file = |name: &str| std::env::var(name).with_context(|| format!("{name} names no file"));
    let tls = TlsConfig::from_pem_files(file("TLS_CERT")?, file("TLS_KEY")?)?;
    let builder = McpServer::builder().with_security_policy(SecurityPolicy::development());
    let server = server_mocopr::with_tools(builder, &options).build()?;
    let plain = WebSocketConfig::loopback(0).on_ready(contract::listening);
    let secure = HttpConfig::loopback(0).with_tls(tls).on_ready(contract::listening);
    server.run(Listen::from(plain).and(secure)).await?;
    Ok(())
}
