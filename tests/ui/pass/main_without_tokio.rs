use mocopr::prelude::*;

/// Greets.
#[tool]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

#[mocopr::main]
async fn main() -> Result<()> {
    let server = McpServer::builder().with_info("greeter", "1.0.0").with_tool(greet).build()?;
    drop(server);
    Ok(())
}
