//! A parameter is a plain name.

use mocopr::prelude::*;

pub struct Database;

#[tool]
async fn first(State(database): State<Database>) {}

#[tool]
async fn second((a, b): (u8, u8)) {}

#[tool]
async fn third(_: u8) {}

fn main() {}
