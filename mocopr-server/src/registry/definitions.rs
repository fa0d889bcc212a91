//! What one value brings along: the definitions that `#[handlers]` finds in an impl block.

use std::sync::Arc;

use crate::{
    handler::Handler,
    registry::{prompt::PromptDefinition, resource::ResourceDefinition, tool::Tool},
};

/// Tools, prompts and resources that share one value.
///
/// An example is at [`Handlers`].
#[derive(Debug, Default)]
pub struct Definitions {
    /// The tools, in the order in which they are written.
    pub tools: Vec<Tool>,
    /// The prompts, in the order in which they are written.
    pub prompts: Vec<PromptDefinition>,
    /// The resources, in the order in which they are written.
    pub resources: Vec<ResourceDefinition>,
}

/// A value whose methods are tools, prompts and resources. Written by `#[handlers]`.
///
/// By hand:
///
/// ```
/// use std::sync::Arc;
///
/// use mocopr_server::{
///     registry::{definitions::{Definitions, Handlers}, tool::{NoArguments, Tool}},
///     server::McpServer,
/// };
///
/// struct Board(String);
///
/// impl Handlers for Board {
///     fn definitions(self: Arc<Self>) -> Definitions {
///         let read = Tool::new("read").handler(move |_: NoArguments| {
///             let board = self.clone();
///             async move { board.0.clone() }
///         });
///         Definitions { tools: vec![read], ..Definitions::default() }
///     }
/// }
///
/// let server = McpServer::builder().with_info("board", "1.0.0").with_handlers(Board("empty".to_owned())).build();
/// assert!(server.is_ok());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handlers",
    label = "no tools, prompts or resources here",
    note = "put `#[handlers]` above its `impl` block, and `#[tool]`, `#[prompt]` or `#[resource(..)]` above methods"
)]
pub trait Handlers: Send + Sync + 'static {
    /// The definitions; each holds the value.
    fn definitions(self: Arc<Self>) -> Definitions;
}

/// What completes the arguments of a prompt, or the variables of a template, by name.
pub(crate) type Completions = Vec<(Box<str>, Arc<dyn Handler>)>;
