//! A server that runs out of descriptors: it neither spins nor dies, and serves again as soon as there are some.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, prlimit};
use tokio::{io::AsyncWriteExt, time::sleep};

use crate::{
    door::{self, Leave, Wire, source},
    server::{HONEST, Server, call, head},
    within,
};

/// Takes all descriptors of a server by connections that say half a head each and never leave.
pub(crate) async fn run() {
    let server = Server::start(Wire::Plain).await;
    let request = call(&server.key, "echo", serde_json::json!({"text": "hello"}));
    server.settles(server.descriptors()).await;
    let before = server.descriptors();
    let most = Some(before as u64 + ROOM);
    prlimit(Some(server.listening.pid()), Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    let half = head("none", "echo", "Content-Length: 1");
    let mut crowd = Vec::new();
    for number in 0..ROOM as usize + IN_LINE {
        let mut stream =
            within("a place in the backlog", server.door.dial(source(50, number), Leave::Broken)).await.unwrap();
        stream.write_all(&half[..half.len() / 2]).await.unwrap();
        crowd.push(stream);
    }
    within("the end of the descriptors", async {
        while server.descriptors() < before + ROOM as usize {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let (begun, busy) = (Instant::now(), server.busy());
    // Nobody of the crowd leaves; what frees a descriptor is that their heads are late.
    let mut stream = within("a place in the backlog", server.door.open(HONEST, Leave::Politely)).await.unwrap();
    let (status, _) = within("an answer in a crowd", door::ask(&mut stream, &request)).await.unwrap();
    assert_eq!(status, 200);
    let (waited, busy) = (begun.elapsed(), server.busy() - busy);
    assert!(waited > Duration::from_secs(1), "the descriptors had not run out");
    assert!(busy < waited / 4, "it was busy for {busy:?} of {waited:?}, in which it could do nothing");
    println!("  served after {:.1} s in line, of which it was busy for {busy:?}", waited.as_secs_f64());
    drop((crowd, stream));
    server.settles(before).await;
    let mut stream = within("a connection", server.door.open(HONEST, Leave::Politely)).await.unwrap();
    assert_eq!(within("an answer", door::ask(&mut stream, &request)).await.unwrap().0, 200);
    assert!(server.listening.stop().await.success());
}

/// Descriptors that the server may still open.
const ROOM: u64 = 32;

/// Connections that wait for one.
const IN_LINE: usize = 8;
