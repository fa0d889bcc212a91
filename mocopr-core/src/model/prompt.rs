//! Prompts and what they answer.

use crate::{
    json::RawJson,
    model::content::{Content, Icon, Role},
};

/// A prompt as it is listed.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// The prompt's name.
    pub name: Box<str>,
    /// A name for people, from 2025-06-18.
    pub title: Option<Box<str>>,
    /// What it is for.
    pub description: Option<Box<str>>,
    /// Pictures of it, from 2025-11-25.
    pub icons: Vec<Icon>,
    /// What it takes.
    pub arguments: Vec<PromptArgument>,
    /// `_meta` of the prompt: a JSON object, from 2025-06-18.
    pub meta: Option<RawJson>,
}

/// An argument of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptArgument {
    /// The argument's name.
    pub name: Box<str>,
    /// A name for people, from 2025-06-18.
    pub title: Option<Box<str>>,
    /// What it is.
    pub description: Option<Box<str>>,
    /// It cannot be left out.
    pub required: bool,
}

/// What a prompt answers.
///
/// ```
/// use mocopr_core::model::{
///     content::{Content, Role},
///     prompt::{PromptMessage, PromptResult},
/// };
///
/// let says = |role, text: &str| PromptMessage { role, content: Content::text(text) };
/// let review = PromptResult {
///     description: Some("A review in a given tone".into()),
///     messages: vec![says(Role::User, "Review my poem, kindly."), says(Role::Assistant, "Gladly. Where is it?")],
///     meta: None,
/// };
/// assert_eq!(review.messages.len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct PromptResult {
    /// What it is for.
    pub description: Option<Box<str>>,
    /// The conversation.
    pub messages: Vec<PromptMessage>,
    /// `_meta` of the result: a JSON object.
    pub meta: Option<RawJson>,
}

/// A message of a prompt.
///
/// An example is at [`PromptResult`].
#[derive(Clone, Debug, PartialEq)]
pub struct PromptMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: Content,
}
