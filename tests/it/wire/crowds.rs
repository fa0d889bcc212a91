//! Many at once: answers that belong to their requests, half-open connections, refusals without end, memory.

use std::{collections::HashMap, time::Duration};

use futures_util::future::join_all;
use mocopr::security::Limits;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::sample::{Gauge, items, limits, server, text, with_limits};
use crate::support::{
    PATIENCE,
    hosted::Hosted,
    http::Connection,
    process::Listening,
    recorder::Recorder,
    request::{post, stateless, stateless_post},
    talk::STATELESS,
    within,
};

fn echo(id: &Value, text: &str) -> Value {
    stateless(id.clone(), "tools/call", json!({"name": "echo", "arguments": {"text": text}}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_answers_under_the_same_few_ids_belong_to_their_requests() {
    const CONNECTIONS: usize = 64;
    const EACH: usize = 157;
    let limits = Limits { calls_per_principal: items(CONNECTIONS), ..limits() };
    let server = with_limits(&Gauge::default(), limits).build().expect("it is well made");
    let hosted = Hosted::start(server).await;
    let authority = hosted.authority();
    let first = Recorder::new(STATELESS);
    let ids = [json!(1), json!("1"), json!(0), json!("a"), json!(-1)];
    let clients = (0..CONNECTIONS).map(|client| {
        let (mut recorder, ids) = (first.beside(), &ids);
        async move {
            let mut connection = Connection::open(authority).await;
            for number in 0..EACH {
                let own = format!("client {client} number {number}");
                let message = echo(&ids[number % ids.len()], &own);
                recorder.sent(&message);
                let answer = connection.ask(stateless_post(authority, &message)).await;
                assert_eq!(answer.head.status, 200, "{}", answer.text());
                let answer = answer.json();
                recorder.received(&answer);
                assert_eq!((&answer["id"], text(&answer["result"])), (&message["id"], own.as_str()));
            }
            recorder.checked()
        }
    });
    let checked: usize = join_all(clients).await.into_iter().sum();
    assert!(checked >= 10_000, "{checked}");
}

#[tokio::test]
async fn answers_on_one_pipe_belong_to_their_requests_in_whatever_order_they_come() {
    let server = server(&Gauge::default());
    let mut pipe = crate::support::piped::Piped::open(&server);
    let mut recorder = Recorder::new(STATELESS);
    let mut texts = HashMap::new();
    for round in 0..20 {
        for number in 0..50 {
            let id = if number % 2 == 0 { json!(number) } else { json!(number.to_string()) };
            let own = format!("{round} {number}");
            let message = echo(&id, &own);
            recorder.sent(&message);
            texts.insert(id.to_string(), own);
            pipe.send(&message).await;
        }
        for _ in 0..50 {
            let answer = pipe.message().await;
            recorder.received(&answer);
            let own = texts.remove(&answer["id"].to_string()).expect("each is answered once");
            assert_eq!(text(&answer["result"]), own);
        }
    }
}

#[tokio::test]
async fn an_honest_client_is_served_beside_two_thousand_half_open_connections() {
    let count = half_open_connections();
    let limits = Limits { header_read: PATIENCE * 10, connections: items(count + 100), ..limits() };
    let server = with_limits(&Gauge::default(), limits).build().expect("it is well made");
    let hosted = Hosted::start(server).await;
    let authority = hosted.authority();
    let mut held = Vec::new();
    for number in 0..count {
        let mut stream = within("a connection", TcpStream::connect(authority)).await.expect("the server listens");
        let begun: &[u8] = match number % 3 {
            0 => b"",
            1 => b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: ",
            _ => {
                b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
            }
        };
        stream.write_all(begun).await.expect("the server reads");
        held.push(stream);
    }
    let mut recorder = Recorder::new(STATELESS);
    for number in 0..10 {
        let message = echo(&json!(number), "honest");
        recorder.sent(&message);
        let asked = async { Connection::open(authority).await.ask(stateless_post(authority, &message)).await };
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("at once, give or take");
        recorder.received(&answer.json());
        assert_eq!(text(&answer.json()["result"]), "honest");
    }
    drop(held);
}

/// 2,000, or as many as this process may open both ends of.
fn half_open_connections() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a process may open as many files as its hard limit says");
    let files = limit.maximum.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    // Other tests of this process have files open at the same time.
    let count = 2_000.min(files.saturating_sub(500) / 2);
    eprintln!("{count} half-open connections, of 2,000 that are wanted");
    count
}

#[tokio::test]
async fn a_hundred_thousand_refusals_leave_no_memory_behind() {
    let server = Listening::start("everything", &[]).await;
    let refusals = Refusals::of(server.authority());
    refusals.check().await;
    refusals.send(20_000).await;
    let before = server.resident_kib();
    refusals.send(80_000).await;
    let after = server.resident_kib();
    assert!(after.saturating_sub(before) < 4 << 10, "{before} KiB after 20,000, {after} KiB after 100,000");
    refusals.check().await;
    assert!(server.stop().await.success());
}

/// Requests that are refused.
struct Refusals<'a> {
    authority: &'a str,
    /// After which the connection stays, with the status of each.
    kept: Vec<(Vec<u8>, u16)>,
    /// After which it ends.
    closing: Vec<(Vec<u8>, u16)>,
}

impl<'a> Refusals<'a> {
    fn of(authority: &'a str) -> Self {
        let good = echo(&json!(1), "a");
        let head = [
            ("Host", authority),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", STATELESS),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "echo"),
        ];
        let with = |name: &str, value: &'static str| {
            let fields = head.map(|(is, was)| if is == name { (is, value) } else { (is, was) });
            post(&fields, good.to_string().as_bytes())
        };
        let mut foreign = vec![("Origin", "http://evil.example")];
        foreign.extend(head);
        let session = [head.as_slice(), &[("Mcp-Session-Id", "no such session")]].concat();
        let session: Vec<_> = session.into_iter().filter(|(name, _)| *name != "MCP-Protocol-Version").collect();
        Self {
            authority,
            kept: vec![
                (post(&head, b"{\"jsonrpc\":"), 400),
                (post(&head, b"[]"), 400),
                (post(&head, good.to_string().replace("echo", "ecko").as_bytes()), 400),
                (with("Mcp-Method", "tools/list"), 400),
                (with("MCP-Protocol-Version", "2099-01-01"), 400),
                (post(&session, b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"), 404),
            ],
            closing: vec![(post(&foreign, b"{}"), 403), (with("Content-Type", "text/plain"), 415)],
        }
    }

    /// Each one is refused as it should be.
    async fn check(&self) {
        for (request, status) in self.kept.iter().chain(&self.closing) {
            let answer = Connection::open(self.authority).await.ask(request).await;
            assert_eq!(answer.head.status, *status, "{}", String::from_utf8_lossy(request));
            let mut recorder = Recorder::new(STATELESS);
            recorder.sent(&json!({"id": 1, "method": "tools/call"}));
            recorder.received(&answer.json());
        }
    }

    /// Sends so many: one in a hundred ends its connection, the others go out a hundred at a time.
    async fn send(&self, count: usize) {
        const BATCH: usize = 100;
        let lanes = (0..8).map(async |lane| {
            let mut connection = Connection::open(self.authority).await;
            for round in 0..count / 8 / BATCH {
                let (request, status) = &self.kept[(lane + round) % self.kept.len()];
                connection.send(request.repeat(BATCH - 1)).await;
                for _ in 1..BATCH {
                    assert_eq!(connection.answer().await.head.status, *status);
                }
                let (request, status) = &self.closing[(lane + round) % self.closing.len()];
                assert_eq!(connection.ask(request).await.head.status, *status);
                connection = Connection::open(self.authority).await;
            }
        });
        join_all(lanes).await;
    }
}
