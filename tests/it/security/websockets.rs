//! WebSocket under the strict policy: who may open one, what ends it, and what a peer cannot do with it.

use std::time::Duration;

use mocopr::{
    AuthMethod, HttpConfig, McpServer, WebSocketConfig,
    prelude::*,
    security::{Limits, RateLimit},
};
use serde_json::{Value, json};

use super::guarded::{Guarded, HOST, ISSUER, bearer, policy};
use crate::support::{
    hosted::Hosted,
    http::Connection,
    process::Listening,
    request,
    websocket::{Sent, Socket, frame, handshake},
    within,
};

/// Says what it hears.
#[tool]
async fn echo(text: String) -> String {
    text
}

/// Never answers.
#[tool]
async fn wait() -> String {
    std::future::pending().await
}

/// Answers when it has been told to, or after a moment.
#[tool]
async fn linger() -> &'static str {
    tokio::time::sleep(Duration::from_millis(300)).await;
    "done"
}

/// More than any buffer holds.
#[tool]
async fn much() -> String {
    "x".repeat(1_000_000)
}

#[data]
struct Named {
    name: String,
}

/// Asks for a name.
#[tool]
async fn greet(ctx: &Context) -> Result<String, Failure> {
    let named: Named = ctx.elicit("Who are you?").await?;
    Ok(format!("Hello {}", named.name))
}

async fn start(config: WebSocketConfig, limits: Limits) -> Guarded {
    let with =
        |builder: mocopr::ServerBuilder| builder.with_tool(echo).with_tool(wait).with_tool(much).with_tool(greet);
    Guarded::listen(config.into(), policy().with_limits(limits), with).await
}

async fn usual() -> Guarded {
    start(WebSocketConfig::loopback(0), Limits::strict()).await
}

async fn open(guarded: &Guarded, token: &str) -> Socket {
    Socket::open(guarded.connect().await, HOST, &[("Authorization", &bearer(token))]).await
}

fn call(id: i64, tool: &str, arguments: Value) -> Value {
    request::stateless(id, "tools/call", json!({"name": tool, "arguments": arguments}))
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_default()
}

/// S-15, S-16, P-02, T-02, T-47
#[tokio::test]
async fn handshakes_are_refused_before_the_switch_and_like_requests_of_http() {
    let guarded = usual().await;
    let alice = ("Authorization", "Bearer alice");
    for (fields, status) in [
        (&[][..], 401),
        (&[("Authorization", "Bearer x")], 401),
        (&[("Authorization", "Basic YTpi")], 401),
        (&[("Cookie", "token=alice")], 401),
        (&[("X-API-Key", "keyless")], 401),
        (&[alice, ("Origin", "https://evil.example")], 403),
        (&[alice, ("Origin", "null")], 403),
        (&[alice, ("Origin", "https://mcp.example.com.evil.example")], 403),
        (&[alice, ("Origin", "https://evilmcp.example.com")], 403),
        (&[alice, ("Origin", "http://mcp.example.com")], 403),
        (&[alice, ("Origin", "https://mcp.example.com:8443")], 403),
        (&[alice, ("X-Forwarded-For", "10.0.0.1")], 400),
        (&[alice, ("Host", "evil.example")], 403),
        (&[alice, ("Host", "127.0.0.1")], 403),
    ] {
        let mut at_ws = guarded.connect().await;
        let refused = at_ws.ask(handshake(HOST, fields)).await;
        assert_eq!(refused.head.status, status, "{fields:?}");
        // The same request for the other endpoint is told the same.
        let line = handshake(HOST, fields);
        let at_mcp = String::from_utf8(line).expect("it is text").replacen("/ws", "/mcp", 1);
        let alike = guarded.connect().await.ask(at_mcp).await;
        assert_eq!((alike.head.status, alike.text()), (status, refused.text()), "{fields:?}");
        assert_eq!(alike.head.header("www-authenticate"), refused.head.header("www-authenticate"), "{fields:?}");
        assert!(at_ws.is_closed().await, "{fields:?}");
    }
}

/// S-16, P-02
#[tokio::test]
async fn handshakes_that_are_not_as_they_have_to_be_are_refused() {
    let guarded = usual().await;
    let alice = ("Authorization", "Bearer alice");
    for (field, status) in [
        (("Upgrade", ""), 426),
        (("Connection", "keep-alive"), 426),
        (("Sec-WebSocket-Version", "8"), 426),
        (("Sec-WebSocket-Key", "c2hvcnQ="), 400),
        (("Sec-WebSocket-Protocol", ""), 400),
        (("Sec-WebSocket-Protocol", "chat"), 400),
        (("Content-Length", "2"), 400),
    ] {
        let refused = guarded.connect().await.ask(handshake(HOST, &[alice, field])).await;
        assert_eq!(refused.head.status, status, "{field:?}");
        if status == 426 {
            assert_eq!(refused.head.header("sec-websocket-version"), Some("13"), "{field:?}");
            assert_eq!(refused.head.header("upgrade"), Some("websocket"), "{field:?}");
        }
    }
    let good = String::from_utf8(handshake(HOST, &[alice])).expect("it is text");
    for (target, status) in [("/ws?access_token=alice", 400), ("/ws/", 404), ("/WS", 404), ("/w", 404)] {
        let refused = guarded.connect().await.ask(good.replacen("/ws", target, 1)).await;
        assert_eq!(refused.head.status, status, "{target}");
    }
    let posted = guarded.connect().await.ask(good.replacen("GET", "PUT", 1)).await;
    assert_eq!((posted.head.status, posted.head.header("allow")), (405, Some("GET")));
    // A listener that was not given WebSocket has no such place.
    let without = Guarded::start(policy(), |builder| builder.with_tool(echo)).await;
    assert_eq!(without.connect().await.ask(good).await.head.status, 404);
}

/// S-15
#[tokio::test]
async fn origins_that_are_listed_for_websocket_may_open_one_and_no_others() {
    let config = WebSocketConfig::loopback(0).with_origin_validation(&["https://app.example.com"]);
    let guarded = start(config, Limits::strict()).await;
    let with = async |origin: &str| {
        let fields = [("Authorization", "Bearer alice"), ("Origin", origin)];
        Socket::try_open(guarded.connect().await, HOST, &fields).await.map_err(|head| head.status).err()
    };
    for (origin, refused) in [
        ("https://app.example.com", None),
        ("https://app.example.com:443", None),
        ("https://mcp.example.com", Some(403)),
        ("https://app.example.com.evil.example", Some(403)),
        ("http://app.example.com", Some(403)),
        ("null", Some(403)),
    ] {
        assert_eq!(with(origin).await, refused, "{origin}");
    }
    open(&guarded, "alice").await;
}

/// S-03, S-15, S-16
#[test]
fn what_contradicts_itself_is_said_before_anything_listens() {
    let server = |policy| McpServer::builder().with_info("a", "1").with_security_policy(policy).build().unwrap();
    let strict = server(policy());
    let loopback = || WebSocketConfig::loopback(0).with_tls_required(false);
    assert_eq!(strict.check(&HttpConfig::from(loopback())), []);
    for config in [
        loopback().with_origin_validation(&["https://app.example.com/path"]),
        loopback().with_origin_validation(&["*"]),
        loopback().with_auth(AuthMethod::Certificate),
        WebSocketConfig::beside(HttpConfig::loopback(0).with_tls_required(false).with_path("/ws")),
        WebSocketConfig::loopback(0),
    ] {
        let config = HttpConfig::from(config);
        assert_eq!(strict.check(&config).len(), 1, "{config:?}");
    }
    let open = server(SecurityPolicy::development());
    assert_eq!(open.check(&HttpConfig::from(loopback().with_auth(AuthMethod::Bearer))).len(), 1);
}

/// S-20, P-80
#[tokio::test]
async fn a_principal_that_speaks_too_often_is_told_when_to_come_back() {
    let config = WebSocketConfig::loopback(0).with_rate_limiting(RateLimit::per_minute(2).with_burst(2));
    let guarded = start(config, Limits::strict()).await;
    let (mut one, mut two) = (open(&guarded, "alice").await, open(&guarded, "alice").await);
    assert_eq!(text(&one.ask(&call(1, "echo", json!({"text": "a"}))).await), "a");
    assert_eq!(text(&two.ask(&call(1, "echo", json!({"text": "b"}))).await), "b");
    let refused = one.ask(&call(2, "echo", json!({"text": "c"}))).await;
    assert_eq!(refused["error"]["code"], 1429);
    assert!(refused["error"]["data"]["retryAfterMs"].as_u64().is_some_and(|wait| wait > 0), "{refused}");
    let mut bob = open(&guarded, "bob").await;
    assert_eq!(text(&bob.ask(&call(1, "echo", json!({"text": "d"}))).await), "d");
    // What is no message counts as one.
    assert_eq!(bob.ask(&json!([])).await["error"]["code"], -32600);
    assert_eq!(bob.ask(&json!([])).await["error"]["code"], 1429);
    assert_eq!(bob.ask(&call(2, "echo", json!({"text": "e"}))).await["error"]["code"], 1429);
}

/// S-80, P-53
#[tokio::test]
async fn a_socket_is_closed_when_what_opened_it_means_nothing_any_longer() {
    let guarded = usual().await;
    let mut alice = open(&guarded, "alice").await;
    let mut carol = open(&guarded, "carol.1").await;
    let mut bob = open(&guarded, "bob").await;
    alice.send(&call(1, "wait", json!({}))).await;
    guarded.revocations.revoke_principal(ISSUER, "alice");
    guarded.revocations.revoke_credential(ISSUER, "carol.1");
    let closed = async { (alice.closed().await, carol.closed().await) };
    let codes = tokio::time::timeout(Duration::from_secs(5), closed).await.expect("both are closed");
    assert_eq!(codes, (Some(1008), Some(1008)));
    assert_eq!(text(&bob.ask(&call(1, "echo", json!({"text": "b"}))).await), "b");
    let again = Socket::try_open(guarded.connect().await, HOST, &[("Authorization", "Bearer alice")]).await;
    assert_eq!(again.map(drop).map_err(|head| head.status), Err(401));
}

/// S-70, T-13
#[tokio::test]
async fn a_principal_has_so_many_sockets_and_others_have_theirs() {
    let limits = Limits { streams_per_principal: std::num::NonZeroUsize::MIN, ..Limits::strict() };
    let guarded = start(WebSocketConfig::loopback(0), limits).await;
    let mut first = open(&guarded, "alice").await;
    let more = Socket::try_open(guarded.connect().await, HOST, &[("Authorization", "Bearer alice")]).await;
    let head = more.map(drop).expect_err("there is one already");
    assert_eq!((head.status, head.header("retry-after")), (503, Some("1")));
    open(&guarded, "bob").await;
    // Given back when it ends.
    first.send_bytes(frame(0x88, b"\x03\xE8")).await;
    assert_eq!(first.closed().await, Some(1000));
    within("a place", async {
        let try_again =
            async || Socket::try_open(guarded.connect().await, HOST, &[("Authorization", "Bearer alice")]).await;
        while try_again().await.is_err() {}
    })
    .await;
}

/// T-64, T-13
#[tokio::test]
async fn a_peer_that_does_not_read_is_cut_off() {
    let limits = Limits {
        streams_per_principal: std::num::NonZeroUsize::MIN,
        write_stall: Duration::from_millis(300),
        ..Limits::strict()
    };
    let guarded = start(WebSocketConfig::loopback(0), limits).await;
    let mut deaf = open(&guarded, "alice").await;
    for id in 0..100 {
        if !deaf.try_send_bytes(frame(0x81, call(id, "much", json!({})).to_string().as_bytes())).await {
            break;
        }
    }
    within("its place", async {
        let again =
            async || Socket::try_open(guarded.connect().await, HOST, &[("Authorization", "Bearer alice")]).await;
        while again().await.is_err() {}
    })
    .await;
}

/// P-53, P-02
#[tokio::test]
async fn what_is_no_message_is_answered_and_what_is_no_frame_ends_the_connection() {
    let guarded = usual().await;
    let mut socket = open(&guarded, "alice").await;
    for (payload, code) in [(&b"{"[..], -32700), (b"", -32700), (b"{\"a\":1,\"a\":1}", -32600), (b"[]", -32600)] {
        socket.send_bytes(frame(0x81, payload)).await;
        let answer = socket.message().await;
        assert_eq!((&answer["error"]["code"], answer.get("id")), (&json!(code), None), "{payload:?}");
    }
    assert_eq!(text(&socket.ask(&call(1, "echo", json!({"text": "still here"}))).await), "still here");
    socket.send_bytes(frame(0x89, b"are you there")).await;
    assert_eq!(socket.next().await, Sent::Pong(b"are you there".to_vec()));
    let long = format!("{}1", " ".repeat(4 * 1024 * 1024));
    for (bytes, code) in [
        (frame(0x82, b"{}"), 1003),
        (frame(0x81, b"\xFF"), 1007),
        (frame(0xC1, b"{}"), 1002),
        (frame(0x83, b"{}"), 1002),
        (b"\x81\x02{}".to_vec(), 1002),
        (frame(0x81, long.as_bytes())[..14].to_vec(), 1009),
        (frame(0x88, b"\x0B\xB8bye"), 3000),
    ] {
        let mut socket = open(&guarded, "alice").await;
        // What stands behind it is never executed.
        let behind = frame(0x81, call(1, "echo", json!({"text": "x"})).to_string().as_bytes());
        socket.send_bytes([bytes.clone(), behind].concat()).await;
        let Sent::Close(told) = socket.next().await else { panic!("no close for {bytes:x?}") };
        assert_eq!(told, Some(code), "{bytes:x?}");
        assert_eq!(socket.next().await, Sent::End);
    }
}

/// P-53
#[tokio::test]
async fn a_call_can_be_cancelled_and_its_id_is_its_own_meanwhile() {
    let guarded = usual().await;
    let mut socket = open(&guarded, "alice").await;
    socket.send(&call(7, "wait", json!({}))).await;
    let twice = socket.ask(&call(7, "echo", json!({"text": "x"}))).await;
    assert_eq!(twice["error"]["code"], -32600);
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
    socket.send(&cancel).await;
    within("the id to be free", async {
        while socket.ask(&call(7, "echo", json!({"text": "x"}))).await.get("error").is_some() {}
    })
    .await;
}

/// P-53
#[tokio::test]
async fn a_session_is_bound_to_its_socket_and_asks_over_it() {
    let guarded = usual().await;
    let mut socket = open(&guarded, "alice").await;
    let hello = socket.ask(&request::initialize(0, "2025-11-25", json!({"elicitation": {}}))).await;
    assert_eq!(hello["result"]["protocolVersion"], "2025-11-25");
    socket.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    socket.send(&request::stateful(1, "tools/call", json!({"name": "greet", "arguments": {}}))).await;
    let question = socket.message().await;
    assert_eq!(question["method"], "elicitation/create");
    let answer = json!({"action": "accept", "content": {"name": "Ann"}});
    socket.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": answer})).await;
    let greeted = socket.message().await;
    assert_eq!((&greeted["id"], text(&greeted)), (&json!(1), "Hello Ann"));
    let again = socket.ask(&request::initialize(2, "2025-11-25", json!({}))).await;
    assert_eq!(again["error"]["code"], -32600);
    // On another socket of the same principal there is none.
    let mut other = open(&guarded, "alice").await;
    let list = other.ask(&request::stateful(1, "tools/list", json!({}))).await;
    assert!(list.get("error").is_some(), "{list}");
}

/// P-53
#[tokio::test]
async fn a_server_that_stops_finishes_what_runs_and_says_goodbye() {
    let server = McpServer::builder().with_info("a", "1").with_tool(linger).with_tool(echo);
    let server = server.with_security_policy(SecurityPolicy::development()).build().expect("the server is sound");
    let hosted = Hosted::start_with(server, WebSocketConfig::loopback(0).into()).await;
    let host = hosted.authority().to_owned();
    let mut socket = Socket::open(Connection::open(&host).await, &host, &[]).await;
    socket.send(&call(1, "linger", json!({}))).await;
    // Once another call is answered the first is under way.
    assert_eq!(text(&socket.ask(&call(2, "echo", json!({"text": "x"}))).await), "x");
    let listen = request::stateless(3, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    socket.send(&listen).await;
    assert_eq!(socket.message().await["method"], "notifications/subscriptions/acknowledged");
    let (told, ()) = tokio::join!(
        async {
            let mut told = Vec::new();
            loop {
                match socket.next().await {
                    Sent::Text(message) => told.push(message),
                    Sent::Close(code) => return (told, code),
                    other => panic!("{other:?}"),
                }
            }
        },
        hosted.stop()
    );
    let (told, code) = told;
    assert_eq!(code, Some(1001));
    assert!(told.iter().any(|message| message.contains("done")), "{told:?}");
}

/// The example that shows how it is done does it.
#[tokio::test]
async fn the_example_counts_down_over_websocket() {
    let example = Listening::start("websocket", &[]).await;
    let host = example.authority();
    let mut socket = Socket::open(Connection::open(host).await, host, &[]).await;
    let mut message = call(1, "count_down", json!({"from": 3}));
    message["params"]["_meta"]["progressToken"] = json!("steps");
    let mut others = Vec::new();
    assert_eq!(text(&socket.ask_with(&message, &mut others).await), "lift-off");
    assert!(others.iter().all(|other| other["method"] == "notifications/progress"), "{others:?}");
    assert!(!others.is_empty());
    socket.send_bytes(frame(0x88, b"")).await;
    assert_eq!(socket.closed().await, None);
}
