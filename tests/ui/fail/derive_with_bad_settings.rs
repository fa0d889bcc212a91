//! `#[tool(..)]` at a derived tool has the keys that it has at a function.

use mocopr::prelude::*;

#[derive(Tool)]
#[tool(readonly)]
struct One;

#[derive(Tool)]
#[tool(header(town = "Town"))]
struct Two {
    city: String,
}

#[derive(Tool)]
#[tool(read_only)]
#[tool(idempotent)]
struct Three;

#[derive(Tool)]
#[tool = "four"]
struct Four;

fn main() {
    let _ = McpServer::builder().with_tool(One::tool()).with_tool(Two::tool());
}
