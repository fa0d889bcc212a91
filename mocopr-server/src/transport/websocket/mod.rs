//! WebSocket: handshakes on a listener of HTTP, and the talk on the connection that is left of them.
//!
//! It moves bytes and describes a peer; who may open a socket is for the gate to say, and each message of it is carried
//! out like a message of any other stream.
//!
//! Source: RFC 6455. What a message is here is in `docs/websocket.md`.

mod carrier;
mod frame;
mod reader;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE},
    request::Parts,
};
use mocopr_core::peer::{HttpFacts, Peer};
use mocopr_security::{
    gate::Admission,
    origin::{
        Pages,
        upgrade::{self, Upgrade},
    },
    principal::{Method as Proof, Principal},
    rate::{RateLimiter, Slot},
};
use tokio::sync::mpsc;

use self::carrier::{Frames, Pace};
#[cfg(feature = "testing")]
pub(crate) use self::reader::Event;
pub(crate) use self::reader::FrameReader;
use super::{
    connection::{self, Endings, Stay},
    http::{
        HttpApp,
        answer::AnswerBody,
        app::{closing, empty},
        listener::Remote,
        takeover::{Duplex, TakeOver, Upgrades},
    },
    writer::Writer,
};
use crate::{
    engine::{Channel, Engine},
    server::DRAIN,
};

/// The sockets of one listener.
pub(crate) struct Sockets {
    /// Which pages may open one; the policy's where the owner says nothing.
    pub(crate) pages: Option<Pages>,
    /// How a peer must have proven who it is; in any way where this is empty.
    pub(crate) proofs: Box<[Proof]>,
    /// Messages of one principal, over all its sockets.
    pub(crate) rate: Option<Arc<RateLimiter<Principal>>>,
}

impl fmt::Debug for Sockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sockets").field("proofs", &self.proofs).finish_non_exhaustive()
    }
}

impl Upgrades for Sockets {
    fn answer<'a>(
        &'a self,
        app: &'a HttpApp,
        remote: &'a Remote,
        head: &'a Parts,
    ) -> BoxFuture<'a, Response<AnswerBody>> {
        Box::pin(async move {
            let facts =
                HttpFacts { method: &head.method, version: head.version, uri: &head.uri, headers: &head.headers };
            let peer = Peer { place: Some(&remote.place), tls: remote.tls.as_deref(), http: facts };
            let gate = &app.engine().gate;
            let checked = match gate.check_head(&peer, app.proxies(), self.pages.as_ref()) {
                Ok(checked) => checked,
                Err(refusal) => return app.refused(refusal),
            };
            let from = checked.from();
            let admission = match gate.admit_by(checked, &peer, &self.proofs).await {
                Ok(admission) => admission,
                Err(refusal) => return app.turned_away(from, refusal).await,
            };
            if head.method != Method::GET {
                let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
                return closing(response);
            }
            let upgrade = match upgrade::check(&peer.http) {
                Ok(upgrade) => upgrade,
                Err(refusal) => {
                    let needs_upgrade = refusal.status == StatusCode::UPGRADE_REQUIRED.as_u16();
                    let mut response = app.refused_later(&admission, refusal);
                    if needs_upgrade {
                        let fields = response.headers_mut();
                        fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
                        fields.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(upgrade::VERSION));
                        fields.insert(CONNECTION, HeaderValue::from_static("upgrade, close"));
                    }
                    return response;
                }
            };
            match gate.open_stream(&admission) {
                Ok(place) => self.open(app, admission, upgrade, place),
                Err(fault) => app.busy(&admission, fault),
            }
        })
    }
}

impl Sockets {
    /// Agrees, and talks on what is left of the connection once that has been written.
    fn open(
        &self,
        app: &HttpApp,
        admission: Admission,
        upgrade: Upgrade,
        place: Slot<Principal>,
    ) -> Response<AnswerBody> {
        let engine = app.engine().clone();
        let channel = Channel { rate: self.rate.clone(), ..Channel::default() };
        let bounds = app.bodies().clone();
        let talk = TakeOver::new(move |stream, ahead| {
            Box::pin(async move {
                let who = admission.principal().clone();
                let (input, output) = tokio::io::split(stream);
                let reader = FrameReader::new(input, ahead, bounds.clone(), who);
                let pace = pace(&engine, bounds.within());
                talk(engine, admission, channel, reader, output, pace).await;
                drop(place);
            })
        });
        let mut response = Response::new(AnswerBody::take_over(talk));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let fields = response.headers_mut();
        fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(SEC_WEBSOCKET_ACCEPT, upgrade.accept);
        fields.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(upgrade.protocol));
        response
    }
}

async fn talk<W: tokio::io::AsyncWrite + Send + Unpin>(
    engine: Arc<Engine>,
    admission: Admission,
    channel: Channel,
    reader: FrameReader<tokio::io::ReadHalf<Box<dyn Duplex>>>,
    output: W,
    pace: Pace,
) {
    let limits = engine.limits();
    let (sink, queue) = mpsc::channel::<Bytes>(limits.queued_messages.get());
    let writer = Writer::new(output, queue, limits.queued_messages, limits.write_stall);
    let endings = Endings {
        drain: engine.stopping.clone(),
        after_input: Duration::ZERO,
        after_drain: DRAIN.saturating_sub(LAST_FRAME),
        stay: Some(Stay { idle: limits.session_idle, within: limits.stream }),
    };
    connection::talk(engine, admission, channel, Frames::new(reader, writer, pace), sink, endings).await;
}

fn pace(engine: &Engine, message_within: Duration) -> Pace {
    let limits = engine.limits();
    Pace { ping_after: limits.idle / 2, pong_within: limits.write_stall, message_within }
}

/// What is left of the time to stop when calls under way have had theirs.
const LAST_FRAME: Duration = Duration::from_secs(2);
