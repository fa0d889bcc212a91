//! How long a call may take, whatever its handler says.

use std::time::Duration;

use mocopr::{
    NoArguments,
    prelude::*,
    security::Limits,
    testing::{TestClient, TestError},
};
use serde_json::json;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_handler_may_ask_for_less_time_than_the_server_gives_and_not_for_more() {
    let limits = Limits { request: Duration::from_secs(2), ..Limits::development() };
    for (own, given) in [(1, 1), (2, 2), (3_600, 2)] {
        let never = Tool::new("never").timeout(Duration::from_secs(own));
        let server = McpServer::builder()
            .with_info("test", "1.0.0")
            .with_security_policy(SecurityPolicy::development().with_limits(limits.clone()))
            .with_tool(never.handler(|_: NoArguments| std::future::pending::<String>()))
            .build()
            .unwrap();
        let mut client = TestClient::connect(&server).await.unwrap();
        let start = Instant::now();
        let Err(TestError::Refused { code, .. }) = client.call_tool("never", json!({})).await else {
            panic!("it answered")
        };
        assert_eq!((code, start.elapsed().as_secs()), (1504, given), "{own}");
    }
}
