//! The file of what is revoked: what it comes to name is refused within a second, open streams included, and what it
//! names no longer is believed again.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mocopr::{
    audit::{AuditEvent, Happening, Outcome, Witness},
    prelude::*,
    security::Revocations,
};
use serde_json::json;
use tempfile::TempDir;

use super::guarded::{Guarded, bearer, policy, with_fields};
use crate::support::{http::Connection, request, within};

#[tool]
async fn hello() -> &'static str {
    "hello"
}

/// Remembers what was done to the server.
#[derive(Debug, Default)]
struct Administered(Mutex<Vec<(String, Outcome)>>);

impl Witness for Administered {
    fn saw(&self, happening: &Happening<'_>) {
        if happening.event == AuditEvent::Administration {
            self.0.lock().expect("nobody panics").push((happening.action.to_owned(), happening.ending.result));
        }
    }
}

struct Listed {
    _folder: TempDir,
    path: PathBuf,
    guarded: Guarded,
    told: Arc<Administered>,
}

impl Listed {
    /// A server whose file begins with this.
    async fn start(content: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        let path = folder.path().join("revoked");
        fs::write(&path, content).expect("the file is written");
        let told = Arc::new(Administered::default());
        let guarded = Guarded::start(policy(), |builder| {
            let revocations = Revocations::from_file(&path).expect("the file is sound");
            builder.with_tool(hello).with_revocations(revocations).with_witness(told.clone())
        });
        let guarded = guarded.await;
        Self { _folder: folder, path, guarded, told }
    }

    fn write(&self, content: &str) {
        fs::write(&self.path, content).expect("the file is written");
    }

    async fn status(&self, token: &str) -> u16 {
        let list = request::stateless(2, "tools/list", json!({}));
        self.guarded.ask(&[("Authorization", &bearer(token))], &list).await.head.status
    }

    /// Waits until this token has this status; at most as long as is promised, and some for a busy machine.
    async fn until(&self, token: &str, status: u16) {
        let begun = Instant::now();
        while self.status(token).await != status {
            assert!(begun.elapsed() < Duration::from_secs(5), "{token} does not get {status}");
            tokio::task::yield_now().await;
        }
    }

    async fn listen(&self, token: &str) -> Connection {
        let filter = json!({"notifications": {"toolsListChanged": true}});
        let message = request::stateless(1, "subscriptions/listen", filter);
        let mut stream = self.guarded.connect().await;
        stream.send(with_fields(&[("Authorization", &bearer(token))], &message)).await;
        assert!(stream.head().await.is_event_stream());
        assert!(stream.event().await.is_some(), "the acknowledgement");
        stream
    }
}

async fn ends(mut stream: Connection) {
    within("the end of the stream", async { while stream.event().await.is_some() {} }).await;
}

/// S-80
#[tokio::test]
async fn what_the_file_comes_to_name_ends_streams_and_is_refused() {
    let listed = Listed::start("principal https://id.example.com eve\n").await;
    assert_eq!((listed.status("eve").await, listed.status("alice").await), (401, 200), "from the start on");
    let (alice, carol) = (listed.listen("alice").await, listed.listen("carol.1").await);
    listed.write("principal https://id.example.com alice\ntoken carol.1\n");
    ends(alice).await;
    ends(carol).await;
    assert_eq!((listed.status("alice").await, listed.status("carol.1").await), (401, 401));
    assert_eq!(listed.status("carol.2").await, 200, "another token of hers");
    listed.until("eve", 200).await;
    listed.write("");
    listed.until("alice", 200).await;
}

/// S-80
#[tokio::test]
async fn an_address_is_refused_before_anybody_is_authenticated() {
    let listed = Listed::start("").await;
    let stream = listed.listen("alice").await;
    listed.write("address 127.0.0.0/8\n");
    ends(stream).await;
    for token in ["alice", "xavier"] {
        assert_eq!(listed.status(token).await, 403, "{token}");
    }
    let list = request::stateless(2, "tools/list", json!({}));
    let refused = listed.guarded.ask(&[("Authorization", "Bearer alice")], &list).await;
    assert!(refused.head.header("www-authenticate").is_none());
    assert!(!refused.text().contains("127"), "{}", refused.text());
    listed.write("");
    listed.until("alice", 200).await;
    listed.guarded.revocations.revoke_address("127.0.0.1").expect("it is an address");
    assert_eq!(listed.status("alice").await, 403);
    assert_eq!(listed.guarded.revocations.restore_address("127.0.0.1"), Ok(true));
    assert_eq!(listed.status("alice").await, 200);
}

/// S-80
#[tokio::test]
async fn a_session_that_the_file_comes_to_name_ends() {
    let listed = Listed::start("").await;
    let hello = request::initialize(1, "2025-11-25", json!({}));
    let session = &*listed.guarded.open_session("alice", &hello).await;
    let stream = listed.guarded.stream_of("alice", session).await;
    listed.write(&format!("session {session}\n"));
    ends(stream).await;
    let list = request::stateful(2, "tools/list", json!({}));
    let fields = [("Authorization", "Bearer alice"), ("Mcp-Session-Id", session)];
    let answer = listed.guarded.ask_stateful(&fields, &list).await;
    assert_eq!(answer.head.status, 404);
    assert_eq!(listed.status("alice").await, 200, "whoever it belonged to");
}

/// S-80
#[tokio::test]
async fn changes_are_told_to_those_who_keep_account_and_a_wrong_file_as_a_failure() {
    let listed = Listed::start("").await;
    let told = || {
        let mut told = listed.told.0.lock().expect("nobody panics").clone();
        told.retain(|(action, _)| !action.starts_with("server/"));
        told
    };
    let until = async |last: (&str, Outcome)| {
        let begun = Instant::now();
        while told().last().is_none_or(|(action, outcome)| (&**action, *outcome) != last) {
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", told());
            tokio::task::yield_now().await;
        }
    };
    listed.write("key k1\n");
    until(("revocations", Outcome::Succeeded)).await;
    listed.write("nothing\n");
    until(("revocations", Outcome::Failed)).await;
    listed.guarded.revocations.revoke_principal("https://id.example.com", "bob");
    until(("revoke_principal", Outcome::Succeeded)).await;
    assert_eq!(told().len(), 3, "{:?}", told());
}
