//! A pipe inside this process: the same lines as standard streams, without a process.

use std::{sync::Arc, time::Duration};

#[cfg(feature = "testing")]
use mocopr_security::principal::Principal;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};

use super::connection::{self, Endings};
use crate::engine::Engine;

/// Opens a pipe to the server; the server's end lives until the client's end is dropped or the server stops.
#[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "the test client is its only user"))]
pub(crate) fn open(engine: Arc<Engine>) -> DuplexStream {
    let (theirs, (input, output)) = ends();
    let (tasks, endings) = (engine.tasks.clone(), endings(&engine));
    let admission = engine.gate.admit_pipe();
    tasks.spawn(connection::serve(engine, admission, input, output, endings));
    theirs
}

/// Opens a pipe to the server whose client is `who`; whoever could call this is inside of the process already.
#[cfg(feature = "testing")]
pub(crate) fn open_as(engine: Arc<Engine>, who: Principal) -> DuplexStream {
    let (theirs, (input, output)) = ends();
    let (tasks, endings) = (engine.tasks.clone(), endings(&engine));
    let admission = engine.gate.admit_as(who);
    tasks.spawn(connection::serve(engine, admission, input, output, endings));
    theirs
}

fn ends() -> (DuplexStream, (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>)) {
    let (theirs, ours) = tokio::io::duplex(CAPACITY);
    (theirs, tokio::io::split(ours))
}

fn endings(engine: &Engine) -> Endings {
    Endings {
        drain: engine.stopping.clone(),
        after_input: Duration::ZERO,
        after_drain: Duration::from_secs(1),
        stay: None,
    }
}

/// Bytes that one side can be ahead of the other.
const CAPACITY: usize = 64 * 1024;
