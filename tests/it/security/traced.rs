//! Spans of requests: one for each on every transport, below the right parent, and without anything secret.
//!
//! With a worker beside the test, because a provider that is dropped waits for what it still exports.

use std::sync::{Arc, Mutex};

use mocopr::{
    McpServer, ServerBuilder, WebSocketConfig,
    audit::{Happening, Witness},
    otel::Tracing,
    prelude::*,
    testing::TestClient,
};
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};

use super::guarded::{Guarded, HOST, bearer, policy, with_fields};
use crate::support::{
    collector::{Collector, Exported},
    http::Connection,
    piped::Piped,
    request,
    websocket::Socket,
    within,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER: &str = "00f067aa0ba902b7";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_RECORDED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const SECRET: &str = "hunter2hunter2";

/// A server whose tool `echo` makes two spans of its own, with a wait before the second.
fn traced(builder: ServerBuilder, provider: &SdkTracerProvider, tracing: Tracing) -> ServerBuilder {
    let tracer = provider.tracer("test");
    let echo = move |Words { text }: Words| {
        let tracer = tracer.clone();
        async move {
            tracer.start("first").end();
            tokio::task::yield_now().await;
            tracer.start("second").end();
            text.unwrap_or_default()
        }
    };
    builder
        .with_tracing(tracing)
        .with_tool(mocopr::Tool::new("echo").input::<Words>().handler(echo))
        .with_tool(
            mocopr::Tool::new("fails")
                .input::<Words>()
                .handler(|_: Words| async { Err::<String, _>(Failure::caller(SECRET)) }),
        )
        .with_tool(mocopr::Tool::new("panics").input::<Words>().handler(|_: Words| async {
            assert!(SECRET.is_empty(), "{SECRET}");
            ""
        }))
        .with_resource(note)
        .with_prompt(greet)
}

#[data]
struct Words {
    text: Option<String>,
}

/// A note of somebody.
#[resource("notes://{user}/{id}")]
async fn note(user: String, id: String) -> String {
    format!("{user} {id}")
}

/// Greets.
#[prompt]
async fn greet(name: String) -> String {
    name
}

fn call(id: impl Into<Value>, tool: &str, meta: Value) -> Value {
    request::stateless(id, "tools/call", json!({"name": tool, "arguments": {"text": SECRET}, "_meta": meta}))
}

/// The one span of this name.
fn named<'a>(spans: &'a [Exported], name: &str) -> &'a Exported {
    let mut found = spans.iter().filter(|span| span.name() == name);
    let span = found.next().unwrap_or_else(|| panic!("no {name} in {spans:?}"));
    assert_eq!(found.next(), None, "{name} is there twice");
    span
}

/// Its name, trace and parent.
fn place(span: &Exported) -> [&str; 3] {
    [span.name(), span.trace(), span.parent()]
}

/// P-68
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_request_is_a_span_below_what_its_meta_names_and_its_handlers_spans_are_below_it() {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let tracing = Tracing::new(&provider);
    let guarded = Guarded::start(policy(), |builder| traced(builder, &provider, tracing)).await;
    let alice = bearer("alice");
    let state = "ot=p:8,congo=t61rcWkgMzE,ot=th:0;rv:00000000000000";
    let message = call("a", "echo", json!({"traceparent": PARENT, "tracestate": state}));
    let fields = [("Authorization", &*alice), ("traceparent", OTHER), ("tracestate", "rojo=1"), ("baggage", "k=v")];
    assert_eq!(guarded.ask(&fields, &message).await.head.status, 200);
    let spans = collector.spans(provider).await;
    let [first, second, call] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(place(call), ["tools/call echo", TRACE, SENDER]);
    assert!(call.is_of_a_server() && !call.is_error());
    assert_eq!(call.state(), "congo=t61rcWkgMzE", "what samplers look at is ours to say");
    assert_eq!(place(first), ["first", TRACE, call.id()]);
    assert_eq!(place(second), ["second", TRACE, call.id()]);
    let expected = [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.tool.name", "echo"),
        ("gen_ai.operation.name", "execute_tool"),
        ("jsonrpc.request.id", "a"),
        ("mcp.protocol.version", "2026-07-28"),
        ("network.transport", "tcp"),
        ("network.protocol.name", "http"),
        ("mocopr.outcome", "success"),
        ("error.type", ""),
    ];
    for (name, value) in expected {
        assert_eq!(call.attribute(name), value, "{name}");
    }
    assert!(!call.text().contains("baggage") && !call.text().contains("k=v"));
}

/// P-68
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn where_meta_names_no_parent_the_header_does_and_what_is_none_counts_as_none() {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let tracing = Tracing::new(&provider);
    let guarded = Guarded::start(policy(), |builder| traced(builder, &provider, tracing)).await;
    let alice = bearer("alice");
    let long = "x".repeat(5_000);
    let cases: [(Value, &str); 6] = [
        (json!({}), PARENT),
        (json!({"traceparent": "00-4bf92f"}), PARENT),
        (json!({"traceparent": format!("{OTHER}\r\nX-Evil: 1")}), "00-0-0-01"),
        (json!({"traceparent": long, "tracestate": long}), &long[..4_000]),
        (json!({"traceparent": 7}), "00-00000000000000000000000000000000-0000000000000000-01"),
        (json!({"tracestate": "a=\r\nb"}), "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    for (place, (meta, header)) in cases.iter().enumerate() {
        let fields = [("Authorization", &*alice), ("traceparent", header)];
        let answer = guarded.ask(&fields, &request::stateless(place, "tools/list", json!({"_meta": meta}))).await;
        assert_eq!(answer.head.status, 200, "{meta}");
    }
    let spans = collector.spans(provider).await;
    assert_eq!(spans.len(), cases.len());
    let (below, roots) = spans.split_at(2);
    assert!(below.iter().all(|span| place(span) == ["tools/list", TRACE, SENDER]), "{below:?}");
    assert!(roots.iter().all(|span| span.parent().is_empty() && span.trace() != TRACE), "{roots:?}");
    assert!(!spans.iter().any(|span| span.text().contains("X-Evil") || span.text().contains("xxxx")));
}

/// P-68
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_request_of_each_transport_is_one_span_and_each_of_a_batch_by_itself() {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let tracing = Tracing::new(&provider);
    let builder = || McpServer::builder().with_info("traced", "1.0.0");
    let server = traced(builder(), &provider, tracing.clone()).build().expect("it is sound");
    let mut pipe = Piped::open(&server);
    pipe.send(&request::initialize("hello", "2025-03-26", json!({}))).await;
    pipe.message().await;
    let meta = json!({"traceparent": PARENT});
    let get =
        request::stateful("get", "prompts/get", json!({"name": "greet", "arguments": {"name": "A"}, "_meta": meta}));
    let read = request::stateful("read", "resources/read", json!({"uri": "notes://ann/1"}));
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    pipe.send(&json!([get, note, read, request::stateful("none", "no/such", json!({}))])).await;
    pipe.message().await;
    let config = WebSocketConfig::loopback(0).into();
    let guarded = Guarded::listen(config, policy(), |builder| traced(builder, &provider, tracing)).await;
    let alice = bearer("alice");
    let mut socket = Socket::open(guarded.connect().await, HOST, &[("Authorization", &alice)]).await;
    socket.ask(&request::stateless("list", "tools/list", json!({"_meta": {"traceparent": PARENT}}))).await;
    let spans = collector.spans(provider).await;
    assert_eq!(spans.len(), 5, "{spans:?}");
    let (hello, get) = (named(&spans, "initialize"), named(&spans, "prompts/get greet"));
    let (read, none, list) = (named(&spans, "resources/read"), named(&spans, "_OTHER"), named(&spans, "tools/list"));
    for span in [hello, get, read, none] {
        assert_eq!(span.attribute("network.transport"), "pipe");
    }
    assert_eq!([list.attribute("network.transport"), list.attribute("network.protocol.name")], ["tcp", "websocket"]);
    assert_eq!(place(get)[1..], [TRACE, SENDER]);
    assert_eq!(place(list)[1..], [TRACE, SENDER]);
    assert_eq!(get.attribute("gen_ai.prompt.name"), "greet");
    assert_eq!(read.attribute("mocopr.resource.template"), "notes://{user}/{id}");
    assert_eq!(hello.attribute("mcp.protocol.version"), "2025-03-26");
    let session = hello.attribute("mcp.session.id");
    assert_eq!((session.len(), session), (16, read.attribute("mcp.session.id")));
    assert_eq!([none.attribute("error.type"), none.attribute("mocopr.reason")], ["-32601", "unknown_method"]);
}

/// P-68
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_refused_or_fails_is_a_span_that_says_so_and_names_nothing_of_the_callers() {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let tracing = Tracing::new(&provider);
    let guarded = Guarded::start(policy(), |builder| traced(builder, &provider, tracing)).await;
    let alice = bearer("alice");
    for message in [
        call(1, &format!("no-{SECRET}"), json!({})),
        call(2, "fails", json!({})),
        call(3, "panics", json!({})),
        request::stateless(4, "resources/read", json!({"uri": format!("{SECRET}://x/y")})),
        request::stateless(5, &format!("{SECRET}/x"), json!({})),
        request::stateless(6, "prompts/get", json!({"name": "greet", "arguments": {SECRET: "b"}})),
    ] {
        guarded.ask(&[("Authorization", &alice)], &message).await;
    }
    // Neither is read, so neither is a request that could have a span.
    guarded.ask(&[("Authorization", "Bearer xno")], &call(7, "echo", json!({}))).await;
    let fields = [("Authorization", &*alice), ("Content-Type", "application/json"), ("Accept", "application/json")];
    guarded.send("POST /mcp HTTP/1.1", &fields, b"{\"jsonrpc\"").await;
    let spans = collector.spans(provider).await;
    let told: Vec<[&str; 4]> = spans
        .iter()
        .map(|span| {
            let [error, code, outcome] =
                ["error.type", "rpc.response.status_code", "mocopr.outcome"].map(|name| span.attribute(name));
            [span.name(), error, code, outcome]
        })
        .collect();
    let expected = [
        ["tools/call", "-32602", "-32602", "refused"],
        ["tools/call fails", "tool_error", "", "failure"],
        ["tools/call panics", "tool_error", "", "failure"],
        ["resources/read", "-32602", "-32602", "refused"],
        ["_OTHER", "-32601", "-32601", "failure"],
        ["prompts/get greet", "-32602", "-32602", "failure"],
    ];
    assert_eq!(told, expected);
    assert!(spans.iter().all(Exported::is_error));
    assert!(!spans.iter().any(|span| span.text().contains(SECRET)), "{spans:?}");
    assert!(!named(&spans, "tools/call panics").attribute("mocopr.incident").is_empty(), "it leads to the log");
}

/// P-68
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_argument_result_credential_uri_or_session_id_is_in_a_span() {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let tracing = Tracing::new(&provider);
    let guarded = Guarded::start(policy(), |builder| traced(builder, &provider, tracing)).await;
    let (token, alice) = ("alice.editor.notes", bearer("alice.editor.notes"));
    let session = guarded.open_session(token, &request::initialize(1, "2025-11-25", json!({}))).await;
    let fields = [("Authorization", &*alice), ("Mcp-Session-Id", &session), ("MCP-Protocol-Version", "2025-11-25")];
    for message in [
        request::stateful(2, "tools/call", json!({"name": "echo", "arguments": {"text": SECRET}})),
        request::stateful(3, "resources/read", json!({"uri": format!("notes://{SECRET}/1")})),
        request::stateful(4, "prompts/get", json!({"name": "greet", "arguments": {"name": SECRET}})),
    ] {
        assert!(guarded.ask_stateful(&fields, &message).await.text().contains(SECRET));
    }
    let spans = collector.spans(provider).await;
    assert_eq!(spans.iter().filter(|span| span.is_of_a_server()).count(), 4);
    for span in &spans {
        for secret in [SECRET, &session, token, "alice"] {
            assert!(!span.text().contains(secret), "{secret} in {}", span.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_request_whose_caller_is_gone_is_a_span_that_was_cancelled() {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let (begun, mut begins) = tokio::sync::mpsc::channel(1);
    let waits = mocopr::Tool::new("waits").input::<Words>().handler(move |_: Words| {
        let begun = begun.clone();
        async move {
            begun.send(()).await.expect("the test waits");
            std::future::pending::<String>().await
        }
    });
    let tracing = Tracing::new(&provider);
    let with = |builder: ServerBuilder| builder.with_tracing(tracing).with_tool(waits);
    let guarded = Guarded::start(policy(), with).await;
    let mut connection: Connection = guarded.connect().await;
    let alice = bearer("alice");
    connection.send(with_fields(&[("Authorization", &alice)], &call(1, "waits", json!({})))).await;
    within("the call", begins.recv()).await.expect("it begins");
    drop(connection);
    let spans = within("the span", collector.posted()).await;
    let span = named(&spans, "tools/call waits");
    assert_eq!((span.attribute("mocopr.outcome"), span.is_error()), ("cancelled", false));
}

/// What two calls leave, of which the first says that its sender does not record it, and the second that it does.
async fn left_by_two_calls(tracing: impl Fn(&SdkTracerProvider) -> Tracing) -> (Vec<Exported>, bool) {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let server = traced(McpServer::builder().with_info("traced", "1.0.0"), &provider, tracing(&provider));
    let server = server.build().expect("it is sound");
    let relaxed = server.security_report().rows().iter().any(|row| row.about == "traces" && row.relaxed);
    let mut client = TestClient::connect(&server).await.expect("it answers");
    for parent in [NOT_RECORDED, OTHER] {
        let params = json!({"name": "echo", "arguments": {}, "_meta": {"traceparent": parent}});
        client.request("tools/call", params).await.expect("it answers");
    }
    let mut spans = collector.spans(provider).await;
    // What the client of tests asks for by itself names no parent.
    spans.retain(|span| span.name() != "server/discover");
    (spans, relaxed)
}

/// P-68
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_caller_says_of_recording_counts_only_where_it_is_trusted() {
    let (spans, relaxed) = left_by_two_calls(Tracing::new).await;
    assert_eq!((spans.len(), relaxed), (6, false), "both calls, with the spans of their handlers");
    let (spans, relaxed) = left_by_two_calls(|provider| Tracing::new(provider).with_trusted_sampling()).await;
    assert_eq!((spans.len(), relaxed), (3, true));
    assert!(spans.iter().all(|span| span.trace() != TRACE), "what its sender does not record is not recorded");
    let (spans, relaxed) = left_by_two_calls(|provider| Tracing::new(provider).with_sample_ratio(0.0)).await;
    assert_eq!((spans, relaxed), (Vec::new(), false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_share_of_the_requests_is_recorded_whole_or_not_at_all() {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let tracing = Tracing::new(&provider).with_sample_ratio(0.5);
    let server = traced(McpServer::builder().with_info("traced", "1.0.0"), &provider, tracing).build();
    let mut client = TestClient::connect(&server.expect("it is sound")).await.expect("it answers");
    for _ in 0..200 {
        client.call_tool("echo", json!({})).await.expect("it answers");
    }
    let spans = collector.spans(provider).await;
    let spans: Vec<_> = spans.into_iter().filter(|span| span.name() != "server/discover").collect();
    let calls = spans.iter().filter(|span| span.is_of_a_server()).count();
    // One in 10^12 runs has fewer or more.
    assert!((50..=150).contains(&calls), "{calls} of 200");
    assert_eq!(spans.len(), 3 * calls);
}

#[test]
fn what_is_no_share_and_tracing_twice_keep_a_server_from_being_built() {
    let provider = SdkTracerProvider::builder().build();
    let said = |with: &dyn Fn(ServerBuilder) -> ServerBuilder| {
        with(McpServer::builder().with_info("traced", "1.0.0")).build().err().map(|error| error.to_string())
    };
    for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let error = said(&|builder| builder.with_tracing(Tracing::new(&provider).with_sample_ratio(wrong)));
        assert!(error.is_some_and(|error| error.contains("with_sample_ratio")), "{wrong}");
    }
    for right in [0.0, 0.25, 1.0] {
        assert_eq!(said(&|builder| builder.with_tracing(Tracing::new(&provider).with_sample_ratio(right))), None);
    }
    let twice = said(&|builder| builder.with_tracing(Tracing::new(&provider)).with_tracing(Tracing::new(&provider)));
    assert!(twice.is_some_and(|error| error.contains("with_tracing")));
}

/// Remembers the traces of what it hears.
#[derive(Clone, Debug, Default)]
struct Traces(Arc<Mutex<Vec<String>>>);

impl Witness for Traces {
    fn saw(&self, happening: &Happening<'_>) {
        let trace = happening.trace.map(|trace| trace.to_string());
        self.0.lock().expect("nobody panics").extend(trace);
    }
}

/// S-90
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_record_of_a_call_names_the_trace_of_its_span() {
    let collector = Collector::open().await;
    let provider = collector.provider();
    let traces = Traces::default();
    let builder = McpServer::builder().with_info("traced", "1.0.0").with_witness(Arc::new(traces.clone()));
    let server = traced(builder, &provider, Tracing::new(&provider)).build().expect("it is sound");
    let mut client = TestClient::connect(&server).await.expect("it answers");
    client.call_tool("echo", json!({"text": "a"})).await.expect("it answers");
    client.tool_names().await.expect("it answers");
    let spans = collector.spans(provider).await;
    let ours: Vec<String> =
        spans.iter().filter(|span| span.is_of_a_server()).map(|span| span.trace().to_owned()).collect();
    assert_eq!(*traces.0.lock().expect("nobody panics"), ours);
}
