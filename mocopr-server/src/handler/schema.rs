//! JSON Schema of Rust types, as it is listed: draft 2020-12, inlined, compact, without what only Rust knows.
//!
//! Every schema is made once, when the server is built. Nothing here checks a schema that a user wrote: that is
//! the compiler of `mocopr-security`.

use mocopr_core::{json::RawJson, model::tool::OutputSchema};
use schemars::{
    JsonSchema, Schema,
    generate::{Contract, SchemaSettings},
    transform::{ReplaceBoolSchemas, transform_subschemas},
};
use serde_json::{Map, Value};

use crate::handler::form;

/// What a macro knows of one argument beyond its type.
///
/// Made by the expansion of `#[tool]`, from what stands at the parameter.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it is.
    pub description: Option<&'static str>,
    /// What its values must satisfy.
    pub constraints: &'static [Constraint],
}

/// What the values of an argument must satisfy, or how they travel.
#[derive(Clone, Copy, Debug)]
pub enum Constraint {
    /// `minimum`.
    Min(Bound),
    /// `maximum`.
    Max(Bound),
    /// `exclusiveMaximum`.
    Below(Bound),
    /// `minLength` of a text, `minItems` of a list.
    Shortest(u64),
    /// `maxLength` of a text, `maxItems` of a list.
    Longest(u64),
    /// `pattern`.
    Pattern(&'static str),
    /// `format`.
    Format(&'static str),
    /// `x-mcp-header`: the client repeats the value in this header (2026-07-28).
    Header(&'static str),
}

/// The bound of a range.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Real(f64),
}

/// The schema of the arguments `A`, with what a macro knows beyond the type.
///
/// `None` where the schema of `A` is not finite JSON, which no type of this crate makes.
pub(crate) fn input<A: JsonSchema>(arguments: &[Argument]) -> Option<RawJson> {
    let mut schema = generate::<A>(Contract::Deserialize);
    for argument in arguments {
        describe(&mut schema, argument);
    }
    RawJson::encode(&schema).ok()
}

/// The schema of what a tool answers as [`Json<T>`](crate::handler::tool::Json).
pub(crate) fn output<T: JsonSchema>() -> Option<OutputSchema> {
    let schema = generate::<T>(Contract::Serialize);
    let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
    Some(OutputSchema { schema: RawJson::encode(&schema).ok()?, is_object })
}

/// The schema of a form for the user (elicitation).
pub(crate) fn form<T: JsonSchema>() -> RawJson {
    RawJson::from_value(&Value::Object(form::of(generate::<T>(Contract::Deserialize))))
}

fn generate<T: JsonSchema>(contract: Contract) -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
        settings.contract = contract;
    });
    let mut schema = settings
        .with_transform(no_bool_schemas())
        .with_transform(plain_numbers)
        .into_generator()
        .into_root_schema_for::<T>();
    let root = schema.ensure_object();
    // The generator puts the Rust name of a type here; a title that the type states itself stays.
    if root.get("title").and_then(Value::as_str) == Some(&*T::schema_name()) {
        root.remove("title");
    }
    std::mem::take(root)
}

/// `true` as a schema is `{}`: the protocol's schemas up to 2025-11-25 want an object for every property.
fn no_bool_schemas() -> ReplaceBoolSchemas {
    let mut transform = ReplaceBoolSchemas::default();
    transform.skip_additional_properties = true;
    transform
}

/// Turns Rust's names of number formats into the bounds that they stand for.
///
/// Clients know no `uint8`; schemas up to 2025-11-25 and their validators ignore it. The bounds of 64 bits and more
/// are beyond what JSON numbers hold exactly, so they are left to decoding.
fn plain_numbers(schema: &mut Schema) {
    if let Some(format) = schema.get("format").and_then(Value::as_str) {
        let bounds: Option<(i64, i64)> = match format {
            "int32" => Some((i32::MIN.into(), i32::MAX.into())),
            "uint32" => Some((0, u32::MAX.into())),
            "int8" | "int16" | "int64" | "int128" | "int" | "uint8" | "uint16" | "uint64" | "uint128" | "uint"
            | "float" | "double" => None,
            _ => {
                transform_subschemas(&mut plain_numbers, schema);
                return;
            }
        };
        schema.remove("format");
        if let Some((least, most)) = bounds {
            schema.insert("minimum".into(), least.into());
            schema.insert("maximum".into(), most.into());
        }
    }
    transform_subschemas(&mut plain_numbers, schema);
}

fn describe(schema: &mut Map<String, Value>, argument: &Argument) {
    let property = schema
        .get_mut("properties")
        .and_then(|properties| properties.get_mut(argument.name))
        .and_then(Value::as_object_mut);
    let Some(property) = property else { return };
    if let Some(description) = argument.description {
        property.insert("description".into(), description.into());
    }
    for constraint in argument.constraints {
        constrain(property, *constraint);
    }
}

fn constrain(property: &mut Map<String, Value>, constraint: Constraint) {
    match constraint {
        Constraint::Min(bound) => set(property, "minimum", bound.value()),
        Constraint::Max(bound) => set(property, "maximum", bound.value()),
        Constraint::Below(bound) => {
            property.remove("maximum");
            set(property, "exclusiveMaximum", bound.value());
        }
        Constraint::Shortest(length) => measure(property, "minLength", "minItems", length),
        Constraint::Longest(length) => measure(property, "maxLength", "maxItems", length),
        Constraint::Pattern(pattern) => set(property, "pattern", pattern.into()),
        Constraint::Format(format) => set(property, "format", format.into()),
        Constraint::Header(name) => {
            // A header cannot say null: what is left out of the header is left out of the arguments.
            remove_null(property);
            set(property, "x-mcp-header", name.into());
        }
    }
}

/// Bounds a length under the keyword of the property's type; where the type is open, under both, since each
/// keyword concerns values of its own type alone.
fn measure(property: &mut Map<String, Value>, of_text: &str, of_list: &str, length: u64) {
    let (text, list) = match property.get("type") {
        Some(Value::String(only)) => (only != "array", only == "array"),
        Some(Value::Array(types)) => {
            let list = types.iter().any(|name| name == "array");
            (!list || types.iter().any(|name| name == "string"), list)
        }
        _ => (true, true),
    };
    if text {
        set(property, of_text, length.into());
    }
    if list {
        set(property, of_list, length.into());
    }
}

fn remove_null(property: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = property.get_mut("type") else { return };
    types.retain(|name| name != "null");
    if let [only] = &mut types[..] {
        let only = only.take();
        property.insert("type".into(), only);
    }
}

fn set(property: &mut Map<String, Value>, keyword: &str, value: Value) {
    property.insert(keyword.into(), value);
}

impl Bound {
    fn value(self) -> Value {
        match self {
            Self::Whole(number) => number.into(),
            Self::Real(number) => number.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Deserialize, Serialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        any: serde_json::Value,
        byte: u8,
        city: String,
        count: Option<u32>,
        names: Vec<String>,
        ratio: f64,
    }

    fn properties(arguments: &[Argument]) -> Value {
        let schema: Value = input::<Arguments>(arguments).unwrap().decode().unwrap();
        schema.get("properties").unwrap().clone()
    }

    #[test]
    fn schema_of_arguments_is_closed_compact_and_without_rust_names() {
        let schema = input::<Arguments>(&[]).unwrap();
        assert_eq!(
            schema.as_str(),
            concat!(
                r#"{"additionalProperties":false,"properties":{"any":{},"byte":{"maximum":255,"minimum":0,"type":"integer"},"#,
                r#""city":{"type":"string"},"count":{"maximum":4294967295,"minimum":0,"type":["integer","null"]},"#,
                r#""names":{"items":{"type":"string"},"type":"array"},"ratio":{"type":"number"}},"#,
                r#""required":["any","byte","city","names","ratio"],"type":"object"}"#
            )
        );
    }

    #[test]
    fn length_bounds_items_of_a_list_and_characters_of_a_text() {
        let constraints = &[Constraint::Shortest(1), Constraint::Longest(9)];
        let listed = properties(&[
            Argument { name: "city", description: None, constraints },
            Argument { name: "names", description: None, constraints },
            Argument { name: "any", description: None, constraints },
        ]);
        assert_eq!(listed["city"].to_string(), r#"{"maxLength":9,"minLength":1,"type":"string"}"#);
        assert_eq!(
            listed["names"].to_string(),
            r#"{"items":{"type":"string"},"maxItems":9,"minItems":1,"type":"array"}"#
        );
        assert_eq!(listed["any"].to_string(), r#"{"maxItems":9,"maxLength":9,"minItems":1,"minLength":1}"#);
    }

    #[test]
    fn range_replaces_the_bounds_of_the_type() {
        let constraints = &[Constraint::Min(Bound::Whole(1)), Constraint::Below(Bound::Whole(100))];
        let listed = properties(&[Argument { name: "byte", description: Some("How many."), constraints }]);
        assert_eq!(
            listed["byte"].to_string(),
            r#"{"description":"How many.","exclusiveMaximum":100,"minimum":1,"type":"integer"}"#
        );
    }

    #[test]
    fn argument_in_a_header_is_never_null() {
        let listed =
            properties(&[Argument { name: "count", description: None, constraints: &[Constraint::Header("Count")] }]);
        assert_eq!(
            listed["count"].to_string(),
            r#"{"maximum":4294967295,"minimum":0,"type":"integer","x-mcp-header":"Count"}"#
        );
    }

    #[test]
    fn title_that_a_type_states_itself_stays() {
        #[derive(Serialize, JsonSchema)]
        #[schemars(title = "A forecast")]
        struct Forecast {
            days: u8,
        }
        let listed = output::<Forecast>().unwrap();
        assert!(listed.schema.as_str().contains(r#""title":"A forecast""#));
    }

    #[test]
    fn recursive_type_keeps_its_references_inside() {
        #[derive(Serialize, JsonSchema)]
        struct Tree {
            children: Vec<Tree>,
        }
        let listed = output::<Tree>().unwrap();
        assert!(listed.is_object);
        assert!(listed.schema.as_str().contains(r##""$ref":"#"##));
    }
}
