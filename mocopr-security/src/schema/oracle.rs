//! For tests: another implementation of JSON Schema, asked the same about random schemas and values.
//!
//! Where it is known to be wrong, or to leave something open, the generator says so and keeps away.

use std::collections::BTreeSet;

use jsonschema::{PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
};
use serde_json::{Map, Value, json};

use crate::schema::{
    Schema, SchemaLimits, SchemaProblemKind, check::Check, location::Step, memory::Memory, report::Broken,
};

const LATEST: &str = "https://json-schema.org/draft/2020-12/schema";
const SEVENTH: &str = "http://json-schema.org/draft-07/schema#";

fn any_name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c", "aa", "1"]).prop_map(String::from)
}

/// The other takes numbers of more than 38 digits for the binary ones that stand for them, so that 1e300 would be a
/// multiple of 1.5; there are none of these here.
fn any_number() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-4_i64..10).prop_map(Value::from),
        (-40_i64..100).prop_map(|tenths| Value::from(tenths as f64 / 10.0)),
        select(vec![json!(0.01), json!(1e3), json!(3.0), json!(-0.0), json!(u64::MAX), json!(i64::MIN), json!(1e30)]),
        select(vec![json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0)]),
    ]
}

fn any_text() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[abä1 -]{0,4}".prop_map(Value::from),
        select(vec!["2026-11-25", "1.2.3.4", "a@b.c", "http://a/", "/a/b", "W10=", "[]", "{"]).prop_map(Value::from),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any_number(), any_text()];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(any_name(), inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

type Keywords = Vec<(&'static str, Value)>;

/// Keywords that apply no subschema.
fn any_assertion() -> impl Strategy<Value = Keywords> {
    let kind = select(vec!["array", "boolean", "integer", "null", "number", "object", "string"]);
    let one = |keyword: &'static str| move |value: Value| vec![(keyword, value)];
    let count = || (0_u64..4).prop_map(Value::from);
    let names = || proptest::collection::btree_set(any_name(), 0..3).prop_map(|names| json!(names));
    prop_oneof![
        3 => kind.clone().prop_map(|kind| vec![("type", json!(kind))]),
        1 => proptest::collection::btree_set(kind, 1..4).prop_map(|kinds| vec![("type", json!(kinds))]),
        1 => vec(any_value(), 0..4).prop_map(Value::from).prop_map(one("enum")),
        1 => any_value().prop_map(one("const")),
        1 => any_number().prop_map(one("minimum")),
        1 => any_number().prop_map(one("maximum")),
        1 => any_number().prop_map(one("exclusiveMinimum")),
        1 => any_number().prop_map(one("exclusiveMaximum")),
        1 => select(vec![json!(1), json!(2), json!(0.1), json!(0.01), json!(1.5), json!(3.0)]).prop_map(one("multipleOf")),
        1 => count().prop_map(one("minLength")),
        1 => count().prop_map(one("maxLength")),
        1 => count().prop_map(one("minItems")),
        1 => count().prop_map(one("maxItems")),
        1 => count().prop_map(one("minProperties")),
        1 => count().prop_map(one("maxProperties")),
        1 => any::<bool>().prop_map(Value::from).prop_map(one("uniqueItems")),
        1 => any_pattern().prop_map(Value::from).prop_map(one("pattern")),
        2 => names().prop_map(one("required")),
        1 => btree_map(any_name(), names(), 0..3).prop_map(|names| vec![("dependentRequired", json!(names))]),
        1 => select(vec!["date", "ipv4", "email", "uri", "json-pointer", "uuid", "color"])
            .prop_map(|name| vec![("format", json!(name))]),
        1 => Just(vec![("contentEncoding", json!("base64"))]),
        1 => Just(vec![("contentMediaType", json!("application/json"))]),
    ]
}

fn any_pattern() -> impl Strategy<Value = &'static str> {
    select(vec!["^a", "b$", "^[a-z]+$", r"^\d", r"\w", ".", "^.{2}$", "[^a]", r"^\p{L}+$", "ä|1"])
}

/// The other follows `$ref` to a `$dynamicAnchor` as if it were a `$dynamicRef`, against 2020-12, core 8.2.2, so only
/// the latter leads to one here.
fn any_reference() -> impl Strategy<Value = Keywords> {
    prop_oneof![
        4 => select(vec!["#", "#/$defs/a", "#/$defs/b", "#/$defs/c", "#plain", "urn:other", "urn:other#/$defs/inner"])
            .prop_map(|target| vec![("$ref", json!(target))]),
        1 => select(vec!["#", "#plain", "#named", "urn:other#named", "#/$defs/b"])
            .prop_map(|target| vec![("$dynamicRef", json!(target))]),
    ]
}

fn any_schema() -> impl Strategy<Value = Value> {
    let keywords = prop_oneof![6 => any_assertion(), 1 => any_reference()];
    let leaf = prop_oneof![
        1 => any::<bool>().prop_map(Value::from),
        8 => vec(keywords, 0..3).prop_map(object),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let keywords = prop_oneof![3 => any_applicator(inner.boxed()), 2 => any_assertion(), 1 => any_reference()];
        vec(keywords, 1..5).prop_map(object)
    })
}

fn any_applicator(inner: BoxedStrategy<Value>) -> impl Strategy<Value = Keywords> {
    let one = |keyword: &'static str| inner.clone().prop_map(move |schema| vec![(keyword, schema)]);
    let list =
        |keyword: &'static str| vec(inner.clone(), 1..4).prop_map(move |schemas| vec![(keyword, Value::from(schemas))]);
    let named = |keyword: &'static str| {
        btree_map(any_name(), inner.clone(), 0..4).prop_map(move |schemas| vec![(keyword, json!(schemas))])
    };
    let patterns =
        btree_map(any_pattern(), inner.clone(), 0..3).prop_map(|schemas| vec![("patternProperties", json!(schemas))]);
    let dependencies = (named("dependencies"), any_name()).prop_map(|(mut keywords, name)| {
        if let Some(Value::Object(members)) = keywords.first_mut().map(|(_, value)| value) {
            members.insert(name, json!(["b"]));
        }
        keywords
    });
    let conditional =
        (inner.clone(), inner.clone(), inner.clone(), 0..4).prop_map(|(condition, then, otherwise, which)| {
            let mut keywords = vec![("if", condition)];
            keywords.extend((which != 1).then_some(("then", then)));
            keywords.extend((which != 2).then_some(("else", otherwise)));
            keywords
        });
    let contains = (inner.clone(), 0_u64..3, 0_u64..4, 0..4).prop_map(|(schema, least, most, which)| {
        let mut keywords = vec![("contains", schema)];
        keywords.extend((which & 1 == 1).then_some(("minContains", json!(least))));
        keywords.extend((which & 2 == 2).then_some(("maxContains", json!(most))));
        keywords
    });
    let tuple = (vec(inner.clone(), 1..3), inner.clone())
        .prop_map(|(prefix, rest)| vec![("items", Value::from(prefix)), ("additionalItems", rest)]);
    prop_oneof![
        1 => list("allOf"), 1 => list("anyOf"), 1 => list("oneOf"), 1 => one("not"), 1 => conditional,
        3 => named("properties"), 1 => patterns, 2 => one("additionalProperties"), 1 => one("propertyNames"),
        1 => list("prefixItems"), 2 => one("items"), 1 => tuple, 1 => contains,
        1 => named("dependentSchemas"), 1 => dependencies,
        2 => one("unevaluatedProperties"), 2 => one("unevaluatedItems"),
    ]
}

fn object(keywords: Vec<Keywords>) -> Value {
    Value::Object(keywords.into_iter().flatten().map(|(keyword, value)| (keyword.to_owned(), value)).collect())
}

/// A document in one of the dialects, with definitions to refer to.
fn any_document() -> impl Strategy<Value = Value> {
    (select(vec![LATEST, SEVENTH]), any_schema(), vec(any_schema(), 5)).prop_map(|(dialect, root, definitions)| {
        let mut root = match root {
            Value::Object(keywords) => keywords,
            other => Map::from_iter([("allOf".to_owned(), json!([other]))]),
        };
        root.insert("$schema".into(), dialect.into());
        root.insert("$id".into(), "urn:root".into());
        let keywords = |schema: &Value| schema.as_object().cloned().unwrap_or_default();
        let mut named: Vec<_> = definitions.iter().map(keywords).collect();
        // Draft-07 does not see an `$id` beside a reference.
        let named = named.iter_mut().zip(["plain", "named", "named", "other", ""]).map(|(schema, name)| {
            match (dialect, name) {
                (_, "") => None,
                (_, "other") => schema.insert("$id".into(), "urn:other".into()),
                (LATEST, "plain") => schema.insert("$anchor".into(), "plain".into()),
                (LATEST, name) => schema.insert("$dynamicAnchor".into(), name.into()),
                (_, name) => schema.insert("$id".into(), format!("#{name}").into()),
            };
            if dialect == SEVENTH {
                schema.remove("$ref");
            }
            std::mem::take(schema)
        });
        let [a, outer, inner, mut other, b] = <[_; 5]>::try_from(named.collect::<Vec<_>>()).expect("there are five");
        other.insert("$defs".into(), json!({"inner": inner}));
        let c = json!({"type": ["integer", "array", "object"]});
        root.insert("$defs".into(), json!({"a": a, "b": b, "c": c, "outer": outer, "other": other}));
        let text = Value::Object(root).to_string();
        let definitions = if dialect == LATEST { "$defs" } else { "definitions" };
        serde_json::from_str(&text.replace("$defs", definitions)).expect("it was JSON")
    })
}

fn build(document: &Value) -> Option<Validator> {
    jsonschema::options().offline().should_validate_formats(true).build(document).ok()
}

/// Whether a number in it is not a float, to which the other rounds what it divides.
fn holds_large(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|float| float.abs() >= 9e15),
        Value::Array(elements) => elements.iter().any(holds_large),
        Value::Object(members) => members.values().any(holds_large),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// The places of all that it finds wrong, also in alternatives.
fn places<'e>(errors: impl Iterator<Item = &'e ValidationError<'e>>, found: &mut BTreeSet<String>) {
    for error in errors {
        found.insert(error.instance_path().as_str().to_owned());
        if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } = error.kind() {
            places(context.iter().flatten(), found);
        }
    }
}

fn pointer(broken: &Broken<'_, '_>) -> String {
    let segment = |step: &Step<'_>| match step {
        Step::Whole => String::new(),
        Step::Member(name) => format!("/{name}"),
        Step::Element(index) => format!("/{index}"),
    };
    broken.steps.iter().map(segment).collect()
}

/// Patterns of every construct, most of them valid.
fn any_long_pattern() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "a",
        "b",
        "1",
        "ä",
        "-",
        "_",
        " ",
        ".",
        "^",
        "$",
        "|",
        "(",
        "(?:",
        ")",
        "[",
        "[^",
        "]",
        "a-z",
        "-",
        "&&",
        "~~",
        "--",
        "*",
        "+",
        "?",
        "{2}",
        "{1,}",
        "{0,2}",
        "{2,1}",
        "{",
        "}",
        ",",
        r"\d",
        r"\D",
        r"\w",
        r"\W",
        r"\s",
        r"\S",
        r"\b",
        r"\B",
        r"\n",
        r"\t",
        r"\cJ",
        r"\x61",
        r"\u0061",
        r"\u{62}",
        r"\-",
        r"\/",
        r"\.",
        r"\]",
        r"\a",
        r"\1",
        r"\p{L}",
        r"\P{Lu}",
        r"\p{Script=Greek}",
        "(?=",
        "(?<n>",
        "(?i:",
    ]);
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn schema_of_patterns() -> Schema {
    Schema::compile_value(&json!({"format": "regex"}), &SchemaLimits::development()).expect("it is a schema")
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: u32::MAX, ..ProptestConfig::default() })]

    #[test]
    fn another_implementation_says_the_same(document in any_document(), values in vec(any_value(), 8)) {
        let schema = match Schema::compile_value(&document, &SchemaLimits::development()) {
            Ok(schema) => schema,
            Err(problem) => {
                // The last three are refused before the other could take forever on them.
                let agrees = match problem.kind() {
                    SchemaProblemKind::Invalid => build(&document).is_none(),
                    SchemaProblemKind::Work => true,
                    SchemaProblemKind::CircularReference | SchemaProblemKind::DanglingReference => true,
                    _ => false,
                };
                prop_assert!(agrees, "{problem} {document}");
                return Err(TestCaseError::reject("refused"));
            }
        };
        let Some(oracle) = build(&document) else { return Err(TestCaseError::fail(format!("the other refuses {document}"))) };
        for value in &values {
            if document.to_string().contains("multipleOf") && holds_large(value) {
                continue;
            }
            let fits = schema.check(value).is_ok();
            prop_assert_eq!(fits, oracle.is_valid(value), "{} {}", &document, value);
            let verdict = |memory| Check::new(&schema.program, memory).verdict(value);
            prop_assert_eq!(verdict(None), verdict(Some(Memory::new(&schema.program))), "{} {}", &document, value);
            let broken = Check::new(&schema.program, None).explain(value);
            prop_assert_eq!(fits, broken.is_none(), "{} {}", &document, value);
            if let Some(broken) = broken {
                let mut found = BTreeSet::new();
                let errors: Vec<_> = oracle.iter_errors(value).collect();
                places(errors.iter(), &mut found);
                let place = pointer(&broken);
                // The other says of what is unevaluated where it stands, and not what is wrong with it.
                let is_found = document.to_string().contains("unevaluated") || found.contains(&place);
                prop_assert!(is_found, "{place} of {:?} is not in {found:?} {document} {value}", &broken.cause);
            }
        }
    }

    #[test]
    fn another_implementation_matches_the_same(pattern in any_long_pattern(), texts in vec("[abz1ä_&~ \\n.^\\]-]{0,4}", 8)) {
        matches_the_same(&pattern, texts)?;
    }
}

#[test]
fn another_implementation_matches_the_same_where_it_was_not_so() -> Result<(), TestCaseError> {
    for pattern in [r"[\b]}", r"[\b]]", "a}"] {
        matches_the_same(pattern, ["\u{8}}", "\u{8}]", "a}", "b}"].map(String::from).into())?;
    }
    Ok(())
}

/// Both take the pattern or refuse it, and find it in the same texts.
fn matches_the_same(pattern: &str, texts: Vec<String>) -> Result<(), TestCaseError> {
    let document = json!({"pattern": pattern});
    let theirs = jsonschema::options()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(&document);
    let ours = Schema::compile_value(&document, &SchemaLimits::development());
    let syntax = build(&json!({"format": "regex"})).expect("it is a schema");
    let is_syntax = |pattern: &str| syntax.is_valid(&json!(pattern));
    // The other knows more than ECMAScript, and no empty brackets; we know no modifiers.
    let may_differ = is_syntax(pattern) == ours.is_ok()
        || pattern.contains("(?i:") && ours.is_err()
        || (pattern.contains("[]") || pattern.contains("[^]")) && ours.is_ok()
        || ours.is_ok() && escapings(pattern).iter().any(|escaped| is_syntax(escaped));
    prop_assert!(ours.is_ok() == theirs.is_ok() || may_differ, "{pattern:?} {:?}", theirs.err());
    let reads = schema_of_patterns().check(&json!(pattern)).is_ok();
    prop_assert_eq!(reads, is_syntax(pattern), "{}", pattern);
    if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
        // To ECMAScript an ä is in no word, and to the other it is.
        let bounds = pattern.to_lowercase().contains(r"\b");
        for text in texts.into_iter().filter(|text| !bounds || text.is_ascii()) {
            let text = Value::from(text);
            prop_assert_eq!(ours.check(&text).is_ok(), theirs.is_valid(&text), "{:?} {}", pattern, text);
        }
    }
    Ok(())
}

/// The pattern with a backslash before some of its closing brackets, in every way. One that closes nothing means itself
/// to us; to the other it does too, but not behind what it translates before it matches, such as `[\b]`.
fn escapings(pattern: &str) -> Vec<String> {
    pattern.chars().fold(vec![String::new()], |before, character| {
        let with = |text: &str| before.iter().map(|begun| format!("{begun}{text}")).collect::<Vec<_>>();
        let mut all = with(&character.to_string());
        if matches!(character, '}' | ']') {
            all.extend(with(&format!("\\{character}")));
        }
        all
    })
}
