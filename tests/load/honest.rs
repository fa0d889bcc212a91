//! Honest clients: they call a tool over and over, on a kept connection and now and then on a new one, and note how
//! long each call took and which failed.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    door::{self, Door, Leave, Open},
    server::{HONEST, call},
};

/// Some honest clients, on a thread of their own so that the attackers of this program do not hold them up.
pub(crate) struct Honest {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

/// What became of their calls.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How long each call took that was answered.
    took: Vec<Duration>,
    pub(crate) failures: Vec<String>,
}

impl Honest {
    pub(crate) fn start(door: &Door, key: &str) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let (door, key, until) = (door.clone(), key.to_owned(), enough.clone());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut clients = JoinSet::new();
                for _ in 0..CLIENTS {
                    clients.spawn(client(door.clone(), call(&key, "echo", json!({"text": WORD})), until.clone()));
                }
                clients.join_all().await.into_iter().fold(Seen::default(), Seen::and)
            })
        });
        Self { enough, thread }
    }

    /// Lets them end the calls that are under way, and tells what became of all.
    pub(crate) fn stop(self) -> Seen {
        self.enough.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }

    /// What they see in this time.
    pub(crate) async fn watch(door: &Door, key: &str, time: Duration) -> Seen {
        let honest = Self::start(door, key);
        sleep(time).await;
        honest.stop()
    }
}

impl Seen {
    pub(crate) fn calls(&self) -> usize {
        self.took.len() + self.failures.len()
    }

    /// The part of all calls that was answered.
    pub(crate) fn success(&self) -> f64 {
        self.took.len() as f64 / self.calls().max(1) as f64
    }

    /// How long the slowest of this part of the calls took; a call that failed took for ever.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let mut took = self.took.clone();
        took.resize(self.calls(), Duration::MAX);
        took.sort_unstable();
        let at = (part * took.len() as f64).ceil() as usize;
        took.get(at.saturating_sub(1)).copied().unwrap_or(Duration::MAX)
    }

    fn and(mut self, other: Self) -> Self {
        self.took.extend(other.took);
        self.failures.extend(other.failures);
        self
    }
}

/// Calls until told that it is enough.
async fn client(door: Door, request: Vec<u8>, enough: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let mut kept: Option<Open> = None;
    let mut number = 0_usize;
    while !enough.load(Ordering::Relaxed) {
        if number.is_multiple_of(KEPT_FOR) {
            kept = None;
        }
        number += 1;
        let begun = Instant::now();
        match timeout(TOO_LATE, once(&door, &request, &mut kept)).await {
            Ok(Ok(())) => seen.took.push(begun.elapsed()),
            Ok(Err(error)) => {
                kept = None;
                seen.failures.push(error.to_string());
            }
            Err(_) => {
                kept = None;
                seen.failures.push("too late".to_owned());
            }
        }
        sleep(THINKS).await;
    }
    seen
}

/// One call. As every client does, it takes a new connection where the kept one turns out to be closed.
async fn once(door: &Door, request: &[u8], kept: &mut Option<Open>) -> io::Result<()> {
    let (status, body) = match kept {
        Some(stream) => match door::ask(stream, request).await {
            Ok(answer) => answer,
            Err(_) => door::ask(kept.insert(door.open(HONEST, Leave::Politely).await?), request).await?,
        },
        None => door::ask(kept.insert(door.open(HONEST, Leave::Politely).await?), request).await?,
    };
    match status == 200 && body.contains(WORD) {
        true => Ok(()),
        false => Err(io::Error::other(format!("{status}: {body}"))),
    }
}

/// How many call at the same time.
const CLIENTS: usize = 8;

/// How many calls a connection is kept for.
const KEPT_FOR: usize = 10;

/// Between two calls of a client.
const THINKS: Duration = Duration::from_millis(10);

/// A call that takes longer has failed.
const TOO_LATE: Duration = Duration::from_secs(10);

/// What is echoed.
const WORD: &str = "an honest word";
