//! Tests of one's own server: of a handler as a function, and of a call through the whole pipeline.
//!
//! `cargo test --example testing` runs them; `cargo run --example testing` serves what they test over standard streams.

use mocopr::{Revision, prelude::*, security::RoleBasedAccessControl};

/// Divides two numbers.
#[tool]
async fn divide(a: f64, b: f64) -> std::result::Result<f64, Failure> {
    if b == 0.0 {
        return Err(Failure::caller("nothing can be divided by zero"));
    }
    Ok(a / b)
}

/// Forgets every result.
#[tool(destructive, requires(role = "owner"))]
async fn forget() -> &'static str {
    "forgotten"
}

/// The server, without saying how it is reached, so that a test has the one that is shipped.
fn server() -> Result<McpServer<mocopr::Guarded>> {
    let roles = RoleBasedAccessControl::builder()
        .with_role("user", &["tools:call"])
        .with_role("owner", &["tools:call"])
        .build()?;
    McpServer::builder()
        .with_info("calculator", "1.0.0")
        .with_revisions([Revision::NEWEST_STATELESS, Revision::NEWEST_STATEFUL])
        .with_security_policy(SecurityPolicy::strict())
        .with_authorization(roles)
        .with_tool(divide)
        .with_tool(forget)
        .build()
}

#[mocopr::main]
async fn main() -> Result<()> {
    server()?.run_stdio().await
}

#[cfg(test)]
mod tests {
    use mocopr::{
        security::Principal,
        testing::{TestClient, TestError},
    };
    use serde_json::json;

    use super::{divide, server};

    type Done = Result<(), Box<dyn std::error::Error>>;

    #[tokio::test]
    async fn a_handler_is_a_function() -> Done {
        assert_eq!(divide(1.0, 2.0).await.ok(), Some(0.5));
        Ok(())
    }

    #[tokio::test]
    async fn division_by_zero_is_told_to_the_caller() -> Done {
        let server = server()?;
        let mut user = TestClient::as_principal(&server, Principal::named("ann").with_role("user")).await?;
        let answer = user.call_tool("divide", json!({"a": 1, "b": 0})).await?;
        assert!(answer.is_error());
        assert_eq!(answer.text(), "nothing can be divided by zero");
        Ok(())
    }

    #[tokio::test]
    async fn only_owners_know_of_forget() -> Done {
        let server = server()?;
        let mut user = TestClient::as_principal(&server, Principal::named("ann").with_role("user")).await?;
        assert_eq!(user.tool_names().await?, ["divide"]);
        assert!(matches!(user.call_tool("forget", json!({})).await, Err(TestError::Refused { .. })));
        let mut owner = TestClient::as_principal(&server, Principal::named("bob").with_role("owner")).await?;
        assert_eq!(owner.call_tool("forget", json!({})).await?.text(), "forgotten");
        Ok(())
    }
}
