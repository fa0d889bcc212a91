//! A default has the type of its parameter.

use mocopr::prelude::*;

#[tool]
async fn list(#[arg(default = true)] count: u8) -> u8 {
    count
}

fn main() {}
