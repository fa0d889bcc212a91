//! The accept loop over real sockets, with a small service. Limits are short where a test waits for one.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use mocopr_security::{headers::Transport, principal::Principal};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    answer::AnswerBody,
    listener::{App, ListenerLimits, Remote, WithoutTls, listen, serve},
    read_body::{BodyBounds, BodyFault, read_body},
    socket::LINGER_TIME,
};

const CAP: usize = 100_000;
const BODY_WITHIN: Duration = Duration::from_millis(100);

/// Answers by path.
#[derive(Debug, Default)]
struct Service {
    requests: AtomicUsize,
    /// Requests to `/wait` that have begun, and what they wait for.
    waiting: Notify,
    go_on: Notify,
    gone: CancellationToken,
}

impl App for Service {
    async fn answer(self: Arc<Self>, _: Remote, request: Request<Incoming>) -> Response<AnswerBody> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (head, body) = request.into_parts();
        let status = |status: StatusCode| {
            let mut answer = Response::new(AnswerBody::full(status.as_str().to_owned()));
            *answer.status_mut() = status;
            answer
        };
        match head.uri.path() {
            "/early" => status(StatusCode::PAYLOAD_TOO_LARGE),
            "/wait" => {
                let _guard = self.gone.clone().drop_guard();
                self.waiting.notify_one();
                self.go_on.notified().await;
                status(StatusCode::OK)
            }
            "/large" => Response::new(AnswerBody::full(vec![b'x'; 16 << 20])),
            "/stream" => {
                let (pieces, queue) = mpsc::channel(4);
                tokio::spawn(async move {
                    for piece in ["one\n", "two\n"] {
                        let _ = pieces.send(Bytes::from_static(piece.as_bytes())).await;
                    }
                    self.go_on.notified().await;
                    let _ = pieces.send(Bytes::from_static(b"three\n")).await;
                });
                Response::new(AnswerBody::stream(queue, Arc::default(), CancellationToken::new().drop_guard()))
            }
            "/endless" => {
                let (pieces, queue) = mpsc::channel(4);
                let guard = self.gone.clone().drop_guard();
                pieces.try_send(Bytes::from_static(b"begun\n")).unwrap();
                tokio::spawn(async move { pieces.closed().await });
                Response::new(AnswerBody::stream(queue, Arc::default(), guard))
            }
            _ => match read_body(
                &head.headers,
                body,
                &Principal::named("test"),
                &BodyBounds::new(CAP, BODY_WITHIN, 4 * CAP),
            )
            .await
            {
                Ok(body) => Response::new(AnswerBody::full(body)),
                Err(BodyFault::Unsupported) => status(StatusCode::UNSUPPORTED_MEDIA_TYPE),
                Err(BodyFault::TooLarge) => status(StatusCode::PAYLOAD_TOO_LARGE),
                Err(BodyFault::Busy) => status(StatusCode::SERVICE_UNAVAILABLE),
                Err(BodyFault::Timeout) => status(StatusCode::REQUEST_TIMEOUT),
                Err(BodyFault::Gone) => status(StatusCode::BAD_REQUEST),
                Err(BodyFault::Framing) => status(StatusCode::NOT_IMPLEMENTED),
            },
        }
    }

    fn refusal_headers(&self, _: Transport) -> HeaderMap {
        HeaderMap::from_iter([(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))])
    }
}

struct Running {
    addr: SocketAddr,
    service: Arc<Service>,
    drain: CancellationToken,
    kill: CancellationToken,
    task: JoinHandle<()>,
}

fn limits() -> ListenerLimits {
    ListenerLimits {
        connections: NonZeroUsize::new(4_096).unwrap(),
        per_address: None,
        head_bytes: 16 * 1024,
        header_lines: 64,
        head_within: Duration::from_secs(10),
        idle: Duration::from_secs(60),
        write_stall: Duration::from_secs(10),
        drain_within: Duration::from_secs(10),
    }
}

async fn start(limits: ListenerLimits) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let service = Arc::new(Service::default());
    let (drain, kill) = (CancellationToken::new(), CancellationToken::new());
    let task =
        tokio::spawn(serve(listener, Arc::clone(&service), Arc::new(WithoutTls), limits, drain.clone(), kill.clone()));
    Running { addr, service, drain, kill, task }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Sends `request` and reads until the server closes.
    async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.write_all(request.as_ref()).await.unwrap();
        rest_of(&mut client).await
    }
}

async fn rest_of(client: &mut TcpStream) -> String {
    let mut got = Vec::new();
    let read = client.read_to_end(&mut got);
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the server closes").unwrap();
    String::from_utf8_lossy(&got).into_owned()
}

/// Reads up to and with `end`.
async fn until(client: &mut TcpStream, end: &str) -> String {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        let byte = tokio::time::timeout(Duration::from_secs(20), client.read_u8()).await.expect("an answer");
        got.push(byte.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&got))));
    }
    String::from_utf8(got).unwrap()
}

fn post(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

// ---- head

#[tokio::test]
async fn head_that_never_ends_is_closed() {
    let server = start(ListenerLimits { head_within: Duration::from_millis(50), ..limits() }).await;
    for begun in ["", "POST / HTTP/1.1\r\nhost: "] {
        let start = Instant::now();
        assert_eq!(server.exchange(begun).await, "");
        assert!((50..5_000).contains(&start.elapsed().as_millis()));
    }
}

#[tokio::test]
async fn later_bytes_do_not_move_the_deadline_of_a_head() {
    let server = start(ListenerLimits { head_within: Duration::from_millis(300), ..limits() }).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let start = Instant::now();
    let drip = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        for byte in b"GET / HTTP/1.1\r\nx: ".iter().chain(std::iter::repeat(&b'a')) {
            tick.tick().await;
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    });
    let _ = read.read_to_end(&mut Vec::new()).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    drip.abort();
}

#[tokio::test]
async fn idle_time_is_longer_than_the_time_for_a_head_and_ends_too() {
    let limits =
        ListenerLimits { head_within: Duration::from_millis(50), idle: Duration::from_millis(400), ..limits() };
    let server = start(limits).await;
    let mut client = server.connect().await;
    client.write_all(post("/", "", "hi").as_bytes()).await.unwrap();
    until(&mut client, "hi").await;
    let idle = Instant::now();
    assert_eq!(rest_of(&mut client).await, "");
    assert!(idle.elapsed().as_millis() >= 390, "{:?}", idle.elapsed());
}

#[tokio::test]
async fn second_head_has_its_own_deadline() {
    let server = start(ListenerLimits { head_within: Duration::from_millis(50), ..limits() }).await;
    let mut client = server.connect().await;
    client.write_all(post("/", "", "hi").as_bytes()).await.unwrap();
    until(&mut client, "hi").await;
    client.write_all(b"POST").await.unwrap();
    assert_eq!(rest_of(&mut client).await, "");
}

#[tokio::test]
async fn head_at_the_cap_passes_and_above_it_is_431_with_the_security_headers() {
    let server = start(limits()).await;
    let head = |bytes: usize| {
        let head = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: \r\n\r\n";
        head.replace("x: ", &format!("x: {}", "y".repeat(bytes - head.len())))
    };
    assert_eq!(head(16 * 1024).len(), 16 * 1024);
    assert!(server.exchange(head(16 * 1024)).await.starts_with("HTTP/1.1 200 "));
    let refused = server.exchange(head(16 * 1024 + 1)).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    assert!(refused.contains("\r\nx-content-type-options: nosniff\r\n"), "{refused}");
    assert!(refused.ends_with("\r\n\r\n"), "{refused}");
    assert!(server.exchange(vec![b'G'; 1 << 20]).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn header_lines_at_the_cap_pass_and_above_it_are_431() {
    let server = start(limits()).await;
    let head = |lines: usize| {
        format!("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{}\r\n", "x: y\r\n".repeat(lines - 2))
    };
    assert!(server.exchange(head(64)).await.starts_with("HTTP/1.1 200 "));
    assert!(server.exchange(head(65)).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn malformed_request_is_400_with_the_security_headers_after_a_good_one_too() {
    let server = start(limits()).await;
    for before in [String::new(), post("/", "", "hi")] {
        let got = server.exchange(before + "BROKEN\x01 / HTTP/1.1\r\n\r\n").await;
        let refused = &got[got.find("HTTP/1.1 400 ").unwrap()..];
        assert!(refused.contains("\r\nx-content-type-options: nosniff\r\n"), "{got}");
    }
}

#[tokio::test]
async fn what_the_service_must_judge_reaches_it() {
    let server = start(limits()).await;
    let heads = [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "GET / HTTP/1.1\nhost: a\nconnection: close\n\n",
        "TRACE / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close, upgrade\r\nupgrade: websocket\r\n\r\n",
    ];
    for (before, head) in heads.iter().enumerate() {
        let got = server.exchange(head).await;
        assert!(got.contains(" 200 "), "{head:?}: {got}");
        assert_eq!(server.service.requests.load(Ordering::SeqCst), before + 1, "{head:?}");
    }
}

#[tokio::test]
async fn broken_framing_never_reaches_the_service() {
    let server = start(limits()).await;
    for headers in [
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: xchunked\r\n",
        "content-length: 1\r\ncontent-length: 2\r\n",
        "content-length: +1\r\n",
        "content-length: 18446744073709551616\r\n",
        "x : y\r\n",
        "x: a\r\n b\r\n",
        "x: a\0b\r\n",
    ] {
        let got = server.exchange(format!("POST / HTTP/1.1\r\nhost: a\r\n{headers}\r\nx")).await;
        assert!(got.is_empty() || got.starts_with("HTTP/1.1 400 "), "{headers:?}: {got}");
    }
    assert_eq!(server.exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "");
    assert_eq!(server.service.requests.load(Ordering::SeqCst), 0);
}

// ---- body

#[tokio::test]
async fn slow_body_is_408() {
    let server = start(limits()).await;
    let got = server.exchange("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf").await;
    assert!(got.starts_with("HTTP/1.1 408 "), "{got}");
}

#[tokio::test]
async fn body_at_the_cap_passes_and_above_it_is_413_declared_and_chunked() {
    let server = start(limits()).await;
    let chunked = |bytes: usize| {
        let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        format!("{head}{:x}\r\n{}\r\n0\r\n\r\n", bytes, "x".repeat(bytes))
    };
    for (bytes, status) in [(CAP, "HTTP/1.1 200 "), (CAP + 1, "HTTP/1.1 413 "), (30 * CAP, "HTTP/1.1 413 ")] {
        let declared = post("/", "connection: close\r\n", &"x".repeat(bytes));
        assert!(server.exchange(declared).await.starts_with(status), "declared, {bytes}");
        assert!(server.exchange(chunked(bytes)).await.starts_with(status), "chunked, {bytes}");
    }
}

#[tokio::test]
async fn compressed_body_is_415() {
    let server = start(limits()).await;
    let got = server.exchange(post("/", "content-encoding: gzip\r\nconnection: close\r\n", "hi")).await;
    assert!(got.starts_with("HTTP/1.1 415 "), "{got}");
}

#[tokio::test]
async fn unread_body_is_never_read_as_a_request() {
    let server = start(limits()).await;
    let evil = "GET /evil HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1_000);
    // The whole body is there; a part of it is there; it is above what is buffered; it is chunked.
    let whole = post("/early", "", &evil[..3_000]);
    let part = post("/early", "", &evil[..3_000]).replace("content-length: 3000", "content-length: 4000");
    let large = post("/early", "", &evil);
    let chunked = format!(
        "POST /early HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{evil}\r\n0\r\n\r\n",
        evil.len()
    );
    for request in [whole, part, large, chunked] {
        let mut client = server.connect().await;
        client.write_all(request.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let got = rest_of(&mut client).await;
        assert_eq!(got.matches("HTTP/1.1 ").count(), 1, "{got}");
        assert!(got.starts_with("HTTP/1.1 413 "), "{got}");
    }
    assert_eq!(server.service.requests.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn refusal_reaches_a_client_that_sends_its_whole_body_first() {
    let server = start(limits()).await;
    for _ in 0..10 {
        let got = server.exchange(post("/early", "connection: close\r\n", &"x".repeat(5 << 20))).await;
        assert!(got.starts_with("HTTP/1.1 413 "), "{got}");
    }
}

#[tokio::test]
async fn client_that_asks_first_is_told_to_go_on_or_refused_unsent() {
    let server = start(limits()).await;
    let head = |path: &str| {
        post(path, "expect: 100-continue\r\nconnection: close\r\n", "hi").replace("\r\n\r\nhi", "\r\n\r\n")
    };
    let mut client = server.connect().await;
    client.write_all(head("/").as_bytes()).await.unwrap();
    assert_eq!(until(&mut client, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"hi").await.unwrap();
    assert!(rest_of(&mut client).await.ends_with("\r\n\r\nhi"));
    assert!(server.exchange(head("/early")).await.starts_with("HTTP/1.1 413 "));
}

// ---- answer

#[tokio::test]
async fn head_and_body_arrive_in_one_segment() {
    let server = start(limits()).await;
    let mut client = server.connect().await;
    for _ in 0..20 {
        client.write_all(post("/", "", "hi").as_bytes()).await.unwrap();
        let mut got = vec![0; 4_096];
        let read = client.read(&mut got).await.unwrap();
        let got = std::str::from_utf8(&got[..read]).unwrap();
        assert!(got.contains("content-length: 2\r\n") && got.ends_with("\r\n\r\nhi"), "{got}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(limits()).await;
    let requests: String = (0..200).map(|n| post("/", "", &format!("<{n}>"))).collect();
    let got = server.exchange(requests + &post("/", "connection: close\r\n", "<end>")).await;
    let bodies: Vec<&str> = got.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
    let expected: Vec<String> = (0..200).map(|n| n.to_string()).chain(["end".to_owned()]).collect();
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn stream_flows_although_the_next_request_has_begun() {
    let server = start(limits()).await;
    let mut client = server.connect().await;
    client.write_all((post("/stream", "", "") + "POST / HT").as_bytes()).await.unwrap();
    until(&mut client, "two\n\r\n").await;
    server.service.go_on.notify_one();
    until(&mut client, "three\n\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn producer_of_a_stream_learns_that_the_client_is_gone() {
    let server = start(limits()).await;
    let mut client = server.connect().await;
    client.write_all(post("/endless", "", "").as_bytes()).await.unwrap();
    until(&mut client, "begun\n\r\n").await;
    drop(client);
    tokio::time::timeout(Duration::from_secs(5), server.service.gone.cancelled()).await.unwrap();
}

#[tokio::test]
async fn request_of_a_client_that_is_gone_is_dropped() {
    let server = start(limits()).await;
    let mut client = server.connect().await;
    client.write_all(post("/wait", "", "hi").as_bytes()).await.unwrap();
    server.service.waiting.notified().await;
    assert!(!server.service.gone.is_cancelled());
    drop(client);
    tokio::time::timeout(Duration::from_secs(5), server.service.gone.cancelled()).await.unwrap();
}

#[tokio::test]
async fn client_that_does_not_read_is_cut_after_the_stall() {
    let server = start(ListenerLimits { write_stall: Duration::from_millis(50), ..limits() }).await;
    let mut client = server.connect().await;
    client.write_all(post("/large", "", "").as_bytes()).await.unwrap();
    // The drain ends only when the connection has: nothing else ends it before.
    until(&mut client, "\r\n\r\n").await;
    server.drain.cancel();
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
    let mut got = Vec::new();
    let _ = client.read_to_end(&mut got).await;
    assert!(got.len() < 16 << 20);
}

// ---- connections

#[tokio::test]
async fn honest_client_is_answered_among_half_open_ones() {
    let limits = ListenerLimits {
        connections: NonZeroUsize::new(200).unwrap(),
        head_within: Duration::from_millis(300),
        ..limits()
    };
    let server = start(limits).await;
    let mut half_open = Vec::new();
    for n in 0..400 {
        let mut client = server.connect().await;
        if n % 2 == 0 {
            client.write_all(b"POST / HTTP/1.1\r\n").await.unwrap();
        }
        half_open.push(client);
    }
    let got = server.exchange(post("/", "connection: close\r\n", "hi")).await;
    assert!(got.ends_with("hi"), "{got}");
}

#[tokio::test]
async fn idle_connections_make_room_when_the_house_is_full() {
    // No deadline comes to its help.
    let limits = ListenerLimits {
        connections: NonZeroUsize::new(10).unwrap(),
        head_within: Duration::from_secs(60),
        ..limits()
    };
    let server = start(limits).await;
    let mut idle = Vec::new();
    for _ in 0..9 {
        let mut client = server.connect().await;
        client.write_all(post("/", "", "hi").as_bytes()).await.unwrap();
        until(&mut client, "hi").await;
        idle.push(client);
    }
    let mut busy = server.connect().await;
    busy.write_all(post("/wait", "", "").as_bytes()).await.unwrap();
    server.service.waiting.notified().await;
    for _ in 0..10 {
        let got = server.exchange(post("/", "connection: close\r\n", "hi")).await;
        assert!(got.ends_with("hi"), "{got}");
    }
    server.service.go_on.notify_one();
    assert!(until(&mut busy, "\r\n\r\n").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn address_has_its_own_cap_and_gets_its_places_back() {
    let server = start(ListenerLimits { per_address: NonZeroUsize::new(2), ..limits() }).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect().await;
        client.write_all(post("/", "", "hi").as_bytes()).await.unwrap();
        until(&mut client, "hi").await;
        clients.push(client);
    }
    let mut third = server.connect().await;
    assert!(!matches!(third.read(&mut [0]).await, Ok(1..)));
    clients.clear();
    loop {
        let mut client = server.connect().await;
        let _ = client.write_all(post("/", "", "hi").as_bytes()).await;
        if matches!(client.read(&mut [0]).await, Ok(1)) {
            break;
        }
    }
}

#[tokio::test]
async fn drain_finishes_what_is_under_way_and_closes_the_rest() {
    let server = start(limits()).await;
    let (mut idle, mut silent, mut busy) = (server.connect().await, server.connect().await, server.connect().await);
    idle.write_all(post("/", "", "hi").as_bytes()).await.unwrap();
    until(&mut idle, "hi").await;
    busy.write_all(post("/wait", "", "").as_bytes()).await.unwrap();
    server.service.waiting.notified().await;
    let start = Instant::now();
    server.drain.cancel();
    assert_eq!(rest_of(&mut idle).await, "");
    assert_eq!(rest_of(&mut silent).await, "");
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(TcpStream::connect(server.addr).await.is_err());
    assert!(!server.task.is_finished());
    server.service.go_on.notify_one();
    let got = rest_of(&mut busy).await;
    assert!(got.starts_with("HTTP/1.1 200 ") && got.contains("\r\nconnection: close\r\n"), "{got}");
    drop(busy);
    tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn drain_does_not_wait_for_clients_that_have_nothing_under_way() {
    let server = start(limits()).await;
    let (mut idle, _silent) = (server.connect().await, server.connect().await);
    idle.write_all(post("/", "", "hi").as_bytes()).await.unwrap();
    until(&mut idle, "hi").await;
    server.drain.cancel();
    tokio::time::timeout(LINGER_TIME - Duration::from_millis(200), server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn drain_has_an_end_and_kill_ends_at_once() {
    for (drain_within, is_killed) in [(Duration::from_millis(50), false), (Duration::from_secs(60), true)] {
        let server = start(ListenerLimits { drain_within, ..limits() }).await;
        let mut busy = server.connect().await;
        busy.write_all(post("/wait", "", "").as_bytes()).await.unwrap();
        server.service.waiting.notified().await;
        server.drain.cancel();
        if is_killed {
            server.kill.cancel();
        }
        tokio::time::timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn many_short_requests_and_refusals_leave_nothing_behind() {
    let server = start(ListenerLimits { per_address: NonZeroUsize::new(100), ..limits() }).await;
    let alive = || (tokio::runtime::Handle::current().metrics().num_alive_tasks(), Arc::strong_count(&server.service));
    let before = alive();
    for _ in 0..500 {
        server.exchange(post("/early", "connection: close\r\n", "hi")).await;
        server.exchange("BROKEN\x01\r\n\r\n").await;
    }
    let mut client = server.connect().await;
    for _ in 0..5_000 {
        client.write_all(post("/", "", "hi").as_bytes()).await.unwrap();
        until(&mut client, "hi").await;
    }
    drop(client);
    let settled = async {
        while alive() != before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), settled).await.unwrap();
}

/// S-19
#[tokio::test]
async fn a_crowd_that_comes_at_one_moment_waits_to_be_accepted() {
    let socket = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    let mut crowd = Vec::new();
    // Nobody accepts any of them; what finds no place in the queue is never connected.
    for number in 0..1_000 {
        let connecting = tokio::time::timeout(Duration::from_secs(30), TcpStream::connect(address));
        crowd.push(connecting.await.unwrap_or_else(|_| panic!("no place for number {number}")).unwrap());
    }
}
