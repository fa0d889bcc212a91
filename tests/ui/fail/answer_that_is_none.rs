//! A tool returns what can be answered.

use mocopr::prelude::*;

pub struct City;

#[tool]
async fn city() -> City {
    City
}

#[tool]
async fn cities() -> Result<String, std::io::Error> {
    Ok(String::new())
}

fn main() {}
