//! The head of a request: who may be called by which name, from which page, with what, for what. Statuses are those of
//! the error table, and every answer carries the security headers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mocopr::security::Limits;
use serde_json::json;

use super::sample::{Gauge, limits, server, with_limits};
use crate::support::{
    hosted::Hosted,
    http::{Answer, Connection},
    recorder::Recorder,
    request::{post, request, stateless},
    talk::STATELESS,
};

/// A client that writes its head by hand.
struct Client {
    authority: String,
    recorder: Recorder,
}

impl Client {
    async fn start() -> (Hosted, Self) {
        let hosted = Hosted::start(server(&Gauge::default())).await;
        let client = Self { authority: hosted.authority().to_owned(), recorder: Recorder::new(STATELESS) };
        (hosted, client)
    }

    /// Header fields of a good request for a list.
    fn good(&self) -> Vec<(String, String)> {
        [
            ("Host", self.authority.as_str()),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", STATELESS),
            ("Mcp-Method", "tools/list"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The good fields without those of some names, and with others.
    fn but(&self, without: &[&str], with: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.good();
        fields.retain(|(name, _)| !without.contains(&name.as_str()));
        fields.extend(with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields
    }

    async fn list(&mut self, fields: &[(String, String)]) -> Answer {
        self.send("POST /mcp HTTP/1.1", fields, &stateless(1, "tools/list", json!({})).to_string()).await
    }

    async fn send(&mut self, line: &str, fields: &[(String, String)], body: &str) -> Answer {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = Connection::open(&self.authority).await.ask(request(line, &fields, body.as_bytes())).await;
        assert_secured(&answer);
        for message in answer.messages() {
            let mut recorder = self.recorder.beside();
            if message.get("id").is_some() {
                let method = serde_json::from_str::<serde_json::Value>(body).expect("the body is JSON");
                recorder.sent(&method);
            }
            recorder.received(&message);
        }
        answer
    }

    /// Status, and the code where there is one.
    async fn verdict(&mut self, fields: &[(String, String)]) -> (u16, Option<i64>) {
        verdict(&self.list(fields).await)
    }
}

fn verdict(answer: &Answer) -> (u16, Option<i64>) {
    let code = answer.messages().first().and_then(|message| message["error"]["code"].as_i64());
    (answer.head.status, code)
}

/// The headers that every answer has, with their exact values.
fn assert_secured(answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-xss-protection", "0"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.head.header(name), Some(value), "{:?}", answer.head);
    }
    assert_eq!(answer.head.header("strict-transport-security"), None, "it means nothing without TLS");
    assert_eq!(answer.head.header("server"), None);
    let allows = answer.head.headers.iter().any(|(name, _)| name.starts_with("access-control-"));
    assert!(!allows, "no page of another origin may read an answer");
}

#[tokio::test]
async fn a_good_request_is_answered_with_the_security_headers() {
    let (_hosted, mut client) = Client::start().await;
    assert_eq!(client.verdict(&client.good()).await, (200, None));
}

#[tokio::test]
async fn a_host_that_is_missing_doubled_or_foreign_is_refused() {
    let (_hosted, mut client) = Client::start().await;
    let port = client.authority.split_once(':').expect("it has a port").1.to_owned();
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        (format!("LOCALHOST:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        (format!("[::1]:{port}"), 200),
        ("localhost".to_owned(), 200),
        ("evil.example".to_owned(), 403),
        (format!("evil.example:{port}"), 403),
        (format!("localhost.evil.example:{port}"), 403),
        (format!("evil-localhost:{port}"), 403),
        (format!("localhost.:{port}"), 400),
        (format!("127.0.0.1.nip.io:{port}"), 403),
        (format!("127.1:{port}"), 403),
        (format!("2130706433:{port}"), 403),
        (format!("0.0.0.0:{port}"), 403),
        (String::new(), 400),
        (format!("user@localhost:{port}"), 400),
        ("localhost:x".to_owned(), 400),
        ("localhost:99999".to_owned(), 400),
        (format!("localhost:{port}, localhost:{port}"), 400),
        (format!("localhost:{port}/mcp"), 400),
    ] {
        let answer = client.list(&client.but(&["Host"], &[("Host", &host)])).await;
        assert_eq!(answer.head.status, status, "{host:?}: {}", answer.text());
        assert!(status == 200 || host.is_empty() || !answer.text().contains(&host), "the host is not repeated");
    }
    assert_eq!(client.list(&client.but(&["Host"], &[])).await.head.status, 400, "none");
    let authority = client.authority.clone();
    for second in [authority.as_str(), "evil.example"] {
        assert_eq!(client.list(&client.but(&[], &[("Host", second)])).await.head.status, 400, "a second, {second}");
    }
}

#[tokio::test]
async fn a_target_that_names_another_host_than_the_header_is_refused() {
    let (_hosted, mut client) = Client::start().await;
    let body = stateless(1, "tools/list", json!({})).to_string();
    let own = client.authority.clone();
    for (target, statuses) in [
        (format!("http://{own}/mcp"), [200].as_slice()),
        ("http://evil.example/mcp".to_owned(), &[400, 403]),
        ("http://localhost/mcp".to_owned(), &[400, 403]),
        (format!("https://{own}/mcp"), &[200]),
        (format!("ftp://{own}/mcp"), &[400]),
        (format!("http://user@{own}/mcp"), &[400]),
        ("//evil.example/mcp".to_owned(), &[404]),
    ] {
        let answer = client.send(&format!("POST {target} HTTP/1.1"), &client.good(), &body).await;
        assert!(statuses.contains(&answer.head.status), "{target}: {}", answer.head.status);
    }
    let fields = client.but(&["Host"], &[("Host", "evil.example")]);
    let answer = client.send("POST http://evil.example/mcp HTTP/1.1", &fields, &body).await;
    assert_eq!(answer.head.status, 403, "both agree, and are foreign");
}

#[tokio::test]
async fn an_origin_that_is_not_of_this_machine_is_refused() {
    let (_hosted, mut client) = Client::start().await;
    let own = client.authority.clone();
    for origin in [format!("http://{own}"), "http://localhost:3000".to_owned(), "https://localhost".to_owned()] {
        assert_eq!(client.verdict(&client.but(&[], &[("Origin", &origin)])).await, (200, None), "{origin}");
    }
    for origin in [
        "null",
        "",
        "http://evil.example",
        "https://evil.example",
        "http://localhost.evil.example",
        "http://evil.example#localhost",
        "http://evil.example/localhost",
        "http://localhost@evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost, http://evil.example",
        "file://",
        "chrome-extension://localhost",
        "localhost",
        "http://localhost/",
        "HTTP://LOCALHOST/x",
    ] {
        let answer = client.list(&client.but(&[], &[("Origin", origin)])).await;
        assert_eq!(verdict(&answer), (403, Some(1403)), "{origin:?}");
        assert!(origin.is_empty() || origin == "null" || !answer.text().contains(origin));
    }
    let own = format!("http://{own}");
    let two = client.but(&[], &[("Origin", &own), ("Origin", &own)]);
    assert_eq!(client.verdict(&two).await, (403, Some(1403)));
    // Every method is guarded, and every path.
    for line in ["GET /mcp HTTP/1.1", "DELETE /mcp HTTP/1.1", "OPTIONS /mcp HTTP/1.1", "GET /other HTTP/1.1"] {
        let answer = client.send(line, &client.but(&[], &[("Origin", "http://evil.example")]), "").await;
        assert_eq!(answer.head.status, 403, "{line}");
    }
}

#[tokio::test]
async fn only_json_is_taken_for_a_message() {
    let (_hosted, mut client) = Client::start().await;
    for good in [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; charset=\"UTF-8\"",
    ] {
        let fields = client.but(&["Content-Type"], &[("Content-Type", good)]);
        assert_eq!(client.verdict(&fields).await, (200, None), "{good}");
    }
    for wrong in [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/json-rpc",
        "application/vnd.api+json",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; a=b",
        "text/plain; application/json",
        "application/json, text/plain",
        "text/plain, application/json",
        "",
    ] {
        let fields = client.but(&["Content-Type"], &[("Content-Type", wrong)]);
        assert_eq!(client.verdict(&fields).await, (415, Some(-32600)), "{wrong:?}");
    }
    assert_eq!(client.verdict(&client.but(&["Content-Type"], &[])).await, (415, Some(-32600)), "none");
    let two = client.but(&[], &[("Content-Type", "application/json")]);
    assert_eq!(client.verdict(&two).await, (415, Some(-32600)), "two");
}

#[tokio::test]
async fn a_client_that_takes_no_form_of_an_answer_is_refused() {
    let (_hosted, mut client) = Client::start().await;
    for accept in ["text/html", "application/xml, text/plain", "application/json;q=0", "json", "text/*;q=0, a/b"] {
        let fields = client.but(&["Accept"], &[("Accept", accept)]);
        assert_eq!(client.verdict(&fields).await, (406, Some(-32600)), "{accept}");
    }
    for accept in ["*/*", "application/*", "application/json", "text/event-stream", "text/event-stream, */*;q=0.1"] {
        let answer = client.list(&client.but(&["Accept"], &[("Accept", accept)])).await;
        assert_eq!(verdict(&answer), (200, None), "{accept}");
        assert_eq!(answer.head.is_event_stream(), accept.starts_with("text/event-stream"), "{accept}");
    }
    assert_eq!(client.verdict(&client.but(&["Accept"], &[])).await, (200, None), "none is everything");
}

#[tokio::test]
async fn the_stream_of_a_session_is_for_clients_that_take_event_streams() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let talk = crate::support::talk::Talk::stateful(hosted.authority()).await;
    for (accept, status) in
        [("application/json", 406), ("text/html", 406), ("text/event-stream;q=0, */*", 406), ("*/*", 200)]
    {
        let get = talk.get(None).replace("text/event-stream", accept);
        let mut connection = Connection::open(hosted.authority()).await;
        connection.send(get).await;
        assert_eq!(connection.head().await.status, status, "{accept}");
    }
}

#[tokio::test]
async fn headers_of_an_unexpected_proxy_are_refused() {
    let (_hosted, mut client) = Client::start().await;
    for name in
        ["X-Forwarded-For", "x-forwarded-host", "X-FORWARDED-PROTO", "X-Forwarded-Port", "Forwarded", "X-Real-IP"]
    {
        assert_eq!(client.verdict(&client.but(&[], &[(name, "127.0.0.1")])).await, (400, Some(-32600)), "{name}");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_told_so() {
    let (_hosted, mut client) = Client::start().await;
    for method in ["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "POST2", "post", "PROPFIND"] {
        let fields = client.but(&[], &[("Connection", "close")]);
        let answer = client.send(&format!("{method} /mcp HTTP/1.1"), &fields, "").await;
        assert_eq!(
            (answer.head.status, answer.head.header("allow"), answer.text().as_str()),
            (405, Some("GET, POST, DELETE"), ""),
            "{method}"
        );
    }
    for method in ["GET", "DELETE"] {
        let answer = client.send(&format!("{method} /mcp HTTP/1.1"), &client.good(), "").await;
        assert_eq!(
            (answer.head.status, answer.head.header("allow")),
            (405, Some("POST")),
            "{method} without a session"
        );
    }
    let paths =
        ["/", "/mcp/", "/MCP", "/mcp/x", "/mc", "/mcp%2f", "/%6dcp", "/./mcp", "/mcp;a", "//mcp", "/.well-known/a"];
    for path in paths {
        for method in ["POST", "GET", "PUT"] {
            let answer = client.send(&format!("{method} {path} HTTP/1.1"), &client.good(), "{}").await;
            assert_eq!((answer.head.status, answer.text().as_str()), (404, ""), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_header_that_says_something_else_than_the_body_is_a_mismatch() {
    let (_hosted, mut client) = Client::start().await;
    let mismatch = (400, Some(-32020));
    for (without, with) in [
        ("MCP-Protocol-Version", vec![]),
        ("MCP-Protocol-Version", vec![("MCP-Protocol-Version", "2025-11-25")]),
        ("MCP-Protocol-Version", vec![("MCP-Protocol-Version", "2099-01-01")]),
        ("", vec![("MCP-Protocol-Version", STATELESS)]),
        ("MCP-Protocol-Version", vec![("MCP-Protocol-Version", "é")]),
        ("Mcp-Method", vec![]),
        ("Mcp-Method", vec![("Mcp-Method", "tools/call")]),
        ("Mcp-Method", vec![("Mcp-Method", "TOOLS/LIST")]),
        ("Mcp-Method", vec![("Mcp-Method", "tools/list, tools/list")]),
        ("", vec![("Mcp-Method", "tools/list")]),
        ("Mcp-Method", vec![("Mcp-Method", "é")]),
    ] {
        assert_eq!(client.verdict(&client.but(&[without], &with)).await, mismatch, "-{without} +{with:?}");
    }
    // Names of headers have no case, their values may have white space around them, and a name that this method does
    // not have means nothing.
    let fine =
        [("mcp-method", " tools/list \t"), ("mcp-name", "anything"), ("Mcp-Session-Id", "x"), ("Last-Event-ID", "x")];
    assert_eq!(client.verdict(&client.but(&["Mcp-Method"], &fine)).await, (200, None));
}

#[tokio::test]
async fn the_name_header_is_compared_after_its_decoding() {
    let (_hosted, mut client) = Client::start().await;
    let call = stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": "a"}})).to_string();
    let marked = |text: &str| format!("=?base64?{}?=", STANDARD.encode(text));
    let (echo, fail) = (marked("echo"), marked("fail"));
    for (names, good) in [
        (vec!["echo"], true),
        (vec![" echo "], true),
        (vec![echo.as_str()], true),
        (vec![], false),
        (vec!["fail"], false),
        (vec!["Echo"], false),
        (vec!["echo", "echo"], false),
        (vec!["echo", "fail"], false),
        (vec![fail.as_str()], false),
        (vec!["=?BASE64?ZWNobw==?="], false),
        (vec!["=?base64?ZWNobw?="], false),
        (vec!["=?base64?ZWNobx==?="], false),
        (vec!["=?base64?ZWNo bw==?="], false),
        (vec!["=?base64?!!!!?="], false),
        (vec!["=?base64?/w==?="], false),
        (vec!["ZWNobw=="], false),
        (vec!["\"echo\""], false),
    ] {
        let mut with = vec![("Mcp-Method", "tools/call")];
        with.extend(names.iter().map(|name| ("Mcp-Name", *name)));
        let answer = client.send("POST /mcp HTTP/1.1", &client.but(&["Mcp-Method"], &with), &call).await;
        assert_eq!(verdict(&answer), if good { (200, None) } else { (400, Some(-32020)) }, "{names:?}");
        assert!(good || answer.json()["id"] == 1, "the id could be read");
    }
}

#[tokio::test]
async fn a_mirrored_parameter_is_compared_with_the_arguments() {
    let (_hosted, mut client) = Client::start().await;
    let marked = format!("=?base64?{}?=", STANDARD.encode("größe"));
    for (arguments, headers, good) in [
        (json!({"region": "eu"}), vec![("Mcp-Param-Region", "eu")], true),
        (json!({"region": "eu"}), vec![("mcp-param-REGION", "eu")], true),
        (json!({"region": "eu", "count": 42}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Count", "42")], true),
        (json!({"region": "eu", "count": 42}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Count", "42.0")], true),
        (json!({"region": "größe"}), vec![("Mcp-Param-Region", marked.as_str())], true),
        (json!({"region": "eu", "count": null}), vec![("Mcp-Param-Region", "eu")], true),
        (json!({"region": "eu"}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Other", "x")], true),
        (json!({"region": "eu"}), vec![], false),
        (json!({"region": "eu"}), vec![("Mcp-Param-Region", "us")], false),
        (json!({"region": "eu"}), vec![("Mcp-Param-Region", "EU")], false),
        (json!({"region": "eu"}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Region", "eu")], false),
        (json!({"region": "eu"}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Count", "1")], false),
        (json!({"region": "eu", "count": null}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Count", "1")], false),
        (json!({"region": "eu", "count": 42}), vec![("Mcp-Param-Region", "eu")], false),
        (json!({"region": "eu", "count": 42}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Count", "43")], false),
        (json!({"region": "eu", "count": 42}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Count", "42x")], false),
        (json!({"region": "eu", "count": 42}), vec![("Mcp-Param-Region", "eu"), ("Mcp-Param-Count", "")], false),
        (json!({"region": "größe"}), vec![("Mcp-Param-Region", "größe")], false),
        (json!({"region": "eu"}), vec![("Mcp-Param-Region", "=?base64?ZXU?=")], false),
    ] {
        let call = stateless(1, "tools/call", json!({"name": "mirrored", "arguments": arguments})).to_string();
        let mut with = vec![("Mcp-Method", "tools/call"), ("Mcp-Name", "mirrored")];
        with.extend(headers.iter().copied());
        let answer = client.send("POST /mcp HTTP/1.1", &client.but(&["Mcp-Method"], &with), &call).await;
        let wanted = if good { (200, None) } else { (400, Some(-32020)) };
        assert_eq!(verdict(&answer), wanted, "{arguments} {headers:?}");
    }
}

#[tokio::test]
async fn refusals_of_the_parser_itself_carry_the_security_headers() {
    let limits = Limits { header_bytes: 4 << 10, headers: 16, ..limits() };
    let hosted = Hosted::start(with_limits(&Gauge::default(), limits).build().expect("it is well made")).await;
    let many: String = (0..17).map(|number| format!("X-{number}: y\r\n")).collect();
    for (head, status) in [
        ("POST /mcp HTTP/1.1 x\r\n\r\n".to_owned(), 400),
        ("POST /mcp HTTP/3.0\r\nHost: localhost\r\n\r\n".to_owned(), 400),
        ("POST /mcp HTTP/1.1\r\nHost : localhost\r\n\r\n".to_owned(), 400),
        ("POST /mcp HTTP/1.1\r\nHost: localhost\r\n folded: a\r\n\r\n".to_owned(), 400),
        ("POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n".to_owned(), 400),
        (format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(5 << 10)), 431),
        (format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), 431),
        ("POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n".to_owned(), 400),
    ] {
        let mut connection = Connection::open(hosted.authority()).await;
        let answer = connection.ask(&head).await;
        assert_eq!((answer.head.status, answer.text().as_str()), (status, ""), "{head:?}");
        assert_secured(&answer);
        assert!(connection.is_closed().await, "{head:?}");
    }
}

#[tokio::test]
async fn an_answer_of_a_stream_has_the_security_headers_and_is_not_held_back_by_proxies() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let listen = stateless(1, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let headers = [
        ("Host", hosted.authority()),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", STATELESS),
        ("Mcp-Method", "subscriptions/listen"),
    ];
    let mut connection = Connection::open(hosted.authority()).await;
    connection.send(post(&headers, listen.to_string().as_bytes())).await;
    let head = connection.head().await;
    assert!(head.is_event_stream());
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert_secured(&Answer { head, body: Vec::new() });
    // A client that takes no stream cannot listen.
    let headers =
        headers.map(|(name, value)| if name == "Accept" { (name, "application/json") } else { (name, value) });
    let answer = Connection::open(hosted.authority()).await.ask(post(&headers, listen.to_string().as_bytes())).await;
    assert_eq!(verdict(&answer), (406, Some(-32600)));
}
