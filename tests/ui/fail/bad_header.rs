//! A header is a name of its own for an argument that fits in it.

use mocopr::prelude::*;

#[tool(header(town = "Town"))]
async fn one(city: String) {}

#[tool(header(ratio = "Ratio"))]
async fn two(ratio: f64) {}

#[tool(header(a = "Name", b = "name"))]
async fn three(a: String, b: String) {}

#[tool(header(a = "two words"))]
async fn four(a: String) {}

fn main() {}
