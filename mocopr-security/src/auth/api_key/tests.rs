//! A key proves its subject, once it was added, until it expires or is revoked; and nothing else does.
#![expect(clippy::disallowed_methods, reason = "these tests write the files that are read")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use mocopr_core::clock::ManualClock;
use tempfile::TempDir;

use super::*;
use crate::{auth::AuthMiddleware, policy::SecurityPolicy, redact::Secret};

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> Duration {
    ManualClock::new().unix()
}

fn keys(records: Vec<ApiKey>, clock: &ManualClock) -> ApiKeys {
    on(ApiKeys::of(records).unwrap(), clock)
}

fn on(keys: ApiKeys, clock: &ManualClock) -> ApiKeys {
    ApiKeys { clock: Arc::new(clock.clone()), ..keys }
}

fn verified(keys: &ApiKeys, key: &str) -> Verified {
    match keys.authenticate(Credential::ApiKey(key)) {
        Verdict::Verified(verified) => verified,
        other => panic!("{other:?}"),
    }
}

fn rejection(keys: &ApiKeys, credential: Credential<'_>) -> &'static str {
    match keys.authenticate(credential) {
        Verdict::Rejected(rejected) => rejected.reason(),
        other => panic!("{other:?}"),
    }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.jsonl");
    (folder, path)
}

fn write(path: &PathBuf, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// S-35, S-37
#[test]
fn a_key_proves_its_subject_with_what_it_holds_and_until_when() {
    let (key, record) = ApiKey::create("alice", now()).unwrap();
    let id = record.id().to_owned();
    let record = record.with_role("user").with_scope("notes:read").with_tenant("acme").until(now() + DAY);
    let keys = keys(vec![record], &ManualClock::new());
    for credential in [Credential::ApiKey(key.expose()), Credential::Bearer(key.expose())] {
        let Verdict::Verified(verified) = keys.authenticate(credential) else { panic!("{credential:?}") };
        let who = verified.principal();
        assert_eq!((who.method(), who.issuer(), who.subject()), (Method::ApiKey, "api-keys", "alice"));
        assert_eq!((who.tenant(), verified.credential()), (Some("acme"), Some(id.as_str())));
        assert!(who.has_role("user") && !who.has_role("admin"));
        assert!(who.has_scope("notes:read") && !who.has_scope("notes:write"));
        assert_eq!(verified.expires(), Some(now() + DAY));
    }
}

/// S-37
#[test]
fn a_bearer_of_another_kind_is_left_to_the_next_authenticator() {
    let keys = keys(Vec::new(), &ManualClock::new());
    for bearer in ["", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "Mocopr_", "mocopr"] {
        assert!(matches!(keys.authenticate(Credential::Bearer(bearer)), Verdict::Foreign), "{bearer}");
    }
}

/// S-35, T-29
#[test]
fn unknown_and_malformed_keys_are_refused() {
    let (key, record) = ApiKey::create("alice", now()).unwrap();
    let (strange, _) = ApiKey::create("mallory", now()).unwrap();
    let keys = keys(vec![record], &ManualClock::new());
    assert_eq!(rejection(&keys, Credential::ApiKey(strange.expose())), "an unknown api key");
    assert_eq!(rejection(&keys, Credential::Bearer(strange.expose())), "an unknown api key");
    for malformed in ["mocopr_", "mocopr_short", &key.expose()[..60], &format!("{}0", key.expose())] {
        assert_eq!(rejection(&keys, Credential::Bearer(malformed)), "an api key of the wrong form");
    }
    assert_eq!(rejection(&keys, Credential::ApiKey("anything")), "an api key of the wrong form");
}

/// T-29
#[test]
fn a_wrong_secret_under_a_known_id_is_refused() {
    let (key, record) = ApiKey::create("alice", now()).unwrap();
    let (_, other) = ApiKey::create("alice", now()).unwrap();
    // The record of alice's key, with the digest of another one.
    let mut lines = [record, other].map(|record| serde_json::to_value(record).unwrap());
    lines[0]["hash"] = lines[1]["hash"].clone();
    let swapped: ApiKey = serde_json::from_str(&lines[0].to_string()).unwrap();
    let keys = keys(vec![swapped], &ManualClock::new());
    assert_eq!(rejection(&keys, Credential::ApiKey(key.expose())), "an unknown api key");
}

/// S-35
#[test]
fn a_key_holds_until_the_second_of_its_expiry() {
    let clock = ManualClock::new();
    let (key, record) = ApiKey::create("alice", now()).unwrap();
    let keys = keys(vec![record.until(now() + DAY)], &clock);
    clock.advance(DAY - Duration::from_millis(1));
    verified(&keys, key.expose());
    clock.advance(Duration::from_millis(1));
    assert_eq!(rejection(&keys, Credential::ApiKey(key.expose())), "an expired api key");
}

/// S-35
#[test]
fn under_a_policy_keys_go_by_the_clock_of_the_server() {
    let clock = ManualClock::new();
    let (key, record) = ApiKey::create("alice", now()).unwrap();
    let id = record.id().to_owned();
    let kept = ApiKeys::of(vec![record.until(now() + DAY)]).unwrap();
    let middleware = AuthMiddleware::builder().with_authenticator(kept.clone()).build().unwrap();
    for policy in [
        SecurityPolicy::strict().with_authenticator(kept.clone()),
        SecurityPolicy::strict().with_authentication(middleware),
    ] {
        let served = policy.open_authenticators(Arc::new(clock.clone())).unwrap();
        let ask = || served[0].authenticate(Credential::ApiKey(key.expose()));
        assert!(matches!(ask(), Verdict::Verified(_)), "the system's clock is past its expiry");
        assert_eq!(kept.last_used(&id), Some(Duration::from_secs(now().as_secs())));
    }
    clock.advance(DAY);
    let served = SecurityPolicy::strict().with_authenticator(kept).open_authenticators(Arc::new(clock)).unwrap();
    assert!(matches!(served[0].authenticate(Credential::ApiKey(key.expose())), Verdict::Rejected(_)));
}

/// S-35
#[test]
fn a_revoked_key_is_refused_whenever_it_was_revoked() {
    for at in [Duration::ZERO, now(), now() + DAY] {
        let (key, record) = ApiKey::create("alice", now()).unwrap();
        let keys = keys(vec![record.revoked_at(at)], &ManualClock::new());
        assert_eq!(rejection(&keys, Credential::ApiKey(key.expose())), "a revoked api key");
    }
}

/// S-35
#[test]
fn the_last_use_is_kept_and_refusals_are_no_use() {
    let clock = ManualClock::new();
    let (key, record) = ApiKey::create("alice", now()).unwrap();
    let id = record.id().to_owned();
    let keys = keys(vec![record.until(now() + DAY)], &clock);
    assert_eq!(keys.last_used(&id), None);
    clock.advance(DAY / 2);
    verified(&keys, key.expose());
    assert_eq!(keys.last_used(&id), Some(now() + DAY / 2));
    clock.advance(DAY);
    rejection(&keys, Credential::ApiKey(key.expose()));
    assert_eq!(keys.last_used(&id), Some(now() + DAY / 2));
    assert_eq!(keys.last_used("nobody"), None);
}

/// S-35, P-16
#[test]
fn neither_the_file_nor_any_print_has_the_key() {
    let (_folder, path) = folder();
    let (key, record) = ApiKey::create("alice", now()).unwrap();
    let file = ApiKeyFile::at(&path);
    file.add(record.with_role("user").with_name("laptop")).unwrap();
    let keys = ApiKeys::from_file(&path).unwrap();
    let secret = key.expose().rsplit('_').next().unwrap();
    let digest = serde_json::to_value(&file.keys().unwrap()[0]).unwrap()["hash"].as_str().unwrap().to_owned();
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.contains(&digest) && !written.contains(secret));
    let printed =
        format!("{keys:?} {:?} {key:?} {:?}", file.keys(), keys.authenticate(Credential::ApiKey(key.expose())));
    assert!(!printed.contains(secret) && !printed.contains(digest.trim_start_matches("sha256:")), "{printed}");
}

/// S-35
#[test]
fn the_file_is_private_and_what_was_added_and_revoked_reads_back() {
    let (_folder, path) = folder();
    let file = ApiKeyFile::at(&path);
    assert!(file.keys().is_err());
    let (_, alice) = ApiKey::create("alice", now()).unwrap();
    let (_, bob) = ApiKey::create("bob", now()).unwrap();
    let alice = alice.with_role("a").with_scope("b").with_tenant("c").with_name("d").until(now() + DAY);
    file.add(alice.clone()).unwrap();
    file.add(bob.clone()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(file.keys().unwrap(), [alice.clone(), bob.clone()]);
    file.revoke(bob.id(), now()).unwrap();
    file.revoke(bob.id(), now() + DAY).unwrap();
    assert_eq!(file.keys().unwrap(), [alice.clone(), bob.revoked_at(now())]);
    assert!(file.revoke("absent", now()).unwrap_err().what().ends_with("has no key \"absent\""));
    assert!(file.add(alice).unwrap_err().what().ends_with("line 3: an id that an earlier line has"));
    assert_eq!(file.keys().unwrap().len(), 2);
}

/// S-05, S-35
#[test]
fn a_file_that_breaks_a_rule_is_refused_with_its_line_and_nothing_of_it() {
    let (_folder, path) = folder();
    let record = ApiKey::create("alice", now()).unwrap().1;
    let with = |member: &str, value: serde_json::Value| {
        let mut line = serde_json::to_value(&record).unwrap();
        line[member] = value;
        line.to_string()
    };
    let good = with("name", "good".into());
    for bad in [
        "{".to_owned(),
        "[]".to_owned(),
        "canary".to_owned(),
        with("admin", true.into()),
        with("id", "canary".into()),
        with("id", "has-dash-in1".into()),
        with("hash", "canary".into()),
        with("hash", "md5:canary".into()),
        with("hash", format!("sha256:{}", "A".repeat(42)).into()),
        with("subject", "".into()),
        with("subject", "canary\n".into()),
        with("subject", "c".repeat(257).into()),
        with("tenant", "".into()),
        with("name", "\u{7}".into()),
        with("roles", "canary".into()),
        with("roles", vec![""].into()),
        with("roles", vec!["canary"; 65].into()),
        with("scopes", vec!["canary space"].into()),
        with("scopes", vec!["\"canary"].into()),
        with("created", (-1).into()),
        with("created", "canary".into()),
        with("expires", 1.into()),
        good.replacen('{', "{\"subject\":\"canary\",", 1),
        format!("{good} canary"),
    ] {
        let (_, first) = ApiKey::create("bob", now()).unwrap();
        write(&path, &format!("{}\n\n{bad}\n", serde_json::to_string(&first).unwrap()));
        let problem = ApiKeys::from_file(&path).unwrap_err().to_string();
        assert!(problem.contains("keys.jsonl, line 3: ") && !problem.contains("canary"), "{bad}: {problem}");
    }
    write(&path, &good);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(ApiKeys::from_file(&path).unwrap_err().what().contains("open to others"));
}

#[test]
fn bounds_are_exact() {
    let record = |subject: &str| ApiKey::create(subject, now()).unwrap().1;
    assert!(ApiKeys::of(vec![record(&"s".repeat(256))]).is_ok());
    assert!(ApiKeys::of(vec![record(&"s".repeat(257))]).is_err());
    let roles = |count| (0..count).fold(record("alice"), |record, _| record.with_role("r"));
    assert!(ApiKeys::of(vec![roles(64)]).is_ok());
    assert!(ApiKeys::of(vec![roles(65)]).is_err());
    let twice = record("alice");
    assert!(ApiKeys::of(vec![twice.clone(), twice]).is_err());
    let mut many: Vec<_> = (0..keyfile::MOST_KEYS).map(|_| record("alice")).collect();
    assert!(ApiKeys::of(many.clone()).is_ok());
    many.push(record("alice"));
    assert!(ApiKeys::of(many).is_err());
}

/// S-35
#[test]
fn a_reload_takes_what_the_file_says_and_a_bad_file_changes_nothing() {
    let (_folder, path) = folder();
    let file = ApiKeyFile::at(&path);
    let add = |subject: &str| -> (Secret<String>, String) {
        let (key, record) = ApiKey::create(subject, now()).unwrap();
        let id = record.id().to_owned();
        file.add(record).unwrap();
        (key, id)
    };
    let (alice, alice_id) = add("alice");
    let keys = on(ApiKeys::from_file(&path).unwrap(), &ManualClock::new());
    verified(&keys, alice.expose());
    let (bob, bob_id) = add("bob");
    assert_eq!(rejection(&keys, Credential::ApiKey(bob.expose())), "an unknown api key");
    keys.clone().reload().unwrap();
    verified(&keys, bob.expose());
    assert_eq!(keys.last_used(&alice_id), Some(now()));

    let good = fs::read_to_string(&path).unwrap();
    write(&path, "broken");
    assert!(keys.reload().is_err());
    verified(&keys, bob.expose());
    write(&path, &good);
    file.revoke(&bob_id, now()).unwrap();
    keys.reload().unwrap();
    assert_eq!(rejection(&keys, Credential::ApiKey(bob.expose())), "a revoked api key");
    verified(&keys, alice.expose());
    assert!(ApiKeys::of(Vec::new()).unwrap().reload().is_err());
}

/// S-37
#[test]
fn the_same_subject_of_two_issuers_is_two_principals() {
    let (key, record) = ApiKey::create("alice", now()).unwrap();
    let one = keys(vec![record.clone()], &ManualClock::new());
    let other = keys(vec![record], &ManualClock::new()).with_issuer("partners");
    assert_ne!(verified(&one, key.expose()).principal(), verified(&other, key.expose()).principal());
}
