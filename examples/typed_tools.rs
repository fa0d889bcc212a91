//! Typed arguments, typed answers, and the two kinds of failure.
//!
//! `cargo run --example typed_tools`, and paste these lines: an answer with its fields, an argument outside of its
//! range, a failure whose sentence the caller reads, and one whose cause only the log has.
//!
//! ```json
//! {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"price","arguments":{"product":"tea","grams":250,"cut":"fine"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
//! {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"price","arguments":{"product":"tea","grams":0},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
//! {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"price","arguments":{"product":"gold","grams":1},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
//! {"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"stock","arguments":{"product":"tea"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
//! ```

use mocopr::prelude::*;

/// How it is cut.
#[data]
#[serde(rename_all = "lowercase")]
enum Cut {
    Whole,
    Fine,
}

/// What something costs.
#[data]
struct Price {
    /// In cents, with tax.
    cents: u32,
    /// What the price is for.
    what: String,
}

/// Says what an amount of a product costs.
#[tool(read_only, idempotent, closed_world, timeout = "2s")]
async fn price(
    /// Its name, in lower case.
    #[arg(length(1..=40), pattern = "^[a-z]+$")]
    product: String,
    /// How much of it, in grams.
    #[arg(range(1..=5000))]
    grams: u32,
    /// Whole unless said.
    cut: Option<Cut>,
) -> Result<Json<Price>, Failure> {
    let cents_of_a_kilogram = match product.as_str() {
        "tea" => 4_000,
        "coffee" => 2_000,
        // The caller, which may be a model, reads this sentence and can do better.
        _ => return Err(Failure::caller("there is tea and coffee")),
    };
    let (label, extra) = match cut.unwrap_or(Cut::Whole) {
        Cut::Whole => ("whole", 0),
        Cut::Fine => ("fine", 50),
    };
    Ok(Json(Price {
        cents: cents_of_a_kilogram * grams / 1_000 + extra,
        what: format!("{grams} g of {product}, {label}"),
    }))
}

/// Says how much of a product there is.
#[tool(read_only)]
fn stock(product: String) -> Result<u32, Failure> {
    // As a record that somebody broke would be.
    let record = format!("{product}=plenty");
    let (_, count) = record.split_once('=').ok_or_else(|| Failure::caller("there is no such product"))?;
    // The caller reads "internal error" and a number; the log has the number, and why this is none.
    Ok(count.parse()?)
}

#[mocopr::main]
async fn main() -> Result<()> {
    McpServer::builder().with_info("shop", "1.0.0").with_tool(price).with_tool(stock).build()?.run_stdio().await
}
