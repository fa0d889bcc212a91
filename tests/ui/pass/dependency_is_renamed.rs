//! A dependency under another name is named in the attribute.

use mocopr as mcp;

pub mod reexport {
    pub use mocopr as mcp;
}

#[mcp::data(crate = "mcp")]
pub struct Pair {
    a: u8,
}

#[mcp::tool(crate = "crate::reexport::mcp")]
async fn add(pair: Pair) -> u8 {
    pair.a
}

struct Server;

#[mcp::handlers(crate = "mcp")]
impl Server {
    #[tool]
    async fn one(&self) -> u8 {
        1
    }
}

fn main() {
    let _ = mcp::IntoTool::into_tool(add);
    let _ = mcp::Handlers::definitions(std::sync::Arc::new(Server));
}
