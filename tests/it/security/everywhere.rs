//! One policy on every transport: the same requests get the same answers over HTTP, HTTPS, WebSocket with and without
//! TLS, a Unix socket, standard streams and a pipe, and inside of an application of another maker.

use mocopr::{
    McpServer, Revision,
    prelude::*,
    security::{Principal, RoleBasedAccessControl},
    testing::{TestAnswer, TestClient, TestError},
};
use serde_json::{Value, json};

use super::{
    fixture::{Fixture, without_incidents},
    guarded::{HOST, policy, with_fields},
};
use crate::support::{hosted::Hosted, http::Connection, request};

/// What is asked: permitted, refused, hidden, unknown and malformed things of every kind.
fn requests() -> Vec<(&'static str, Value)> {
    let call = |name: &str, arguments: Value| ("tools/call", json!({"name": name, "arguments": arguments}));
    let read = |uri: &str| ("resources/read", json!({"uri": uri}));
    let complete = |reference: Value, argument: &str| {
        ("completion/complete", json!({"ref": reference, "argument": {"name": argument, "value": "w"}}))
    };
    vec![
        ("server/discover", json!({})),
        ("tools/list", json!({})),
        ("prompts/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("tools/list", json!({"cursor": "AAAA"})),
        call("echo", json!({"text": "hello"})),
        call("echo", json!({"text": 7})),
        call("echo", json!({"text": "hello", "more": 1})),
        call("echo", json!({})),
        call("add", json!({"a": 1, "b": 2})),
        call("admin_reset", json!({})),
        call("write_note", json!({"user": "a", "id": "b", "text": "c"})),
        call("greet_role", json!({})),
        call("unknown", json!({})),
        call("", json!({})),
        call("fail_secret", json!({})),
        call("bad_output", json!({})),
        call("use_handle", json!({"handle": "AAAA"})),
        read("notes://public/welcome"),
        read("notes://public/nothing"),
        read("notes://public/../public/welcome"),
        read("secret://vault"),
        read("secret://nothing"),
        read("not a uri"),
        ("prompts/get", json!({"name": "greet", "arguments": {"name": "Ann"}})),
        ("prompts/get", json!({"name": "greet"})),
        ("prompts/get", json!({"name": "nothing"})),
        complete(json!({"type": "ref/resource", "uri": "notes://{user}/{id}"}), "id"),
        complete(json!({"type": "ref/prompt", "name": "nothing"}), "name"),
        ("nothing/at_all", json!({})),
    ]
}

/// S-01, P-21, P-53, P-80
#[tokio::test]
async fn every_transport_decides_alike() {
    for (subject, roles) in
        [("alice", &["user"][..]), ("root", &["admin", "user"]), ("robot", &["service"]), ("nobody", &[])]
    {
        let fixture = Fixture::new();
        let key = fixture.key(subject, roles, &[]);
        let mut streams = fixture.streams(Some(&key));
        let http = fixture.listen().await;
        let https = fixture.listen_securely().await;
        let mut socket = http.open_socket(&key).await;
        let mut secure_socket = https.open_socket(&key).await;
        let local = fixture.listen_locally().await;
        let mounted = fixture.listen_with(&[("MOCOPR_TRANSPORT", "axum")]).await;
        for (number, (method, params)) in requests().into_iter().enumerate() {
            let message = request::stateless(i64::try_from(number).expect("it is small"), method, params);
            let over_http = http.ask(&key, &message).await;
            let over_streams = streams.ask(&message, &mut Vec::new()).await;
            assert_eq!(without_incidents(&over_http), without_incidents(&over_streams), "{subject}: {message}");
            let over_https = https.ask(&key, &message).await;
            assert_eq!(without_incidents(&over_http), without_incidents(&over_https), "{subject}: {message}");
            let over_axum = mounted.ask(&key, &message).await;
            assert_eq!(without_incidents(&over_http), without_incidents(&over_axum), "{subject}: {message}");
            let over_unix = local.ask(&key, &message).await;
            assert_eq!(without_incidents(&over_http), without_incidents(&over_unix), "{subject}: {message}");
            let by_http2 = https.ask_by_http2(&key, &message).await;
            assert_eq!(without_incidents(&over_http), without_incidents(&by_http2), "{subject}: {message}");
            let by_socket = socket.ask(&message).await;
            assert_eq!(without_incidents(&over_http), without_incidents(&by_socket), "{subject}: {message}");
            let by_secure_socket = secure_socket.ask(&message).await;
            assert_eq!(without_incidents(&over_http), without_incidents(&by_secure_socket), "{subject}: {message}");
        }
    }
}

struct Shop;

#[handlers]
impl Shop {
    #[tool]
    async fn look(&self) -> &'static str {
        "looked"
    }

    #[tool(requires(role = "owner"))]
    async fn close(&self) -> &'static str {
        "closed"
    }

    #[tool(requires(scope = "shop:buy"))]
    async fn buy(&self, item: String) -> String {
        item
    }
}

/// S-01
#[tokio::test]
async fn a_pipe_and_http_decide_alike() {
    let rules = RoleBasedAccessControl::builder()
        .with_role("guest", &["tools:call:look", "tools:call:buy", "tools:read:close"])
        .with_role("owner", &["*"])
        .build()
        .expect("the rules are sound");
    let server = McpServer::builder()
        .with_info("shop", "1.0.0")
        .with_handlers(Shop)
        .with_authorization(rules)
        .with_security_policy(policy().with_authorization_enabled(true))
        .build()
        .expect("the server is sound");
    let mut piped = Vec::new();
    for role in ["guest", "owner", "nobody"] {
        let who = Principal::named("alice").with_role(role);
        let client = TestClient::as_principal_in(&server, who, Revision::NEWEST_STATELESS).await;
        piped.push((role, client.expect("everybody may discover")));
    }
    let hosted = Hosted::start(server).await;
    for (role, client) in &mut piped {
        for tool in ["look", "close", "buy", "nothing"] {
            let params = json!({"name": tool, "arguments": {"item": "x"}});
            let message = request::stateless(1, "tools/call", params.clone());
            let fields = [("Authorization", &*format!("Bearer alice.{role}"))];
            let answer = Connection::open(hosted.authority()).await.ask(with_fields(&fields, &message)).await.json();
            let over_pipe = client.request("tools/call", params).await;
            assert_eq!(outcome(&answer), told(over_pipe), "{role} {tool}");
        }
    }
    assert_eq!(HOST, "mcp.example.com");
}

/// What came of a call: its text, or the code of its error.
fn outcome(answer: &Value) -> Result<String, i64> {
    match answer["error"]["code"].as_i64() {
        Some(code) => Err(code),
        None => Ok(answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()),
    }
}

fn told(answer: Result<TestAnswer, TestError>) -> Result<String, i64> {
    match answer {
        Ok(answer) => Ok(answer.text().to_owned()),
        Err(TestError::Refused { code, .. }) => Err(code),
        Err(other) => panic!("{other}"),
    }
}
