//! Which resource URIs are taken: by scheme, by length, and by what could be read as another path.
//!
//! Nothing is repaired. What is taken is the [`ResourceUri`] that was looked at, so nobody parses again.

use std::fmt;

use mocopr_core::uri::{
    MAX_URI_BYTES, ResourceUri, UriError,
    percent::{self, Unit},
};
use thiserror::Error;

/// Which resource URIs are taken.
///
/// ```
/// use mocopr_security::validation::uri::{UriRefusal, UriValidator};
///
/// let uris = UriValidator::builder()
///     .with_allowed_schemes(&["file", "memory", "https"])
///     .with_path_traversal_protection(true)
///     .with_length_limit(2048)
///     .build();
/// assert_eq!(uris.read("file:///docs/a.txt").map(|uri| uri.canonical().to_owned()).as_deref(), Ok("file:///docs/a.txt"));
/// assert_eq!(uris.read("file:///docs/%252e%252e/a.txt").err(), Some(UriRefusal::DoubleEncoding));
/// assert_eq!(uris.read("ftp://host/a.txt").err(), Some(UriRefusal::Scheme));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UriValidator {
    schemes: Vec<Box<str>>,
    traversal: Traversal,
    length: usize,
}

/// What is done about spellings that lead out of their place once somebody decodes them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traversal {
    Refused,
    LeftToTheHandler,
}

/// Collects what a [`UriValidator`] takes.
///
/// An example is at [`UriValidator`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes a validator with `.build()`"]
pub struct UriValidatorBuilder(UriValidator);

/// Why a URI was not taken; for the log. A peer reads of each the same as of a resource that is absent.
///
/// An example is at [`UriValidator`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UriRefusal {
    /// It is longer than the limit.
    #[error("the URI is too long")]
    TooLong,
    /// It is no URI of a resource: malformed, or with a dot segment.
    #[error("{0}")]
    Malformed(UriError),
    /// Its scheme is not one that is allowed.
    #[error("the scheme of the URI is not allowed")]
    Scheme,
    /// It names a user.
    #[error("the URI names a user")]
    UserInfo,
    /// It has a fragment, which is for whoever reads the resource, and never for whoever serves it.
    #[error("the URI has a fragment")]
    Fragment,
    /// It holds an escaped slash or a backslash.
    #[error("the URI holds an encoded separator")]
    Separator,
    /// It holds an escaped control character, NUL among them.
    #[error("the URI holds an encoded control character")]
    Control,
    /// Decoded once it could be decoded again.
    #[error("the URI is encoded twice")]
    DoubleEncoding,
    /// Decoded it is not UTF-8, as of characters in overlong forms.
    #[error("the URI holds bytes that are no text")]
    Utf8,
}

impl UriValidator {
    /// Begins one that takes no scheme yet, refuses what could lead out of its place, and takes 2,048 bytes.
    pub fn builder() -> UriValidatorBuilder {
        UriValidatorBuilder(Self { schemes: Vec::new(), traversal: Traversal::Refused, length: MAX_URI_BYTES })
    }

    /// Reads a URI as a peer wrote it.
    ///
    /// # Errors
    /// The first [`UriRefusal`] that is met.
    pub fn read(&self, raw: &str) -> Result<ResourceUri, UriRefusal> {
        if raw.len() > self.length {
            return Err(UriRefusal::TooLong);
        }
        let uri = ResourceUri::parse(raw).map_err(UriRefusal::Malformed)?;
        self.check(&uri)?;
        Ok(uri)
    }

    /// Looks at a URI that was read already.
    ///
    /// # Errors
    /// The first [`UriRefusal`] that is met.
    pub fn check(&self, uri: &ResourceUri) -> Result<(), UriRefusal> {
        if uri.as_str().len() > self.length {
            return Err(UriRefusal::TooLong);
        }
        if !self.schemes.iter().any(|scheme| **scheme == *uri.scheme()) {
            return Err(UriRefusal::Scheme);
        }
        if uri.authority().is_some_and(|authority| authority.contains('@')) {
            return Err(UriRefusal::UserInfo);
        }
        if uri.fragment().is_some() {
            return Err(UriRefusal::Fragment);
        }
        match self.traversal {
            Traversal::Refused => check_spelling(uri),
            Traversal::LeftToTheHandler => Ok(()),
        }
    }
}

impl UriValidatorBuilder {
    /// Which schemes are taken, in any case; none unless said.
    pub fn with_allowed_schemes(mut self, schemes: &[&str]) -> Self {
        self.0.schemes = schemes.iter().map(|scheme| scheme.to_ascii_lowercase().into()).collect();
        self
    }

    /// Whether spellings are refused that somebody who decodes once more, or less strictly, could read as another path:
    /// separators and control characters in an encoding, what is encoded twice, what is not UTF-8. They are unless
    /// said.
    ///
    /// It says nothing of the rest. Dot segments, plain or encoded, incomplete encodings, a user and a fragment are
    /// refused whatever is said here; and where a source is mounted, its paths are decoded once by a rule of their own,
    /// which has none of those spellings.
    pub fn with_path_traversal_protection(mut self, on: bool) -> Self {
        self.0.traversal = if on { Traversal::Refused } else { Traversal::LeftToTheHandler };
        self
    }

    /// How many bytes a URI may have as it was written; 2,048 unless said, and never more.
    pub fn with_length_limit(mut self, bytes: usize) -> Self {
        self.0.length = bytes.min(MAX_URI_BYTES);
        self
    }

    /// Makes the validator.
    pub fn build(self) -> UriValidator {
        self.0
    }
}

impl fmt::Debug for UriValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UriValidator")
            .field("schemes", &self.schemes)
            .field("traversal", &self.traversal)
            .field("length", &self.length)
            .finish()
    }
}

/// Refuses what somebody who decodes again, or decodes more leniently, would read as another place.
fn check_spelling(uri: &ResourceUri) -> Result<(), UriRefusal> {
    let mut decoded = Vec::new();
    // The canonical form holds neither backslashes nor control characters but in an encoding.
    for unit in percent::units(uri.canonical()) {
        decoded.push(match unit {
            Unit::Escaped(b'/' | b'\\') => return Err(UriRefusal::Separator),
            Unit::Escaped(0..=0x1f | 0x7f) => return Err(UriRefusal::Control),
            Unit::Plain(byte) | Unit::Escaped(byte) => byte,
            Unit::Broken => return Err(UriRefusal::Malformed(UriError::Escape)),
        });
    }
    let text = str::from_utf8(&decoded).map_err(|_| UriRefusal::Utf8)?;
    if text.chars().any(char::is_control) {
        return Err(UriRefusal::Control);
    }
    if percent::holds_escape(text) {
        return Err(UriRefusal::DoubleEncoding);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator() -> UriValidator {
        UriValidator::builder().with_allowed_schemes(&["file", "memory", "https", "Notes"]).build()
    }

    fn refusal(raw: &str) -> Option<UriRefusal> {
        validator().read(raw).err()
    }

    /// S-53, P-83
    #[test]
    fn what_could_be_read_as_another_path_is_refused() {
        use UriRefusal::{Control, DoubleEncoding, Fragment, Malformed, Separator, UserInfo, Utf8};
        let dots = Malformed(UriError::DotSegment);
        for (raw, expected) in [
            ("file:///a/../b", dots),
            ("file:///..", dots),
            ("file:///a/./b", dots),
            ("file:///%2e%2e/b", dots),
            ("file:///a/%2E./b", dots),
            ("file:///a%2f..%2fb", dots),
            ("file:///a%5c..%5cb", dots),
            ("notes://../b", dots),
            ("file:///a%2fb", Separator),
            ("file:///a%2Fb", Separator),
            ("file:///a%5Cb", Separator),
            ("file:///a\\b", Malformed(UriError::Character)),
            ("file:///a/..\\b", Malformed(UriError::Character)),
            ("file:///a%00.txt", Control),
            ("file:///a%0a", Control),
            ("file:///a%7f", Control),
            ("file:///a%C2%85", Control),
            ("file:///%252e%252e/b", DoubleEncoding),
            ("file:///%252e%252e%252fb", DoubleEncoding),
            ("file:///%25252e%25252e/b", DoubleEncoding),
            ("file:///a%2541", DoubleEncoding),
            ("notes://%252e/b", DoubleEncoding),
            ("file:///a?path=%252fetc", DoubleEncoding),
            ("file:///%c0%ae%c0%ae/b", Utf8),
            ("file:///%e0%80%af", Utf8),
            ("file:///%c0%afetc", Utf8),
            ("file:///%ff", Utf8),
            ("file:///%ed%a0%80", Utf8),
            ("file://user@host/a", Malformed(UriError::UserInfo)),
            ("https://user@host/a", UserInfo),
            ("https://user:secret@host/a", UserInfo),
            ("file:///a#b", Fragment),
            ("file:///a#", Fragment),
            ("file:///a%", Malformed(UriError::Escape)),
            ("file:///a%2", Malformed(UriError::Escape)),
            ("file:///a%u002e", Malformed(UriError::Escape)),
            ("/etc/passwd", Malformed(UriError::Scheme)),
            ("file:", Malformed(UriError::Scheme)),
            ("", Malformed(UriError::Scheme)),
        ] {
            assert_eq!(refusal(raw), Some(expected), "{raw}");
        }
    }

    /// S-53
    #[test]
    fn what_only_resembles_it_is_taken() {
        for raw in [
            "file:///a",
            "file:///a/b.txt",
            "file:///...",
            "file:///a..b/..c",
            "file:///.hidden",
            "file:///to%20do",
            "file:///100%25",
            "file:///100%25%20",
            "file:///%C3%A9",
            "file:///é",
            "memory://a42",
            "https://host:8443/a?b=c&d=%2B",
            "notes://Alice/1",
            "NOTES://Alice/1",
        ] {
            assert_eq!(refusal(raw), None, "{raw}");
        }
    }

    /// S-53
    #[test]
    fn only_schemes_that_are_allowed_are_taken() {
        for raw in ["ftp://host/a", "data:text/plain,a", "javascript:alert", "files:///a", "fil:///a"] {
            assert_eq!(refusal(raw), Some(UriRefusal::Scheme), "{raw}");
        }
        let none = UriValidator::builder().build();
        assert_eq!(none.read("file:///a").err(), Some(UriRefusal::Scheme));
    }

    /// S-53
    #[test]
    fn the_longest_uri_is_taken_and_one_byte_more_is_not() {
        let long = |bytes: usize| format!("file:///{}", "a".repeat(bytes - "file:///".len()));
        for limit in [20, 2_048] {
            let uris = UriValidator::builder().with_allowed_schemes(&["file"]).with_length_limit(limit).build();
            assert_eq!(uris.read(&long(limit)).err(), None);
            assert_eq!(uris.read(&long(limit + 1)).err(), Some(UriRefusal::TooLong));
        }
        let more = UriValidator::builder().with_allowed_schemes(&["file"]).with_length_limit(usize::MAX).build();
        assert_eq!(more.read(&long(MAX_URI_BYTES)).err(), None);
        assert_eq!(more.read(&long(MAX_URI_BYTES + 1)).err(), Some(UriRefusal::TooLong));
    }

    #[test]
    fn without_the_protection_spellings_are_left_to_the_handler_and_nothing_else_is() {
        let uris = UriValidator::builder()
            .with_allowed_schemes(&["file", "https"])
            .with_path_traversal_protection(false)
            .build();
        for raw in ["file:///a%2Fb", "file:///a%5Cb", "file:///a%00", "file:///%252e", "file:///%ff"] {
            assert_eq!(uris.read(raw).err(), None, "{raw}");
        }
        for (raw, refusal) in [
            ("file:///%2e%2e/b", UriRefusal::Malformed(UriError::DotSegment)),
            ("file:///a%2", UriRefusal::Malformed(UriError::Escape)),
            ("https://user@host/a", UriRefusal::UserInfo),
            ("file:///a#b", UriRefusal::Fragment),
        ] {
            assert_eq!(uris.read(raw).err(), Some(refusal), "{raw}");
        }
    }
}
