use mocopr::prelude::*;

#[tokio::main]
async fn main() -> Result<()> {
    McpServer::builder().with_info("calculator", "1.0.0").build()?.run_http(HttpConfig::loopback(8080)).await
}
