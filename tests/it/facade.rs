//! What the facade's signatures name can be named through it.

use mocopr::{
    FailureKind, IntoToolResult, NoArguments, ResourceInfo, Revision,
    model::{ClientCapabilities, OutputSchema, RawJson},
    prelude::*,
    security::{JsonLimits, Limits, MessageLimits, SchemaLimits},
    testing::TestClient,
};
use serde_json::json;

/// A type of a user that says its structure, schema and `_meta` itself.
struct Report;

impl IntoToolResult for Report {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        let structured = Some(RawJson::from_value(&json!({"ready": true})));
        let meta = Some(RawJson::encode(&json!({"com.example/took": 3}))?);
        Ok(ToolResult { structured, meta, ..ToolResult::text("ready") })
    }

    fn output_schema() -> Option<OutputSchema> {
        let schema = json!({"type": "object", "properties": {"ready": {"type": "boolean"}}});
        Some(OutputSchema { schema: RawJson::from_value(&schema), is_object: true })
    }
}

#[tokio::test]
async fn a_type_of_the_user_can_be_what_a_tool_answers() {
    let report = Tool::new("report").handler(|_: NoArguments| async { Report });
    let server = McpServer::builder().with_info("test", "1.0.0").with_tool(report).build().unwrap();
    let answer = TestClient::connect(&server).await.unwrap().call_tool("report", json!({})).await.unwrap();
    assert_eq!(answer.structured(), &json!({"ready": true}));
    assert_eq!(answer.value()["_meta"]["com.example/took"], 3);
}

#[test]
fn a_handler_can_look_at_what_it_was_refused_and_how_it_failed() {
    let needed = Box::new(ClientCapabilities { roots: true, ..ClientCapabilities::default() });
    let AskError::Unsupported(missing) = AskError::Unsupported(needed) else { panic!("it is unsupported") };
    assert!(missing.roots);
    assert!(matches!(Failure::caller("no").kind(), FailureKind::Caller(text) if text == "no"));
    assert!(Revision::NEWEST_STATEFUL < Revision::NEWEST_STATELESS);
}

#[test]
fn a_definition_can_be_looked_at_and_every_limit_be_set() {
    let family = ResourceDefinition::new("note://{id}", "note").handler(|_| async { "x" });
    assert!(matches!(family.info(), ResourceInfo::Family(template) if &*template.name == "note"));
    let arguments = JsonLimits { depth: 8, ..MessageLimits::development().arguments };
    let message = MessageLimits { arguments, ..MessageLimits::development() };
    let schema = SchemaLimits { bytes: 1_024, ..SchemaLimits::development() };
    let limits = Limits { message, schema, ..Limits::development() };
    assert_eq!((limits.message.arguments.depth, limits.schema.bytes), (8, 1_024));
}
