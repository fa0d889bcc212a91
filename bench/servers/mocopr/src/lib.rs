//! The tools of both servers of mocopr: one serves them with what it has by default, the other under the strict policy.

use contract::Options;
use mocopr::{ServerBuilder, prelude::*};

/// A builder with the tools that every server of the comparison has.
pub fn with_tools<P>(builder: ServerBuilder<P>, options: &Options) -> ServerBuilder<P> {
    let builder = builder.with_info(contract::NAME, contract::VERSION).with_tool(echo).with_tool(add).with_tool(blob);
    contract::more_tools(options.tools).fold(builder, |builder, name| {
        let tool = Tool::new(name).description(contract::MORE).input_schema(contract::MORE_SCHEMA);
        builder.with_tool(tool.handler(search))
    })
}

/// Answers the text it is given.
#[tool]
async fn echo(text: String) -> String {
    text
}

/// The sum of two integers.
#[data]
pub struct Sum {
    /// The sum.
    pub sum: i64,
}

/// Adds two integers.
#[tool]
async fn add(a: i64, b: i64) -> Json<Sum> {
    Json(Sum { sum: a + b })
}

/// Answers a text of that many bytes.
#[tool]
async fn blob(bytes: usize) -> String {
    contract::blob(bytes)
}

/// What each further tool takes.
#[data]
struct Search {
    pattern: String,
}

async fn search(search: Search) -> String {
    search.pattern
}
