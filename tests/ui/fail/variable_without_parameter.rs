//! Every variable of a template has a parameter.

use mocopr::prelude::*;

#[resource("weather://{city}/{day}")]
async fn report(city: String) -> String {
    city
}

fn main() {}
