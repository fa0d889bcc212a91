//! What is no message, or a wrong one, gets the same answer on every transport and harms nothing that follows.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    child,
    sample::{self, Gauge, server},
};
use crate::support::{
    hosted::Hosted,
    http::Connection,
    piped::Piped,
    process::Lined,
    recorder::Recorder,
    request::{post, stateless},
    talk::STATELESS,
};

/// One message, and what is answered.
struct Case {
    what: String,
    bytes: Vec<u8>,
    verdict: Verdict,
}

/// What is answered; the status is that of HTTP.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// An error with this code, under the id of the request, which is 7.
    Error(i64, u16),
    /// An error with this code and no id.
    Anonymous(i64, u16),
    /// A tool's result that says that it failed, under the id 7.
    Failed,
    /// Nothing: it was no request.
    Nothing,
}

#[tokio::test]
async fn malformed_messages_are_answered_alike_on_every_transport_and_harm_nothing() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let other = server(&gauge);
    let mut http = Http { authority: hosted.authority().to_owned(), connection: None };
    let mut pipe = Piped::open(&other);
    let mut stdio = child::start().await;
    let mut recorder = Recorder::new(STATELESS);
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 100, "{}", cases.len());
    for Case { what, bytes, verdict } in cases {
        assert!(!bytes.contains(&b'\n'), "{what}: a line break would make two lines of it");
        let (status, over_http) = http.exchange(&bytes).await;
        let over_pipe = over_lines(&mut pipe, &bytes, verdict).await;
        let over_stdio = over_lines(&mut stdio, &bytes, verdict).await;
        for message in [&over_http, &over_pipe, &over_stdio].into_iter().flatten() {
            if message.get("id").is_some() {
                recorder.sent(&json!({"id": message["id"], "method": "tools/call"}));
            }
            recorder.received(message);
            assert!(!message.to_string().contains("serde") && !message.to_string().contains("line 1"), "{message}");
        }
        if !verdict.is(status, over_http.as_ref()) {
            wrong.push(format!("{what}: {status} {over_http:?} instead of {verdict:?}"));
        }
        if over_pipe != over_http || over_stdio != over_http {
            wrong.push(format!("{what}: {over_http:?} over HTTP, {over_pipe:?} and {over_stdio:?} over lines"));
        }

        let good = good().into_bytes();
        for answer in [
            http.exchange(&good).await.1,
            over_lines(&mut pipe, &good, Verdict::Failed).await,
            over_lines(&mut stdio, &good, Verdict::Failed).await,
        ] {
            let answer = answer.expect("a request is answered");
            assert_eq!(sample::text(&answer["result"]), "a", "after {what}: {answer}");
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    hosted.stop().await;
    assert!(stdio.end().await.status.success());
}

impl Verdict {
    fn is(self, status: u16, message: Option<&Value>) -> bool {
        let error = |message: &Value| message["error"]["code"].as_i64();
        match (self, message) {
            (Self::Error(code, wanted), Some(message)) => {
                status == wanted && error(message) == Some(code) && message["id"] == 7
            }
            (Self::Anonymous(code, wanted), Some(message)) => {
                status == wanted && error(message) == Some(code) && message.get("id").is_none()
            }
            (Self::Failed, Some(message)) => {
                status == 200 && message["result"]["isError"] == true && message["id"] == 7
            }
            (Self::Nothing, None) => status == 202,
            (Self::Error(..) | Self::Anonymous(..) | Self::Failed, None) | (Self::Nothing, Some(_)) => false,
        }
    }
}

/// A client of HTTP that opens a connection anew where the server closed it.
struct Http {
    authority: String,
    connection: Option<Connection>,
}

impl Http {
    async fn exchange(&mut self, bytes: &[u8]) -> (u16, Option<Value>) {
        let request = post_of(&self.authority, bytes);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.authority).await,
        };
        let answer = connection.ask(request).await;
        if answer.head.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        (answer.head.status, answer.messages().into_iter().next())
    }
}

/// A transport of lines.
trait Door {
    async fn send_bytes(&mut self, bytes: &[u8]);
    async fn message(&mut self) -> Value;
}

impl Door for Piped {
    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.send_bytes(bytes).await;
    }

    async fn message(&mut self) -> Value {
        self.message().await
    }
}

impl Door for Lined {
    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.send_bytes(bytes).await;
    }

    async fn message(&mut self) -> Value {
        self.message().await
    }
}

/// Sends a line, and after it a request whose answer shows that nothing comes where nothing should.
async fn over_lines(door: &mut impl Door, bytes: &[u8], verdict: Verdict) -> Option<Value> {
    door.send_bytes(&[bytes, b"\n"].concat()).await;
    if verdict != Verdict::Nothing {
        return Some(door.message().await);
    }
    let fence = stateless("fence", "server/discover", json!({}));
    door.send_bytes(format!("{fence}\n").as_bytes()).await;
    let answer = door.message().await;
    (answer["id"] != "fence").then_some(answer)
}

/// The POST that an honest library would make around these bytes: its headers say what the body says, where it says
/// something that a header can hold.
fn post_of(authority: &str, bytes: &[u8]) -> Vec<u8> {
    let message: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let field = |value: &Value| value.as_str().filter(|text| text.is_ascii()).map(str::to_owned);
    let params = &message["params"];
    let version = field(&params["_meta"]["io.modelcontextprotocol/protocolVersion"]);
    let version = version.unwrap_or_else(|| STATELESS.to_owned());
    let method = field(&message["method"]).unwrap_or_else(|| "tools/call".to_owned());
    let name = params["name"].as_str().or_else(|| params["uri"].as_str()).map(mirrored);
    let mut headers = vec![
        ("Host", authority),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", &version),
        ("Mcp-Method", &method),
    ];
    headers.extend(name.as_deref().map(|name| ("Mcp-Name", name)));
    post(&headers, bytes)
}

/// A text as the value of a header that mirrors it.
fn mirrored(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    format!("=?base64?{}?=", STANDARD.encode(text))
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

/// A good call.
fn good() -> String {
    call(r#""text":"a""#)
}

/// A call with these arguments.
fn call(arguments: &str) -> String {
    request("tools/call", &format!(r#""name":"echo","arguments":{{{arguments}}}"#))
}

/// A request with these parameters.
fn request(method: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{{params}{comma}{META}}}}}"#)
}

/// The good call with one part of its text in another form.
fn with(part: &str, other: &str) -> String {
    let good = good();
    assert!(good.contains(part), "{part}");
    good.replacen(part, other, 1)
}

/// A call whose `_meta` holds this.
fn meta(members: &str) -> String {
    with(META, &format!(r#""_meta":{{{members}}}"#))
}

const VERSION: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#;
const CAPABILITIES: &str = r#""io.modelcontextprotocol/clientCapabilities":{}"#;

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |verdict: Verdict, bytes: Vec<u8>| {
        let shown = String::from_utf8_lossy(&bytes).chars().take(160).collect::<String>();
        cases.push(Case { what: format!("case {} {shown:?}", cases.len() + 1), bytes, verdict });
    };
    for bytes in broken_json() {
        add(Verdict::Anonymous(-32700, 400), bytes);
    }
    for text in no_request() {
        add(Verdict::Anonymous(-32600, 400), text.into_bytes());
    }
    for text in broken_envelopes() {
        add(Verdict::Error(-32600, 400), text.into_bytes());
    }
    for text in past_the_limits() {
        add(Verdict::Error(-32600, 400), text.into_bytes());
    }
    for (method, params) in wrong_params() {
        add(Verdict::Error(-32602, 200), request(method, params).into_bytes());
    }
    for text in wrong_meta() {
        add(Verdict::Error(-32602, 400), text.into_bytes());
    }
    for method in
        ["no/such", "tools/CALL", "Tools/call", "tools/call/", "resources/subscribe", "logging/setLevel", "rpc.x"]
    {
        add(Verdict::Error(-32601, 404), request(method, "").into_bytes());
    }
    for version in ["2099-01-01", "2025-11-25", "2024-11-05", "2026-07-29", "1"] {
        let text = meta(&format!(r#""io.modelcontextprotocol/protocolVersion":"{version}",{CAPABILITIES}"#));
        add(Verdict::Error(-32022, 400), text.into_bytes());
    }
    for arguments in [r#""text":1"#, r#""text":"a","more":1"#, "", r#""Text":"a""#, r#""text":null"#] {
        add(Verdict::Failed, call(arguments).into_bytes());
    }
    add(Verdict::Failed, with(r#""arguments""#, r#""Arguments""#).into_bytes());
    add(Verdict::Nothing, with(r#""id":7"#, r#""ID":7"#).into_bytes());
    add(Verdict::Nothing, with(r#""id":7"#, r#""id\u0000":7"#).into_bytes());
    let over = 64 << 10;
    add(Verdict::Anonymous(-32600, 413), [good().into_bytes(), vec![b' '; over + 1 - good().len()]].concat());
    cases
}

/// Bytes that are not JSON, or go on after it.
fn broken_json() -> Vec<Vec<u8>> {
    let inside = |raw: &[u8]| {
        let [before, after] = [r#""text":""#, r#"""#].map(str::as_bytes);
        let text = call("\u{1}");
        let (head, tail) = text.split_once('\u{1}').expect("it marks a place");
        [head.as_bytes(), before, raw, after, tail.as_bytes()].concat()
    };
    let mut all: Vec<Vec<u8>> = [
        "{",
        "}",
        " ",
        "nul",
        "TRUE",
        "'a'",
        ":",
        r"\",
        "{a:1}",
        "[1,]",
        r#"{"a":1,}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a" 1}"#,
        r#"{"a":01}"#,
        r#"{"a":+1}"#,
        r#"{"a":.5}"#,
        r#"{"a":1.}"#,
        r#"{"a":1e}"#,
        r#"{"a":-}"#,
        r#"{"a":NaN}"#,
        r#"{"a":Infinity}"#,
        r#"{"a":0x10}"#,
        r#"{"a":1_000}"#,
        r#"{"a":"b}"#,
        r#"{"a":1}/* b */"#,
        r#"{1:2}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    all.push(good().into_bytes()[..good().len() - 1].to_vec());
    for more in ["}", "]", ",", "\0", &good(), " x"] {
        all.push(format!("{}{more}", good()).into_bytes());
    }
    for before in [b"\xef\xbb\xbf".as_slice(), b"\xfe\xff", b"\0"] {
        all.push([before, good().as_bytes()].concat());
    }
    all.push(good().encode_utf16().flat_map(u16::to_le_bytes).collect());
    for raw in [
        b"\xff".as_slice(),
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc3",
        b"\x01",
        b"\t",
        b"\0",
        b"\\x41",
        b"\\u12",
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\\ud800\\u0041",
        b"\\",
        b"\\u{41}",
    ] {
        all.push(inside(raw));
    }
    all
}

/// JSON that is no request with an id that could be read.
fn no_request() -> Vec<String> {
    let mut all: Vec<String> =
        ["[]", "1", "1e400", r#""a""#, "null", "true", "{}", r#"{"jsonrpc":"2.0"}"#].map(str::to_owned).into();
    all.push(format!("[{}]", good()));
    for id in ["null", "true", "1.0", "7.5", "1e2", "1e400", "[]", "{}", "[7]"] {
        all.push(with(r#""id":7"#, &format!(r#""id":{id}"#)));
    }
    all.push(with(r#""id":7"#, &format!(r#""id":"{}""#, "a".repeat(257))));
    all.push(with(r#""id":7"#, &format!(r#""id":{}"#, "9".repeat(65))));
    // Two ids: neither is certain.
    all.push(with(r#""id":7"#, r#""id":7,"id":8"#));
    all.push(with(r#""id":7"#, r#""id":7,"\u0069d":7"#));
    // Looks like an answer, whose id is not one of the client's own.
    for members in [r#""result":{},"error":{}"#, r#""error":7"#, r#""result":{},"error":{"code":1,"message":"a"}"#] {
        all.push(format!(r#"{{"jsonrpc":"2.0","id":7,{members}}}"#));
    }
    all.push(r#"{"jsonrpc":"2.0","result":{}}"#.to_owned());
    all
}

/// Requests whose id can be read, and that are none for another reason.
fn broken_envelopes() -> Vec<String> {
    let mut all = Vec::new();
    for version in [r#""1.0""#, r#""2""#, r#""2.0 ""#, "2.0", "2", "null", "[]"] {
        all.push(with(r#""jsonrpc":"2.0""#, &format!(r#""jsonrpc":{version}"#)));
    }
    all.push(with(r#""jsonrpc":"2.0","#, ""));
    for name in ["Jsonrpc", "JSONRPC", r"jsonrpc\u0000"] {
        all.push(with(r#""jsonrpc""#, &format!(r#""{name}""#)));
    }
    let method = r#""method":"tools/call""#;
    for value in ["1", "null", "true", "[]", "{}", r#""""#] {
        all.push(with(method, &format!(r#""method":{value}"#)));
    }
    all.push(with(method, r#""method":"tools/call","method":"tools/list""#));
    all.push(with(method, r#""method":"tools/call","\u006dethod":"tools/list""#));
    all.push(with(method, r#""Method":"tools/call""#));
    all.push(with(method, r#""method\u0000":"tools/call""#));
    all.push(with(method, r#""method":"tools/call","result":{}"#));
    all.push(with(r#""params":"#, r#""params":{},"params":"#));
    for value in ["[]", "null", "1", r#""a""#, "[{}]"] {
        all.push(format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{value}}}"#));
    }
    // Repeated names, wherever they stand.
    all.push(with(r#""name":"echo""#, r#""name":"echo","name":"fail""#));
    all.push(with(r#""name":"echo""#, r#""name":"echo","n\u0061me":"fail""#));
    all.push(call(r#""text":"a","text":"b""#));
    all.push(call(r#""text":"a","te\u0078t":"b""#));
    all.push(call(r#""a":{"b":[{"c":{"d":1,"d":2}}]}"#));
    all.push(call(r#""a":{"b":[{"c":{"\u0064":1,"d":2}}]}"#));
    let many: Vec<String> = (0..20).map(|number| format!(r#""m{number}":1"#)).collect();
    all.push(call(&format!(r#"{},"m\u0033":1"#, many.join(","))));
    all.push(meta(&format!("{VERSION},{VERSION},{CAPABILITIES}")));
    all.push(meta(&format!(r#"{VERSION},{CAPABILITIES},"a":{{"b":1,"b":1}}"#)));
    all
}

/// Requests that are one past a limit, each of a kind of its own.
fn past_the_limits() -> Vec<String> {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let members = |count: usize| (0..count).map(|number| format!(r#""m{number}":1"#)).collect::<Vec<_>>().join(",");
    vec![
        // The arguments themselves are the first of 8 levels; the message is the first of 10 elsewhere.
        call(&format!(r#""a":{}"#, nested(8))),
        meta(&format!(r#"{VERSION},{CAPABILITIES},"a":{}"#, nested(8))),
        call(&members(101)),
        meta(&format!("{VERSION},{CAPABILITIES},{}", members(19))),
        call(&format!(r#""text":"{}""#, "x".repeat(10_001))),
        call(&format!(r#""{}":1"#, "x".repeat(10_001))),
        call(&format!(r#""a":[{}]"#, vec!["1"; 201].join(","))),
        call(&format!(r#""a":{}"#, "1".repeat(65))),
        request(&"m".repeat(129), ""),
        meta(&format!(r#"{VERSION},{CAPABILITIES},"a":"{}""#, "x".repeat(16 << 10))),
        request("tools/list", &format!(r#""cursor":"{}""#, "x".repeat(1_025))),
        request("resources/read", &format!(r#""uri":"test://{}""#, "x".repeat(2_042))),
        request("tools/call", &format!(r#""name":"book","requestState":"{}""#, "x".repeat((16 << 10) + 1))),
        // Numbers that no double can hold.
        call(r#""text":1e400"#),
        call(r#""a":[-1e309]"#),
        meta(&format!(r#"{VERSION},{CAPABILITIES},"progressToken":1e400"#)),
    ]
}

/// Parameters of the wrong type or of nothing that is there.
fn wrong_params() -> Vec<(&'static str, &'static str)> {
    vec![
        ("tools/call", ""),
        ("tools/call", r#""name":7"#),
        ("tools/call", r#""name":null"#),
        ("tools/call", r#""name":["echo"]"#),
        ("tools/call", r#""Name":"echo""#),
        ("tools/call", r#""name\u0000":"echo""#),
        ("tools/call", r#""name":"absent""#),
        ("tools/call", r#""name":"Echo""#),
        ("tools/call", r#""name":"echo","arguments":[]"#),
        ("tools/call", r#""name":"echo","arguments":null"#),
        ("tools/call", r#""name":"echo","arguments":"{}""#),
        ("tools/call", r#""name":"book","arguments":{"what":"a"},"requestState":7"#),
        ("tools/call", r#""name":"book","arguments":{"what":"a"},"requestState":"AAAA""#),
        ("tools/call", r#""name":"book","arguments":{"what":"a"},"requestState":"""#),
        ("tools/call", r#""name":"book","arguments":{"what":"a"},"requestState":"not base64 !""#),
        ("tools/call", r#""name":"book","arguments":{"what":"a"},"inputResponses":[]"#),
        ("tools/list", r#""cursor":7"#),
        ("tools/list", r#""cursor":null"#),
        ("tools/list", r#""cursor":"""#),
        ("tools/list", r#""cursor":"AAAA""#),
        ("resources/read", ""),
        ("resources/read", r#""uri":7"#),
        ("resources/read", r#""uri":"test://absent""#),
        ("resources/read", r#""uri":"no scheme""#),
        ("resources/read", r#""uri":"test://a\u0000""#),
        ("resources/read", r#""uri":"family://a/../b""#),
        ("prompts/get", r#""name":"absent""#),
        ("prompts/get", r#""name":"greet""#),
        ("prompts/get", r#""name":"greet","arguments":{"name":7}"#),
        ("prompts/get", r#""name":"greet","arguments":{"name":"a","more":"b"}"#),
        ("completion/complete", ""),
        ("completion/complete", r#""ref":{"type":"ref/prompt","name":"absent"},"argument":{"name":"a","value":""}"#),
        ("completion/complete", r#""ref":{"type":"ref/tool","name":"echo"},"argument":{"name":"a","value":""}"#),
        ("completion/complete", r#""ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"a"}"#),
        ("subscriptions/listen", ""),
        ("subscriptions/listen", r#""notifications":[]"#),
        ("subscriptions/listen", r#""notifications":{"toolsListChanged":1}"#),
        ("subscriptions/listen", r#""notifications":{"resourceSubscriptions":"test://a"}"#),
    ]
}

/// Requests whose `_meta` does not say what it must.
fn wrong_meta() -> Vec<String> {
    let mut all = vec![
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{}}"#.to_owned(),
        with(r#""_meta""#, r#""_Meta""#),
        with(r#""params""#, r#""param\u017f""#),
        with(r#""params""#, r#""Params""#),
        meta(""),
        meta(VERSION),
        meta(CAPABILITIES),
        meta(&format!(r#""io.modelcontextprotocol/protocolVersion":20260728,{CAPABILITIES}"#)),
        meta(&format!(r#""io.modelcontextprotocol/protocolVersion":null,{CAPABILITIES}"#)),
        meta(&format!(r#""io.modelcontextprotocol/protocolVersion":"{}",{CAPABILITIES}"#, "1".repeat(65))),
        meta(&format!(r#"{VERSION},"io.modelcontextprotocol/clientCapabilities":[]"#)),
        meta(&format!(r#"{VERSION},"io.modelcontextprotocol/clientCapabilities":{{"roots":1}}"#)),
        meta(&format!(r#"{VERSION},{CAPABILITIES},"io.modelcontextprotocol/clientInfo":"a""#)),
        meta(&format!(r#"{VERSION},{CAPABILITIES},"io.modelcontextprotocol/clientInfo":{{"name":"a"}}"#)),
        meta(&format!(r#"{VERSION},{CAPABILITIES},"io.modelcontextprotocol/logLevel":"loud""#)),
    ];
    for token in ["{}", "null", "1.5", "true"] {
        all.push(meta(&format!(r#"{VERSION},{CAPABILITIES},"progressToken":{token}"#)));
    }
    for value in ["null", "[]", "7", r#""a""#] {
        all.push(with(&format!("{{{VERSION},{CAPABILITIES}}}"), value));
    }
    all
}
