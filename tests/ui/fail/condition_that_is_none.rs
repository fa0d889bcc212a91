//! A condition answers with a `bool`, about the arguments as they are.

use mocopr::{prelude::*, security::Principal};

#[tool(allow = |_, city| city)]
async fn two(city: String) -> String {
    city
}

fn few(_: &Principal, days: &str) -> bool {
    days.is_empty()
}

#[tool(allow = few)]
async fn three(days: u8) -> u8 {
    days
}

fn main() {}
