//! A key of a later version says so instead of being ignored.

use mocopr::prelude::*;

#[tool(task)]
async fn three() {}

fn main() {}
