//! What the expansions of the macros call. Not API: it changes without notice.
//!
//! Everything generic that an expansion needs stands here once, so that the expansions stay small and quick to
//! compile. Nothing here decides anything about a call.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    str::FromStr,
    sync::Arc,
    task::{Context as Poller, Poll},
};

use mocopr_core::{
    failure::Failure,
    fault::Fault,
    model::{content::Icon, prompt::PromptArgument},
};
use mocopr_security::principal::Principal;
use schemars::JsonSchema;
use serde::Deserialize;

pub use mocopr_core::outcome::Outcome;

use crate::handler::{self, Handler, Method};
pub use crate::{
    extract::Extract,
    handler::{
        BoxFuture, Work,
        completion::IntoCompletion,
        prompt::IntoPromptResult,
        read::IntoReadResult,
        schema::{Argument, Bound, Constraint},
        tool::{CallTool, IntoToolResult},
    },
    registry::{
        definitions::{Definitions, Handlers},
        prompt::{PromptBuilder, PromptDefinition},
        resource::{ResourceBuilder, ResourceDefinition},
        tool::{Tool, ToolBuilder},
    },
};

/// What a function under `#[tool]` returns: its answer once awaited, and the definition of the tool.
#[diagnostic::on_unimplemented(
    message = "this function is not a tool",
    label = "not a tool",
    note = "put `#[tool]` above its definition, or build one with `Tool::new(..)`"
)]
#[must_use = "a tool does nothing until it is awaited"]
pub trait ToolCall: Future {
    /// The tool.
    #[doc(hidden)]
    fn tool() -> Tool;
}

/// What a function under `#[prompt]` returns.
#[diagnostic::on_unimplemented(
    message = "this function is not a prompt",
    label = "not a prompt",
    note = "put `#[prompt]` above its definition, or build one with `PromptDefinition::new(..)`"
)]
#[must_use = "a prompt does nothing until it is awaited"]
pub trait PromptCall: Future {
    /// The prompt.
    #[doc(hidden)]
    fn prompt() -> PromptDefinition;
}

/// What a function under `#[resource(..)]` returns.
#[diagnostic::on_unimplemented(
    message = "this function is not a resource",
    label = "not a resource",
    note = "put `#[resource(\"uri\")]` above its definition, or build one with `ResourceDefinition::new(..)`"
)]
#[must_use = "a resource does nothing until it is awaited"]
pub trait ResourceCall: Future {
    /// The resource.
    #[doc(hidden)]
    fn resource() -> ResourceDefinition;
}

/// What an argument of a tool can be: read from a message, and described in a schema.
///
/// A bound with a lifetime in it is judged where it is used and not where it stands, which keeps one mistake to one
/// error; so nothing that follows from this bound may be without one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument",
    label = "not something that is read from a message and described in a schema",
    note = "put `#[data]` above its definition, or derive serde's `Deserialize` and schemars' `JsonSchema`"
)]
pub trait ToolArgument<'message>: Deserialize<'message> {
    /// The type itself.
    type Itself: JsonSchema;
}

#[diagnostic::do_not_recommend]
impl<'message, T: Deserialize<'message> + JsonSchema> ToolArgument<'message> for T {
    type Itself = T;
}

/// A marker that knows a definition.
pub trait Define {
    /// What it defines.
    type Definition;

    /// The definition.
    fn define() -> Self::Definition;
}

/// A direct call of a function under one of the macros.
///
/// The box makes it a future without unsafe code; the server does not go through it.
#[must_use = "futures do nothing until they are awaited"]
pub struct Called<D, F> {
    future: Pin<Box<F>>,
    definition: PhantomData<fn() -> D>,
}

impl<D, F: Future> Called<D, F> {
    /// A call that has not begun.
    pub fn new(future: F) -> Self {
        Self { future: Box::pin(future), definition: PhantomData }
    }
}

impl<D, F: Future> Future for Called<D, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(poller)
    }
}

impl<D, F> fmt::Debug for Called<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Called").finish_non_exhaustive()
    }
}

impl<D: Define<Definition = Tool>, F: Future> ToolCall for Called<D, F> {
    fn tool() -> Tool {
        D::define()
    }
}

impl<D: Define<Definition = PromptDefinition>, F: Future> PromptCall for Called<D, F> {
    fn prompt() -> PromptDefinition {
        D::define()
    }
}

impl<D: Define<Definition = ResourceDefinition>, F: Future> ResourceCall for Called<D, F> {
    fn resource() -> ResourceDefinition {
        D::define()
    }
}

/// A handler of one free function.
pub fn function(run: fn(Work) -> BoxFuture<'static, Outcome>) -> impl Handler {
    handler::function(run)
}

/// A handler of one method of a shared value.
pub fn method<T>(this: &Arc<T>, run: fn(Arc<T>, Work) -> BoxFuture<'static, Outcome>) -> impl Handler + use<T>
where
    T: Send + Sync + 'static,
{
    Method { this: Arc::clone(this), run }
}

/// Runs a plain function where blocking is allowed.
pub fn blocking(run: impl FnOnce() -> Outcome + Send + 'static) -> BoxFuture<'static, Outcome> {
    Box::pin(handler::blocking(run))
}

/// Sets the schema of the arguments from the hidden struct and what stands at the parameters.
pub fn arguments<A: JsonSchema>(tool: ToolBuilder, arguments: &[Argument]) -> ToolBuilder {
    tool.arguments::<A>(arguments)
}

/// Sets the schema of what is returned.
pub fn returns<R: IntoToolResult>(tool: ToolBuilder) -> ToolBuilder {
    tool.returns::<R>()
}

/// A tool whose calls a value carries out, which `read` makes of the arguments and the context.
pub fn derived<T: CallTool>(tool: ToolBuilder, read: fn(&Work) -> Result<T, Failure>) -> Tool {
    tool.returns::<T::Output>().handled_by(handler::function(move |work| {
        Box::pin(async move {
            match read(&work) {
                Ok(tool) => handler::tool::outcome(tool.call(work.context()).await),
                Err(failure) => Outcome::Failed(failure),
            }
        })
    }))
}

/// The arguments of a call as a type, which may borrow from them.
///
/// # Errors
/// As [`Work::decode`].
pub fn decode<'a, T: Deserialize<'a>>(work: &'a Work) -> Result<T, Failure> {
    work.decode()
}

/// The outcome of what a tool returned.
pub fn tool_outcome<R: IntoToolResult>(returned: R) -> Outcome {
    handler::tool::outcome(returned)
}

/// The outcome of what a prompt returned.
pub fn prompt_outcome<R: IntoPromptResult>(returned: R) -> Outcome {
    handler::prompt::outcome(returned)
}

/// The outcome of what a resource returned.
pub fn read_outcome<R: IntoReadResult>(returned: R, work: &Work, mime_type: Option<&str>) -> Outcome {
    handler::read::outcome(returned, work.uri().unwrap_or_default(), mime_type)
}

/// The outcome of what a completion returned.
pub fn completion_outcome<R: IntoCompletion>(returned: R) -> Outcome {
    handler::completion::outcome(returned)
}

/// Whether the condition of a call holds, which sees the caller.
///
/// # Errors
/// The refusal, where it does not.
pub fn permitted(work: &Work, holds: impl FnOnce(&Principal) -> bool) -> Result<(), Failure> {
    handler::condition::permitted(work, holds)
}

/// Something from the call's context.
///
/// # Errors
/// What the extractor fails with.
pub fn extract<E: Extract>(work: &Work) -> Result<E, Failure> {
    E::extract(work.context())
}

/// An argument of a prompt that must be given; `refusal` is the sentence for the caller.
///
/// # Errors
/// A fault of the parameters when it is missing.
pub fn required<T>(argument: Option<T>, refusal: &'static str) -> Result<T, Failure> {
    argument.ok_or_else(|| Failure::from_fault(Fault::Params(refusal)))
}

/// The value of a template's variable.
pub fn captured<'a>(work: &'a Work, variable: &str) -> Option<&'a str> {
    work.captures()?.text(variable)
}

/// The value of a template's variable that must be there.
///
/// # Errors
/// The resource is absent when there is none.
pub fn variable<'a>(work: &'a Work, name: &str) -> Result<&'a str, Failure> {
    captured(work, name).ok_or_else(|| absent(work))
}

/// The value of a template's variable as a type.
///
/// # Errors
/// The resource is absent when the text is not of the type: no URI of the family leads there.
pub fn parsed<T: Variable>(work: &Work, name: &str) -> Result<T, Failure> {
    variable(work, name)?.parse().map_err(|_| absent(work))
}

/// The value of a template's variable as a type, where there is one.
///
/// # Errors
/// As [`parsed`].
pub fn parsed_where_given<T: Variable>(work: &Work, name: &str) -> Result<Option<T>, Failure> {
    captured(work, name).map(str::parse).transpose().map_err(|_| absent(work))
}

/// What a variable of a template can be, beside a text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a template's variable",
    label = "not something that is read from the text of a URI",
    note = "take a `String` or a number, or implement `std::str::FromStr` for it"
)]
pub trait Variable: FromStr {}

#[diagnostic::do_not_recommend]
impl<T: FromStr> Variable for T {}

/// A picture at a URI.
pub fn icon(src: &str) -> Icon {
    Icon { src: src.into(), ..Icon::default() }
}

/// An argument of a prompt.
pub fn prompt_argument(name: &str, description: Option<&str>, need: Need) -> PromptArgument {
    PromptArgument {
        name: name.into(),
        title: None,
        description: description.map(Into::into),
        required: match need {
            Need::Required => true,
            Need::Optional => false,
        },
    }
}

/// Whether an argument can be left out.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// It cannot.
    Required,
    /// It can.
    Optional,
}

fn absent(work: &Work) -> Failure {
    Failure::absent(work.uri().unwrap_or_default())
}
