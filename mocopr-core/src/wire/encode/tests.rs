//! Every message of every revision against the official schema, and what the schemas do not say.

use std::time::Duration;

use serde_json::{Value, json};

use super::{samples as sample_of, *};
use crate::{
    fault::{Fault, Target},
    id::RequestId,
    json::{MessageLimits, RawJson},
    meta::SERVER_INFO,
    model::{
        ask::{Ask, Questions, Sample, SampleMessage},
        capability::{ClientCapabilities, ElicitationModes, Hello, Implementation, SamplingModes},
        content::{Content, Role},
        notice::Notice,
        resource::Contents,
        tool::{OutputSchema, Tool, ToolResult},
    },
    outcome::{Incident, PublicError, Reply},
    page::{CacheHint, Page},
    wire::official::{defines, members, problems},
};

fn stamp() -> Stamp {
    Stamp::new(&Implementation { name: "test".into(), version: "1".into(), ..Implementation::default() })
}

#[test]
fn every_result_says_who_the_server_is_from_2026_07_28_on() {
    let own = RawJson::from_value(&json!({"example.com/own": 1}));
    for meta in [None, Some(own)] {
        let tool = Reply::Tool(ToolResult { meta: meta.clone(), ..ToolResult::text("hello") });
        let new = value(&reply_response(&sample_of::id(), &tool, Revision::V2026_07_28, &stamp()));
        let stamped = &new["result"]["_meta"];
        assert!(stamped[SERVER_INFO]["name"].is_string(), "{new}");
        assert_eq!(stamped.get("example.com/own").is_some(), meta.is_some());
        let old = value(&reply_response(&sample_of::id(), &tool, Revision::V2025_11_25, &stamp()));
        assert_eq!(old["result"].get("_meta").is_some(), meta.is_some(), "{old}");
    }
}

#[test]
fn results_of_handlers_match_the_schema_of_their_revision() {
    let resource = sample_of::resource();
    let Page { items, next_cursor, cache } = sample_of::page(&resource);
    let listed = Page { items: items.into_iter().cloned().collect(), next_cursor, cache };
    for revision in Revision::ALL {
        for (definition, result) in [
            ("CallToolResult", Reply::Tool(sample_of::tool_result())),
            ("CallToolResult", Reply::Tool(ToolResult::default())),
            ("GetPromptResult", Reply::Prompt(sample_of::prompt_result())),
            ("ReadResourceResult", Reply::Read(sample_of::read_result())),
            ("CompleteResult", Reply::Completion(sample_of::completion())),
            ("ListResourcesResult", Reply::Resources(listed.clone())),
        ] {
            let bytes = reply(&result, revision);
            assert_valid(revision, definition, &bytes);
            let whole = value(&reply_response(&sample_of::id(), &result, revision, &stamp()));
            assert_valid(revision, definition, &serde_json::to_vec(&whole["result"]).unwrap());
            let mut plain = value(&bytes);
            if revision.era() == Era::Stateless {
                plain["_meta"][SERVER_INFO] = whole["result"]["_meta"][SERVER_INFO].clone();
            }
            assert_eq!(whole, json!({"jsonrpc": "2.0", "id": "an \"id\"\n", "result": plain}));
        }
    }
}

#[test]
fn lists_match_the_schema_of_their_revision() {
    let (tool, prompt) = (sample_of::tool(), sample_of::prompt());
    let (resource, template) = (sample_of::resource(), sample_of::template());
    for revision in Revision::ALL {
        assert_valid(revision, "ListToolsResult", &tools(&sample_of::page(&tool), revision));
        assert_valid(revision, "ListPromptsResult", &prompts(&sample_of::page(&prompt), revision));
        assert_valid(revision, "ListResourcesResult", &resources(&sample_of::page(&resource), revision));
        assert_valid(revision, "ListResourceTemplatesResult", &templates(&sample_of::page(&template), revision));
        let none: Page<&Tool> = Page { items: Vec::new(), next_cursor: None, cache: CacheHint::NONE };
        assert_valid(revision, "ListToolsResult", &tools(&none, revision));
    }
}

#[test]
fn greetings_match_the_schema_of_their_revision() {
    for revision in Revision::ALL {
        let definition = match revision.era() {
            Era::Stateful => "InitializeResult",
            Era::Stateless => "DiscoverResult",
        };
        assert_valid(revision, definition, &hello(&sample_of::hello(), revision));
        assert_valid(revision, definition, &hello(&Hello::default(), revision));
    }
}

#[test]
fn an_initialize_result_names_the_version_that_was_agreed_on() {
    for revision in Revision::ALL.into_iter().filter(|revision| revision.era() == Era::Stateful) {
        let greeting = value(&hello(&sample_of::hello(), revision));
        assert_eq!(greeting["protocolVersion"], revision.as_str());
        assert_eq!(greeting["serverInfo"]["name"], "server");
    }
}

#[test]
fn a_discover_result_says_who_the_server_is_in_meta() {
    let greeting = value(&hello(&sample_of::hello(), Revision::V2026_07_28));
    assert_eq!(greeting["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "server");
    assert_eq!(greeting["supportedVersions"], json!(Revision::ALL.map(Revision::as_str)));
    assert_eq!((&greeting["ttlMs"], &greeting["cacheScope"]), (&json!(1500), &json!("public")));
}

#[test]
fn an_empty_result_has_a_type_only_where_results_have_types() {
    for revision in Revision::ALL {
        assert_valid(revision, "EmptyResult", empty(revision));
        assert_eq!(empty(revision) == b"{}", revision.era() == Era::Stateful);
    }
}

#[test]
fn responses_match_the_schema_of_their_revision() {
    for revision in Revision::ALL {
        let envelope =
            if defines(revision, "JSONRPCResultResponse") { "JSONRPCResultResponse" } else { "JSONRPCResponse" };
        for id in [RequestId::Integer(-3), RequestId::Text("a".into())] {
            let whole = response(&id, empty(revision), revision, &stamp());
            assert_valid(revision, envelope, &whole);
            let kept = kept(empty(revision), revision, Some(&stamp()));
            assert_eq!([response_start(&id), kept].concat(), whole, "{revision:?}");
        }
    }
}

#[test]
fn questions_match_the_schema_and_exist_only_in_stateless_revisions() {
    for revision in Revision::ALL {
        let bytes = questions(&sample_of::questions(), revision);
        assert_eq!(bytes.is_some(), revision.era() == Era::Stateless);
        let stateless = bytes.inspect(|bytes| assert_valid(revision, "InputRequiredResult", bytes));
        assert!(stateless.is_none_or(|bytes| value(&bytes)["resultType"] == "input_required"));
    }
    let state_alone = Questions { asks: Vec::new(), state: Some("sealed".into()) };
    let bytes = questions(&state_alone, Revision::V2026_07_28).unwrap();
    assert_eq!(value(&bytes), json!({"resultType": "input_required", "requestState": "sealed"}));
}

#[test]
fn requests_to_the_client_match_the_schema_where_the_revision_has_them() {
    for (definition, question, first) in [
        ("ElicitRequest", sample_of::form(), Revision::V2025_06_18),
        ("ElicitRequest", sample_of::url(), Revision::V2025_11_25),
        ("CreateMessageRequest", sample_of::sample(), Revision::V2024_11_05),
        ("ListRootsRequest", Ask::Roots, Revision::V2024_11_05),
    ] {
        for revision in Revision::ALL {
            let bytes = ask(&RequestId::Integer(1), &question, revision);
            let exists = revision >= first && revision.era() == Era::Stateful;
            assert_eq!(bytes.is_some(), exists, "{definition} {revision}");
            bytes.inspect(|bytes| assert_valid(revision, definition, bytes));
        }
    }
}

#[test]
fn a_form_names_its_mode_where_there_are_modes() {
    let mode =
        |revision| value(&ask(&RequestId::Integer(1), &sample_of::form(), revision).unwrap())["params"]["mode"].clone();
    assert_eq!(mode(Revision::V2025_06_18), Value::Null);
    assert_eq!(mode(Revision::V2025_11_25), "form");
}

#[test]
fn notices_match_the_schema_where_the_revision_has_them() {
    let id = RequestId::Integer(77);
    for revision in Revision::ALL {
        for kind in sample_of::notices() {
            let (definition, exists) = match kind {
                Notice::Progress { .. } => ("ProgressNotification", true),
                Notice::Log(_) => ("LoggingMessageNotification", true),
                Notice::ToolsChanged => ("ToolListChangedNotification", true),
                Notice::PromptsChanged => ("PromptListChangedNotification", true),
                Notice::ResourcesChanged => ("ResourceListChangedNotification", true),
                Notice::ResourceUpdated { .. } => ("ResourceUpdatedNotification", true),
                Notice::Acknowledged(_) => (
                    "SubscriptionsAcknowledgedNotification",
                    defines(revision, "SubscriptionsAcknowledgedNotification"),
                ),
                Notice::ElicitationComplete { .. } => {
                    ("ElicitationCompleteNotification", defines(revision, "ElicitationCompleteNotification"))
                }
                Notice::Cancelled { .. } => ("CancelledNotification", true),
            };
            for subscription in [None, Some(&id)] {
                let bytes = notice(&kind, revision, subscription);
                assert_eq!(bytes.is_some(), exists, "{definition} {revision}");
                bytes.inspect(|bytes| assert_valid(revision, definition, bytes));
            }
        }
    }
}

#[test]
fn a_subscription_is_named_with_the_type_of_its_id() {
    for (id, expected) in [(RequestId::Integer(77), json!(77)), (RequestId::Text("77".into()), json!("77"))] {
        let changed = value(&notice(&Notice::ToolsChanged, Revision::V2026_07_28, Some(&id)).unwrap());
        assert_eq!(changed["params"]["_meta"], json!({"io.modelcontextprotocol/subscriptionId": expected}));
        let end = listen_end(&id, &stamp());
        assert_valid(Revision::V2026_07_28, "SubscriptionsListenResultResponse", &end);
        assert_eq!(value(&end)["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], expected);
    }
}

#[test]
fn errors_match_the_schema_of_their_revision() {
    for revision in Revision::ALL {
        let definition =
            if defines(revision, "JSONRPCErrorResponse") { "JSONRPCErrorResponse" } else { "JSONRPCError" };
        for fault in faults() {
            let public = PublicError::sanitized(fault, "no".into(), Some(Incident::new(0xab)));
            let bytes = error(Some(&RequestId::Integer(1)), &public, revision, &Revision::ALL);
            assert_valid(revision, definition, &bytes);
            assert_eq!(value(&bytes)["error"]["data"]["incident"], "00000000000000ab");
        }
    }
}

#[test]
fn errors_that_have_a_schema_of_their_own_match_it() {
    let revision = Revision::V2026_07_28;
    for (definition, fault) in [
        ("HeaderMismatchError", Fault::HeaderMismatch("")),
        ("MissingRequiredClientCapabilityError", Fault::MissingCapability(Box::new(sample_of::client_capabilities()))),
        ("UnsupportedProtocolVersionError", Fault::UnsupportedVersion { requested: "v999.0.0".into() }),
    ] {
        let public = PublicError::sanitized(fault, "no".into(), None);
        let bytes = error(Some(&RequestId::Integer(1)), &public, revision, &[revision]);
        assert_eq!(problems(revision, definition, &value(&bytes)), [""; 0], "{definition}");
    }
}

#[test]
fn data_of_an_error_is_what_its_fault_names_and_absent_where_it_names_none() {
    let form = ClientCapabilities {
        elicitation: Some(ElicitationModes { form: true, url: false }),
        ..ClientCapabilities::default()
    };
    let sampling = ClientCapabilities { sampling: Some(SamplingModes::default()), ..ClientCapabilities::default() };
    let wait = Duration::from_millis(1500);
    for (fault, data) in [
        (Fault::ResourceAbsent { uri: "test://\"none".into() }, json!({"uri": "test://\"none"})),
        (Fault::MissingCapability(Box::new(form)), json!({"requiredCapabilities": {"elicitation": {}}})),
        (Fault::MissingCapability(Box::new(sampling)), json!({"requiredCapabilities": {"sampling": {}}})),
        (
            Fault::UnsupportedVersion { requested: "v999.0.0".into() },
            json!({"supported": ["2025-11-25", "2026-07-28"], "requested": "v999.0.0"}),
        ),
        (Fault::Scope(Box::new(["a".into(), "b".into()])), json!({"scopes": ["a", "b"]})),
        (Fault::Rate { retry_after: wait }, json!({"retryAfterMs": 1500})),
        (Fault::Busy { retry_after: wait }, json!({"retryAfterMs": 1500})),
        (Fault::Internal, Value::Null),
        (Fault::Params("x"), Value::Null),
    ] {
        let public = PublicError::sanitized(fault.clone(), "no".into(), None);
        let served = [Revision::V2025_11_25, Revision::V2026_07_28];
        let error = value(&error(Some(&RequestId::Integer(1)), &public, Revision::V2026_07_28, &served));
        assert_eq!(error["error"].get("data").unwrap_or(&Value::Null), &data, "{fault:?}");
    }
}

#[test]
fn a_client_is_told_which_versions_it_may_name_instead() {
    let told = |requested: &str, revision: Revision, served: &[Revision]| {
        let fault = Fault::UnsupportedVersion { requested: requested.into() };
        let bytes = error(None, &PublicError::sanitized(fault, "no".into(), None), revision, served);
        value(&bytes)["error"]["data"]["supported"].clone()
    };
    let newest = Revision::V2026_07_28;
    let all = json!(Revision::ALL.map(Revision::as_str));
    assert_eq!(told("1999-01-01", newest, &Revision::ALL), all);
    // A version that needs a handshake was named in a single request.
    assert_eq!(told("2025-06-18", newest, &Revision::ALL), json!(["2026-07-28"]));
    assert_eq!(told("2025-06-18", newest, &[newest]), json!(["2026-07-28"]));
    let old = [Revision::V2024_11_05, Revision::V2025_06_18];
    assert_eq!(told("2026-07-28", newest, &old), json!(["2024-11-05", "2025-06-18"]));
    assert_eq!(told("2025-06-18", newest, &old), json!(["2024-11-05", "2025-06-18"]));
    // In a session there is no choice left.
    assert_eq!(told("2025-06-18", Revision::V2025_03_26, &Revision::ALL), json!(["2025-03-26"]));
}

#[test]
fn answers_to_a_batch_stand_in_one_array() {
    assert_eq!(batch(&[]), "[]");
    assert_eq!(batch(&[Bytes::from_static(b"{}")]), "[{}]");
    assert_eq!(batch(&[Bytes::from_static(b"{}"), Bytes::from_static(b"1")]), "[{},1]");
}

#[test]
fn an_error_without_an_id_has_no_such_member() {
    let public = PublicError::sanitized(Fault::Parse, "not JSON".into(), None);
    let bytes = error(None, &public, Revision::V2026_07_28, &[]);
    assert_eq!(bytes, r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"not JSON"}}"#);
}

/// What the table leaves out on purpose stands here; everything else that a schema names must be written.
#[test]
fn every_member_that_a_schema_names_is_written() {
    let (tool, prompt) = (sample_of::tool(), sample_of::prompt());
    let (resource, template) = (sample_of::resource(), sample_of::template());
    for revision in Revision::ALL {
        let list = value(&tools(&sample_of::page(&tool), revision));
        assert_members(revision, "ListToolsResult", &list, &["_meta"]);
        assert_members(revision, "Tool", &list["tools"][0], &["execution"]);
        assert_members(revision, "ToolAnnotations", &list["tools"][0]["annotations"], &["title"]);
        let list = value(&prompts(&sample_of::page(&prompt), revision));
        assert_members(revision, "Prompt", &list["prompts"][0], &[]);
        assert_members(revision, "PromptArgument", &list["prompts"][0]["arguments"][0], &[]);
        let list = value(&resources(&sample_of::page(&resource), revision));
        assert_members(revision, "Resource", &list["resources"][0], &[]);
        let list = value(&templates(&sample_of::page(&template), revision));
        assert_members(revision, "ResourceTemplate", &list["resourceTemplates"][0], &[]);
        let result = value(&reply(&Reply::Tool(sample_of::tool_result()), revision));
        assert_members(revision, "CallToolResult", &result, &[]);
        assert_members(revision, "TextContent", &result["content"][0], &["_meta"]);
        assert_members(revision, "ImageContent", &result["content"][2], &["_meta"]);
        assert_members(revision, "EmbeddedResource", &result["content"][5], &["_meta"]);
        assert_members(revision, "TextResourceContents", &result["content"][5]["resource"], &["_meta"]);
        if revision >= Revision::V2025_06_18 {
            assert_members(revision, "AudioContent", &result["content"][3], &["_meta"]);
            assert_members(revision, "ResourceLink", &result["content"][4], &["_meta"]);
            assert_members(revision, "Annotations", &result["content"][0]["annotations"], &[]);
        }
        let result = value(&reply(&Reply::Prompt(sample_of::prompt_result()), revision));
        assert_members(revision, "GetPromptResult", &result, &[]);
        let result = value(&reply(&Reply::Read(sample_of::read_result()), revision));
        assert_members(revision, "ReadResourceResult", &result, &[]);
        let result = value(&reply(&Reply::Completion(sample_of::completion()), revision));
        assert_members(revision, "CompleteResult", &result, &["_meta"]);
        let greeting = value(&hello(&sample_of::hello(), revision));
        assert_members(revision, "ServerCapabilities", &greeting["capabilities"], &["experimental", "tasks"]);
        if revision.era() == Era::Stateful {
            assert_members(revision, "InitializeResult", &greeting, &["_meta"]);
            assert_members(revision, "Implementation", &greeting["serverInfo"], &[]);
        }
    }
}

#[test]
fn a_link_becomes_text_before_links_exist() {
    let expected = |revision: Revision| if revision < Revision::V2025_06_18 { "text" } else { "resource_link" };
    for revision in Revision::ALL {
        let block = first_block(sample_of::link(), revision);
        assert_eq!(block["type"], expected(revision));
        assert_eq!(block["annotations"]["priority"], 0.5);
    }
    assert_eq!(first_block(sample_of::link(), Revision::V2025_03_26)["text"], "test://linked");
}

#[test]
fn sound_becomes_text_before_sound_exists() {
    assert_eq!(first_block(sample_of::audio(), Revision::V2024_11_05)["text"], "[audio]");
    assert_eq!(first_block(sample_of::audio(), Revision::V2025_03_26)["type"], "audio");
}

#[test]
fn sampling_carries_the_text_of_an_embedded_resource_or_its_uri() {
    for (contents, text) in
        [(Contents::text("test://text", "words"), "words"), (Contents::blob("test://blob", &[1]), "test://blob")]
    {
        let message = SampleMessage { role: Role::User, content: sample_of::embedded(contents) };
        let sample = Sample {
            messages: vec![message],
            max_tokens: 1,
            system_prompt: None,
            temperature: Some(f64::NAN),
            stop_sequences: Vec::new(),
        };
        let bytes = ask(&RequestId::Integer(1), &Ask::Sample(Box::new(sample)), Revision::V2025_11_25).unwrap();
        assert_valid(Revision::V2025_11_25, "CreateMessageRequest", &bytes);
        assert_eq!(value(&bytes)["params"]["messages"][0]["content"]["text"], text);
    }
}

#[test]
fn structured_content_that_is_no_object_exists_only_from_2026_07_28() {
    for revision in Revision::ALL {
        let result = ToolResult { structured: Some(sample_of::raw(json!([1]))), ..ToolResult::text("[1]") };
        let written = value(&reply(&Reply::Tool(result), revision));
        assert_eq!(written.get("structuredContent").is_some(), revision >= Revision::V2026_07_28, "{revision}");
        let schema = OutputSchema { schema: sample_of::raw(json!({"type": "array"})), is_object: false };
        let tool = Tool { output_schema: Some(schema), ..sample_of::tool() };
        let listed = value(&tools(&sample_of::page(&tool), revision));
        assert_eq!(listed["tools"][0].get("outputSchema").is_some(), revision >= Revision::V2026_07_28, "{revision}");
    }
}

#[test]
fn what_says_nothing_is_left_out() {
    let tool = Tool {
        title: None,
        description: None,
        icons: Vec::new(),
        output_schema: None,
        annotations: Default::default(),
        meta: None,
        ..sample_of::tool()
    };
    for revision in Revision::ALL {
        let listed = value(&tools(&sample_of::page(&tool), revision));
        let names: Vec<_> = listed["tools"][0].as_object().unwrap().keys().collect();
        assert_eq!(names, ["inputSchema", "name"]);
        let result = value(&reply(&Reply::Tool(ToolResult::text("a")), revision));
        assert!(result.get("isError").is_none() && result.get("_meta").is_none());
    }
}

#[test]
fn structured_content_that_came_with_line_breaks_leaves_without() {
    let limits = MessageLimits::development().arguments;
    let pretty = RawJson::parse("{\n  \"a\": \"x y\"\n}".into(), &limits);
    let result = ToolResult { structured: Some(pretty.unwrap()), ..ToolResult::default() };
    let bytes = reply(&Reply::Tool(result), Revision::V2025_11_25);
    assert_eq!(bytes, r#"{"content":[],"structuredContent":{"a":"x y"}}"#);
}

#[test]
fn a_large_answer_is_written_without_growing_its_buffer() {
    let result = Reply::Tool(ToolResult::text("a\n".repeat(8) + &"word ".repeat(20_000)));
    let mut out = Vec::with_capacity(size_of_reply(&result));
    let room = out.capacity();
    write_reply(&mut out, &result, Revision::V2026_07_28);
    assert_eq!(out.capacity(), room);
}

fn first_block(content: Content, revision: Revision) -> Value {
    let result = ToolResult { content: vec![content], ..ToolResult::default() };
    value(&reply(&Reply::Tool(result), revision))["content"][0].clone()
}

fn faults() -> Vec<Fault> {
    let wait = Duration::from_secs(1);
    vec![
        Fault::Parse,
        Fault::TooLarge,
        Fault::Envelope("x"),
        Fault::UnknownMethod,
        Fault::Meta("x"),
        Fault::Params("x"),
        Fault::Arguments("x".into()),
        Fault::UnknownName(Target::Tool),
        Fault::ResourceAbsent { uri: "a".into() },
        Fault::Sealed("x"),
        Fault::HeaderMismatch("x"),
        Fault::MissingCapability(Box::new(sample_of::client_capabilities())),
        Fault::UnsupportedVersion { requested: "x".into() },
        Fault::UnknownSession,
        Fault::Unauthenticated,
        Fault::Scope(Box::new(["a".into()])),
        Fault::Refused,
        Fault::Rate { retry_after: wait },
        Fault::Busy { retry_after: wait },
        Fault::Timeout,
        Fault::Internal,
    ]
}

/// The bytes are one line of JSON that the closed schema of the revision accepts.
fn assert_valid(revision: Revision, definition: &str, bytes: &[u8]) {
    assert!(!bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')), "{definition} {revision} has a line break");
    let mut message = value(bytes);
    let named = members(revision, definition);
    for member in ["jsonrpc", "id"] {
        // Older schemas describe requests and notifications without their envelope.
        if !named.iter().any(|name| name == member) {
            message.as_object_mut().unwrap().remove(member);
        }
    }
    assert_eq!(problems(revision, definition, &message), [""; 0], "{definition} {revision}\n{message}");
}

fn assert_members(revision: Revision, definition: &str, object: &Value, left_out: &[&str]) {
    if !defines(revision, definition) {
        return;
    }
    let mut written: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    written.sort_unstable();
    let mut named = members(revision, definition);
    named.retain(|name| !left_out.contains(&name.as_str()));
    assert_eq!(written, named, "{definition} {revision}");
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}
