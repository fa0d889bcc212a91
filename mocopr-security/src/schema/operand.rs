//! What values the keywords may have, and how these are read.
//!
//! It says what the dialects' own schemas say, without compiling and checking those at every start.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::schema::{
    Dialect,
    assertion::{Kind, Names},
    formats::is_uri_reference,
    graph::escape,
    number,
};

/// Where in a keyword's value something stands that may not stand there, as a pointer below the keyword; `None` for a
/// value that is as it should be, and for keywords that the dialect does not know.
///
/// # Source
/// The schemas of 2020-12 (core, applicator, unevaluated, validation, meta-data, format, content) and of draft-07.
pub(super) fn misplaced(keyword: &str, value: &Value, dialect: Dialect) -> Option<String> {
    let latest = dialect == Dialect::V2020_12;
    let is_right = match keyword {
        "title" | "description" | "$comment" | "format" | "contentEncoding" | "contentMediaType" | "pattern" => {
            value.is_string()
        }
        "$ref" => is_reference(value),
        "$dynamicRef" if latest => is_reference(value),
        "$id" => is_reference(value) && !(latest && value.as_str().is_some_and(has_fragment)),
        "$anchor" | "$dynamicAnchor" if latest => value.as_str().is_some_and(is_anchor),
        "readOnly" | "writeOnly" | "uniqueItems" => value.is_boolean(),
        "deprecated" if latest => value.is_boolean(),
        "enum" | "examples" => value.is_array(),
        "type" => value.kinds().is_some(),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
        "multipleOf" => value.as_f64().is_some_and(|number| number > 0.0),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            value.count().is_some()
        }
        "minContains" | "maxContains" if latest => value.count().is_some(),
        "required" => value.names().is_some(),
        "dependentRequired" if latest => return members(value, |value| value.names().is_some()),
        "definitions" | "properties" | "patternProperties" => return members(value, is_schema),
        "$defs" | "dependentSchemas" if latest => return members(value, is_schema),
        "dependencies" => return members(value, |value| is_schema(value) || value.names().is_some()),
        "allOf" | "anyOf" | "oneOf" => return schemas(value),
        "prefixItems" if latest => return schemas(value),
        "items" if !latest && value.is_array() => return schemas(value),
        "items" | "additionalProperties" | "propertyNames" | "contains" | "not" | "if" | "then" | "else" => {
            is_schema(value)
        }
        "additionalItems" if !latest => is_schema(value),
        "unevaluatedItems" | "unevaluatedProperties" | "contentSchema" if latest => is_schema(value),
        _ => true,
    };
    (!is_right).then(String::new)
}

/// How a keyword's value is read; `None` where it is not of the kind.
pub(super) trait Operand {
    /// A number of things; what is beyond 64 bits is the most that they hold.
    fn count(&self) -> Option<u64>;
    /// Distinct names.
    fn names(&self) -> Option<Names>;
    /// One type, or distinct types, sorted.
    fn kinds(&self) -> Option<Box<[Kind]>>;
}

impl Operand for Value {
    fn count(&self) -> Option<u64> {
        let number = self.as_number().filter(|number| number::is_integer(number))?;
        // The conversion stops at the ends of the range.
        number.as_u64().or_else(|| number.as_f64().filter(|float| *float >= 0.0).map(|float| float as u64))
    }

    fn names(&self) -> Option<Names> {
        let names: Names = self.as_array()?.iter().map(|name| name.as_str().map(Box::from)).collect::<Option<_>>()?;
        let distinct: BTreeSet<_> = names.iter().collect();
        (distinct.len() == names.len()).then_some(names)
    }

    fn kinds(&self) -> Option<Box<[Kind]>> {
        let listed = match self {
            Self::Array(listed) => listed.as_slice(),
            single => std::slice::from_ref(single),
        };
        let kinds: Option<BTreeSet<Kind>> = listed.iter().map(|name| Kind::named(name.as_str()?)).collect();
        kinds.filter(|kinds| !kinds.is_empty() && kinds.len() == listed.len()).map(|kinds| kinds.into_iter().collect())
    }
}

/// What members ask for which others; those that hold a schema are left out.
pub(super) fn dependents(value: &Value) -> Box<[(Box<str>, Names)]> {
    let members = value.as_object().into_iter().flatten();
    members.filter_map(|(name, names)| Some((name.as_str().into(), names.names()?))).collect()
}

fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Bool(_))
}

/// The first member that is not right, or the value where it has no members.
fn members(value: &Value, is_right: impl Fn(&Value) -> bool) -> Option<String> {
    let Value::Object(members) = value else { return Some(String::new()) };
    let wrong = members.iter().find(|(_, member)| !is_right(member));
    wrong.map(|(name, _)| format!("/{}", escape(name)))
}

/// The first element that is no schema, or the value where it has no elements.
fn schemas(value: &Value) -> Option<String> {
    match value {
        Value::Array(elements) if !elements.is_empty() => {
            let wrong = elements.iter().position(|element| !is_schema(element));
            wrong.map(|index| format!("/{index}"))
        }
        _ => Some(String::new()),
    }
}

fn is_reference(value: &Value) -> bool {
    value.as_str().is_some_and(is_uri_reference)
}

fn has_fragment(id: &str) -> bool {
    id.split_once('#').is_some_and(|(_, fragment)| !fragment.is_empty())
}

fn is_anchor(name: &str) -> bool {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && name.bytes().all(in_name)
}
