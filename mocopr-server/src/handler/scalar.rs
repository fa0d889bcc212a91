//! Texts and scalars as what a tool returns: one block of text each.

use std::{borrow::Cow, fmt::Display};

use mocopr_core::{failure::Failure, model::tool::ToolResult};

use crate::handler::tool::IntoToolResult;

impl IntoToolResult for String {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Ok(ToolResult::text(self))
    }
}

impl IntoToolResult for &str {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Ok(ToolResult::text(self))
    }
}

impl IntoToolResult for Box<str> {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Ok(ToolResult::text(self))
    }
}

impl IntoToolResult for Cow<'_, str> {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        Ok(ToolResult::text(self))
    }
}

impl IntoToolResult for bool {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for i8 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for i16 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for i32 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for i64 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for i128 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for isize {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for u8 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for u16 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for u32 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for u64 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for u128 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for usize {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for f32 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

impl IntoToolResult for f64 {
    fn into_tool_result(self) -> Result<ToolResult, Failure> {
        display(self)
    }
}

/// A scalar as people write it: `3`, not `3.0`.
fn display(value: impl Display) -> Result<ToolResult, Failure> {
    Ok(ToolResult::text(value.to_string()))
}

#[cfg(test)]
mod tests {
    use mocopr_core::model::content::Content;

    use super::*;

    #[test]
    fn numbers_and_texts_are_one_block_of_text() {
        assert_eq!(1.5.into_tool_result().unwrap().content, [Content::text("1.5")]);
        assert_eq!(3.0_f64.into_tool_result().unwrap().content, [Content::text("3")]);
        assert_eq!("a".into_tool_result().unwrap().content, [Content::text("a")]);
        assert_eq!(true.into_tool_result().unwrap().content, [Content::text("true")]);
    }
}
