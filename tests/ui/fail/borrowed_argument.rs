//! An argument is owned; only texts and the context are lent.

use mocopr::prelude::*;

pub struct City;

#[tool]
async fn by_reference(city: &City) {}

#[tool]
async fn by_reference_inside(cities: Vec<&str>) {}

#[tool]
async fn by_lifetime(city: &'static str) {}

#[tool]
async fn by_unique_reference(ctx: &mut Context) {}

#[tool]
async fn context_by_value(ctx: Context) {}

fn main() {}
