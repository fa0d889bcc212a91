//! What the server gives is no argument: context, state, caller, progress, and types that say so themselves.

use mocopr::{Extract, IntoTool, prelude::*};

struct Database;

type Db = State<Database>;

struct Tenant(String);

impl Extract for Tenant {
    fn extract(ctx: &Context) -> Result<Self, Failure> {
        ctx.caller().tenant().map(|tenant| Self(tenant.to_owned())).ok_or_else(|| Failure::caller("no tenant"))
    }
}

#[tool]
async fn all(
    ctx: &Context,
    state: State<Database>,
    caller: mocopr::Caller,
    progress: Progress,
    #[arg(inject)] alias: Db,
    #[arg(inject)] tenant: Tenant,
    text: &str,
) -> String {
    let _: (&Database, &Database) = (&state, &alias);
    progress.report(1.0, None, "");
    format!("{} {} {} {text}", ctx.caller(), caller.subject(), tenant.0)
}

fn main() {
    let schema = all.into_tool().info().input_schema.as_str().to_owned();
    assert_eq!(
        schema,
        r#"{"additionalProperties":false,"properties":{"text":{"type":"string"}},"required":["text"],"type":"object"}"#
    );
}
