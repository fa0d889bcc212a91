//! Fields of a derived tool hold values, and what they say is said with `#[arg(..)]`.

use mocopr::prelude::*;

#[derive(Tool)]
struct Lent {
    city: &'static str,
}

#[derive(Tool)]
struct WithContext {
    ctx: &'static Context,
}

#[derive(Tool)]
struct Renamed {
    #[serde(rename = "town")]
    city: String,
}

#[derive(Tool)]
struct Bounded {
    #[arg(range(1..=9))]
    city: String,
    #[arg(min = 1)]
    days: u8,
}

fn main() {}
