//! Logs on a real disk, changed in every way that somebody could think of.

#![expect(clippy::disallowed_methods, reason = "the tests change files that the log owns")]

use std::{cell::Cell, fs, path::PathBuf, time::Duration};

use mocopr_core::{
    clock::ManualClock,
    json::{MessageLimits, RawJson},
    peer::Source,
};
use proptest::{prelude::*, test_runner::TestRunner};
use tempfile::TempDir;

use super::*;
use crate::{
    evidence::{Decided, Ending, Evidence, Happening, Outcome},
    principal::{Holdings, Method, Principal},
};

const KEY: &str = "2b0qTnNYu0PZJqUtyPCXFQcYkJL9yoNcXoVkqTCuAsU=";
const LATER: &str = "Lyg9bYzrvqQ7Bn5H0nIKhP8XrpKGZ1kDVpEh1RHvDcE=";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// A folder with a log.
struct Place {
    folder: TempDir,
    clock: ManualClock,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: ManualClock::new() }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    fn head(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl.head")
    }

    fn open(&self, key: &str, with: impl FnOnce(AuditLoggerBuilder) -> AuditLoggerBuilder) -> Result<Evidence, String> {
        let ring = KeyRing::from_secret(&secret(key)).unwrap();
        let logger = with(AuditLogger::builder().with_file(self.log())).build();
        let opened = logger.open(Some(&ring), Arc::new(self.clock.clone()));
        opened.map(|witness| Evidence::new([witness])).map_err(|problems| problems[0].to_string())
    }

    /// Opens the log, has so many records written, and closes it.
    fn record(&self, records: usize) {
        let evidence = self.open(KEY, |logger| logger).unwrap();
        for at in 0..records {
            tell(&evidence, &format!("tool-{at}"));
        }
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.log()).unwrap().lines().map(str::to_owned).collect()
    }

    fn verify(&self) -> Verification {
        verify(self.log(), &secret(KEY)).unwrap()
    }
}

fn tell(evidence: &Evidence, target: &str) {
    let who = Principal::local();
    evidence.tell(&Happening {
        who: Some(&who),
        action: "tools/call",
        target,
        ..Happening::of(AuditEvent::ToolExecution)
    });
}

/// S-95
#[test]
fn what_waits_and_whether_it_can_be_written_is_measured() {
    let place = Place::new();
    let evidence = place.open(KEY, |logger| logger).unwrap();
    let measured = || {
        let mut all = Vec::new();
        evidence.measure(&mut |measure| all.push((measure.name, measure.value)));
        all
    };
    tell(&evidence, "tool");
    evidence.settle();
    assert_eq!(measured(), [("mocopr_audit_queue_bytes", 0.0), ("mocopr_audit_writable", 1.0)]);
}

fn named(subject: &str) -> Principal {
    Principal::new(Method::Token, "https://id.example.com", subject, None, Holdings::Everything)
}

fn is_tampered(found: Verification) -> bool {
    matches!(found, Verification::Tampered { .. })
}

/// S-90, S-91
#[test]
fn a_record_has_its_members_in_their_order() {
    let place = Place::new();
    place.record(1);
    let lines = place.lines();
    let names: Vec<&str> = [
        "timestamp",
        "event",
        "subject",
        "action",
        "target",
        "decision",
        "outcome",
        "incident",
        "trace",
        "issuer",
        "method",
        "tenant",
        "source",
        "reason",
        "took_ms",
        "seq",
        "mac",
    ]
    .into();
    let mut from = 0;
    for name in names {
        let member = format!("\"{name}\":");
        from += lines[0].get(from..).unwrap().find(&member).unwrap_or_else(|| panic!("{name}: {}", lines[0]));
    }
    let json: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(json["timestamp"], "2026-01-01T00:00:00.000Z");
    assert_eq!((json["decision"].as_str(), json["outcome"].as_str()), (Some("permitted"), Some("success")));
    assert_eq!(place.verify(), Verification::Intact { records: 1 });
}

/// S-91
#[test]
fn a_restart_goes_on_with_the_chain() {
    let place = Place::new();
    for records in [3, 0, 2] {
        place.record(records);
    }
    assert_eq!(place.verify(), Verification::Intact { records: 5 });
    let numbers: Vec<u64> = place
        .lines()
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

/// S-91
#[test]
fn a_thousand_random_edits_are_all_noticed() {
    let place = Place::new();
    place.record(12);
    let (log, head) = (fs::read(place.log()).unwrap(), fs::read(place.head()).unwrap());
    let whole: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let edit = (0..8_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_u32);
    let tried = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig { cases: 1_000, failure_persistence: None, ..Default::default() });
    runner
        .run(&edit, |(kind, one, other, bit)| {
            let mut lines: Vec<Vec<u8>> = whole.iter().map(|line| line.to_vec()).collect();
            let (mut new_head, at) = (head.clone(), one.index(lines.len()));
            let to = other.index(lines.len());
            match kind {
                // A bit of the log, or of its head.
                0 | 1 => {
                    let line = &mut lines[at];
                    let byte = other.index(line.len());
                    line[byte] ^= 1 << bit;
                }
                2 => {
                    let byte = other.index(new_head.len());
                    new_head[byte] ^= 1 << bit;
                }
                // A line is taken out, moved, repeated.
                3 => drop(lines.remove(at)),
                4 => {
                    prop_assume!(at != to);
                    lines.swap(at, to);
                }
                5 => {
                    let line = lines[at].clone();
                    lines.insert(to, line);
                }
                // The end is cut off within a line or between two.
                6 => {
                    lines.truncate(at + 1);
                    let line = &mut lines[at];
                    let keep = other.index(line.len());
                    line.truncate(keep);
                }
                // A byte more or less.
                _ => {
                    let line = &mut lines[at];
                    let byte = other.index(line.len());
                    if bit % 2 == 0 {
                        line.insert(byte, line[byte])
                    } else {
                        line.remove(byte);
                    }
                }
            }
            let edited = lines.concat();
            prop_assume!(edited != log || new_head != head);
            fs::write(place.log(), edited).unwrap();
            fs::write(place.head(), new_head).unwrap();
            tried.set(tried.get() + 1);
            prop_assert!(is_tampered(place.verify()), "{kind} {at} {to} {bit}: {}", place.verify());
            Ok(())
        })
        .unwrap();
    assert!(tried.get() >= 1_000);
    fs::write(place.log(), &log).unwrap();
    fs::write(place.head(), &head).unwrap();
    assert_eq!(place.verify(), Verification::Intact { records: 12 });
}

/// S-91
#[test]
fn a_log_without_its_head_or_a_head_without_its_log_is_tampered_with() {
    let place = Place::new();
    place.record(3);
    let log = fs::read(place.log()).unwrap();
    fs::rename(place.head(), place.folder.path().join("aside")).unwrap();
    assert!(is_tampered(place.verify()));
    assert!(place.open(KEY, |logger| logger).unwrap_err().contains("there is no head"));
    fs::rename(place.folder.path().join("aside"), place.head()).unwrap();
    fs::remove_file(place.log()).unwrap();
    assert!(is_tampered(place.verify()));
    assert!(place.open(KEY, |logger| logger).is_err());
    // The attempt to open it made an empty one.
    fs::write(place.log(), log).unwrap();
    assert_eq!(place.verify(), Verification::Intact { records: 3 });
}

/// S-91
#[test]
fn a_line_that_a_crash_cut_off_is_torn_and_the_next_start_says_so() {
    let place = Place::new();
    place.record(3);
    let whole = fs::read(place.log()).unwrap();
    // Beyond the head, as only a crash leaves it.
    fs::write(place.log(), [&whole, b"{\"timestamp\":\"2026".as_slice()].concat()).unwrap();
    assert_eq!(place.verify(), Verification::Torn { records: 3, bytes: 18 });
    place.record(1);
    assert_eq!(place.verify(), Verification::Intact { records: 5 });
    assert!(place.lines()[3].contains("\"action\":\"audit/torn\"") && place.lines()[3].contains("18 bytes"));
}

/// S-91
#[test]
fn an_edit_behind_the_head_or_of_the_last_record_keeps_the_server_from_starting() {
    let place = Place::new();
    place.record(3);
    let log = fs::read(place.log()).unwrap();
    let mut changed = log.clone();
    let last = log.len() - 10;
    changed[last] ^= 1;
    fs::write(place.log(), &changed).unwrap();
    let problem = place.open(KEY, |logger| logger).unwrap_err();
    assert!(problem.contains("is not what was written"), "{problem}");
    fs::write(place.log(), String::from_utf8(log.clone()).unwrap().replace("tool-2", "tool-3")).unwrap();
    assert!(place.open(KEY, |logger| logger).is_err());
    fs::write(place.log(), [&log, b"{\"seq\":3,\"mac\":\"\"}\n".as_slice()].concat()).unwrap();
    assert!(place.open(KEY, |logger| logger).is_err());
    fs::write(place.log(), &log[..log.len() / 2]).unwrap();
    assert!(place.open(KEY, |logger| logger).is_err());
    fs::write(place.log(), &log).unwrap();
    assert!(place.open(KEY, |logger| logger).is_ok());
}

/// S-91
#[test]
fn another_key_can_neither_verify_nor_go_on_and_one_that_follows_can() {
    let place = Place::new();
    place.record(2);
    assert!(is_tampered(verify(place.log(), &secret(LATER)).unwrap()));
    assert!(place.open(LATER, |logger| logger).is_err());
    let both = format!("{LATER},{KEY}");
    tell(&place.open(&both, |logger| logger).unwrap(), "x");
    assert_eq!(verify(place.log(), &secret(&both)).unwrap(), Verification::Intact { records: 4 });
    assert!(place.lines()[2].contains("audit/key"));
}

/// S-92
#[test]
fn rotated_files_are_of_one_chain_and_none_of_them_can_be_missing() {
    let place = Place::new();
    let tight = |logger: AuditLoggerBuilder| logger.with_rotation(RotationPolicy::at_size(64 * 1024));
    for _ in 0..3 {
        let evidence = place.open(KEY, tight).unwrap();
        for at in 0..400 {
            tell(&evidence, &format!("tool-{at}"));
        }
    }
    let files = names::kept(
        &place.log(),
        fs::read_dir(place.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect(),
    );
    assert!(files.len() >= 3, "{files:?}");
    let Verification::Intact { records } = place.verify() else { panic!("{}", place.verify()) };
    assert!(records >= 1_200);
    for file in &files {
        let (here, aside) = (place.folder.path().join(&file.name), place.folder.path().join("aside"));
        fs::rename(&here, &aside).unwrap();
        assert!(is_tampered(place.verify()), "{file:?}");
        fs::rename(&aside, &here).unwrap();
    }
    assert_eq!(place.verify(), Verification::Intact { records });
}

/// S-92
#[test]
fn files_that_are_old_enough_are_deleted_and_the_rest_stays_whole() {
    let place = Place::new();
    let keep = |logger: AuditLoggerBuilder| logger.with_retention_policy(RetentionPolicy::days(2));
    for _ in 0..6 {
        tell(&place.open(KEY, keep).unwrap(), "x");
        place.clock.advance(Duration::from_secs(24 * 60 * 60));
    }
    let first = fs::read_dir(place.folder.path()).unwrap().filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().contains(".000000000000-")
    });
    assert_eq!(first.count(), 0, "the first file is gone");
    assert!(matches!(place.verify(), Verification::Intact { records } if records > 3), "{}", place.verify());
}

/// S-91
#[test]
fn one_log_is_written_by_one_process() {
    let place = Place::new();
    let _open = place.open(KEY, |logger| logger).unwrap();
    assert!(place.open(KEY, |logger| logger).unwrap_err().contains("written by another process"));
}

/// S-91
#[test]
fn a_file_needs_a_key_that_outlives_the_process() {
    let place = Place::new();
    let open = |with: fn(AuditLoggerBuilder) -> AuditLoggerBuilder| {
        with(AuditLogger::builder().with_file(place.log())).build().open(None, Arc::new(place.clock.clone()))
    };
    assert!(open(|logger| logger).unwrap_err()[0].what().contains("no key that outlives this process"));
    assert!(open(|logger| logger.with_key(secret(KEY))).is_ok());
}

/// S-92
#[test]
fn with_pseudonyms_no_subject_is_in_the_log_and_the_holder_of_the_key_finds_it() {
    let place = Place::new();
    let evidence = place.open(KEY, AuditLoggerBuilder::with_pseudonyms).unwrap();
    let who = named("alice@example.com");
    evidence.tell(&Happening {
        who: Some(&who),
        action: "tools/call",
        target: "echo",
        ..Happening::of(AuditEvent::ToolExecution)
    });
    evidence.tell(&Happening {
        who: Some(&who),
        action: "authenticate",
        target: "token-of-alice",
        ..Happening::of(AuditEvent::Authentication)
    });
    evidence.administer("revoke_principal", &format!("{} {}", who.issuer(), who.subject()), Outcome::Succeeded);
    drop(evidence);
    let log = fs::read_to_string(place.log()).unwrap();
    assert!(!log.contains("alice"), "{log}");
    let pseudonym = AuditLogger::pseudonym(&secret(KEY), who.issuer(), who.subject()).unwrap();
    assert_eq!(log.matches(&*pseudonym).count(), 3);
    assert_ne!(pseudonym, AuditLogger::pseudonym(&secret(LATER), who.issuer(), who.subject()).unwrap());
}

/// S-90
#[test]
fn kinds_that_are_not_named_are_not_recorded() {
    let place = Place::new();
    let evidence = place.open(KEY, |logger| logger.with_events(&[AuditEvent::Authorization])).unwrap();
    tell(&evidence, "echo");
    let ending = Ending::refused(Decided::Refused, "scope");
    evidence.tell(&Happening { ending, ..Happening::of(AuditEvent::Authorization) });
    evidence.administer("server/start", "here", Outcome::Succeeded);
    drop(evidence);
    assert_eq!(place.lines().len(), 1);
    assert!(
        place.lines()[0].contains("\"event\":\"authorization\"") && place.lines()[0].contains("\"reason\":\"scope\"")
    );
}

/// S-94, T-63
#[test]
fn no_text_of_a_peer_breaks_a_line_or_reaches_a_terminal() {
    let place = Place::new();
    let evidence = place.open(KEY, |logger| logger).unwrap();
    let hostile = "a\r\n{\"seq\":9}\u{1b}[31m\u{2028}\u{202e}\u{9b}\u{0}\",\"mac\":\"x\"";
    let who = named(hostile);
    evidence.tell(&Happening {
        who: Some(&who),
        action: hostile,
        target: hostile,
        ..Happening::of(AuditEvent::ToolExecution)
    });
    drop(evidence);
    let log = fs::read_to_string(place.log()).unwrap();
    assert_eq!(log.matches('\n').count(), 1);
    assert!(log.trim_end().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{log:?}");
    let json: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!((json["target"].as_str(), json["seq"].as_u64()), (Some(hostile), Some(0)));
    assert_eq!(place.verify(), Verification::Intact { records: 1 });
}

/// S-65, S-93
#[test]
fn of_a_long_target_no_more_waits_than_is_shown_and_no_secret() {
    let wording = Wording::new(&AuditEvent::ALL);
    let secret = format!("{}postgres://app:hunter2@db/{}", "é".repeat(100), "x".repeat(5_000));
    let kept = |event, target| wording.kept(&Happening { target, ..Happening::of(event) }).into_owned();
    let long = kept(AuditEvent::ResourceAccess, &secret);
    assert!(long.contains("[redacted]") && !long.contains("hunter2") && (513..=516).contains(&long.len()), "{long}");
    assert_eq!(kept(AuditEvent::Authentication, &secret), secret, "a pseudonym is made of the whole name");
    assert_eq!(kept(AuditEvent::ToolExecution, "add"), "add");
    let edge = "x".repeat(516);
    assert_eq!(kept(AuditEvent::ResourceAccess, &edge), edge);
}

/// S-65, S-90
#[test]
fn no_secret_in_a_target_is_recorded() {
    let place = Place::new();
    let evidence = place.open(KEY, |logger| logger).unwrap();
    let key = format!("mocopr_{}", "k".repeat(60));
    tell(&evidence, "postgres://app:hunter2@db/x");
    tell(&evidence, &format!("notes://{}/{key}", "x".repeat(490)));
    drop(evidence);
    let log = fs::read_to_string(place.log()).unwrap();
    assert!(log.contains("postgres://app:[redacted]@db/x") && !log.contains("hunter2"), "{log}");
    assert!(!log.contains("kkkk"), "{log}");
}

/// S-90
#[test]
fn addresses_are_written_as_they_are_read() {
    let place = Place::new();
    let evidence = place.open(KEY, |logger| logger).unwrap();
    let addresses = ["127.0.0.1", "203.0.113.255", "0.0.0.0", "2001:db8::1", "::ffff:192.0.2.7"];
    let addresses = addresses.map(|address| Source::Address(address.parse().unwrap()));
    for from in addresses.into_iter().chain([Source::User(0), Source::User(u32::MAX)]) {
        evidence.tell(&Happening { from: Some(from), ..Happening::of(AuditEvent::Protocol) });
    }
    drop(evidence);
    let written = ["127.0.0.1", "203.0.113.255", "0.0.0.0", "2001:db8::1", "192.0.2.7", "uid:0", "uid:4294967295"];
    assert_eq!(place.lines().len(), written.len());
    for (line, address) in place.lines().iter().zip(written) {
        assert!(line.contains(&format!("\"source\":\"{address}\",")), "{line}");
    }
}

/// S-65, S-90
#[test]
fn arguments_are_told_by_digest_and_shape_where_their_owner_asks_for_it_and_never_by_value() {
    let arguments = |text: &str| RawJson::parse(text.to_owned().into(), &MessageLimits::strict().arguments).unwrap();
    let same = arguments(r#"{"text":"hunter2","n":7}"#);
    let others = arguments(r#"{"text":"hunter3","n":7}"#);
    let place = Place::new();
    let asks = |logger: AuditLoggerBuilder| logger.with_argument_digests().with_redacted_arguments();
    let evidence = place.open(KEY, asks).unwrap();
    for arguments in [&same, &same, &others] {
        evidence.tell(&Happening { arguments: Some(arguments), ..Happening::of(AuditEvent::ToolExecution) });
    }
    drop(evidence);
    let log = fs::read_to_string(place.log()).unwrap();
    assert!(!log.contains("hunter"), "{log}");
    let told: Vec<serde_json::Value> = place.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told[0]["arguments"], serde_json::json!({"text": "string(7)", "n": "number"}));
    assert_eq!(told[0]["arguments_digest"].as_str().unwrap().len(), 64);
    assert_eq!(told[0]["arguments_digest"], told[1]["arguments_digest"]);
    assert_ne!(told[0]["arguments_digest"], told[2]["arguments_digest"]);
    let plain = Place::new();
    plain.record(1);
    assert!(!plain.lines()[0].contains("arguments"));
}

/// S-93, T-16
#[test]
fn a_flood_of_strangers_fills_no_disk_and_how_many_were_left_out_is_recorded() {
    let place = Place::new();
    let evidence = place.open(KEY, |logger| logger).unwrap();
    let beyond_rate = |times: usize| {
        for _ in 0..times {
            let ending = Ending::refused(Decided::Refused, "rate");
            evidence.tell(&Happening { action: "head", ending, ..Happening::of(AuditEvent::SecurityViolation) });
        }
    };
    beyond_rate(10_100);
    tell(&evidence, "of a caller");
    place.clock.advance(Duration::from_millis(100));
    beyond_rate(5);
    evidence.settle();
    drop(evidence);
    let told: Vec<serde_json::Value> = place.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 10_000 + 4);
    let actions: Vec<_> = told[10_000..].iter().map(|record| record["action"].as_str().unwrap_or_default()).collect();
    assert_eq!(actions, ["tools/call", "audit/left_out", "head", "audit/left_out"]);
    assert_eq!(told[10_001]["target"], "100 refused messages beyond those that are recorded of one sender");
    assert_eq!(told[10_003]["target"], "4 refused messages beyond those that are recorded of one sender");
    assert_eq!(place.verify(), Verification::Intact { records: 10_004 });
}

/// S-93, T-16
#[test]
fn a_flood_of_refusals_that_cost_nothing_fills_no_disk_and_hides_nothing_of_others() {
    let place = Place::new();
    let evidence = place.open(KEY, |logger| logger).unwrap();
    let refused = |who: &Principal, event, action, reason, times: usize| {
        for _ in 0..times {
            let ending = Ending::refused(Decided::Refused, reason);
            evidence.tell(&Happening { who: Some(who), action, ending, ..Happening::of(event) });
        }
    };
    let somebody = |subject| {
        let held = Holdings::These { roles: [].into(), scopes: [].into() };
        Principal::new(Method::ApiKey, "keys", subject, None, held)
    };
    let (mallory, alice) = (somebody("mallory"), somebody("alice"));
    refused(&mallory, AuditEvent::SecurityViolation, "message", "parse", 5_000);
    refused(&mallory, AuditEvent::SecurityViolation, "tools/call", "rate", 5_000);
    refused(&mallory, AuditEvent::Authentication, "tools/call", "unauthenticated", 1);
    refused(&mallory, AuditEvent::SecurityViolation, "message", "parse", 1);
    refused(&mallory, AuditEvent::SecurityViolation, "tools/list", "rate", 1);
    refused(&alice, AuditEvent::SecurityViolation, "message", "parse", 1);
    // These took a token, each of them.
    refused(&mallory, AuditEvent::Authorization, "tools/call", "refused", 1);
    refused(&mallory, AuditEvent::SecurityViolation, "tools/call", "busy", 1);
    evidence.settle();
    drop(evidence);
    let told: Vec<serde_json::Value> = place.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |record: &serde_json::Value| {
        [&record["subject"], &record["reason"]].map(|text| text.as_str().map(String::from))
    };
    let last: Vec<_> = told[10_000..].iter().map(of).collect();
    let mine = |who: &str, reason: &str| [Some(who.to_owned()), Some(reason.to_owned())];
    assert_eq!(told[10_000]["target"], "3 refused messages beyond those that are recorded of one sender");
    assert_eq!(last[1..], [mine("alice", "parse"), mine("mallory", "refused"), mine("mallory", "busy")]);
}
