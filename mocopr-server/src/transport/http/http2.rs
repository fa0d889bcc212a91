//! The life of one HTTP/2 connection: how many requests at once, and how long each side may stand still.
//!
//! It decides nothing about a request. What HTTP/1.1 bounds by one socket is bounded here for each stream: a peer that
//! takes nothing of an answer holds its connection no longer than a write may stand still, and little of the answer is
//! copied to where nobody can see how long it lies.
//!
//! Source: RFC 9113; its section 10.5 lists what a peer can do to make work.

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{
    FutureExt,
    future::{self, Either},
};
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH},
};
use http_body::{Body, Frame, SizeHint};
use hyper::{rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use mocopr_security::headers::Transport;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{Instant, Sleep, sleep},
};

use super::{
    answer::AnswerBody,
    connections::{Connections, News, drive},
    listener::{App, ListenerLimits, Remote},
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
    let service = service_fn(|request| {
        let turn = activity.begin();
        let is_head = *request.method() == Method::HEAD;
        let answer = match is_above(limits, request.headers()) {
            true => Either::Left(future::ready(too_many_headers(app.refusal_headers(Transport::Tls)))),
            false => Either::Right(Arc::clone(&app).answer(remote.clone(), request)),
        };
        answer.map(move |mut response| {
            // It means something to HTTP/1.1 alone (RFC 9113, section 8.2.2).
            response.headers_mut().remove(CONNECTION);
            if is_head {
                response = without_body(response);
            }
            Ok::<_, Infallible>(response.map(|body| InTurn::new(body, turn)))
        })
    });
    let mut http = http2::Builder::new(streams.clone());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(limits.head_bytes.saturating_mul(HEADS)).unwrap_or(u32::MAX))
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
    drive(&remote.place, rule, connection, |cx| watch.poll(cx), |connection| connection.graceful_shutdown()).await;
}

/// A head is longer than it may be, or has more lines, counted as the peer has to count them (RFC 9113, section 6.5.2).
fn is_above(limits: &ListenerLimits, headers: &HeaderMap) -> bool {
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE_BYTES).sum::<usize>();
    headers.len() > limits.header_lines || bytes > limits.head_bytes
}

fn too_many_headers(fields: HeaderMap) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::empty());
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    *response.headers_mut() = fields;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

/// The answer to `HEAD`: what `GET` would be answered with, without the body. hyper sees to it for HTTP/1.1 alone.
fn without_body(response: Response<AnswerBody>) -> Response<AnswerBody> {
    let (mut head, body) = response.into_parts();
    if let Some(bytes) = body.size_hint().exact().filter(|bytes| *bytes > 0) {
        head.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from(bytes));
    }
    Response::from_parts(head, AnswerBody::empty())
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
    /// There was a request.
    is_begun: AtomicBool,
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
            is_begun: AtomicBool::new(false),
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
        self.is_begun.store(true, Ordering::Relaxed);
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

    /// There has been no request for longer than there may be; a first one is due sooner, as its head is over HTTP/1.1.
    fn is_idle_too_long(&self, limits: &ListenerLimits) -> bool {
        let most = if self.is_begun.load(Ordering::Relaxed) { limits.idle } else { limits.head_within };
        self.is_idle() && self.since(self.idle_since.load(Ordering::Relaxed)) > most
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
///
/// hyper asks for a piece only where the peer has room, but whatever it is given then waits in its own memory, and the
/// answer counts as handed over. So it is given small pieces, and hears of the end of a larger answer only when it asks
/// for more: it is here, where its time is counted, that an answer waits for a peer that takes nothing.
struct InTurn {
    body: AnswerBody,
    /// What was taken from the body and is not handed over yet.
    rest: Bytes,
    /// Handed over so far.
    gone: usize,
    turn: Turn,
}

impl InTurn {
    fn new(body: AnswerBody, turn: Turn) -> Self {
        let mut answer = Self { body, rest: Bytes::new(), gone: 0, turn };
        // Whoever gives no room for the first piece takes nothing either.
        answer.hand_over();
        answer.look();
        answer
    }

    /// The next piece of the answer.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(Some(self.rest.split_to(self.rest.len().min(PIECE))))
    }

    /// From now on the peer is waited for.
    fn hand_over(&self) {
        self.turn.handed.0.store(self.turn.activity.now().max(1), Ordering::Relaxed);
    }

    /// Notices that the whole of it was handed over.
    fn look(&mut self) {
        if self.is_end_stream() {
            self.turn.end = End::Answered;
        }
    }
}

impl Body for InTurn {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.poll_piece(cx);
        match &next {
            Poll::Ready(Some(piece)) => {
                self.gone = self.gone.saturating_add(piece.len());
                self.hand_over();
                self.look();
            }
            Poll::Ready(None) => {
                self.turn.end = End::Answered;
                self.turn.handed.0.store(0, Ordering::Relaxed);
            }
            Poll::Pending => self.turn.handed.0.store(0, Ordering::Relaxed),
        }
        next.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    /// Nothing follows. A larger answer says so only when it is asked for more: that it is asked shows that the peer
    /// took what is before.
    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.gone <= PIECE && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        self.body.size_hint().exact().map_or_else(SizeHint::default, |bytes| SizeHint::with_exact(bytes + rest))
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
                    if self.activity.is_idle_too_long(limits) || self.connections.dismisses(|| self.activity.is_idle())
                    {
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

/// Bytes of an answer that are handed over at once; 128 answers of that size are two mebibytes.
const PIECE: usize = 16 * 1024;

/// What a line of a head counts beside its bytes.
const LINE_BYTES: usize = 32;

/// How many times as long as it may be a head is still read: so it gets the refusal that it gets over HTTP/1.1, and
/// above that one without a header of ours.
const HEADS: usize = 4;

/// How often a connection is looked at.
const TICK: Duration = Duration::from_secs(1);

/// How long a connection that was told to leave may stay without a request.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "each task ends with its test")]
mod tests {
    use std::{net::SocketAddr, num::NonZeroUsize};

    use http::Request;
    use hyper::body::Incoming;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        task::JoinHandle,
    };

    use super::*;

    const LARGE: usize = 1 << 20;

    /// Answers `/` with much, and everything else with little.
    struct Service;

    impl App for Service {
        async fn answer(self: Arc<Self>, _: Remote, request: Request<Incoming>) -> Response<AnswerBody> {
            let bytes = if request.uri().path() == "/" { LARGE } else { 10 };
            Response::new(AnswerBody::full(vec![b'x'; bytes]))
        }

        fn refusal_headers(&self, _: Transport) -> HeaderMap {
            HeaderMap::new()
        }
    }

    fn limits() -> ListenerLimits {
        ListenerLimits {
            connections: NonZeroUsize::MIN,
            per_address: None,
            head_bytes: 1024,
            header_lines: 64,
            head_within: Duration::from_secs(5),
            idle: Duration::from_secs(600),
            write_stall: Duration::from_secs(5),
            drain_within: Duration::from_secs(1),
        }
    }

    /// One frame (RFC 9113, section 4.1).
    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// `GET`, by the static table (RFC 7541, appendix A), in which `/` is 4 and `/index.html` is 5.
    fn ask(stream: u32, path: u8) -> Vec<u8> {
        frame(1, 5, stream, &[0x82, 0x87, 0x80 | path, 0x41, 1, b'h'])
    }

    /// A connection whose client gives so much room for each answer.
    async fn begin(room: u32) -> (DuplexStream, JoinHandle<Duration>) {
        let (mut client, server) = duplex(4 << 20);
        let connections = Arc::new(Connections::new(&HeaderMap::new(), limits()));
        let remote = Remote { place: SocketAddr::from(([127, 0, 0, 1], 1)).into(), tls: None };
        let task = tokio::spawn(async move {
            let start = Instant::now();
            speak(server, remote, Arc::new(Service), &connections).await;
            start.elapsed()
        });
        let settings = [&[0, 4][..], &room.to_be_bytes()].concat();
        let window = frame(8, 0, 0, &(1_u32 << 30).to_be_bytes());
        let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &settings), &window].concat();
        client.write_all(&preface).await.unwrap();
        (client, task)
    }

    /// The frames of one stream, until it ends: kind and payload of each.
    async fn answer(client: &mut DuplexStream, stream: u32) -> Vec<(u8, Vec<u8>)> {
        let mut frames = Vec::new();
        loop {
            let mut head = [0; 9];
            client.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            client.read_exact(&mut payload).await.unwrap();
            if head[5..] == stream.to_be_bytes() {
                frames.push((head[3], payload));
                if head[3] < 2 && head[4] & 1 == 1 {
                    return frames;
                }
            }
        }
    }

    /// T-61
    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_of_an_answer_is_left_though_it_asks_on() {
        for room in [0, 1, 65_535] {
            let (mut client, task) = begin(room).await;
            client.write_all(&ask(1, 4)).await.unwrap();
            let busy = async {
                for stream in (3..).step_by(2) {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    if client.write_all(&ask(stream, 5)).await.is_err() {
                        break;
                    }
                }
            };
            let took = tokio::select! {
                took = task => took.unwrap(),
                () = busy => panic!("the connection is gone"),
                () = sleep(Duration::from_secs(60)) => panic!("it lasts: {room}"),
            };
            assert!(took >= limits().write_stall && took < limits().write_stall + 3 * TICK, "{room}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_first_request_is_left_as_soon_as_its_head_is_late() {
        let (_client, task) = begin(65_535).await;
        let took = task.await.unwrap();
        let within = limits().head_within..limits().head_within + LEAVE_WITHIN + 3 * TICK;
        assert!(within.contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_all_of_an_answer_gets_all_of_it() {
        let (mut client, _task) = begin(2 << 20).await;
        client.write_all(&ask(1, 4)).await.unwrap();
        let frames = answer(&mut client, 1).await;
        let data = frames.iter().filter(|(kind, _)| *kind == 0).map(|(_, payload)| payload.len());
        assert_eq!(data.sum::<usize>(), LARGE);
        client.write_all(&ask(3, 5)).await.unwrap();
        let frames = answer(&mut client, 3).await;
        assert_eq!(frames.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [1, 0], "a small one is one frame");
    }
}
