//! A tool that asks the user: written once, whether the client holds a session or sends the answer with a second call.
//!
//! `cargo run --example ask_user`, and paste this line. The answer has `inputRequests`, what a client shows as a form; it
//! sends the call again with `inputResponses` and the `requestState` that it got.
//!
//! ```json
//! {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"book","arguments":{"restaurant":"Luigi"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}}
//! ```

use mocopr::prelude::*;

/// What the user is asked for.
#[data]
struct Table {
    /// How many people.
    #[schemars(range(min = 1, max = 12))]
    guests: u8,
    /// By a window, if there is one.
    #[serde(default)]
    window: bool,
}

/// Books a table, once the user has said for how many.
#[tool]
async fn book(ctx: &Context, restaurant: String) -> Result<String, Failure> {
    // Clients of 2026-07-28 answer with a second call, so what stands above a question runs once more: nothing here
    // may have an effect. The key names the question in that call.
    let question = format!("For how many at {restaurant}?");
    let table: Table = match ctx.elicit(&question).named("table").await {
        Ok(table) => table,
        Err(AskError::Declined | AskError::Cancelled) => return Ok("nothing is booked".to_owned()),
        Err(AskError::Unsupported(_)) => return Err(Failure::caller("this client cannot show forms")),
        Err(other) => return Err(other.into()),
    };
    let place = if table.window { "by a window" } else { "inside" };
    Ok(format!("a table for {} at {restaurant}, {place}", table.guests))
}

#[mocopr::main]
async fn main() -> Result<()> {
    McpServer::builder().with_info("restaurants", "1.0.0").with_tool(book).build()?.run_stdio().await
}
