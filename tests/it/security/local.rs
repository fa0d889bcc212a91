//! Unix sockets: who calls is what the system says of the other end, on this listener and on no other.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use mocopr::{
    Guarded, HttpConfig, Listen, McpServer, UnixConfig,
    audit::AuditLogger,
    auth::LocalUsers,
    prelude::*,
    security::{RateLimit, RateLimitPolicy, Secret},
};
use rustix::process::{getegid, geteuid};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::UnixStream, sync::oneshot, task::JoinHandle};

use super::{
    fixture::STATE_KEY,
    guarded::{HOST, Names, bearer, policy},
};
use crate::support::{
    http::{Answer, Connection},
    process::{Listening, command},
    request, within,
};

#[tool]
async fn whoami(caller: Caller) -> String {
    let roles: Vec<&str> = caller.roles().collect();
    format!("{} {}", caller.subject(), roles.join(" "))
}

fn me() -> u32 {
    geteuid().as_raw()
}

/// A folder of the test's own, and where a socket is to be in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let path = folder.path().join("mcp.sock");
    (folder, path)
}

/// The strict policy, for a server that has nothing but its socket.
fn alone(users: LocalUsers) -> SecurityPolicy {
    SecurityPolicy::strict()
        .with_authorization_enabled(false)
        .with_rate_limiting(RateLimitPolicy::unlimited())
        .with_local_users(users)
}

fn server(policy: SecurityPolicy) -> McpServer<Guarded> {
    let builder = McpServer::builder().with_info("local", "1.0.0").with_tool(whoami);
    builder.with_security_policy(policy).build().expect("the server is sound")
}

/// A server that listens until it is stopped or dropped.
struct Local {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<mocopr::Result<()>>,
}

impl Local {
    async fn start(server: McpServer<Guarded>, listen: impl Into<Listen>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, ready) = oneshot::channel();
        let server = server.with_shutdown(async move { stopped.await.unwrap_or_default() });
        let server = server.on_ready(move || tell.send(()).expect("the test waits"));
        let serving = tokio::spawn(server.run(listen));
        within("the server", ready).await.expect("the server listens");
        Self { stop, serving }
    }

    async fn stop(self) {
        drop(self.stop);
        within("the server's end", self.serving).await.expect("it does not panic").expect("it ends well");
    }
}

async fn connect(path: &Path) -> Connection {
    Connection::over(within("a connection", UnixStream::connect(path)).await.expect("the server listens")).watched()
}

fn call(tool: &str, arguments: Value) -> Value {
    request::stateless(1, "tools/call", json!({"name": tool, "arguments": arguments}))
}

/// A call of that tool by `localhost`, with these header fields more.
fn by_localhost(fields: &[(&str, &str)], message: &Value) -> Vec<u8> {
    let bytes = String::from_utf8(request::stateless_post("localhost", message)).expect("it is text");
    let more: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    bytes.replacen("\r\nHost:", &format!("\r\n{more}Host:"), 1).into_bytes()
}

async fn ask(path: &Path, fields: &[(&str, &str)]) -> Answer {
    connect(path).await.ask(by_localhost(fields, &call("whoami", json!({})))).await
}

fn text(answer: &Answer) -> String {
    let answer = answer.json();
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}")).to_owned()
}

/// P-21
#[tokio::test]
async fn a_caller_is_the_user_that_the_system_says_in_the_roles_that_were_given() {
    let (_folder, path) = place();
    let users = LocalUsers::only_me(["owner"]).with_group(getegid().as_raw(), ["reader"]);
    let local = Local::start(server(alone(users)), UnixConfig::new(&path)).await;
    assert_eq!(text(&ask(&path, &[]).await), format!("uid:{} owner reader", me()));
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, 0o600);
    local.stop().await;
    assert!(!path.exists(), "the socket is removed at the end");
}

/// P-21, S-30
#[tokio::test]
async fn a_user_who_is_not_named_needs_a_credential_and_one_that_does_not_hold_proves_nobody() {
    let (_folder, path) = place();
    let policy = alone(LocalUsers::new().with_user(me() + 1, ["owner"])).with_authenticator(Names);
    let local = Local::start(server(policy), UnixConfig::new(&path)).await;
    // Before its body is read: none comes.
    let mut connection = connect(&path).await;
    let fields = [("Host", "localhost"), ("Content-Type", "application/json"), ("Accept", "application/json")];
    let head: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    connection.send(format!("POST /mcp HTTP/1.1\r\n{head}Content-Length: 100\r\n\r\n")).await;
    let refused = connection.answer().await;
    assert_eq!(refused.head.status, 401);
    assert!(!refused.text().contains("uid"), "{}", refused.text());
    assert_eq!(ask(&path, &[("Authorization", "Bearer xyz")]).await.head.status, 401);
    assert_eq!(text(&ask(&path, &[("Authorization", &bearer("alice.editor"))]).await), "alice editor");
    local.stop().await;
}

/// P-21
#[tokio::test]
async fn who_is_at_a_unix_socket_counts_there_alone() {
    let (_folder, path) = place();
    let (tell, address) = oneshot::channel();
    let http = HttpConfig::loopback(0).with_tls_required(false);
    let http = http.on_ready(move |address| tell.send(address).expect("the test waits"));
    let listen = Listen::unix(UnixConfig::new(&path)).and(http);
    let local = Local::start(server(policy().with_local_users(LocalUsers::only_me(["owner"]))), listen).await;
    let address = within("the address", address).await.expect("it listens").to_string();
    let over_tcp = request::stateless_post(HOST, &call("whoami", json!({})));
    assert_eq!(Connection::open(&address).await.ask(over_tcp).await.head.status, 401);
    assert_eq!(text(&ask(&path, &[]).await), format!("uid:{} owner", me()));
    // Beside a credential it is not who calls.
    assert_eq!(text(&ask(&path, &[("Authorization", &bearer("alice"))]).await), "alice ");
    local.stop().await;
}

/// P-21, S-03
#[tokio::test]
async fn a_server_whose_callers_nobody_knows_does_not_start() {
    let (_folder, path) = place();
    let strict = || SecurityPolicy::strict().with_authorization_enabled(false);
    for policy in [strict(), strict().with_local_users(LocalUsers::new())] {
        let server = server(policy);
        let [problem] = &server.check(&UnixConfig::new(&path))[..] else { panic!("one problem") };
        assert!(problem.mend().contains("LocalUsers::only_me"), "{problem}");
        let error = server.run(UnixConfig::new(&path)).await.expect_err("it does not start");
        assert_eq!(error.problems().len(), 1);
        assert!(!path.exists());
    }
    let sound = server(strict().with_local_users(LocalUsers::only_me(["owner"])));
    assert_eq!(sound.check(&UnixConfig::new(&path)), []);
    // To TCP it says nothing of who calls.
    let http = sound.check(&HttpConfig::loopback(0).with_tls_required(false));
    assert!(http.iter().any(|problem| problem.what().contains("nobody can say whom a credential proves")), "{http:?}");
    assert_eq!(sound.check(&UnixConfig::new("mcp.sock")).len(), 1, "a relative path");
    let twice = Listen::unix(UnixConfig::new(&path)).and(UnixConfig::new(&path));
    assert!(sound.check(&twice)[0].what().contains("is given twice"));
    let report = sound.security_report_with(&UnixConfig::new(&path).with_group(7)).to_string();
    assert!(report.contains(&format!("uid:{} (owner)", me())), "{report}");
    assert!(report.contains(&format!("{}, for its owner and the group 7", path.display())), "{report}");
}

/// P-21
#[tokio::test]
async fn a_socket_in_use_and_a_folder_of_everybody_keep_a_server_from_starting() {
    let (folder, path) = place();
    let start = || server(alone(LocalUsers::only_me(["owner"]))).run(UnixConfig::new(&path));
    let local = Local::start(server(alone(LocalUsers::only_me(["owner"]))), UnixConfig::new(&path)).await;
    let error = start().await.expect_err("another one listens there");
    assert!(error.to_string().contains("a server listens at"), "{error}");
    assert_eq!(ask(&path, &[]).await.head.status, 200, "and goes on");
    local.stop().await;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).expect("it is the test's own");
    let error = start().await.expect_err("others can write there");
    assert!(error.to_string().contains("others can put a socket"), "{error}");
}

/// P-21, S-70
#[tokio::test]
async fn the_rate_of_an_address_is_that_of_a_user() {
    let (_folder, path) = place();
    let rates =
        RateLimitPolicy { address: Some(RateLimit::per_minute(60).with_burst(2)), ..RateLimitPolicy::unlimited() };
    let policy = alone(LocalUsers::only_me(["owner"])).with_rate_limiting(rates);
    let local = Local::start(server(policy), UnixConfig::new(&path)).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(ask(&path, &[]).await.head.status);
    }
    assert_eq!(statuses, [200, 200, 429], "each on a connection of its own");
    local.stop().await;
}

/// P-21, S-90
#[tokio::test]
async fn the_audit_log_says_which_user_called() {
    let (folder, path) = place();
    let log = folder.path().join("audit.jsonl");
    let builder = McpServer::builder().with_info("local", "1.0.0").with_tool(whoami);
    let builder = builder
        .with_state_key(Secret::new(STATE_KEY.to_owned()))
        .with_audit(AuditLogger::builder().with_file(log.to_str().expect("it is text")).build());
    let server = builder.with_security_policy(alone(LocalUsers::only_me(["owner"]))).build().expect("it is sound");
    let local = Local::start(server, UnixConfig::new(&path)).await;
    let mut connection = connect(&path).await;
    for _ in 0..2 {
        connection.ask(by_localhost(&[], &call("whoami", json!({})))).await;
    }
    let page = ask(&path, &[("Origin", "http://localhost")]).await;
    assert_eq!(page.head.status, 403);
    local.stop().await;
    let log = fs::read_to_string(&log).expect("there is a log");
    let records: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("each is JSON")).collect();
    let of = |event: &str| records.iter().filter(|record| record["event"] == event).collect::<Vec<_>>();
    let user = format!("uid:{}", me());
    let calls = of("tool_execution");
    assert_eq!(calls.len(), 2, "{log}");
    for record in calls {
        assert_eq!((&record["source"], &record["subject"]), (&json!(user), &json!(user)), "{record}");
        assert_eq!((&record["issuer"], &record["method"]), (&json!("unix"), &json!("unix")), "{record}");
    }
    assert_eq!(of("authentication").len(), 1, "once for a connection: {log}");
    assert_eq!(of("security_violation")[0]["source"], json!(user), "{log}");
}

/// P-21, S-31
#[tokio::test]
async fn a_user_is_revoked_as_everybody_is() {
    let (_folder, path) = place();
    let server = server(alone(LocalUsers::only_me(["owner"])));
    let revocations = server.revocations();
    let local = Local::start(server, UnixConfig::new(&path)).await;
    assert_eq!(ask(&path, &[]).await.head.status, 200);
    revocations.revoke_principal("unix", &format!("uid:{}", me()));
    assert_eq!(ask(&path, &[]).await.head.status, 401);
    local.stop().await;
}

/// P-21
///
/// Only root can be two users.
#[tokio::test]
async fn root_is_refused_where_nobody_has_named_it() {
    if !geteuid().is_root() {
        return eprintln!("not run as root: there is no second user");
    }
    let (folder, path) = place();
    std::os::unix::fs::chown(folder.path(), Some(OTHER), Some(OTHER)).expect("root may");
    let mut example = command("local_socket", &[path.to_str().expect("it is text")]);
    example.uid(OTHER).gid(OTHER);
    let server = Listening::spawn(example).await;
    assert_eq!(fs::metadata(&path).expect("it is there").uid(), OTHER);
    // Root opens every socket, but nobody has named it.
    assert_eq!(ask(&path, &[]).await.head.status, 401);
    assert!(server.stop().await.success());

    let mut example = command("local_socket", &[path.to_str().expect("it is text"), "0"]);
    example.uid(OTHER).gid(OTHER);
    let failed = example.output().await.expect("it ends");
    let log = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && log.contains("cannot be given to the group 0"), "{log}");
    assert!(!path.exists());
}

/// P-21
#[tokio::test]
async fn the_example_opens_its_socket_to_a_group_and_serves_its_owner() {
    let (_folder, path) = place();
    let group = getegid().as_raw().to_string();
    let server = Listening::start("local_socket", &[path.to_str().expect("it is text"), &group]).await;
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, 0o660);
    let mut connection = connect(&path).await;
    let written = connection.ask(by_localhost(&[], &call("write", json!({"line": "hello"})))).await;
    assert_eq!(text(&written), "1 lines");
    let read = connection.ask(by_localhost(&[], &call("read", json!({})))).await;
    assert_eq!(text(&read), format!("uid:{}: hello", me()));
    assert!(server.stop().await.success());
    assert!(!path.exists());
}

/// A user and a group that no other test has; nobody needs to have a name for them.
const OTHER: u32 = 54_321;
