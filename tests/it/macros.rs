//! The attribute macros: what they accept, what they refuse and in which words, what they define, and what calls of
//! it answer through the whole pipeline.

use std::sync::Arc;

use mocopr::{
    Extract, Handlers, IntoTool, NoArguments, Read,
    prelude::*,
    testing::{TestClient, TestError},
};
use serde_json::{Value, json};

#[test]
fn mistakes_are_refused_in_our_words_and_everything_else_compiles() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}

/// Finds flights
/// between two cities.
///
/// Prices are in euros.
///
/// # Errors
/// For the reader of the code alone.
#[tool(
    title = "Flights",
    read_only,
    idempotent,
    closed_world,
    timeout = "5s",
    header(region = "Region"),
    icon = "https://example.com/plane.png"
)]
async fn flights(
    /// Where it begins,
    /// as an IATA code.
    #[arg(pattern = "^[A-Z]{3}$")]
    from: &str,
    #[arg(description = "Where it ends.", length(3..=3))] to: String,
    region: Option<String>,
    #[arg(default = 1, range(1..=9))] seats: u8,
    #[arg(default = "economy")] class: String,
    #[arg(length(..=2), default)] stops: Vec<Stop>,
    #[arg(range(0.5..100))] limit: Option<f64>,
) -> Json<Route> {
    let stops = stops.iter().map(|stop| format!("{stop:?}")).collect();
    Json(Route { route: format!("{from}-{to} {region:?} {seats} {class} {limit:?}"), stops })
}

#[data]
#[derive(Debug)]
#[serde(rename_all = "lowercase")]
enum Stop {
    Short,
    Long,
}

#[data]
struct Route {
    route: String,
    stops: Vec<String>,
}

#[test]
fn tool_is_listed_with_all_that_was_said_of_it() {
    let tool = flights.into_tool();
    let info = tool.info();
    assert_eq!(&*info.name, "flights");
    assert_eq!(info.title.as_deref(), Some("Flights"));
    assert_eq!(info.description.as_deref(), Some("Finds flights between two cities.\n\nPrices are in euros."));
    assert_eq!(&*info.icons[0].src, "https://example.com/plane.png");
    let hints = info.annotations;
    assert_eq!(
        (hints.read_only, hints.destructive, hints.idempotent, hints.open_world),
        (Some(true), None, Some(true), Some(false))
    );
    assert_eq!(
        info.input_schema.decode::<Value>().unwrap(),
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "from": {"type": "string", "description": "Where it begins, as an IATA code.", "pattern": "^[A-Z]{3}$"},
                "to": {"type": "string", "description": "Where it ends.", "minLength": 3, "maxLength": 3},
                "region": {"type": "string", "x-mcp-header": "Region"},
                "seats": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1},
                "class": {"type": "string", "default": "economy"},
                "stops": {
                    "type": "array",
                    "items": {"type": "string", "enum": ["short", "long"]},
                    "maxItems": 2,
                    "default": [],
                },
                "limit": {"type": ["number", "null"], "minimum": 0.5, "exclusiveMaximum": 100},
            },
            "required": ["from", "to"],
        })
    );
    assert_eq!(
        info.output_schema.as_ref().unwrap().schema.decode::<Value>().unwrap(),
        json!({
            "type": "object",
            "properties": {"route": {"type": "string"}, "stops": {"type": "array", "items": {"type": "string"}}},
            "required": ["route", "stops"],
        })
    );
}

struct Size(usize);

impl Extract for Size {
    fn extract(ctx: &Context) -> Result<Self, Failure> {
        ctx.state::<u32>().map(|state| Self(state.to_string().len())).ok_or_else(|| Failure::caller("no state"))
    }
}

#[tool]
fn size(#[arg(inject)] size: Size) -> usize {
    size.0
}

#[tool]
async fn wide(number: i64) -> String {
    number.to_string()
}

#[tool]
fn panics() -> String {
    panic!("a secret")
}

#[tool]
async fn refuses(days: u8) -> Result<String, Failure> {
    if days > 14 {
        return Err(Failure::caller("no forecast beyond 14 days"));
    }
    Ok("sunny".parse::<u8>()?.to_string())
}

#[tokio::test]
async fn tool_is_still_a_function() {
    let Json(route) = flights("BER", "LIS".into(), None, 2, "first".into(), vec![Stop::Long], Some(0.5)).await;
    assert_eq!(route.route, "BER-LIS None 2 first Some(0.5)");
    assert_eq!(wide(7).await, "7");
    assert_eq!(size(Size(3)).await, 3);
    assert_eq!(refuses(1).await.unwrap_err().source().unwrap().to_string(), "invalid digit found in string");
}

#[tokio::test]
async fn arguments_reach_the_function_and_what_is_left_out_has_its_default() {
    let mut client = client(McpServer::builder().with_tool(flights)).await;
    let all = json!({"from": "BER", "to": "LIS", "region": "eu", "seats": 2, "class": "first", "stops": ["short"], "limit": 9});
    let answer = client.call_tool("flights", all).await.unwrap();
    let route = json!({"route": "BER-LIS Some(\"eu\") 2 first Some(9.0)", "stops": ["Short"]});
    assert_eq!(answer.structured(), &route);
    assert_eq!(serde_json::from_str::<Value>(&answer.text()).unwrap(), route);

    let few = client.call_tool("flights", json!({"from": "\u{42}ER", "to": "LIS", "limit": null})).await.unwrap();
    assert_eq!(few.structured()["route"], "BER-LIS None 1 economy None");
}

#[tokio::test]
async fn arguments_outside_of_the_constraints_are_refused() {
    let mut client = client(McpServer::builder().with_tool(flights)).await;
    for (argument, value) in [
        ("from", json!("ber")),
        ("to", json!("LISB")),
        ("region", json!(null)),
        ("seats", json!(0)),
        ("seats", json!(10)),
        ("stops", json!(["short", "short", "short"])),
        ("stops", json!(["other"])),
        ("limit", json!(100)),
        ("unknown", json!(1)),
    ] {
        let mut arguments = json!({"from": "BER", "to": "LIS"});
        arguments[argument] = value.clone();
        let answer = client.call_tool("flights", arguments).await.unwrap();
        assert!(answer.is_error(), "{argument}: {value}");
    }
}

#[tokio::test]
async fn arguments_that_pass_the_schema_and_do_not_decode_are_refused_without_their_values() {
    let mut client = client(McpServer::builder().with_tool(wide)).await;
    let answer = client.call_tool("wide", json!({"number": 9_876_543_210_987_654_321_u64})).await.unwrap();
    assert!(answer.is_error());
    assert_eq!(answer.text(), "the arguments do not fit the tool's parameters");
}

#[tokio::test]
async fn what_the_server_gives_is_no_argument() {
    let builder = McpServer::builder().with_tool(with_injected_size).with_tool(size).with_state(1234_u32);
    let mut client = client(builder).await;
    let answer = client.call_tool("count_with_size", json!({"text": "abc"})).await.unwrap();
    assert_eq!(answer.text(), "3 1234 local:local local 4");
    assert_eq!(client.call_tool("size", json!({})).await.unwrap().text(), "4");
    assert!(client.call_tool("size", json!({"size": 1})).await.unwrap().is_error());
}

/// Counts on the blocking pool.
#[tool(name = "count_with_size")]
fn with_injected_size(
    ctx: &Context,
    text: &str,
    state: State<u32>,
    caller: Caller,
    #[arg(inject)] size: Size,
) -> String {
    format!("{} {} {} {} {}", text.len(), *state, ctx.caller(), caller.subject(), size.0)
}

#[test]
fn missing_states_are_problems_of_the_build_that_name_handler_and_type() {
    struct Database;
    #[tool]
    async fn query(database: State<Database>, _again: State<Database>, size: State<u32>) -> u32 {
        let _: &Database = &database;
        *size
    }
    struct Notes;
    #[handlers]
    impl Notes {
        #[resource("note://{id}")]
        async fn note(&self, id: u32, _database: State<Database>) -> String {
            id.to_string()
        }

        #[completion(resource = "note://{id}", argument = "id")]
        async fn ids(&self, typed: &str, _ids: State<u64>) -> Vec<String> {
            vec![typed.to_owned()]
        }
    }
    #[derive(Tool)]
    struct Forget {
        _database: State<Database>,
    }
    impl CallTool for Forget {
        type Output = ();
        async fn call(self, _: &Context) {}
    }
    let bare = Tool::new("bare").needs_state::<u64>().handler(|_: NoArguments| async {});
    let builder = McpServer::builder().with_info("test", "1").with_state(7_u32);
    let builder = builder.with_tool(query).with_tool(Forget::tool()).with_tool(bare).with_handlers(Notes);
    let error = builder.build().unwrap_err();
    let problems: Vec<_> = error.problems().iter().map(|problem| problem.what().to_owned()).collect();
    let lacks =
        |what: &str, name: &str| format!("{what}: its handler takes a state of the type `{name}`, and there is none");
    let database = std::any::type_name::<Database>();
    assert_eq!(
        problems,
        [
            lacks("tool `query`", database),
            lacks("tool `forget`", database),
            lacks("tool `bare`", "u64"),
            lacks("resource `note://{id}`", database),
            lacks("resource `note://{id}`", "u64"),
        ]
    );
    assert!(error.to_string().contains("call .with_state(..) with a value of that type"));
}

#[tokio::test]
async fn tool_that_comes_later_finds_its_state_or_is_a_problem() {
    let server = McpServer::builder().with_info("test", "1").with_tool(wide).with_state(7_u32).build().unwrap();
    assert!(server.tools().insert(size).is_ok());
    let lacking = Tool::new("lacking").needs_state::<u64>().handler(|_: NoArguments| async {});
    assert_eq!(server.tools().insert(lacking).unwrap_err().problems().len(), 1);
    assert_eq!(TestClient::connect(&server).await.unwrap().tool_names().await.unwrap(), ["wide", "size"]);
}

#[tokio::test]
async fn state_that_an_extractor_did_not_announce_is_an_internal_failure_that_names_no_type_to_the_peer() {
    let mut client = client(McpServer::builder().with_tool(secretive)).await;
    let answer = client.call_tool("secretive", json!({})).await.unwrap();
    assert!(answer.is_error());
    assert!(!answer.text().contains("u32"), "{}", answer.text());
}

#[tool]
async fn secretive(#[arg(inject)] number: Secretive) -> u32 {
    number.0
}

struct Secretive(u32);

impl Extract for Secretive {
    fn extract(ctx: &Context) -> Result<Self, Failure> {
        State::<u32>::extract(ctx).map(|number| Self(*number))
    }
}

#[tokio::test]
async fn failures_and_panics_show_what_the_caller_may_read() {
    let mut client = client(McpServer::builder().with_tool(refuses).with_tool(panics)).await;
    let said = client.call_tool("refuses", json!({"days": 15})).await.unwrap();
    assert!(said.is_error());
    assert_eq!(said.text(), "no forecast beyond 14 days");
    let internal = client.call_tool("refuses", json!({"days": 1})).await.unwrap();
    assert!(internal.is_error() && !internal.text().contains("digit"));
    let panicked = client.call_tool("panics", json!({})).await.unwrap();
    assert!(panicked.is_error() && !panicked.text().contains("secret"));
}

/// Books a flight.
#[derive(Tool)]
#[tool(
    title = "Booking",
    destructive,
    idempotent,
    closed_world,
    timeout = "5s",
    requires(scope = "flights:book", role = "traveller"),
    header(region = "Region"),
    icon = "https://example.com/plane.png"
)]
struct BookFlight {
    /// Where it begins.
    #[arg(pattern = "^[A-Z]{3}$")]
    from: String,
    region: Option<String>,
    #[arg(default = 1, range(1..=9))]
    seats: u8,
    #[arg(default)]
    stops: Vec<Stop>,
    last: Option<Stop>,
    limit: State<u32>,
    caller: Caller,
    #[arg(inject)]
    size: Size,
    r#type: String,
}

impl CallTool for BookFlight {
    type Output = Result<Json<Route>, Failure>;

    async fn call(self, ctx: &Context) -> Self::Output {
        if u32::from(self.seats) > *self.limit {
            return Err(Failure::caller("too many seats"));
        }
        let route = format!(
            "{} {:?} {} {:?} {} {} {} {}",
            self.from,
            self.region,
            self.seats,
            self.last,
            self.size.0,
            self.r#type,
            self.caller.subject(),
            ctx.caller()
        );
        Ok(Json(Route { route, stops: self.stops.iter().map(|stop| format!("{stop:?}")).collect() }))
    }
}

/// Tells the time.
#[derive(Tool)]
#[tool(name = "time.now", read_only)]
struct Now;

impl CallTool for Now {
    type Output = &'static str;

    async fn call(self, _: &Context) -> &'static str {
        "noon"
    }
}

#[tokio::test]
async fn derived_tool_is_listed_with_all_that_was_said_of_it() {
    let builder = McpServer::builder().with_tool(BookFlight::tool()).with_tool(Now::tool()).with_state(4_u32);
    let mut client = client(builder).await;
    let list = client.request("tools/list", json!({})).await.unwrap();
    assert_eq!(
        list.value()["tools"],
        json!([
            {
                "name": "book_flight",
                "title": "Booking",
                "description": "Books a flight.",
                "icons": [{"src": "https://example.com/plane.png"}],
                "annotations": {"destructiveHint": true, "idempotentHint": true, "openWorldHint": false},
                "inputSchema": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "from": {"type": "string", "description": "Where it begins.", "pattern": "^[A-Z]{3}$"},
                        "region": {"type": "string", "x-mcp-header": "Region"},
                        "seats": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1},
                        "stops": {
                            "type": "array",
                            "items": {"type": "string", "enum": ["short", "long"]},
                            "default": [],
                        },
                        "last": {"type": ["string", "null"], "enum": ["short", "long", null]},
                        "type": {"type": "string"},
                    },
                    "required": ["from", "type"],
                },
                "outputSchema": {
                    "type": "object",
                    "properties": {
                        "route": {"type": "string"},
                        "stops": {"type": "array", "items": {"type": "string"}},
                    },
                    "required": ["route", "stops"],
                },
            },
            {
                "name": "time.now",
                "description": "Tells the time.",
                "annotations": {"readOnlyHint": true},
                "inputSchema": {"type": "object", "additionalProperties": false},
            },
        ])
    );
}

#[tokio::test]
async fn derived_tool_gets_its_arguments_and_what_the_server_gives() {
    let builder = McpServer::builder().with_tool(BookFlight::tool()).with_tool(Now::tool()).with_state(4_u32);
    let mut client = client(builder).await;
    let few = client.call_tool("book_flight", json!({"from": "BER", "type": "one way"})).await.unwrap();
    let route = json!({"route": "BER None 1 None 1 one way local local:local", "stops": []});
    assert_eq!(few.structured(), &route);
    let all = json!({"from": "BER", "type": "x", "region": "eu", "seats": 4, "stops": ["long"], "last": "short"});
    let all = client.call_tool("book_flight", all).await.unwrap();
    let route = json!({"route": "BER Some(\"eu\") 4 Some(Short) 1 x local local:local", "stops": ["Long"]});
    assert_eq!(all.structured(), &route);
    let refused = client.call_tool("book_flight", json!({"from": "BER", "type": "x", "seats": 5})).await.unwrap();
    assert_eq!((refused.is_error(), refused.text()), (true, "too many seats".to_owned()));
    assert_eq!(client.call_tool("time.now", json!({})).await.unwrap().text(), "noon");
}

#[tokio::test]
async fn fields_that_the_server_gives_are_no_arguments() {
    let mut client = client(McpServer::builder().with_tool(BookFlight::tool()).with_state(4_u32)).await;
    for (name, value) in [("limit", json!(100)), ("caller", json!("root")), ("size", json!(3)), ("seat", json!(1))] {
        let mut arguments = json!({"from": "BER", "type": "x"});
        arguments[name] = value;
        let answer = client.call_tool("book_flight", arguments).await.unwrap();
        assert!(answer.is_error());
        let known = r#"it takes "from", "last", "region", "seats", "stops", "type""#;
        assert_eq!(answer.text(), format!("the value has the unknown member \"{name}\"; {known}"));
    }
}

struct Weather {
    place: &'static str,
}

#[handlers]
impl Weather {
    /// Forecast for one city.
    #[tool(name = "weather.forecast")]
    async fn forecast(&self, city: String, days: u8) -> Result<Json<Route>, Failure> {
        Ok(Json(Route { route: format!("{} {city} {days}", self.place), stops: Vec::new() }))
    }

    #[tool]
    fn place(&self) -> &str {
        self.place
    }

    /// The report of one day.
    #[resource("weather://{city}/{day}{?unit}", mime = "text/plain", title = "Report")]
    async fn report(&self, city: &str, day: u32, unit: Option<String>) -> Result<String, Failure> {
        Ok(format!("{city} {day} {unit:?} {}", self.place))
    }

    #[resource("weather://now")]
    fn now(&self) -> Json<u8> {
        Json(21)
    }

    #[completion(resource = "weather://{city}/{day}{?unit}", argument = "city")]
    async fn cities(&self, typed: &str, unit: Option<&str>) -> Vec<String> {
        (0..101).map(|number| format!("{typed}{number} {unit:?}")).collect()
    }

    /// Explains a forecast.
    #[prompt]
    async fn explain(
        &self,
        /// Where.
        city: String,
        #[arg(default = "kind")] tone: &str,
        length: Option<&str>,
    ) -> Prompt {
        Prompt::new().user(format!("{city} {tone} {length:?}")).assistant(self.place)
    }

    #[completion(prompt = "explain", argument = "tone")]
    fn tones(&self, typed: String) -> Vec<String> {
        vec![typed + "!"]
    }
}

#[test]
fn definitions_of_a_block_come_in_order_and_with_their_words() {
    let definitions = Arc::new(Weather { place: "x" }).definitions();
    let tools: Vec<_> = definitions.tools.iter().map(|tool| &*tool.info().name).collect();
    assert_eq!(tools, ["weather.forecast", "place"]);
    let resources: Vec<_> = definitions.resources.iter().map(ResourceDefinition::location).collect();
    assert_eq!(resources, ["weather://{city}/{day}{?unit}", "weather://now"]);
    let explain = definitions.prompts[0].info();
    assert_eq!(explain.description.as_deref(), Some("Explains a forecast."));
    let arguments: Vec<_> =
        explain.arguments.iter().map(|it| (&*it.name, it.description.as_deref(), it.required)).collect();
    assert_eq!(arguments, [("city", Some("Where."), true), ("tone", None, false), ("length", None, false)]);
}

#[tokio::test]
async fn methods_of_one_value_answer() {
    let mut client = client(McpServer::builder().with_handlers(Weather { place: "here" })).await;
    let forecast = client.call_tool("weather.forecast", json!({"city": "Bonn", "days": 2})).await.unwrap();
    assert_eq!(forecast.structured()["route"], "here Bonn 2");
    assert_eq!(client.call_tool("place", json!({})).await.unwrap().text(), "here");
}

#[tokio::test]
async fn variables_of_a_template_reach_the_function() {
    let mut client = client(McpServer::builder().with_handlers(Weather { place: "here" })).await;
    let report = client.read_resource("weather://S%C3%A3o%20Paulo/3?unit=C").await.unwrap();
    assert_eq!(
        report.value()["contents"],
        json!([{"uri": "weather://S%C3%A3o%20Paulo/3?unit=C", "mimeType": "text/plain", "text": "São Paulo 3 Some(\"C\") here"}])
    );
    let now = client.read_resource("weather://now").await.unwrap();
    assert_eq!(
        now.value()["contents"],
        json!([{"uri": "weather://now", "mimeType": "application/json", "text": "21"}])
    );
}

#[tokio::test]
async fn variable_that_does_not_parse_is_an_absent_resource() {
    let mut client = client(McpServer::builder().with_handlers(Weather { place: "here" })).await;
    let uri = "weather://Bonn/tomorrow";
    let Err(TestError::Refused { data, .. }) = client.read_resource(uri).await else { panic!("it was read") };
    assert_eq!(data, json!({"uri": uri}));
}

#[tokio::test]
async fn arguments_of_a_prompt_may_be_left_out_only_where_it_says_so() {
    let mut client = client(McpServer::builder().with_handlers(Weather { place: "here" })).await;
    let few = client.get_prompt("explain", json!({"city": "Bonn"})).await.unwrap();
    assert_eq!(few.text(), "Bonn kind None\nhere");
    let all = client.get_prompt("explain", json!({"city": "Bonn", "tone": "dry", "length": "1"})).await.unwrap();
    assert_eq!(all.text(), "Bonn dry Some(\"1\")\nhere");
    assert!(client.get_prompt("explain", json!({})).await.is_err());
    assert!(client.get_prompt("explain", json!({"city": "Bonn", "other": "x"})).await.is_err());
}

#[tokio::test]
async fn completions_know_what_is_typed_and_give_a_hundred_values_at_most() {
    let mut client = client(McpServer::builder().with_handlers(Weather { place: "here" })).await;
    let cities = json!({
        "ref": {"type": "ref/resource", "uri": "weather://{city}/{day}{?unit}"},
        "argument": {"name": "city", "value": "Bo"},
        "context": {"arguments": {"unit": "C", "day": "1"}},
    });
    let answer = client.request("completion/complete", cities).await.unwrap();
    let completion = &answer.value()["completion"];
    assert_eq!(completion["values"][0], "Bo0 Some(\"C\")");
    assert_eq!(completion["values"].as_array().unwrap().len(), 100);
    assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(101), &json!(true)));
    let tones = json!({"ref": {"type": "ref/prompt", "name": "explain"}, "argument": {"name": "tone", "value": "k"}});
    let answer = client.request("completion/complete", tones).await.unwrap();
    assert_eq!(answer.value()["completion"]["values"], json!(["k!"]));
}

#[tokio::test]
async fn definitions_without_macros_answer_alike() {
    let tool = Tool::new("add")
        .input::<Pair>()
        .handler_with(|pair: Pair, ctx| Box::pin(async move { format!("{} {}", pair.a + pair.b, ctx.caller()) }));
    let nothing = Tool::new("nothing").handler(|_: NoArguments| async {});
    let note = ResourceDefinition::new("note://{id}", "note")
        .mime_type("text/plain")
        .completion("id", |typed: String| async move { vec![typed + "1"] })
        .handler(|read: Read| async move { format!("{} {:?}", read.uri(), read.text("id")) });
    let greet = PromptDefinition::new("greet")
        .required("name", "Who is greeted.")
        .completion("name", |typed: String| async move { vec![typed] })
        .handler(|name: std::collections::HashMap<String, String>| async move { format!("Hello {}", name["name"]) });
    let builder = McpServer::builder().with_tool(tool).with_tool(nothing).with_resource(note).with_prompt(greet);
    let mut client = client(builder).await;

    assert_eq!(client.call_tool("add", json!({"a": 1, "b": 2})).await.unwrap().text(), "3 local:local");
    assert_eq!(client.call_tool("nothing", json!({})).await.unwrap().value()["content"], json!([]));
    assert!(client.call_tool("nothing", json!({"a": 1})).await.unwrap().is_error());
    assert_eq!(client.read_resource("note://7").await.unwrap().text(), "note://7 Some(\"7\")");
    assert_eq!(client.get_prompt("greet", json!({"name": "Ada"})).await.unwrap().text(), "Hello Ada");
}

#[tokio::test]
async fn async_functions_of_the_context_are_handlers_without_a_box() {
    async fn add(pair: Pair, ctx: &Context) -> Result<Json<i32>, Failure> {
        let more = ctx.state::<i32>().ok_or_else(|| Failure::internal("no state"))?;
        tokio::task::yield_now().await;
        Ok(Json(pair.a + pair.b + *more))
    }
    let tool = Tool::new("add").input::<Pair>().needs_state::<i32>().handler_with_context(add);
    let ask = Tool::new("ask").handler_with_context(async |_: NoArguments, ctx: &Context| {
        let answer: Result<Pair, AskError> = ctx.elicit("Which two?").await;
        answer.map(|pair| pair.a - pair.b).map_err(Failure::from)
    });
    let note = ResourceDefinition::new("note://{id}", "note")
        .handler_with_context(async |read: Read, ctx: &Context| format!("{:?} {}", read.text("id"), ctx.caller()));
    let greet = PromptDefinition::new("greet")
        .handler_with_context(async |_: NoArguments, ctx: &Context| format!("Hello {}", ctx.caller()));
    let builder = McpServer::builder().with_tool(tool).with_tool(ask).with_resource(note).with_prompt(greet);
    let client = client(builder.with_state(10)).await;
    let mut client = client.answering(|_, _| Some(json!({"action": "accept", "content": {"a": 5, "b": 2}})));

    assert_eq!(client.call_tool("add", json!({"a": 1, "b": 2})).await.unwrap().structured(), &json!(13));
    assert_eq!(client.call_tool("ask", json!({})).await.unwrap().text(), "3");
    assert_eq!(client.read_resource("note://7").await.unwrap().text(), "Some(\"7\") local:local");
    assert_eq!(client.get_prompt("greet", json!({})).await.unwrap().text(), "Hello local:local");
}

#[data]
struct Pair {
    a: i32,
    b: i32,
}

async fn client(builder: mocopr::ServerBuilder) -> TestClient {
    let server = builder.with_info("test", "1.0.0").build().unwrap();
    TestClient::connect(&server).await.unwrap()
}
