//! The `everything` example in every revision and over every transport: whatever it says, the official schema of the
//! revision defines it.
//!
//! Each conversation lists what there is, uses all of it, and asks for what there is not. Questions of the server are
//! answered as a client would.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{
    http::Connection,
    process::{self, Lined, Listening},
    recorder::Recorder,
    request::{initialize, stateful, stateful_post, stateless, stateless_post},
    within,
};

const STATELESS: &str = "2026-07-28";

#[tokio::test]
async fn lines_of_2024_11_05_are_of_their_revision() {
    lines_of("2024-11-05").await;
}

#[tokio::test]
async fn lines_of_2025_03_26_are_of_their_revision() {
    lines_of("2025-03-26").await;
}

#[tokio::test]
async fn lines_of_2025_06_18_are_of_their_revision() {
    lines_of("2025-06-18").await;
}

#[tokio::test]
async fn lines_of_2025_11_25_are_of_their_revision() {
    lines_of("2025-11-25").await;
}

#[tokio::test]
async fn lines_of_2026_07_28_are_of_their_revision() {
    lines_of(STATELESS).await;
}

#[tokio::test]
async fn posts_of_2024_11_05_are_of_their_revision() {
    posts_of("2024-11-05").await;
}

#[tokio::test]
async fn posts_of_2025_03_26_are_of_their_revision() {
    posts_of("2025-03-26").await;
}

#[tokio::test]
async fn posts_of_2025_06_18_are_of_their_revision() {
    posts_of("2025-06-18").await;
}

#[tokio::test]
async fn posts_of_2025_11_25_are_of_their_revision() {
    posts_of("2025-11-25").await;
}

#[tokio::test]
async fn posts_of_2026_07_28_are_of_their_revision() {
    posts_of(STATELESS).await;
}

async fn lines_of(revision: &str) {
    let mut lines = Lines::open(revision);
    let mut heard = Heard::default();
    if revision != STATELESS {
        let hello = lines.ask(initialize(0, revision, capabilities())).await;
        assert_eq!(hello["result"]["protocolVersion"], revision);
        lines.server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    }
    for (number, (method, params)) in everything(revision).into_iter().enumerate() {
        let answer = lines.ask(request(revision, number + 1, method, params.clone())).await;
        heard.note(method, &params, answer);
    }
    heard.judge(revision, &lines.asked);
    lines.end().await;
}

async fn posts_of(revision: &str) {
    let server = Listening::start("everything", &[]).await;
    let mut posts = Posts::new(&server, revision);
    let mut heard = Heard::default();
    if revision != STATELESS {
        let hello = posts.ask(&initialize(0, revision, capabilities())).await;
        assert_eq!(hello["result"]["protocolVersion"], revision);
        posts.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    }
    for (number, (method, params)) in everything(revision).into_iter().enumerate() {
        let answer = posts.ask(&request(revision, number + 1, method, params.clone())).await;
        heard.note(method, &params, answer);
    }
    heard.judge(revision, &posts.asked);
    posts.end();
    assert!(server.stop().await.success());
}

fn request(revision: &str, id: usize, method: &str, params: Value) -> Value {
    if revision == STATELESS { stateless(id, method, with_capabilities(params)) } else { stateful(id, method, params) }
}

/// What was answered, for what a schema cannot judge: what a revision says by a number, and what it leaves unsaid.
#[derive(Default)]
struct Heard(Vec<(String, Value)>);

impl Heard {
    fn note(&mut self, method: &str, params: &Value, answer: Value) {
        let about = params["name"].as_str().or_else(|| params["uri"].as_str()).unwrap_or(method);
        self.0.push((about.to_owned(), answer));
    }

    fn of(&self, about: &str) -> &Value {
        let (_, answer) = self.0.iter().find(|(is, _)| is == about).unwrap_or_else(|| panic!("nothing of {about}"));
        answer
    }

    fn judge(&self, revision: &str, asked: &[String]) {
        let absent = if revision < STATELESS { -32002 } else { -32602 };
        assert_eq!(self.of("test://absent")["error"]["code"], absent);
        assert_eq!(self.of("no_such_tool")["error"]["code"], -32602);
        assert_eq!(self.of("no/such/method")["error"]["code"], -32601);
        // Arguments that break a schema are for the model to mend, from 2025-11-25.
        let wrong = self.of("test_custom_header");
        if revision < "2025-11-25" {
            assert_eq!(wrong["error"]["code"], -32602, "{wrong}");
        } else {
            assert_eq!(wrong["result"]["isError"], true, "{wrong}");
        }
        let pinged = self.of("ping");
        assert_eq!(pinged.get("result").is_some(), revision < STATELESS, "{pinged}");
        let sound = &self.of("test_audio_content")["result"]["content"][0]["type"];
        assert_eq!(sound, if revision < "2025-03-26" { "text" } else { "audio" });
        // A question that the revision has no words for is never put, whatever the client declared.
        let elicited = asked.iter().any(|method| method == "elicitation/create");
        assert_eq!(elicited, ("2025-06-18"..STATELESS).contains(&revision), "{asked:?}");
        let asked_model = asked.iter().any(|method| method == "sampling/createMessage");
        let asked_roots = asked.iter().any(|method| method == "roots/list");
        assert_eq!((asked_model, asked_roots), (revision < STATELESS, revision < STATELESS), "{asked:?}");
        let unasked = self.of("test_elicitation_sep1330_enums");
        match revision {
            // Lists to choose from came with 2025-11-25.
            "2024-11-05" | "2025-03-26" | "2025-06-18" => assert_eq!(unasked["error"]["code"], -32021, "{unasked}"),
            _ => assert!(unasked.get("result").is_some(), "{unasked}"),
        }
        let logged = self.of("logging/setLevel");
        assert_eq!(logged.get("result").is_some(), revision < STATELESS, "{logged}");
        let completed = self.of("completion/complete");
        assert!(completed["result"]["completion"]["values"].is_array(), "{completed}");
    }
}

#[tokio::test]
async fn a_wrong_setting_stops_it_before_it_listens() {
    let mut everything = Command::new(process::example("everything"));
    let output = within("its end", everything.env("PORT", "seven").output()).await.expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    let log = String::from_utf8(output.stderr).expect("it writes UTF-8");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.starts_with("PORT: "), "{log}");
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn the_quickstart_answers_the_line_that_it_says_to_paste() {
    let mut quickstart = Lined::start("quickstart", &[]);
    let call = json!({"name": "add", "arguments": {"a": 1, "b": 2}});
    let mut others = Vec::new();
    let answer = quickstart.ask(&stateless(1, "tools/call", call), &mut others).await;
    assert_eq!(answer["result"]["content"], json!([{"type": "text", "text": "3"}]));
    assert_eq!(others, [] as [Value; 0]);
    let ended = quickstart.end().await;
    assert!(ended.status.success(), "it ends with its input");
    assert!(ended.log.contains("mcpServers"), "it says what to paste into a client's configuration");
}

#[tokio::test]
async fn the_tools_of_structs_remember_what_they_were_told() {
    let mut notes = Lined::start("derive_tool", &[]);
    let mut others = Vec::new();
    let call = |id: u8, name: &str, arguments: Value| {
        let log = json!({"io.modelcontextprotocol/logLevel": "info"});
        stateless(id, "tools/call", json!({"name": name, "arguments": arguments, "_meta": log}))
    };
    let added = notes.ask(&call(1, "add_note", json!({"text": "water the fern"})), &mut others).await;
    assert_eq!(added["result"]["content"][0]["text"], "1 notes");
    assert_eq!(others[0]["params"]["data"], "a note comes in");
    let added = notes.ask(&call(2, "add_note", json!({"text": "buy salt", "weight": 5})), &mut others).await;
    assert_eq!(added["result"]["content"][0]["text"], "2 notes");
    let heavy = notes.ask(&call(3, "add_note", json!({"text": "x", "weight": 6})), &mut others).await;
    assert_eq!(heavy["result"]["isError"], true);
    let listed = notes.ask(&call(4, "list_notes", json!({"containing": "salt"})), &mut others).await;
    let page = json!({"notes": ["buy salt (5, from local)"], "total": 2});
    assert_eq!(listed["result"]["structuredContent"], page);
    assert!(notes.end().await.status.success(), "it ends with its input");
}

/// A conversation over standard streams.
struct Lines {
    server: Lined,
    recorder: Recorder,
    /// Methods of what the server asked.
    asked: Vec<String>,
}

impl Lines {
    fn open(revision: &str) -> Self {
        let server = Lined::start("everything", &["--stdio"]);
        Self { server, recorder: Recorder::new(revision), asked: Vec::new() }
    }

    async fn ask(&mut self, request: Value) -> Value {
        self.recorder.sent(&request);
        self.server.send(&request).await;
        loop {
            let message = self.server.message().await;
            self.recorder.received(&message);
            match message.get("method").zip(message.get("id")) {
                Some((method, _)) => {
                    self.asked.extend(method.as_str().map(str::to_owned));
                    self.server.send(&reply(&message)).await;
                }
                None if message.get("id") == request.get("id") => return message,
                None => {}
            }
        }
    }

    async fn end(self) {
        assert_eq!(self.recorder.unanswered(), [""; 0]);
        assert!(self.recorder.checked() > everything(STATELESS).len());
        let ended = self.server.end().await;
        assert!(ended.status.success());
        assert_eq!(ended.rest, [""; 0], "nothing follows the last answer");
    }
}

/// A conversation over HTTP.
struct Posts<'a> {
    authority: &'a str,
    revision: &'a str,
    session: Option<String>,
    recorder: Recorder,
    /// Methods of what the server asked.
    asked: Vec<String>,
}

impl<'a> Posts<'a> {
    fn new(server: &'a Listening, revision: &'a str) -> Self {
        let recorder = Recorder::new(revision);
        Self { authority: server.authority(), revision, session: None, recorder, asked: Vec::new() }
    }

    async fn ask(&mut self, request: &Value) -> Value {
        self.recorder.sent(request);
        let mut connection = Connection::open(self.authority).await;
        connection.send(self.post(request)).await;
        let head = connection.head().await;
        if let Some(id) = head.header("mcp-session-id") {
            self.session = Some(id.to_owned());
        }
        if !head.is_event_stream() {
            let body = connection.rest().await;
            let message = serde_json::from_slice(&body).expect("the answer is JSON");
            self.recorder.received(&message);
            return message;
        }
        // A stream that the server closes early is taken up again where it was.
        let mut last = None;
        loop {
            let Some(event) = connection.event().await else {
                connection = self.resume(last.as_deref().expect("the stream can be taken up again")).await;
                continue;
            };
            last = event.id.clone().or(last);
            if event.data.is_empty() {
                // Other clients look for a message in it.
                assert_eq!((self.revision, event.retry.is_some()), ("2025-11-25", true));
                continue;
            }
            let message = event.json();
            self.recorder.received(&message);
            match message.get("method").zip(message.get("id")) {
                Some((method, _)) => {
                    self.asked.extend(method.as_str().map(str::to_owned));
                    self.tell(&reply(&message)).await;
                }
                None if message.get("id") == request.get("id") => return message,
                None => {}
            }
        }
    }

    async fn resume(&self, last: &str) -> Connection {
        let session = self.session.as_deref().expect("only sessions have streams to take up again");
        let mut connection = Connection::open(self.authority).await;
        let request = format!(
            "GET /mcp HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\nMcp-Session-Id: {session}\r\n\
             MCP-Protocol-Version: {}\r\nLast-Event-ID: {last}\r\n\r\n",
            self.authority, self.revision
        );
        connection.send(request).await;
        assert!(connection.head().await.is_event_stream());
        connection
    }

    /// Sends what has no answer.
    async fn tell(&self, message: &Value) {
        let answer = Connection::open(self.authority).await.ask(self.post(message)).await;
        assert_eq!((answer.head.status, answer.text().as_str()), (202, ""), "{message}");
    }

    fn post(&self, message: &Value) -> Vec<u8> {
        if self.revision == STATELESS {
            return stateless_post(self.authority, message);
        }
        let session = self.session.as_deref().map(|id| (id, self.revision));
        stateful_post(self.authority, session, message)
    }

    fn end(self) {
        assert_eq!(self.recorder.unanswered(), [""; 0]);
        assert!(self.recorder.checked() > everything(STATELESS).len() - 1);
    }
}

/// What the client answers to a question of the server.
fn reply(question: &Value) -> Value {
    let result = match question["method"].as_str() {
        Some("elicitation/create") => json!({"action": "decline"}),
        Some("sampling/createMessage") => {
            json!({"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m", "stopReason": "endTurn"})
        }
        Some("roots/list") => json!({"roots": [{"uri": "file:///it"}]}),
        other => panic!("the server asks for {other:?}"),
    };
    json!({"jsonrpc": "2.0", "id": question["id"], "result": result})
}

fn capabilities() -> Value {
    json!({"elicitation": {}, "sampling": {}, "roots": {}})
}

fn with_capabilities(mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities();
    params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
    params
}

/// All that there is, and some that there is not. Progress is asked for under a token of its own each time.
fn everything(revision: &str) -> Vec<(&'static str, Value)> {
    let lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];
    let mut all: Vec<_> = lists.into_iter().map(|method| (method, json!({}))).collect();
    all.extend(TOOLS.into_iter().enumerate().map(|(number, name)| {
        let meta = json!({"progressToken": format!("progress-{number}")});
        ("tools/call", json!({"name": name, "arguments": {}, "_meta": meta}))
    }));
    all.push(("tools/call", json!({"name": "test_sampling", "arguments": {"prompt": "a"}})));
    all.push(("tools/call", json!({"name": "test_elicitation", "arguments": {"message": "a"}})));
    all.push(("prompts/get", json!({"name": "test_simple_prompt"})));
    all.push(("prompts/get", json!({"name": "test_prompt_with_image"})));
    all.push(("prompts/get", json!({"name": "test_input_required_result_prompt"})));
    all.push(("prompts/get", json!({"name": "test_prompt_with_arguments", "arguments": {"arg1": "a", "arg2": "b"}})));
    all.push(("prompts/get", json!({"name": "test_prompt_with_arguments"})));
    let embedded = json!({"name": "test_prompt_with_embedded_resource", "arguments": {"resourceUri": "test://a"}});
    all.push(("prompts/get", embedded));
    for uri in ["test://static-text", "test://static-binary", "test://template/7/data", "test://absent", "not a URI"] {
        all.push(("resources/read", json!({"uri": uri})));
    }
    let reference = json!({"type": "ref/prompt", "name": "test_prompt_with_arguments"});
    let mut complete = json!({"ref": reference, "argument": {"name": "arg1", "value": "pa"}});
    if revision >= "2025-06-18" {
        complete["context"] = json!({"arguments": {"arg2": "b"}});
    }
    all.push(("completion/complete", complete));
    all.push(("logging/setLevel", json!({"level": "debug"})));
    all.push(("resources/subscribe", json!({"uri": "test://static-text"})));
    all.push(("resources/unsubscribe", json!({"uri": "test://static-text"})));
    for method in ["ping", "no/such/method", "tasks/list"] {
        all.push((method, json!({})));
    }
    all.push(("tools/call", json!({"name": "no_such_tool"})));
    all.push(("tools/call", json!({"name": 7})));
    all.push(("tools/list", json!({"cursor": "not ours"})));
    all
}

/// The tools that are called without arguments, also those that need some.
const TOOLS: [&str; 29] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_error_handling",
    "test_tool_with_progress",
    "test_tool_with_logging",
    "test_logging_tool",
    "test_custom_header",
    "test_reconnection",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
    "test_trigger_resource_update",
    "test_structured_content",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
    "test_input_required_result_capabilities",
    "test_missing_capability",
    "test_streaming_elicitation",
    "json_schema_2020_12_tool",
    "test_elicitation",
];
