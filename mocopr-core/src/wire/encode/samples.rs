//! For tests: model values that use every field.

use std::time::Duration;

use serde_json::json;

use crate::{
    id::{ProgressToken, RequestId},
    json::RawJson,
    model::{
        ask::{Ask, FormAsk, ListenFilter, Questions, Sample, SampleMessage, UrlAsk},
        capability::{
            ClientCapabilities, ElicitationModes, Hello, Implementation, ListChanged, ResourceCapability,
            SamplingModes, ServerCapabilities,
        },
        content::{
            Annotations, Audio, Content, EmbeddedResource, Icon, Image, Level, LogMessage, ResourceLink, Role, Text,
        },
        notice::Notice,
        prompt::{Prompt, PromptArgument, PromptMessage, PromptResult},
        resource::{Contents, ReadResult, Resource, ResourceTemplate},
        tool::{Completion, OutputSchema, Tool, ToolAnnotations, ToolResult},
    },
    page::{CacheHint, CacheScope, Page},
    wire::revision::Revision,
};

pub(super) fn raw(value: serde_json::Value) -> RawJson {
    RawJson::encode(&value).unwrap()
}

pub(super) fn id() -> RequestId {
    RequestId::Text("an \"id\"\n".into())
}

pub(super) const CACHE: CacheHint = CacheHint { ttl: Duration::from_millis(1500), scope: CacheScope::Public };

pub(super) fn page<T>(item: &T) -> Page<&T> {
    Page { items: vec![item, item], next_cursor: Some("next".into()), cache: CACHE }
}

fn meta() -> Option<RawJson> {
    Some(raw(json!({"com.example/key": [1]})))
}

fn icons() -> Vec<Icon> {
    vec![Icon {
        src: "https://example.com/icon.png".into(),
        mime_type: Some("image/png".into()),
        sizes: vec!["48x48".into(), "any".into()],
        theme: Some("dark".into()),
    }]
}

fn annotations() -> Option<Annotations> {
    Some(Annotations {
        audience: vec![Role::User, Role::Assistant],
        priority: Some(0.5),
        last_modified: Some("2025-01-12T15:00:58Z".into()),
    })
}

pub(super) fn tool() -> Tool {
    Tool {
        name: "add".into(),
        title: Some("Add \u{1}".into()),
        description: Some("Adds\ntwo numbers".into()),
        icons: icons(),
        input_schema: raw(json!({"type": "object", "properties": {"a": {"type": "number"}}})),
        output_schema: Some(OutputSchema { schema: raw(json!({"type": "object"})), is_object: true }),
        annotations: ToolAnnotations {
            read_only: Some(true),
            destructive: Some(false),
            idempotent: Some(true),
            open_world: Some(false),
        },
        meta: meta(),
    }
}

pub(super) fn text() -> Content {
    Content::Text(Text { text: "line\nline".into(), annotations: annotations() })
}

pub(super) fn audio() -> Content {
    Content::Audio(Audio { annotations: annotations(), ..Audio::new(b"RIFF", "audio/wav") })
}

pub(super) fn link() -> Content {
    Content::Link(Box::new(ResourceLink {
        uri: "test://linked".into(),
        name: "linked".into(),
        title: Some("Linked".into()),
        description: Some("A link".into()),
        mime_type: Some("text/plain".into()),
        size: Some(12),
        icons: icons(),
        annotations: annotations(),
    }))
}

pub(super) fn embedded(resource: Contents) -> Content {
    Content::Resource(Box::new(EmbeddedResource { resource, annotations: annotations() }))
}

pub(super) fn contents() -> Vec<Contents> {
    vec![Contents::text("test://text", "words").with_mime_type("text/plain"), Contents::blob("test://blob", &[0, 255])]
}

/// One block of each kind.
pub(super) fn blocks() -> Vec<Content> {
    let image = Content::Image(Image { annotations: annotations(), ..Image::new(b"PNG", "image/png") });
    let mut blocks = vec![text(), Content::text(""), image, audio(), link()];
    blocks.extend(contents().into_iter().map(embedded));
    blocks
}

pub(super) fn tool_result() -> ToolResult {
    ToolResult { content: blocks(), structured: Some(raw(json!({"sum": 3}))), is_error: true, meta: meta() }
}

pub(super) fn prompt() -> Prompt {
    Prompt {
        name: "greet".into(),
        title: Some("Greet".into()),
        description: Some("Greets".into()),
        icons: icons(),
        arguments: vec![
            PromptArgument {
                name: "name".into(),
                title: Some("Name".into()),
                description: Some("Whom".into()),
                required: true,
            },
            PromptArgument { name: "tone".into(), ..PromptArgument::default() },
        ],
        meta: meta(),
    }
}

pub(super) fn prompt_result() -> PromptResult {
    let messages = blocks().into_iter().map(|content| PromptMessage { role: Role::User, content }).collect();
    PromptResult { description: Some("Greets".into()), messages, meta: meta() }
}

pub(super) fn resource() -> Resource {
    Resource {
        uri: "test://text".into(),
        name: "text".into(),
        title: Some("Text".into()),
        description: Some("Words".into()),
        icons: icons(),
        mime_type: Some("text/plain".into()),
        size: Some(u64::from(u32::MAX) + 1),
        annotations: annotations(),
        meta: meta(),
    }
}

pub(super) fn template() -> ResourceTemplate {
    ResourceTemplate {
        uri_template: "test://{id}/data".into(),
        name: "data".into(),
        title: Some("Data".into()),
        description: Some("Words".into()),
        icons: icons(),
        mime_type: Some("text/plain".into()),
        annotations: annotations(),
        meta: meta(),
    }
}

pub(super) fn read_result() -> ReadResult {
    ReadResult { contents: contents(), cache: CACHE, meta: meta() }
}

pub(super) fn completion() -> Completion {
    Completion { values: vec!["a".into(), "b\"".into()], total: Some(3), has_more: true }
}

pub(super) fn hello() -> Hello {
    Hello {
        server: Implementation {
            name: "server".into(),
            title: Some("Server".into()),
            version: "1.0.0".into(),
            description: Some("Serves".into()),
            website_url: Some("https://example.com/".into()),
            icons: icons(),
        },
        capabilities: ServerCapabilities {
            tools: Some(ListChanged(true)),
            prompts: Some(ListChanged(false)),
            resources: Some(ResourceCapability { subscribe: true, list_changed: true }),
            logging: true,
            completions: true,
            extensions: vec![
                ("com.example/one".into(), raw(json!({"a": true}))),
                ("com.example/two".into(), raw(json!({}))),
            ],
        },
        instructions: Some("Be kind".into()),
        revisions: Revision::ALL.to_vec(),
        cache: CACHE,
    }
}

pub(super) fn client_capabilities() -> ClientCapabilities {
    ClientCapabilities {
        elicitation: Some(ElicitationModes { form: true, url: true }),
        sampling: Some(SamplingModes { tools: true, context: true }),
        roots: true,
        extensions: vec!["com.example/one".into()],
    }
}

pub(super) fn form() -> Ask {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    Ask::Form(FormAsk { message: "What is your name?".into(), schema: raw(schema) })
}

pub(super) fn url() -> Ask {
    Ask::Url(UrlAsk {
        message: "Please sign in".into(),
        url: "https://example.com/in".into(),
        elicitation_id: "e1".into(),
    })
}

pub(super) fn sample() -> Ask {
    let messages = blocks().into_iter().map(|content| SampleMessage { role: Role::Assistant, content }).collect();
    Ask::Sample(Box::new(Sample {
        messages,
        max_tokens: 100,
        system_prompt: Some("Be brief".into()),
        temperature: Some(0.25),
        stop_sequences: vec!["END".into()],
    }))
}

pub(super) fn questions() -> Questions {
    let asks = vec![
        ("name".into(), form()),
        ("page".into(), url()),
        ("model".into(), sample()),
        ("roots \"".into(), Ask::Roots),
    ];
    Questions { asks, state: Some("sealed".into()) }
}

/// Each kind of notice.
pub(super) fn notices() -> Vec<Notice> {
    let filter =
        ListenFilter { tools: true, prompts: true, resources: true, uris: vec!["test://a".into(), "test://b".into()] };
    vec![
        Notice::Progress {
            token: ProgressToken::from_raw("\"token\"").unwrap(),
            progress: 50.0,
            total: Some(100.0),
            message: Some("half".into()),
        },
        Notice::Progress {
            token: ProgressToken::from_raw("7").unwrap(),
            progress: 0.5,
            total: Some(f64::INFINITY),
            message: None,
        },
        Notice::Log(LogMessage { level: Level::Notice, logger: Some("db".into()), data: raw(json!({"a": "b\nc"})) }),
        Notice::ToolsChanged,
        Notice::PromptsChanged,
        Notice::ResourcesChanged,
        Notice::ResourceUpdated { uri: "test://text".into() },
        Notice::Acknowledged(filter),
        Notice::ElicitationComplete { id: "e1".into() },
        Notice::Cancelled { id: id() },
    ]
}
