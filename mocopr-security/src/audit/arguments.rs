//! Arguments without their values: names, kinds and lengths.
//!
//! A value is never repeated. Nor is a name that may itself be what somebody wanted to hide: names are those of a
//! schema's properties, so one that is long or has other characters says only how long it was.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::text::{push_number, push_string};

/// Appends an object of the arguments' names, each with the kind and the bytes of its value.
///
/// Of more than 32 arguments the number of the others is told.
pub(super) fn push_redacted(out: &mut Vec<u8>, arguments: &str) {
    out.push(b'{');
    let start = out.len();
    let mut members = Members { out, start, written: 0, more: 0 };
    // It was scanned when it came in; what is no object has no names to tell.
    let read = serde_json::Deserializer::from_str(arguments).deserialize_map(&mut members);
    let more = members.more;
    if read.is_err() {
        out.truncate(start);
    } else if more > 0 {
        out.extend_from_slice(b",\"\":\"");
        push_number(out, more);
        out.extend_from_slice(b" more\"");
    }
    out.push(b'}');
}

struct Members<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    written: usize,
    more: u64,
}

impl<'de> Visitor<'de> for &mut Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            if self.written == MOST {
                self.more += 1;
                continue;
            }
            self.written += 1;
            if self.out.len() > self.start {
                self.out.push(b',');
            }
            if is_name(&name) {
                push_string(self.out, &name, NAME_BYTES);
            } else {
                push_string(self.out, &format!("name({})", name.len()), NAME_BYTES);
            }
            let value = value.get();
            let (kind, bytes) = match value.as_bytes().first() {
                Some(b'"') => ("string", Some(value.len().saturating_sub(2))),
                Some(b'{') => ("object", Some(value.len())),
                Some(b'[') => ("array", Some(value.len())),
                Some(b't' | b'f') => ("boolean", None),
                Some(b'n') => ("null", None),
                Some(_) | None => ("number", None),
            };
            self.out.extend_from_slice(b":\"");
            self.out.extend_from_slice(kind.as_bytes());
            if let Some(bytes) = bytes {
                self.out.push(b'(');
                push_number(self.out, bytes.try_into().unwrap_or(u64::MAX));
                self.out.push(b')');
            }
            self.out.push(b'"');
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

const MOST: usize = 32;
/// Shorter than every key and token whose shape is known.
const NAME_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(arguments: &str) -> String {
        let mut out = Vec::new();
        push_redacted(&mut out, arguments);
        String::from_utf8(out).unwrap()
    }

    /// S-65, S-90
    #[test]
    fn kinds_and_lengths_are_told_and_no_value_is() {
        assert_eq!(
            redacted(r#"{"text":"hunter2","n":1.5,"on":true,"none":null,"list":[1,2],"place":{"x":"hunter2"}}"#),
            r#"{"text":"string(7)","n":"number","on":"boolean","none":"null","list":"array(5)","place":"object(15)"}"#
        );
        assert_eq!(redacted("{}"), "{}");
        assert_eq!(redacted("[1]"), "{}");
    }

    /// S-65
    #[test]
    fn a_name_that_is_no_name_is_not_repeated() {
        let key = format!("mocopr_{}", "k".repeat(43));
        assert_eq!(redacted(&format!(r#"{{"{key}":1,"a b":2}}"#)), r#"{"name(50)":"number","name(3)":"number"}"#);
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let many = |count: usize| (0..count).map(|at| format!("\"n{at}\":0")).collect::<Vec<_>>().join(",");
        let object = |count| redacted(&format!("{{{}}}", many(count)));
        assert!(!object(MOST).contains("more"));
        assert!(object(MOST + 1).ends_with(",\"\":\"1 more\"}"));
        assert!(serde_json::from_str::<serde_json::Value>(&object(1_000)).is_ok());
    }
}
