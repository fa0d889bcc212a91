//! Where one HTTP/1.1 connection stands, and how long it may stand there.
//!
//! Shared by the socket, the service and the watch of one connection, which all run in the same task. Reading the
//! clock is all that it costs a request: the timer is only touched when a deadline may have passed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// What one connection waits for.
#[derive(Debug)]
pub(crate) struct Deadlines {
    start: Instant,
    head_within: Duration,
    idle: Duration,
    /// Milliseconds since `start` above two bits of [`Phase`].
    state: AtomicU64,
    /// A request was handed to the service, and its answer has not left the socket whole.
    asked: AtomicBool,
    /// The server ends the connection while no request is under way.
    dismissed: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between an answer and the next request.
    Idle,
    /// A request head has begun, or the connection has, and the head is not whole.
    Head,
    /// The service has the request; its own limits hold.
    Answering,
}

impl Deadlines {
    /// A connection that was accepted now: its first head is due within `head_within`.
    pub(crate) fn new(head_within: Duration, idle: Duration) -> Self {
        let deadlines = Self {
            start: Instant::now(),
            head_within,
            idle,
            state: AtomicU64::new(0),
            asked: AtomicBool::new(false),
            dismissed: AtomicBool::new(false),
        };
        deadlines.enter(Phase::Head);
        deadlines
    }

    /// A request has arrived; the turn ends when it is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Turn {
        self.asked.store(true, Ordering::Relaxed);
        self.dismissed.store(false, Ordering::Relaxed);
        self.enter(Phase::Answering);
        Turn { deadlines: Arc::clone(self) }
    }

    /// Bytes have been read: between requests they begin a head, whose deadline later bytes do not move.
    pub(crate) fn read(&self) {
        if self.is_idle() {
            self.enter(Phase::Head);
        }
    }

    /// A part of an answer has left: a slow reader that reads is not idle.
    pub(crate) fn wrote_part(&self) {
        if self.is_idle() {
            self.enter(Phase::Idle);
        }
    }

    /// Everything that was written has left.
    pub(crate) fn flushed(&self) {
        if self.phase() != Phase::Answering {
            self.asked.store(false, Ordering::Relaxed);
        }
    }

    /// What is written now is no answer of the service, but a refusal that the HTTP parser gives by itself.
    pub(crate) fn is_unasked(&self) -> bool {
        !self.asked.load(Ordering::Relaxed)
    }

    /// The connection stands between two requests.
    pub(crate) fn is_idle(&self) -> bool {
        self.phase() == Phase::Idle
    }

    /// The server ends the connection; if no request is under way, there is no answer that could get lost.
    pub(crate) fn dismiss(&self) {
        if self.phase() != Phase::Answering {
            self.dismissed.store(true, Ordering::Relaxed);
        }
    }

    /// See [`Deadlines::dismiss`].
    pub(crate) fn is_dismissed(&self) -> bool {
        self.dismissed.load(Ordering::Relaxed)
    }

    /// When the connection must have got on; `None` while the service has the request.
    pub(crate) fn due(&self) -> Option<Instant> {
        let since = self.start + Duration::from_millis(self.state.load(Ordering::Relaxed) >> PHASE_BITS);
        match self.phase() {
            Phase::Idle => Some(since + self.idle),
            Phase::Head => Some(since + self.head_within),
            Phase::Answering => None,
        }
    }

    fn phase(&self) -> Phase {
        match self.state.load(Ordering::Relaxed) & PHASE_MASK {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Answering,
        }
    }

    fn enter(&self, phase: Phase) {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX >> PHASE_BITS);
        let phase = match phase {
            Phase::Idle => 0,
            Phase::Head => 1,
            Phase::Answering => 2,
        };
        self.state.store(since << PHASE_BITS | phase, Ordering::Relaxed);
    }
}

/// One request from its head to the end of its answer's body.
#[derive(Debug)]
pub(crate) struct Turn {
    deadlines: Arc<Deadlines>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.deadlines.enter(Phase::Idle);
    }
}

const PHASE_BITS: u32 = 2;
const PHASE_MASK: u64 = (1 << PHASE_BITS) - 1;
