//! What waits to be written: facts of all threads, in one bounded piece of memory that the writer takes in whole.
//!
//! Whoever answers a request leaves what happened there and goes on. Nothing wakes the writer but the first that comes
//! after a pause, so that a busy server makes no system call for a record.

use std::{
    mem,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::batch::Batch;
use crate::evidence::Happening;

/// Between those who have something to record and the one who writes.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    waiting: Mutex<Waiting>,
    /// The writer waits here.
    work: Condvar,
    /// Those who want to know that all is written wait here.
    settled: Condvar,
    /// The writer cannot write, or is gone.
    is_failing: AtomicBool,
    /// More waits than should.
    is_full: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    batch: Batch,
    lost: u64,
    /// The writer waits for the next record, however long.
    is_asleep: bool,
    is_ending: bool,
    /// How often it was asked that all be on the disk, and which of these are done.
    asked: u64,
    done: u64,
}

/// Which records go first where room is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    /// What was permitted, because it was done.
    Done,
    /// What was refused, because whoever floods a server with it must not push out the other.
    Refused,
}

/// How long the writer waits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pause {
    /// So long, whatever comes: more records are written together.
    Gather(Duration),
    /// Until something comes, and so long at most.
    Sleep(Duration),
}

/// What the writer is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// So many records found no room.
    pub(super) lost: u64,
    /// All is to be on the disk; the number goes to [`Buffer::settle_those`].
    pub(super) sync: Option<u64>,
    /// Nothing comes any longer.
    pub(super) is_ending: bool,
}

/// What the writer does with what waits.
#[derive(Debug)]
pub(super) enum Take<'a> {
    /// It takes it into this, which is empty.
    Into(&'a mut Batch),
    /// It leaves it, because it still has some.
    Nothing,
}

impl Buffer {
    /// More may happen: it would be recorded.
    pub(super) fn is_able(&self) -> bool {
        !self.is_failing.load(Ordering::Acquire) && !self.is_full.load(Ordering::Acquire)
    }

    pub(super) fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::Release);
    }

    /// Bytes of memory of what waits for the writer.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.lock().batch.bytes()
    }

    /// Takes what is to be recorded, where there is room.
    pub(super) fn push(&self, at: Duration, happening: &Happening<'_>, arguments: &[u8], matter: Matter) {
        let mut waiting = self.lock();
        let used = waiting.batch.bytes();
        let room = match matter {
            Matter::Done => RESERVE,
            Matter::Refused => ROOM,
        };
        let then = used + waiting.batch.size(happening, arguments);
        if then > ROOM {
            self.is_full.store(true, Ordering::Release);
        }
        if then > room {
            waiting.lost += 1;
            return;
        }
        waiting.batch.push(at, happening, arguments);
        let wakes = mem::take(&mut waiting.is_asleep) || (used < HALF && then >= HALF);
        drop(waiting);
        if wakes {
            self.work.notify_one();
        }
    }

    /// Waits until all that was pushed is on the disk, or cannot be for now; at most two seconds.
    pub(super) fn settle(&self) {
        let mut waiting = self.lock();
        waiting.asked += 1;
        let mine = waiting.asked;
        self.work.notify_one();
        let waits = self.settled.wait_timeout_while(waiting, SETTLE, |waiting| waiting.done < mine);
        drop(waits.unwrap_or_else(PoisonError::into_inner));
    }

    /// Nothing comes any longer.
    pub(super) fn end(&self) {
        self.lock().is_ending = true;
        self.work.notify_one();
    }

    /// Waits, for the writer.
    pub(super) fn wait(&self, pause: Pause, take: Take<'_>) -> Asked {
        let mut waiting = self.lock();
        let (time, sleeps) = match pause {
            Pause::Gather(time) => (time, false),
            Pause::Sleep(time) => (time, true),
        };
        let has_work = waiting.is_ending
            || waiting.done < waiting.asked
            || waiting.batch.bytes() >= HALF
            || sleeps && waiting.batch.left() > 0;
        if !has_work {
            waiting.is_asleep = sleeps;
            waiting = self.work.wait_timeout(waiting, time).unwrap_or_else(PoisonError::into_inner).0;
            waiting.is_asleep = false;
        }
        let mut lost = 0;
        if let Take::Into(taken) = take {
            mem::swap(&mut waiting.batch, taken);
            lost = mem::take(&mut waiting.lost);
            self.is_full.store(false, Ordering::Release);
        }
        Asked { lost, sync: (waiting.done < waiting.asked).then_some(waiting.asked), is_ending: waiting.is_ending }
    }

    /// Waits so long, for the writer that could not write; less where it is to end.
    pub(super) fn wait_after_failure(&self, time: Duration) {
        let waiting = self.lock();
        let waits = self.work.wait_timeout_while(waiting, time, |waiting| !waiting.is_ending);
        drop(waits.unwrap_or_else(PoisonError::into_inner));
    }

    /// Those who asked until then know how it stands.
    pub(super) fn settle_those(&self, asked: u64) {
        let mut waiting = self.lock();
        waiting.done = waiting.done.max(asked);
        drop(waiting);
        self.settled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer is woken early from here on.
const HALF: usize = ROOM / 2;
/// As much as should wait: some twenty thousand records.
pub(super) const ROOM: usize = 4 * 1024 * 1024;
/// With what is kept for calls that were under way when it was full.
const RESERVE: usize = 4 * ROOM;
const SETTLE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::AuditEvent;

    const NOW: Pause = Pause::Gather(Duration::ZERO);

    fn push(buffer: &Buffer, target: &str, arguments: &[u8], matter: Matter) {
        let happening = Happening { target, ..Happening::of(AuditEvent::ToolExecution) };
        buffer.push(Duration::ZERO, &happening, arguments, matter);
    }

    /// S-93
    #[test]
    fn a_full_buffer_says_so_and_keeps_room_for_what_is_done() {
        let buffer = Buffer::default();
        let large = vec![b'x'; ROOM / 4];
        for _ in 0..3 {
            push(&buffer, "", &large, Matter::Refused);
        }
        assert!(buffer.is_able());
        push(&buffer, "", &large, Matter::Refused);
        assert!(!buffer.is_able(), "it found no room");
        for _ in 0..20 {
            push(&buffer, "", &large, Matter::Done);
        }
        let mut taken = Batch::default();
        let asked = buffer.wait(NOW, Take::Into(&mut taken));
        assert!(taken.bytes() <= RESERVE && taken.bytes() > RESERVE - ROOM / 2);
        assert_eq!(asked.lost, 1 + 20 - 12);
        assert!(buffer.is_able());
    }

    #[test]
    fn what_waits_is_taken_once_and_a_writer_that_has_some_leaves_it() {
        let buffer = Buffer::default();
        push(&buffer, "one", b"", Matter::Done);
        buffer.wait(NOW, Take::Nothing);
        push(&buffer, "two", b"", Matter::Refused);
        let mut taken = Batch::default();
        buffer.wait(NOW, Take::Into(&mut taken));
        for target in ["one", "two"] {
            assert_eq!(taken.next().unwrap().happening.target, target);
        }
        assert_eq!(taken.left(), 0);
        taken.clear(0);
        buffer.wait(NOW, Take::Into(&mut taken));
        assert_eq!(taken.left(), 0);
    }
}
