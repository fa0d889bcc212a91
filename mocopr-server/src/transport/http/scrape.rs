//! The listener of metrics. It moves bytes: who may read them is for the endpoint to say.

use std::{net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use mocopr_core::peer::HttpFacts;
use mocopr_security::{
    headers::Transport,
    metrics::{MetricsEndpoint, SecurityMetrics},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    answer::AnswerBody,
    listener::{self, App, ListenerLimits, Remote, WithoutTls},
};
use crate::error::{Error, Result};

/// Listens for those who collect metrics; the future serves them until it is dropped.
pub(crate) async fn listen(metrics: SecurityMetrics, address: SocketAddr) -> Result<impl Future<Output = ()> + Send> {
    let failed = |error| Error::io(format!("listening for metrics at {address}"), error);
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    let app = Arc::new(Scrape(metrics.open(bound)));
    // Nothing of it needs to be finished, so it is dropped where it stands.
    let never = CancellationToken::new();
    Ok(listener::serve(socket, app, Arc::new(WithoutTls), LIMITS, never.clone(), never))
}

/// The endpoint as a listener asks it.
#[derive(Debug)]
struct Scrape(MetricsEndpoint);

impl App for Scrape {
    async fn answer(self: Arc<Self>, _: Remote, request: Request<Incoming>) -> Response<AnswerBody> {
        let (head, _) = request.into_parts();
        let facts = HttpFacts { method: &head.method, version: head.version, uri: &head.uri, headers: &head.headers };
        self.0.answer(&facts).map(AnswerBody::full)
    }

    fn refusal_headers(&self, _: Transport) -> HeaderMap {
        self.0.refusal_headers()
    }
}

/// A few collectors, each with a small request now and then.
const LIMITS: ListenerLimits = ListenerLimits {
    connections: NonZeroUsize::MIN.saturating_add(15),
    per_address: None,
    head_bytes: 8 * 1024,
    header_lines: 32,
    head_within: Duration::from_secs(5),
    // Collectors that come every minute keep their connection.
    idle: Duration::from_secs(90),
    write_stall: Duration::from_secs(5),
    drain_within: Duration::ZERO,
};
