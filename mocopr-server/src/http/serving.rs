//! A server that listens, from the first bound socket to the end of the last call: every listener of it begins before
//! any is told of, and all of them end together.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};

use super::listen::{Bound, Listen, sealed::Sealed};
use crate::{
    beside::Beside,
    engine::Engine,
    error::{Error, Result},
    evidence::Life,
    posture,
    server::DRAIN,
    shutdown::Shutdown,
    transport::{
        company::{Companion, Company},
        http::listener::ListenerLimits,
    },
};

/// What a server that listens is made of, beside its engine.
pub(crate) struct Start {
    pub(crate) owner: Option<BoxFuture<'static, ()>>,
    pub(crate) drain_delay: Duration,
    pub(crate) companions: Vec<Box<dyn Companion>>,
    pub(crate) ready: Option<Box<dyn FnOnce() + Send>>,
}

/// Listens until told to stop.
pub(crate) async fn run(engine: Arc<Engine>, start: Start, listen: Listen) -> Result<()> {
    let Start { owner, drain_delay, companions, ready } = start;
    let problems = listen.problems(engine.gate.policy());
    if !problems.is_empty() {
        return Err(Error::problems_found(problems));
    }
    let mut report = posture::report(&engine);
    listen.say(&mut report);
    let shutdown = Shutdown::watch(owner, drain_delay);
    let beside = Beside::begin(&engine);
    let mut bound = Vec::new();
    for place in listen.0 {
        bound.push(place.bind(&engine).await?);
    }
    posture::tell(&report);
    let company = Company::begin(companions, &engine).await?;
    let places: Vec<&str> = bound.iter().map(|one| &*one.place).collect();
    let life = Life::begin(engine.gate.evidence(), places.join(", ")).await;
    if let Some(ready) = ready {
        ready();
    }
    let mut serving = Vec::new();
    for Bound { place: _, ready, serving: one } in bound {
        serving.push(one);
        if let Some(ready) = ready {
            ready();
        }
    }
    let served = shutdown.serve(&engine, beside.serve(join_all(serving))).await;
    finish(&engine).await;
    life.end().await;
    drop(company);
    served.map(drop)
}

/// Ends what no connection is left of.
pub(super) async fn finish(engine: &Engine) {
    engine.sessions.close_all();
    engine.tasks.close();
    // What streams are left belong to connections that are gone.
    let _ = tokio::time::timeout(AFTER, engine.tasks.wait()).await;
}

/// The limits of each listener.
pub(super) fn limits(engine: &Engine) -> ListenerLimits {
    let limits = engine.limits();
    ListenerLimits {
        connections: limits.connections,
        per_address: limits.connections_per_address,
        head_bytes: limits.header_bytes,
        header_lines: limits.headers,
        head_within: limits.header_read,
        idle: limits.idle,
        write_stall: limits.write_stall,
        drain_within: DRAIN,
    }
}

/// How long tasks may take that nothing is connected to any longer.
const AFTER: Duration = Duration::from_secs(1);
