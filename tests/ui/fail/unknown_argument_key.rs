//! An unknown key of `#[arg]` is named, with those that exist.

use mocopr::prelude::*;

#[tool]
async fn one(#[arg(min = 1)] count: u8) {}

#[prompt]
async fn two(#[arg(range(1..))] count: String) -> String {
    count
}

#[tool]
async fn three(#[arg] count: u8) {}

#[tool]
async fn four(#[cfg(test)] count: u8) {}

fn main() {}
