//! Ids that a peer chooses: of requests and of progress.
//!
//! An id goes back with the JSON type and the digits that it came with, and is never a number that was rounded on the
//! way. Nothing here makes ids.

use crate::json::{unescape, write_string};

/// The id of a request: a string or an integer.
///
/// Strings are kept unescaped, so that two spellings of one string are one id. `1` and `"1"` differ.
///
/// # Source
/// MCP, base protocol, "Requests": the id is a string or integer and never null.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RequestId {
    /// An integer of 64 bits.
    Integer(i64),
    /// A larger integer, as written: at most [`RequestId::MAX_DIGITS`] characters.
    Large(Box<str>),
    /// A string, unescaped: at most [`RequestId::MAX_BYTES`] bytes.
    Text(Box<str>),
}

impl RequestId {
    /// The longest string, in bytes of UTF-8 after unescaping.
    pub const MAX_BYTES: usize = 256;

    /// The longest integer, in characters with its sign.
    pub const MAX_DIGITS: usize = 64;

    /// Reads one JSON token.
    ///
    /// `None` for everything but a string or an integer within the bounds: `1.0` and `1e3` are not integers, whatever
    /// their value, because they could not be echoed type-exact. Nor is `-0`, which clients that compare ids as numbers
    /// take for `0`, and those that compare them as text do not.
    #[must_use]
    pub fn from_raw(raw: &str) -> Option<Self> {
        if let Some(inner) = raw.strip_prefix('"') {
            let text = unescape(inner.strip_suffix('"')?)?;
            return (text.len() <= Self::MAX_BYTES).then(|| Self::Text(text.into()));
        }
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        let canonical = raw == "0" || !digits.starts_with('0');
        if digits.is_empty() || !canonical || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        match raw.parse() {
            Ok(integer) => Some(Self::Integer(integer)),
            Err(_) => (raw.len() <= Self::MAX_DIGITS).then(|| Self::Large(raw.into())),
        }
    }

    /// Appends the JSON token.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(integer) => write_integer(out, *integer),
            Self::Large(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::Text(text) => write_string(out, text),
        }
    }
}

/// What a peer wants its progress reports to be named with: a string or an integer.
///
/// # Source
/// MCP, base protocol, "Progress".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProgressToken(RequestId);

impl ProgressToken {
    /// Reads one JSON token, under the same rules as [`RequestId::from_raw`].
    #[must_use]
    pub fn from_raw(raw: &str) -> Option<Self> {
        RequestId::from_raw(raw).map(Self)
    }

    /// Appends the JSON token.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }
}

fn write_integer(out: &mut Vec<u8>, integer: i64) {
    // Twenty characters hold the longest, -9223372036854775808.
    let mut digits = [0; 20];
    let mut used = 0;
    let mut rest = integer.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    if integer < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn echo(raw: &str) -> Option<String> {
        let mut out = Vec::new();
        RequestId::from_raw(raw)?.write(&mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn integers_are_echoed_digit_by_digit() {
        for raw in ["0", "7", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808"] {
            assert_eq!(echo(raw).as_deref(), Some(raw));
        }
        assert_eq!(RequestId::from_raw("18446744073709551616"), Some(RequestId::Large("18446744073709551616".into())));
    }

    #[test]
    fn escaped_twins_are_one_id() {
        assert_eq!(RequestId::from_raw(r#""a""#), RequestId::from_raw(r#""\u0061""#));
        assert_ne!(RequestId::from_raw(r#""1""#), RequestId::from_raw("1"));
        assert_eq!(echo(r#""\u0000\"\\\/\ud83d\ude00é""#).as_deref(), Some(r#""\u0000\"\\/😀é""#));
    }

    #[test]
    fn what_is_neither_string_nor_integer_is_refused() {
        let broken =
            ["1.0", "1e3", "1E3", "1.5", "null", "true", "false", "{}", "[]", "", "-", "+1", "01", "-01", "-0", " 1"];
        let strings = ["\"", "\"a", "a\"", "\"\\\"", "\"\\q\"", "\"\\ud800\"", "\"\\udc00\"", "\"a\"b\"", "\"\n\""];
        for raw in broken.into_iter().chain(strings) {
            assert_eq!(RequestId::from_raw(raw), None, "{raw}");
        }
    }

    #[test]
    fn bounds_hold_at_n_and_break_at_n_plus_1() {
        assert!(RequestId::from_raw(&"9".repeat(64)).is_some());
        assert!(RequestId::from_raw(&"9".repeat(65)).is_none());
        assert!(RequestId::from_raw(&format!("\"{}\"", "é".repeat(128))).is_some());
        assert!(RequestId::from_raw(&format!("\"{}x\"", "é".repeat(128))).is_none());
        assert!(RequestId::from_raw(&format!("\"{}\"", "\\u00e9".repeat(128))).is_some());
        assert!(RequestId::from_raw(&format!("\"{}\"", "\\u00e9".repeat(129))).is_none());
    }

    proptest! {
        #[test]
        fn every_text_survives_write_and_read(text in "\\PC{0,60}|[\\x00-\\x7f]{0,60}") {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            prop_assert_eq!(&serde_json::from_slice::<String>(&out).unwrap(), &text);
            let raw = String::from_utf8(out).unwrap();
            prop_assert_eq!(RequestId::from_raw(&raw), Some(RequestId::Text(text.into())));
        }

        #[test]
        fn every_integer_survives_write_and_read(integer: i64) {
            prop_assert_eq!(echo(&integer.to_string()), Some(integer.to_string()));
        }
    }
}
