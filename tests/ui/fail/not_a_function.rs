//! The attributes say where they belong.

use mocopr::prelude::*;

#[tool]
struct Add;

#[handlers]
struct Weather;

#[data]
fn city() {}

fn main() {}
