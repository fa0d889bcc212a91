//! Schemas of forms, with what a revision lacks turned into something that it has.
//!
//! 2025-06-18 has single choices with their titles in a list of their own, defaults for booleans alone, and no lists
//! to choose from. Its clients refuse a form with any other word.

use serde_json::{Map, Value, json};

use crate::{json::RawJson, wire::revision::Revision};

/// The schema of a form as a revision has it; `None` where the revision cannot ask for that.
///
/// # Source
/// MCP 2025-06-18, schema, `PrimitiveSchemaDefinition`; 2025-11-25, changelog, SEP-1330 and SEP-1034.
pub(super) fn requested(schema: &RawJson, revision: Revision) -> Option<RawJson> {
    match revision {
        Revision::V2024_11_05 | Revision::V2025_03_26 => None,
        Revision::V2025_06_18 => plain(schema),
        Revision::V2025_11_25 | Revision::V2026_07_28 => Some(schema.clone()),
    }
}

/// Whether the revision can ask for that.
pub(in crate::wire) fn fits(schema: &RawJson, revision: Revision) -> bool {
    requested(schema, revision).is_some()
}

fn plain(schema: &RawJson) -> Option<RawJson> {
    let Value::Object(mut schema) = schema.decode().ok()? else { return None };
    let properties = match schema.remove("properties") {
        Some(Value::Object(properties)) => properties,
        Some(_) => return None,
        None => Map::new(),
    };
    let properties: Option<Map<String, Value>> =
        properties.into_iter().map(|(name, property)| Some((name, Value::Object(primitive(&property)?)))).collect();
    let mut form = json!({"type": "object", "properties": properties?});
    if let (Some(required), Some(form)) = (schema.remove("required"), form.as_object_mut()) {
        form.insert("required".to_owned(), required);
    }
    Some(RawJson::from_value(&form))
}

/// One member of a form.
fn primitive(property: &Value) -> Option<Map<String, Value>> {
    let property = property.as_object()?;
    let kind = property.get("type").and_then(Value::as_str);
    let keep = |words: &[&str]| -> Map<String, Value> {
        let kept = property.iter().filter(|(word, _)| words.contains(&word.as_str()));
        kept.map(|(word, value)| (word.clone(), value.clone())).collect()
    };
    match kind {
        Some("boolean") => Some(keep(&["type", "title", "description", "default"])),
        Some("number" | "integer") => Some(keep(&["type", "title", "description", "minimum", "maximum"])),
        Some("string") | None if property.contains_key("oneOf") || property.contains_key("enum") => {
            let mut choice = keep(&["title", "description", "enum", "enumNames"]);
            choice.insert("type".to_owned(), "string".into());
            if let Some(alternatives) = property.get("oneOf") {
                let (values, names) = titled(alternatives)?;
                choice.insert("enum".to_owned(), values);
                choice.insert("enumNames".to_owned(), names);
            }
            Some(choice)
        }
        Some("string") => {
            let mut text = keep(&["type", "title", "description", "minLength", "maxLength", "format"]);
            if text.get("format").is_some_and(|format| !FORMATS.iter().any(|known| format == known)) {
                text.remove("format");
            }
            Some(text)
        }
        Some(_) | None => None,
    }
}

/// Values and titles of a choice.
fn titled(alternatives: &Value) -> Option<(Value, Value)> {
    let one = |one: &Value| {
        let value = one.get("const")?.as_str()?;
        Some((Value::from(value), one.get("title").and_then(Value::as_str).unwrap_or(value).into()))
    };
    let (values, names): (Vec<Value>, Vec<Value>) =
        alternatives.as_array()?.iter().map(one).collect::<Option<Vec<_>>>()?.into_iter().unzip();
    Some((values.into(), names.into()))
}

const FORMATS: [&str; 4] = ["date", "date-time", "email", "uri"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::official;

    fn asked(property: Value) -> Option<Value> {
        let schema = json!({"type": "object", "properties": {"a": property}, "required": ["a"], "title": "T"});
        let form: Value = requested(&RawJson::from_value(&schema), Revision::V2025_06_18)?.decode().unwrap();
        let request = json!({"method": "elicitation/create", "params": {"message": "m", "requestedSchema": form}});
        assert_eq!(official::problems(Revision::V2025_06_18, "ElicitRequest", &request), [""; 0], "{request}");
        assert_eq!(form["required"], json!(["a"]));
        Some(form["properties"]["a"].clone())
    }

    #[test]
    fn titled_choices_have_their_titles_in_a_list_before_2025_11_25() {
        let one_of = json!([{"const": "x", "title": "The X"}, {"const": "y"}]);
        let choice = json!({"type": "string", "title": "t", "oneOf": one_of, "default": "x"});
        let expected = json!({"type": "string", "title": "t", "enum": ["x", "y"], "enumNames": ["The X", "y"]});
        assert_eq!(asked(choice), Some(expected));
        assert_eq!(asked(json!({"enum": ["x"], "default": "x"})), Some(json!({"type": "string", "enum": ["x"]})));
    }

    #[test]
    fn words_that_2025_06_18_lacks_are_left_out() {
        let text = json!({"type": "string", "minLength": 1, "default": "a", "format": "date", "pattern": "a"});
        assert_eq!(asked(text), Some(json!({"type": "string", "minLength": 1, "format": "date"})));
        let number = json!({"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "default": 3});
        assert_eq!(asked(number), Some(json!({"type": "integer", "minimum": 1})));
        assert_eq!(asked(json!({"type": "string", "format": "uuid"})), Some(json!({"type": "string"})));
        let flag = json!({"type": "boolean", "default": true});
        assert_eq!(asked(flag.clone()), Some(flag));
    }

    #[test]
    fn what_a_revision_has_no_words_for_cannot_be_asked() {
        for property in [
            json!({"type": "array", "items": {"type": "string", "enum": ["x"]}}),
            json!({"type": "object", "properties": {}}),
            json!({"type": "string", "oneOf": [{"const": 1}]}),
            json!({}),
            json!(true),
        ] {
            assert_eq!(asked(property.clone()), None, "{property}");
            let schema = RawJson::from_value(&json!({"type": "object", "properties": {"a": property}}));
            assert!(fits(&schema, Revision::V2025_11_25) && !fits(&schema, Revision::V2025_03_26));
        }
    }

    #[test]
    fn an_empty_form_names_its_members_all_the_same() {
        let form = requested(&RawJson::from_value(&json!({"type": "object"})), Revision::V2025_06_18).unwrap();
        assert_eq!(form.decode::<Value>().unwrap(), json!({"type": "object", "properties": {}}));
    }
}
