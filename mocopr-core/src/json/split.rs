//! The elements of an array, found without reading them.
//!
//! Knows grammar and nothing else, so that text that is not JSON is refused before any element of it counts. Never
//! recurses; the limits of an element are for whoever reads it.

use super::{
    cursor::{Broken, Cursor},
    scan::Span,
};
use crate::fault::Fault;

/// Where the elements of the array that makes up `text` stand.
///
/// Stops at the first element beyond `most`, whatever follows.
///
/// # Errors
/// [`Fault::Parse`] for what is not an array or goes on after it; [`Fault::Envelope`] for too many elements;
/// [`Fault::TooLarge`] from 4 GiB on.
pub(crate) fn elements(text: &str, most: usize) -> Result<Vec<Span>, Fault> {
    if u32::try_from(text.len()).is_err() {
        return Err(Fault::TooLarge);
    }
    let mut cursor = Cursor::new(text);
    if cursor.peek_token() != b'[' {
        return Err(Fault::Parse);
    }
    cursor.skip(1);
    let mut found = Vec::new();
    let mut open = Vec::new();
    let mut is_last = cursor.peek_token() == b']';
    if is_last {
        cursor.skip(1);
    }
    while !is_last {
        if found.len() >= most {
            return Err(Fault::Envelope("a batch has too many messages"));
        }
        cursor.peek_token();
        let start = cursor.at();
        skip_value(&mut cursor, &mut open)?;
        found.push(Span::new(start, cursor.at()));
        is_last = match cursor.peek_token() {
            b',' => false,
            b']' => true,
            _ => return Err(Fault::Parse),
        };
        cursor.skip(1);
    }
    cursor.peek_token();
    if cursor.is_at_end() { Ok(found) } else { Err(Fault::Parse) }
}

/// A container that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
}

/// Reads past one value; `open` lends its memory, a byte for each level.
fn skip_value(cursor: &mut Cursor<'_>, open: &mut Vec<Kind>) -> Result<(), Broken> {
    open.clear();
    loop {
        // A value starts at the next byte.
        match cursor.peek() {
            b'{' => {
                open.push(Kind::Object);
                cursor.skip(1);
                if cursor.peek_token() != b'}' {
                    skip_key(cursor)?;
                    continue;
                }
            }
            b'[' => {
                open.push(Kind::Array);
                cursor.skip(1);
                if cursor.peek_token() != b']' {
                    continue;
                }
            }
            b'"' => {
                cursor.string()?;
            }
            // No number is as short as this allows, so its size is never looked at.
            b'-' | b'0'..=b'9' => match cursor.number(0) {
                Ok(()) | Err(Broken::Rule(_)) => {}
                Err(Broken::Grammar) => return Err(Broken::Grammar),
            },
            _ => cursor.word()?,
        }
        // A value has ended, or an empty container is about to.
        loop {
            let Some(kind) = open.last() else { return Ok(()) };
            match (cursor.peek_token(), kind) {
                (b',', Kind::Object) => {
                    cursor.skip(1);
                    cursor.peek_token();
                    skip_key(cursor)?;
                    break;
                }
                (b',', Kind::Array) => {
                    cursor.skip(1);
                    cursor.peek_token();
                    break;
                }
                (b'}', Kind::Object) | (b']', Kind::Array) => {
                    cursor.skip(1);
                    open.pop();
                }
                _ => return Err(Broken::Grammar),
            }
        }
    }
}

/// Reads past a member's name and its colon, up to its value.
fn skip_key(cursor: &mut Cursor<'_>) -> Result<(), Broken> {
    if cursor.peek() != b'"' {
        return Err(Broken::Grammar);
    }
    cursor.string()?;
    if cursor.peek_token() != b':' {
        return Err(Broken::Grammar);
    }
    cursor.skip(1);
    cursor.peek_token();
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, value::RawValue};

    use super::*;

    fn parts(text: &str) -> Result<Vec<&str>, Fault> {
        elements(text, 50).map(|found| found.into_iter().map(|span| span.of(text)).collect())
    }

    #[test]
    fn elements_are_found_as_they_were_written() {
        assert_eq!(parts(" [ ] "), Ok(vec![]));
        let text = r#"[ {"a":[1,{"b":"]\"}"}]} , [[],{}],"x,\"y", -1.5e3 ,null,1e999]"#;
        let expected = [r#"{"a":[1,{"b":"]\"}"}]}"#, "[[],{}]", r#""x,\"y""#, "-1.5e3", "null", "1e999"];
        assert_eq!(parts(text).as_deref(), Ok(expected.as_slice()));
    }

    #[test]
    fn what_is_no_array_is_not_json_here() {
        for text in [
            "",
            "{}",
            "1",
            "[",
            "]",
            "[1",
            "[1,",
            "[1,]",
            "[,]",
            "[1 2]",
            "[1]]",
            "[1] 2",
            "[{]",
            "[}]",
            "[01]",
            "[\"a]",
            "[nul]",
            "[{\"a\"}]",
            "[{\"a\":}]",
            "[{a:1}]",
            "[{\"a\":1,}]",
            "[[1}]",
        ] {
            assert_eq!(parts(text), Err(Fault::Parse), "{text}");
        }
    }

    #[test]
    fn elements_are_counted_and_nothing_is_read_beyond_the_last_that_may_be() {
        let of = |count: usize, rest: &str| format!("[{}{rest}", vec!["0"; count].join(","));
        assert_eq!(elements(&of(50, "]"), 50).map(|found| found.len()), Ok(50));
        let refused = Err(Fault::Envelope("a batch has too many messages"));
        assert_eq!(elements(&of(51, "]"), 50).map(|found| found.len()), refused);
        assert_eq!(elements(&of(51, " no json"), 50).map(|found| found.len()), refused);
    }

    #[test]
    fn depth_costs_no_stack() {
        let text = format!("[{}{}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(parts(&text).map(|found| found.len()), Ok(1));
    }

    proptest! {
        #[test]
        fn any_text_is_split_exactly_where_serde_reads_an_array(text in "[\\[\\]{}\",:0-9a-c\\\\ .eE+-]{0,16}") {
            let text = format!("[{text}]");
            let read = serde_json::from_str::<Vec<&RawValue>>(&text).ok();
            let read = read.map(|all| all.into_iter().map(RawValue::get).collect::<Vec<_>>());
            prop_assert_eq!(elements(&text, 50).ok().map(|all| all.into_iter().map(|span| span.of(&text)).collect()), read);
        }

        #[test]
        fn every_array_is_split_into_its_elements(texts in prop::collection::vec("\\PC{0,9}", 0..20)) {
            let all: Vec<Value> = texts.iter().map(|text| serde_json::json!({"a": [text, {text: null}]})).collect();
            let text = Value::from(all.clone()).to_string();
            let found = elements(&text, 50).unwrap();
            let read: Vec<Value> = found.iter().map(|span| serde_json::from_str(span.of(&text)).unwrap()).collect();
            prop_assert_eq!(read, all);
        }
    }
}
