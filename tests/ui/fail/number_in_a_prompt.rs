//! Arguments of a prompt are texts.

use mocopr::prelude::*;

#[prompt]
async fn explain(city: String, days: u8) -> String {
    format!("{city} {days}")
}

fn main() {}
