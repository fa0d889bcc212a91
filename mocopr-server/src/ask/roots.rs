//! Roots: the places that the client lets a server work in.

use std::panic::Location;

use mocopr_core::{json::RawJson, model::ask::Ask};
use serde::Deserialize;

use super::{AskError, Question, put};
use crate::context::Context;

/// A place that the client lets the server work in.
///
/// ```
/// use mocopr_core::failure::Failure;
/// use mocopr_server::{ask::Root, context::Context};
///
/// // Under `#[tool]`:
/// async fn places(ctx: &Context) -> Result<String, Failure> {
///     let roots: Vec<Root> = ctx.roots().await?;
///     Ok(roots.into_iter().map(|root| root.name.unwrap_or(root.uri)).collect::<Vec<_>>().join(", "))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Root {
    /// A `file:` URI.
    pub uri: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
}

/// `ListRootsResult`.
#[derive(Deserialize)]
struct Roots {
    roots: Vec<Root>,
}

pub(crate) async fn list(
    context: &Context,
    site: &'static Location<'static>,
    key: Option<Box<str>>,
) -> Result<Vec<Root>, AskError> {
    put(context, Ask::Roots, Question { site, key }, |answer: &RawJson| {
        answer.decode::<Roots>().map(|roots| roots.roots).map_err(|_| AskError::Invalid)
    })
    .await
}
