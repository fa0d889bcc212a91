//! The examples as processes: what their headers say to send, and what comes back.

use std::time::{SystemTime, UNIX_EPOCH};

use mocopr::auth::{ApiKey, ApiKeyFile};
use serde_json::{Value, json};

use crate::{
    support::{
        collector::Collector,
        http::Connection,
        process::{self, Lined, Listening},
        request,
        tls::{Authority, Hello},
        within,
    },
    tidy::{root, rust_files},
};

/// The most lines of an example; a server that a test needs may be longer.
const MOST_LINES: usize = 100;

/// Servers that are there for tests, not for readers.
const FOR_TESTS: [&str; 3] = ["confined", "everything", "fixture"];

#[test]
fn every_example_is_short_and_says_how_to_run_it() {
    let mut seen = 0;
    for (path, text) in rust_files() {
        let name = path.strip_prefix("examples/").and_then(|name| name.strip_suffix(".rs"));
        let Some(name) = name.filter(|name| !FOR_TESTS.contains(name)) else { continue };
        seen += 1;
        assert!(text.lines().count() <= MOST_LINES, "{path} is longer than {MOST_LINES} lines");
        let header: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(header.concat().contains(&format!("--example {name}")), "{path} does not say how to run it");
    }
    assert!(seen > 8, "there are {seen}");
}

#[tokio::test]
async fn hello_stdio_greets() {
    let answers = pasted("hello_stdio", &[]).await;
    assert_eq!(text(&answers[0]), "Hello, Ann!");
}

#[tokio::test]
async fn typed_tools_answer_with_fields_and_with_both_kinds_of_failure() {
    let [priced, outside, unknown, broken] = pasted("typed_tools", &[]).await.try_into().expect("four lines");
    assert_eq!(priced["result"]["structuredContent"], json!({"cents": 1050, "what": "250 g of tea, fine"}));
    assert!(outside["result"]["isError"] == true && text(&outside).contains("/grams"), "{outside}");
    assert_eq!(text(&unknown), "there is tea and coffee");
    assert!(text(&broken).starts_with("internal error (incident "), "{broken}");
    assert!(!broken.to_string().contains("digit"), "{broken}");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn sandboxed_files_serve_a_directory_and_nothing_beside_it() {
    let docs = root().join("docs");
    let answers = pasted("sandboxed_files", &[docs.to_str().expect("it is text")]).await;
    let inside = answers[0]["result"]["contents"][0]["text"].as_str().expect("a file is there");
    assert!(inside.starts_with("# Policies"));
    assert!(answers[1]["error"].is_object(), "{}", answers[1]);
}

#[tokio::test]
async fn ask_user_books_what_the_user_says() {
    let mut server = Lined::start("ask_user", &[]);
    let mut call = lines("ask_user").pop().expect("its header has a line");
    let asked = server.ask(&call, &mut Vec::new()).await;
    assert_eq!(asked["result"]["resultType"], "input_required");
    let form = &asked["result"]["inputRequests"]["table"]["params"]["requestedSchema"];
    assert_eq!(form["properties"]["guests"]["maximum"], 12, "{asked}");
    call["params"]["inputResponses"]["table"] = json!({"action": "accept", "content": {"guests": 4, "window": true}});
    call["params"]["requestState"] = asked["result"]["requestState"].clone();
    call["id"] = json!(2);
    assert_eq!(text(&server.ask(&call, &mut Vec::new()).await), "a table for 4 at Luigi, by a window");
    assert!(server.end().await.status.success());
}

#[tokio::test]
async fn traced_gives_a_collector_the_span_of_a_call_and_that_of_its_handler_below_it() {
    let collector = Collector::open().await;
    let mut server = Lined::start("traced", &[&collector.url()]);
    for line in lines("traced") {
        assert_eq!(text(&server.ask(&line, &mut Vec::new()).await), "Oslo: rain, later sun");
    }
    let (spans, ended) = within("the end", async { tokio::join!(collector.posted(), server.end()) }).await;
    assert!(ended.status.success(), "{}", ended.log);
    let [looking, call] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((call.name(), call.parent()), ("tools/call forecast", "00f067aa0ba902b7"));
    assert_eq!((looking.name(), looking.parent(), looking.trace()), ("look up", call.id(), call.trace()));
}

#[tokio::test]
async fn rbac_shows_each_role_what_it_grants() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let file = folder.path().join("keys");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let keys = ["reader", "editor", "owner", "nobody"].map(|role| {
        let (secret, key) = ApiKey::create("ann", now).expect("a key can be made");
        ApiKeyFile::at(&file).add(key.with_role(role)).expect("the file takes it");
        (role, secret.expose().clone())
    });
    let server = Listening::start("rbac", &[file.to_str().expect("it is text")]).await;
    let mut connection = Connection::open(server.authority()).await;
    for (role, key) in keys {
        let list = authorized("X-API-Key", &key, &request::stateless(1, "tools/list", json!({})));
        let answer = connection.ask(list).await.json();
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{role}: {answer}"));
        let names: Vec<_> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
        let expected: &[&str] = match role {
            "reader" => &["read"],
            "editor" => &["read", "write"],
            "owner" => &["read", "write", "wipe"],
            _ => &[],
        };
        assert_eq!(names, expected, "{role}");
    }
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn https_jwt_answers_whoever_brings_its_token() {
    let authority = Authority::new();
    let files = authority.server("server", &["localhost"]);
    let path = |path: &std::path::Path| path.to_str().expect("it is text").to_owned();
    let server = Listening::start("https_jwt", &[&path(&files.chain), &path(&files.key)]).await;
    let token = server.log();
    let token = token.lines().find_map(|line| line.strip_prefix("token ")).expect("it prints one");
    let stream = authority.connect(server.authority(), "localhost", &Hello::default()).await.expect("a handshake");
    let mut connection = Connection::over(stream);
    let call = |name: &str| request::stateless(1, "tools/call", json!({"name": name, "arguments": {}}));
    let answer = connection.ask(authorized("Authorization", &format!("Bearer {token}"), &call("whoami"))).await;
    assert_eq!(text(&answer.json()), "alice, with the roles [\"user\"]");
    let refused = connection.ask(authorized("Authorization", &format!("Bearer {token}"), &call("delete"))).await;
    assert_eq!(refused.head.status, 403);
    let challenge = refused.head.header("www-authenticate").expect("it says what is missing");
    assert!(challenge.contains("all:delete"), "{challenge}");
    // Nobody listens to the log: who called it by a name that is not its own is told why, once.
    for _ in 0..2 {
        let message = call("whoami").to_string();
        let fields = [("Host", "127.0.0.1"), ("Content-Type", "application/json"), ("Accept", "application/json")];
        assert_eq!(connection.ask(request::post(&fields, message.as_bytes())).await.head.status, 403);
        let stream = authority.connect(server.authority(), "localhost", &Hello::default()).await.expect("a handshake");
        connection = Connection::over(stream);
    }
    server.logs("SecurityPolicy::with_public_url would allow it").await;
    assert_eq!(server.log().matches("a request was refused").count(), 1);
    // Nor is it told why its credential is not taken; the owner is, once.
    for _ in 0..2 {
        let nobody = connection.ask(authorized("Authorization", &format!("Bearer x{token}"), &call("whoami"))).await;
        assert_eq!(nobody.head.status, 401);
        let stream = authority.connect(server.authority(), "localhost", &Hello::default()).await.expect("a handshake");
        connection = Connection::over(stream);
    }
    server.logs("a credential was not taken: ").await;
    assert_eq!(server.log().matches("a credential was not taken").count(), 1);
    assert!(!server.log().contains(&format!("x{token}")), "nothing of the credential is said");
    assert!(server.stop().await.success());
}

/// Starts an example, sends the lines of its header, and returns an answer for each.
async fn pasted(example: &str, arguments: &[&str]) -> Vec<Value> {
    let mut server = Lined::spawn(process::command(example, arguments));
    let mut answers = Vec::new();
    for line in lines(example) {
        answers.push(server.ask(&line, &mut Vec::new()).await);
    }
    assert!(server.end().await.status.success());
    assert!(!answers.is_empty(), "the header of {example} has no line to paste");
    answers
}

/// The messages in the header of an example.
fn lines(example: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(root().join(format!("examples/{example}.rs"))).expect("the example is there");
    let lines = text.lines().filter_map(|line| line.strip_prefix("//! ")).filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).expect("a line to paste is JSON")).collect()
}

/// The text of a tool's answer.
fn text(answer: &Value) -> String {
    let text = answer["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text: {answer}")).to_owned()
}

/// The request of 2026-07-28 that carries a message and this header, to the host that the examples are called by.
fn authorized(header: &str, value: &str, message: &Value) -> Vec<u8> {
    let host = if header == "X-API-Key" { "mcp.example.com" } else { "localhost:8443" };
    let request = String::from_utf8(request::stateless_post(host, message)).expect("it is text");
    let (line, rest) = request.split_once("\r\n").expect("it has a first line");
    format!("{line}\r\n{header}: {value}\r\n{rest}").into_bytes()
}
