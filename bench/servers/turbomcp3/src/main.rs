//! turbomcp 3.6, with its defaults but for limits: of the size of a body, which would refuse the largest row, and of
//! sessions.

mod more;

use std::net::SocketAddr;

use anyhow::{Result, anyhow};
use axum::serve::ListenerExt;
use contract::{Options, Transport};
use serde::Serialize;
use tokio::net::TcpListener;
use turbomcp::prelude::*;

/// Serves one of the two servers, which are two types.
macro_rules! run {
    ($server:expr, $options:expr) => {{
        if $options.transport == Transport::Stdio {
            return $server.run_stdio().await.map_err(|error| anyhow!("{error}"));
        }
        let config = ServerConfig::builder().max_message_size(4 << 20).max_http_sessions($options.sessions).build();
        let app = $server.builder().with_config(config).into_axum_router();
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        contract::listening(socket.local_addr()?);
        let socket = socket.tap_io(|stream| {
            // A connection that cannot be told so is slow, and not wrong.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(socket, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
        return Ok(());
    }};
}

fn main() -> Result<()> {
    let options = Options::from_args()?;
    options.threads.run(async move {
        if options.tools == 0 {
            run!(Bench, options);
        }
        run!(more::BenchWithMore, options)
    })
}

/// What `add` answers.
#[derive(Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(Clone)]
struct Bench;

#[server(name = "bench", version = "1.0.0")]
impl Bench {
    /// Answers the text it is given.
    #[tool]
    async fn echo(&self, text: String) -> String {
        text
    }

    /// Adds two integers.
    #[tool]
    async fn add(&self, a: i64, b: i64) -> Json<Sum> {
        Json(Sum { sum: a + b })
    }

    /// Answers a text of that many bytes.
    #[tool]
    async fn blob(&self, bytes: u64) -> String {
        contract::blob(usize::try_from(bytes).unwrap_or_default())
    }
}
