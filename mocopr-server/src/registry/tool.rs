//! A tool as it is registered, and the builder that makes one without macros.
//!
//! Nothing is checked here: the server's builder checks names, schemas and header annotations of all definitions
//! together, so that its owner reads every problem at once.

use std::{borrow::Cow, fmt, future::Future, sync::Arc};

use mocopr_core::{
    json::RawJson,
    model::tool::{self as model, OutputSchema},
};
use mocopr_security::{gate::Weight, principal::Principal};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    context::Context,
    handler::{
        BoxFuture, Handler,
        schema::{self, Argument},
        tool::{IntoToolResult, outcome},
        with_context::{WithContext, answering},
    },
    registry::builder::{DefinitionBuilder, Terms},
};

/// A tool: what is listed of it, and what carries out its calls.
///
/// `#[tool]` makes one of an `async fn`. Without macros:
///
/// ```
/// use mocopr_server::{handler::tool::Json, registry::tool::Tool};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Pair {
///     a: f64,
///     b: f64,
/// }
///
/// let tool = Tool::new("add")
///     .description("Adds two numbers.")
///     .input::<Pair>()
///     .handler(|pair: Pair| async move { Json(pair.a + pair.b) });
/// assert_eq!(&*tool.info().name, "add");
/// ```
pub struct Tool {
    pub(crate) info: model::Tool,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) terms: Terms,
}

impl Tool {
    /// Begins a tool of that name: 1 to 128 characters of `A-Z a-z 0-9 _ - .`.
    #[expect(clippy::new_ret_no_self, reason = "a tool without a handler must not exist, so its builder comes first")]
    pub fn new(name: impl Into<Box<str>>) -> ToolBuilder {
        let info = model::Tool {
            name: name.into(),
            title: None,
            description: None,
            icons: Vec::new(),
            input_schema: RawJson::empty_object(),
            output_schema: None,
            annotations: model::ToolAnnotations::default(),
            meta: None,
        };
        DefinitionBuilder::of(info).input::<NoArguments>()
    }

    /// What is listed of it.
    pub fn info(&self) -> &model::Tool {
        &self.info
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("info", &self.info).field("terms", &self.terms).finish_non_exhaustive()
    }
}

/// A tool that has no handler yet. It also has the methods that all definitions have: [`DefinitionBuilder`].
///
/// Without [`input`](Self::input) or [`input_schema`](Self::input_schema) the tool takes no arguments.
pub type ToolBuilder = DefinitionBuilder<model::Tool>;

impl DefinitionBuilder<model::Tool> {
    /// Takes the schema of the arguments from a type, which must be a struct or a map.
    pub fn input<A: JsonSchema>(self) -> Self {
        self.arguments::<A>(&[])
    }

    /// Takes the schema of the arguments from a JSON text.
    pub fn input_schema(mut self, schema: impl AsRef<str>) -> Self {
        match parse(schema.as_ref()) {
            Some((schema, _)) => self.info.input_schema = schema,
            None => self.terms.problems.push("the input schema is not JSON"),
        }
        self
    }

    /// Takes the schema of the structured content from a type. Where the handler answers
    /// [`Json<T>`](crate::handler::tool::Json) this is done already.
    pub fn output<T: JsonSchema>(mut self) -> Self {
        self.info.output_schema = schema::output::<T>();
        self
    }

    /// Takes the schema of the structured content from a JSON text.
    pub fn output_schema(mut self, schema: impl AsRef<str>) -> Self {
        match parse(schema.as_ref()) {
            Some((schema, is_object)) => self.info.output_schema = Some(OutputSchema { schema, is_object }),
            None => self.terms.problems.push("the output schema is not JSON"),
        }
        self
    }

    /// Hints that it changes nothing.
    pub fn read_only(mut self) -> Self {
        self.info.annotations.read_only = Some(true);
        self
    }

    /// Hints that it may destroy something.
    pub fn destructive(mut self) -> Self {
        self.info.annotations.destructive = Some(true);
        self
    }

    /// Hints that twice is the same as once.
    pub fn idempotent(mut self) -> Self {
        self.info.annotations.idempotent = Some(true);
        self
    }

    /// Hints that it does not reach out into an open world.
    pub fn closed_world(mut self) -> Self {
        self.info.annotations.open_world = Some(false);
        self
    }

    /// Says that a call costs much: each caller may call it only as often as the policy's rate of heavy tools says.
    pub fn heavy(mut self) -> Self {
        self.terms.requirement.weight = Weight::Heavy;
        self
    }

    /// Calls the handler only where this holds of the caller and the arguments; of several conditions, every one. A
    /// call of which it does not hold is refused, and the tool is listed all the same.
    ///
    /// It is looked at when roles and scopes permit the call and the arguments have passed the input schema. The
    /// arguments are decoded for it once more.
    ///
    /// ```
    /// use mocopr_security::principal::Principal;
    /// use mocopr_server::registry::tool::Tool;
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Transfer {
    ///     from: String,
    ///     cents: u64,
    /// }
    ///
    /// let transfer = Tool::new("transfer")
    ///     .input::<Transfer>()
    ///     .allow(|who: &Principal, transfer: &Transfer| transfer.from == who.subject() && transfer.cents <= 10_000)
    ///     .handler(|transfer: Transfer| async move { format!("{} sent", transfer.cents) });
    /// # let _ = transfer;
    /// ```
    pub fn allow<A, F>(mut self, condition: F) -> Self
    where
        A: DeserializeOwned + 'static,
        F: Fn(&Principal, &A) -> bool + Send + Sync + 'static,
    {
        self.conditions.add(|work| work.decode(), condition);
        self
    }

    /// Carries out calls with an async function of the arguments.
    ///
    /// The arguments have passed the input schema before; what then does not decode is refused in the same way.
    pub fn handler<A, F, R>(self, handler: F) -> Tool
    where
        A: DeserializeOwned + Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        R: Future<Output: IntoToolResult> + Send + 'static,
    {
        self.handler_with_context(move |arguments: A, _: &Context| handler(arguments))
    }

    /// Carries out calls with an async function of the arguments and the context, which captures nothing: state comes
    /// from the context.
    ///
    /// ```
    /// use mocopr_server::{context::Context, registry::tool::Tool};
    ///
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Name {
    ///     name: String,
    /// }
    ///
    /// async fn greet(arguments: Name, ctx: &Context) -> String {
    ///     ctx.progress(1.0, 1.0, "thinking");
    ///     format!("Hello {}, from {}", arguments.name, ctx.caller())
    /// }
    ///
    /// let named = Tool::new("greet").input::<Name>().handler_with_context(greet);
    /// let closure = Tool::new("whoami").handler_with_context(async |_: serde_json::Value, ctx: &Context| {
    ///     ctx.caller().to_string()
    /// });
    /// # assert!(named.info().output_schema.is_none() && closure.info().output_schema.is_none());
    /// ```
    pub fn handler_with_context<A, F, R>(self, handler: F) -> Tool
    where
        A: DeserializeOwned + Send + 'static,
        F: for<'a> WithContext<'a, A, Answer = R> + Send + Sync + 'static,
        R: IntoToolResult + 'static,
    {
        self.returns::<R>().handled_by(answering(|work| work.decode(), handler, |answer, _| outcome(answer)))
    }

    /// Carries out calls with a function of the arguments and the context, which returns a boxed future and may capture
    /// what it likes: `|args: Args, ctx| Box::pin(async move { … })`.
    ///
    /// Costs one box a call more than [`handler_with_context`](Self::handler_with_context) and `#[tool]`.
    pub fn handler_with<A, F, R>(self, handler: F) -> Tool
    where
        A: DeserializeOwned + Send + 'static,
        F: for<'a> Fn(A, &'a Context) -> BoxFuture<'a, R> + Send + Sync + 'static,
        R: IntoToolResult + 'static,
    {
        self.handler_with_context(handler)
    }

    /// Carries out calls with a [`Handler`].
    #[doc(hidden)]
    pub fn handled_by(self, handler: impl Handler) -> Tool {
        // Tools have nothing to complete.
        let Self { info, completions: _, terms, conditions } = self;
        Tool { info, handler: conditions.before(handler), terms }
    }

    pub(crate) fn arguments<A: JsonSchema>(mut self, arguments: &[Argument]) -> Self {
        match schema::input::<A>(arguments) {
            Some(schema) => self.info.input_schema = schema,
            None => self.terms.problems.push("the input schema is not JSON"),
        }
        self
    }

    pub(crate) fn returns<R: IntoToolResult>(mut self) -> Self {
        if self.info.output_schema.is_none() {
            self.info.output_schema = R::output_schema();
        }
        self
    }
}

/// What can be registered as a tool: a [`Tool`], or a function under `#[tool]`.
///
/// `Marker` only tells the functions of different arity apart; it is never named.
#[diagnostic::on_unimplemented(
    message = "this function is not a tool",
    label = "not a tool",
    note = "put `#[tool]` above its definition, or build one with `Tool::new(..)`"
)]
pub trait IntoTool<Marker> {
    /// The tool.
    fn into_tool(self) -> Tool;
}

impl IntoTool<()> for Tool {
    fn into_tool(self) -> Tool {
        self
    }
}

/// The arguments of a tool or prompt that takes none.
///
/// ```
/// use mocopr_server::registry::tool::{NoArguments, Tool};
///
/// let ping = Tool::new("ping").handler(|_: NoArguments| async { "pong" });
/// assert!(ping.info().input_schema.as_str().contains(r#""additionalProperties":false"#));
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoArguments {}

impl JsonSchema for NoArguments {
    fn schema_name() -> Cow<'static, str> {
        "NoArguments".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": false })
    }
}

/// A JSON text without its spaces, and whether it is the schema of an object.
fn parse(text: &str) -> Option<(RawJson, bool)> {
    let schema: Value = serde_json::from_str(text).ok()?;
    let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
    Some((RawJson::encode(&schema).ok()?, is_object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::tool::Json;

    #[test]
    fn tool_without_input_takes_no_arguments() {
        let tool = Tool::new("now").handler(|_: NoArguments| async { "noon" });
        assert_eq!(tool.info.input_schema.as_str(), r#"{"additionalProperties":false,"type":"object"}"#);
        assert!(tool.info.output_schema.is_none());
    }

    #[test]
    fn output_schema_comes_from_the_handler_unless_it_is_given() {
        let tool = Tool::new("one").handler(|_: NoArguments| async { Json(1_u64) });
        assert_eq!(tool.info.output_schema.unwrap().schema.as_str(), r#"{"minimum":0,"type":"integer"}"#);
        let given = Tool::new("one")
            .output_schema(r#"{ "type": "object" }"#)
            .handler_with(|_: NoArguments, _ctx| Box::pin(async { Json(1_u64) }));
        let given = given.info.output_schema.unwrap();
        assert_eq!((given.schema.as_str(), given.is_object), (r#"{"type":"object"}"#, true));
    }

    #[test]
    fn schema_that_is_no_json_is_kept_as_a_problem() {
        let tool = Tool::new("x").input_schema("{").handler(|_: NoArguments| async {});
        assert_eq!(tool.terms.problems, ["the input schema is not JSON"]);
    }
}
