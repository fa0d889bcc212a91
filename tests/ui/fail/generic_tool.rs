//! A tool is not generic.

use mocopr::prelude::*;

#[tool]
async fn show<T: std::fmt::Display>(value: T) -> String {
    value.to_string()
}

fn main() {}
