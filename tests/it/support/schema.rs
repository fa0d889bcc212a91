//! The official schema of a revision, read more strictly than it is written: objects have no members but the named.
//!
//! The schemas leave nearly every object open, so a member of a later revision would pass. Here it does not, except
//! where the protocol invites others: `_meta`, and what a tool's author writes as JSON Schema.

use std::{cell::RefCell, collections::HashMap, path::Path};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The definitions of one revision.
pub(crate) struct Schema {
    /// The name of the member that holds them.
    member: &'static str,
    dialect: Value,
    closed: Map<String, Value>,
    compiled: RefCell<HashMap<String, Validator>>,
}

impl Schema {
    /// The schema of the revision with that date.
    pub(crate) fn of(revision: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(revision).join("schema.json");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::read(&serde_json::from_str(&text).expect("the schema is JSON"))
    }

    fn read(schema: &Value) -> Self {
        let member = if schema.get("$defs").is_some() { "$defs" } else { "definitions" };
        let mut closed = schema[member].as_object().expect("the schema has definitions").clone();
        for (name, definition) in &mut closed {
            if !name.ends_with("MetaObject") {
                close(definition, name == "Tool");
            }
        }
        // The bare result carries every extension of every other one; as an answer of its own it is empty.
        if let Some(Value::Object(result)) = closed.get("Result").cloned() {
            let mut result = result;
            result.insert("additionalProperties".to_owned(), json!(false));
            closed.insert("EmptyResult".to_owned(), Value::Object(result));
        }
        Self { member, dialect: schema["$schema"].clone(), closed, compiled: RefCell::default() }
    }

    /// Whether the revision defines this.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.closed.contains_key(name)
    }

    /// Whether a definition of an object names this member.
    pub(crate) fn names_member(&self, definition: &str, member: &str) -> bool {
        self.closed.get(definition).is_some_and(|is| is["properties"].get(member).is_some())
    }

    /// The definition of a message with this method, among those that a side sends (`ServerRequest` and the like).
    pub(crate) fn definition_of(&self, union: &str, method: &str) -> Option<String> {
        let choices = self.closed.get(union)?.get("anyOf")?.as_array()?;
        let names = choices.iter().filter_map(|choice| choice["$ref"].as_str()?.rsplit('/').next());
        let mut found = names.filter(|name| self.closed[*name]["properties"]["method"]["const"] == method);
        found.next().map(str::to_owned)
    }

    /// What is wrong with a value as an instance of a definition, a line each.
    pub(crate) fn problems(&self, definition: &str, value: &Value) -> Vec<String> {
        let mut compiled = self.compiled.borrow_mut();
        let validator = compiled.entry(definition.to_owned()).or_insert_with(|| self.compile(definition));
        validator.iter_errors(value).map(|error| format!("{definition}{}: {error}", error.instance_path())).collect()
    }

    fn compile(&self, definition: &str) -> Validator {
        assert!(self.defines(definition), "the revision has no {definition}");
        let reference = format!("#/{}/{definition}", self.member);
        let schema = json!({ "$schema": self.dialect, "$ref": reference, self.member: self.closed });
        jsonschema::validator_for(&schema).expect("the official schema compiles")
    }
}

/// Closes each object that names members and does not say what others may be.
fn close(schema: &mut Value, is_tool: bool) {
    let Value::Object(object) = schema else { return };
    let says = object.contains_key("additionalProperties") || !object.contains_key("properties");
    if !says {
        object.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(Value::Object(members)) = object.get_mut("properties") {
        for (name, member) in members {
            let written_by_author = is_tool && (name == "inputSchema" || name == "outputSchema");
            if name != "_meta" && !written_by_author {
                close(member, false);
            }
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(keyword) {
            close(inner, false);
        }
    }
    // The parts of an `allOf` see each other's members, so none of them can be closed alone.
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = object.get_mut(keyword) {
            choices.iter_mut().for_each(|choice| close(choice, false));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Schema;

    const REVISIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

    #[test]
    fn every_definition_of_every_revision_compiles() {
        for revision in REVISIONS {
            let schema = Schema::of(revision);
            let names: Vec<_> = schema.closed.keys().cloned().collect();
            assert!(names.len() > 70, "{revision}");
            for name in names {
                let _: Vec<String> = schema.problems(&name, &json!(null));
            }
        }
    }

    #[test]
    fn a_member_of_a_later_revision_is_a_problem() {
        let block = json!({"content": [{"type": "text", "text": "a"}], "structuredContent": {}});
        assert!(!Schema::of("2025-03-26").problems("CallToolResult", &block).is_empty());
        assert!(Schema::of("2025-06-18").problems("CallToolResult", &block).is_empty());
        for revision in REVISIONS {
            let typed = !Schema::of(revision).problems("EmptyResult", &json!({"resultType": "complete"})).is_empty();
            assert_eq!(typed, revision != "2026-07-28", "{revision}");
            assert!(
                !Schema::of(revision).problems("EmptyResult", &json!({"resultType": "complete", "a": 1})).is_empty()
            );
        }
    }

    #[test]
    fn meta_and_a_tools_own_schema_stay_open() {
        for revision in REVISIONS {
            let tool =
                json!({"name": "a", "inputSchema": {"type": "object", "additionalProperties": false, "$defs": {}}});
            assert_eq!(Schema::of(revision).problems("Tool", &tool), [""; 0], "{revision}");
            let result = json!({"_meta": {"com.example/a": 1}, "resultType": "complete"});
            let mut result = result;
            if revision != "2026-07-28" {
                result.as_object_mut().expect("it is an object").remove("resultType");
            }
            assert_eq!(Schema::of(revision).problems("EmptyResult", &result), [""; 0], "{revision}");
        }
    }

    #[test]
    fn messages_of_a_side_are_found_by_their_method() {
        let schema = Schema::of("2025-11-25");
        let definition = schema.definition_of("ServerNotification", "notifications/progress");
        assert_eq!(definition.as_deref(), Some("ProgressNotification"));
        assert_eq!(schema.definition_of("ServerRequest", "tools/call"), None);
        assert_eq!(Schema::of("2026-07-28").definition_of("ServerRequest", "roots/list"), None);
    }
}
