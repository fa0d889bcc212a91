//! Reads a value's text along a [`Node`]; the first thing that does not certainly fit ends it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Length, Node, NumberKind, Object, Range, Rest, Text, Types, bit};

pub(super) fn fits(node: &Node, text: &str) -> bool {
    let mut reader = serde_json::Deserializer::from_str(text);
    node.deserialize(&mut reader).is_ok() && reader.end().is_ok()
}

/// That something does not certainly fit. Says nothing, since the validator says it better.
fn unsure<E: Error>() -> E {
    E::custom("")
}

fn sure<E: Error>(holds: bool) -> Result<(), E> {
    if holds { Ok(()) } else { Err(unsure()) }
}

impl<'de> DeserializeSeed<'de> for &Node {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self {
            Node::Anything => deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ()),
            Node::Typed(types) => deserializer.deserialize_any(types),
        }
    }
}

impl<'de> Visitor<'de> for &Types {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that fits")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        sure(self.null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        sure(self.boolean)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        sure(self.number.as_ref().is_some_and(|range| range.has_whole(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => sure(self.number.as_ref().is_some_and(Range::is_open)),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        sure(self.number.as_ref().is_some_and(|range| range.has(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        sure(self.text.as_ref().is_some_and(|rule| rule.has(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let list = self.list.as_ref().ok_or_else(unsure)?;
        let mut count = 0;
        while elements.next_element_seed(&list.element)?.is_some() {
            count += 1;
        }
        sure(list.length.has(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let object = self.object.as_ref().ok_or_else(unsure)?;
        let mut seen = 0;
        while let Some(place) = members.next_key_seed(Place(object))? {
            match (place, &object.rest) {
                (Some(place), _) => {
                    // The validator would see one of the two.
                    sure(seen & bit(place) == 0)?;
                    seen |= bit(place);
                    let member = object.members.get(place).ok_or_else(unsure)?;
                    members.next_value_seed(&member.node)?;
                }
                (None, Rest::Refused) => return Err(unsure()),
                (None, Rest::Each(node)) => members.next_value_seed(node)?,
            }
        }
        sure(seen & object.required == object.required)
    }
}

/// A member's name, read as its place among the named members.
struct Place<'a>(&'a Object);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        match self.0.members.binary_search_by(|member| (*member.name).cmp(name)) {
            Ok(place) => Ok(Some(place)),
            // The reader may show a number as an object with one such member.
            Err(_) if name.starts_with("$serde_json") => Err(unsure()),
            Err(_) => Ok(None),
        }
    }
}

impl Range {
    fn is_open(&self) -> bool {
        self.least == f64::NEG_INFINITY && self.most == f64::INFINITY
    }

    fn has_whole(&self, number: i64) -> bool {
        // What a 32-bit number holds a float holds exactly; the few that are larger are compared by the validator.
        self.is_open() || i32::try_from(number).is_ok_and(|number| self.holds(f64::from(number)))
    }

    /// A float may be a whole number; whether it is, the validator says.
    fn has(&self, number: f64) -> bool {
        match self.kind {
            NumberKind::Integer => false,
            NumberKind::Any => self.holds(number),
        }
    }

    fn holds(&self, number: f64) -> bool {
        self.least <= number && number <= self.most
    }
}

impl Text {
    fn has(&self, text: &str) -> bool {
        self.length.has_text(text)
            && self.one_of.as_ref().is_none_or(|listed| listed.iter().any(|listed| **listed == *text))
    }
}

impl Length {
    fn has(&self, count: usize) -> bool {
        self.least <= count && count <= self.most
    }

    /// A text has at most as many characters as bytes, and at least a quarter.
    fn has_text(&self, text: &str) -> bool {
        self.least <= text.len() / 4 && text.len() <= self.most || self.has(text.chars().count())
    }
}
