//! The writer over a disk that fills up and fails when a test says so.

use std::{
    ffi::{OsStr, OsString},
    sync::{Mutex, PoisonError},
};

use mocopr_core::clock::ManualClock;

use super::{
    super::{
        buffer::Matter,
        chain::{Line, tests::keys},
        keeping::{RetentionPolicy, RotationPolicy},
        names::Kept,
    },
    *,
};
use crate::evidence::AuditEvent;

/// A disk, of which the test keeps a handle.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    log: Vec<u8>,
    head: String,
    rotated: Vec<(u64, Moment, Vec<u8>)>,
    /// Bytes that still find room in the log; all where it is `None`.
    room: Option<usize>,
    /// Heads cannot be put.
    is_broken: bool,
}

impl Disk {
    fn with<T>(&self, look: impl FnOnce(&mut Content) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn log(&self) -> String {
        self.with(|content| String::from_utf8(content.log.clone()).unwrap())
    }
}

impl Files for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|content| {
            let takes = content.room.unwrap_or(bytes.len()).min(bytes.len());
            if takes == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.room = content.room.map(|room| room - takes);
            content.log.extend_from_slice(&bytes[..takes]);
            Ok(takes)
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn put_head(&mut self, text: &str) -> io::Result<()> {
        self.with(|content| {
            if content.is_broken {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.head = text.to_owned();
            Ok(())
        })
    }

    fn rotate(&mut self, first: u64, closed: &Moment) -> io::Result<()> {
        self.with(|content| {
            let log = std::mem::take(&mut content.log);
            content.rotated.push((first, *closed, log));
            Ok(())
        })
    }

    fn kept(&self) -> io::Result<Vec<Kept>> {
        let kept = |(first, ..): &(u64, Moment, Vec<u8>)| Kept { first: Some(*first), name: first.to_string().into() };
        Ok(self.with(|content| content.rotated.iter().map(kept).collect()))
    }

    fn is_older(&self, kept: &Kept, than: &Moment) -> bool {
        self.with(|content| {
            content.rotated.iter().any(|(first, closed, _)| Some(*first) == kept.first && closed < than)
        })
    }

    fn remove(&mut self, name: &OsStr) -> io::Result<()> {
        self.with(|content| content.rotated.retain(|(first, ..)| OsString::from(first.to_string()) != name));
        Ok(())
    }
}

/// A writer of that disk, and what it takes records from.
struct Bench {
    disk: Disk,
    buffer: Arc<Buffer>,
    clock: ManualClock,
    writer: Writer<Disk>,
}

impl Bench {
    fn new(keeping: Keeping) -> Self {
        let (disk, buffer, clock) = (Disk::default(), Arc::new(Buffer::default()), ManualClock::new());
        let begin = Begin {
            files: disk.clone(),
            wording: Arc::new(Wording::new(&AuditEvent::ALL)),
            buffer: buffer.clone(),
            keys: Arc::new(keys(&[1])),
            clock: Arc::new(clock.clone()),
            keeping,
            head: Head::EMPTY,
        };
        Self { disk, buffer, clock, writer: Writer::new(begin) }
    }

    /// Somebody called a tool of this name.
    fn push(&self, target: &str) {
        self.push_with(target, b"", Matter::Done);
    }

    fn push_with(&self, target: &str, arguments: &[u8], matter: Matter) {
        let happening = Happening { target, ..Happening::of(AuditEvent::ToolExecution) };
        self.buffer.push(Duration::ZERO, &happening, arguments, matter);
    }

    /// One round, with what waits.
    fn round(&mut self) -> io::Result<()> {
        let take = if self.writer.has_none() { Take::Into(&mut self.writer.taken) } else { Take::Nothing };
        let asked = self.buffer.wait(Pause::Gather(Duration::ZERO), take);
        let outcome = self.writer.round(asked);
        match &outcome {
            Ok(()) => {
                assert_eq!((self.writer.taken.bytes(), self.writer.written), (0, 0));
                self.writer.recovered();
            }
            Err(error) => self.writer.failed(error),
        }
        outcome
    }

    /// The whole lines, each of them the next of the chain.
    fn lines(&self) -> Vec<String> {
        let (mut tip, mut key) = (Tip::START, 0);
        let log = self.disk.log();
        for line in log.lines() {
            let line = Line::read(line.as_bytes()).expect("no line runs into another");
            tip.take(&keys(&[1]), &mut key, &line).expect("the chain holds");
        }
        assert!(log.is_empty() || log.ends_with('\n'), "{log}");
        log.lines().map(str::to_owned).collect()
    }
}

/// S-93
#[test]
fn a_disk_that_fills_up_within_a_line_refuses_and_goes_on_with_the_rest_of_the_line() {
    let mut bench = Bench::new(Keeping::NONE);
    bench.push("tool 1");
    bench.round().unwrap();
    let whole = bench.disk.log().len();
    bench.disk.with(|content| content.room = Some(whole + 10));
    for target in ["tool 2", "tool 3", "tool 4"] {
        bench.push(target);
    }
    bench.round().unwrap_err();
    assert!(!bench.buffer.is_able());
    // What comes meanwhile waits.
    bench.push("tool 5");
    for _ in 0..3 {
        bench.round().unwrap_err();
    }
    assert!(!bench.disk.log().ends_with('\n'));
    bench.disk.with(|content| content.room = None);
    bench.round().unwrap();
    assert!(bench.buffer.is_able());
    // Once what it says of itself, and once what waited.
    bench.round().unwrap();
    bench.round().unwrap();
    let lines = bench.lines();
    assert_eq!(lines.len(), 6);
    for (record, line) in lines.iter().take(4).enumerate() {
        assert!(line.contains(&format!("\"target\":\"tool {}\"", record + 1)), "{line}");
    }
    assert!(lines[4].contains("audit/recovered") && lines[5].contains("\"tool 5\""));
}

/// S-93
#[test]
fn a_disk_that_fills_up_between_two_pieces_loses_none_and_keeps_their_order() {
    const ALL: usize = 1_000;
    let mut bench = Bench::new(Keeping::NONE);
    for number in 0..ALL {
        bench.push(&format!("tool {number}"));
    }
    bench.disk.with(|content| content.room = Some(PIECE + 10));
    bench.round().unwrap_err();
    let whole = bench.disk.log().lines().count() - 1;
    assert!(whole > 100 && bench.writer.taken.left() > 100);
    assert_eq!(bench.writer.unwritten(), (ALL - whole) as u64);
    bench.disk.with(|content| content.room = None);
    bench.round().unwrap();
    assert_eq!(bench.writer.unwritten(), 1, "what it says of itself is not written yet");
    let lines = bench.lines();
    assert_eq!(lines.len(), ALL);
    for (number, line) in lines.iter().enumerate() {
        assert!(line.contains(&format!("\"target\":\"tool {number}\"")), "{line}");
    }
}

/// S-92
#[test]
fn a_full_file_is_closed_also_between_two_pieces() {
    let mut bench = Bench::new(Keeping { rotation: RotationPolicy::at_size(1_000), retention: None });
    for number in 0..1_000 {
        bench.push(&format!("tool {number}"));
    }
    bench.round().unwrap();
    let sizes: Vec<usize> = bench.disk.with(|content| content.rotated.iter().map(|(.., log)| log.len()).collect());
    assert!(sizes.len() > 3 && sizes.iter().all(|size| *size < PIECE + 2_000), "{sizes:?}");
}

/// S-93
#[test]
fn what_is_lost_is_counted_and_recorded() {
    let mut bench = Bench::new(Keeping::NONE);
    let large = vec![b'x'; ROOM / 2];
    for _ in 0..5 {
        bench.push_with("", &large, Matter::Refused);
    }
    assert!(!bench.buffer.is_able());
    bench.round().unwrap();
    assert!(bench.buffer.is_able());
    assert!(bench.disk.log().lines().last().unwrap().contains("\"target\":\"4 records\""));
}

/// S-91
#[test]
fn the_head_follows_within_a_second_and_at_once_where_somebody_waits_for_it() {
    let mut bench = Bench::new(Keeping::NONE);
    let records = |bench: &Bench| bench.disk.with(|content| content.head.clone());
    bench.push("tool 1");
    bench.round().unwrap();
    assert_eq!(records(&bench), "");
    bench.clock.advance(HEAD);
    bench.round().unwrap();
    assert!(records(&bench).starts_with("{\"records\":1,"));
    bench.push("tool 2");
    thread::scope(|scope| {
        let settling = scope.spawn(|| bench.buffer.settle());
        let asked = loop {
            let asked = bench.buffer.wait(Pause::Sleep(Duration::from_secs(1)), Take::Into(&mut bench.writer.taken));
            bench.writer.seal_taken();
            if asked.sync.is_some() {
                break asked;
            }
        };
        bench.writer.round(asked).unwrap();
        bench.buffer.settle_those(asked.sync.unwrap());
        settling.join().unwrap();
    });
    assert!(records(&bench).starts_with("{\"records\":2,"));
}

/// S-93
#[test]
fn a_head_that_cannot_be_put_refuses_calls_too() {
    let mut bench = Bench::new(Keeping::NONE);
    bench.disk.with(|content| content.is_broken = true);
    bench.push("tool 1");
    bench.clock.advance(HEAD);
    bench.round().unwrap_err();
    assert!(!bench.buffer.is_able());
    bench.disk.with(|content| content.is_broken = false);
    bench.round().unwrap();
    assert!(bench.buffer.is_able());
}

/// S-92
#[test]
fn a_full_file_is_closed_and_deleted_when_its_time_has_come() {
    let rotation = RotationPolicy::at_size(1_000);
    let mut bench = Bench::new(Keeping { rotation, retention: Some(RetentionPolicy::days(2)) });
    let large = format!(",\"a\":\"{}\"", "x".repeat(1_000));
    for day in 0..5 {
        bench.push_with("", large.as_bytes(), Matter::Done);
        bench.round().unwrap();
        let kept = bench.disk.with(|content| content.rotated.len());
        assert_eq!(kept, (day + 1).min(3), "on day {day}");
        bench.clock.advance(Duration::from_secs(24 * 60 * 60));
    }
    let (oldest, head) = bench.disk.with(|content| (content.rotated[0].0, content.head.clone()));
    assert!(oldest > 0 && head.contains(&format!("\"first\":{oldest}")), "{oldest} {head}");
    let all: String = bench.disk.with(|content| {
        let rotated = content.rotated.iter().map(|(.., log)| String::from_utf8_lossy(log).into_owned());
        rotated.chain([String::from_utf8_lossy(&content.log).into_owned()]).collect()
    });
    assert!(all.contains("audit/deleted") && all.contains("audit/rotated"));
}

/// S-92
#[test]
fn a_file_is_closed_at_its_age_counted_from_its_first_record() {
    let mut bench = Bench::new(Keeping { rotation: RotationPolicy::daily(), retention: None });
    bench.push("tool 1");
    bench.round().unwrap();
    bench.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    bench.round().unwrap();
    assert_eq!(bench.disk.with(|content| content.rotated.len()), 0);
    bench.clock.advance(Duration::from_secs(1));
    bench.round().unwrap();
    assert_eq!(bench.disk.with(|content| content.rotated.len()), 1);
    assert!(bench.disk.log().contains(",\"previous\":\""));
}
