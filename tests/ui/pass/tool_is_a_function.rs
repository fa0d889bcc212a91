//! A tool stays a function that can be called, also from another tool on another thread.

#![deny(warnings, missing_docs)]

use mocopr::{IntoTool, prelude::*};

/// Adds two numbers.
#[tool]
async fn add(
    /// The first addend.
    a: f64,
    #[arg(default = 2, range(0..=100))] b: u8,
    mut c: Option<f64>,
) -> f64 {
    c.get_or_insert(0.0);
    a + f64::from(b) + c.unwrap_or_default()
}

#[tool]
async fn add_twice(a: f64) -> Result<f64, Failure> {
    Ok(add(a, 1, None).await + add(a, 1, None).await)
}

/// Counts.
#[tool(read_only, timeout = "500ms")]
pub fn count(text: &str, suffix: Option<&str>, r#type: String) -> Json<usize> {
    Json(text.len() + suffix.map_or(0, str::len) + r#type.len())
}

/// Its names are those of somebody else's schema.
#[tool]
pub async fn foreign(
    #[expect(non_snake_case, reason = "named by others")] resourceUri: String,
    #[allow(non_snake_case, reason = "named by others")] lineNumber: &str,
) -> String {
    resourceUri + lineNumber
}

#[tool]
async fn nothing() {}

fn is_send(_: impl Send) {}

fn main() {
    is_send(add(1.0, 2, None));
    is_send(add_twice(1.0));
    is_send(count("a", None, String::new()));
    let _: [Tool; 4] = [add.into_tool(), add_twice.into_tool(), count.into_tool(), nothing.into_tool()];
    let _ = foreign.into_tool();
}
