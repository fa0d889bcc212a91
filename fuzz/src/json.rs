//! The scanner beside `serde_json`, and limits beside a measure that walks a tree.

use std::{collections::HashSet, fmt};

use bytes::Bytes;
use mocopr_core::{
    fault::Fault,
    json::{JsonLimits, RawJson, write_string},
};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::draw::Draw;

/// What another reader says of bytes.
#[derive(Clone, Debug)]
pub(crate) enum Judged {
    NotJson,
    /// JSON in which an object has two members of one name.
    Repeated,
    /// JSON with a number of more characters than a message may hold.
    LongNumber,
    Json(Value),
}

/// Reads bytes with `serde_json`, and looks for what it lets pass.
pub(crate) fn judge(data: &[u8]) -> Judged {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return Judged::NotJson };
    if longest_number(data) > 64 {
        return Judged::LongNumber;
    }
    if serde_json::from_slice::<Distinct>(data).is_err() { Judged::Repeated } else { Judged::Json(value) }
}

/// Every byte string is judged as `serde_json` judges it, but for repeated names and long numbers; what is accepted is
/// the same value, compact as well.
pub fn json_scan(data: &[u8]) {
    let limits = JsonLimits { depth: 127, members: data.len(), string_bytes: data.len(), elements: data.len() };
    let read = RawJson::parse(Bytes::copy_from_slice(data), &limits);
    match (judge(data), read) {
        (Judged::NotJson, Err(_)) | (Judged::Repeated | Judged::LongNumber, Err(Fault::Envelope(_))) => {}
        (Judged::Json(value), Ok(raw)) => {
            assert_eq!(raw.decode::<Value>().expect("it was scanned"), value);
            let compact = raw.compact();
            assert_eq!(compact.decode::<Value>().expect("it was scanned"), value);
            assert!(!compact.as_bytes().contains(&b'\n') && compact.as_bytes().len() <= raw.as_bytes().len());
            assert_eq!(compact.compact(), compact);
            if let Some(whole) = raw.with_whole_numbers() {
                assert!(same_numbers(&whole.decode().expect("numbers stay numbers"), &value));
                assert_eq!(whole.with_whole_numbers(), None);
            }
        }
        (judged, read) => panic!("{judged:?} but {read:?}: {}", String::from_utf8_lossy(data)),
    }
}

/// Limits hold at exactly what a walk over the tree measures.
pub fn json_limits(data: &[u8]) {
    let mut draw = Draw::new(data);
    let limits = JsonLimits {
        depth: draw.below(6),
        members: draw.below(6),
        string_bytes: draw.below(12),
        elements: draw.below(6),
    };
    let text = draw.rest();
    let Judged::Json(value) = judge(text) else { return };
    let measured = Measured::of(&value);
    let fits = measured.depth <= limits.depth
        && measured.members <= limits.members
        && measured.string_bytes <= limits.string_bytes
        && measured.elements <= limits.elements;
    let read = RawJson::parse(Bytes::copy_from_slice(text), &limits);
    assert_eq!(read.is_ok(), fits, "{limits:?} {measured:?} {read:?} {}", String::from_utf8_lossy(text));
}

/// Every text becomes one string token on one line, which is read back as the same text.
pub fn json_text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut token = Vec::new();
    write_string(&mut token, &text);
    assert!(token.iter().all(|byte| *byte >= b' '));
    assert_eq!(serde_json::from_slice::<String>(&token).expect("it is JSON"), text);
    let limits = JsonLimits { depth: 1, members: 0, string_bytes: text.len(), elements: 0 };
    let raw = RawJson::parse(token.into(), &limits).expect("it is as long as the text");
    assert_eq!(raw.decode::<String>().expect("it is a string"), text);
}

/// How much a value holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) depth: usize,
    pub(crate) members: usize,
    pub(crate) string_bytes: usize,
    pub(crate) elements: usize,
}

impl Measured {
    pub(crate) fn of(value: &Value) -> Self {
        let inner = |parts: Vec<Self>| {
            let most = |part: fn(&Self) -> usize| parts.iter().map(part).max().unwrap_or_default();
            Self {
                depth: most(|part| part.depth) + 1,
                members: most(|part| part.members),
                string_bytes: most(|part| part.string_bytes),
                elements: most(|part| part.elements),
            }
        };
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::default(),
            Value::String(text) => Self { string_bytes: text.len(), ..Self::default() },
            Value::Array(elements) => {
                let all = inner(elements.iter().map(Self::of).collect());
                Self { elements: all.elements.max(elements.len()), ..all }
            }
            Value::Object(members) => {
                let all = inner(members.values().map(Self::of).collect());
                let names = members.keys().map(String::len).max().unwrap_or_default();
                Self { members: all.members.max(members.len()), string_bytes: all.string_bytes.max(names), ..all }
            }
        }
    }
}

/// The same values, where a number may be an integer in one and a fraction in the other.
fn same_numbers(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(ones), Value::Array(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| same_numbers(one, other))
        }
        (Value::Object(ones), Value::Object(others)) => {
            let same = |(name, one): (&String, &Value)| others.get(name).is_some_and(|other| same_numbers(one, other));
            ones.len() == others.len() && ones.iter().all(same)
        }
        _ => one == other,
    }
}

/// The most characters of a number in text that is JSON.
fn longest_number(text: &[u8]) -> usize {
    let (mut longest, mut length) = (0, 0);
    let (mut is_inside, mut is_escaped) = (false, false);
    for byte in text {
        if is_inside {
            is_inside = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
            continue;
        }
        is_inside = *byte == b'"';
        length = if matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') { length + 1 } else { 0 };
        longest = longest.max(length);
    }
    longest
}

/// A value that is read only where no object repeats a name.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Distinct {
    type Value = Self;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a value without repeated names")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self, M::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value::<Self>()?;
            if !names.insert(name) {
                return Err(Error::custom("a name is repeated"));
            }
        }
        Ok(self)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut elements: S) -> Result<Self, S::Error> {
        while elements.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}
