//! Tools and what they answer; completion.

use crate::{
    json::RawJson,
    model::content::{Content, Icon},
};

/// A tool as it is listed.
#[derive(Clone, Debug)]
pub struct Tool {
    /// 1 to 128 characters of `A-Z a-z 0-9 _ - .`.
    pub name: Box<str>,
    /// A name for people, from 2025-06-18.
    pub title: Option<Box<str>>,
    /// What it does.
    pub description: Option<Box<str>>,
    /// Pictures of it, from 2025-11-25.
    pub icons: Vec<Icon>,
    /// JSON Schema of the arguments, compact, an object with `"type": "object"`.
    pub input_schema: RawJson,
    /// JSON Schema of the structured content, compact, from 2025-06-18.
    pub output_schema: Option<OutputSchema>,
    /// Hints for the client, from 2025-03-26.
    pub annotations: ToolAnnotations,
    /// `_meta` of the tool: a JSON object, from 2025-06-18.
    pub meta: Option<RawJson>,
}

/// JSON Schema of a tool's structured content.
#[derive(Clone, Debug)]
pub struct OutputSchema {
    /// The schema, compact.
    pub schema: RawJson,
    /// Its `type` is `object`; any other schema exists only from 2026-07-28.
    pub is_object: bool,
}

/// What a tool says of itself. Hints: a client must not base a decision about trust on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToolAnnotations {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may destroy something.
    pub destructive: Option<bool>,
    /// Twice is the same as once.
    pub idempotent: Option<bool>,
    /// It reaches out into an open world.
    pub open_world: Option<bool>,
}

/// What a tool answers.
///
/// ```
/// use mocopr_core::{json::RawJson, model::tool::ToolResult};
/// use serde_json::json;
///
/// let weather = ToolResult {
///     structured: Some(RawJson::from_value(&json!({"degrees": 21.5}))),
///     ..ToolResult::text("21.5 degrees")
/// };
/// assert!(!weather.is_error);
/// assert!(ToolResult::error("there is no such city").is_error);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ToolResult {
    /// Blocks of content; may be empty.
    pub content: Vec<Content>,
    /// A JSON value that the output schema describes; an object before 2026-07-28.
    pub structured: Option<RawJson>,
    /// The tool failed, and `content` says how.
    pub is_error: bool,
    /// `_meta` of the result: a JSON object.
    pub meta: Option<RawJson>,
}

impl ToolResult {
    /// A result of one block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Content::text(text)], ..Self::default() }
    }

    /// A result that says that the tool failed.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }
}

/// What a completion answers.
///
/// ```
/// use mocopr_core::model::tool::Completion;
///
/// fn complete(typed: &str) -> Completion {
///     let cities = ["Lima", "Lisbon", "London"].iter().filter(|city| city.starts_with(typed));
///     let values: Vec<String> = cities.map(|city| (*city).to_owned()).collect();
///     Completion { total: Some(values.len() as u64), values, has_more: false }
/// }
/// assert_eq!(complete("Li").values, ["Lima", "Lisbon"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// At most 100 values.
    pub values: Vec<String>,
    /// How many there are in all.
    pub total: Option<u64>,
    /// There are more.
    pub has_more: bool,
}
