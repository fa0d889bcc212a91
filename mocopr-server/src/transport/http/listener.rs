//! The accept loop, and the life of one HTTP/1.1 connection after its handshake.
//!
//! Owns every limit that needs the socket: connections, head, idle time, stalled writes, the drain. It decides nothing
//! about a request.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use mocopr_core::peer::{self, TlsFacts};
use mocopr_security::{headers::Transport, rate::Block};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    answer::AnswerBody,
    connections::{Connections, Seat, Watch, drive},
    deadlines::{Deadlines, Turn},
    socket::Socket,
};

/// What answers the requests of a listener.
///
/// Refused by hyper itself, before [`App`] sees anything: a head above the limits (431), a target above 65,534 bytes
/// (414), a malformed request line, version or header, and a `Transfer-Encoding` that does not end in `chunked` or
/// comes with HTTP/1.0 (400). Those answers have no body, carry [`App::refusal_headers`], and end the connection. An
/// invalid or contradictory `Content-Length` and an HTTP/2 preface only end it. A `Content-Length` beside
/// `Transfer-Encoding` is removed, and the connection ends after the answer. Everything else reaches [`App`]: HTTP/1.0,
/// `CONNECT`, `TRACE`, upgrades, an absolute-form target, a bare-LF head, no `Host`, two `Host`s.
///
/// A client that closes its sending side is taken for gone, and its request is dropped. That is not noticed while bytes
/// of a next request wait to be read, so an answer must not rely on it to end.
pub(crate) trait App: Send + Sync + 'static {
    /// Answers one request. The future is dropped when the client is gone, and at the end of the drain.
    ///
    /// An answer that is given before the body was read should carry `Connection: close`.
    fn answer(
        self: Arc<Self>,
        remote: Remote,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<AnswerBody>> + Send;

    /// The fields that every answer carries, for the few that hyper gives by itself. Read once, at the start.
    fn refusal_headers(&self, transport: Transport) -> HeaderMap;

    /// So many connections are open now.
    fn connected(&self, _connections: usize) {}
}

/// Who is at the other end of a connection, as far as the connection tells.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    pub(crate) place: peer::Place,
    /// What its TLS handshake showed; `None` without TLS.
    pub(crate) tls: Option<Arc<TlsFacts>>,
}

/// What connections are accepted from.
pub(crate) trait Accepts: Send + Sync + 'static {
    /// A connection as it is accepted.
    type Stream: Send + 'static;

    /// The next connection, and who is at its other end.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, peer::Place)>> + Send;

    /// Says how a connection is to be used, before anything else is done with it.
    fn prepare(stream: &Self::Stream) -> io::Result<()>;
}

impl Accepts for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, peer::Place)> {
        Self::accept(self).await.map(|(stream, address)| (stream, address.into()))
    }

    /// Without it the second of two small writes waits for the peer's delayed acknowledgement, some 40 ms.
    fn prepare(stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)
    }
}

/// What comes before the first request of a connection that is accepted as `S`.
pub(crate) trait Handshake<S>: Send + Sync + 'static {
    /// What the protocol is spoken on.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Whether it speaks TLS.
    const TRANSPORT: Transport;

    /// Shakes hands. Bounded in time by the caller.
    fn shake(&self, stream: S) -> impl Future<Output = io::Result<Shaken<Self::Stream>>> + Send;

    /// Speaks HTTP/2 on a connection where that was agreed on.
    fn speak_http2<A: App>(
        stream: Self::Stream,
        remote: Remote,
        app: Arc<A>,
        connections: Arc<Connections>,
    ) -> impl Future<Output = ()> + Send;
}

/// A connection that is ready for its first request.
pub(crate) struct Shaken<S> {
    pub(crate) stream: S,
    pub(crate) tls: Option<Arc<TlsFacts>>,
    pub(crate) version: Version,
}

/// The version of HTTP that was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "agreed on by TLS alone"))]
    Http2,
}

/// Nothing comes before the first request.
#[derive(Debug)]
pub(crate) struct WithoutTls;

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Handshake<S> for WithoutTls {
    type Stream = S;

    const TRANSPORT: Transport = Transport::Plain;

    async fn shake(&self, stream: S) -> io::Result<Shaken<S>> {
        Ok(Shaken { stream, tls: None, version: Version::Http1 })
    }

    /// Nobody agreed on one.
    async fn speak_http2<A: App>(_: S, _: Remote, _: Arc<A>, _: Arc<Connections>) {}
}

/// The limits of one listener.
#[derive(Clone, Debug)]
pub(crate) struct ListenerLimits {
    /// Connections in all. When they are all taken, idle ones are closed and new ones wait in the backlog.
    pub(crate) connections: NonZeroUsize,
    /// Connections of one address (IPv6: of one /64). More are closed as soon as they are accepted, and so are those
    /// that a network around it has beyond its part.
    pub(crate) per_address: Option<NonZeroUsize>,
    /// Bytes of one request head with its request line: 431 above.
    pub(crate) head_bytes: usize,
    /// Header lines of one request: 431 above.
    pub(crate) header_lines: usize,
    /// How long a head may take, from its first byte or from the start of the connection.
    pub(crate) head_within: Duration,
    /// How long a connection may stand between an answer and the next request.
    pub(crate) idle: Duration,
    /// How long a write may make no progress.
    pub(crate) write_stall: Duration,
    /// How long requests may go on after the drain has begun.
    pub(crate) drain_within: Duration,
}

/// Listens at an address, with a queue for connections that are not accepted yet.
///
/// Where the queue is full, the kernel drops what a client says first, and the client tries again after a second. A
/// crowd that comes back at one moment, as one whose heads were late does, must not do that to everybody else.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // So that a server can start again while connections of the one before it are not forgotten yet. On Windows this
    // means that others may listen at the same address.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Serves `listener` until it is told to stop, and returns when its last connection has ended.
///
/// `drain` stops accepting, closes idle connections, lets the others finish their request for
/// [`ListenerLimits::drain_within`], then drops them. `kill` drops them at once.
///
/// A full listener does not refuse: an attacker's half-open connections fall to `head_within`, idle ones leave, and the
/// backlog is first come, first served, so that an honest client waits for a moment instead of being turned away.
pub(crate) async fn serve<L: Accepts, A: App, H: Handshake<L::Stream>>(
    listener: L,
    app: Arc<A>,
    handshake: Arc<H>,
    limits: ListenerLimits,
    drain: CancellationToken,
    kill: CancellationToken,
) {
    let connections = Arc::new(Connections::new(&app.refusal_headers(H::TRANSPORT), limits));
    let mut tasks = JoinSet::new();
    let mut pause = Pause::none();
    let mut next_ring = Instant::now();
    loop {
        let full = tasks.len() >= connections.limits.connections.get();
        let crowded = full || pause.is_on;
        connections.set_crowded(crowded);
        app.connected(tasks.len());
        tokio::select! {
            biased;
            () = kill.cancelled() => return tasks.shutdown().await,
            () = drain.cancelled() => break,
            Some(ended) = tasks.join_next() => report(ended),
            () = sleep_until(next_ring), if crowded => {
                connections.ring();
                next_ring = Instant::now() + RING_EVERY;
            }
            () = sleep_until(pause.until), if pause.is_on => pause.is_on = false,
            accepted = listener.accept(), if !crowded => match accepted {
                Ok((stream, peer)) => {
                    pause = Pause::none();
                    if let Some(seat) = connections.seat(Block::of(peer.source())) {
                        let (app, handshake) = (Arc::clone(&app), Arc::clone(&handshake));
                        tasks.spawn(converse::<L, A, H>(stream, peer, app, handshake, Arc::clone(&connections), seat));
                    } else {
                        debug!(%peer, rule = "connections of one address", "refused");
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "cannot accept connections");
                    pause = pause.longer();
                }
            },
        }
    }
    drop(listener);
    connections.drain();
    let rest = async {
        while let Some(ended) = tasks.join_next().await {
            report(ended);
        }
    };
    tokio::select! {
        biased;
        () = kill.cancelled() => {}
        _ = timeout(connections.limits.drain_within, rest) => {}
    }
    tasks.shutdown().await;
}

/// One connection from its start to its end.
async fn converse<L: Accepts, A: App, H: Handshake<L::Stream>>(
    stream: L::Stream,
    peer: peer::Place,
    app: Arc<A>,
    handshake: Arc<H>,
    connections: Arc<Connections>,
    _seat: Seat,
) {
    if let Err(error) = L::prepare(&stream) {
        debug!(%peer, %error, "connection lost");
        return;
    }
    // As long as for a head: whoever takes longer is no client that waits for an answer.
    let shaken = match timeout(connections.limits.head_within, handshake.shake(stream)).await {
        Ok(Ok(shaken)) => shaken,
        Ok(Err(error)) => return debug!(%peer, %error, "a handshake failed"),
        Err(_) => return debug!(%peer, rule = "time of the handshake", "connection ended"),
    };
    let Shaken { stream, tls, version } = shaken;
    let remote = Remote { place: peer, tls };
    match version {
        Version::Http1 => speak_http1(stream, remote, app, &connections).await,
        Version::Http2 => H::speak_http2(stream, remote, app, connections).await,
    }
}

/// HTTP/1.1 on one connection.
async fn speak_http1<A: App, S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    remote: Remote,
    app: Arc<A>,
    connections: &Arc<Connections>,
) {
    let deadlines = Arc::new(Deadlines::new(connections.limits.head_within, connections.limits.idle));
    let socket =
        Socket::new(stream, Arc::clone(&deadlines), connections.limits.write_stall, connections.refusal_lines.clone());
    let next = Mutex::new(None);
    let service = service_fn(|request| {
        let turn = deadlines.begin();
        // A combinator and no `async` block, which would hold the answer's future twice over: hyper moves what it
        // holds.
        let answer = Arc::clone(&app).answer(remote.clone(), request);
        let next = &next;
        answer.map(move |mut response| {
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                *next.lock().unwrap_or_else(PoisonError::into_inner) = response.body_mut().taken_over();
            }
            Ok::<_, Infallible>(response.map(|body| InTurn { body, _turn: turn }))
        })
    });
    let mut connection = connections.http.serve_connection(TokioIo::new(socket), service);
    let mut watch = Watch::new(connections, &deadlines);
    let watch = |cx: &mut Context<'_>| watch.poll(cx);
    drive(&remote.place, "head or idle time", Pin::new(&mut connection), watch, |connection| {
        deadlines.dismiss();
        connection.graceful_shutdown();
    })
    .await;
    let parts = connection.into_parts();
    let next = next.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(next) = next {
        next.go_on(Box::new(parts.io.into_inner()), parts.read_buf).await;
    }
}

/// An answer's body, which keeps the turn of its request until it has been handed over whole.
struct InTurn {
    body: AnswerBody,
    _turn: Turn,
}

impl Body for InTurn {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The wait after a failed accept: without it, a process out of file descriptors would spin.
#[derive(Debug)]
struct Pause {
    is_on: bool,
    until: Instant,
    length: Duration,
}

impl Pause {
    fn none() -> Self {
        Self { is_on: false, until: Instant::now(), length: FIRST_PAUSE }
    }

    fn longer(self) -> Self {
        let length = (self.length * 2).min(LAST_PAUSE);
        Self { is_on: true, until: Instant::now() + length, length }
    }
}

/// The connection failed before it was accepted; the next one may be fine.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        // The text of the panic may hold anything that a request held.
        warn!("a connection ended by a panic");
    }
}

/// Connections that wait to be accepted; the kernel may hold fewer (`net.core.somaxconn`).
const QUEUE: u32 = 4_096;

/// How often a crowded listener wakes all its connections.
const RING_EVERY: Duration = Duration::from_secs(1);

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_secs(1);
