//! A server inside of the test: it listens on a free port of loopback until it is stopped or dropped.

use mocopr::{Guarded, HttpConfig, McpServer};
use tokio::{sync::oneshot, task::JoinHandle};

use super::within;

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Hosted {
    authority: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<mocopr::Result<()>>,
}

impl Hosted {
    /// Starts the server and waits until it listens.
    pub(crate) async fn start(server: McpServer<Guarded>) -> Self {
        // The development profile does without TLS anyway; on loopback every other may.
        Self::start_with(server, HttpConfig::loopback(0).with_tls_required(false)).await
    }

    /// Starts the server as `config` says and waits until it listens.
    pub(crate) async fn start_with(server: McpServer<Guarded>, config: HttpConfig) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, ready) = oneshot::channel();
        let config = config.on_ready(move |address| tell.send(address).expect("the test waits"));
        // Also done when the sender is dropped.
        let server = server.with_shutdown(async move { stopped.await.unwrap_or_default() });
        let serving = tokio::spawn(server.run_http(config));
        let address = within("the server's address", ready).await.expect("the server listens");
        Self { authority: address.to_string(), stop: Some(stop), serving }
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Tells the server to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        let served = within("the server's end", &mut self.serving).await.expect("the server does not panic");
        served.expect("the server ends well");
    }
}
