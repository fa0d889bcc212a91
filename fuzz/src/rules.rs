//! Roles and schemas beside other readings of them.

use std::collections::BTreeSet;

use mocopr_core::json::{JsonLimits, RawJson};
use mocopr_security::{
    gate::{Grant, Kind},
    principal::Principal,
    rbac::RoleBasedAccessControl,
    schema::{Schema, SchemaLimits},
};
use serde_json::{Map, Value, json};

use crate::draw::Draw;

/// Roles decide what trying every permission of every role that is reached, letter by letter, decides.
pub fn access(data: &[u8]) {
    const ACTIONS: [&str; 6] = ["tools:call", "tools:read", "tools:*", "prompts:read", "resources:read", "resources:*"];
    let mut draw = Draw::new(data);
    let mut roles: Vec<Vec<String>> = Vec::new();
    for _ in 0..3 {
        let permissions = (0..draw.byte() % 4).map(|_| {
            let action = *draw.pick(&ACTIONS);
            let mark = *draw.pick(&["", "", "!"]);
            let pattern = letters(&mut draw, b"ab*", 6);
            match (draw.byte() % 8, action) {
                (0, _) => format!("{mark}*"),
                (1, _) => format!("{mark}{action}"),
                (_, _) if pattern.is_empty() => format!("{mark}{action}"),
                (_, "resources:read" | "resources:*") => format!("{mark}{action}:x:{pattern}"),
                (_, _) => format!("{mark}{action}:{pattern}"),
            }
        });
        roles.push(permissions.collect());
    }
    let mut builder = RoleBasedAccessControl::builder();
    for (nth, permissions) in roles.iter().enumerate() {
        let permissions: Vec<&str> = permissions.iter().map(String::as_str).collect();
        builder = builder.with_role(format!("r{nth}"), &permissions);
    }
    let inherits = draw.one_in(2);
    if inherits {
        builder = builder.with_inheritance("r2", "r0");
    }
    let rules = builder.build().expect("the permissions are well formed");
    let held = draw.byte();
    let mut who = Principal::named("alice");
    let mut reached = BTreeSet::new();
    for nth in (0..3_usize).filter(|nth| held & 1 << nth != 0) {
        who = who.with_role(&format!("r{nth}"));
        reached.insert(nth);
        if inherits && nth == 2 {
            reached.insert(0);
        }
    }
    let texts: Vec<&String> = reached.into_iter().flat_map(|nth| &roles[nth]).collect();
    let name = letters(&mut draw, b"ab", 6);
    for (kind, word, name) in [
        (Kind::Tool, "tools", name.clone()),
        (Kind::Prompt, "prompts", name.clone()),
        (Kind::Resource, "resources", format!("x:{name}")),
    ] {
        let expected = naive_grant(&texts, word, &name);
        assert_eq!(rules.explain(&who, kind, &name).grant(), expected, "{word} {name} {texts:?}");
    }
}

fn letters(draw: &mut Draw<'_>, of: &[u8], most: usize) -> String {
    (0..usize::from(draw.byte()) % (most + 1)).map(|_| char::from(*draw.pick(of))).collect()
}

fn naive_grant(texts: &[&String], word: &str, name: &str) -> Grant {
    let fits = |text: &str, action: &str| {
        let plain = format!("{word}:{action}");
        text == plain
            || text.strip_prefix(&format!("{plain}:")).is_some_and(|pattern| naive(pattern.as_bytes(), name.as_bytes()))
    };
    let given =
        |actions: &[&str]| texts.iter().any(|text| **text == "*" || actions.iter().any(|action| fits(text, action)));
    let taken = |actions: &[&str]| {
        let marked = texts.iter().filter_map(|text| text.strip_prefix('!'));
        marked.into_iter().any(|text| text == "*" || actions.iter().any(|action| fits(text, action)))
    };
    let is_tool = word == "tools";
    if taken(&["read", "*"]) {
        return Grant::Nothing;
    }
    if given(if is_tool { &["call", "*"] } else { &["read", "*"] }) && !taken(&["call"]) {
        return Grant::Use;
    }
    let sees = is_tool && texts.iter().any(|text| fits(text, "read"));
    if sees { Grant::See } else { Grant::Nothing }
}

/// A matcher that tries everything.
fn naive(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((b'*', rest)), None) => naive(rest, name),
        (Some((b'*', rest)), Some((_, behind))) => naive(rest, name) || naive(pattern, behind),
        (Some((letter, rest)), Some((first, behind))) => letter == first && naive(rest, behind),
        (Some(_), None) => false,
    }
}

/// A schema and a value that are drawn are judged as another implementation judges them, from the tree and from the text.
pub fn schema_check(data: &[u8]) {
    let mut draw = Draw::new(data);
    let mut root = some_schema(&mut draw, 4);
    let named = json!({"a": some_schema(&mut draw, 2), "b": some_schema(&mut draw, 1)});
    if let Value::Object(keywords) = &mut root {
        keywords.insert("$defs".into(), named);
        keywords.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    }
    // What could cost too much or leads in a circle is refused; the other one follows it.
    let Ok(schema) = Schema::compile_value(&root, &SchemaLimits::development()) else { return };
    let Ok(other) = jsonschema::options().offline().build(&root) else { panic!("{root}") };
    for _ in 0..3 {
        let value = some_value(&mut draw, 3);
        let checked = schema.check(&value);
        assert_eq!(checked.is_ok(), other.is_valid(&value), "{root} {value} {checked:?}");
        let raw = RawJson::from_value(&value);
        assert_eq!(schema.check_raw(&raw).is_ok(), checked.is_ok(), "{root} {value}");
        if let Err(mismatch) = checked {
            let steps: Vec<&str> = mismatch.pointer().split('/').skip(1).collect();
            assert!(leads_somewhere(&value, &steps) || value.to_string().len() > 1_000, "{value} {mismatch:?}");
        }
    }
}

/// Whether the steps of a place lead to a value, where `*` stands for a member whose name the schema does not know.
fn leads_somewhere(value: &Value, steps: &[&str]) -> bool {
    let [step, further @ ..] = steps else { return true };
    match (value, *step) {
        (Value::Object(members), "*") => members.values().any(|member| leads_somewhere(member, further)),
        (_, step) => value.pointer(&format!("/{step}")).is_some_and(|inner| leads_somewhere(inner, further)),
    }
}

/// Schemas of any text are compiled or refused, and what is compiled judges any value the same from its tree and from
/// its text.
///
/// The first line is the schema; each further line is a value.
pub fn schema_text(data: &[u8]) {
    let limits = JsonLimits { depth: 64, members: 500, string_bytes: 10_000, elements: 1_000 };
    let mut lines = data.split(|byte| *byte == b'\n').map(|line| RawJson::parse(line.to_vec().into(), &limits));
    let Some(Ok(text)) = lines.next() else { return };
    let schema = match Schema::compile(&text, &SchemaLimits::development()) {
        Ok(schema) => schema,
        Err(problem) => {
            assert!(!problem.to_string().is_empty());
            return;
        }
    };
    for raw in lines.flatten() {
        let value: Value = raw.decode().expect("it was scanned");
        let (tree, text) = (schema.check(&value), schema.check_raw(&raw));
        assert_eq!(tree, text);
        assert_eq!(schema.check(&value), tree);
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "1"];
const PATTERNS: [&str; 7] = ["^a", "b$", "^[a-z]+$", r"^\d", ".", "^.{2}$", "[^a]"];
const KINDS: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

fn some_value(draw: &mut Draw<'_>, depth: usize) -> Value {
    match draw.byte() % if depth == 0 { 5 } else { 7 } {
        0 => Value::Null,
        1 => Value::from(draw.one_in(2)),
        2 => Value::from(i64::from(draw.byte()) - 100),
        3 => Value::from((f64::from(draw.byte()) - 100.0) / 2.0),
        4 => Value::from(letters(draw, b"ab1", 5)),
        5 => (0..draw.byte() % 4).map(|_| some_value(draw, depth - 1)).collect(),
        _ => {
            let members = (0..draw.byte() % 4).map(|_| ((*draw.pick(&NAMES)).to_owned(), some_value(draw, depth - 1)));
            Value::Object(members.collect())
        }
    }
}

fn some_schema(draw: &mut Draw<'_>, depth: usize) -> Value {
    if draw.one_in(16) {
        return Value::from(draw.one_in(2));
    }
    let mut keywords = Map::new();
    for _ in 0..draw.byte() % 4 {
        let (name, value) = if depth > 0 && draw.one_in(2) { applicator(draw, depth) } else { assertion(draw) };
        keywords.insert(name.to_owned(), value);
    }
    Value::Object(keywords)
}

fn assertion(draw: &mut Draw<'_>) -> (&'static str, Value) {
    let count = Value::from(draw.byte() % 4);
    let bound = Value::from(i64::from(draw.byte() % 32) - 16);
    match draw.byte() % 18 {
        0 | 1 => ("type", Value::from(*draw.pick(&KINDS))),
        2 => ("enum", json!([some_value(draw, 1), some_value(draw, 1)])),
        3 => ("const", some_value(draw, 1)),
        4 => ("minimum", bound),
        5 => ("maximum", bound),
        6 => ("exclusiveMinimum", bound),
        7 => ("multipleOf", Value::from(1 + draw.byte() % 4)),
        8 => ("minLength", count),
        9 => ("maxLength", count),
        10 => ("minItems", count),
        11 => ("maxItems", count),
        12 => ("minProperties", count),
        13 => ("maxProperties", count),
        14 => ("uniqueItems", Value::from(draw.one_in(2))),
        15 => ("pattern", Value::from(*draw.pick(&PATTERNS))),
        16 => ("required", json!([draw.pick(&NAMES)])),
        _ => ("dependentRequired", json!({(*draw.pick(&NAMES)): [draw.pick(&NAMES)]})),
    }
}

fn applicator(draw: &mut Draw<'_>, depth: usize) -> (&'static str, Value) {
    let inner = some_schema(draw, depth - 1);
    let list = json!([inner, some_schema(draw, depth - 1)]);
    let named = json!({(*draw.pick(&NAMES)): inner, (*draw.pick(&NAMES)): some_schema(draw, depth - 1)});
    match draw.byte() % 18 {
        0 => ("allOf", list),
        1 => ("anyOf", list),
        2 => ("oneOf", list),
        3 => ("not", inner),
        4 => ("if", inner),
        5 => ("then", inner),
        6 => ("else", inner),
        7 | 8 => ("properties", named),
        9 => ("patternProperties", json!({(*draw.pick(&PATTERNS)): inner})),
        10 => ("additionalProperties", inner),
        11 => ("propertyNames", inner),
        12 => ("prefixItems", list),
        13 => ("items", inner),
        14 => ("contains", inner),
        15 => ("dependentSchemas", named),
        16 => ("unevaluatedProperties", inner),
        _ => ("$ref", Value::from(*draw.pick(&["#/$defs/a", "#/$defs/b", "#"]))),
    }
}
