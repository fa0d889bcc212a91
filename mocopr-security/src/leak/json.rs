//! The strings of a JSON text, cleaned in place.
//!
//! Only strings and names are touched: numbers keep every digit, members their order. The text must already be one
//! valid JSON value.

use std::{borrow::Cow, collections::HashSet};

use mocopr_core::json::JsonLimits;

/// The text with each string cleaned; `None` where `clean` changes none.
///
/// A name that changes gets a number that makes it unlike every other name that changed, so that an object keeps
/// all of its members.
pub(super) fn clean(text: &str, clean: impl Fn(&str) -> Cow<'_, str>) -> Option<String> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    let mut names = HashSet::new();
    while let Some(start) = find_quote(text, at) {
        let end = string_end(text.as_bytes(), start + 1);
        at = end;
        let Some(literal) = text.get(start..end) else { break };
        let Some(said) = unescaped(literal) else { continue };
        let Cow::Owned(mut cleaned) = clean(&said) else { continue };
        let is_name = text.get(end..).is_some_and(|rest| rest.trim_ascii_start().starts_with(':'));
        if is_name && !names.insert(cleaned.clone()) {
            cleaned = format!("{cleaned} {}", names.len() + 1);
            names.insert(cleaned.clone());
        }
        let Ok(literal) = serde_json::to_string(&cleaned) else { continue };
        out.push_str(text.get(copied..start).unwrap_or_default());
        out.push_str(&literal);
        copied = end;
    }
    if copied == 0 {
        return None;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Some(out)
}

/// What a string of JSON says.
fn unescaped(literal: &str) -> Option<Cow<'_, str>> {
    if literal.contains('\\') {
        return serde_json::from_str::<String>(literal).ok().map(Cow::Owned);
    }
    literal.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed)
}

fn find_quote(text: &str, from: usize) -> Option<usize> {
    memchr::memchr(b'"', text.as_bytes().get(from..)?).map(|found| from + found)
}

/// One past the quote that ends the string whose inside begins at `from`.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        match bytes.get(at + found) {
            Some(b'"') => return at + found + 1,
            _ => at += found + 2,
        }
    }
    bytes.len()
}

/// The cleaned value has the shape of the handler's own, which nothing bounds but the size of a result.
pub(super) const ANY: JsonLimits =
    JsonLimits { depth: usize::MAX, members: usize::MAX, string_bytes: usize::MAX, elements: usize::MAX };
