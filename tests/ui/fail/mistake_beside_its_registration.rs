//! A function with a mistake can be registered and called all the same, so that one mistake is one error.

use mocopr::prelude::*;

#[tool(readonly)]
async fn one(city: String) -> String {
    city
}

#[tool]
async fn two<T: std::fmt::Display>(value: T) -> String {
    value.to_string()
}

#[prompt]
async fn three(days: u8) -> String {
    days.to_string()
}

#[resource("weather://{city}")]
async fn four() -> String {
    String::new()
}

pub struct Weather;

#[handlers]
impl Weather {
    #[tool(title = 4)]
    async fn five(&self) {}
}

fn main() {
    let _ = McpServer::builder()
        .with_tool(one)
        .with_tool(two)
        .with_prompt(three)
        .with_resource(four)
        .with_handlers(Weather);
    drop(one(String::new()));
}
