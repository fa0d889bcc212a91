//! What is required is a scope or a role, and is named.

use mocopr::prelude::*;

#[tool(requires)]
async fn one() {}

#[tool(requires())]
async fn two() {}

#[tool(requires(group = "staff"))]
async fn three() {}

#[tool(requires(scope = "two words"))]
async fn four() {}

#[tool(requires(role = " "))]
async fn five() {}

fn main() {}
