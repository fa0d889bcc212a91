//! A derived tool says how it is called.

use mocopr::prelude::*;

#[derive(Tool)]
struct Add {
    a: f64,
}

fn main() {
    let _ = McpServer::builder().with_tool(Add::tool());
}
