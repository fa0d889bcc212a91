//! What the official conformance suite talks to: one of each thing that the protocol has, with fixed answers.
//!
//! `PORT=47810 cargo run --example everything` serves `http://127.0.0.1:47810/mcp`; port 0 takes any that is free.
//! With `--stdio` it serves standard streams, with `--ws` also `ws://127.0.0.1:47810/ws`; `PAGE=5` makes the pages of its
//! lists so long. It is built through the public API alone, and it guards nothing: its answers are the suite's, and no
//! secret is among them.
#![allow(clippy::print_stderr, reason = "the address goes to whoever started the example")]
#![allow(non_snake_case, reason = "the suite names an argument so")]

use std::{num::NonZeroUsize, process::ExitCode, sync::OnceLock, time::Duration};

use mocopr::{
    WebSocketConfig,
    prelude::*,
    registry::{Prompts as PromptList, Resources as ResourceList, Tools as ToolList},
};
use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};

#[tokio::main]
async fn main() -> ExitCode {
    let (place, page) = match Place::from_settings().and_then(|place| Ok((place, page_from_settings()?))) {
        Ok(settings) => settings,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    match serve(place, page).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Where to serve.
enum Place {
    /// Standard streams.
    Streams,
    /// The port at 127.0.0.1; 0 takes any that is free.
    Loopback(u16),
    /// The same, with WebSocket as well.
    Sockets(u16),
}

impl Place {
    fn from_settings() -> Result<Self, String> {
        let at = match std::env::args().nth(1).as_deref() {
            None => Self::Loopback,
            Some("--ws") => Self::Sockets,
            Some("--stdio") => return Ok(Self::Streams),
            Some(other) => return Err(format!("{other}: the only arguments are --stdio and --ws")),
        };
        let port = std::env::var("PORT").unwrap_or_else(|_| "47810".to_owned());
        port.parse().map(at).map_err(|_| format!("PORT: {port:?} is not a number from 0 to 65535"))
    }
}

/// How many items a page of a list has; 250, which is all of them, unless said.
fn page_from_settings() -> Result<NonZeroUsize, String> {
    let page = std::env::var("PAGE").unwrap_or_else(|_| "250".to_owned());
    page.parse().map_err(|_| format!("PAGE: {page:?} is not a number from 1 on"))
}

async fn serve(place: Place, page: NonZeroUsize) -> Result<()> {
    let server = McpServer::builder()
        .with_info("everything", env!("CARGO_PKG_VERSION"))
        .with_page_size(page)
        .with_security_policy(SecurityPolicy::development())
        .with_handlers(Answers)
        .with_handlers(Asks)
        .with_handlers(Prompts)
        .with_handlers(Resources)
        .with_tool(json_schema_2020_12_tool())
        .build()?;
    // Nobody else sets it, and it is set before the first call can come.
    let _ = LISTS.set((server.tools(), server.prompts(), server.resources()));
    match place {
        Place::Streams => server.on_ready(|| eprintln!("listening on stdio")).run_stdio().await,
        Place::Loopback(port) => {
            let config = HttpConfig::loopback(port).on_ready(|address| eprintln!("listening on http://{address}/mcp"));
            server.run_http(config).await
        }
        Place::Sockets(port) => {
            let config =
                WebSocketConfig::loopback(port).on_ready(|address| eprintln!("listening on ws://{address}/ws"));
            server.run_websocket(config).await
        }
    }
}

/// What the server lists, for the handlers that change it.
static LISTS: OnceLock<(ToolList, PromptList, ResourceList)> = OnceLock::new();

fn lists() -> Result<&'static (ToolList, PromptList, ResourceList), Failure> {
    LISTS.get().ok_or_else(|| Failure::internal("the server is not built yet"))
}

/// Tools that answer by themselves.
struct Answers;

#[handlers]
impl Answers {
    /// Answers a text.
    #[tool]
    async fn test_simple_text(&self) -> &'static str {
        "This is a simple text response for testing."
    }

    /// Answers a picture.
    #[tool]
    async fn test_image_content(&self) -> Image {
        Image::new(PNG, "image/png")
    }

    /// Answers a sound.
    #[tool]
    async fn test_audio_content(&self) -> Audio {
        Audio::new(WAV, "audio/wav")
    }

    /// Answers a resource.
    #[tool]
    async fn test_embedded_resource(&self) -> EmbeddedResource {
        let text = "This is an embedded resource content.";
        EmbeddedResource::new(Contents::text("test://embedded-resource", text).with_mime_type("text/plain"))
    }

    /// Answers a text, a picture and a resource.
    #[tool]
    async fn test_multiple_content_types(&self) -> Vec<Content> {
        let text = r#"{"test":"data","value":123}"#;
        let resource = Contents::text("test://mixed-content-resource", text).with_mime_type("application/json");
        vec![
            Content::text("Multiple content types test:"),
            Image::new(PNG, "image/png").into(),
            EmbeddedResource::new(resource).into(),
        ]
    }

    /// Fails, and says so.
    #[tool]
    async fn test_error_handling(&self) -> Result<String, Failure> {
        Err(Failure::caller("This tool intentionally returns an error for testing"))
    }

    /// Says how far it is.
    #[tool]
    async fn test_tool_with_progress(&self, ctx: &Context) -> &'static str {
        for done in [0.0, 50.0, 100.0] {
            ctx.progress(done, 100.0, "");
            sleep(SHORT).await;
        }
        "Progress was told."
    }

    /// Logs while it works.
    #[tool]
    async fn test_tool_with_logging(&self, ctx: &Context) -> &'static str {
        for step in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
            ctx.log(Level::Info, step);
            sleep(SHORT).await;
        }
        "The work was logged."
    }

    /// Logs once, where the client wants logs.
    #[tool]
    async fn test_logging_tool(&self, ctx: &Context) -> &'static str {
        ctx.log(Level::Info, "The logging tool runs.");
        "Logged, if it was wanted."
    }

    /// Takes one argument that a header mirrors.
    #[tool(header(value = "Value"))]
    async fn test_custom_header(
        &self,
        /// Comes back as it is.
        value: String,
    ) -> String {
        value
    }

    /// Closes its stream before it answers; the client comes back for the rest.
    #[tool]
    async fn test_reconnection(&self, ctx: &Context) -> &'static str {
        ctx.close_stream();
        sleep(SHORT * 2).await;
        "The client came back for this."
    }

    /// Changes the list of tools.
    #[tool]
    async fn test_trigger_tool_change(&self) -> Result<&'static str, Failure> {
        let (tools, _, _) = lists()?;
        tools.insert(Tool::new("test_passing").description("Is gone at once.").handler(|_: Value| async { "" }))?;
        tools.remove("test_passing");
        Ok("The list of tools has changed.")
    }

    /// Changes the list of prompts.
    #[tool]
    async fn test_trigger_prompt_change(&self) -> Result<&'static str, Failure> {
        let (_, prompts, _) = lists()?;
        let prompt = PromptDefinition::new("test_passing").description("Is gone at once.");
        prompts.insert(prompt.handler(|_: Value| async { "" }))?;
        prompts.remove("test_passing");
        Ok("The list of prompts has changed.")
    }

    /// Changes the resource to subscribe to.
    #[tool]
    async fn test_trigger_resource_update(&self) -> Result<&'static str, Failure> {
        let (_, _, resources) = lists()?;
        resources.updated("test://watched-resource");
        Ok("The resource has changed.")
    }

    /// Answers a value and its schema.
    #[tool]
    async fn test_structured_content(&self, a: i32, b: i32) -> Json<Sum> {
        Json(Sum { sum: i64::from(a) + i64::from(b) })
    }

    /// Waits until it is cancelled; what became of it, `test_waiting_ended` tells.
    #[tool]
    async fn test_waiting(&self) -> &'static str {
        let _begun = Waiting::begin();
        std::future::pending().await
    }

    /// Answers when that many calls of `test_waiting` have begun, and that many have ended.
    #[tool]
    async fn test_waiting_ended(&self, begun: u32, ended: u32) -> Result<String, Failure> {
        let mut waited = WAITED.get_or_init(watch::Sender::default).subscribe();
        let enough = |waited: &Waited| waited.begun >= begun && waited.ended >= ended;
        let waited =
            waited.wait_for(enough).await.map_err(|error| Failure::internal("nobody counts").caused_by(error))?;
        Ok(format!("begun {}, ended {}", waited.begun, waited.ended))
    }
}

/// One call of `test_waiting`, which counts itself when it begins and when it is dropped.
struct Waiting;

impl Waiting {
    fn begin() -> Self {
        WAITED.get_or_init(watch::Sender::default).send_modify(|waited| waited.begun += 1);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITED.get_or_init(watch::Sender::default).send_modify(|waited| waited.ended += 1);
    }
}

/// How many calls of `test_waiting` there were.
#[derive(Default)]
struct Waited {
    begun: u32,
    ended: u32,
}

static WAITED: OnceLock<watch::Sender<Waited>> = OnceLock::new();

#[data]
struct Sum {
    sum: i64,
}

/// Tools that ask the client; each is written once for both eras.
struct Asks;

#[handlers]
impl Asks {
    /// Asks the client's model.
    #[tool]
    async fn test_sampling(&self, ctx: &Context, prompt: String) -> Result<String, Failure> {
        let answer = ctx.sample(&prompt).max_tokens(100).await?;
        Ok(format!("LLM response: {}", answer.text))
    }

    /// Asks the user for a name and an address.
    #[tool]
    async fn test_elicitation(&self, ctx: &Context, message: String) -> Result<String, Failure> {
        let (action, content) = action(ctx.elicit::<User>(&message).await)?;
        Ok(format!("User response: action={action}, content={}", json!(content)))
    }

    /// Asks the user with a form that is filled in already.
    #[tool]
    async fn test_elicitation_sep1034_defaults(&self, ctx: &Context) -> Result<String, Failure> {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "default": "John Doe"},
                "age": {"type": "integer", "default": 30},
                "score": {"type": "number", "default": 95.5},
                "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
                "verified": {"type": "boolean", "default": true}
            },
            "required": []
        });
        let (action, content) = action(ctx.elicit_with_schema("Is this right?", &schema).await)?;
        Ok(format!("Elicitation completed: action={action}, content={}", json!(content)))
    }

    /// Asks the user to choose, in every way that a form can.
    #[tool]
    async fn test_elicitation_sep1330_enums(&self, ctx: &Context) -> Result<String, Failure> {
        let titled = |word: &str| {
            let choice =
                |number: &str, nth: &str| json!({"const": format!("value{number}"), "title": format!("{nth} {word}")});
            json!([choice("1", "First"), choice("2", "Second"), choice("3", "Third")])
        };
        let options = json!(["option1", "option2", "option3"]);
        let schema = json!({
            "type": "object",
            "properties": {
                "untitledSingle": {"type": "string", "enum": options},
                "titledSingle": {"type": "string", "oneOf": titled("Option")},
                "legacyEnum": {
                    "type": "string",
                    "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"]
                },
                "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
                "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}}
            },
            "required": []
        });
        let (action, content) = action(ctx.elicit_with_schema("Which ones?", &schema).await)?;
        Ok(format!("Elicitation completed: action={action}, content={}", json!(content)))
    }

    /// Asks for a name.
    #[tool(read_only)]
    async fn test_input_required_result_elicitation(&self, ctx: &Context) -> Result<String, Failure> {
        let user: Named = ctx.elicit("What is your name?").named("user_name").await?;
        Ok(format!("Hello, {}!", user.name))
    }

    /// Asks the client's model for a capital.
    #[tool(read_only)]
    async fn test_input_required_result_sampling(&self, ctx: &Context) -> Result<String, Failure> {
        let question = "What is the capital of France?";
        Ok(ctx.sample(question).max_tokens(100).named("capital_question").await?.text)
    }

    /// Asks where it may work.
    #[tool(read_only)]
    async fn test_input_required_result_list_roots(&self, ctx: &Context) -> Result<String, Failure> {
        let roots = ctx.roots_named("client_roots").await?;
        Ok(roots.iter().map(|root| root.uri.as_str()).collect::<Vec<_>>().join("\n"))
    }

    /// Asks for a confirmation.
    #[tool(read_only)]
    async fn test_input_required_result_request_state(&self, ctx: &Context) -> Result<String, Failure> {
        let confirmed: Confirmed = ctx.elicit("Please confirm").named("confirm").await?;
        Ok(format!("state-ok, {}", confirmed.ok))
    }

    /// Asks three things at once.
    #[tool(read_only)]
    async fn test_input_required_result_multiple_inputs(&self, ctx: &Context) -> Result<String, Failure> {
        let (user, greeting, roots) = tokio::join!(
            ctx.elicit::<Named>("What is your name?").named("user_name"),
            ctx.sample("Generate a greeting").max_tokens(50).named("greeting"),
            ctx.roots_named("client_roots"),
        );
        Ok(format!("{} {}, {} roots", greeting?.text, user?.name, roots?.len()))
    }

    /// Asks one thing after the other.
    #[tool(read_only)]
    async fn test_input_required_result_multi_round(&self, ctx: &Context) -> Result<String, Failure> {
        let user: Named = ctx.elicit("Step 1: What is your name?").named("step1").await?;
        let colored: Colored = ctx.elicit("Step 2: What is your favorite color?").named("step2").await?;
        Ok(format!("{} likes {}", user.name, colored.color))
    }

    /// Asks for a confirmation; what comes back must not have been changed.
    #[tool(read_only)]
    async fn test_input_required_result_tampered_state(&self, ctx: &Context) -> Result<String, Failure> {
        let confirmed: Confirmed = ctx.elicit("Please confirm").named("confirm").await?;
        Ok(format!("untouched, {}", confirmed.ok))
    }

    /// Asks in a way that the client can answer.
    #[tool(read_only)]
    async fn test_input_required_result_capabilities(&self, ctx: &Context) -> Result<String, Failure> {
        if ctx.capabilities().sampling.is_some() {
            return Ok(ctx.sample("Say anything").max_tokens(20).named("anything").await?.text);
        }
        let user: Named = ctx.elicit("What is your name?").named("user_name").await?;
        Ok(user.name)
    }

    /// Needs the client's model.
    #[tool(read_only)]
    async fn test_missing_capability(&self, ctx: &Context) -> Result<String, Failure> {
        Ok(ctx.sample("Say anything").max_tokens(20).await?.text)
    }

    /// Says how far it is, then asks.
    #[tool(read_only)]
    async fn test_streaming_elicitation(&self, ctx: &Context) -> Result<String, Failure> {
        ctx.progress(0.5, 1.0, "about to ask");
        let user: Named = ctx.elicit("What is your name?").named("user_name").await?;
        Ok(user.name)
    }
}

/// What the user chose to do, and what the form holds then.
fn action<T>(answer: Result<T, AskError>) -> Result<(&'static str, Option<T>), Failure> {
    match answer {
        Ok(content) => Ok(("accept", Some(content))),
        Err(AskError::Declined) => Ok(("decline", None)),
        Err(AskError::Cancelled) => Ok(("cancel", None)),
        Err(other) => Err(other.into()),
    }
}

/// A person to write to.
#[data]
struct User {
    /// The user's name.
    username: String,
    /// The user's e-mail address.
    email: String,
}

#[data]
struct Named {
    name: String,
}

#[data]
struct Colored {
    color: String,
}

#[data]
struct Confirmed {
    ok: bool,
}

#[data]
struct Contextual {
    context: String,
}

/// Prompts, and the completion of their arguments.
struct Prompts;

#[handlers]
impl Prompts {
    /// Says one thing.
    #[prompt]
    async fn test_simple_prompt(&self) -> &'static str {
        "This is a simple prompt for testing."
    }

    /// Says its arguments.
    #[prompt]
    async fn test_prompt_with_arguments(
        &self,
        /// The first.
        arg1: String,
        /// The second.
        arg2: String,
    ) -> String {
        format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")
    }

    #[completion(prompt = "test_prompt_with_arguments", argument = "arg1")]
    async fn first_arguments(&self, prefix: &str) -> Vec<String> {
        let known = ["paris", "park", "party", "test", "testValue1"].into_iter();
        known.filter(|value| value.starts_with(prefix)).map(str::to_owned).collect()
    }

    /// Shows a resource.
    #[prompt]
    async fn test_prompt_with_embedded_resource(
        &self,
        /// Where the resource is.
        resourceUri: String,
    ) -> Prompt {
        let contents = Contents::text(resourceUri, "Embedded resource content for testing.");
        Prompt::new()
            .user_content(EmbeddedResource::new(contents.with_mime_type("text/plain")))
            .user("Please process the embedded resource above.")
    }

    /// Shows a picture.
    #[prompt]
    async fn test_prompt_with_image(&self) -> Prompt {
        Prompt::new().user_content(Image::new(PNG, "image/png")).user("Please analyze the image above.")
    }

    /// Asks for its context.
    #[prompt]
    async fn test_input_required_result_prompt(&self, ctx: &Context) -> Result<String, Failure> {
        let question = "What context should the prompt use?";
        let answer: Contextual = ctx.elicit(question).named("user_context").await?;
        Ok(format!("Use this context: {}", answer.context))
    }
}

/// Resources, and a family of them.
struct Resources;

#[handlers]
impl Resources {
    /// A text that never changes.
    #[resource("test://static-text", mime = "text/plain")]
    async fn static_text(&self) -> &'static str {
        "This is the content of the static text resource."
    }

    /// Bytes that never change.
    #[resource("test://static-binary", mime = "image/png")]
    async fn static_binary(&self) -> Vec<u8> {
        PNG.to_vec()
    }

    /// A text to subscribe to.
    #[resource("test://watched-resource", mime = "text/plain")]
    async fn watched_resource(&self) -> &'static str {
        "This is the content of the watched resource."
    }

    /// A member of a family.
    #[resource("test://template/{id}/data", mime = "application/json")]
    async fn template_data(&self, id: String) -> Json<Member> {
        Json(Member { data: format!("Data for ID: {id}"), id, template_test: true })
    }
}

#[data]
#[serde(rename_all = "camelCase")]
struct Member {
    id: String,
    template_test: bool,
    data: String,
}

/// A tool whose schema uses what JSON Schema has and Rust types have not.
fn json_schema_2020_12_tool() -> Tool {
    Tool::new("json_schema_2020_12_tool")
        .description("Takes a person who can be reached by phone or by e-mail.")
        .input_schema(
            r##"{
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "$defs": {
                    "address": {
                        "$anchor": "addressDef",
                        "type": "object",
                        "properties": {"street": {"type": "string"}, "city": {"type": "string"}}
                    }
                },
                "properties": {
                    "name": {"type": "string"},
                    "address": {"$ref": "#/$defs/address"},
                    "contactMethod": {"type": "string", "enum": ["phone", "email"]},
                    "phone": {"type": "string"},
                    "email": {"type": "string"}
                },
                "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
                "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
                "then": {"required": ["phone"]},
                "else": {"required": ["email"]},
                "additionalProperties": false
            }"##,
        )
        .handler(|person: Value| async move { format!("Reached: {person}") })
}

/// How long a step of the tools that work visibly takes.
const SHORT: Duration = Duration::from_millis(50);

/// One pixel.
const PNG: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\x0dIDATx\xdac\xfc\xcf\xc0\xf0\x1f\0\x05\x05\x02\0_\xc8\xf1\xd2\0\0\0\0IEND\xaeB`\x82";

/// One sample.
const WAV: &[u8] = b"RIFF&\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0\0}\0\0\x02\0\x10\0data\x02\0\0\0\0\0";
