//! Sampling: a completion by the client's model.

use std::{borrow::Cow, future::IntoFuture, panic::Location};

use futures_util::future::BoxFuture;
use mocopr_core::{
    json::RawJson,
    model::{
        ask::{Ask, Sample, SampleMessage},
        content::{Content, Role},
    },
};
use serde::Deserialize;

use super::{AskError, Question, put};
use crate::context::Context;

/// A request to the client's model; `.await` it. Made by [`Context::sample`].
///
/// ```
/// use mocopr_core::failure::Failure;
/// use mocopr_server::context::Context;
///
/// // Under `#[tool]`:
/// async fn summary(ctx: &Context, text: String) -> Result<String, Failure> {
///     let asked = ctx.sample(&format!("Say this in a sentence: {text}")).system_prompt("Be plain.");
///     let sampled = asked.max_tokens(100).temperature(0.2).named("summary").await?;
///     Ok(format!("{} ({})", sampled.text, sampled.model))
/// }
/// ```
#[must_use = "a question is asked when it is awaited"]
#[derive(Debug)]
pub struct Sampling<'a> {
    context: &'a Context,
    sample: Sample,
    question: Question,
}

/// What the client's model made.
///
/// An example is at [`Sampling`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Its text; empty where the model made something else.
    pub text: String,
    /// The model's name.
    pub model: String,
    /// Why it stopped, where the client says so.
    pub stop_reason: Option<String>,
}

impl<'a> Sampling<'a> {
    pub(crate) fn new(context: &'a Context, prompt: &str, site: &'static Location<'static>) -> Self {
        let message = SampleMessage { role: Role::User, content: Content::text(prompt) };
        let sample = Sample {
            messages: vec![message],
            max_tokens: DEFAULT_MAX_TOKENS,
            system_prompt: None,
            temperature: None,
            stop_sequences: Vec::new(),
        };
        Self { context, sample, question: Question { site, key: None } }
    }

    /// The key that the question goes out under in 2026-07-28; unique within a round.
    pub fn named(mut self, key: impl Into<Box<str>>) -> Self {
        self.question.key = Some(key.into());
        self
    }

    /// The most tokens to make; 1,000 unless said.
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.sample.max_tokens = max_tokens;
        self
    }

    /// The system prompt that the client may use.
    pub fn system_prompt(mut self, prompt: impl Into<Box<str>>) -> Self {
        self.sample.system_prompt = Some(prompt.into());
        self
    }

    /// How freely to choose, from 0 to 1.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.sample.temperature = Some(temperature);
        self
    }

    /// Goes on with a message of the conversation.
    pub fn message(mut self, role: Role, content: Content) -> Self {
        self.sample.messages.push(SampleMessage { role, content });
        self
    }
}

impl<'a> IntoFuture for Sampling<'a> {
    type Output = Result<Sampled, AskError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { context, sample, question } = self;
        Box::pin(put(context, Ask::Sample(Box::new(sample)), question, judge))
    }
}

/// `CreateMessageResult`; content is one block, or from 2025-11-25 an array of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    model: String,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(borrow)]
    content: &'a serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
}

fn judge(answer: &RawJson) -> Result<Sampled, AskError> {
    let answer: Answer<'_> = answer.decode_borrowed().map_err(|_| AskError::Invalid)?;
    if !matches!(&*answer.role, "assistant" | "user") {
        return Err(AskError::Invalid);
    }
    let content = answer.content.get();
    let blocks: Vec<Block> = if content.starts_with('[') {
        serde_json::from_str(content).map_err(|_| AskError::Invalid)?
    } else {
        vec![serde_json::from_str(content).map_err(|_| AskError::Invalid)?]
    };
    let text = blocks.into_iter().filter(|block| block.kind == "text").map(|block| block.text).collect();
    Ok(Sampled { text, model: answer.model, stop_reason: answer.stop_reason })
}

/// The most tokens to make where a handler does not say.
const DEFAULT_MAX_TOKENS: u32 = 1_000;
