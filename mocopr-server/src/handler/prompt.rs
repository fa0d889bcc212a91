//! What a prompt may return, and how it becomes a result.

use mocopr_core::{
    failure::Failure,
    model::{
        content::{Content, Role},
        prompt::{PromptMessage, PromptResult},
    },
    outcome::{Outcome, Reply},
};

/// A conversation, written message by message.
///
/// ```
/// use mocopr_server::handler::prompt::Prompt;
///
/// let prompt = Prompt::new().user("What is a cold front?").assistant("Cold air that pushes below warm air.");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Prompt(PromptResult);

impl Prompt {
    /// A conversation without messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what the conversation is for.
    pub fn description(mut self, text: impl Into<Box<str>>) -> Self {
        self.0.description = Some(text.into());
        self
    }

    /// The person says a text.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.user_content(Content::text(text))
    }

    /// The model says a text.
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.assistant_content(Content::text(text))
    }

    /// The person shows a picture, a sound, a resource.
    pub fn user_content(self, content: impl Into<Content>) -> Self {
        self.message(PromptMessage { role: Role::User, content: content.into() })
    }

    /// The model shows a picture, a sound, a resource.
    pub fn assistant_content(self, content: impl Into<Content>) -> Self {
        self.message(PromptMessage { role: Role::Assistant, content: content.into() })
    }

    fn message(mut self, message: PromptMessage) -> Self {
        self.0.messages.push(message);
        self
    }
}

/// What a prompt may return: text (one message of the user), messages, a [`Prompt`], a [`PromptResult`], or a
/// `Result<_, Failure>` of any of them.
///
/// ```
/// use mocopr_core::{failure::Failure, model::prompt::PromptResult};
/// use mocopr_server::handler::prompt::{IntoPromptResult, Prompt};
///
/// /// A question with an example of its answer.
/// struct Taught(&'static str);
///
/// impl IntoPromptResult for Taught {
///     fn into_prompt_result(self) -> Result<PromptResult, Failure> {
///         Prompt::new().user("2 + 2?").assistant("4").user(self.0).into_prompt_result()
///     }
/// }
/// assert_eq!(Taught("3 + 4?").into_prompt_result()?.messages.len(), 3);
/// # Ok::<(), Failure>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a prompt cannot return `{Self}`",
    label = "not something that a prompt can answer",
    note = "return text, `Prompt`, `PromptMessage`, `Vec<PromptMessage>`, `PromptResult`, or a `Result<_, Failure>` \
            of one of them"
)]
pub trait IntoPromptResult: Sized {
    /// The result.
    ///
    /// # Errors
    /// The failure that the handler returned.
    fn into_prompt_result(self) -> Result<PromptResult, Failure>;
}

impl IntoPromptResult for Prompt {
    fn into_prompt_result(self) -> Result<PromptResult, Failure> {
        Ok(self.0)
    }
}

impl IntoPromptResult for PromptResult {
    fn into_prompt_result(self) -> Result<PromptResult, Failure> {
        Ok(self)
    }
}

impl IntoPromptResult for Vec<PromptMessage> {
    fn into_prompt_result(self) -> Result<PromptResult, Failure> {
        Ok(PromptResult { messages: self, ..PromptResult::default() })
    }
}

impl IntoPromptResult for PromptMessage {
    fn into_prompt_result(self) -> Result<PromptResult, Failure> {
        vec![self].into_prompt_result()
    }
}

impl IntoPromptResult for String {
    fn into_prompt_result(self) -> Result<PromptResult, Failure> {
        Prompt::new().user(self).into_prompt_result()
    }
}

impl IntoPromptResult for &str {
    fn into_prompt_result(self) -> Result<PromptResult, Failure> {
        Prompt::new().user(self).into_prompt_result()
    }
}

impl<R: IntoPromptResult> IntoPromptResult for Result<R, Failure> {
    fn into_prompt_result(self) -> Result<PromptResult, Failure> {
        self?.into_prompt_result()
    }
}

/// The outcome of what a prompt returned.
pub(crate) fn outcome(returned: impl IntoPromptResult) -> Outcome {
    match returned.into_prompt_result() {
        Ok(result) => Outcome::Complete(Reply::Prompt(result)),
        Err(failure) => Outcome::Failed(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_message_of_the_user() {
        let result = "Hello".into_prompt_result().unwrap();
        assert_eq!(result.messages, [PromptMessage { role: Role::User, content: Content::text("Hello") }]);
    }

    #[test]
    fn conversation_keeps_its_order() {
        let result = Prompt::new().user("a").assistant("b").into_prompt_result().unwrap();
        let roles: Vec<_> = result.messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant]);
    }
}
