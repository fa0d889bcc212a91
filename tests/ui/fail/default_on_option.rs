//! What may be left out already needs no default.

use mocopr::prelude::*;

#[tool]
async fn list(#[arg(default = 10)] count: Option<u8>) {}

fn main() {}
