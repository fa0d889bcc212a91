//! Stalled writes, and the answers that hyper gives by itself.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::{Instant, advance},
};

use super::*;

const LINES: &[u8] = b"x-content-type-options: nosniff\r\n";

fn pair(room: usize, lines: &'static [u8]) -> (Socket<DuplexStream>, DuplexStream, Arc<Deadlines>) {
    let (near, far) = tokio::io::duplex(room);
    let deadlines = Arc::new(Deadlines::new(Duration::from_secs(5), Duration::from_secs(60)));
    (Socket::new(near, Arc::clone(&deadlines), Duration::from_secs(10), Bytes::from_static(lines)), far, deadlines)
}

#[tokio::test(start_paused = true)]
async fn write_to_a_peer_that_does_not_read_fails_after_the_stall() {
    let (mut socket, _far, _) = pair(10, b"");
    let start = Instant::now();
    let error = socket.write_all(&[0; 11]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn each_progress_gives_the_peer_its_time_again() {
    let (mut socket, mut far, _) = pair(10, b"");
    let writer = tokio::spawn(async move { socket.write_all(&[0; 60]).await });
    for _ in 0..6 {
        advance(Duration::from_secs(9)).await;
        far.read_exact(&mut [0; 10]).await.unwrap();
    }
    writer.await.unwrap().unwrap();
}

#[tokio::test]
async fn no_timer_is_made_while_the_peer_reads() {
    let (mut socket, mut far, _) = pair(100, b"");
    for _ in 0..20 {
        socket.write_all(&[0; 100]).await.unwrap();
        far.read_exact(&mut [0; 100]).await.unwrap();
    }
    assert!(!socket.stall.has_timer());
}

#[tokio::test]
async fn refusal_that_no_service_wrote_gets_the_header_lines() {
    let (mut socket, mut far, _) = pair(1_000, LINES);
    socket.write_all(b"HTTP/1.1 431 Too Large\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    socket.flush().await.unwrap();
    drop(socket);
    let mut got = String::new();
    far.read_to_string(&mut got).await.unwrap();
    assert_eq!(got, "HTTP/1.1 431 Too Large\r\ncontent-length: 0\r\nx-content-type-options: nosniff\r\n\r\n");
}

#[tokio::test]
async fn answer_of_the_service_is_not_touched() {
    let (mut socket, mut far, deadlines) = pair(1_000, LINES);
    drop(deadlines.begin());
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    socket.write_all(answer.as_bytes()).await.unwrap();
    socket.flush().await.unwrap();
    drop(socket);
    let mut got = String::new();
    far.read_to_string(&mut got).await.unwrap();
    assert_eq!(got, answer);
}

#[tokio::test(start_paused = true)]
async fn shutdown_takes_what_the_peer_still_sends() {
    let (mut socket, mut far, _) = pair(1_000, b"");
    let closing = tokio::spawn(async move { socket.shutdown().await });
    far.write_all(&[0; 100_000]).await.unwrap();
    drop(far);
    closing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_ever() {
    let (mut socket, _far, _) = pair(1_000, b"");
    let start = Instant::now();
    socket.shutdown().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), LINGER_TIME.as_secs());
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_read_for_ever() {
    let (mut socket, mut far, _) = pair(100_000, b"");
    let flood = tokio::spawn(async move {
        let mut sent = 0;
        while let Ok(written) = far.write(&[0; 50_000]).await {
            sent += written;
        }
        sent
    });
    socket.shutdown().await.unwrap();
    drop(socket);
    assert!(flood.await.unwrap() <= LINGER_BYTES + 200_000);
}

#[tokio::test(start_paused = true)]
async fn dismissed_connection_is_closed_at_once() {
    let (mut socket, _far, deadlines) = pair(1_000, b"");
    deadlines.dismiss();
    let start = Instant::now();
    socket.shutdown().await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}
