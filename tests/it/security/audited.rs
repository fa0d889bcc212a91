//! What the secure example records: each thing that happens once, on every transport, whatever came of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mocopr::{
    McpServer,
    audit::{AuditEvent, Happening, Witness},
    auth::{ApiKey, ApiKeyFile, ApiKeys},
    security::{AccessRules, RoleBasedAccessControl},
};
use serde_json::{Value, json};

use super::{
    fixture::{Fixture, STATE_KEY},
    guarded::{HOST, bearer, policy, with_fields},
};
use crate::support::{http::Connection, request, within};

/// A request, and the record of it: its event, target, decision and outcome.
type Case = (Value, [&'static str; 4]);

fn call(id: u32, name: &str, arguments: Value) -> Value {
    request::stateless(id, "tools/call", json!({"name": name, "arguments": arguments}))
}

/// Requests of somebody with the role `user` and no scope, and what is recorded of each.
fn cases() -> Vec<Case> {
    vec![
        (call(1, "echo", json!({"text": "hi"})), ["tool_execution", "echo", "permitted", "success"]),
        (call(2, "fail_secret", json!({})), ["tool_execution", "fail_secret", "permitted", "failure"]),
        (call(3, "panic_now", json!({})), ["tool_execution", "panic_now", "permitted", "failure"]),
        (call(4, "typed", json!({"count": 0})), ["tool_execution", "typed", "permitted", "failure"]),
        (call(5, "no_such_tool", json!({})), ["authorization", "no_such_tool", "unknown", "refused"]),
        (call(6, "admin_reset", json!({})), ["authorization", "admin_reset", "hidden", "refused"]),
        (
            call(7, "write_note", json!({"user": "a", "id": "b", "text": "c"})),
            ["authorization", "write_note", "step_up", "refused"],
        ),
        (
            request::stateless(8, "resources/read", json!({"uri": "notes://public/welcome"})),
            ["resource_access", "notes://public/welcome", "permitted", "success"],
        ),
        (
            request::stateless(9, "resources/read", json!({"uri": "notes://public/none"})),
            ["resource_access", "notes://public/none", "permitted", "failure"],
        ),
        (
            request::stateless(10, "resources/read", json!({"uri": "secret://vault"})),
            ["authorization", "secret://vault", "hidden", "refused"],
        ),
        (
            request::stateless(11, "prompts/get", json!({"name": "greet", "arguments": {"name": "Zoë"}})),
            ["prompt_use", "greet", "permitted", "success"],
        ),
        (request::stateless(12, "tools/list", json!({})), ["protocol", "", "permitted", "success"]),
        (call(13, "sleep_ms", json!({"ms": 6_000})), ["tool_execution", "sleep_ms", "permitted", "timeout"]),
        (call(14, "ask_name", json!({})), ["tool_execution", "ask_name", "permitted", "failure"]),
    ]
}

/// Event, target, decision, outcome.
fn told(record: &Value) -> [&str; 4] {
    ["event", "target", "decision", "outcome"].map(|member| record[member].as_str().unwrap_or_default())
}

fn expected() -> Vec<[&'static str; 4]> {
    cases().into_iter().map(|(_, record)| record).collect()
}

/// What is told of starts and of the first use of a credential, whose target is another each time.
fn beside(record: &Value) -> bool {
    matches!(record["event"].as_str(), Some("administration" | "authentication"))
}

/// S-90, P-20
#[tokio::test]
async fn each_call_over_http_is_recorded_once_with_what_came_of_it() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let http = fixture.listen_audited().await;
    for (message, record) in cases() {
        let answer = http.answer(&key, &message).await;
        assert!(!answer.messages().is_empty(), "{record:?}");
    }
    assert!(http.listening.stop().await.success());
    let records = fixture.records();
    let calls: Vec<_> = records.iter().filter(|record| !beside(record)).map(told).collect();
    assert_eq!(calls, expected());
    for record in records.iter().filter(|record| record["event"] != "administration") {
        assert_eq!(
            (record["subject"].as_str(), record["source"].as_str()),
            (Some("alice"), Some("127.0.0.1")),
            "{record}"
        );
    }
    let incidents = records.iter().filter(|record| record["incident"].is_string()).count();
    assert_eq!(incidents, 2, "of the two that failed inside");
    // The credential once, though it was presented with each request; start and stop.
    let others: Vec<_> =
        records.iter().filter(|record| beside(record)).map(|record| record["action"].as_str()).collect();
    assert_eq!(others, [Some("server/start"), Some("authenticate"), Some("server/stop")]);
    assert_eq!(fixture.verify().to_string(), format!("intact: {} records", records.len()));
}

/// S-90
#[tokio::test]
async fn each_call_over_standard_streams_is_recorded_once_with_what_came_of_it() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let audit = fixture.audit();
    let settings = [("MOCOPR_STATE_KEY", STATE_KEY), ("MOCOPR_AUDIT", audit.to_str().expect("it is text"))];
    let mut streams = fixture.streams_with(Some(&key), &settings);
    for (message, _) in cases() {
        streams.ask(&message, &mut Vec::new()).await;
    }
    streams.send_bytes(b"{not json}\n").await;
    assert!(within("the end", streams.end()).await.status.success());
    let records = fixture.records();
    let calls: Vec<_> = records.iter().filter(|record| !beside(record)).map(told).collect();
    let malformed = ["security_violation", "", "refused", "refused"];
    assert_eq!(calls, [expected(), vec![malformed]].concat());
    let others: Vec<_> =
        records.iter().filter(|record| beside(record)).map(|record| record["action"].as_str()).collect();
    assert_eq!(others, [Some("authenticate"), Some("server/start"), Some("server/stop")]);
}

/// S-90
#[tokio::test]
async fn each_refusal_before_a_call_is_recorded_once() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let http = fixture.listen_audited().await;
    let list = request::stateless(1, "tools/list", json!({}));
    let ask = async |bytes: Vec<u8>| Connection::open(http.listening.authority()).await.ask(bytes).await.head.status;
    assert_eq!(ask(with_fields(&[], &list)).await, 401);
    assert_eq!(ask(with_fields(&[("Authorization", "Bearer mocopr_wrong")], &list)).await, 401);
    assert_eq!(ask(request::stateless_post("evil.example.com", &list)).await, 403);
    let bearer = bearer(&key);
    assert_eq!(
        ask(with_fields(&[("Authorization", &bearer), ("Origin", "https://evil.example.com")], &list)).await,
        403
    );
    let fields = [("Host", HOST), ("Authorization", &*bearer), ("Content-Type", "application/json")];
    let accept = ("Accept", "application/json, text/event-stream");
    assert_eq!(ask(request::post(&[&fields[..], &[accept]].concat(), b"{not json}")).await, 400);
    assert!(http.listening.stop().await.success());
    let records = fixture.records();
    let refused: Vec<_> = records.iter().filter(|record| record["decision"] != "permitted").collect();
    let seen: Vec<_> = refused
        .iter()
        .map(|record| [&record["event"], &record["action"]].map(|text| text.as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        seen,
        [
            ["authentication", "authenticate"],
            ["authentication", "authenticate"],
            ["security_violation", "head"],
            ["security_violation", "head"],
            ["security_violation", "message"],
        ]
    );
    for record in refused {
        assert_eq!(record["outcome"], "refused");
        assert!(record["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{record}");
        assert_eq!(record["source"], "127.0.0.1");
    }
}

/// S-90
#[tokio::test]
async fn what_is_done_to_a_session_without_a_message_is_recorded() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let http = fixture.listen_audited().await;
    let bearer = bearer(&key);
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}});
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello});
    let fields = [("Host", HOST), ("Authorization", &*bearer), ("Content-Type", "application/json")];
    let accept = ("Accept", "application/json, text/event-stream");
    let opening = request::post(&[&fields[..], &[accept]].concat(), hello.to_string().as_bytes());
    let opened = Connection::open(http.listening.authority()).await.ask(opening).await;
    let session = opened.head.header("mcp-session-id").expect("a session is open").to_owned();
    let about = |method: &str| {
        format!(
            "{method} /mcp HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {bearer}\r\nAccept: text/event-stream\r\n\
             MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {session}\r\n\r\n"
        )
    };
    let mut stream = Connection::open(http.listening.authority()).await;
    stream.send(about("GET")).await;
    assert_eq!(stream.head().await.status, 200);
    assert_eq!(Connection::open(http.listening.authority()).await.ask(about("DELETE")).await.head.status, 204);
    assert!(http.listening.stop().await.success());
    let records = fixture.records();
    let of_session = |record: &&Value| record["action"].as_str().is_some_and(|action| action.starts_with("session/"));
    let told: Vec<_> = records.iter().filter(of_session).collect();
    let actions: Vec<_> = told.iter().map(|record| record["action"].as_str().unwrap_or_default()).collect();
    assert_eq!(actions, ["session/stream", "session/end"]);
    for record in told {
        assert_eq!((&record["event"], &record["subject"]), (&json!("protocol"), &json!("alice")));
        assert!(!record.to_string().contains(&session), "the name of a session is in no record");
    }
}

/// Remembers what the owner did.
#[derive(Debug, Default)]
struct Administered(Mutex<Vec<String>>);

impl Witness for Administered {
    fn saw(&self, happening: &Happening<'_>) {
        if happening.event == AuditEvent::Administration {
            let told = format!("{} {}", happening.action, happening.target);
            self.0.lock().expect("nobody panics").push(told);
        }
    }
}

/// S-45
#[tokio::test]
async fn other_rules_are_told_to_those_who_keep_account_of_the_server() {
    let rules = |roles: &[&'static str]| {
        let build = roles.iter().fold(RoleBasedAccessControl::builder(), |build, role| build.with_role(*role, &["*"]));
        build.build().expect("the rules are sound")
    };
    let (live, heard) = (AccessRules::new(rules(&["user"])), Arc::new(Administered::default()));
    let server = McpServer::builder().with_info("audited", "1").with_authorization(live.clone());
    let server = server.with_witness(heard.clone()).build().expect("the server is sound");
    live.replace(rules(&["user", "guest"]));
    assert_eq!(*heard.0.lock().expect("nobody panics"), ["replace_roles generation 1: guest, user"]);
    drop(server);
}

/// S-35
#[tokio::test]
async fn keys_that_come_and_go_are_told_to_those_who_keep_account_of_the_server() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let file = ApiKeyFile::at(folder.path().join("keys"));
    let now = Duration::from_secs(1_767_225_600);
    let add = || {
        let (_, key) = ApiKey::create("alice", now).expect("a key can be made");
        let id = key.id().to_owned();
        file.add(key).expect("the file takes it");
        id
    };
    let first = add();
    let keys = ApiKeys::from_file(folder.path().join("keys")).expect("the file is sound");
    let heard = Arc::new(Administered::default());
    let policy = policy().with_authenticator(keys.clone());
    let server = McpServer::builder().with_info("audited", "1").with_witness(heard.clone());
    let server = server.with_security_policy(policy).build().expect("the server is sound");
    let second = add();
    file.revoke(&first, now).expect("it is revoked");
    for _ in 0..2 {
        keys.reload().expect("the file is sound");
    }
    let told = heard.0.lock().expect("nobody panics").clone();
    assert_eq!(told, [format!("add_credential api-keys {second}"), format!("revoke_credential api-keys {first}")]);
    drop(server);
}

/// S-94, T-63
#[tokio::test]
async fn nothing_that_a_caller_writes_breaks_a_line_of_the_log() {
    let hostile = "a\r\n{\"seq\":0}\u{1b}[31m\u{2028}\u{2029}\u{85}\u{202e}\u{feff}\0b";
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let audit = fixture.audit();
    let settings = [("MOCOPR_STATE_KEY", STATE_KEY), ("MOCOPR_AUDIT", audit.to_str().expect("it is text"))];
    let mut streams = fixture.streams_with(Some(&key), &settings);
    let messages = [
        call(1, hostile, json!({})),
        request::stateless(2, "prompts/get", json!({"name": hostile})),
        request::stateless(3, "resources/read", json!({"uri": format!("notes://public/{hostile}")})),
        request::stateless(4, hostile, json!({})),
    ];
    for message in &messages {
        streams.ask(message, &mut Vec::new()).await;
    }
    assert!(within("the end", streams.end()).await.status.success());
    let log = std::fs::read_to_string(fixture.audit()).expect("there is a log");
    assert!(log.chars().all(|char| char == '\n' || (' '..='~').contains(&char)), "{log:?}");
    // Beside the four: the credential, start and stop.
    assert_eq!(log.lines().count(), messages.len() + 3);
    assert!(log.lines().any(|line| line.contains(r"a\u000d\u000a{\")), "{log}");
    assert!(fixture.verify().to_string().starts_with("intact"), "{}", fixture.verify());
}
