//! What each side can do, and who it says it is.

use crate::{json::RawJson, model::content::Icon, page::CacheHint, wire::revision::Revision};

/// Who a client or a server says it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Implementation {
    /// The program's name.
    pub name: Box<str>,
    /// A name for people.
    pub title: Option<Box<str>>,
    /// The program's version.
    pub version: Box<str>,
    /// What it is, in a sentence.
    pub description: Option<Box<str>>,
    /// Where to read more.
    pub website_url: Option<Box<str>>,
    /// Pictures of it.
    pub icons: Vec<Icon>,
}

/// What a client can do. Presence alone counts; settings inside are not kept.
///
/// ```
/// use mocopr_core::model::capability::{ClientCapabilities, ElicitationModes};
///
/// /// Whether a question in a form will be shown.
/// fn shows_forms(client: &ClientCapabilities) -> bool {
///     client.elicitation.is_some_and(|modes| modes.form)
/// }
/// let modes = ElicitationModes { form: true, url: false };
/// assert!(shows_forms(&ClientCapabilities { elicitation: Some(modes), ..ClientCapabilities::default() }));
/// assert!(!shows_forms(&ClientCapabilities::default()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientCapabilities {
    /// Elicitation, by mode.
    pub elicitation: Option<ElicitationModes>,
    /// Sampling.
    pub sampling: Option<SamplingModes>,
    /// Roots.
    pub roots: bool,
    /// Names of the extensions that the client declared.
    pub extensions: Vec<Box<str>>,
}

/// The modes of elicitation that a client declared.
///
/// An example is at [`ClientCapabilities`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ElicitationModes {
    /// A form; also what an empty declaration means.
    pub form: bool,
    /// A URL that the user opens.
    pub url: bool,
}

/// What a client declared about sampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SamplingModes {
    /// Tools inside sampling.
    pub tools: bool,
    /// Inclusion of context.
    pub context: bool,
}

/// What a server says of itself: the answer to `initialize` and to `server/discover`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hello {
    /// Who it says it is.
    pub server: Implementation,
    /// What it offers.
    pub capabilities: ServerCapabilities,
    /// How to use it, for the model.
    pub instructions: Option<Box<str>>,
    /// The revisions that a client may name, from 2026-07-28.
    pub revisions: Vec<Revision>,
    /// How long, and by whom, the answer may be kept, from 2026-07-28.
    pub cache: CacheHint,
}

/// What a server offers. Follows from what is registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerCapabilities {
    /// Tools, and whether their list can change.
    pub tools: Option<ListChanged>,
    /// Prompts, and whether their list can change.
    pub prompts: Option<ListChanged>,
    /// Resources.
    pub resources: Option<ResourceCapability>,
    /// Log notifications.
    pub logging: bool,
    /// Completion.
    pub completions: bool,
    /// Extensions by name, with their settings as JSON objects.
    pub extensions: Vec<(Box<str>, RawJson)>,
}

/// Whether a list tells of its changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListChanged(pub bool);

/// What a server offers about resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceCapability {
    /// Single resources can be subscribed to.
    pub subscribe: bool,
    /// The list tells of its changes.
    pub list_changed: bool,
}
