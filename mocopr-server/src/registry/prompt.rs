//! A prompt as it is registered, and the builder that makes one without macros.
//!
//! Nothing is checked here: the server's builder checks all definitions together.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use mocopr_core::{
    model::{
        content::Icon,
        prompt::{self as model, PromptArgument},
    },
    outcome::Outcome,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    context::Context,
    handler::{
        BoxFuture, Handler,
        completion::{self, IntoCompletion},
        function,
        prompt::{IntoPromptResult, outcome},
    },
    registry::definitions::{Completions, meta_object},
};

/// A prompt: what is listed of it, what carries out its calls, and what completes its arguments.
///
/// Its name is not `Prompt`, because that is what handlers return.
pub struct PromptDefinition {
    pub(crate) info: model::Prompt,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) completions: Completions,
    pub(crate) problems: Vec<&'static str>,
}

impl PromptDefinition {
    /// Begins a prompt of that name.
    #[expect(clippy::new_ret_no_self, reason = "a prompt without a handler must not exist, so its builder comes first")]
    pub fn new(name: impl Into<Box<str>>) -> PromptBuilder {
        PromptBuilder {
            info: model::Prompt { name: name.into(), ..model::Prompt::default() },
            timeout: None,
            completions: Vec::new(),
            problems: Vec::new(),
        }
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

/// A prompt that has no handler yet.
#[must_use = "a prompt begins to exist with its handler"]
pub struct PromptBuilder {
    info: model::Prompt,
    timeout: Option<Duration>,
    completions: Completions,
    problems: Vec<&'static str>,
}

impl fmt::Debug for PromptBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptBuilder").field("info", &self.info).finish_non_exhaustive()
    }
}

impl PromptBuilder {
    /// Gives it a name for people.
    pub fn title(mut self, title: impl Into<Box<str>>) -> Self {
        self.info.title = Some(title.into());
        self
    }

    /// Says what it is for.
    pub fn description(mut self, description: impl Into<Box<str>>) -> Self {
        self.info.description = Some(description.into());
        self
    }

    /// Adds a picture.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.info.icons.push(icon);
        self
    }

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

    /// Ends a call after this time; the server's own limit holds as well.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets `_meta`: something that is written as a JSON object.
    pub fn meta(mut self, meta: &impl Serialize) -> Self {
        self.info.meta = meta_object(meta, &mut self.problems);
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

    /// Carries out calls with an async function of the arguments: a struct of texts, or a map.
    pub fn handler<A, F, R>(self, handler: F) -> PromptDefinition
    where
        A: DeserializeOwned + Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        R: Future<Output: IntoPromptResult> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.handled_by(function(move |work| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                match work.decode::<A>() {
                    Ok(arguments) => outcome(handler(arguments).await),
                    Err(failure) => Outcome::Failed(failure),
                }
            })
        }))
    }

    /// Carries out calls with a function of the arguments and the context, which returns a boxed future:
    /// `|args: Args, ctx| Box::pin(async move { … })`.
    pub fn handler_with<A, F, R>(self, handler: F) -> PromptDefinition
    where
        A: DeserializeOwned + Send + 'static,
        F: for<'a> Fn(A, &'a Context) -> BoxFuture<'a, R> + Send + Sync + 'static,
        R: IntoPromptResult + 'static,
    {
        let handler = Arc::new(handler);
        self.handled_by(function(move |work| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                match work.decode::<A>() {
                    Ok(arguments) => outcome(handler(arguments, work.context()).await),
                    Err(failure) => Outcome::Failed(failure),
                }
            })
        }))
    }

    /// Carries out calls with a [`Handler`].
    #[doc(hidden)]
    pub fn handled_by(self, handler: impl Handler) -> PromptDefinition {
        let Self { info, timeout, completions, problems } = self;
        PromptDefinition { info, handler: Arc::new(handler), timeout, completions, problems }
    }

    pub(crate) fn completed_by(mut self, argument: &str, handler: impl Handler) -> Self {
        self.completions.push((argument.into(), Arc::new(handler)));
        self
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
