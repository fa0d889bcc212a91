//! What a derived tool answers can be answered.

use mocopr::prelude::*;

pub struct City;

#[derive(Tool)]
struct Where;

impl CallTool for Where {
    type Output = City;

    async fn call(self, _: &Context) -> City {
        City
    }
}

fn main() {
    let _ = McpServer::builder().with_tool(Where::tool());
}
