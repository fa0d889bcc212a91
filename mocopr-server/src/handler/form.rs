//! From the schema of a type to that of a form: flat, primitive, and in the few words that clients know there.
//!
//! A client refuses a form with any other keyword, so what a form cannot say is left out: the answer is decoded into
//! the type all the same.

use serde_json::{Map, Value, json};

/// The schema of a form.
///
/// # Source
/// MCP 2025-11-25 and 2026-07-28, client/elicitation, "Requested Schema".
pub(super) fn of(mut schema: Map<String, Value>) -> Map<String, Value> {
    schema.retain(|keyword, _| matches!(keyword.as_str(), "type" | "properties" | "required"));
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut() {
            *property = primitive(property.take());
        }
    }
    schema
}

/// What one member of a form may be asked as.
fn primitive(schema: Value) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    if let Some(inner) = unwrap_nullable(&mut schema) {
        return primitive(inner);
    }
    if let Some(choices) = choices(&schema) {
        schema.remove("oneOf");
        schema.insert("type".into(), "string".into());
        schema.insert("oneOf".into(), choices);
    }
    if let Some(items) = schema.get_mut("items") {
        let inner = items.take();
        // In a list of choices the words are others than in a single one.
        *items = match choices_of(&inner) {
            Some(choices) => json!({"anyOf": choices}),
            None => inner,
        };
    }
    schema.retain(|keyword, _| KEYWORDS.contains(&keyword.as_str()));
    Value::Object(schema)
}

/// What may be absent is not required; that it may be null as well is more than a form can say.
///
/// Returns the inner schema of an `anyOf` with null, with the outer description where the inner has none.
fn unwrap_nullable(schema: &mut Map<String, Value>) -> Option<Value> {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(alternatives)) = schema.get("anyOf") else { return None };
    let mut others = alternatives.iter().filter(|one| one.get("type").and_then(Value::as_str) != Some("null"));
    let (Some(Value::Object(inner)), None) = (others.next(), others.next()) else { return None };
    let mut inner = inner.clone();
    for keyword in ["title", "description", "default"] {
        if let (false, Some(value)) = (inner.contains_key(keyword), schema.get(keyword)) {
            inner.insert(keyword.into(), value.clone());
        }
    }
    Some(Value::Object(inner))
}

fn choices(schema: &Map<String, Value>) -> Option<Value> {
    let Some(Value::Array(alternatives)) = schema.get("oneOf") else { return None };
    let titled = |one: &Value| {
        let value = one.get("const")?.as_str()?;
        let title = one.get("title").or_else(|| one.get("description")).and_then(Value::as_str).unwrap_or(value);
        Some(json!({"const": value, "title": title}))
    };
    alternatives.iter().map(titled).collect::<Option<Vec<Value>>>().map(Value::Array)
}

fn choices_of(schema: &Value) -> Option<Value> {
    schema.as_object().and_then(choices)
}

/// Every keyword of a primitive schema.
const KEYWORDS: [&str; 15] = [
    "type",
    "title",
    "description",
    "default",
    "minLength",
    "maxLength",
    "format",
    "minimum",
    "maximum",
    "enum",
    "enumNames",
    "oneOf",
    "items",
    "minItems",
    "maxItems",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn form(property: Value) -> Value {
        let schema = json!({"type": "object", "additionalProperties": false, "properties": {"a": property}});
        let Value::Object(schema) = schema else { panic!("it is an object") };
        Value::Object(of(schema))["properties"]["a"].clone()
    }

    #[test]
    fn what_may_be_left_out_is_not_also_null() {
        assert_eq!(form(json!({"type": ["integer", "null"], "minimum": 0})), json!({"type": "integer", "minimum": 0}));
        let nullable = json!({"description": "d", "anyOf": [{"type": "string", "enum": ["x", "y"]}, {"type": "null"}]});
        assert_eq!(form(nullable), json!({"type": "string", "enum": ["x", "y"], "description": "d"}));
    }

    #[test]
    fn documented_variants_are_titled_choices() {
        let one_of = json!({"oneOf": [
            {"const": "low", "description": "Hardly matters.", "type": "string"},
            {"const": "high", "type": "string"},
        ]});
        let titled = json!([{"const": "low", "title": "Hardly matters."}, {"const": "high", "title": "high"}]);
        assert_eq!(form(one_of.clone()), json!({"type": "string", "oneOf": titled}));
        let list = json!({"type": "array", "items": one_of});
        assert_eq!(form(list), json!({"type": "array", "items": {"anyOf": titled}}));
    }

    #[test]
    fn words_that_forms_do_not_know_are_left_out() {
        let text = json!({"type": "string", "pattern": "^a$", "maxLength": 3});
        assert_eq!(form(text), json!({"type": "string", "maxLength": 3}));
    }
}
