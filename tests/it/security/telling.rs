//! The secure example says nothing of its insides, however it fails, on every transport; and stops where its settings
//! are wrong.

use serde_json::{Value, json};

use super::fixture::{Fixture, STATE_KEY};
use crate::support::{process::Lined, request, telltale::assert_tells_nothing, within};

/// Names and values of variables.
type Settings = &'static [(&'static str, &'static str)];

fn failing() -> Vec<Value> {
    let call = |name: &str, arguments: Value| {
        request::stateless(1, "tools/call", json!({"name": name, "arguments": arguments}))
    };
    vec![
        call("fail_secret", json!({})),
        call("panic_now", json!({})),
        call("bad_output", json!({})),
        call("upstream", json!({"url": "http://169.254.169.254/latest"})),
        call("upstream", json!({"url": "file:///etc/passwd"})),
        call("use_handle", json!({"handle": "x"})),
        call("typed", json!({"code": 7})),
        call("typed", json!({"place": {"x": 1, "y": "2"}, "either": []})),
        call("sleep_ms", json!({"ms": -1})),
        call("sleep_ms", json!({"ms": 1.5})),
        call("no_such_tool", json!({})),
        request::stateless(1, "resources/read", json!({"uri": "file:///etc/passwd"})),
        request::stateless(1, "resources/read", json!({"uri": "memory://../x"})),
        request::stateless(1, "prompts/get", json!({"name": "greet", "arguments": {"name": 7}})),
    ]
}

/// S-63, P-87, T-15, T-27
#[tokio::test]
async fn no_failure_tells_of_the_insides() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["admin", "user"], &[]);
    let http = fixture.listen().await;
    let mut streams = fixture.streams(Some(&key));
    for message in failing() {
        // Its connection judges all that comes.
        let answer = http.answer(&key, &message).await;
        assert!(answer.head.status < 500, "{message}: {}", answer.head.status);
        let over_streams = streams.ask(&message, &mut Vec::new()).await;
        assert_tells_nothing(over_streams.to_string().as_bytes());
    }
    assert!(http.log().contains("CANARY-SECRET-7f3a"), "the log keeps what the caller may not read");
    let still = request::stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": "here"}}));
    assert_eq!(http.ask(&key, &still).await["result"]["content"][0]["text"], "here");
}

/// S-20, P-50
#[tokio::test]
async fn what_a_handler_prints_stays_off_the_protocol() {
    let fixture = Fixture::new();
    let key = fixture.key("alice", &["user"], &[]);
    let mut streams = fixture.streams(Some(&key));
    let print = json!({"name": "print_stdout", "arguments": {"text": "{\"jsonrpc\":\"2.0\"}"}});
    let answer = streams.ask(&request::stateless(1, "tools/call", print), &mut Vec::new()).await;
    assert_eq!(answer["result"]["content"][0]["text"], "printed");
}

/// P-01, S-41
#[tokio::test]
async fn without_a_token_the_client_of_standard_streams_sees_empty_lists() {
    let fixture = Fixture::new();
    let mut streams = fixture.streams(None);
    let list = streams.ask(&request::stateless(1, "tools/list", json!({})), &mut Vec::new()).await;
    assert_eq!(list["result"]["tools"], json!([]));
    let discovered = streams.ask(&request::stateless(2, "server/discover", json!({})), &mut Vec::new()).await;
    assert_eq!(
        discovered["result"]["serverInfo"]["name"]
            .as_str()
            .or(discovered["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"].as_str()),
        Some("fixture")
    );
    let echo = json!({"name": "echo", "arguments": {"text": "x"}});
    let refused = streams.ask(&request::stateless(3, "tools/call", echo), &mut Vec::new()).await;
    assert_eq!(refused["error"]["code"], -32602);
}

const HTTP: (&str, &str) = ("MOCOPR_TRANSPORT", "http");
const BIND: (&str, &str) = ("MOCOPR_BIND", "127.0.0.1:0");

/// S-03, S-05
#[tokio::test]
async fn wrong_settings_stop_the_start_with_a_line_each() {
    let fixture = Fixture::new();
    let cases: [(Settings, &[&str]); 14] = [
        (&[], &["MOCOPR_TRANSPORT"]),
        (&[("MOCOPR_TRANSPORT", "carrier-pigeon")], &["MOCOPR_TRANSPORT"]),
        (&[("MOCOPR_TRANSPORT", "https")], &["MOCOPR_BIND", "MOCOPR_TLS_CERT", "MOCOPR_TLS_KEY"]),
        (&[("MOCOPR_TRANSPORT", "http")], &["MOCOPR_BIND"]),
        (&[HTTP, ("MOCOPR_BIND", "somewhere")], &["MOCOPR_BIND"]),
        (&[HTTP, BIND, ("MOCOPR_PUBLIC_URL", "")], &["MOCOPR_PUBLIC_URL"]),
        (&[HTTP, BIND, ("MOCOPR_PUBLIC_URL", "http://mcp.example.com/mcp")], &["MOCOPR_PUBLIC_URL"]),
        (&[HTTP, BIND, ("MOCOPR_ISSUER", "https://id.example.com")], &["MOCOPR_JWKS_URL"]),
        (&[HTTP, BIND, ("MOCOPR_STATE_KEY", "short"), ("MOCOPR_RATE", "maybe")], &["MOCOPR_STATE_KEY", "MOCOPR_RATE"]),
        (&[HTTP, BIND, ("MOCOPR_API_KEYS", "/nowhere/keys")], &["MOCOPR_API_KEYS"]),
        (&[("MOCOPR_TRANSPORT", "https"), BIND, ("MOCOPR_TLS_KEY", "y")], &["MOCOPR_TLS_CERT"]),
        (&[HTTP, BIND, ("MOCOPR_METRICS_BIND", "x")], &["MOCOPR_METRICS_BIND"]),
        (&[HTTP, BIND, ("MOCOPR_AUDIT", "x")], &["MOCOPR_AUDIT"]),
        (&[HTTP, BIND, ("MOCOPR_STATE_KEY", STATE_KEY), ("MOCOPR_AUDIT", "/nowhere/x")], &["MOCOPR_AUDIT"]),
    ];
    for (settings, named) in cases {
        let ended = within("the end", Lined::spawn(fixture.command(settings)).end()).await;
        assert_eq!(ended.status.code(), Some(2), "{settings:?}: {}", ended.log);
        for name in named {
            assert_eq!(ended.log.lines().filter(|line| line.contains(name)).count(), 1, "{settings:?}: {}", ended.log);
        }
        assert!(!ended.log.contains("listening on"));
    }
    let fixture = Fixture::new();
    fixture.key("alice", &[], &[]);
    let ended = within("the end", fixture.streams(Some("mocopr_wrong")).end()).await;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.log);
}
