//! A prompt as it is registered, and the builder that makes one without macros.
//!
//! Nothing is checked here: the server's builder checks all definitions together.

use std::{fmt, future::Future, sync::Arc};

use mocopr_core::model::prompt::{self as model, PromptArgument};
use mocopr_security::principal::Principal;
use serde::de::DeserializeOwned;

use crate::{
    context::Context,
    handler::{
        BoxFuture, Handler,
        completion::{self, IntoCompletion},
        prompt::{IntoPromptResult, outcome},
        with_context::{WithContext, answering},
    },
    registry::{
        builder::{DefinitionBuilder, Terms},
        definitions::Completions,
    },
};

/// A prompt: what is listed of it, what carries out its calls, and what completes its arguments.
///
/// Its name is not `Prompt`, because that is what handlers return.
///
/// ```
/// use mocopr_server::{handler::prompt::Prompt, registry::prompt::PromptDefinition};
///
/// #[derive(serde::Deserialize)]
/// struct Meal {
///     meal: String,
/// }
///
/// let recommend = PromptDefinition::new("recommend")
///     .description("Asks for a recommendation.")
///     .required("meal", "For which meal.")
///     .completion("meal", |_typed: String| async { vec!["breakfast", "lunch"] })
///     .handler(|asked: Meal| async move { Prompt::new().user(format!("Recommend a tea for {}.", asked.meal)) });
/// assert_eq!(recommend.info().arguments.len(), 1);
/// ```
pub struct PromptDefinition {
    pub(crate) info: model::Prompt,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) completions: Completions,
    pub(crate) terms: Terms,
}

impl PromptDefinition {
    /// Begins a prompt of that name.
    #[expect(clippy::new_ret_no_self, reason = "a prompt without a handler must not exist, so its builder comes first")]
    pub fn new(name: impl Into<Box<str>>) -> PromptBuilder {
        DefinitionBuilder::of(model::Prompt { name: name.into(), ..model::Prompt::default() })
    }

    /// What is listed of it.
    pub fn info(&self) -> &model::Prompt {
        &self.info
    }
}

impl fmt::Debug for PromptDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptDefinition").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A prompt that has no handler yet. It also has the methods that all definitions have: [`DefinitionBuilder`].
pub type PromptBuilder = DefinitionBuilder<model::Prompt>;

impl DefinitionBuilder<model::Prompt> {
    /// Adds an argument that must be given.
    pub fn required(self, name: impl Into<Box<str>>, description: impl Into<Box<str>>) -> Self {
        let description = Some(description.into());
        self.argument(PromptArgument { name: name.into(), title: None, description, required: true })
    }

    /// Adds an argument that may be left out.
    pub fn optional(self, name: impl Into<Box<str>>, description: impl Into<Box<str>>) -> Self {
        let description = Some(description.into());
        self.argument(PromptArgument { name: name.into(), title: None, description, required: false })
    }

    /// Adds an argument.
    pub fn argument(mut self, argument: PromptArgument) -> Self {
        self.info.arguments.push(argument);
        self
    }

    /// Completes one argument with an async function of what has been typed so far.
    pub fn completion<F, R>(mut self, argument: impl Into<Box<str>>, complete: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output: IntoCompletion> + Send + 'static,
    {
        self.completions.push((argument.into(), completion::handler(complete)));
        self
    }

    /// Calls the handler only where this holds of the caller and the arguments; of several conditions, every one. A
    /// call of which it does not hold is refused; the prompt is listed, and its arguments are completed, all the same.
    pub fn allow<A, F>(mut self, condition: F) -> Self
    where
        A: DeserializeOwned + 'static,
        F: Fn(&Principal, &A) -> bool + Send + Sync + 'static,
    {
        self.conditions.add(|work| work.decode(), condition);
        self
    }

    /// Carries out calls with an async function of the arguments: a struct of texts, or a map.
    pub fn handler<A, F, R>(self, handler: F) -> PromptDefinition
    where
        A: DeserializeOwned + Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        R: Future<Output: IntoPromptResult> + Send + 'static,
    {
        self.handler_with_context(move |arguments: A, _: &Context| handler(arguments))
    }

    /// Carries out calls with an async function of the arguments and the context, which captures nothing: state comes
    /// from the context.
    pub fn handler_with_context<A, F, R>(self, handler: F) -> PromptDefinition
    where
        A: DeserializeOwned + Send + 'static,
        F: for<'a> WithContext<'a, A, Answer = R> + Send + Sync + 'static,
        R: IntoPromptResult + 'static,
    {
        self.handled_by(answering(|work| work.decode(), handler, |answer, _| outcome(answer)))
    }

    /// Carries out calls with a function of the arguments and the context, which returns a boxed future and may capture
    /// what it likes: `|args: Args, ctx| Box::pin(async move { … })`.
    pub fn handler_with<A, F, R>(self, handler: F) -> PromptDefinition
    where
        A: DeserializeOwned + Send + 'static,
        F: for<'a> Fn(A, &'a Context) -> BoxFuture<'a, R> + Send + Sync + 'static,
        R: IntoPromptResult + 'static,
    {
        self.handler_with_context(handler)
    }

    /// Carries out calls with a [`Handler`].
    #[doc(hidden)]
    pub fn handled_by(self, handler: impl Handler) -> PromptDefinition {
        let Self { info, completions, terms, conditions } = self;
        PromptDefinition { info, handler: conditions.before(handler), completions, terms }
    }
}

/// What can be registered as a prompt: a [`PromptDefinition`], or a function under `#[prompt]`.
///
/// `Marker` only tells the functions of different arity apart; it is never named.
#[diagnostic::on_unimplemented(
    message = "this function is not a prompt",
    label = "not a prompt",
    note = "put `#[prompt]` above its definition, or build one with `PromptDefinition::new(..)`"
)]
pub trait IntoPrompt<Marker> {
    /// The prompt.
    fn into_prompt(self) -> PromptDefinition;
}

impl IntoPrompt<()> for PromptDefinition {
    fn into_prompt(self) -> PromptDefinition {
        self
    }
}
