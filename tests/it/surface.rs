//! Each word of a definition and each kind of answer, as a client sees it.

use mocopr::{
    NoArguments, Revision,
    model::{Annotations, Icon, RawJson, Text},
    prelude::*,
    testing::{TestAnswer, TestClient, TestError},
};
use serde_json::{Value, json};
use tokio::time::Instant;

const BYTES: &[u8] = b"\x89PNG";

async fn connect(builder: mocopr::ServerBuilder) -> TestClient {
    connect_in(builder, Revision::NEWEST_STATELESS).await
}

async fn connect_in(builder: mocopr::ServerBuilder, revision: Revision) -> TestClient {
    let server = builder.with_info("test", "1.0.0").build().unwrap();
    TestClient::connect_in(&server, revision).await.unwrap()
}

fn content(answer: &TestAnswer) -> &Value {
    &answer.value()["content"]
}

fn for_people() -> Option<Annotations> {
    let last_modified = Some("2026-01-02T03:04:05Z".into());
    Some(Annotations { audience: vec![Role::User], priority: Some(0.5), last_modified })
}

/// Answers with one block of content of each kind.
struct Kinds;

#[handlers]
impl Kinds {
    #[tool]
    fn text(&self) -> Text {
        Text { text: "a".into(), annotations: for_people() }
    }

    #[tool]
    fn image(&self) -> Image {
        Image { annotations: for_people(), ..Image::new(BYTES, "image/png") }
    }

    #[tool]
    fn audio(&self) -> Result<Audio, Failure> {
        Ok(Audio { annotations: for_people(), ..Audio::new(BYTES, "audio/wav") })
    }

    #[tool]
    fn link(&self) -> ResourceLink {
        ResourceLink {
            title: Some("A note".into()),
            description: Some("The first.".into()),
            mime_type: Some("text/plain".into()),
            size: Some(12),
            icons: vec![icon()],
            annotations: for_people(),
            ..ResourceLink::new("note://1", "note")
        }
    }

    #[tool]
    fn embedded(&self) -> EmbeddedResource {
        let contents = Contents::text("note://1", "one").with_mime_type("text/plain");
        EmbeddedResource { annotations: for_people(), ..EmbeddedResource::new(contents) }
    }

    #[tool]
    fn embedded_bytes(&self) -> EmbeddedResource {
        EmbeddedResource::new(Contents::blob("note://1", BYTES))
    }

    #[tool]
    fn one(&self) -> Content {
        Content::text("one")
    }

    #[tool]
    fn several(&self) -> Vec<Content> {
        vec![Content::text("two"), Image::new(BYTES, "image/png").into(), ResourceLink::new("note://1", "note").into()]
    }

    #[tool]
    fn result(&self) -> Result<ToolResult, Failure> {
        let meta = RawJson::encode(&json!({"com.example/took": 3}))?;
        Ok(ToolResult { meta: Some(meta), ..ToolResult::error("it did not work") })
    }
}

fn icon() -> Icon {
    Icon {
        src: "data:image/png;base64,iVBORw==".into(),
        mime_type: Some("image/png".into()),
        sizes: vec!["48x48".into()],
        theme: Some("dark".into()),
    }
}

fn wire_icon() -> Value {
    json!({"src": "data:image/png;base64,iVBORw==", "mimeType": "image/png", "sizes": ["48x48"], "theme": "dark"})
}

#[tokio::test]
async fn every_kind_of_content_arrives_with_what_was_said_of_it() {
    let mut client = connect(McpServer::builder().with_handlers(Kinds)).await;
    let about = json!({"audience": ["user"], "priority": 0.5, "lastModified": "2026-01-02T03:04:05Z"});
    let text = json!({"uri": "note://1", "mimeType": "text/plain", "text": "one"});
    for (tool, block) in [
        ("text", json!({"type": "text", "text": "a", "annotations": about})),
        ("image", json!({"type": "image", "data": "iVBORw==", "mimeType": "image/png", "annotations": about})),
        ("audio", json!({"type": "audio", "data": "iVBORw==", "mimeType": "audio/wav", "annotations": about})),
        (
            "link",
            json!({
                "type": "resource_link", "uri": "note://1", "name": "note", "title": "A note",
                "description": "The first.", "mimeType": "text/plain", "size": 12, "icons": [wire_icon()],
                "annotations": about,
            }),
        ),
        ("embedded", json!({"type": "resource", "resource": text, "annotations": about})),
        ("embedded_bytes", json!({"type": "resource", "resource": {"uri": "note://1", "blob": "iVBORw=="}})),
        ("one", json!({"type": "text", "text": "one"})),
    ] {
        let answer = client.call_tool(tool, json!({})).await.unwrap();
        assert_eq!(content(&answer), &json!([block]), "{tool}");
        assert_eq!(answer.structured(), &Value::Null);
    }
    let several = client.call_tool("several", json!({})).await.unwrap();
    let kinds: Vec<_> = content(&several).as_array().unwrap().iter().map(|block| block["type"].clone()).collect();
    assert_eq!(kinds, ["text", "image", "resource_link"]);
    let result = client.call_tool("result", json!({})).await.unwrap();
    assert_eq!((result.is_error(), result.text()), (true, "it did not work".to_owned()));
    assert_eq!(result.value()["_meta"]["com.example/took"], 3);
}

#[tokio::test]
async fn content_that_a_revision_lacks_arrives_as_what_it_has() {
    for revision in Revision::ALL {
        let mut client = connect_in(McpServer::builder().with_handlers(Kinds), revision).await;
        let link = client.call_tool("link", json!({})).await.unwrap();
        let audio = client.call_tool("audio", json!({})).await.unwrap();
        let (links, sounds) = (revision.as_str() >= "2025-06-18", revision.as_str() >= "2025-03-26");
        let (link, audio) = (&content(&link)[0], &content(&audio)[0]);
        assert_eq!(link["type"], if links { "resource_link" } else { "text" }, "{revision:?}");
        assert!(link.to_string().contains("note://1"), "{link}");
        assert_eq!(link.get("icons").is_some(), revision.as_str() >= "2025-11-25", "{link}");
        assert_eq!(audio["type"], if sounds { "audio" } else { "text" }, "{revision:?}");
        let modified = audio["annotations"].get("lastModified").is_some();
        assert_eq!(modified, revision.as_str() >= "2025-06-18", "{audio}");
    }
}

#[tokio::test]
async fn messages_of_a_prompt_hold_every_kind_of_content() {
    #[prompt]
    fn show() -> Prompt {
        Prompt::new()
            .description("Shows all.")
            .user("a")
            .user_content(Image::new(BYTES, "image/png"))
            .assistant_content(Audio::new(BYTES, "audio/wav"))
            .user_content(ResourceLink::new("note://1", "note"))
            .user_content(EmbeddedResource::new(Contents::text("note://1", "one")))
    }
    let mut client = connect(McpServer::builder().with_prompt(show)).await;
    let answer = client.get_prompt("show", json!({})).await.unwrap();
    assert_eq!(answer.value()["description"], "Shows all.");
    let messages = answer.value()["messages"].as_array().unwrap();
    let kinds: Vec<_> = messages.iter().map(|message| (&message["role"], &message["content"]["type"])).collect();
    let (user, assistant) = (json!("user"), json!("assistant"));
    let kind = |kind: &str| json!(kind);
    assert_eq!(
        kinds,
        [
            (&user, &kind("text")),
            (&user, &kind("image")),
            (&assistant, &kind("audio")),
            (&user, &kind("resource_link")),
            (&user, &kind("resource")),
        ]
    );
}

/// Says all that attributes can say of a prompt, a resource and a template.
struct Said;

#[handlers]
impl Said {
    /// Greets.
    #[prompt(name = "greet.it", title = "Greeting", icon = "https://example.com/g.png")]
    fn greet(&self) -> &'static str {
        "Hello"
    }

    /// The first note.
    #[resource("note://1", name = "first", title = "First", mime = "text/plain", icon = "https://example.com/1.png")]
    fn first(&self) -> &'static str {
        "one"
    }

    #[resource(
        "note://{id}/text",
        title = "Any",
        description = "Any note.",
        mime = "text/plain",
        icon = "https://example.com/n.png"
    )]
    fn any(&self, id: u8) -> String {
        id.to_string()
    }
}

async fn lists(client: &mut TestClient) -> [Value; 4] {
    let tools = client.request("tools/list", json!({})).await.unwrap().value()["tools"].clone();
    let prompts = client.request("prompts/list", json!({})).await.unwrap().value()["prompts"].clone();
    let resources = client.request("resources/list", json!({})).await.unwrap().value()["resources"].clone();
    let templates = client.request("resources/templates/list", json!({})).await.unwrap();
    [tools, prompts, resources, templates.value()["resourceTemplates"].clone()]
}

#[tokio::test]
async fn attributes_of_prompts_and_resources_are_listed() {
    #[tool(destructive, closed_world)]
    fn wipe() {}
    let mut client = connect(McpServer::builder().with_tool(wipe).with_handlers(Said)).await;
    let [tools, prompts, resources, templates] = lists(&mut client).await;
    assert_eq!(tools[0]["annotations"], json!({"destructiveHint": true, "openWorldHint": false}));
    let icons = |name: &str| json!([{"src": format!("https://example.com/{name}.png")}]);
    assert_eq!(
        prompts,
        json!([{"name": "greet.it", "title": "Greeting", "description": "Greets.", "icons": icons("g")}])
    );
    assert_eq!(
        resources,
        json!([{
            "uri": "note://1", "name": "first", "title": "First", "description": "The first note.",
            "mimeType": "text/plain", "icons": icons("1"),
        }])
    );
    assert_eq!(
        templates,
        json!([{
            "uriTemplate": "note://{id}/text", "name": "any", "title": "Any", "description": "Any note.",
            "mimeType": "text/plain", "icons": icons("n"),
        }])
    );
    assert_eq!(client.get_prompt("greet.it", json!({})).await.unwrap().text(), "Hello");
}

#[tokio::test]
async fn words_of_the_builders_are_listed() {
    let meta = json!({"com.example/kind": "x"});
    let tool = Tool::new("tool")
        .title("A tool")
        .description("Does it.")
        .icon(icon())
        .meta(&meta)
        .destructive()
        .closed_world()
        .output::<Pair>()
        .handler(|_: NoArguments| async { Json(Pair { a: true, b: false }) });
    let prompt = PromptDefinition::new("prompt").title("A prompt").icon(icon()).meta(&meta);
    let annotations = for_people().unwrap();
    let note = ResourceDefinition::new("note://1", "note").title("A note").icon(icon()).meta(&meta).size(3);
    let note = note.annotations(annotations.clone()).handler(|_| async { "one" });
    let family = ResourceDefinition::new("note://{id}/text", "notes").icon(icon()).meta(&meta).size(3);
    let family = family.annotations(annotations).handler(|_| async { "any" });
    let builder = McpServer::builder().with_tool(tool).with_prompt(prompt.handler(|_: Value| async { "Hello" }));
    let mut client = connect(builder.with_resource(note).with_resource(family)).await;
    let [tools, prompts, resources, templates] = lists(&mut client).await;
    let about = json!({"audience": ["user"], "priority": 0.5, "lastModified": "2026-01-02T03:04:05Z"});
    assert_eq!(
        tools,
        json!([{
            "name": "tool", "title": "A tool", "description": "Does it.", "icons": [wire_icon()], "_meta": meta,
            "annotations": {"destructiveHint": true, "openWorldHint": false},
            "inputSchema": {"type": "object", "additionalProperties": false},
            "outputSchema": {
                "type": "object",
                "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}},
                "required": ["a", "b"],
            },
        }])
    );
    assert_eq!(prompts, json!([{"name": "prompt", "title": "A prompt", "icons": [wire_icon()], "_meta": meta}]));
    assert_eq!(
        resources,
        json!([{
            "uri": "note://1", "name": "note", "title": "A note", "icons": [wire_icon()], "_meta": meta, "size": 3,
            "annotations": about,
        }])
    );
    assert_eq!(
        templates,
        json!([{
            "uriTemplate": "note://{id}/text", "name": "notes", "icons": [wire_icon()], "_meta": meta,
            "annotations": about,
        }])
    );
}

#[data]
struct Pair {
    a: bool,
    b: bool,
}

#[tokio::test(start_paused = true)]
async fn the_time_that_an_attribute_gives_ends_a_call() {
    #[tool(timeout = "1500ms")]
    async fn never() -> String {
        std::future::pending().await
    }
    #[prompt(timeout = "2s")]
    async fn never_said() -> String {
        std::future::pending().await
    }
    #[resource("never://it", timeout = "3s")]
    async fn never_read() -> String {
        std::future::pending().await
    }
    let builder = McpServer::builder().with_tool(never).with_prompt(never_said).with_resource(never_read);
    let mut client = connect(builder).await;
    let start = Instant::now();
    let code = |answer: Result<TestAnswer, TestError>| match answer {
        Err(TestError::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!((code(client.call_tool("never", json!({})).await), start.elapsed().as_millis()), (1504, 1_500));
    assert_eq!((code(client.get_prompt("never_said", json!({})).await), start.elapsed().as_millis()), (1504, 3_500));
    assert_eq!((code(client.read_resource("never://it").await), start.elapsed().as_millis()), (1504, 6_500));
}

/// Takes an argument for each constraint.
#[tool]
#[expect(clippy::too_many_arguments, reason = "one for each constraint")]
fn constrained(
    #[arg(default = 3, range(1..=5))] whole: u8,
    #[arg(default = 0.5, range(0.0..1.0))] part: f64,
    #[arg(default = "ab", length(2..=3))] text: &str,
    #[arg(default = vec![1], length(1..=2))] list: Vec<u8>,
    #[arg(default = "A1", pattern = "^[A-Z][0-9]$")] code: String,
    #[arg(format = "email")] email: Option<String>,
    #[arg(format = "date-time")] time: Option<String>,
    #[arg(format = "uri")] place: Option<String>,
) -> String {
    format!("{whole} {part} {text} {list:?} {code} {email:?} {time:?} {place:?}")
}

#[tokio::test]
async fn what_is_left_out_has_its_default() {
    let mut client = connect(McpServer::builder().with_tool(constrained)).await;
    let answer = client.call_tool("constrained", json!({})).await.unwrap();
    assert_eq!(answer.text(), "3 0.5 ab [1] A1 None None None");
}

#[tokio::test]
async fn a_constraint_holds_at_its_last_value_and_breaks_at_the_next() {
    let mut client = connect(McpServer::builder().with_tool(constrained)).await;
    for (argument, good, bad) in [
        ("whole", json!([1, 5]), json!([0, 6, 1.5, "3", null])),
        ("part", json!([0, 0.0, 0.999]), json!([-0.001, 1, 1.0])),
        // Length counts characters, not bytes.
        ("text", json!(["ab", "äöü"]), json!(["a", "abcd"])),
        ("list", json!([[1], [1, 2]]), json!([[], [1, 2, 3], [256]])),
        ("code", json!(["B2"]), json!(["b2", "B22", ""])),
        ("email", json!(["a@example.com", null]), json!(["a", "a@", 1])),
        ("time", json!(["2026-01-02T03:04:05Z"]), json!(["2026-01-02", "2026-13-02T03:04:05Z"])),
        ("place", json!(["https://example.com/a"]), json!(["a b", "/relative"])),
    ] {
        for value in good.as_array().unwrap() {
            let answer = client.call_tool("constrained", json!({ argument: value })).await.unwrap();
            assert!(!answer.is_error(), "{argument}: {value}: {}", answer.text());
        }
        for value in bad.as_array().unwrap() {
            let answer = client.call_tool("constrained", json!({ argument: value })).await.unwrap();
            assert!(answer.is_error(), "{argument}: {value}");
            assert!(answer.text().contains(argument), "{}", answer.text());
        }
    }
}

/// Counts to a number.
#[tool]
fn counted(to: u8) -> Json<Vec<u8>> {
    Json((1..=to).collect())
}

#[tool]
fn paired() -> Json<Pair> {
    Json(Pair { a: true, b: false })
}

#[tokio::test]
async fn a_value_that_is_no_object_is_structured_from_2026_07_28_and_text_before() {
    for revision in Revision::ALL {
        let mut client = connect_in(McpServer::builder().with_tool(counted).with_tool(paired), revision).await;
        let tools = client.request("tools/list", json!({})).await.unwrap().value()["tools"].clone();
        let answer = client.call_tool("counted", json!({"to": 3})).await.unwrap();
        assert_eq!(answer.text(), "[1,2,3]");
        let newest = revision == Revision::NEWEST_STATELESS;
        assert_eq!(answer.structured(), &if newest { json!([1, 2, 3]) } else { Value::Null }, "{revision:?}");
        assert_eq!(tools[0].get("outputSchema").is_some(), newest, "{revision:?}");
        // An object is structured since there is structured content.
        let structured = revision.as_str() >= "2025-06-18";
        let answer = client.call_tool("paired", json!({})).await.unwrap();
        assert_eq!(answer.text(), r#"{"a":true,"b":false}"#);
        assert_eq!(answer.structured(), &if structured { json!({"a": true, "b": false}) } else { Value::Null });
        assert_eq!(tools[1].get("outputSchema").is_some(), structured, "{revision:?}");
    }
}

#[tokio::test]
async fn an_argument_that_a_header_mirrors_is_an_argument_like_others_where_there_are_no_headers() {
    #[tool(header(region = "Region"))]
    fn regional(region: String) -> String {
        region
    }
    let mut client = connect(McpServer::builder().with_tool(regional)).await;
    let tools = client.request("tools/list", json!({})).await.unwrap().value()["tools"].clone();
    assert_eq!(tools[0]["inputSchema"]["properties"]["region"]["x-mcp-header"], "Region");
    assert_eq!(client.call_tool("regional", json!({"region": "eu"})).await.unwrap().text(), "eu");
    assert!(client.call_tool("regional", json!({})).await.unwrap().is_error());
}
