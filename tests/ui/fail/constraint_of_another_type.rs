//! A constraint that could never apply is refused.

use mocopr::prelude::*;

#[tool]
async fn one(#[arg(range(1..=9))] text: String) {}

#[tool]
async fn two(#[arg(length(1..=9))] count: Option<u8>) {}

#[tool]
async fn three(#[arg(pattern = "^a")] count: u8) {}

#[tool]
async fn four(#[arg(format = "email")] addresses: Vec<String>) {}

fn main() {}
