//! Connections that are broken off in the middle of anything: what the server keeps of them is nothing.

use std::io;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};

use crate::{
    door::{Door, Leave, Wire, http2, source},
    honest::Honest,
    server::{Server, call, upgrade},
    within,
};

/// Breaks off so many connections, and then as many again.
///
/// What the first ones made the process take of memory, an allocator may keep for the next ones; so it is the second
/// half that must not cost anything.
pub(crate) async fn run(wire: Wire, connections: usize) {
    let server = Server::start(wire).await;
    Honest::watch(&server.door, &server.key, std::time::Duration::from_millis(200)).await;
    let descriptors = server.descriptors();
    break_off(&server, connections / 2).await;
    server.settles(descriptors).await;
    let before = server.resident();
    break_off(&server, connections - connections / 2).await;
    server.settles(descriptors).await;
    let more = server.resident().saturating_sub(before);
    println!("  {connections} connections; {descriptors} descriptors before and after, memory + {} KiB", more / 1024);
    assert!(more <= MEMORY, "{more} bytes are kept of {connections} connections");
    let seen = Honest::watch(&server.door, &server.key, std::time::Duration::from_millis(200)).await;
    assert!(seen.calls() > 0 && seen.failures.is_empty(), "{:?}", seen.failures);
    assert!(server.listening.stop().await.success());
}

async fn break_off(server: &Server, connections: usize) {
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        if tasks.len() >= AT_ONCE {
            within("a connection to break off", tasks.join_next()).await.unwrap().unwrap();
        }
        let (door, key) = (server.door.clone(), server.key.clone());
        tasks.spawn(async move {
            // That the server was first is as good.
            let _ = begin(&door, &key, number).await;
        });
    }
    within("the last connections", tasks.join_all()).await;
}

/// Goes so far as the number says, and resets the connection.
async fn begin(door: &Door, key: &str, number: usize) -> io::Result<()> {
    let stream = door.dial(source(40, number), Leave::Broken).await?;
    let mut stream = match (number % 9, door.is_secure()) {
        (0, _) => return Ok(()),
        (1, true) => return say(stream, &door.hello()[..60]).await,
        (2, true) => {
            say(stream, &door.hello()).await?;
            return Ok(());
        }
        (8, _) => {
            let mut stream = door.over_for_http2(stream).await?;
            stream.write_all(&http2()).await?;
            return stream.flush().await;
        }
        _ => door.over(stream).await?,
    };
    let request = call(key, "echo", json!({"text": "x".repeat(1_000)}));
    match number % 9 {
        // The connection alone, or with a handshake that is complete.
        1 => {}
        // In the middle of the head, of the body, and before the answer.
        2 | 3 => stream.write_all(&request[..request.len() / 10]).await?,
        4 => stream.write_all(&request[..request.len() - 100]).await?,
        5 => stream.write_all(&request).await?,
        // In the middle of an event stream, and of an answer in chunks.
        6 => {
            stream.write_all(&call(key, "flood", json!({"count": 10_000}))).await?;
            stream.read_u8().await?;
        }
        // In the middle of a WebSocket, and of a message on it.
        _ => {
            stream.write_all(&upgrade(key)).await?;
            stream.read_u8().await?;
            stream.write_all(&[0x81, 0xfe, 0x40, 0x00, 1, 2, 3, 4, 5]).await?;
        }
    }
    stream.flush().await
}

async fn say(mut stream: tokio::net::TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// How many are under way at the same time.
const AT_ONCE: usize = 64;

/// Less than two connections in a hundred would need, if something of them were kept.
const MEMORY: u64 = 2 << 20;
