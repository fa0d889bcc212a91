//! What one value brings along: the definitions that `#[handlers]` finds in an impl block.

use std::sync::Arc;

use crate::{
    handler::Handler,
    registry::{prompt::PromptDefinition, resource::ResourceDefinition, tool::Tool},
};

/// Tools, prompts and resources that share one value.
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
