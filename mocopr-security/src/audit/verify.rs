//! Whether a log is what was written: read from its first record to its last, in bounded memory.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use super::{
    chain::{Keys, Line, Tip},
    head::{Head, MAX_HEAD_BYTES},
    names::{self, Kept},
};
use crate::{
    file::{self, LogReader},
    policy::Problem,
    redact::Secret,
    seal::KeyRing,
};

/// What is said of a log.
///
/// An example is at [`verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Everything is as it was written.
    Intact {
        /// How many records there are.
        records: u64,
    },
    /// Everything is as it was written, but for the last line, which a crash cut off while it was written.
    Torn {
        /// How many whole records there are.
        records: u64,
        /// The bytes of the line that is not whole.
        bytes: u64,
    },
    /// Something was changed, moved, repeated or taken out.
    Tampered {
        /// The number of the first record that is not what it should be.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Says of the audit log at `path`, with all files that it was rotated into, whether it is what was written.
///
/// `key` is the state key of the server, or that of the logger where it has one of its own; of several keys with commas
/// between them each may have sealed a part. May be called while a server writes: what it is writing just then may look
/// torn. Reads the whole log, and blocks.
///
/// What cannot be noticed: that the end was cut off above the head, which is at most a second old while the server runs
/// and complete once it has stopped; and that the log and its head were both put back to an earlier pair, or both
/// removed. Who has the key can write anything.
///
/// ```no_run
/// use mocopr_security::{audit::{Verification, verify}, redact::Secret};
///
/// let key = Secret::from_env_or_file("CALCULATOR_STATE_KEY")?;
/// match verify("/var/log/calculator/audit.jsonl", &key)? {
///     Verification::Intact { records } => println!("{records} records, as they were written"),
///     found @ (Verification::Torn { .. } | Verification::Tampered { .. }) => println!("{found}"),
/// }
/// # Ok::<(), mocopr_security::policy::Problem>(())
/// ```
///
/// # Errors
/// A problem where the key is none, or where a file cannot be read.
pub fn verify(path: impl AsRef<Path>, key: &Secret<String>) -> Result<Verification, Problem> {
    let path = path.as_ref();
    let keys = Keys::of(&KeyRing::from_secret(key)?)?;
    let mut head = read_head(path)?;
    for _ in 0..ATTEMPTS {
        let found = look(path, head.as_deref(), &keys)?;
        // A server that writes may have rotated meanwhile.
        let now = read_head(path)?;
        match found {
            Verification::Tampered { .. } if now != head => head = now,
            Verification::Intact { .. } | Verification::Torn { .. } | Verification::Tampered { .. } => {
                return Ok(found);
            }
        }
    }
    look(path, head.as_deref(), &keys)
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intact { records } => write!(f, "intact: {records} records"),
            Self::Torn { records, bytes } => {
                write!(f, "torn: {records} records, and {bytes} bytes of a line that was not finished")
            }
            Self::Tampered { at, what } => write!(f, "tampered at record {at}: {what}"),
        }
    }
}

/// The text of the head, where there is one.
pub(super) fn read_head(path: &Path) -> Result<Option<Vec<u8>>, Problem> {
    let path = names::head(path);
    let Some(reader) = LogReader::open(&path)? else { return Ok(None) };
    let mut text = Vec::new();
    let most = u64::try_from(MAX_HEAD_BYTES).unwrap_or(u64::MAX);
    reader.take(most).read_to_end(&mut text).map_err(|error| unreadable(&path, &error))?;
    Ok(Some(text))
}

/// All of a log, from the first record that is kept.
fn look(path: &Path, head: Option<&[u8]>, keys: &Keys) -> Result<Verification, Problem> {
    let mut files = kept(path)?;
    files.push(Kept { first: None, name: names::own(path) });
    let mut walk = Walk::new(keys, Head::EMPTY);
    let mut is_begun = false;
    let last = files.len() - 1;
    let head = match head.map(|text| Head::read(text, keys)) {
        Some(Some((head, _))) => Some(head),
        Some(None) => return Ok(walk.tampered("the head was changed, or the key is another one")),
        None => None,
    };
    let mut torn = 0;
    for (place, file) in files.iter().enumerate() {
        let whole = path.with_file_name(&file.name);
        let Some(reader) = LogReader::open(&whole)? else { continue };
        if !is_begun && let Some(first) = LogReader::open(&whole)? {
            let begun = walk.begin(&mut BufReader::new(first), head.as_ref());
            match begun.map_err(|error| unreadable(&whole, &error))? {
                Begun::Nothing => {}
                Begun::At => is_begun = true,
                Begun::Broken(what) => return Ok(walk.tampered(what)),
            }
        }
        let mut reader = BufReader::with_capacity(BUFFER, reader);
        if file.first.is_some_and(|first| first != walk.tip.next) {
            return Ok(walk.tampered("a file is missing, moved or repeated"));
        }
        match walk.file(&mut reader).map_err(|error| unreadable(&whole, &error))? {
            Walked::End { torn: 0, .. } => {}
            Walked::End { torn: bytes, .. } if place == last => torn = bytes,
            Walked::End { .. } => return Ok(walk.tampered("the last line of an earlier file is not whole")),
            Walked::Broken(what) => return Ok(walk.tampered(what)),
        }
    }
    Ok(match (head, torn) {
        (None, 0) if walk.tip == Tip::START => Verification::Intact { records: 0 },
        (None, _) => walk.tampered("there is no head"),
        (Some(head), _) if walk.tip.next < head.tip.next => walk.tampered("records are missing"),
        (Some(_), 0) => Verification::Intact { records: walk.taken },
        (Some(_), bytes) => Verification::Torn { records: walk.taken, bytes },
    })
}

/// The files that a log was rotated into, in the order of their records.
pub(super) fn kept(path: &Path) -> Result<Vec<Kept>, Problem> {
    let names = match file::names_beside_log(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(|error| unreadable(path, &error))?,
    };
    Ok(names::kept(path, names))
}

/// One reading of a chain, record by record.
pub(super) struct Walk<'a> {
    keys: &'a Keys,
    /// Behind what was read so far.
    pub(super) tip: Tip,
    /// What the head says must be met on the way.
    met: Tip,
    key: usize,
    taken: u64,
    line: Vec<u8>,
}

/// What came of reading a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// It ended, with so many bytes of whole lines and so many of one that is not.
    End { whole: u64, torn: u64 },
    /// Something is wrong with it.
    Broken(&'static str),
}

enum Begun {
    /// There is no record in it.
    Nothing,
    /// The chain begins with its first record.
    At,
    Broken(&'static str),
}

impl<'a> Walk<'a> {
    /// Goes on from a head.
    pub(super) fn new(keys: &'a Keys, head: Head) -> Self {
        Self { keys, tip: head.tip, met: head.tip, key: 0, taken: 0, line: Vec::new() }
    }

    /// Takes up the chain at the first record of the oldest file that is there.
    fn begin(&mut self, reader: &mut impl BufRead, head: Option<&Head>) -> io::Result<Begun> {
        if let Some(head) = head {
            self.met = head.tip;
        }
        if self.next_line(reader)? != Ending::Whole {
            return Ok(Begun::Nothing);
        }
        let Some(line) = Line::read(&self.line) else { return Ok(Begun::Broken(NO_RECORD)) };
        self.tip = match (line.seq, line.previous) {
            (0, _) => Tip::START,
            (next, Some(mac)) if head.is_some_and(|head| next <= head.first) => Tip { next, mac },
            _ => return Ok(Begun::Broken("what stood before it is missing")),
        };
        Ok(Begun::At)
    }

    /// The bytes up to there end with the record that the head names last, as it was written.
    pub(super) fn stands_behind_its_head(&self, reader: &mut LogReader, bytes: u64) -> io::Result<bool> {
        if bytes == 0 {
            return Ok(true);
        }
        let from = bytes.saturating_sub(2 * MAX_LINE);
        reader.go_to(from)?;
        let mut end = Vec::new();
        reader.take(bytes - from).read_to_end(&mut end)?;
        let Some(end) = end.strip_suffix(b"\n") else { return Ok(false) };
        let mut lines = end.rsplit(|byte| *byte == b'\n').map(Line::read);
        let (Some(Some(last)), before) = (lines.next(), lines.next()) else { return Ok(false) };
        let previous = match (last.seq, last.previous, before) {
            (0, ..) => Tip::START.mac,
            (_, Some(previous), _) => previous,
            (_, None, Some(Some(before))) => before.mac,
            (_, None, _) => return Ok(false),
        };
        let mut tip = Tip { next: last.seq, mac: previous };
        Ok(tip.take(self.keys, &mut 0, &last).is_ok() && tip == self.tip)
    }

    /// Reads what is left of one file.
    pub(super) fn file(&mut self, reader: &mut impl BufRead) -> io::Result<Walked> {
        let mut whole = 0;
        loop {
            let ending = self.next_line(reader)?;
            let bytes = u64::try_from(self.line.len()).unwrap_or(u64::MAX);
            match ending {
                Ending::End => return Ok(Walked::End { whole, torn: 0 }),
                Ending::Torn => return Ok(Walked::End { whole, torn: bytes }),
                Ending::TooLong => return Ok(Walked::Broken("a line is longer than any record")),
                Ending::Whole => {}
            }
            let Some(line) = Line::read(&self.line) else { return Ok(Walked::Broken(NO_RECORD)) };
            if let Err(what) = self.tip.take(self.keys, &mut self.key, &line) {
                return Ok(Walked::Broken(what));
            }
            if self.tip.next == self.met.next && self.tip.mac != self.met.mac {
                return Ok(Walked::Broken("the head is of another log"));
            }
            self.taken += 1;
            whole += bytes + 1;
        }
    }

    fn tampered(&self, what: &'static str) -> Verification {
        Verification::Tampered { at: self.tip.next, what }
    }

    /// Reads one line, without its line break.
    fn next_line(&mut self, reader: &mut impl BufRead) -> io::Result<Ending> {
        self.line.clear();
        let read = reader.take(MAX_LINE).read_until(b'\n', &mut self.line)?;
        Ok(match self.line.last() {
            None => Ending::End,
            Some(b'\n') => {
                self.line.pop();
                Ending::Whole
            }
            Some(_) if u64::try_from(read).is_ok_and(|read| read >= MAX_LINE) => Ending::TooLong,
            Some(_) => Ending::Torn,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    End,
    Whole,
    Torn,
    TooLong,
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        format!("{} cannot be read ({})", path.display(), error.kind()),
        "name a file that the user of this process may read; a relative path begins where it was started",
    )
}

const NO_RECORD: &str = "a line is no record";
/// Longer than any record, whatever is escaped in it.
const MAX_LINE: u64 = 64 * 1024;
/// How much is read at a time.
pub(super) const BUFFER: usize = 256 * 1024;
const ATTEMPTS: usize = 3;
