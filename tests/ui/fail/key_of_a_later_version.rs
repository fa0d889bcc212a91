//! A key of a later version says so instead of being ignored.

use mocopr::prelude::*;

#[tool(requires(scope = "notes:write"))]
async fn one() {}

#[tool(heavy)]
async fn two() {}

#[tool(task)]
async fn three() {}

#[tool(allow = "*")]
async fn four() {}

fn main() {}
