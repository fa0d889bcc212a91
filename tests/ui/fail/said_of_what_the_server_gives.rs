//! What the server gives is no argument, so nothing is said of its values; and nothing is said twice.

use mocopr::prelude::*;

#[tool]
async fn one(#[arg(range(1..=9))] state: State<u8>) {
    let _ = state;
}

#[tool]
async fn two(#[arg(description = "Who calls.")] ctx: &Context) {
    let _ = ctx;
}

#[tool]
async fn three(#[arg(length(..9), length(1..))] text: String) {
    let _ = text;
}

fn main() {}
