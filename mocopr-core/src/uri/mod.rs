//! Resource URIs and resource templates: one parser, one canonical form, one matcher.
//!
//! What a peer writes becomes a [`ResourceUri`] once; below that nobody parses again. Access patterns, exact
//! resources and templates all look at [`ResourceUri::canonical`], so that no spelling of a URI is decided as one
//! resource and served as another. Nothing here resolves `..`: such a URI is refused, never repaired.

mod capture;
mod normal;
pub mod percent;
mod reader;
mod template;
#[cfg(test)]
mod tests;

use std::{fmt, hash};

use thiserror::Error;

use self::normal::Spans;
pub use self::{
    capture::Captures,
    template::{MAX_VARIABLES, TemplateError, UriTemplate},
};

/// The most bytes of a URI that are read; a template has the same bound.
///
/// Long enough for every resource that people name, short enough that copies of it in logs, lists and answers cost
/// little.
pub const MAX_URI_BYTES: usize = 2_048;

/// The URI of a resource: absolute, bounded, without dot segments.
///
/// Two of them are equal when their canonical forms are.
///
/// Case counts, also in the authority: `notes://Alice/1` and `notes://alice/1` are two resources, for access rules as
/// for handlers. It does not count in the scheme, in an address in brackets, and in a host that DNS names: that of
/// `http`, `https`, `ws`, `wss`, `ftp` and `file`. A handler that takes two spellings for one name must therefore
/// expect that a rule about one of them does not speak of the other.
///
/// ```
/// use mocopr_core::uri::{ResourceUri, UriError};
///
/// let uri = ResourceUri::parse("Notes://Alice/%7edraft%2fone")?;
/// assert_eq!(uri.canonical(), "notes://Alice/~draft%2Fone");
/// assert_eq!(ResourceUri::parse("HTTPS://Example.COM/")?.canonical(), "https://example.com/");
/// assert_eq!(ResourceUri::parse("notes://Alice/%2e%2e/bob"), Err(UriError::DotSegment));
/// # Ok::<(), UriError>(())
/// ```
///
/// # Source
/// RFC 3986 (syntax, 6.2.2 normal form), RFC 3987 (characters beyond ASCII, 3.1 their encoding). RFC 3986, 6.2.2.1,
/// folds the host of every scheme; here only that of DNS schemes is, because the others' names are not ours to judge,
/// and to tell apart what may be one is what section 6.1 of it allows.
#[derive(Clone)]
pub struct ResourceUri {
    written: Box<str>,
    /// `None` where it is what was written: the common case keeps one copy.
    canonical: Option<Box<str>>,
    spans: Spans,
}

/// Why a text is not a resource URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UriError {
    /// It has more than [`MAX_URI_BYTES`] bytes.
    #[error("the URI is too long")]
    TooLong,
    /// It does not begin with a scheme, or nothing stands behind the scheme.
    #[error("the URI needs a scheme, a colon and something behind it")]
    Scheme,
    /// A character that may not stand where it stands: white space, control characters, ``"<>\^`{|}``, and what
    /// changes the direction of text.
    #[error("the URI holds a character that must be percent-encoded")]
    Character,
    /// A `%` without two hexadecimal digits behind it.
    #[error("the URI holds an incomplete percent-encoding")]
    Escape,
    /// The host or the port is malformed.
    #[error("the host or the port of the URI is malformed")]
    Authority,
    /// A `file:` URI names a user.
    #[error("a file URI has no user")]
    UserInfo,
    /// The path holds a segment `.` or `..`, plain or encoded.
    #[error("the URI holds a dot segment")]
    DotSegment,
}

impl ResourceUri {
    /// Reads an absolute URI of at most [`MAX_URI_BYTES`] bytes, in time linear in its length.
    ///
    /// Characters beyond ASCII may stand plain, as in an IRI.
    ///
    /// # Errors
    /// The first [`UriError`] that is met; none of them is repaired. A segment is also a dot segment when `%2F` or
    /// `%5C` bounds it, because some later reader may decode those.
    pub fn parse(raw: &str) -> Result<Self, UriError> {
        let (canonical, spans) = normal::read(raw)?;
        let canonical = (canonical != raw).then(|| canonical.into_boxed_str());
        Ok(Self { written: raw.into(), canonical, spans })
    }

    /// The URI as it was written; what is echoed to the peer.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The one spelling of this resource: what is looked up and what access is decided on.
    ///
    /// ASCII only, at most three times as long as what was written. The scheme is in lower case, and so is a host
    /// that DNS names; a host of any other scheme keeps its case. Characters that mean themselves in their part of
    /// the URI stand plain; all others are escaped with upper-case digits. So `%2F`, `%5C` and `%00` in a path stay
    /// as they are, and so do `%26`, `%2B` and `%3D` in a query.
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.written)
    }

    /// The scheme in lower case, without the colon.
    pub fn scheme(&self) -> &str {
        self.spans.scheme(self.canonical())
    }

    /// User, host and port of the canonical form, without the slashes; `None` where there is no `//`.
    pub fn authority(&self) -> Option<&str> {
        self.spans.authority(self.canonical())
    }

    /// The path of the canonical form, still percent-encoded; may be empty.
    pub fn path(&self) -> &str {
        self.spans.path(self.canonical())
    }

    /// The query of the canonical form without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.spans.query(self.canonical())
    }

    /// The fragment of the canonical form without the hash sign.
    pub fn fragment(&self) -> Option<&str> {
        self.spans.fragment(self.canonical())
    }
}

impl PartialEq for ResourceUri {
    fn eq(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

impl Eq for ResourceUri {}

impl hash::Hash for ResourceUri {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.canonical().hash(state);
    }
}

/// The URI as it was written.
impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResourceUri").field(&self.canonical()).finish()
    }
}
