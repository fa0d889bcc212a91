//! An argument is read from a message and described in a schema; a variable is read from a text.

use mocopr::prelude::*;

pub struct City;
pub struct Day;

#[tool]
async fn one(city: City, days: u8) {
    let _ = (city, days);
}

#[tool]
async fn either(city: Option<City>, days: Vec<Day>) {
    let _ = (city, days);
}

#[derive(Tool)]
struct Weather {
    city: City,
}

impl CallTool for Weather {
    type Output = ();

    async fn call(self, _: &Context) {
        let _ = self.city;
    }
}

#[resource("weather://{city}/{day}")]
async fn report(city: City, day: Option<Day>) -> String {
    let _ = (city, day);
    String::new()
}

fn main() {
    let _ = McpServer::builder().with_tool(one).with_tool(either).with_tool(Weather::tool()).with_resource(report);
}
