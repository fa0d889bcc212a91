//! What calls are about, so that what they said can be decided again for a client that comes back for it.
//!
//! A stream of a session is taken up again by whatever credential its principal shows then. What it carried must not
//! reach a caller who could not ask for it any longer.

use std::sync::Arc;

use mocopr_security::{
    gate::{Decision, Target},
    principal::Principal,
};

use crate::{
    dispatch::Completed,
    engine::Engine,
    registry::snapshot::{PromptEntry, ResourceEntry, TemplateEntry, ToolEntry},
};

/// Whose handler a call runs.
#[derive(Clone)]
pub(crate) enum Subject {
    Tool(Arc<ToolEntry>),
    Prompt(Arc<PromptEntry>),
    Resource(Arc<ResourceEntry>),
    /// A member of a family, by its URI in normal form.
    Member(Arc<TemplateEntry>, Box<str>),
    Completion(Completed),
    /// A list, of which each row was decided for the caller as it was then.
    List,
}

impl Subject {
    /// Its name in the log.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Tool(entry) => &entry.info.name,
            Self::Prompt(entry) => &entry.info.name,
            Self::Resource(entry) => &entry.info.name,
            Self::Member(entry, _) => &entry.info.name,
            Self::Completion(_) => "completion",
            Self::List => "list",
        }
    }

    /// What the gate decides about, where it is one thing.
    fn target(&self) -> Option<Target<'_>> {
        match self {
            Self::Tool(entry) => Some(entry.target()),
            Self::Prompt(entry) => Some(entry.target()),
            Self::Resource(entry) => Some(entry.target()),
            Self::Member(entry, canonical) => Some(entry.target_of(canonical)),
            Self::Completion(completed) => Some(completed.target()),
            Self::List => None,
        }
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Subject").field(&self.name()).finish()
    }
}

/// What a stream of calls is about, and who made them.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) subjects: Vec<Subject>,
    pub(crate) caller: Principal,
}

impl Engine {
    /// Whoever comes back for what was said may still ask for all of it.
    pub(crate) fn may_hear_again(&self, who: &Principal, topic: &Topic) -> bool {
        topic.subjects.iter().all(|subject| match subject.target() {
            Some(target) => self.gate.decide(who, target) == Decision::Permit,
            // There is no single decision to repeat: nothing may have changed about the caller.
            None => who.has_the_rights_of(&topic.caller),
        })
    }
}
