//! What a tool may return, and how it becomes a result.
//!
//! The conversions are total: nothing a handler returns can reach the peer but through [`ToolResult`] or a failure.

use std::future::Future;

use mocopr_core::{
    failure::Failure,
    json::RawJson,
    model::{
        content::{Audio, Content, EmbeddedResource, Image, ResourceLink, Text},
        tool::{OutputSchema, ToolResult},
    },
    outcome::{Outcome, Reply},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{context::Context, handler::schema};

/// What a tool may return: text, numbers, `bool`, `()`, [`Json`], content of any kind, a [`ToolResult`], or a
/// `Result<_, Failure>` of any of them.
///
/// A type of your own can be an answer too:
///
/// ```
/// use mocopr_core::{failure::Failure, model::tool::ToolResult};
/// use mocopr_server::handler::tool::IntoToolResult;
///
/// struct Degrees(f64);
///
/// impl IntoToolResult for Degrees {
///     fn into_tool_result(self) -> Result<ToolResult, Failure> {
///         Ok(ToolResult::text(format!("{} °C", self.0)))
///     }
/// }
/// assert!(!Degrees(21.5).into_tool_result()?.is_error);
/// # Ok::<(), Failure>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    label = "not something that a tool can answer",
    note = "return text, a number, `Json<T>`, `Content`, `ToolResult`, or a `Result<_, Failure>` of one of them; \
            `?` turns every error into a `Failure`"
)]
pub trait IntoToolResult: Sized {
    /// The result.
    ///
    /// # Errors
    /// The failure that the handler returned, or an internal one when its value cannot be written as JSON.
    fn into_tool_result(self) -> Result<ToolResult, Failure>;

    /// The schema of the structured content, where there is some.
    fn output_schema() -> Option<OutputSchema> {
        None
    }
}

/// What carries out the calls of a tool whose arguments are a struct under `#[derive(Tool)]`.
///
/// A call gets the struct by value, with its fields decoded and checked. What its handler takes from the server stands
/// in the struct as well, as parameters of a function would: fields of the types [`State`](crate::extract::State),
/// [`Caller`](crate::extract::Caller) and [`Progress`](crate::extract::Progress), and those under `#[arg(inject)]`, are
/// no arguments.
///
/// ```
/// use mocopr_server::{context::Context, handler::tool::CallTool};
///
/// // Under `#[derive(Tool)]`:
/// struct Add {
///     a: f64,
///     b: f64,
/// }
///
/// impl CallTool for Add {
///     type Output = f64;
///
///     async fn call(self, _: &Context) -> f64 {
///         self.a + self.b
///     }
/// }
/// ```
///
/// # Cancel safety
/// The future is dropped where nobody waits for the answer any longer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is called",
    label = "a tool without `CallTool`",
    note = "write `impl CallTool for {Self} {{ type Output = …; async fn call(self, ctx: &Context) -> … {{ … }} }}`"
)]
pub trait CallTool: Sized + Send + 'static {
    /// What it answers.
    type Output: IntoToolResult;

    /// Carries out one call.
    fn call(self, ctx: &Context) -> impl Future<Output = Self::Output> + Send;
}

/// A value that a tool or a resource answers as JSON.
///
/// A tool answers it twice: as structured content, whose schema is listed, and as a block of text with the same
/// JSON for clients that know no structured content. What is no JSON object is structured from 2026-07-28 on, and
/// text alone before. A resource answers it as text of the type `application/json`.
///
/// ```
/// use mocopr_server::handler::tool::{IntoToolResult, Json};
///
/// #[derive(serde::Serialize, schemars::JsonSchema)]
/// struct Sum {
///     sum: i64,
/// }
///
/// // Under `#[tool]`:
/// async fn add(a: i32, b: i32) -> Json<Sum> {
///     Json(Sum { sum: i64::from(a) + i64::from(b) })
/// }
///
/// let answer = Json(Sum { sum: 3 }).into_tool_result()?;
/// assert!(answer.structured.is_some_and(|sum| sum.as_str() == r#"{"sum":3}"#));
/// # Ok::<(), mocopr_core::failure::Failure>(())
/// ```
///
/// # Source
/// MCP 2025-11-25, server/tools, "Structured Content".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema> IntoToolResult for Json<T> {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        let structured = encode(&self.0)?;
        let text = Content::text(structured.as_str());
        Ok(ToolResult { content: vec![text], structured: Some(structured), ..ToolResult::default() })
    }

    fn output_schema() -> Option<OutputSchema> {
        schema::output::<T>()
    }
}

impl<R: IntoToolResult> IntoToolResult for Result<R, Failure> {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        self?.into_tool_result()
    }

    fn output_schema() -> Option<OutputSchema> {
        R::output_schema()
    }
}

impl IntoToolResult for ToolResult {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Ok(self)
    }
}

impl IntoToolResult for Vec<Content> {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Ok(ToolResult { content: self, ..ToolResult::default() })
    }
}

impl IntoToolResult for Content {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        vec![self].into_tool_result()
    }
}

impl IntoToolResult for Text {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Content::Text(self).into_tool_result()
    }
}

impl IntoToolResult for Image {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Content::Image(self).into_tool_result()
    }
}

impl IntoToolResult for Audio {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Content::Audio(self).into_tool_result()
    }
}

impl IntoToolResult for ResourceLink {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Content::Link(Box::new(self)).into_tool_result()
    }
}

impl IntoToolResult for EmbeddedResource {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Content::Resource(Box::new(self)).into_tool_result()
    }
}

impl IntoToolResult for () {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Ok(ToolResult::default())
    }
}

/// The outcome of what a tool returned.
pub(crate) fn outcome(returned: impl IntoToolResult) -> Outcome {
    match returned.into_tool_result() {
        Ok(result) => Outcome::Complete(Reply::Tool(result)),
        Err(failure) => Outcome::Failed(failure),
    }
}

/// Writes a handler's value as JSON.
pub(crate) fn encode(value: &impl Serialize) -> Result<RawJson, Failure> {
    RawJson::encode(value)
        .map_err(|error| Failure::internal("the handler's value cannot be written as JSON").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Sum {
        sum: i64,
    }

    #[test]
    fn json_is_answered_as_structure_and_as_the_same_text() {
        let result = Json(Sum { sum: 3 }).into_tool_result().unwrap();
        assert_eq!(result.structured.unwrap().as_str(), r#"{"sum":3}"#);
        assert_eq!(result.content, [Content::text(r#"{"sum":3}"#)]);
        assert!(!result.is_error);
    }

    #[test]
    fn nothing_is_no_content() {
        assert!(().into_tool_result().unwrap().content.is_empty());
    }

    #[test]
    fn output_schema_is_that_of_json_alone_also_inside_a_result() {
        let listed = Result::<Json<Sum>, Failure>::output_schema().unwrap();
        assert!(listed.is_object);
        assert_eq!(
            listed.schema.as_str(),
            r#"{"properties":{"sum":{"type":"integer"}},"required":["sum"],"type":"object"}"#
        );
        assert!(!Json::<Vec<Sum>>::output_schema().unwrap().is_object);
        assert!(String::output_schema().is_none());
    }

    #[test]
    fn value_that_is_no_json_is_an_internal_failure() {
        let map = std::collections::HashMap::from([(vec![1_u8], 1)]);
        assert!(Json(map).into_tool_result().is_err());
    }
}
