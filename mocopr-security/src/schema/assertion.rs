//! Rules about a value itself: its type, its size, what it is. They apply no other subschema.
//!
//! A rule concerns the values of one type, and every other value keeps it.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::schema::{
    content::Content,
    formats::Format,
    number::{self, Decimal},
    pattern::Pattern,
    same,
};

/// One keyword that asserts, with its value.
#[derive(Debug)]
pub(super) enum Assertion {
    /// The schema `false`.
    Never,
    Type(Box<[Kind]>),
    Enum(Box<[Value]>),
    Const(Value),
    Bound(Bound, Number),
    MultipleOf(Decimal, Number),
    /// How many of what, at least or at most.
    Count(Unit, End, u64),
    Pattern(Pattern),
    Format(Format),
    Content(Content),
    UniqueItems,
    Required(Names),
    /// When the first is there, the others must be.
    DependentRequired(Box<[(Box<str>, Names)]>),
}

pub(super) type Names = Box<[Box<str>]>;

/// A type that the keyword `type` can name, in the order in which a mismatch lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Least,
    Most,
    Above,
    Below,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Characters,
    Elements,
    Members,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Least,
    Most,
}

impl Assertion {
    /// Whether a value keeps the rule.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Never => false,
            Self::Type(kinds) => kinds.iter().any(|kind| kind.has(value)),
            Self::Enum(options) => options.iter().any(|option| same::same(option, value)),
            Self::Const(expected) => same::same(expected, value),
            Self::Bound(bound, limit) => value.as_number().is_none_or(|number| bound.holds(number, limit)),
            Self::MultipleOf(divisor, _) => value.as_number().is_none_or(|number| divisor.divides(number)),
            Self::Count(unit, end, limit) => unit.count(value, *limit).is_none_or(|count| match end {
                End::Least => count >= *limit,
                End::Most => count <= *limit,
            }),
            Self::Pattern(pattern) => value.as_str().is_none_or(|text| pattern.finds(text)),
            Self::Format(format) => value.as_str().is_none_or(|text| format.fits(text)),
            Self::Content(content) => value.as_str().is_none_or(|text| content.fits(text)),
            Self::UniqueItems => value.as_array().is_none_or(|elements| same::are_distinct(elements)),
            Self::Required(_) | Self::DependentRequired(_) => self.missing(value).is_none(),
        }
    }

    /// The first member that must be there and is not.
    pub(super) fn missing(&self, value: &Value) -> Option<&str> {
        let members = value.as_object()?;
        match self {
            Self::Required(names) => absent(names, members),
            Self::DependentRequired(dependents) => {
                let asked = dependents.iter().filter(|(name, _)| members.contains_key(&**name));
                asked.filter_map(|(_, names)| absent(names, members)).next()
            }
            Self::Never
            | Self::Type(_)
            | Self::Enum(_)
            | Self::Const(_)
            | Self::Bound(..)
            | Self::MultipleOf(..)
            | Self::Count(..)
            | Self::Pattern(_)
            | Self::Format(_)
            | Self::Content(_)
            | Self::UniqueItems => None,
        }
    }
}

fn absent<'n>(names: &'n Names, members: &Map<String, Value>) -> Option<&'n str> {
    names.iter().map(|name| &**name).find(|name| !members.contains_key(*name))
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "array" => Self::Array,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "null" => Self::Null,
            "number" => Self::Number,
            "object" => Self::Object,
            "string" => Self::String,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Null => "null",
            Self::Number => "number",
            Self::Object => "object",
            Self::String => "string",
        }
    }

    fn has(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Integer, Value::Number(number)) => number::is_integer(number),
            (Self::Array, Value::Array(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Null, Value::Null)
            | (Self::Number, Value::Number(_))
            | (Self::Object, Value::Object(_))
            | (Self::String, Value::String(_)) => true,
            (_, _) => false,
        }
    }
}

impl Bound {
    /// A number that is too large to be compared does not fit.
    fn holds(self, number: &Number, limit: &Number) -> bool {
        let order = number::compare(number, limit);
        order.is_some_and(|order| match self {
            Self::Least => order != Ordering::Less,
            Self::Most => order != Ordering::Greater,
            Self::Above => order == Ordering::Greater,
            Self::Below => order == Ordering::Less,
        })
    }
}

impl Unit {
    /// How many of it the value has; of characters no more are counted than one beyond the limit.
    fn count(self, value: &Value, limit: u64) -> Option<u64> {
        let count = match (self, value) {
            (Self::Characters, Value::String(text)) => {
                let enough = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
                text.chars().take(enough).count()
            }
            (Self::Elements, Value::Array(elements)) => elements.len(),
            (Self::Members, Value::Object(members)) => members.len(),
            (Self::Characters | Self::Elements | Self::Members, _) => return None,
        };
        Some(u64::try_from(count).unwrap_or(u64::MAX))
    }
}
