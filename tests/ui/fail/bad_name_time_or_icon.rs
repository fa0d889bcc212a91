//! Names, times and icons are checked where they are written.

use mocopr::prelude::*;

#[tool(name = "two words")]
async fn one() {}

#[tool(timeout = "5")]
async fn two() {}

#[tool(timeout = "0s")]
async fn three() {}

#[tool(icon = "http://example.com/icon.png")]
async fn four() {}

fn main() {}
