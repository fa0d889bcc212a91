//! What the integration tests share: clients that see exact bytes, started examples, the official schemas.
//!
//! Everything waits for at most [`PATIENCE`], so that a server that hangs is a failed test and not a test that hangs.
#![allow(dead_code, reason = "each theme uses a part")]

use std::{future::Future, time::Duration};

pub(crate) mod collector;
pub(crate) mod hosted;
pub(crate) mod http;
pub(crate) mod http2;
pub(crate) mod piped;
pub(crate) mod process;
pub(crate) mod recorder;
pub(crate) mod request;
pub(crate) mod schema;
pub(crate) mod source;
pub(crate) mod talk;
pub(crate) mod telltale;
pub(crate) mod tls;
pub(crate) mod websocket;

/// How long anything may take; far more than it does on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What comes of `work`, or a failed test that says what did not come.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing within {PATIENCE:?}"),
    }
}
