//! Content of results and prompts.

use std::fmt;

use base64::Engine as _;

use crate::{json::RawJson, model::resource::Contents};

/// One block of content.
///
/// ```
/// use mocopr_core::model::content::{Annotations, Audio, Content, Image, ResourceLink, Role, Text};
///
/// let for_people = Annotations { audience: vec![Role::User], priority: Some(0.2), last_modified: None };
/// let answer: Vec<Content> = vec![
///     Content::text("Sales rose by a tenth."),
///     Image::new(b"\x89PNG\r\n\x1a\n", "image/png").into(),
///     Audio::new(b"RIFF", "audio/wav").into(),
///     ResourceLink::new("file:///sales.csv", "sales").into(),
///     Text { text: "counted at noon".to_owned(), annotations: Some(for_people) }.into(),
/// ];
/// assert!(matches!(&answer[1], Content::Image(image) if image.data.as_str() == "iVBORw0KGgo="));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text.
    Text(Text),
    /// A picture.
    Image(Image),
    /// Sound.
    Audio(Audio),
    /// A pointer to a resource, from 2025-06-18.
    Link(Box<ResourceLink>),
    /// A resource, embedded.
    Resource(Box<EmbeddedResource>),
}

impl Content {
    /// A block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text { text: text.into(), annotations: None })
    }
}

impl From<Text> for Content {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Image> for Content {
    fn from(image: Image) -> Self {
        Self::Image(image)
    }
}

impl From<Audio> for Content {
    fn from(audio: Audio) -> Self {
        Self::Audio(audio)
    }
}

impl From<ResourceLink> for Content {
    fn from(link: ResourceLink) -> Self {
        Self::Link(Box::new(link))
    }
}

impl From<EmbeddedResource> for Content {
    fn from(resource: EmbeddedResource) -> Self {
        Self::Resource(Box::new(resource))
    }
}

/// Text.
///
/// An example is at [`Content`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Whom it is for.
    pub annotations: Option<Annotations>,
}

/// A picture.
///
/// An example is at [`Content`].
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its bytes, in base64.
    pub data: Base64,
    /// Its MIME type, such as `image/png`.
    pub mime_type: Box<str>,
    /// Whom it is for.
    pub annotations: Option<Annotations>,
}

impl Image {
    /// A picture of the given bytes and MIME type.
    pub fn new(bytes: &[u8], mime_type: impl Into<Box<str>>) -> Self {
        Self { data: Base64::encode(bytes), mime_type: mime_type.into(), annotations: None }
    }
}

/// Sound.
///
/// An example is at [`Content`].
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// Its bytes, in base64.
    pub data: Base64,
    /// Its MIME type, such as `audio/wav`.
    pub mime_type: Box<str>,
    /// Whom it is for.
    pub annotations: Option<Annotations>,
}

impl Audio {
    /// Sound of the given bytes and MIME type.
    pub fn new(bytes: &[u8], mime_type: impl Into<Box<str>>) -> Self {
        Self { data: Base64::encode(bytes), mime_type: mime_type.into(), annotations: None }
    }
}

/// A pointer to a resource that the client may read, from 2025-06-18; older revisions read its URI as text.
///
/// ```
/// use mocopr_core::model::content::ResourceLink;
///
/// let link = ResourceLink {
///     mime_type: Some("text/csv".into()),
///     size: Some(4_096),
///     ..ResourceLink::new("file:///sales.csv", "sales")
/// };
/// assert_eq!(link.title, None, "clients show the name where there is no title");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceLink {
    /// Where it is.
    pub uri: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// A name for people.
    pub title: Option<Box<str>>,
    /// What it is.
    pub description: Option<Box<str>>,
    /// Its MIME type.
    pub mime_type: Option<Box<str>>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Pictures of it.
    pub icons: Vec<Icon>,
    /// Whom it is for.
    pub annotations: Option<Annotations>,
}

impl ResourceLink {
    /// A pointer to `uri`, called `name`.
    pub fn new(uri: impl Into<Box<str>>, name: impl Into<Box<str>>) -> Self {
        Self { uri: uri.into(), name: name.into(), ..Self::default() }
    }
}

/// A resource inside of content.
///
/// ```
/// use mocopr_core::model::{
///     content::{Content, EmbeddedResource},
///     resource::Contents,
/// };
///
/// let note = Contents::text("notes://today", "Buy tea.").with_mime_type("text/plain");
/// let content = Content::from(EmbeddedResource::new(note));
/// assert!(matches!(content, Content::Resource(_)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddedResource {
    /// The resource.
    pub resource: Contents,
    /// Whom it is for.
    pub annotations: Option<Annotations>,
}

impl EmbeddedResource {
    /// A resource, with its contents.
    pub fn new(resource: Contents) -> Self {
        Self { resource, annotations: None }
    }
}

/// Base64 text (RFC 4648, section 4, padded).
///
/// An example is at [`Content`].
#[derive(Clone, PartialEq, Eq)]
pub struct Base64(Box<str>);

impl Base64 {
    /// Encodes bytes.
    pub fn encode(bytes: &[u8]) -> Self {
        Self(base64::engine::general_purpose::STANDARD.encode(bytes).into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} characters)", self.0.len())
    }
}

/// Hints about content: whom it is for, how much it matters, when it changed.
///
/// An example is at [`Content`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    /// Whom it is for.
    pub audience: Vec<Role>,
    /// From 0 (least) to 1 (most important).
    pub priority: Option<f64>,
    /// When it last changed: an ISO 8601 time, from 2025-06-18.
    pub last_modified: Option<Box<str>>,
}

/// A side of a conversation.
///
/// An example is at [`Content`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The role's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A picture of a tool, prompt, resource or server, from 2025-11-25.
///
/// ```
/// use mocopr_core::model::content::Icon;
///
/// let icon = Icon {
///     src: "https://example.com/tea.svg".into(),
///     mime_type: Some("image/svg+xml".into()),
///     sizes: vec!["any".into()],
///     theme: None,
/// };
/// assert_ne!(icon, Icon { theme: Some("dark".into()), ..icon.clone() });
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Icon {
    /// An `https:` or `data:` URI.
    pub src: Box<str>,
    /// Its MIME type.
    pub mime_type: Option<Box<str>>,
    /// Sizes such as `48x48`, or `any`.
    pub sizes: Vec<Box<str>>,
    /// `light` or `dark`.
    pub theme: Option<Box<str>>,
}

/// How much a log message matters (RFC 5424, section 6.2.1).
///
/// ```
/// use mocopr_core::model::content::Level;
///
/// assert!(Level::Error > Level::Warning);
/// assert_eq!(Level::parse("warning"), Some(Level::Warning));
/// assert_eq!(Level::parse("loud"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For debugging.
    Debug,
    /// For information.
    Info,
    /// Normal but significant.
    Notice,
    /// A warning.
    Warning,
    /// An error.
    Error,
    /// Critical.
    Critical,
    /// Act at once.
    Alert,
    /// Unusable.
    Emergency,
}

impl Level {
    /// All levels, the least first.
    pub const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// The level's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    /// The level of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// A log message for the client.
#[derive(Clone, Debug)]
pub struct LogMessage {
    /// How much it matters.
    pub level: Level,
    /// Who says it.
    pub logger: Option<Box<str>>,
    /// Any JSON value.
    pub data: RawJson,
}
