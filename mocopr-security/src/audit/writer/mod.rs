//! The writer: takes what waits, puts it into words, seals it and appends it, in a thread of its own, because files
//! have no other way of waiting.
//!
//! What it could not write it writes later, from the byte on where it stopped, so that lines never run into each other.
//! It answers for the head, for rotation and for retention, and records what it does to the log in the log.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use mocopr_core::clock::Clock;
use tracing::{error, warn};

use super::{
    batch::{Batch, Occurrence},
    buffer::{Asked, Buffer, Pause, ROOM, Take},
    chain::{Keys, Stands, Tip},
    folder::Files,
    head::Head,
    keeping::Keeping,
    record::Wording,
    stamp::{Moment, Stamp, moment},
};
use crate::evidence::{Happening, Outcome};

/// Writes one log.
pub(super) struct Writer<F> {
    files: F,
    buffer: Arc<Buffer>,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    keeping: Keeping,
    wording: Arc<Wording>,
    stamp: Stamp,
    /// Behind what is sealed.
    tip: Tip,
    /// Of the file that is written to, with all that is sealed.
    size: u64,
    /// What the head says once it is brought up to date, but for what follows from `tip` and `size`.
    place: Head,
    /// The head as it is in its file, and when it was put there.
    head: Head,
    head_at: Duration,
    /// When it was looked last whether something is to be deleted.
    swept_at: Option<Duration>,
    /// What was taken, and what of it is not sealed yet.
    taken: Batch,
    /// Lines of the chain, of which so many bytes are written.
    sealed: Vec<u8>,
    written: usize,
    /// How long to wait until it is tried again; zero while all is well.
    trouble: Duration,
    /// Records that are lost and not spoken of yet.
    lost: u64,
}

/// What a writer begins with.
pub(super) struct Begin<F> {
    pub(super) files: F,
    pub(super) wording: Arc<Wording>,
    pub(super) buffer: Arc<Buffer>,
    pub(super) keys: Arc<Keys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keeping: Keeping,
    pub(super) head: Head,
}

impl<F: Files> Writer<F> {
    pub(super) fn new(begin: Begin<F>) -> Self {
        let Begin { files, wording, buffer, keys, clock, keeping, head } = begin;
        let place = match head.began {
            0 => Head { began: clock.unix().as_secs(), ..head },
            _ => head,
        };
        Self {
            files,
            buffer,
            keys,
            keeping,
            wording,
            stamp: Stamp::new(),
            tip: head.tip,
            size: head.size,
            place,
            head,
            head_at: clock.now(),
            swept_at: None,
            taken: Batch::default(),
            sealed: Vec::new(),
            written: 0,
            trouble: Duration::ZERO,
            lost: 0,
            clock,
        }
    }

    /// Begins to write. A thread and not a task: writes and syncs of files block, and go on while the runtime shuts
    /// down.
    ///
    /// # Errors
    /// Where there can be no more threads.
    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name("mocopr-audit".to_owned()).spawn(move || self.run())
    }

    /// Writes until nothing comes any longer.
    fn run(mut self) {
        let _gone = Gone(self.buffer.clone());
        let mut pause = Pause::Sleep(Duration::ZERO);
        let mut tries = 0;
        loop {
            let took = self.has_none();
            let take = if took { Take::Into(&mut self.taken) } else { Take::Nothing };
            let asked = self.buffer.wait(pause, take);
            let had_some = self.taken.left() > 0;
            match self.round(asked) {
                Ok(()) => {
                    self.recovered();
                    tries = 0;
                    let has_more = !took || !self.has_none();
                    if asked.is_ending && !has_more && !had_some {
                        return;
                    }
                    pause = if has_more {
                        Pause::Gather(Duration::ZERO)
                    } else if had_some {
                        Pause::Gather(GATHER)
                    } else {
                        Pause::Sleep(self.until_head())
                    };
                    if has_more {
                        // Whoever waits for all to be kept waits for the rest too.
                        continue;
                    }
                }
                Err(error) => {
                    self.failed(&error);
                    tries += 1;
                    if asked.is_ending && tries > LAST_TRIES {
                        error!(target: "audit", lost = self.unwritten(), "the audit log ends without its last records");
                        return;
                    }
                    self.buffer.wait_after_failure(self.trouble);
                    pause = Pause::Gather(Duration::ZERO);
                }
            }
            if let Some(asked) = asked.sync {
                self.buffer.settle_those(asked);
            }
        }
    }

    fn round(&mut self, asked: Asked) -> io::Result<()> {
        self.lost += asked.lost;
        self.write_taken()?;
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            self.note("audit/lost", &format!("{lost} records"), Outcome::Failed);
            self.write()?;
        }
        let unix = self.clock.unix();
        self.rotate_if_full(unix)?;
        if self.keeping.deletes() && self.swept_at.is_none_or(|at| self.is_due(at, SWEEP)) {
            self.swept_at = Some(self.clock.now());
            self.sweep(unix)?;
        }
        let is_behind = self.place() != self.head;
        if is_behind && (asked.sync.is_some() || asked.is_ending || self.is_due(self.head_at, HEAD)) {
            self.put_head()?;
        }
        Ok(())
    }

    /// Appends what was taken, a piece at a time: what is worded is sealed and written while a processor still has it
    /// at hand, and a flood of short facts does not become an ocean of long lines.
    fn write_taken(&mut self) -> io::Result<()> {
        self.write()?;
        while self.taken.left() > 0 {
            self.seal_taken();
            self.write()?;
            self.rotate_if_full(self.clock.unix())?;
        }
        Ok(())
    }

    /// Makes lines of the chain out of the next that was taken.
    fn seal_taken(&mut self) {
        let mut taken = std::mem::take(&mut self.taken);
        while self.sealed.len() < PIECE
            && let Some(Occurrence { at, happening, arguments }) = taken.next()
        {
            self.seal(at, &happening, arguments);
        }
        if taken.left() == 0 {
            taken.clear(ROOM / 4);
        }
        self.taken = taken;
    }

    fn seal(&mut self, at: Duration, happening: &Happening<'_>, arguments: &[u8]) {
        let start = self.sealed.len();
        self.wording.write(&mut self.sealed, &self.stamp.at(at), happening, Some(&self.keys));
        self.sealed.extend_from_slice(arguments);
        let stands = if self.size == 0 { Stands::First } else { Stands::Behind };
        self.tip.seal(&self.keys, &mut self.sealed, start, stands);
        self.size += u64::try_from(self.sealed.len() - start).unwrap_or_default();
    }

    /// Records what happened to the log.
    fn note(&mut self, action: &str, target: &str, result: Outcome) {
        self.seal(self.clock.unix(), &Happening::administration(action, target, result), b"");
    }

    /// Nothing is left of what was taken.
    fn has_none(&self) -> bool {
        self.taken.left() == 0 && self.sealed.is_empty()
    }

    /// Appends what is sealed, from where it stopped.
    fn write(&mut self) -> io::Result<()> {
        while let Some(rest) = self.sealed.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.files.append(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sealed.clear();
        self.sealed.shrink_to(2 * PIECE);
        self.written = 0;
        Ok(())
    }

    /// What the head would say now. Only where all that is sealed is written.
    fn place(&self) -> Head {
        Head { tip: self.tip, size: self.size, ..self.place }
    }

    fn put_head(&mut self) -> io::Result<()> {
        self.files.sync()?;
        let head = self.place();
        self.files.put_head(&head.write(&self.keys))?;
        self.head = head;
        self.head_at = self.clock.now();
        Ok(())
    }

    fn rotate_if_full(&mut self, unix: Duration) -> io::Result<()> {
        let is_full = self.size > 0 && self.keeping.is_full(self.size, self.place.began, unix.as_secs());
        if is_full { self.rotate(&moment(unix)) } else { Ok(()) }
    }

    /// Begins a new file.
    fn rotate(&mut self, now: &Moment) -> io::Result<()> {
        self.put_head()?;
        self.files.rotate(self.place.file, now)?;
        self.size = 0;
        self.place = Head { file: self.tip.next, began: self.clock.unix().as_secs(), ..self.place };
        self.note("audit/rotated", "", Outcome::Succeeded);
        self.write()?;
        self.put_head()?;
        // Whatever is too old by now is deleted at once.
        self.swept_at = None;
        Ok(())
    }

    /// Deletes what was kept long enough.
    fn sweep(&mut self, unix: Duration) -> io::Result<()> {
        let Some(than) = self.keeping.oldest(unix) else { return Ok(()) };
        let than = moment(than);
        let kept = self.files.kept()?;
        let old: Vec<_> = kept.iter().take_while(|kept| self.files.is_older(kept, &than)).collect();
        if old.is_empty() {
            return Ok(());
        }
        let first = kept.get(old.len()).and_then(|kept| kept.first).unwrap_or(self.place.file);
        for kept in &old {
            self.note("audit/deleted", &kept.name.to_string_lossy(), Outcome::Succeeded);
        }
        self.write()?;
        // The head first: a file that it says is gone may be there, and not the other way round.
        self.place.first = first;
        self.put_head()?;
        old.iter().try_for_each(|kept| self.files.remove(&kept.name))
    }

    fn is_due(&self, since: Duration, every: Duration) -> bool {
        self.clock.now().saturating_sub(since) >= every
    }

    /// How long to sleep where nothing comes.
    fn until_head(&self) -> Duration {
        if self.place() == self.head {
            IDLE
        } else {
            HEAD.saturating_sub(self.clock.now().saturating_sub(self.head_at))
        }
    }

    fn failed(&mut self, error: &io::Error) {
        if self.trouble.is_zero() {
            // The kind alone: the text of the system may name the path.
            error!(target: "audit", error = %error.kind(), "the audit log cannot be written");
        }
        self.buffer.set_failing(true);
        self.trouble = (self.trouble * 2).clamp(FIRST_RETRY, LAST_RETRY);
    }

    fn recovered(&mut self) {
        if self.trouble.is_zero() {
            return;
        }
        self.trouble = Duration::ZERO;
        self.buffer.set_failing(false);
        warn!(target: "audit", "the audit log can be written again");
        self.note("audit/recovered", "", Outcome::Succeeded);
    }

    /// The records that are not written.
    fn unwritten(&self) -> u64 {
        let sealed = self.sealed.get(self.written..).unwrap_or_default();
        let lines = sealed.iter().filter(|byte| **byte == b'\n').count();
        self.lost + u64::try_from(lines + self.taken.left()).unwrap_or_default()
    }
}

/// Nobody writes any longer, also where the writer panicked.
struct Gone(Arc<Buffer>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.set_failing(true);
        self.0.settle_those(u64::MAX);
    }
}

/// Bytes of lines that are written together: small enough to stay in the cache of a processor.
const PIECE: usize = 64 * 1024;
/// How long records are gathered before they are written together.
const GATHER: Duration = Duration::from_millis(25);
/// How old the head may be.
const HEAD: Duration = Duration::from_secs(1);
/// How often files are looked at whether they are too old.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// How long to sleep where there is nothing to do but to look at the time.
const IDLE: Duration = Duration::from_secs(60);
const FIRST_RETRY: Duration = Duration::from_millis(10);
const LAST_RETRY: Duration = Duration::from_millis(500);
/// How often it is tried once more to write the last records.
const LAST_TRIES: u32 = 5;

#[cfg(test)]
mod tests;
