//! Attackers: a crowd that holds connections half open, a flood without credentials, and bodies above the limit.
//!
//! Each comes from addresses of its own, and each has a rate that is said, so that the processors which it shares with
//! the server are not what is measured.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    door::{self, Door, Leave, source},
    server::{call, head},
};

/// Attackers at work, on a thread of their own.
pub(crate) struct Attack {
    counts: Arc<Counts>,
    enough: Arc<Notify>,
    thread: JoinHandle<()>,
}

/// What attackers did so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections that are half open now.
    pub(crate) half_open: AtomicUsize,
    /// Requests that were refused for want of a credential.
    pub(crate) refused: AtomicUsize,
    /// Requests that were answered otherwise, or not at all.
    pub(crate) otherwise: AtomicUsize,
    /// Bodies that were refused for their size.
    pub(crate) too_large: AtomicUsize,
    /// Bodies that were not.
    pub(crate) swallowed: AtomicUsize,
}

impl Attack {
    /// Begins all attacks at once. `key` proves who sends the large bodies, which are not read of anybody else.
    pub(crate) fn start(door: &Door, key: &str) -> Self {
        let (counts, enough) = (Arc::new(Counts::default()), Arc::new(Notify::new()));
        let (door, key) = (door.clone(), key.to_owned());
        let (seen, until) = (counts.clone(), enough.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut attackers = JoinSet::new();
                for number in 0..HALF_OPEN {
                    attackers.spawn(hold(door.clone(), number, seen.clone()));
                }
                for number in 0..FLOODERS {
                    attackers.spawn(flood(door.clone(), number, seen.clone()));
                }
                attackers.spawn(swamp(door, key, seen));
                until.notified().await;
                attackers.shutdown().await;
            });
        });
        Self { counts, enough, thread }
    }

    /// Waits until the crowd is complete.
    pub(crate) async fn is_complete(&self) {
        let begun = Instant::now();
        loop {
            let half_open = self.counts.half_open.load(Ordering::Relaxed);
            if half_open > ENOUGH {
                return;
            }
            assert!(begun.elapsed() < crate::PATIENCE, "only {half_open} connections are half open");
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn stop(self) {
        self.enough.notify_one();
        self.thread.join().unwrap();
    }
}

/// A connection on which something is begun and not ended; when the server closes it, another one.
async fn hold(door: Door, number: usize, counts: Arc<Counts>) {
    let from = source(10, number);
    // Not all at the same moment, then or later.
    sleep(SPREAD * u32::try_from(number).unwrap() / u32::try_from(HALF_OPEN).unwrap()).await;
    let hello = if door.is_secure() { door.hello() } else { head("none", "echo", "Content-Length: 100") };
    loop {
        let Ok(mut stream) = door.dial(from, Leave::Broken).await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let _here = Here::new(&counts);
        match number % 10 {
            // Nothing at all.
            0..4 => drop(stream.read_u8().await),
            // A half of what comes first, and no more.
            4 | 5 => {
                if stream.write_all(&hello[..hello.len() / 2]).await.is_ok() {
                    drop(stream.read_u8().await);
                }
            }
            // What comes first, a byte at a time.
            6 | 7 => trickle(stream, &hello).await,
            // With TLS, a handshake that is right, and then HTTP/2 or a head a byte at a time.
            8 => {
                if let Ok(stream) = door.over_for_http2(stream).await {
                    trickle(stream, &door::http2()).await;
                }
            }
            _ => {
                if let Ok(stream) = door.over(stream).await {
                    trickle(stream, &head("none", "echo", "Content-Length: 100")).await;
                }
            }
        }
    }
}

/// Sends a byte a second, until the server has had enough.
async fn trickle(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, bytes: &[u8]) {
    let mut said = [0; 1_024];
    for byte in bytes {
        if stream.write_u8(*byte).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match timeout(SLOWLY, stream.read(&mut said)).await {
            Err(_) => {}
            // Over HTTP/2 a server speaks first.
            Ok(Ok(1..)) => sleep(SLOWLY).await,
            Ok(Ok(0) | Err(_)) => return,
        }
    }
}

/// Requests with a key that nobody has, each on a connection of its own, because a refusal ends one.
async fn flood(door: Door, number: usize, counts: Arc<Counts>) {
    let request = call("mcp_wrong_and_of_nobody", "echo", serde_json::json!({"text": "flood"}));
    let mut ticks = interval(pause(&door) * u32::try_from(FLOODERS).unwrap());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    sleep(Duration::from_millis(number as u64 * 7)).await;
    for turn in 0_usize.. {
        ticks.tick().await;
        let from = source(20, number * 499 + turn % 499);
        let answered = async {
            let mut stream = door.open(from, Leave::Broken).await?;
            door::ask(&mut stream, &request).await
        };
        match answered.await {
            Ok((401, _)) => counts.refused.fetch_add(1, Ordering::Relaxed),
            Ok(_) | Err(_) => counts.otherwise.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// The time between two requests without a credential.
fn pause(door: &Door) -> Duration {
    // With TLS a handshake comes before each, which costs this program as much as the server.
    match door.is_secure() {
        true => Duration::from_secs(1) / 100,
        false => Duration::from_secs(1) / 400,
    }
}

/// A body above the limit each second, by turns with a length that says so and in chunks.
async fn swamp(door: Door, key: String, counts: Arc<Counts>) {
    let mut ticks = interval(Duration::from_secs(1));
    let chunk = [&b"10000\r\n"[..], &vec![b' '; 0x1_0000], b"\r\n"].concat();
    for turn in 0_usize.. {
        ticks.tick().await;
        let length = BODY.to_string();
        let framing = match turn % 2 {
            0 => format!("Content-Length: {length}"),
            _ => "Transfer-Encoding: chunked".to_owned(),
        };
        let request = head(&key, "echo", &framing);
        let refused = async {
            let stream = door.open(source(30, turn), Leave::Broken).await?;
            let (read, mut write) = tokio::io::split(stream);
            let sending = async {
                let piece = if turn % 2 == 0 { &vec![b' '; 0x1_0000] } else { &chunk };
                write.write_all(&request).await?;
                for _ in 0..BODY / 0x1_0000 {
                    write.write_all(piece).await?;
                }
                // It was read whole, and an answer may come.
                std::future::pending::<std::io::Result<()>>().await
            };
            let mut read: door::Open = Box::new(tokio::io::join(read, tokio::io::sink()));
            let mut answering = std::pin::pin!(door::answer(&mut read));
            tokio::select! {
                answer = &mut answering => answer,
                // The answer was sent before the connection was closed.
                _ = sending => answering.await,
            }
        };
        match timeout(Duration::from_secs(10), refused).await {
            Ok(Ok((413, _))) => counts.too_large.fetch_add(1, Ordering::Relaxed),
            _ => counts.swallowed.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// A connection of the crowd, as long as it is held.
struct Here<'a>(&'a Counts);

impl<'a> Here<'a> {
    fn new(counts: &'a Counts) -> Self {
        counts.half_open.fetch_add(1, Ordering::Relaxed);
        Self(counts)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.0.half_open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connections that are half open at any time.
pub(crate) const HALF_OPEN: usize = 2_000;

/// Of them at least so many: some are always between two connections.
pub(crate) const ENOUGH: usize = HALF_OPEN - HALF_OPEN / 20;

/// In which the crowd comes together; as long as the server waits for a head, so that there is no wave.
const SPREAD: Duration = Duration::from_secs(5);

/// Between two bytes of a head.
const SLOWLY: Duration = Duration::from_secs(1);

/// Among how many the requests without a credential are divided.
const FLOODERS: usize = 50;

/// Bytes of a body that is above the limit of a mebibyte.
const BODY: usize = 8 << 20;
