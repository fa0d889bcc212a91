//! Questions to the client, and what a client wants to be told of.

use crate::{
    json::RawJson,
    model::content::{Content, Role},
};

/// The questions of one round, in the order in which they were asked (`InputRequiredResult`, 2026-07-28).
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// Key and question; keys are unique.
    pub asks: Vec<(Box<str>, Ask)>,
    /// Sealed state that the client must send back.
    pub state: Option<Box<str>>,
}

/// A question to the client.
#[derive(Clone, Debug)]
pub enum Ask {
    /// `elicitation/create` with a form.
    Form(FormAsk),
    /// `elicitation/create` with a URL, from 2025-11-25.
    Url(UrlAsk),
    /// `sampling/createMessage`.
    Sample(Box<Sample>),
    /// `roots/list`.
    Roots,
}

/// A form for the user.
#[derive(Clone, Debug)]
pub struct FormAsk {
    /// The question.
    pub message: Box<str>,
    /// A flat JSON Schema of the answer, compact.
    pub schema: RawJson,
}

/// A page for the user to open.
#[derive(Clone, Debug)]
pub struct UrlAsk {
    /// Why.
    pub message: Box<str>,
    /// Which page.
    pub url: Box<str>,
    /// Known to both sides, so that its end can be told.
    pub elicitation_id: Box<str>,
}

/// A completion that the client's model is asked for.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The conversation so far.
    pub messages: Vec<SampleMessage>,
    /// The most tokens to make.
    pub max_tokens: u32,
    /// The system prompt to use.
    pub system_prompt: Option<Box<str>>,
    /// How freely to choose, from 0 to 1.
    pub temperature: Option<f64>,
    /// Where to stop.
    pub stop_sequences: Vec<Box<str>>,
}

/// A message of a sampling request.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: Content,
}

/// What a client wants to be told of (`subscriptions/listen`, 2026-07-28).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenFilter {
    /// Changes of the list of tools.
    pub tools: bool,
    /// Changes of the list of prompts.
    pub prompts: bool,
    /// Changes of the list of resources.
    pub resources: bool,
    /// Changes of these resources.
    pub uris: Vec<Box<str>>,
}
