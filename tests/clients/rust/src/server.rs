//! The `everything` example as a process that listens on a free port.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    log: JoinHandle<()>,
    url: String,
}

impl Server {
    /// Starts it on a free port.
    pub(crate) async fn start(everything: &Path) -> Result<Self, String> {
        Self::start_at(everything, "0").await
    }

    /// Ends it at once and starts another at the same address, which knows nothing of the first one's sessions.
    pub(crate) async fn restart(&mut self, everything: &Path) -> Result<(), String> {
        self.child.kill().await.map_err(|error| format!("the server does not end: {error}"))?;
        self.log.abort();
        let port = self.url.trim_end_matches("/mcp").rsplit(':').next().unwrap_or_default().to_owned();
        *self = Self::start_at(everything, &port).await?;
        Ok(())
    }

    async fn start_at(everything: &Path, port: &str) -> Result<Self, String> {
        let mut command = Command::new(everything);
        command.env("PORT", port).env("PAGE", PAGE).stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("the server does not start: {error}"))?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("the server has no log")?).lines();
        let url = loop {
            let line = lines.next_line().await.map_err(|error| error.to_string())?;
            let line = line.ok_or("the server ended before it listened")?;
            if let Some(url) = line.strip_prefix("listening on ") {
                break url.to_owned();
            }
        };
        // Read to its end, so that the server never waits for a reader of its log.
        let log = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, log, url })
    }

    /// Its address with the name of this machine, as people write it.
    pub(crate) fn url_by_name(&self) -> String {
        self.url.replace("127.0.0.1", "localhost")
    }
}

/// How many items the pages of the server's lists have: few enough that each test walks over several.
pub(crate) const PAGE: &str = "5";
