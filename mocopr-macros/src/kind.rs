//! What a function or a struct can be, and what may be said of each.

/// What a function is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tool,
    Prompt,
    Resource,
    Completion,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Completion];

    /// The attribute's name.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Completion => "completion",
        }
    }

    /// With its article, for sentences.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Tool => "a tool",
            Self::Prompt => "a prompt",
            Self::Resource => "a resource",
            Self::Completion => "a completion",
        }
    }

    /// The keys of the attribute.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Tool => &[
                "name",
                "title",
                "description",
                "icon",
                "timeout",
                "requires",
                "allow",
                "read_only",
                "destructive",
                "idempotent",
                "closed_world",
                "heavy",
                "header",
                "crate",
            ],
            Self::Prompt => &["name", "title", "description", "icon", "timeout", "requires", "allow", "crate"],
            Self::Resource => {
                &["name", "title", "description", "icon", "timeout", "requires", "allow", "mime", "crate"]
            }
            Self::Completion => &["prompt", "resource", "argument"],
        }
    }

    /// The keys of `#[arg(..)]` at its parameters.
    pub(crate) fn argument_keys(self) -> &'static [&'static str] {
        match self {
            Self::Tool => &["default", "range", "length", "pattern", "format", "description", "inject"],
            Self::Prompt => &["default", "description", "inject"],
            Self::Resource | Self::Completion => &["inject"],
        }
    }
}

/// Keys that are meant for later versions; saying so beats "unknown".
pub(crate) const LATER: [&str; 1] = ["task"];
