//! What one value brings along: the definitions that `#[handlers]` finds in an impl block.

use std::sync::Arc;

use mocopr_core::json::RawJson;
use serde::Serialize;

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

/// What a definition is given as its `_meta`; anything but a JSON object becomes a problem of the definition.
pub(super) fn meta_object(meta: &impl Serialize, problems: &mut Vec<&'static str>) -> Option<RawJson> {
    let object = RawJson::encode(meta).ok().filter(RawJson::is_object);
    if object.is_none() {
        problems.push("the `_meta` is not a JSON object");
    }
    object
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meta_that_is_no_object_is_a_problem() {
        let mut problems = Vec::new();
        assert!(meta_object(&serde_json::json!({"a": 1}), &mut problems).is_some());
        assert!(problems.is_empty());
        assert!(meta_object(&3, &mut problems).is_none());
        assert_eq!(problems, ["the `_meta` is not a JSON object"]);
    }
}
