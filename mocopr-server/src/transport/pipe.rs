//! A pipe inside this process: the same lines as standard streams, without a process.

use std::{sync::Arc, time::Duration};

use mocopr_core::peer::PeerKind;
use tokio::io::DuplexStream;

use super::connection::{self, Endings};
use crate::engine::Engine;

/// Opens a pipe to the server; the server's end lives until the client's end is dropped or the server stops.
#[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "the test client is its only user"))]
pub(crate) fn open(engine: Arc<Engine>) -> DuplexStream {
    let (theirs, ours) = tokio::io::duplex(CAPACITY);
    let (input, output) = tokio::io::split(ours);
    let endings =
        Endings { drain: engine.stopping.clone(), after_input: Duration::ZERO, after_drain: Duration::from_secs(1) };
    let tasks = engine.tasks.clone();
    tasks.spawn(connection::serve(engine, PeerKind::Pipe, input, output, endings));
    theirs
}

/// Bytes that one side can be ahead of the other.
const CAPACITY: usize = 64 * 1024;
