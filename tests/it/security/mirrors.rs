//! What a client repeats in a header must be what the body says, to whoever reads the header first.

use mocopr::prelude::*;
use serde_json::json;

use super::guarded::{Guarded, policy};
use crate::support::request;

#[tool(read_only, header(n = "Num"))]
async fn count(n: i64) -> i64 {
    n
}

/// T-25
#[tokio::test]
async fn a_number_in_a_header_that_others_may_read_otherwise_is_refused() {
    let guarded = Guarded::start(policy(), |builder| builder.with_tool(count)).await;
    let status = async |header: &str, n: i64| {
        let call = request::stateless(1, "tools/call", json!({"name": "count", "arguments": {"n": n}}));
        let fields = [("Authorization", "Bearer alice"), ("Mcp-Param-Num", header)];
        let answer = guarded.ask(&fields, &call).await;
        (answer.head.status, answer.json()["error"]["code"].as_i64())
    };
    for (header, n) in [("10", 10), ("-10", -10), ("10.0", 10), ("0", 0)] {
        assert_eq!(status(header, n).await, (200, None), "{header}");
    }
    for (header, n) in [("010", 10), ("+10", 10), ("9.99999999999999999999", 10), ("1e1", 10), ("10.", 10), ("11", 10)]
    {
        assert_eq!(status(header, n).await, (400, Some(-32020)), "{header}");
    }
}
