//! Above a struct stands the derive, and the attribute below it.

use mocopr::prelude::*;

#[tool(read_only)]
pub struct Add {
    pub a: f64,
}

fn main() {}
