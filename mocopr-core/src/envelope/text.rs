//! `Str`: a string of a message, copied only where it was written with escapes.

use std::{borrow::Cow, fmt};

use bytestring::ByteString;

use crate::json::{RawJson, Span, slice, unescape};

/// A string as the peer meant it.
///
/// A slice of the frame where the wire form had no escapes, which is nearly always; it keeps the frame in memory, so
/// what lives longer than the request should be made a `Box<str>`.
#[derive(Clone)]
pub struct Str(Form);

#[derive(Clone)]
enum Form {
    Slice(ByteString),
    Unescaped(Box<str>),
}

impl Str {
    /// The string that a value is; `None` for other values.
    #[must_use]
    pub fn of(value: &RawJson) -> Option<Self> {
        Self::cut(value.text(), Span::whole(value.as_bytes())?)
    }

    /// The string that a scan has found at `span` of `frame`; `None` where it has found another value.
    pub(super) fn cut(frame: &ByteString, span: Span) -> Option<Self> {
        let inside = span.inside()?;
        if !frame.get(span.range())?.starts_with('"') {
            return None;
        }
        let text = slice(frame, inside);
        let unescaped = match unescape(&text)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        };
        Some(Self(unescaped.map_or(Form::Slice(text), |text| Form::Unescaped(text.into()))))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Form::Slice(text) => text,
            Form::Unescaped(text) => text,
        }
    }
}

impl From<Str> for Box<str> {
    fn from(text: Str) -> Self {
        match text.0 {
            Form::Slice(_) => text.as_str().into(),
            Form::Unescaped(text) => text,
        }
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Str {}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// The inside of a string token, without its quotes.
pub(super) fn quoted(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}
