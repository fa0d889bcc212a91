//! A tool names what it returns.

use mocopr::prelude::*;

#[tool]
async fn show() -> impl std::fmt::Display {
    1
}

fn main() {}
