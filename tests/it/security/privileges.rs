//! Privileges, given up by an example before it reads anything, and told from inside.
//!
//! Only root can become another user. Where the tests run as somebody else, the example is confined to that user, and
//! becoming another one must be refused.

use std::{fs, os::unix::fs::PermissionsExt, process::Stdio};

use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use rustix::process::geteuid;
use serde_json::{Value, json};

use crate::support::{
    http::Connection,
    process::{Lined, Listening, command},
    request, within,
};

/// Whom the example is to become.
fn user() -> String {
    if geteuid().is_root() {
        return "nobody".to_owned();
    }
    eprintln!("not run as root: nothing is given up but capabilities and paths");
    let users = fs::read_to_string("/etc/passwd").expect("the system has users");
    let own = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let own = own.filter(|user| user.get(2) == Some(&geteuid().as_raw().to_string().as_str()));
    own.map(|user| user[0].to_owned()).next().expect("whoever runs the tests is a user")
}

fn id_of(user: &str) -> String {
    let users = fs::read_to_string("/etc/passwd").expect("the system has users");
    let line = users.lines().find(|line| line.starts_with(&format!("{user}:"))).expect("there is that user");
    line.split(':').nth(2).expect("it has an id").to_owned()
}

fn call(tool: &str, arguments: Value) -> Value {
    request::stateless(1, "tools/call", json!({"name": tool, "arguments": arguments}))
}

fn assert_confined(answer: &Value, user: &str) {
    let threads = answer["result"]["content"][0]["text"].as_str().expect("the threads are listed");
    let threads: Vec<_> = threads.split_terminator("\n\n").collect();
    assert!(threads.len() > 1, "there is a runtime: {answer}");
    let id = id_of(user);
    for text in threads {
        let words = |name: &str| -> Vec<&str> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel says it");
            line.split_whitespace().collect()
        };
        assert_eq!(words("Uid:"), [id.as_str(); 4]);
        assert_eq!(words("NoNewPrivs:"), ["1"]);
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(words(set), ["0000000000000000"], "{set}");
        }
        if geteuid().is_root() {
            assert_eq!(words("CapBnd:"), ["0000000000000000"]);
            assert!(!words("Groups:").contains(&"0") && !words("Gid:").contains(&"0"), "{text}");
        }
    }
}

/// S-21
#[tokio::test]
async fn every_thread_has_the_privileges_of_the_user_and_no_others() {
    let user = user();
    let mut streams = Lined::start("confined", &[&user]);
    assert_confined(&streams.ask(&call("privileges", json!({})), &mut Vec::new()).await, &user);
    let answer = streams.ask(&call("become_root", json!({})), &mut Vec::new()).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert_eq!(answer["result"]["content"][0]["text"], "not permitted");
    let ended = streams.end().await;
    assert!(ended.log.contains(&format!("privileges: those of `{user}`")), "{}", ended.log);

    // The socket was bound by whoever began.
    let http = Listening::start("confined", &[&user, "--listen", "127.0.0.1:0"]).await;
    let mut connection = Connection::open(http.authority()).await;
    let answer = connection.ask(request::stateless_post(http.authority(), &call("privileges", json!({})))).await;
    assert_confined(&answer.json(), &user);
    assert!(http.stop().await.success());
}

/// S-21
#[tokio::test]
async fn a_process_opens_what_is_named_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["read", "written", "other"] {
        fs::write(named(name), "").unwrap();
        fs::set_permissions(named(name), fs::Permissions::from_mode(0o666)).unwrap();
    }
    let user = user();
    let mut streams = Lined::start("confined", &[&user, "--read", &named("read"), "--write", &named("written")]);
    if !has_landlock() {
        let ended = streams.end().await;
        assert!(!ended.status.success() && ended.log.contains("Landlock"), "{}", ended.log);
        return eprintln!("this kernel has no Landlock: naming paths is refused");
    }
    for (name, write, opens) in [
        ("read", false, true),
        ("read", true, false),
        ("written", false, true),
        ("written", true, true),
        ("other", false, false),
        ("other", true, false),
    ] {
        let open = call("open", json!({"path": named(name), "write": write}));
        let answer = streams.ask(&open, &mut Vec::new()).await;
        assert_eq!(answer["result"]["content"][0]["text"] == "opened", opens, "{name} {write}: {answer}");
    }
    let answer = streams.ask(&call("open", json!({"path": "/etc/passwd", "write": false})), &mut Vec::new()).await;
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let log = streams.end().await.log;
    assert!(log.contains("files of the process: 1 to read, 1 to write"), "{log}");
}

/// S-21
#[tokio::test]
async fn what_cannot_be_given_up_stops_the_start_before_anything_is_read() {
    let as_somebody = |arguments: &[&str]| {
        let mut command = command("confined", arguments);
        if geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        command
    };
    let refused = [
        (command("confined", &["no-such-user"]), "there is no user"),
        (command("confined", &["root"]), "is root"),
        (command("confined", &[&user(), "--read", "/no/such/path"]), "cannot be found"),
        // Whoever is neither root nor that user cannot become it.
        (as_somebody(&["daemon"]), "cannot become `daemon`"),
    ];
    for (mut command, why) in refused {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the example starts");
        // The input stays open: a server that had begun would wait for it.
        let _input = child.stdin.take();
        let output = within("the example's end", child.wait_with_output()).await.expect("it ends");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty() && log.contains(why), "{why}: {log}");
    }
}

/// S-21
#[test]
fn a_server_is_not_built_in_a_process_that_is_not_confined() {
    // The tests run in many threads, so nobody can have confined this process.
    let server = mocopr::McpServer::builder().with_info("a", "1").with_privilege_dropping("daemon").build();
    let error = server.expect_err("the process is not confined");
    let [problem] = error.problems() else { panic!("{error}") };
    assert!(problem.what().contains("is not confined to `daemon`"), "{problem}");
    assert!(problem.mend().contains("mocopr::process::confine(\"daemon\") first thing"), "{problem}");
}

fn has_landlock() -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    rules.handle_access(AccessFs::ReadFile).and_then(Ruleset::create).is_ok()
}
