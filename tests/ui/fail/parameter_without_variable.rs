//! Every parameter of a resource is a variable of its template.

use mocopr::prelude::*;

#[resource("weather://{city}")]
async fn report(city: String, day: String) -> String {
    city + &day
}

fn main() {}
