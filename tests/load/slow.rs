//! Readers that do not read: what waits for them is bounded, and so is for how long.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::{
    door::{Wire, source},
    honest::Honest,
    server::{Server, call, message, upgrade},
};

/// Asks for much on connections of which nothing is read, and waits until the server has closed all of them.
pub(crate) async fn run() {
    let server = Server::start(Wire::Plain).await;
    Honest::watch(&server.door, &server.key, Duration::from_millis(200)).await;
    let (descriptors, start) = (server.descriptors(), server.resident());
    let mut readers = Vec::new();
    for number in 0..OF_EACH {
        // An answer that is larger than what a kernel takes: as JSON, as an event, and as a frame.
        let request = call(&server.other_key, "big_output", json!({"bytes": LARGE}));
        readers.push(asks(&server, 4 * number, &request).await);
        let request = String::from_utf8(request).unwrap();
        let request = request.replace("application/json, text/event-stream", "text/event-stream, application/json");
        readers.push(asks(&server, 4 * number + 1, request.as_bytes()).await);
        let mut stream = asks(&server, 4 * number + 2, &upgrade(&server.other_key)).await;
        stream.write_all(&text(&message("big_output", json!({"bytes": LARGE})))).await.unwrap();
        readers.push(stream);
        // Small answers without end: the server no longer reads when too many wait.
        let mut stream = asks(&server, 4 * number + 3, &upgrade(&server.other_key)).await;
        let calls = text(&message("big_output", json!({"bytes": LARGE / 1_000}))).repeat(20_000);
        let sent = timeout(Duration::from_secs(1), stream.write_all(&calls)).await;
        assert!(sent.is_err(), "all calls were taken");
        readers.push(stream);
    }
    let (begun, all) = (Instant::now(), readers.len());
    let honest = Honest::start(&server.door, &server.key);
    let mut most = 0;
    while begun.elapsed() < BESIDE {
        most = most.max(server.resident());
        sleep(Duration::from_millis(100)).await;
    }
    let seen = honest.stop();
    assert!(seen.calls() > 0 && seen.failures.is_empty(), "{:?}", seen.failures);
    server.settles(descriptors).await;
    let (took, more) = (begun.elapsed(), most.saturating_sub(start));
    println!(
        "  {all} readers cut off after {:.1} s; memory + {:.1} MiB, {} calls beside them",
        took.as_secs_f64(),
        more as f64 / MIB as f64,
        seen.calls()
    );
    assert!(took < BEFORE_IDLE, "they were not cut off before they counted as idle");
    assert!(more <= MEMORY, "{more} bytes were kept for {all} readers");
    drop(readers);
    assert!(server.listening.stop().await.success());
}

/// Sends a request on a connection that takes little at a time, and reads nothing.
async fn asks(server: &Server, number: usize, request: &[u8]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2_048).unwrap();
    socket.bind(SocketAddr::from((source(60, number), 0))).unwrap();
    let mut stream = socket.connect(server.door.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream
}

/// The frame of a text, under a mask that changes nothing.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&[0x81, 0xfe][..], &length.to_be_bytes(), &[0; 4], text.as_bytes()].concat()
}

/// How many there are of each of four kinds.
const OF_EACH: usize = 2;

/// Bytes of an answer, more than a kernel takes.
const LARGE: usize = 5 << 20;

/// How long honest clients call beside them.
const BESIDE: Duration = Duration::from_secs(3);

/// A stalled write is given up after five seconds; pings of a WebSocket, and idle connections, take longer.
const BEFORE_IDLE: Duration = Duration::from_secs(20);

/// The large answers, each as text and as a message.
const MEMORY: u64 = 64 * MIB;

const MIB: u64 = 1 << 20;
