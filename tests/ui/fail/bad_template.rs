//! A resource has a URI with a scheme, and its braces match.

use mocopr::prelude::*;

#[resource("weather://{city")]
async fn one() -> String {
    String::new()
}

#[resource("/weather")]
async fn two() -> String {
    String::new()
}

#[resource(mime = "text/plain")]
async fn three() -> String {
    String::new()
}

#[resource("weather://today", mime = "json")]
async fn four() -> String {
    String::new()
}

fn main() {}
