//! The official schema of a revision, for tests: read as closed objects, so that a member of a later revision is found.
//!
//! Open stay `_meta`, and what the author of a tool writes as JSON Schema.

use serde_json::{Map, Value, json};

use crate::wire::revision::Revision;

/// What the revision's schema has against a value as an instance of one of its definitions.
pub(super) fn problems(revision: Revision, definition: &str, value: &Value) -> Vec<String> {
    let (dialect, place, definitions) = closed(revision);
    assert!(definitions.contains_key(definition), "{revision} has no {definition}");
    let reference = format!("#/{place}/{definition}");
    let schema = json!({"$schema": dialect, "$ref": reference, place: definitions});
    let validator = jsonschema::validator_for(&schema).expect("the official schema compiles");
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The revision has a definition of that name.
pub(super) fn defines(revision: Revision, definition: &str) -> bool {
    closed(revision).2.contains_key(definition)
}

/// The members that a definition names, sorted.
pub(super) fn members(revision: Revision, definition: &str) -> Vec<String> {
    let (_, _, definitions) = closed(revision);
    let mut names: Vec<String> = definitions[definition]["properties"].as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}

fn closed(revision: Revision) -> (Value, &'static str, Map<String, Value>) {
    let schema: Value = serde_json::from_str(text(revision)).unwrap();
    let place = if schema.get("$defs").is_some() { "$defs" } else { "definitions" };
    let mut definitions = schema[place].as_object().unwrap().clone();
    for (name, definition) in &mut definitions {
        if !name.ends_with("MetaObject") {
            close(definition);
        }
    }
    // Every other result extends the bare one, so its schema cannot be closed itself; an empty result is.
    let mut empty = definitions["Result"].clone();
    empty["additionalProperties"] = json!(false);
    definitions.insert("EmptyResult".to_owned(), empty);
    (schema["$schema"].clone(), place, definitions)
}

/// Closes each object that names members and does not say what others may be.
fn close(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    if schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(Value::Object(members)) = schema.get_mut("properties") {
        for (name, member) in members {
            if !["_meta", "inputSchema", "outputSchema"].contains(&name.as_str()) {
                close(member);
            }
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(keyword) {
            close(inner);
        }
    }
    // The parts of an `allOf` see each other's members, so none of them can be closed alone.
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.iter_mut().for_each(close);
    }
}

fn text(revision: Revision) -> &'static str {
    match revision {
        Revision::V2024_11_05 => include_str!("../../../tests/vectors/2024-11-05/schema.json"),
        Revision::V2025_03_26 => include_str!("../../../tests/vectors/2025-03-26/schema.json"),
        Revision::V2025_06_18 => include_str!("../../../tests/vectors/2025-06-18/schema.json"),
        Revision::V2025_11_25 => include_str!("../../../tests/vectors/2025-11-25/schema.json"),
        Revision::V2026_07_28 => include_str!("../../../tests/vectors/2026-07-28/schema.json"),
    }
}

mod tests {
    use super::*;

    #[test]
    fn a_member_of_a_later_revision_is_a_problem() {
        for revision in Revision::ALL {
            let typed = problems(revision, "EmptyResult", &json!({"resultType": "complete"}));
            assert_eq!(typed.is_empty(), revision == Revision::V2026_07_28, "{revision} {typed:?}");
        }
        let structured = json!({"content": [], "structuredContent": {}});
        assert!(!problems(Revision::V2025_03_26, "CallToolResult", &structured).is_empty());
        assert!(problems(Revision::V2025_06_18, "CallToolResult", &structured).is_empty());
    }
}
