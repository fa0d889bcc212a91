//! The kill switch: within a second only the tools that stay are there, whoever turned it, and nobody can tell the
//! others from tools that never were.

use std::{
    fs,
    future::pending,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mocopr::{
    McpServer,
    audit::{AuditEvent, Happening, Witness},
    prelude::*,
    security::{KillSwitch, KillSwitchBuilder},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::guarded::{Guarded, bearer, policy, with_fields};
use crate::support::{http::Connection, piped::Piped, request, within};

/// Repeats a text.
#[tool]
async fn echo(text: String) -> String {
    text
}

/// Adds two numbers.
#[tool]
async fn add(a: f64, b: f64) -> f64 {
    a + b
}

/// Never answers.
#[tool]
async fn wait() -> String {
    pending().await
}

/// Never answers, and stays.
#[tool]
async fn watch() -> String {
    pending().await
}

/// A greeting.
#[prompt]
async fn greet() -> String {
    "hello".to_owned()
}

/// A note.
#[resource("notes://one")]
async fn note() -> String {
    "one".to_owned()
}

fn switch() -> KillSwitchBuilder {
    KillSwitch::builder().keeping(&["echo", "watch"])
}

async fn start(switch: KillSwitchBuilder) -> Guarded {
    Guarded::start(policy(), |builder| {
        let builder = builder.with_tool(echo).with_tool(add).with_tool(wait).with_tool(watch);
        builder.with_prompt(greet).with_resource(note).with_kill_switch(switch.build())
    })
    .await
}

/// The answer to a message of alice.
async fn ask(guarded: &Guarded, method: &str, params: Value) -> (u16, Value) {
    let answer = guarded.ask(&[("Authorization", "Bearer alice")], &request::stateless(1, method, params)).await;
    (answer.head.status, answer.json())
}

async fn call(guarded: &Guarded, tool: &str, arguments: Value) -> (u16, Value) {
    ask(guarded, "tools/call", json!({"name": tool, "arguments": arguments})).await
}

async fn tools(guarded: &Guarded) -> Vec<String> {
    names(&ask(guarded, "tools/list", json!({})).await.1)
}

fn names(list: &Value) -> Vec<String> {
    let tools = list["result"]["tools"].as_array().unwrap_or_else(|| panic!("{list}"));
    tools.iter().map(|tool| tool["name"].as_str().expect("a tool has a name").to_owned()).collect()
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder is made");
    let file = folder.path().join("stopped");
    (folder, file)
}

/// Waits until the list has so many tools; at most as long as is promised, and some for a busy machine.
async fn until(guarded: &Guarded, count: usize) {
    let begun = Instant::now();
    while tools(guarded).await.len() != count {
        assert!(begun.elapsed() < Duration::from_secs(5), "there are still not {count} tools");
        tokio::task::yield_now().await;
    }
}

/// S-79
#[tokio::test]
async fn while_tools_are_stopped_the_others_are_hidden_like_unknown_ones() {
    let guarded = start(switch()).await;
    assert_eq!(tools(&guarded).await, ["echo", "add", "wait", "watch"]);
    assert_eq!(call(&guarded, "add", json!({"a": 1, "b": 2})).await.0, 200);
    let before = call(&guarded, "nothing", json!({"a": 1, "b": 2})).await;

    guarded.switch().stop().expect("it has no file");
    assert_eq!(tools(&guarded).await, ["echo", "watch"]);
    for arguments in [json!({"a": 1, "b": 2}), json!({"a": "no number"}), json!({})] {
        assert_eq!(call(&guarded, "add", arguments).await, before, "as a tool that never was");
    }
    assert_eq!(
        call(&guarded, "echo", json!({"text": "still here"})).await.1["result"]["content"][0]["text"],
        "still here"
    );
    assert_eq!(ask(&guarded, "prompts/get", json!({"name": "greet"})).await.0, 200, "prompts stay");
    assert_eq!(ask(&guarded, "resources/read", json!({"uri": "notes://one"})).await.0, 200, "resources stay");

    guarded.switch().resume().expect("it has no file");
    assert_eq!(tools(&guarded).await, ["echo", "add", "wait", "watch"]);
    assert_eq!(call(&guarded, "add", json!({"a": 1, "b": 2})).await.0, 200);
}

/// S-79
#[tokio::test]
async fn calls_of_stopped_tools_end_within_a_second_and_those_of_others_go_on() {
    let guarded = start(switch()).await;
    let begin = async |tool: &str| {
        let message = request::stateless(1, "tools/call", json!({"name": tool, "arguments": {}}));
        let mut connection = guarded.connect().await;
        connection.send(with_fields(&[("Authorization", &bearer("alice"))], &message)).await;
        connection
    };
    let (mut stopped, mut stays) = (begin("wait").await, begin("watch").await);
    // Once another call is answered these are under way.
    assert_eq!(call(&guarded, "echo", json!({"text": "a"})).await.0, 200);
    guarded.switch().stop().expect("it has no file");
    let answer = within("the end of the call", stopped.answer()).await;
    let unknown = call(&guarded, "nothing", json!({})).await;
    assert_eq!((answer.head.status, answer.json()), unknown, "as a tool that never was");
    // A look at every call under way is over by then.
    assert!(tokio::time::timeout(Duration::from_secs(1), stays.answer()).await.is_err(), "this one is still at work");
}

/// S-79
#[tokio::test]
async fn whoever_listens_is_told_when_tools_stop_and_when_they_are_back() {
    let guarded = start(switch()).await;
    let message = request::stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut stream: Connection = guarded.connect().await;
    stream.send(with_fields(&[("Authorization", "Bearer alice")], &message)).await;
    assert!(stream.head().await.is_event_stream());
    assert!(stream.event().await.is_some(), "the acknowledgement");
    let told = async |stream: &mut Connection| {
        let event = within("the notification", stream.event()).await.expect("the stream is open");
        assert_eq!(event.json()["method"], "notifications/tools/list_changed");
    };
    guarded.switch().stop().expect("it has no file");
    told(&mut stream).await;
    guarded.switch().resume().expect("it has no file");
    told(&mut stream).await;
}

/// S-79
#[tokio::test]
async fn a_file_stops_tools_while_it_is_there() {
    let (_folder, file) = folder();
    let guarded = start(switch().with_file(&file)).await;
    assert_eq!(tools(&guarded).await.len(), 4);
    fs::write(&file, "").expect("the file is made");
    until(&guarded, 2).await;
    fs::remove_file(&file).expect("the file is removed");
    until(&guarded, 4).await;
}

/// S-79
#[tokio::test]
async fn what_was_stopped_by_a_method_is_stopped_after_a_restart() {
    let (_folder, file) = folder();
    let first = start(switch().with_file(&file)).await;
    first.switch().stop().expect("the file is made");
    drop(first);
    let second = start(switch().with_file(&file)).await;
    assert_eq!(tools(&second).await, ["echo", "watch"]);
    second.switch().resume().expect("the file is removed");
    assert_eq!(tools(&second).await.len(), 4);
    assert!(!file.exists());
}

/// S-79
#[test]
fn a_switch_whose_file_others_could_make_keeps_a_server_from_starting() {
    let build = |file: &Path| {
        let switch = KillSwitch::builder().with_file(file).build();
        McpServer::builder().with_info("a", "1").with_kill_switch(switch).build().map(drop)
    };
    let problem = build(Path::new("/absent/stopped")).expect_err("there is no such folder");
    assert!(problem.to_string().contains("/absent"), "{problem}");
    let (_folder, file) = folder();
    std::os::unix::fs::symlink("/etc/hostname", &file).expect("a link is made");
    assert!(build(&file).is_err(), "a link");
}

/// S-79
#[tokio::test]
async fn a_pipe_and_its_lists_that_were_encoded_before_follow_the_switch() {
    let server = McpServer::builder().with_info("a", "1").with_tool(echo).with_tool(add);
    let server = server.with_kill_switch(switch().build()).build().expect("the server is sound");
    let mut client = Piped::open(&server);
    let mut list = async || {
        client.send(&request::stateless(1, "tools/list", json!({}))).await;
        names(&client.message().await)
    };
    let switch = server.kill_switch().expect("it has one");
    assert_eq!(list().await, ["echo", "add"]);
    switch.stop().expect("it has no file");
    assert_eq!(list().await, ["echo"]);
    switch.resume().expect("it has no file");
    assert_eq!(list().await, ["echo", "add"]);
}

/// Remembers what was done to the server, and to what.
#[derive(Debug, Default)]
struct Administered(Mutex<Vec<(String, String)>>);

impl Witness for Administered {
    fn saw(&self, happening: &Happening<'_>) {
        if happening.event == AuditEvent::Administration {
            let mut seen = self.0.lock().expect("nobody panics");
            seen.push((happening.action.to_owned(), happening.target.to_owned()));
        }
    }
}

/// S-79
#[test]
fn each_turn_is_told_once_to_those_who_keep_account() {
    let (_folder, file) = folder();
    let told = Arc::new(Administered::default());
    let build = || {
        let server = McpServer::builder().with_info("a", "1").with_witness(told.clone());
        server.with_kill_switch(switch().with_file(&file).build()).build().expect("the server is sound")
    };
    let server = build();
    let switch = server.kill_switch().expect("it has one");
    for _ in 0..2 {
        switch.stop().expect("the file is made");
    }
    let again = build();
    assert!(again.kill_switch().expect("it has one").is_stopped());
    for _ in 0..2 {
        switch.resume().expect("the file is removed");
    }
    let pair = |action: &str, by: &str| (action.to_owned(), by.to_owned());
    let expected = [pair("stop_tools", "method"), pair("stop_tools", "file"), pair("resume_tools", "method")];
    assert_eq!(*told.0.lock().expect("nobody panics"), expected);
}

/// S-79
#[test]
fn a_server_without_a_switch_has_none() {
    let server = McpServer::builder().with_info("a", "1").build().expect("the server is sound");
    assert!(server.kill_switch().is_none());
}
