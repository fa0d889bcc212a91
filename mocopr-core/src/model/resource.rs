//! Resources, templates and what they answer.

use crate::{
    json::RawJson,
    model::content::{Annotations, Base64, Icon},
    page::CacheHint,
};

/// A resource as it is listed.
#[derive(Clone, Debug, Default)]
pub struct Resource {
    /// Where it is.
    pub uri: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// A name for people, from 2025-06-18.
    pub title: Option<Box<str>>,
    /// What it is.
    pub description: Option<Box<str>>,
    /// Pictures of it, from 2025-11-25.
    pub icons: Vec<Icon>,
    /// Its MIME type.
    pub mime_type: Option<Box<str>>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Whom it is for.
    pub annotations: Option<Annotations>,
    /// `_meta` of the resource: a JSON object, from 2025-06-18.
    pub meta: Option<RawJson>,
}

/// A family of resources as it is listed.
#[derive(Clone, Debug, Default)]
pub struct ResourceTemplate {
    /// RFC 6570.
    pub uri_template: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// A name for people, from 2025-06-18.
    pub title: Option<Box<str>>,
    /// What it is.
    pub description: Option<Box<str>>,
    /// Pictures of it, from 2025-11-25.
    pub icons: Vec<Icon>,
    /// The MIME type of every resource of the family.
    pub mime_type: Option<Box<str>>,
    /// Whom it is for.
    pub annotations: Option<Annotations>,
    /// `_meta` of the template: a JSON object, from 2025-06-18.
    pub meta: Option<RawJson>,
}

/// What reading a resource answers.
///
/// ```
/// use std::time::Duration;
///
/// use mocopr_core::{
///     model::resource::{Contents, ReadResult},
///     page::{CacheHint, CacheScope},
/// };
///
/// let answer = ReadResult {
///     contents: vec![Contents::text("tea://green/minutes", "2").with_mime_type("text/plain")],
///     cache: CacheHint { ttl: Duration::from_secs(3_600), scope: CacheScope::Public },
///     meta: None,
/// };
/// assert_eq!(answer.contents[0].mime_type.as_deref(), Some("text/plain"));
/// ```
#[derive(Clone, Debug)]
pub struct ReadResult {
    /// At least one.
    pub contents: Vec<Contents>,
    /// How long, and by whom, the answer may be kept.
    pub cache: CacheHint,
    /// `_meta` of the result: a JSON object.
    pub meta: Option<RawJson>,
}

/// The contents of a resource.
///
/// ```
/// use mocopr_core::model::resource::{Body, Contents};
///
/// let text = Contents::text("notes://today", "Buy tea.").with_mime_type("text/plain");
/// let picture = Contents::blob("notes://sketch", b"\x89PNG\r\n\x1a\n").with_mime_type("image/png");
/// assert!(matches!(picture.body, Body::Blob(bytes) if bytes.as_str() == "iVBORw0KGgo="));
/// assert_eq!(text.body, Body::Text("Buy tea.".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// Where it is.
    pub uri: Box<str>,
    /// Its MIME type.
    pub mime_type: Option<Box<str>>,
    /// Text or bytes.
    pub body: Body,
}

/// Text or bytes of a resource.
///
/// An example is at [`Contents`].
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Text.
    Text(String),
    /// Bytes, in base64.
    Blob(Base64),
}

impl Contents {
    /// Text at `uri`.
    pub fn text(uri: impl Into<Box<str>>, text: impl Into<String>) -> Self {
        Self { uri: uri.into(), mime_type: None, body: Body::Text(text.into()) }
    }

    /// Bytes at `uri`.
    pub fn blob(uri: impl Into<Box<str>>, bytes: &[u8]) -> Self {
        Self { uri: uri.into(), mime_type: None, body: Body::Blob(Base64::encode(bytes)) }
    }

    /// Says the MIME type.
    #[must_use]
    pub fn with_mime_type(mut self, mime_type: impl Into<Box<str>>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }
}
