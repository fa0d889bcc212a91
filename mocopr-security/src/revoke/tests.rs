//! What a file of revocations says, and when it counts.
#![expect(clippy::disallowed_methods, reason = "these tests write the file that is looked at")]

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::principal::{Holdings, Method};

const ISSUER: &str = "https://id.example.com";

fn of(method: Method, subject: &str) -> Principal {
    let holdings = Holdings::These { roles: [].into(), scopes: [].into() };
    Principal::new(method, ISSUER, subject, None, holdings)
}

fn file(content: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revoked");
    fs::write(&path, content).unwrap();
    (folder, path)
}

/// S-80
#[test]
fn each_line_covers_what_it_names_and_nothing_else() {
    let content = "# who left\n\nprincipal https://id.example.com mallory  the second \r\n  key k1\ntoken t1\n\
                   session s1\naddress 192.0.2.0/24\ncertificate c1";
    let (_folder, path) = file(content);
    let revocations = Revocations::from_file(&path).unwrap();
    let (key, token) = (of(Method::ApiKey, "alice"), of(Method::Token, "alice"));
    assert!(revocations.covers(&of(Method::Token, "mallory  the second"), None, None));
    assert!(!revocations.covers(&of(Method::Token, "mallory"), None, None));
    assert!(revocations.covers(&key, Some("k1"), None) && revocations.covers(&token, Some("t1"), None));
    assert!(!revocations.covers(&key, Some("t1"), None) && !revocations.covers(&token, Some("k1"), None));
    let certificate = of(Method::Certificate, "alice");
    assert!(revocations.covers(&certificate, Some("c1"), None) && !revocations.covers(&token, Some("c1"), None));
    assert!(!revocations.covers(&certificate, Some("k1"), None) && !revocations.covers(&certificate, Some("t1"), None));
    let at = |address: &str| Some(Source::Address(address.parse().unwrap()));
    assert!(revocations.covers(&token, None, at("192.0.2.9")));
    assert!(revocations.covers_address("192.0.2.9".parse().unwrap()));
    assert!(!revocations.covers(&token, None, Some(Source::User(0))));
    assert!(!revocations.covers(&token, None, at("192.0.3.9")));
}

/// S-80
#[test]
fn a_line_that_says_nothing_is_named_by_its_number_and_nothing_of_it_is_repeated() {
    for line in ["canary", "principal canary", "address canary", "address 192.0.2.1/24", "canary x", "key"] {
        let (_folder, path) = file(&format!("key k1\n{line}\n"));
        let problem = Revocations::from_file(&path).unwrap_err().to_string();
        assert!(problem.contains("revoked, line 2: ") && !problem.contains("canary"), "{problem}");
    }
}

/// S-80
#[test]
fn what_is_added_counts_at_the_first_look_and_what_is_taken_out_until_the_second() {
    let (_folder, path) = file("key k1\n");
    let revocations = Revocations::from_file(&path).unwrap();
    revocations.look();
    let alice = of(Method::ApiKey, "alice");
    let covers = || ["k1", "k2"].map(|key| revocations.covers(&alice, Some(key), None));
    fs::write(&path, "key k2\nsession s1\n").unwrap();
    assert_eq!(revocations.look(), ["s1".into()]);
    assert_eq!(covers(), [true, true]);
    assert_eq!(revocations.look(), [] as [Box<str>; 0]);
    assert_eq!(covers(), [false, true]);
    let changes = revocations.changes();
    revocations.look();
    assert_eq!(revocations.changes(), changes, "nothing is new");
}

/// S-80
#[test]
fn a_file_that_is_wrong_or_gone_leaves_what_it_said_before() {
    let (_folder, path) = file("key k1\n");
    let revocations = Revocations::from_file(&path).unwrap();
    let alice = of(Method::ApiKey, "alice");
    fs::write(&path, "nothing\n").unwrap();
    for _ in 0..3 {
        revocations.look();
        assert!(revocations.covers(&alice, Some("k1"), None));
    }
    fs::remove_file(&path).unwrap();
    for _ in 0..3 {
        revocations.look();
        assert!(revocations.covers(&alice, Some("k1"), None));
    }
    fs::write(&path, "# nobody\n").unwrap();
    revocations.look();
    revocations.look();
    assert!(!revocations.covers(&alice, Some("k1"), None));
}

/// S-80
#[test]
fn what_the_program_revoked_is_not_restored_by_the_file() {
    let (_folder, path) = file("key k1\n");
    let revocations = Revocations::from_file(&path).unwrap();
    revocations.revoke_credential(ISSUER, "k1");
    fs::write(&path, "").unwrap();
    revocations.look();
    revocations.look();
    let alice = of(Method::ApiKey, "alice");
    assert!(revocations.covers(&alice, Some("k1"), None));
    assert!(revocations.restore_credential(ISSUER, "k1"));
    assert!(!revocations.covers(&alice, Some("k1"), None));
}

/// S-80
#[test]
fn addresses_are_revoked_and_restored_by_the_text_of_their_network() {
    let revocations = Revocations::default();
    let address = "192.0.2.7".parse().unwrap();
    assert!(!revocations.covers_address(address));
    revocations.revoke_address("192.0.2.0/24").unwrap();
    assert!(revocations.covers_address(address));
    assert_eq!(revocations.restore_address("192.0.2.0/24"), Ok(true));
    assert_eq!(revocations.restore_address("192.0.2.0/24"), Ok(false));
    assert!(!revocations.covers_address(address));
    assert!(revocations.revoke_address("192.0.2.7/24").is_err());
}
