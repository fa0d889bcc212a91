//! What the builders of tools, prompts and resources share: the words that are listed, and the terms on which a
//! handler is called.
//!
//! Nothing is checked here: the server's builder checks all definitions together.

use std::{fmt, sync::Arc, time::Duration};

use mocopr_core::{
    json::RawJson,
    model::{content::Icon, prompt::Prompt, resource::Resource, tool::Tool},
};
use mocopr_security::gate::Requirement;
use serde::Serialize;

use crate::{
    extract::Extract,
    handler::{Handler, condition::Conditions},
    registry::definitions::Completions,
    state::Needs,
};

/// A definition that has no handler yet. `Info` is what will be listed of it.
///
/// Every definition has the methods on this page;
/// [`ToolBuilder`](crate::registry::tool::ToolBuilder), [`PromptBuilder`](crate::registry::prompt::PromptBuilder) and
/// [`ResourceBuilder`](crate::registry::resource::ResourceBuilder) have more of their own.
#[must_use = "a definition begins to exist with its handler"]
pub struct DefinitionBuilder<Info> {
    pub(crate) info: Info,
    pub(crate) completions: Completions,
    pub(crate) terms: Terms,
    pub(crate) conditions: Conditions,
}

/// On what terms a handler is called, and what its definition noticed while it was built.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) timeout: Option<Duration>,
    pub(crate) requirement: Requirement,
    pub(crate) needs: Needs,
    pub(crate) problems: Vec<&'static str>,
}

impl<Info> DefinitionBuilder<Info> {
    pub(crate) fn of(info: Info) -> Self {
        Self { info, completions: Vec::new(), terms: Terms::default(), conditions: Conditions::default() }
    }
}

impl<Info: Listed> DefinitionBuilder<Info> {
    /// Gives it a name for people.
    pub fn title(mut self, title: impl Into<Box<str>>) -> Self {
        *self.info.words().title = Some(title.into());
        self
    }

    /// Says what it is or does; the model chooses by this text.
    pub fn description(mut self, description: impl Into<Box<str>>) -> Self {
        *self.info.words().description = Some(description.into());
        self
    }

    /// Adds a picture: an `https:` or `data:image/` URI.
    pub fn icon(mut self, icon: Icon) -> Self {
        self.info.words().icons.push(icon);
        self
    }

    /// Sets `_meta`: something that is written as a JSON object.
    pub fn meta(mut self, meta: &impl Serialize) -> Self {
        let object = RawJson::encode(meta).ok().filter(RawJson::is_object);
        if object.is_none() {
            self.terms.problems.push("the `_meta` is not a JSON object");
        }
        *self.info.words().meta = object;
        self
    }

    /// Ends a call after this time; the server's own limit holds as well.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.terms.timeout = Some(timeout);
        self
    }

    /// Requires a scope of the caller; of several, every one. Without it the thing is listed, and a call is refused
    /// with the names of all that are required, so that a client can ask for them.
    ///
    /// In the development profile without authentication every caller is the local user, who has every scope; elsewhere
    /// the local user has none. A test can call as somebody else.
    ///
    /// The name is an OAuth scope: printable ASCII without space, `"` and `\`.
    ///
    /// # Source
    /// RFC 6749, section 3.3; MCP 2025-11-25, basic/authorization, "Scope Challenge Handling".
    pub fn requires_scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.terms.requirement.scopes.push(scope.into());
        self
    }

    /// Requires a role of the caller; of several, every one. Without it the thing is hidden: not listed, and answered
    /// like an unknown name.
    ///
    /// In the development profile without authentication every caller is the local user, who has every role; elsewhere
    /// the local user has none. A test can call as somebody else.
    pub fn requires_role(mut self, role: impl Into<Box<str>>) -> Self {
        self.terms.requirement.roles.push(role.into());
        self
    }

    /// Says that the handler takes a state of this type from its context, so that a server without one is not built.
    pub fn needs_state<S: Send + Sync + 'static>(mut self) -> Self {
        self.terms.needs.state::<S>();
        self
    }

    /// Says what the handler takes from its context.
    #[doc(hidden)]
    pub fn extracts<E: Extract>(mut self) -> Self {
        E::needs(&mut self.terms.needs);
        self
    }

    /// Adds what completes one argument or variable.
    #[doc(hidden)]
    pub fn completed_by(mut self, argument: &str, handler: impl Handler) -> Self {
        self.completions.push((argument.into(), Arc::new(handler)));
        self
    }
}

impl<Info: fmt::Debug> fmt::Debug for DefinitionBuilder<Info> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefinitionBuilder")
            .field("info", &self.info)
            .field("terms", &self.terms)
            .field("conditions", &self.conditions)
            .finish_non_exhaustive()
    }
}

/// What is listed of a definition, as far as all kinds have it.
#[doc(hidden)]
pub trait Listed {
    /// The members that all kinds have.
    fn words(&mut self) -> Words<'_>;
}

/// The members that all kinds have.
#[doc(hidden)]
#[derive(Debug)]
pub struct Words<'a> {
    title: &'a mut Option<Box<str>>,
    description: &'a mut Option<Box<str>>,
    icons: &'a mut Vec<Icon>,
    meta: &'a mut Option<RawJson>,
}

impl Listed for Tool {
    fn words(&mut self) -> Words<'_> {
        let Self { title, description, icons, meta, .. } = self;
        Words { title, description, icons, meta }
    }
}

impl Listed for Prompt {
    fn words(&mut self) -> Words<'_> {
        let Self { title, description, icons, meta, .. } = self;
        Words { title, description, icons, meta }
    }
}

impl Listed for Resource {
    fn words(&mut self) -> Words<'_> {
        let Self { title, description, icons, meta, .. } = self;
        Words { title, description, icons, meta }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meta_that_is_no_object_is_a_problem() {
        let object = DefinitionBuilder::of(Prompt::default()).meta(&serde_json::json!({"a": 1}));
        assert!(object.info.meta.is_some() && object.terms.problems.is_empty());
        let number = DefinitionBuilder::of(Prompt::default()).meta(&3);
        assert!(number.info.meta.is_none());
        assert_eq!(number.terms.problems, ["the `_meta` is not a JSON object"]);
    }
}
