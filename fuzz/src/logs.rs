//! What is written for owners, and what handlers say: no secret stays in either, and no edit of the audit log is
//! missed.

use std::{
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use mocopr_core::{clock::ManualClock, json::RawJson, peer::Source};
use mocopr_security::{
    audit::{AuditLogger, Verification, verify},
    evidence::{AuditEvent, Decided, Ending, Evidence, Happening},
    fuzzing,
    leak::OutputSanitizer,
    principal::Principal,
    redact::Secret,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    credentials::{KEY, RING},
    draw::Draw,
};

/// What no output may hold: the part of each secret below that is secret.
const CANARY: &str = "7Fq2Zr9Kx4Tn8Wb3Lm6Vc1Yd5Hg0JsPeRtUa";

/// Whatever stands around a secret, and however its letters are escaped, it is taken out of texts, of JSON, of JSON in
/// texts, and of the log.
pub fn secrets(data: &[u8]) {
    static SANITIZER: LazyLock<OutputSanitizer> = LazyLock::new(OutputSanitizer::new);
    let mut draw = Draw::new(data);
    let secret = match draw.byte() % 6 {
        0 => format!("ghp_{CANARY}"),
        1 => format!("mocopr_{CANARY}"),
        2 => format!("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.{CANARY}"),
        3 => format!("Bearer {CANARY}"),
        4 => format!("postgres://app:{CANARY}@db/x"),
        _ => format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----"),
    };
    let is_escaped = draw.byte();
    let before = draw.text(40).into_owned();
    let after = String::from_utf8_lossy(draw.rest()).into_owned();
    if has_canary(&before) || has_canary(&after) {
        return;
    }
    let text = format!("{before}{secret}{after}");
    is_gone(&SANITIZER.text(&text), &text);
    // Beside parts of other secrets the mark that one leaves can complete them: between `x://y:` and `@` it looks like
    // a password, and a label of a key that was too long is none any longer.
    if [&before, &after].iter().all(|text| text.chars().all(|char| char.is_alphanumeric() || char.is_whitespace())) {
        assert_eq!(SANITIZER.text(&SANITIZER.text(&text)), SANITIZER.text(&text), "{text:?}");
    }
    is_gone(&fuzzing::logged("field", &text), &text);
    assert_eq!(fuzzing::logged("Refresh_Token", &text), "[redacted]");
    // In JSON each letter may be written as an escape.
    let letters = text.chars().enumerate().map(|(at, letter)| {
        let is_plain = is_escaped >> (at % 8) & 1 == 0 && !letter.is_control() && !matches!(letter, '"' | '\\');
        let mut units = [0; 2];
        if is_plain {
            return letter.to_string();
        }
        letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    });
    let written = format!("{{\"a\":[\"{}\"],\"n\":1.50}}", letters.collect::<String>());
    let raw = RawJson::from_value(&serde_json::from_str::<Value>(&written).expect("escapes are JSON"));
    for value in [raw, escaped(&written)] {
        let cleaned = SANITIZER.json(value).decode::<Value>().expect("it stays JSON");
        is_gone(cleaned["a"][0].as_str().expect("it stays a string"), &text);
        assert_eq!(cleaned["n"], json!(1.5));
    }
    is_gone(&SANITIZER.text(&written), &written);
}

/// A part of the canary stands where nothing says that it is secret. Characters between its letters may be cleaned
/// away.
fn has_canary(text: &str) -> bool {
    let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    CANARY.as_bytes().chunks(9).any(|part| letters.as_bytes().windows(part.len()).any(|letters| letters == part))
}

/// The text as a value that keeps its escapes.
fn escaped(text: &str) -> RawJson {
    let limits = mocopr_core::json::JsonLimits { depth: 4, members: 4, string_bytes: text.len(), elements: 4 };
    RawJson::parse(text.as_bytes().to_vec().into(), &limits).expect("it is JSON")
}

fn is_gone(cleaned: &str, text: &str) {
    assert!(!cleaned.contains(CANARY), "{text:?} became {cleaned:?}");
}

/// Stack traces go from the texts of errors, and doing so twice changes nothing more; nothing is added but their count.
pub fn stack_traces(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let cleaned = fuzzing::without_frames(text);
    assert_eq!(fuzzing::without_frames(&cleaned), cleaned, "{text:?}");
    assert!(cleaned.len() <= text.len() + 24 * (text.lines().count() + 1));
    let framed = format!("it broke\n   at {PLACE} (src/secret.rs:7:9)\n{text}");
    // What a line says that is no frame is for its writer to answer for.
    assert!(text.contains(PLACE) || !fuzzing::without_frames(&framed).contains(PLACE), "{text:?}");
}

const PLACE: &str = "internal::secret::place";

/// Whatever callers write into names, and issuers into subjects, a record is one line of harmless characters, and a
/// reader of JSON finds in it what was said: whole, or as far as there is room.
pub fn audit_records(data: &[u8]) {
    let mut draw = Draw::new(data);
    let event = *draw.pick(&AuditEvent::ALL);
    let ending = *draw.pick(&[Ending::SUCCESS, Ending::FAILED, Ending::refused(Decided::Unknown, "unknown_name")]);
    let bits = u32::try_from(draw.number() >> 32).expect("half of it is left");
    let from = *draw.pick(&[
        None,
        Some(Source::User(bits)),
        Some(Source::Address(Ipv4Addr::from(bits).into())),
        Some(Source::Address(Ipv6Addr::from(u128::from(bits) << 64).into())),
    ]);
    let took = Duration::from_nanos(draw.number());
    let has_pseudonyms = draw.one_in(4);
    let (subject, action) = (draw.text(80).into_owned(), draw.text(20).into_owned());
    let target = String::from_utf8_lossy(draw.rest()).into_owned();
    let who = Principal::named(&subject);
    let happening =
        Happening { who: Some(&who), from, action: &action, target: &target, ending, took, ..Happening::of(event) };
    let ring = has_pseudonyms.then(|| &*RING);
    let record = fuzzing::record(&happening, ring).expect("it is text");
    assert!(record.chars().all(|char| char.is_alphanumeric() || (' '..='~').contains(&char)), "{record:?}");
    let read: Value = serde_json::from_str(&record).expect("it is JSON");
    assert_eq!(read["action"].as_str().unwrap_or_default(), action, "{record}");
    assert_eq!(read["event"], event.as_str());
    assert_eq!(read["outcome"], ending.result.as_str());
    let source = from.map(|from| from.to_string());
    assert_eq!(read["source"].as_str(), source.as_deref(), "{record}");
    if has_pseudonyms {
        let pseudonym = AuditLogger::pseudonym(&Secret::new(KEY.to_owned()), "test", &subject).expect("it is a key");
        assert_eq!(read["subject"].as_str(), Some(&*pseudonym), "{record}");
        return;
    }
    assert_eq!(read["subject"].as_str().unwrap_or_default(), subject, "{record}");
    // A target is said without the secrets in it, and what is cut off may make one of what stood before it.
    let is_said_whole = |text: &str| fuzzing::logged("target", text) == text;
    if is_said_whole(&target) && is_said_whole(&target[..target.floor_char_boundary(516)]) {
        let written = read["target"].as_str().unwrap_or_default();
        let whole = written.strip_suffix('…').filter(|_| target.len() > 512).unwrap_or(written);
        assert!(target.starts_with(whole) && whole.len() >= target.len().min(509), "{record}");
    }
}

/// A log of a dozen records, and its head, as they were written.
struct Written {
    folder: TempDir,
    log: Vec<u8>,
    head: Vec<u8>,
}

const RECORDS: u64 = 12;

static WRITTEN: LazyLock<Mutex<Written>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("audit.jsonl");
    let logger = AuditLogger::builder().with_file(&path).build();
    let witness = logger.open(Some(&RING), Arc::new(ManualClock::new())).expect("the folder is ours");
    let evidence = Evidence::new([witness]);
    let who = Principal::named("alice");
    for record in 0..RECORDS {
        let target = format!("tool-{record}");
        let happening = Happening::of(AuditEvent::ToolExecution);
        evidence.tell(&Happening { who: Some(&who), action: "tools/call", target: &target, ..happening });
    }
    drop(evidence);
    let log = fs::read(&path).expect("the log was written");
    let head = fs::read(path.with_extension("jsonl.head")).expect("its head was written");
    Mutex::new(Written { folder, log, head })
});

/// Whatever somebody without the key does to the log or to its head is noticed; nothing but the untouched log is
/// intact.
pub fn audit_edits(data: &[u8]) {
    let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let Written { folder, log, head } = &*written;
    let path = folder.path().join("audit.jsonl");
    let mut draw = Draw::new(data);
    let mut lines: Vec<Vec<u8>> = log.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let mut new_head = head.clone();
    while !draw.is_empty() && !lines.is_empty() {
        let (at, to) = (draw.below(lines.len()), draw.below(lines.len()));
        match draw.byte() % 9 {
            0 => drop(lines.remove(at)),
            1 => lines.swap(at, to),
            2 => {
                let line = lines[at].clone();
                lines.insert(to, line);
            }
            3 => lines.truncate(at),
            4 => change(&mut new_head, &mut draw),
            5 => lines.push(draw.bytes(40).to_vec()),
            6 => lines[at].extend_from_slice(draw.bytes(40)),
            _ => change(&mut lines[at], &mut draw),
        }
    }
    let edited = lines.concat();
    fs::write(&path, &edited).expect("the folder is ours");
    fs::write(path.with_extension("jsonl.head"), &new_head).expect("the folder is ours");
    let found = verify(&path, &Secret::new(KEY.to_owned())).expect("the files can be read");
    match found {
        Verification::Intact { records } => {
            assert_eq!(records, RECORDS);
            assert!(edited == *log && new_head == *head, "{}", String::from_utf8_lossy(&edited));
        }
        Verification::Torn { records, bytes } => {
            assert_eq!(records, RECORDS);
            assert!(
                edited.starts_with(log) && edited.len() - log.len() == usize::try_from(bytes).expect("it is small")
            );
        }
        Verification::Tampered { .. } => assert!(edited != *log || new_head != *head),
    }
}

fn change(bytes: &mut Vec<u8>, draw: &mut Draw<'_>) {
    let at = draw.below(bytes.len().max(1));
    let new = draw.byte();
    match draw.byte() % 4 {
        0 => bytes.insert(at.min(bytes.len()), new),
        1 if at < bytes.len() => drop(bytes.remove(at)),
        2 => bytes.truncate(at),
        _ if at < bytes.len() => bytes[at] ^= 1 << (new % 8),
        _ => {}
    }
}

/// Writes a file that its owner alone can read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> bool {
    fs::write(path, content).is_ok() && fs::set_permissions(path, fs::Permissions::from_mode(0o600)).is_ok()
}
