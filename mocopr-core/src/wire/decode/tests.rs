//! Decoding: the official examples, each method, and each way to be wrong.

use serde_json::{Value, json};

use super::*;
use crate::{
    call::{Reference, Request},
    envelope,
    json::{MessageLimits, Scanner},
    meta::PROTOCOL_VERSION,
    model::{
        ask::ListenFilter,
        capability::{ClientCapabilities, ElicitationModes, SamplingModes},
        content::Level,
    },
};

const OLD: DecodeContext = DecodeContext::Stateful(Revision::V2025_11_25);

#[test]
fn each_official_request_of_a_client_decodes() {
    for (kind, text) in [
        (
            "CallTool",
            include_str!("../../../../tests/vectors/2026-07-28/examples/CallToolRequest/call-tool-request.json"),
        ),
        (
            "Complete",
            include_str!("../../../../tests/vectors/2026-07-28/examples/CompleteRequest/completion-request.json"),
        ),
        (
            "Discover",
            include_str!("../../../../tests/vectors/2026-07-28/examples/DiscoverRequest/server-discover-request.json"),
        ),
        (
            "GetPrompt",
            include_str!("../../../../tests/vectors/2026-07-28/examples/GetPromptRequest/get-prompt-request.json"),
        ),
        (
            "ListPrompts",
            include_str!("../../../../tests/vectors/2026-07-28/examples/ListPromptsRequest/list-prompts-request.json"),
        ),
        (
            "ListTemplates",
            include_str!(
                "../../../../tests/vectors/2026-07-28/examples/ListResourceTemplatesRequest/list-resource-templates-request.json"
            ),
        ),
        (
            "ListResources",
            include_str!(
                "../../../../tests/vectors/2026-07-28/examples/ListResourcesRequest/list-resources-request.json"
            ),
        ),
        (
            "ListTools",
            include_str!("../../../../tests/vectors/2026-07-28/examples/ListToolsRequest/list-tools-request.json"),
        ),
        (
            "ReadResource",
            include_str!(
                "../../../../tests/vectors/2026-07-28/examples/ReadResourceRequest/read-resource-request.json"
            ),
        ),
        (
            "Listen",
            include_str!(
                "../../../../tests/vectors/2026-07-28/examples/SubscriptionsListenRequest/listen-for-list-changes.json"
            ),
        ),
    ] {
        let call = call(message(text), &DecodeContext::Stateless).unwrap();
        assert!(format!("{:?}", call.request).starts_with(kind), "{call:?}");
        assert_eq!(call.revision, Revision::V2026_07_28);
    }
}

#[test]
fn the_official_cancellation_of_a_client_decodes() {
    let text = include_str!(
        "../../../../tests/vectors/2026-07-28/examples/CancelledNotification/user-requested-cancellation.json"
    );
    let note = decode(message(text), &DecodeContext::Stateless).unwrap();
    assert!(matches!(note, Incoming::Note(Note::Cancelled { id: RequestId::Text(_) })), "{note:?}");
}

#[test]
fn a_method_that_the_era_lacks_is_unknown_before_anything_else_is_looked_at() {
    for method in
        ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/list"]
    {
        let undecoded = decode(request(method, json!({"_meta": 1, "name": 1})), &DecodeContext::Stateless).unwrap_err();
        assert_eq!((undecoded.fault, undecoded.revision), (Fault::UnknownMethod, Revision::V2026_07_28), "{method}");
        assert_eq!(undecoded.id, Some(RequestId::Integer(1)));
    }
    for method in ["server/discover", "subscriptions/listen", "TOOLS/LIST"] {
        assert_eq!(decode(request(method, json!({"_meta": 1})), &OLD).unwrap_err().fault, Fault::UnknownMethod);
    }
}

#[test]
fn a_call_keeps_its_arguments_as_they_came() {
    let params =
        json!({"name": "écho", "arguments": {"text": "a\nb"}, "inputResponses": {"k": {}}, "requestState": "s"});
    let Request::CallTool(tool) = stateless("tools/call", params.clone()).unwrap().request else { panic!() };
    assert_eq!((&*tool.name, tool.arguments.as_str()), ("écho", r#"{"text":"a\nb"}"#));
    assert_eq!(tool.input.responses.unwrap().as_str(), r#"{"k":{}}"#);
    assert_eq!(tool.input.state.as_deref(), Some("s"));
    let Request::CallTool(old) = stateful("tools/call", params).unwrap().request else { panic!() };
    assert!(old.input.responses.is_none() && old.input.state.is_none());
}

#[test]
fn arguments_that_are_absent_are_an_empty_object() {
    let Request::CallTool(tool) = stateful("tools/call", json!({"name": "a"})).unwrap().request else { panic!() };
    assert_eq!(tool.arguments.as_str(), "{}");
    let Request::GetPrompt(prompt) = stateful("prompts/get", json!({"name": "a"})).unwrap().request else { panic!() };
    assert_eq!(prompt.arguments.as_str(), "{}");
}

#[test]
fn parameters_of_the_wrong_shape_are_refused_and_named() {
    let uris = |count: usize| json!({"notifications": {"resourceSubscriptions": vec!["a"; count]}});
    for (method, params, named) in [
        ("tools/call", json!({}), "params.name"),
        ("tools/call", json!({"name": null}), "params.name"),
        ("tools/call", json!({"name": 1}), "params.name"),
        ("tools/call", json!({"Name": "a"}), "params.name"),
        ("tools/call", json!({"name": "a", "arguments": null}), "params.arguments"),
        ("tools/call", json!({"name": "a", "arguments": []}), "params.arguments"),
        ("tools/call", json!({"name": "a", "arguments": "{}"}), "params.arguments"),
        ("tools/call", json!({"name": "a", "inputResponses": null}), "params.inputResponses"),
        ("tools/call", json!({"name": "a", "inputResponses": 5}), "params.inputResponses"),
        ("tools/call", json!({"name": "a", "requestState": {}}), "params.requestState"),
        ("prompts/get", json!({"arguments": {}}), "params.name"),
        ("prompts/get", json!({"name": "a", "arguments": {"a": 1}}), "params.arguments"),
        ("prompts/get", json!({"name": "a", "arguments": {"a": "b", "c": null}}), "params.arguments"),
        ("prompts/get", json!({"name": "a", "arguments": ["a"]}), "params.arguments"),
        ("resources/read", json!({}), "params.uri"),
        ("resources/read", json!({"uri": ["a"]}), "params.uri"),
        ("resources/read", json!({"uri": "a", "inputResponses": null}), "params.inputResponses"),
        ("tools/list", json!({"cursor": null}), "params.cursor"),
        ("prompts/list", json!({"cursor": 1}), "params.cursor"),
        ("resources/list", json!({"cursor": {}}), "params.cursor"),
        ("resources/templates/list", json!({"cursor": true}), "params.cursor"),
        ("completion/complete", json!({}), "params.ref"),
        ("completion/complete", json!({"ref": ["ref/prompt", "a"], "argument": {}}), "params.ref"),
        ("completion/complete", json!({"ref": {"type": "ref/prompt"}}), "params.ref"),
        ("completion/complete", json!({"ref": {"type": "ref/resource", "name": "a"}}), "params.ref"),
        ("completion/complete", json!({"ref": {"type": "ref/tool", "name": "a"}}), "params.ref"),
        ("completion/complete", completion(json!({"argument": {"name": "a"}})), "params.argument"),
        ("completion/complete", completion(json!({"argument": {"name": "a", "value": 1}})), "params.argument"),
        ("completion/complete", completion(json!({"context": null})), "params.context"),
        ("completion/complete", completion(json!({"context": {"arguments": null}})), "params.context"),
        ("completion/complete", completion(json!({"context": {"arguments": {"a": 1}}})), "params.context"),
        ("subscriptions/listen", json!({}), "params.notifications"),
        ("subscriptions/listen", json!({"notifications": []}), "params.notifications"),
        ("subscriptions/listen", json!({"notifications": {"toolsListChanged": "yes"}}), "params.notifications"),
        ("subscriptions/listen", json!({"notifications": {"resourceSubscriptions": "a"}}), "params.notifications"),
        ("subscriptions/listen", json!({"notifications": {"resourceSubscriptions": [1, "a"]}}), "params.notifications"),
        ("subscriptions/listen", json!({"notifications": {"resourceSubscriptions": ["a".repeat(2049)]}}), "2,048"),
        ("subscriptions/listen", uris(257), "256"),
    ] {
        let fault = stateless(method, params.clone()).unwrap_err();
        let Fault::Params(sentence) = fault else { panic!("{method} {params} {fault:?}") };
        assert!(sentence.contains(named), "{method} {params} {sentence}");
    }
    assert!(stateless("subscriptions/listen", uris(256)).is_ok());
}

#[test]
fn parameters_of_stateful_methods_of_the_wrong_shape_are_refused_and_named() {
    let hello = |change: Value| {
        let mut params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}});
        params.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        params
    };
    assert!(stateful("initialize", hello(json!({}))).is_ok());
    for (method, params, named) in [
        ("initialize", json!({}), "params.protocolVersion"),
        ("initialize", hello(json!({"protocolVersion": 1})), "params.protocolVersion"),
        ("initialize", hello(json!({"protocolVersion": "2".repeat(65)})), "params.protocolVersion"),
        ("initialize", hello(json!({"capabilities": null})), "params.capabilities"),
        ("initialize", hello(json!({"capabilities": {"roots": true}})), "params.capabilities"),
        ("initialize", hello(json!({"capabilities": {"elicitation": {"url": 1}}})), "params.capabilities"),
        ("initialize", hello(json!({"clientInfo": {"name": "a"}})), "params.clientInfo"),
        ("initialize", hello(json!({"clientInfo": {"name": "a", "version": 1}})), "params.clientInfo"),
        ("initialize", hello(json!({"clientInfo": {"name": "a".repeat(1025), "version": "1"}})), "params.clientInfo"),
        ("logging/setLevel", json!({}), "params.level"),
        ("logging/setLevel", json!({"level": "loud"}), "params.level"),
        ("logging/setLevel", json!({"level": 3}), "params.level"),
        ("resources/subscribe", json!({}), "params.uri"),
        ("resources/unsubscribe", json!({"uri": 1}), "params.uri"),
        ("tools/list", json!({"_meta": null}), "params._meta"),
        ("tools/list", json!({"_meta": {"progressToken": 1.5}}), "params._meta"),
        ("ping", json!({"_meta": {"progressToken": null}}), "params._meta"),
    ] {
        let fault = stateful(method, params.clone()).unwrap_err();
        let Fault::Params(sentence) = fault else { panic!("{method} {params} {fault:?}") };
        assert!(sentence.contains(named), "{method} {params} {sentence}");
    }
}

#[test]
fn stateful_requests_need_no_meta() {
    for method in ["ping", "tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
        let text = json!({"jsonrpc": "2.0", "id": 1, "method": method}).to_string();
        assert!(matches!(decode(message(&text), &OLD), Ok(Incoming::Call(_))), "{method}");
    }
}

#[test]
fn a_stateful_call_takes_nothing_but_the_token_from_meta() {
    let call = stateful("tools/list", json!({"_meta": meta(json!({"progressToken": "a"}))})).unwrap();
    assert_eq!(call.revision, Revision::V2025_11_25);
    assert!(call.meta.progress_token.is_some());
    assert!(call.meta.capabilities.is_none() && call.meta.log_level.is_none());
}

#[test]
fn a_stateless_request_with_incomplete_meta_is_refused_and_the_member_named() {
    for (meta, named) in [
        (Value::Null, "_meta is required"),
        (json!("x"), "_meta is required"),
        (json!([]), "_meta is required"),
        (json!({}), "protocolVersion"),
        (meta(json!({"io.modelcontextprotocol/protocolVersion": null})), "protocolVersion"),
        (meta(json!({"io.modelcontextprotocol/protocolVersion": 20260728})), "protocolVersion"),
        (meta(json!({"io.modelcontextprotocol/protocolVersion": "v".repeat(65)})), "protocolVersion"),
        (json!({PROTOCOL_VERSION: "2026-07-28"}), "clientCapabilities"),
        (meta(json!({"io.modelcontextprotocol/clientCapabilities": null})), "clientCapabilities"),
        (meta(json!({"io.modelcontextprotocol/clientCapabilities": []})), "clientCapabilities"),
        (meta(json!({"io.modelcontextprotocol/clientCapabilities": {"sampling": true}})), "clientCapabilities"),
        (meta(json!({"io.modelcontextprotocol/clientCapabilities": {"sampling": {"tools": 1}}})), "clientCapabilities"),
        (meta(json!({"io.modelcontextprotocol/clientCapabilities": {"extensions": {"a": 1}}})), "clientCapabilities"),
        (meta(json!({"io.modelcontextprotocol/clientInfo": "me"})), "clientInfo"),
        (meta(json!({"io.modelcontextprotocol/clientInfo": {"name": "a"}})), "clientInfo"),
        (meta(json!({"io.modelcontextprotocol/clientInfo": {"name": "a", "version": "1", "title": 1}})), "clientInfo"),
        (meta(json!({"io.modelcontextprotocol/logLevel": "loud"})), "logLevel"),
        (meta(json!({"io.modelcontextprotocol/logLevel": null})), "logLevel"),
        (meta(json!({"progressToken": null})), "progressToken"),
        (meta(json!({"progressToken": 1.5})), "progressToken"),
        (meta(json!({"progressToken": {}})), "progressToken"),
    ] {
        // Wrong parameters beside it change nothing: `_meta` comes first.
        let undecoded = decode(request("tools/call", json!({"_meta": meta, "name": 1})), &DecodeContext::Stateless);
        let Fault::Meta(sentence) = undecoded.unwrap_err().fault else { panic!("{meta}") };
        assert!(sentence.contains(named), "{meta} {sentence}");
    }
    let nothing = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    assert!(matches!(decode(message(&nothing), &DecodeContext::Stateless).unwrap_err().fault, Fault::Meta(_)));
}

#[test]
fn a_version_that_is_not_of_the_era_is_unsupported_even_if_the_rest_of_meta_is_missing() {
    for version in ["v999.0.0", "2025-11-25", ""] {
        let params = json!({"_meta": {PROTOCOL_VERSION: version}});
        let fault = decode(request("tools/list", params), &DecodeContext::Stateless).unwrap_err().fault;
        assert_eq!(fault, Fault::UnsupportedVersion { requested: version.into() });
    }
}

#[test]
fn what_counts_in_meta_is_kept_and_the_rest_passed_over() {
    let said = meta(json!({
        "io.modelcontextprotocol/logLevel": "warning",
        "progressToken": u64::MAX,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "com.example/other": {"deep": [1, {"a": null}]},
        "io.modelcontextprotocol/clientInfo": {"name": "c", "version": "1", "title": "C", "icons": [{"src": "x"}], "new": 1},
    }));
    let call = stateless("tools/list", json!({"_meta": said})).unwrap();
    assert_eq!(call.meta.log_level, Some(Level::Warning));
    let mut token = Vec::new();
    call.meta.progress_token.unwrap().write(&mut token);
    assert_eq!(token, b"18446744073709551615");
    assert_eq!(call.meta.trace.unwrap().trace().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
}

/// P-68
#[test]
fn what_is_no_trace_counts_as_none() {
    for wrong in [json!("00-0-0-01"), json!(7), json!({"a": 1}), json!(null)] {
        let call = stateless("tools/list", json!({"_meta": meta(json!({"traceparent": wrong}))})).unwrap();
        assert_eq!(call.meta.trace, None);
    }
    for wrong in [json!(""), json!("a=b\r\nc=d"), json!("a=\u{e9}"), json!("x".repeat(513)), json!(["a=b"])] {
        let call = stateless("tools/list", json!({"_meta": meta(json!({"tracestate": wrong}))})).unwrap();
        assert_eq!(call.meta.trace_state, None, "{wrong}");
    }
    let longest = "x".repeat(512);
    let call = stateless("tools/list", json!({"_meta": meta(json!({"tracestate": longest}))})).unwrap();
    assert_eq!(call.meta.trace_state.unwrap().as_str(), longest);
}

/// P-68
#[test]
fn the_trace_of_a_message_is_known_also_where_it_is_refused() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let params = json!({"_meta": {"traceparent": parent}});
    let opened = open(request("no/such", params));
    assert_eq!(opened.trace().map(|(trace, _)| trace), TraceParent::parse(parent));
    assert!(opened.decode(&DecodeContext::Stateless).is_err());
}

#[test]
fn escaped_names_of_members_mean_the_same() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools\/list","params":{"_met\u0061":{"io.modelcontextprotocol\/protocolVersion":"2026-07-2\u0038","io.modelcontextprotocol/clientCapabilities":{"r\u006fots":{}}}}}"#;
    let Incoming::Call(call) = decode(message(text), &DecodeContext::Stateless).unwrap() else { panic!() };
    assert!(call.meta.capabilities.unwrap().roots);
}

#[test]
fn an_empty_declaration_of_elicitation_means_forms() {
    let modes = |declared: Value| {
        let capabilities = json!({"io.modelcontextprotocol/clientCapabilities": {"elicitation": declared}});
        let call = stateless("tools/list", json!({"_meta": meta(capabilities)})).unwrap();
        call.meta.capabilities.unwrap().elicitation.unwrap()
    };
    assert_eq!(modes(json!({})), ElicitationModes { form: true, url: false });
    assert_eq!(modes(json!({"form": {"a": 1}})), ElicitationModes { form: true, url: false });
    assert_eq!(modes(json!({"url": {}})), ElicitationModes { form: false, url: true });
    assert_eq!(modes(json!({"url": {}, "form": {}})), ElicitationModes { form: true, url: true });
}

#[test]
fn capabilities_are_read_by_presence() {
    let declared = json!({"sampling": {"tools": {}}, "roots": {"listChanged": true}, "experimental": {"x": 1},
        "tasks": {}, "extensions": {"com.example/a": {"b": 1}, "com.example/c": {}}});
    let call = stateless(
        "tools/list",
        json!({"_meta": meta(json!({"io.modelcontextprotocol/clientCapabilities": declared}))}),
    );
    let capabilities = call.unwrap().meta.capabilities.unwrap();
    assert_eq!(capabilities.sampling, Some(SamplingModes { tools: true, context: false }));
    assert!(capabilities.roots && capabilities.elicitation.is_none());
    assert_eq!(capabilities.extensions, ["com.example/a".into(), "com.example/c".into()]);
}

#[test]
fn extensions_are_counted() {
    let with = |count: usize| {
        let extensions: serde_json::Map<_, _> = (0..count).map(|n| (format!("com.example/{n}"), json!({}))).collect();
        let capabilities = json!({"io.modelcontextprotocol/clientCapabilities": {"extensions": extensions}});
        read_whole("tools/list", json!({"_meta": meta(capabilities)}))
    };
    assert!(with(64).is_ok());
    assert!(matches!(with(65), Err(Fault::Meta(_))));
}

#[test]
fn a_completion_names_its_target_its_argument_and_what_is_known() {
    let params = completion(json!({"context": {"arguments": {"a": "b"}, "more": 1}}));
    let Request::Complete(complete) = stateless("completion/complete", params.clone()).unwrap().request else {
        panic!()
    };
    assert_eq!(complete.reference, Reference::Prompt("review".into()));
    assert_eq!((&*complete.argument, &*complete.value), ("language", "py"));
    assert_eq!(complete.context.as_str(), r#"{"a":"b"}"#);
    let resource = completion(json!({"ref": {"type": "ref/resource", "uri": "a://{b}"}}));
    let Request::Complete(complete) = stateful("completion/complete", resource).unwrap().request else { panic!() };
    assert_eq!(complete.reference, Reference::Resource("a://{b}".into()));
    assert_eq!(complete.context.as_str(), "{}");
}

#[test]
fn the_context_of_a_completion_exists_from_2025_06_18() {
    for revision in Revision::ALL.into_iter().filter(|revision| revision.era() == Era::Stateful) {
        let params = completion(json!({"context": {"arguments": {"a": "b"}}}));
        let decoded = decode(request("completion/complete", params), &DecodeContext::Stateful(revision)).unwrap();
        let Incoming::Call(call) = decoded else { panic!() };
        let Request::Complete(complete) = call.request else { panic!() };
        assert_eq!(complete.context.as_str() != "{}", revision >= Revision::V2025_06_18, "{revision}");
    }
}

#[test]
fn a_listen_filter_is_off_where_it_says_nothing() {
    let filter = |notifications: Value| {
        let call = stateless("subscriptions/listen", json!({"notifications": notifications})).unwrap();
        let Request::Listen(filter) = call.request else { panic!() };
        *filter
    };
    assert_eq!(filter(json!({})), ListenFilter::default());
    assert_eq!(
        filter(json!({"toolsListChanged": true, "promptsListChanged": false, "resourceSubscriptions": ["a://b"]})),
        ListenFilter { tools: true, uris: vec!["a://b".into()], ..ListenFilter::default() }
    );
}

#[test]
fn notifications_are_read_or_ignored_and_never_refused() {
    for (method, params, old, new) in [
        ("notifications/initialized", json!({}), "Initialized", "Ignored"),
        ("notifications/roots/list_changed", json!({}), "RootsChanged", "Ignored"),
        (
            "notifications/cancelled",
            json!({"requestId": 7}),
            "Cancelled { id: Integer(7) }",
            "Cancelled { id: Integer(7) }",
        ),
        ("notifications/cancelled", json!({"requestId": null}), "Ignored", "Ignored"),
        ("notifications/cancelled", json!({"requestId": 1.5}), "Ignored", "Ignored"),
        ("notifications/cancelled", json!({}), "Ignored", "Ignored"),
        ("notifications/progress", json!({"progressToken": 1}), "Ignored", "Ignored"),
        ("tools/call", json!({"name": "a"}), "Ignored", "Ignored"),
        ("no/such", json!({"_meta": 1}), "Ignored", "Ignored"),
    ] {
        let text = json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string();
        for (context, expected) in [(OLD, old), (DecodeContext::Stateless, new)] {
            let Incoming::Note(note) = decode(message(&text), &context).unwrap() else { panic!("{text}") };
            assert_eq!(format!("{note:?}"), expected, "{text}");
        }
    }
}

#[test]
fn an_answer_of_the_client_keeps_its_result() {
    let text = json!({"jsonrpc": "2.0", "id": "q1", "result": {"action": "decline"}}).to_string();
    let Incoming::Answer(answer) = decode(message(&text), &OLD).unwrap() else { panic!() };
    assert_eq!(answer.id, RequestId::Text("q1".into()));
    assert_eq!(answer.result.unwrap().as_str(), r#"{"action":"decline"}"#);
}

#[test]
fn the_version_is_known_before_the_era_is_chosen() {
    let version = |meta: Value| format!("{:?}", open(request("tools/list", json!({"_meta": meta}))).version());
    assert_eq!(version(json!({PROTOCOL_VERSION: "2026-07-28"})), r#"Named("2026-07-28")"#);
    assert_eq!(version(json!({PROTOCOL_VERSION: "v999.0.0"})), r#"Named("v999.0.0")"#);
    assert_eq!(version(json!({PROTOCOL_VERSION: 1})), "Wrong");
    assert_eq!(version(json!({PROTOCOL_VERSION: null})), "Wrong");
    for absent in [json!({}), json!(1), Value::Null] {
        assert_eq!(version(absent), "Absent");
    }
    let note = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"_meta": meta(json!({}))}});
    assert_eq!(open(message(&note.to_string())).version(), MetaVersion::Absent);
}

/// A complete `_meta` of 2026-07-28 with changes.
fn meta(changes: Value) -> Value {
    let mut meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    meta.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    meta
}

/// Parameters of a completion with changes.
fn completion(changes: Value) -> Value {
    let mut params =
        json!({"ref": {"type": "ref/prompt", "name": "review"}, "argument": {"name": "language", "value": "py"}});
    params.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    params
}

fn stateless(method: &str, mut params: Value) -> Result<Box<Call>, Fault> {
    let members = params.as_object_mut().unwrap();
    members.entry("_meta").or_insert_with(|| meta(json!({})));
    call(request(method, params), &DecodeContext::Stateless)
}

fn stateful(method: &str, params: Value) -> Result<Box<Call>, Fault> {
    call(request(method, params), &OLD)
}

/// As [`stateless`], with limits of the envelope that let more members through than the decoder takes.
fn read_whole(method: &str, params: Value) -> Result<Box<Call>, Fault> {
    let text = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let mut limits = MessageLimits::development();
    limits.elsewhere.members = 1000;
    let message = envelope::read(text.into(), &limits, &mut Scanner::new()).unwrap();
    call(message, &DecodeContext::Stateless)
}

fn call(message: Message, context: &DecodeContext) -> Result<Box<Call>, Fault> {
    match decode(message, context) {
        Ok(Incoming::Call(call)) => Ok(call),
        Ok(other) => panic!("{other:?}"),
        Err(undecoded) => Err(undecoded.fault),
    }
}

fn request(method: &str, params: Value) -> Message {
    message(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
}

fn message(text: &str) -> Message {
    envelope::read(text.to_owned().into(), &MessageLimits::development(), &mut Scanner::new()).unwrap()
}

#[test]
fn a_client_is_not_believed_to_do_what_its_revision_lacks() {
    let all = ClientCapabilities {
        elicitation: Some(ElicitationModes { form: true, url: true }),
        sampling: Some(SamplingModes { tools: true, context: true }),
        roots: true,
        extensions: vec!["com.example/a".into()],
    };
    for revision in Revision::ALL {
        let known = all.clone().known_in(revision);
        assert_eq!(known.elicitation.is_some(), revision >= Revision::V2025_06_18, "{revision}");
        assert_eq!(known.elicitation.is_some_and(|modes| modes.url), revision >= Revision::V2025_11_25, "{revision}");
        assert_eq!(known.sampling.map(|modes| modes.tools), Some(revision >= Revision::V2025_11_25), "{revision}");
        assert_eq!((known.roots, known.extensions.is_empty()), (true, revision < Revision::V2026_07_28), "{revision}");
    }
    let url = ClientCapabilities { elicitation: Some(ElicitationModes { form: false, url: true }), ..all };
    let known = url.known_in(Revision::V2025_06_18);
    assert_eq!(known.elicitation, Some(ElicitationModes { form: true, url: false }));
}
