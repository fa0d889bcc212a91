//! Percent-encoding: the one reader of escapes, and the one writer.
//!
//! An escape is `%` and two hexadecimal digits, in either case. What else begins with `%` is told apart and never
//! repaired; whether that is an error is for the caller to say.

use std::{iter, str::Chars};

/// A byte of a text, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// It stood for itself.
    Plain(u8),
    /// It was escaped.
    Escaped(u8),
    /// A `%` that begins no escape; what stands behind it follows.
    Broken,
}

/// The bytes of a text, each escape undone once.
///
/// ```
/// use mocopr_core::uri::percent::{Unit, units};
///
/// let read: Vec<Unit> = units("a%2F%").collect();
/// assert_eq!(read, [Unit::Plain(b'a'), Unit::Escaped(b'/'), Unit::Broken]);
/// ```
///
/// # Source
/// RFC 3986, section 2.1.
pub fn units(text: &str) -> impl Iterator<Item = Unit> {
    let mut rest = text.as_bytes();
    iter::from_fn(move || {
        let (first, behind) = rest.split_first()?;
        rest = behind;
        if *first != b'%' {
            return Some(Unit::Plain(*first));
        }
        let Some(byte) = pair(behind) else { return Some(Unit::Broken) };
        rest = behind.get(2..).unwrap_or_default();
        Some(Unit::Escaped(byte))
    })
}

/// The text with its escapes undone once; `None` where one is broken or stands for a byte that `allows` refuses, or
/// where the whole is not UTF-8.
pub fn decode(text: &str, allows: impl Fn(u8) -> bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    for unit in units(text) {
        match unit {
            Unit::Plain(byte) => out.push(byte),
            Unit::Escaped(byte) if allows(byte) => out.push(byte),
            Unit::Escaped(_) | Unit::Broken => return None,
        }
    }
    String::from_utf8(out).ok()
}

/// Whether a text holds an escape: whoever decodes it would read another one.
pub fn holds_escape(text: &str) -> bool {
    units(text).any(|unit| matches!(unit, Unit::Escaped(_)))
}

/// Whether each `%` in it begins an escape.
pub fn is_whole(text: &str) -> bool {
    units(text).all(|unit| unit != Unit::Broken)
}

/// Appends the escape of a byte, its digits in upper case.
pub fn push(byte: u8, out: &mut String) {
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        out.extend(char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()));
    }
}

/// Takes the two digits behind a `%` off the front.
pub(super) fn take(rest: &mut Chars<'_>) -> Option<u8> {
    let byte = pair(rest.as_str().as_bytes())?;
    rest.nth(1);
    Some(byte)
}

/// What the two digits at the front stand for.
fn pair(text: &[u8]) -> Option<u8> {
    let [high, low, ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? * 16 + digit(*low)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_percent_sign_without_two_digits_is_broken_and_hides_nothing_behind_it() {
        use Unit::{Broken, Escaped, Plain};
        for (text, read) in [
            ("%", vec![Broken]),
            ("%4", vec![Broken, Plain(b'4')]),
            ("%4g", vec![Broken, Plain(b'4'), Plain(b'g')]),
            ("%%41", vec![Broken, Escaped(b'A')]),
            ("%4%41", vec![Broken, Plain(b'4'), Escaped(b'A')]),
            ("%+4", vec![Broken, Plain(b'+'), Plain(b'4')]),
            ("%c3%A9", vec![Escaped(0xc3), Escaped(0xa9)]),
            ("%2541", vec![Escaped(b'%'), Plain(b'4'), Plain(b'1')]),
        ] {
            assert_eq!(units(text).collect::<Vec<_>>(), read, "{text}");
            assert_eq!(is_whole(text), !read.contains(&Broken), "{text}");
            assert_eq!(holds_escape(text), read.iter().any(|unit| matches!(unit, Escaped(_))), "{text}");
        }
    }

    #[test]
    fn what_is_not_allowed_or_no_text_is_not_decoded() {
        assert_eq!(decode("a%20b", |_| true).as_deref(), Some("a b"));
        assert_eq!(decode("a%20b", |byte| byte != b' '), None);
        assert_eq!(decode("a b", |byte| byte != b' ').as_deref(), Some("a b"));
        assert_eq!(decode("%c0%ae", |_| true), None);
        assert_eq!(decode("%", |_| true), None);
    }

    proptest! {
        #[test]
        fn what_was_escaped_is_read_back(text: String) {
            let mut escaped = String::new();
            text.bytes().for_each(|byte| push(byte, &mut escaped));
            prop_assert_eq!(decode(&escaped, |_| true), Some(text));
        }
    }
}
