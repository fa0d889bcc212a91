//! `RawJson`: text that is known to be one JSON value, as a slice of the frame that it came in.
//!
//! The only file that slices messages. A slice keeps its whole frame in memory.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned, ser::Error as _};
use serde_json::{Value, value::RawValue};

use super::{
    limits::JsonLimits,
    scan::{Rules, Scanner, Span},
    text::run_end,
};
use crate::fault::Fault;

/// One JSON value as UTF-8 text, without white space around it.
///
/// Cloning is cheap and keeps the whole frame alive. Two values are equal where their texts are: `1` is not `1.0`.
///
/// ```
/// use mocopr_core::{failure::Failure, json::{MessageLimits, RawJson}};
/// use serde_json::json;
///
/// let written = RawJson::from_value(&json!({"degrees": 21.5}));
/// assert_eq!(written.as_str(), r#"{"degrees":21.5}"#);
///
/// let limits = MessageLimits::strict().arguments;
/// let read = RawJson::parse("[1, 2]".into(), &limits).map_err(Failure::from_fault)?;
/// assert_eq!(read.decode::<Vec<u8>>()?, [1, 2]);
/// assert!(RawJson::parse(r#"{"a": 1, "a": 2}"#.into(), &limits).is_err(), "a name that comes twice");
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(ByteString);

impl RawJson {
    /// Reads one value of untrusted bytes.
    ///
    /// # Errors
    /// [`Fault::Parse`] for what is not UTF-8, not JSON or goes on after the value; [`Fault::Envelope`] for repeated
    /// member names and broken limits; [`Fault::TooLarge`] from 4 GiB on.
    pub fn parse(bytes: Bytes, limits: &JsonLimits) -> Result<Self, Fault> {
        let text = ByteString::try_from(bytes).map_err(|_| Fault::Parse)?;
        let value = Scanner::new().scan(&text, &Rules::of_value(limits))?;
        Ok(Self(slice(&text, value)))
    }

    /// Encodes a value without white space.
    ///
    /// # Errors
    /// Where `value` refuses to be serialized, or has map keys that are not strings.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        Ok(Self(serde_json::to_string(value)?.into()))
    }

    /// Encodes a tree without white space.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    /// `{}`.
    #[must_use]
    pub const fn empty_object() -> Self {
        Self(ByteString::from_static("{}"))
    }

    /// A text that is known to be one value.
    pub(super) fn trusted(text: String) -> Self {
        Self(text.into())
    }

    /// The value that a scan has found at `span` of `frame`.
    pub(crate) fn cut(frame: &ByteString, span: Span) -> Self {
        Self(slice(frame, span))
    }

    /// The value that a scan has found at `span`, counted from the start of this one.
    pub(crate) fn part(&self, span: Span) -> Self {
        Self::cut(&self.0, span)
    }

    /// The whole text, to be sliced further.
    pub(crate) fn text(&self) -> &ByteString {
        &self.0
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text's bytes: valid UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether the value is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    /// Decodes the value into a type that owns what it holds.
    ///
    /// # Errors
    /// Where the value is not of the type's shape. The error's text may quote the value: it is not for the peer.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// Decodes the value into a type that may borrow strings without escapes.
    ///
    /// # Errors
    /// Like [`decode`](Self::decode).
    pub fn decode_borrowed<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The same value without white space outside strings, so that it can stand in one line.
    ///
    /// Costs no copy where there is none.
    #[must_use]
    pub fn compact(&self) -> Self {
        let text: &str = &self.0;
        let bytes = text.as_bytes();
        let Some(first) = next_space(bytes, 0) else { return self.clone() };
        let mut out = String::with_capacity(text.len());
        let (mut from, mut space) = (0, Some(first));
        while let Some(at) = space {
            out.push_str(text.get(from..at).unwrap_or_default());
            from = at + 1;
            space = next_space(bytes, from);
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Self(out.into())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.as_str();
        match text.char_indices().nth(DEBUG_CHARS).and_then(|(end, _)| text.get(..end)) {
            Some(start) => write!(f, "RawJson({start}… {} bytes)", text.len()),
            None => write!(f, "RawJson({text})"),
        }
    }
}

/// Stands inside a `serde` structure as it is written; `serde_json` scans it once more.
impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// The text of a span; empty where the span lies outside, so that a wrong one cannot panic.
pub(crate) fn slice(frame: &ByteString, span: Span) -> ByteString {
    frame.get(span.range()).map(|part| frame.slice_ref(part)).unwrap_or_default()
}

/// The first white space at or after `from` that is outside strings; `from` itself must be outside.
fn next_space(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b' ' | b'\t' | b'\n' | b'\r' => return Some(at),
            b'"' => at = string_end(bytes, at + 1),
            _ => at += 1,
        }
    }
}

/// One past the quote that ends the string whose inside holds `from`.
pub(super) fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = run_end(bytes, from);
    while let Some(b'\\') = bytes.get(at) {
        at = run_end(bytes, at + 2);
    }
    at + 1
}

const DEBUG_CHARS: usize = 64;
