//! Names are unique within a block.

use mocopr::prelude::*;

pub struct Weather;

#[handlers]
impl Weather {
    #[tool]
    async fn forecast(&self) {}

    #[tool(name = "forecast")]
    async fn other(&self) {}

    #[resource("a://{x}")]
    async fn one(&self, x: String) -> String {
        x
    }

    #[resource("a://{x}")]
    async fn two(&self, x: String) -> String {
        x
    }
}

fn main() {}
