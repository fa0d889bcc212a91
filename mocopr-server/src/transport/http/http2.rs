//! The life of one HTTP/2 connection: how many requests at once, and how long each side may stand still.
//!
//! It decides nothing about a request. What HTTP/1.1 bounds by one socket is bounded here for each stream: a peer that
//! takes nothing of an answer holds its connection no longer than a write may stand still.
//!
//! Source: RFC 9113; its section 10.5 lists what a peer can do to make work.

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{Either, ready},
};
use http::{HeaderValue, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use hyper::{rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{Instant, Sleep, sleep},
};

use super::{
    answer::AnswerBody,
    connections::{Connections, News, drive},
    listener::{App, Remote},
};

/// Speaks HTTP/2 until the peer, the drain or a deadline ends it.
pub(super) async fn speak<A: App, S: AsyncRead + AsyncWrite + Send + Unpin>(
    stream: S,
    remote: Remote,
    app: Arc<A>,
    connections: &Arc<Connections>,
) {
    let limits = &connections.limits;
    let streams = Streams::default();
    let activity = Arc::new(Activity::new());
    let most_lines = limits.header_lines;
    let service = service_fn(|request| {
        let turn = activity.begin();
        let too_many = request.headers().len() > most_lines;
        let answer = match too_many {
            true => Either::Left(ready(too_many_headers())),
            false => Either::Right(Arc::clone(&app).answer(remote.clone(), request)),
        };
        answer.map(|response| Ok::<_, Infallible>(response.map(|body| InTurn::new(body, turn))))
    });
    let mut http = http2::Builder::new(streams.clone());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MOST_RESETS)
        .max_local_error_reset_streams(MOST_ERRORS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(limits.idle)
        .keep_alive_timeout(limits.write_stall);
    let connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut watch = Watch::new(connections, &activity);
    let rule = "idle, stalled, or requests given up";
    drive(remote.addr, rule, connection, |cx| watch.poll(cx), |connection| connection.graceful_shutdown()).await;
}

fn too_many_headers() -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::empty());
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// The tasks of one connection, one for each request; they end with it.
#[derive(Clone, Default)]
struct Streams(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, work: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }
}

/// What the requests of one connection are doing.
#[derive(Debug)]
struct Activity {
    start: Instant,
    requests: AtomicUsize,
    /// Requests that the peer gave up, less those that were answered since.
    given_up: AtomicUsize,
    /// Milliseconds from `start` to the moment when there was no request any more.
    idle_since: AtomicU64,
    bodies: Mutex<Vec<Weak<Handed>>>,
}

/// When a piece of an answer was handed over and nobody has asked for the next one; zero while somebody waits for it.
#[derive(Debug, Default)]
struct Handed(AtomicU64);

impl Activity {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            requests: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            bodies: Mutex::default(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn begin(self: &Arc<Self>) -> Turn {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let handed = Arc::new(Handed::default());
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.retain(|body| body.strong_count() > 0);
        bodies.push(Arc::downgrade(&handed));
        drop(bodies);
        Turn { activity: self.clone(), handed, end: End::GivenUp }
    }

    /// The peer opens requests only to give them up (CVE-2023-44487).
    fn is_abused(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) > MOST_GIVEN_UP
    }

    fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }

    /// How long there has been no request.
    fn idle_for(&self) -> Option<Duration> {
        self.is_idle().then(|| self.since(self.idle_since.load(Ordering::Relaxed)))
    }

    /// How long the peer has taken nothing of some answer.
    fn stalled_for(&self) -> Duration {
        let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let handed = bodies.iter().filter_map(Weak::upgrade).map(|handed| handed.0.load(Ordering::Relaxed));
        handed.filter(|at| *at > 0).min().map_or(Duration::ZERO, |at| self.since(at))
    }

    fn since(&self, at: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(at))
    }
}

/// One request, from its head to the end of its answer.
struct Turn {
    activity: Arc<Activity>,
    handed: Arc<Handed>,
    end: End,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Answered,
    GivenUp,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let counted = |count: usize| match self.end {
            End::Answered => count.saturating_sub(1),
            End::GivenUp => count.saturating_add(1),
        };
        let _ = self.activity.given_up.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| Some(counted(count)));
        self.activity.idle_since.store(self.activity.now(), Ordering::Relaxed);
        self.activity.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's body that knows whether the peer takes it.
struct InTurn {
    body: AnswerBody,
    turn: Turn,
}

impl InTurn {
    fn new(body: AnswerBody, turn: Turn) -> Self {
        let mut answer = Self { body, turn };
        answer.look();
        answer
    }

    /// Notices that the whole of it was handed over.
    fn look(&mut self) {
        if self.body.is_end_stream() {
            self.turn.end = End::Answered;
        }
    }
}

impl Body for InTurn {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        let at = match &next {
            Poll::Ready(Some(_)) => self.turn.activity.now().max(1),
            Poll::Ready(None) => {
                self.turn.end = End::Answered;
                0
            }
            Poll::Pending => 0,
        };
        self.look();
        self.turn.handed.0.store(at, Ordering::Relaxed);
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What may end a connection from outside.
struct Watch<'a> {
    connections: &'a Connections,
    activity: &'a Activity,
    tick: Pin<Box<Sleep>>,
    leaving_since: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(connections: &'a Connections, activity: &'a Activity) -> Self {
        Self { connections, activity, tick: Box::pin(sleep(TICK)), leaving_since: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<News> {
        if self.activity.is_abused() {
            return Poll::Ready(News::Overdue);
        }
        while self.tick.as_mut().poll(cx).is_ready() {
            self.tick.as_mut().reset(Instant::now() + TICK);
            let limits = &self.connections.limits;
            if self.activity.stalled_for() > limits.write_stall {
                return Poll::Ready(News::Overdue);
            }
            match self.leaving_since {
                // Whoever has nothing under way and does not go when it is told to is gone already.
                Some(since) if self.activity.is_idle() && since.elapsed() > LEAVE_WITHIN => {
                    return Poll::Ready(News::Overdue);
                }
                Some(_) => {}
                None => {
                    let idle = self.activity.idle_for().is_some_and(|idle| idle > limits.idle);
                    if idle || self.connections.dismisses(|| self.activity.is_idle()) {
                        self.leaving_since = Some(Instant::now());
                        return Poll::Ready(News::Leave);
                    }
                }
            }
        }
        Poll::Pending
    }
}

/// Requests of one connection at once.
const MOST_STREAMS: u32 = 128;

/// Streams that a peer opened and gave up, and that were not looked at yet (CVE-2023-44487).
const MOST_RESETS: usize = 32;

/// Requests that a peer may give up in a row; each that is answered makes room for one more.
const MOST_GIVEN_UP: usize = 256;

/// Streams that were ended because the peer broke the protocol.
const MOST_ERRORS: usize = 64;

/// Bytes of one body that a peer may send ahead.
const STREAM_WINDOW: u32 = 64 * 1024;

/// Bytes of all bodies of a connection that a peer may send ahead.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Bytes of one answer that wait for the peer.
const SEND_BUFFER: usize = 64 * 1024;

/// How often a connection is looked at.
const TICK: Duration = Duration::from_secs(1);

/// How long a connection that was told to leave may stay without a request.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
