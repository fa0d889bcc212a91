//! Input schemas that take the arguments they name and no others, for owners who want every schema to be so.

use mocopr_security::policy::Problem;
use serde_json::{Map, Value};

/// The schema with a word that refuses unknown arguments; `None` where it says itself what becomes of them.
///
/// It is also what clients read, so that they are told what is checked.
///
/// # Errors
/// In draft-07 nothing can be said of what several subschemas name together.
pub(super) fn closed(what: &str, schema: &Value) -> Result<Option<Value>, Problem> {
    let Value::Object(members) = schema else { return Ok(None) };
    if members.contains_key(ADDITIONAL) || members.contains_key(UNEVALUATED) {
        return Ok(None);
    }
    let mut members = members.clone();
    if !COMPOSING.iter().any(|word| members.contains_key(*word)) {
        members.insert(ADDITIONAL.to_owned(), Value::Bool(false));
        return Ok(Some(Value::Object(members)));
    }
    if is_draft07(&members) {
        return Err(Problem::new(
            format!("{what}: its input schema does not say what becomes of unknown arguments, and strict mode cannot"),
            "give it \"additionalProperties\", or write it in JSON Schema 2020-12",
        ));
    }
    members.insert(UNEVALUATED.to_owned(), Value::Bool(false));
    Ok(Some(Value::Object(members)))
}

fn is_draft07(members: &Map<String, Value>) -> bool {
    members.get("$schema").and_then(Value::as_str).is_some_and(|name| name.contains("draft-07"))
}

const ADDITIONAL: &str = "additionalProperties";
const UNEVALUATED: &str = "unevaluatedProperties";

/// Words by which other subschemas name members of the same object.
const COMPOSING: [&str; 10] =
    ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas", "dependencies"];

#[cfg(test)]
mod tests {
    use mocopr_core::json::RawJson;
    use mocopr_security::schema::{Schema, SchemaLimits};
    use serde_json::json;

    use super::*;

    fn takes(schema: &Value, arguments: &Value) -> bool {
        let closed = closed("tool `a`", schema).unwrap().unwrap_or_else(|| schema.clone());
        let schema = Schema::compile_value(&closed, &SchemaLimits::development()).unwrap();
        schema.check_raw(&RawJson::from_value(arguments)).is_ok()
    }

    /// S-51
    #[test]
    fn a_closed_schema_takes_what_it_names_and_nothing_else() {
        let a = json!({"a": {"type": "integer"}});
        for schema in [
            json!({"type": "object", "properties": a}),
            json!({"type": "object", "allOf": [{"properties": a}]}),
            json!({"type": "object", "$ref": "#/$defs/A", "$defs": {"A": {"properties": a}}}),
            json!({"type": "object", "patternProperties": {"^a$": {"type": "integer"}}}),
        ] {
            assert!(takes(&schema, &json!({"a": 1})), "{schema}");
            assert!(takes(&schema, &json!({})), "{schema}");
            assert!(!takes(&schema, &json!({"a": 1, "b": 2})), "{schema}");
        }
    }

    /// S-51
    #[test]
    fn what_a_schema_says_itself_stays() {
        for schema in [
            json!({"type": "object", "additionalProperties": true}),
            json!({"type": "object", "unevaluatedProperties": {"type": "integer"}}),
        ] {
            assert_eq!(closed("tool `a`", &schema), Ok(None));
            assert!(takes(&schema, &json!({"b": 2})), "{schema}");
        }
    }

    /// S-51
    #[test]
    fn what_cannot_be_closed_is_a_problem() {
        let draft = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "allOf": [true]});
        assert!(closed("tool `a`", &draft).is_err());
        let plain = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"});
        assert!(!takes(&plain, &json!({"b": 2})));
    }
}
