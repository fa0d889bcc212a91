//! A whole server in this process: bytes in, lines out.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use mocopr_core::{failure::Failure, wire::revision::Revision};
use mocopr_security::{policy::SecurityPolicy, principal::Principal};
use mocopr_server::{
    context::Context,
    registry::tool::Tool,
    server::{Guarded, McpServer},
    testing::{TestClient, TestError, pipe},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::{Builder, Runtime},
    time::timeout,
};

use crate::{
    draw::Draw,
    json::{Judged, judge},
};

/// What the handler `fail` says to the log alone.
const CAUSE: &str = "the-password-of-the-database";

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().expect("there is a runtime");
}

/// Notes of each subject.
static NOTES: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

/// A log that nobody reads, so that each incident is not a line on standard error.
static SILENCE: LazyLock<()> = LazyLock::new(|| {
    // Whoever set another one before reads that.
    let _ = tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::default());
});

fn server() -> McpServer<Guarded> {
    LazyLock::force(&SILENCE);
    let echo = Tool::new("echo").handler(async |arguments: Value| arguments.to_string());
    let fail = Tool::new("fail").handler(async |_: Value| Err::<String, Failure>(Failure::internal(CAUSE)));
    let note = Tool::new("note").input_schema(r#"{"type":"object","properties":{"text":{"type":"string"}}}"#);
    let note = note.handler_with_context(async |text: Value, context: &Context| {
        let mut notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
        let own = notes.entry(context.caller().subject().to_owned()).or_default();
        own.extend(text["text"].as_str().map(str::to_owned));
        own.join("\n")
    });
    let policy = SecurityPolicy::development().with_detailed_errors(false);
    let builder = McpServer::builder().with_info("fuzzed", "1").with_security_policy(policy);
    builder.with_tool(echo).with_tool(fail).with_tool(note).build().expect("the server is whole")
}

/// Whatever bytes a client sends over a stream, the server answers in lines of JSON-RPC, each request once, tells no
/// cause, and ends when the client does.
pub fn server_lines(data: &[u8]) {
    // Each input meets a server of its own, so that what it finds can be found again.
    RUNTIME.with(|runtime| {
        let said = runtime.block_on(async {
            let server = server();
            let (mut from, mut to) = tokio::io::split(pipe(&server));
            let sent = data.to_vec();
            let send = async move {
                // The server hangs up on what it cannot read on.
                let _ = to.write_all(&sent).await;
                let _ = to.shutdown().await;
                drop(to);
            };
            let mut said = Vec::new();
            let receive = from.read_to_end(&mut said);
            let all = async { tokio::join!(send, receive).1 };
            timeout(Duration::from_secs(20), all)
                .await
                .expect("the server ends with its client")
                .expect("the pipe is whole");
            said
        });
        assert!(!String::from_utf8_lossy(&said).contains(CAUSE));
        let requests = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        let mut answered = HashMap::new();
        let mut answers = 0;
        for line in said.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Judged::Json(message) = judge(line) else { panic!("{}", String::from_utf8_lossy(line)) };
            let all = message.as_array().cloned().unwrap_or_else(|| vec![message]);
            for message in all {
                assert_eq!(message["jsonrpc"], "2.0");
                if message.get("method").is_none() {
                    assert!(message.get("result").is_some() != message.get("error").is_some());
                    answers += 1;
                    if let Some(id) = message.get("id") {
                        *answered.entry(id.to_string()).or_insert(0) += 1;
                    }
                }
            }
        }
        // A batch, at most 50 messages, is one line.
        assert!(answers <= 50 * requests, "{answers} answers to {requests} lines");
        for (id, count) in answered {
            let asked = String::from_utf8_lossy(data).matches("\"id\"").count()
                + data.iter().filter(|byte| **byte == b'\\').count();
            assert!(count <= asked, "{count} answers to {id}");
        }
    });
}

/// What several callers write down at the same time reaches each of them alone, in every revision.
pub fn principals(data: &[u8]) {
    let mut draw = Draw::new(data);
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let server = server();
            NOTES.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let mut clients = Vec::new();
            for subject in ["alice", "bob", "carol"] {
                let revision = *draw.pick(&Revision::ALL);
                let who = Principal::named(subject);
                let client = TestClient::as_principal_in(&server, who, revision).await.expect("the revision is served");
                clients.push((subject, client, Vec::<String>::new()));
            }
            while !draw.is_empty() {
                let (subject, client, model) = &mut clients[usize::from(draw.byte()) % 3];
                match draw.byte() % 4 {
                    0 => {
                        let failed = client.call_tool("fail", json!({})).await;
                        assert!(!format!("{failed:?}").contains(CAUSE));
                    }
                    1 => {
                        let unknown = client.call_tool(&draw.text(20), json!({"text": *subject})).await;
                        assert!(unknown.is_ok() || matches!(unknown, Err(TestError::Refused { .. })), "{unknown:?}");
                        // A name that is drawn may be that of the tool.
                        let notes = NOTES.lock().unwrap_or_else(PoisonError::into_inner);
                        *model = notes.get(*subject).cloned().unwrap_or_default();
                    }
                    _ => {
                        let text = format!("{subject} {}", draw.text(20));
                        model.push(text.clone());
                        let answer = client.call_tool("note", json!({"text": text})).await.expect("it is permitted");
                        assert_eq!(answer.text(), model.join("\n"));
                    }
                }
            }
        });
    });
}
