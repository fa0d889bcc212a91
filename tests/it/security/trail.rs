//! The audit log of the secure example when things go wrong: a full disk, a crash, somebody who edits it.

use std::{fs, process::Stdio, sync::Arc};

use mocopr::audit::Verification;
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    sync::watch,
};

use super::{
    fixture::{Fixture, STATE_KEY, Served},
    guarded::{bearer, with_fields},
};
use crate::support::{
    process::{self, Listening},
    request, within,
};

fn echo() -> serde_json::Value {
    request::stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": "hi"}}))
}

/// Waits until the example answers a call with this status.
async fn answers(http: &Served, key: &str, status: u16) {
    within("the status", async { while http.answer(key, &echo()).await.head.status != status {} }).await;
}

/// Says of the log what `audit_verify` says, and how that ended.
async fn audit_verify(fixture: &Fixture) -> (String, Option<i32>) {
    let mut command = process::command("audit_verify", &[]);
    command.arg(fixture.audit()).env("MOCOPR_STATE_KEY", STATE_KEY).stdin(Stdio::null());
    let output = within("its end", command.output()).await.expect("it starts");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

/// S-91
#[tokio::test]
async fn the_example_says_intact_torn_and_tampered() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    for _ in 0..2 {
        let http = fixture.listen_audited().await;
        http.ask(&key, &echo()).await;
        assert!(http.listening.stop().await.success());
    }
    let log = fs::read(fixture.audit()).expect("there is a log");
    assert_eq!(audit_verify(&fixture).await, ("intact: 8 records\n".to_owned(), Some(0)));
    fs::write(fixture.audit(), [&log, b"{\"time".as_slice()].concat()).expect("it can be written");
    let (said, code) = audit_verify(&fixture).await;
    assert!(said.starts_with("torn: 8 records") && code == Some(0), "{said} {code:?}");
    fs::write(fixture.audit(), &log[..log.len() - 40]).expect("it can be written");
    let (said, code) = audit_verify(&fixture).await;
    assert!(said.starts_with("tampered") && code == Some(1), "{said} {code:?}");
}

/// S-93
#[tokio::test]
async fn a_device_that_is_always_full_has_calls_refused_and_nothing_crashes() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let http = fixture.listen_with(&[("MOCOPR_STATE_KEY", STATE_KEY), ("MOCOPR_AUDIT", "/dev/full")]).await;
    for _ in 0..3 {
        let answer = http.answer(&key, &echo()).await;
        assert_eq!(answer.head.status, 503);
        assert_eq!(answer.head.header("retry-after"), Some("1"));
        assert_eq!(answer.json()["error"]["code"], 1503);
    }
    assert!(http.log().contains("cannot be written"));
    assert!(http.listening.stop().await.success());
}

/// S-93
#[tokio::test]
async fn a_full_disk_has_calls_refused_until_there_is_room_again() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let audit = fixture.audit();
    let example = process::example("fixture");
    // A limit on the size of files, which the system tells by an error where its signal is ignored.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -S -f 16; exec \"$0\"", example.to_str().expect("it is text")]);
    let settings = [
        ("MOCOPR_TRANSPORT", "http"),
        ("MOCOPR_BIND", "127.0.0.1:0"),
        ("MOCOPR_STATE_KEY", STATE_KEY),
        ("MOCOPR_AUDIT", audit.to_str().expect("it is text")),
    ];
    let http = Served::over(Listening::spawn(fixture.settle(command, &settings)).await);
    answers(&http, &key, 200).await;
    answers(&http, &key, 503).await;
    let cut = fs::read(&audit).expect("there is a log");
    assert!(!cut.ends_with(b"\n"), "the disk was full within a line");
    let unlimited = Rlimit { current: None, maximum: None };
    prlimit(Some(http.listening.pid()), Resource::Fsize, unlimited).expect("the limit can be lifted");
    answers(&http, &key, 200).await;
    assert!(http.listening.stop().await.success());
    let records = fixture.records();
    assert!(records.iter().any(|record| record["action"] == "audit/recovered"));
    assert_eq!(fixture.verify(), Verification::Intact { records: records.len() as u64 });
}

/// S-91
#[tokio::test]
async fn a_server_that_is_killed_under_load_leaves_a_log_that_is_whole_but_for_its_last_line() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let request = Arc::new(with_fields(&[("Authorization", &bearer(&key))], &echo()));
    let rounds = std::env::var("MOCOPR_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(8_u64);
    let mut records = 0;
    for round in 0..rounds {
        let http = fixture.listen_audited().await;
        let answered = watch::Sender::new(0);
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (authority, request) = (http.listening.authority().to_owned(), request.clone());
                let answered = answered.clone();
                tokio::spawn(async move {
                    let Ok(mut socket) = TcpStream::connect(authority).await else { return };
                    let mut answer = [0; 4_096];
                    while socket.write_all(&request).await.is_ok()
                        && socket.read(&mut answer).await.is_ok_and(|read| read > 0)
                    {
                        answered.send_modify(|answered| *answered += 1);
                    }
                })
            })
            .collect();
        // Each round somewhere else in what the writer does.
        let enough = 50 + round * 37;
        let mut load = answered.subscribe();
        within("the load", load.wait_for(|answered| *answered >= enough)).await.expect("the clients call");
        http.listening.kill().await;
        for client in clients {
            within("the client", client).await.expect("it does not panic");
        }
        let found = fixture.verify();
        let now = match found {
            Verification::Intact { records } | Verification::Torn { records, .. } => records,
            Verification::Tampered { .. } => panic!("in round {round}: {found}"),
        };
        assert!(now > records, "in round {round}: {now} of {records}");
        records = now;
    }
    let http = fixture.listen_audited().await;
    assert!(http.listening.stop().await.success());
    assert!(matches!(fixture.verify(), Verification::Intact { .. }), "{}", fixture.verify());
}

/// S-91
#[tokio::test]
async fn a_server_does_not_start_on_a_log_that_somebody_edited() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let http = fixture.listen_audited().await;
    http.ask(&key, &echo()).await;
    assert!(http.listening.stop().await.success());
    let log = fs::read_to_string(fixture.audit()).expect("there is a log");
    fs::write(fixture.audit(), log.replace("server/stop", "server/step")).expect("it can be written");
    let audit = fixture.audit();
    let settings = [("MOCOPR_STATE_KEY", STATE_KEY), ("MOCOPR_AUDIT", audit.to_str().expect("it is text"))];
    let ended = within("the end", fixture.streams_with(Some(&key), &settings).end()).await;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.log);
    assert!(ended.log.starts_with("MOCOPR_AUDIT: the audit log"), "{}", ended.log);
}
