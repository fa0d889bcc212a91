//! A method needs `#[handlers]` above its impl block.

use mocopr::prelude::*;

pub struct Weather;

impl Weather {
    #[tool]
    async fn forecast(&self, city: String) -> String {
        city
    }

    #[completion(prompt = "explain", argument = "city")]
    async fn cities(typed: &str) -> Vec<String> {
        vec![typed.to_owned()]
    }
}

fn main() {}
