//! An unknown key is named, with those that exist.

use mocopr::prelude::*;

#[tool(readonly)]
async fn one() {}

#[prompt(read_only)]
async fn two() -> String {
    String::new()
}

#[tool(name = "a", name = "b")]
async fn three() {}

#[tool(title)]
async fn four() {}

#[tool(title = 4)]
async fn five() {}

fn main() {}
