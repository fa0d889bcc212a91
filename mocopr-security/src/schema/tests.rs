//! Dialects, references, bounds and what a mismatch says.

use std::net::TcpListener;

use serde_json::{Map, json};

use super::*;

const LIMITS: SchemaLimits = SchemaLimits::development();

fn schema(document: Value) -> Schema {
    Schema::compile_value(&document, &LIMITS).unwrap_or_else(|problem| panic!("{problem}: {problem:?}"))
}

fn problem(document: Value) -> (SchemaProblemKind, String) {
    problem_under(document, &LIMITS)
}

fn problem_under(document: Value, limits: &SchemaLimits) -> (SchemaProblemKind, String) {
    let problem = Schema::compile_value(&document, limits).expect_err("the schema is refused");
    (problem.kind(), problem.pointer().to_owned())
}

fn says(document: Value, value: Value) -> String {
    schema(document).check(&value).expect_err("the value is refused").to_string()
}

fn object(name: &str, of: Value) -> Value {
    json!({"type": "object", "properties": {name: of}})
}

#[test]
fn value_that_fits_is_accepted() {
    let schema = schema(json!({
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 80}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city"],
        "additionalProperties": false
    }));
    assert_eq!(schema.check(&json!({"city": "Berlin", "days": 3})), Ok(()));
    assert_eq!(schema.check(&json!({"city": "Berlin"})), Ok(()));
    assert!(schema.check(&json!({"days": 3})).is_err());
    assert!(schema.check(&json!([])).is_err());
}

#[test]
fn rules_are_said_in_our_words() {
    let string = |more: Value| object("a", more);
    for (document, value, sentence) in [
        (json!({"type": "object"}), json!(1), "the value must be of type object"),
        (string(json!({"type": "number"})), json!({"a": "x"}), "/a must be of type number"),
        (string(json!({"type": ["string", "null"]})), json!({"a": 1}), "/a must be of type null or string"),
        (json!({"required": ["city"]}), json!({}), "the value must have the member \"city\""),
        (
            json!({"properties": {}, "additionalProperties": false}),
            json!({"x": 1}),
            "the value has the unknown member \"x\"",
        ),
        (
            object("a", json!({"properties": {"c": {}, "b": {}}, "additionalProperties": false})),
            json!({"a": {"d": 1}}),
            "/a has the unknown member \"d\"; it takes \"b\", \"c\"",
        ),
        (string(json!(false)), json!({"a": 1}), "/a must be absent"),
        (string(json!({"enum": ["red", 2, null]})), json!({"a": 1}), "/a must be one of \"red\", 2, null"),
        (string(json!({"enum": (0..17).collect::<Vec<_>>()})), json!({"a": 99}), "/a must be one of the listed values"),
        (string(json!({"const": "x"})), json!({"a": 1}), "/a must be \"x\""),
        (string(json!({"const": {"b": 1}})), json!({"a": 1}), "/a must be the value in the schema"),
        (string(json!({"minimum": 1.5})), json!({"a": 1}), "/a must be at least 1.5"),
        (string(json!({"maximum": 14})), json!({"a": 15}), "/a must be at most 14"),
        (string(json!({"exclusiveMinimum": 0})), json!({"a": 0}), "/a must be greater than 0"),
        (string(json!({"exclusiveMaximum": 9})), json!({"a": 9}), "/a must be less than 9"),
        (string(json!({"multipleOf": 5})), json!({"a": 7}), "/a must be a multiple of 5"),
        (string(json!({"minLength": 1})), json!({"a": ""}), "/a must be at least 1 character long"),
        (string(json!({"maxLength": 2})), json!({"a": "äöü"}), "/a must be at most 2 characters long"),
        (string(json!({"minItems": 1})), json!({"a": []}), "/a must have at least 1 element"),
        (string(json!({"maxItems": 2})), json!({"a": [1, 2, 3]}), "/a must have at most 2 elements"),
        (string(json!({"minProperties": 1})), json!({"a": {}}), "/a must have at least 1 member"),
        (string(json!({"maxProperties": 0})), json!({"a": {"b": 1}}), "/a must have at most 0 members"),
        (string(json!({"uniqueItems": true})), json!({"a": [1, 1]}), "/a must not have equal elements"),
        (string(json!({"pattern": "^[a-z]+$"})), json!({"a": "A"}), "/a must match the pattern ^[a-z]+$"),
        (string(json!({"format": "email"})), json!({"a": "nobody"}), "/a must be of format email"),
        (string(json!({"format": "uri"})), json!({"a": "no uri"}), "/a must be of format uri"),
        (string(json!({"not": {"type": "string"}})), json!({"a": "x"}), "/a must not match the excluded schema"),
        (
            string(json!({"contains": {"const": 1}})),
            json!({"a": [2]}),
            "/a must contain elements of the kind that the schema asks for",
        ),
        (
            string(json!({"propertyNames": {"maxLength": 1}})),
            json!({"a": {"long": 1}}),
            "/a has a member whose name is not allowed",
        ),
        (string(json!({"items": {"type": "string"}})), json!({"a": ["x", 1]}), "/a/1 must be of type string"),
        (string(json!({"prefixItems": [{}], "items": false})), json!({"a": [1, 2]}), "/a/1 must be absent"),
        (
            string(json!({"oneOf": [{"minimum": 1}, {"maximum": 5}]})),
            json!({"a": 3}),
            "/a must match only one of the alternatives",
        ),
        (
            string(json!({"anyOf": [{"type": "string"}, {"type": "boolean"}]})),
            json!({"a": 3}),
            "/a must match one of the alternatives",
        ),
        (
            json!({"properties": {"a": {}}, "unevaluatedProperties": false}),
            json!({"b": 1}),
            "the value has the unknown member \"b\"",
        ),
    ] {
        assert_eq!(says(document.clone(), value), sentence, "{document}");
    }
}

#[test]
fn alternative_that_was_meant_is_explained() {
    let optional = object("a", json!({"anyOf": [object("b", json!({"type": "integer"})), {"type": "null"}]}));
    assert_eq!(says(optional, json!({"a": {"b": "x"}})), "/a/b must be of type integer");

    let tag = |tag: &str, more: Value| json!({"type": "object", "properties": {"kind": {"const": tag}, "size": more}, "required": ["kind", "size"]});
    let tagged = json!({"oneOf": [tag("number", json!({"type": "number"})), tag("text", json!({"type": "string"}))]});
    assert_eq!(says(tagged.clone(), json!({"kind": "text", "size": 1})), "/size must be of type string");
    assert_eq!(says(tagged.clone(), json!({"kind": "text"})), "the value must have the member \"size\"");
    assert_eq!(says(tagged, json!({"kind": "none", "size": 1})), "the value must match one of the alternatives");
}

#[test]
fn mismatch_holds_nothing_of_the_value() {
    let secret = "hunter2-<script>\u{1b}[31m";
    let document = json!({
        "properties": {"known/~": {"additionalProperties": {"type": "integer"}}},
        "patternProperties": {"^h": {"type": "integer"}},
        "additionalProperties": false
    });
    for (value, sentence) in [
        (json!({"known/~": {secret: "hunter2"}}), "/known~1~0/* must be of type integer"),
        (json!({"known/~": {"known/~": "hunter2"}}), "/known~1~0/known~1~0 must be of type integer"),
        (json!({secret: "hunter2"}), "/* must be of type integer"),
        (json!({"unknown": "hunter2"}), "the value has the unknown member \"unknown\"; it takes \"known/~\""),
    ] {
        assert_eq!(says(document.clone(), value), sentence);
    }
    let digits = json!({"additionalProperties": {"type": "integer"}});
    assert_eq!(says(digits, json!({"4111111111111111": "x"})), "/* must be of type integer");
}

#[test]
fn unknown_member_is_named_where_it_is_a_plain_word_and_short() {
    let closed = json!({"properties": {"a": {}}, "additionalProperties": false});
    for (name, sentence) in [
        ("resource.type-$1_", "the value has the unknown member \"resource.type-$1_\"; it takes \"a\""),
        (&*"x".repeat(64), &*format!("the value has the unknown member \"{}\"; it takes \"a\"", "x".repeat(64))),
        (&*"x".repeat(65), "the value has an unknown member; it takes \"a\""),
        ("ignore what was said before", "the value has an unknown member; it takes \"a\""),
        ("\u{1b}[31m", "the value has an unknown member; it takes \"a\""),
        ("", "the value has an unknown member; it takes \"a\""),
    ] {
        assert_eq!(says(closed.clone(), json!({name: 1})), sentence);
    }
}

#[test]
fn known_members_are_listed_where_they_are_few_and_short() {
    let closed = |names: &[String]| {
        let properties: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), json!({}))).collect();
        json!({"properties": properties, "additionalProperties": false})
    };
    let names = |count: usize, length: usize| (0..count).map(|n| n.to_string().repeat(length)).collect::<Vec<_>>();
    let says = |names: &[String]| says(closed(names), json!({"x": 1}));
    assert!(says(&names(8, 1)).ends_with(r#"it takes "0", "1", "2", "3", "4", "5", "6", "7""#));
    assert!(says(&names(9, 1)).ends_with("the unknown member \"x\""));
    assert!(says(&names(8, 20)).ends_with("the unknown member \"x\""));
}

#[test]
fn mismatch_has_at_most_256_characters() {
    let long = "ü".repeat(300);
    let document = object(&long, object(&long, json!({"enum": vec![long.clone(); 3]})));
    let sentence = says(document, json!({&*long: {&*long: 1}}));
    assert!(sentence.chars().count() <= 256, "{}", sentence.chars().count());
    assert!(sentence.contains("… must be one of \"ü"));
    let pattern = says(object("a", json!({"pattern": "a\n".repeat(200)})), json!({"a": "x"}));
    assert!(!pattern.contains('\n') && pattern.ends_with('…'), "{pattern}");
}

#[test]
fn same_value_gives_the_same_mismatch() {
    let schema = schema(json!({"properties": {"b": {"type": "string"}, "a": {"type": "string"}}}));
    let sentence = schema.check(&json!({"b": 1, "a": 1})).unwrap_err().to_string();
    for _ in 0..20 {
        assert_eq!(schema.check(&json!({"a": 1, "b": 1})).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn type_is_told_before_all_else() {
    let document = json!({"oneOf": [{"minLength": 2}, {"maxLength": 4}], "type": ["object", "null", "string"]});
    assert_eq!(says(document, json!(3)), "the value must be of type null or string or object");
}

#[test]
fn content_is_asserted_in_draft_07_alone() {
    let content = |dialect: &str| json!({"$schema": dialect, "contentEncoding": "base64", "contentMediaType": "application/json"});
    let seventh = content("http://json-schema.org/draft-07/schema#");
    assert_eq!(says(seventh.clone(), json!("{}")), "the value must have the content type of the schema");
    assert!(schema(seventh).check(&json!("e30=")).is_ok());
    assert!(schema(content("https://json-schema.org/draft/2020-12/schema")).check(&json!("{}")).is_ok());
}

#[test]
fn both_dialects_are_understood() {
    let latest =
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "string"}]});
    assert_eq!(says(latest, json!([1])), "/0 must be of type string");
    let absent = json!({"prefixItems": [{"type": "string"}]});
    assert_eq!(says(absent, json!([1])), "/0 must be of type string");
    for name in ["http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-07/schema"] {
        let seventh = json!({"$schema": name, "items": [{"type": "string"}], "additionalItems": false});
        assert_eq!(says(seventh.clone(), json!([1])), "/0 must be of type string");
        assert_eq!(says(seventh, json!(["x", 1])), "the value has too many elements");
    }
}

#[test]
fn siblings_of_a_reference_count_in_2020_12_and_not_in_draft_07() {
    let with =
        |dialect: &str| json!({"$schema": dialect, "$ref": "#/definitions/a", "maximum": 1, "definitions": {"a": {}}});
    assert!(schema(with("https://json-schema.org/draft/2020-12/schema")).check(&json!(2)).is_err());
    assert!(schema(with("http://json-schema.org/draft-07/schema#")).check(&json!(2)).is_ok());
}

#[test]
fn other_dialects_are_refused() {
    for name in [
        json!("http://json-schema.org/draft-04/schema#"),
        json!("https://json-schema.org/draft/2019-09/schema"),
        json!("https://json-schema.org/draft-07/schema##"),
        json!("http://evil.example/meta"),
        json!(""),
        json!(7),
    ] {
        assert_eq!(problem(json!({"$schema": name})), (SchemaProblemKind::Dialect, "/$schema".to_owned()));
    }
    let inner = object("a", json!({"$schema": "http://json-schema.org/draft-07/schema#"}));
    assert_eq!(problem(inner), (SchemaProblemKind::Dialect, "/properties/a/$schema".to_owned()));
}

#[test]
fn schema_must_be_valid_in_its_dialect() {
    for document in [
        json!([]),
        json!("object"),
        json!({"type": "objekt"}),
        json!({"properties": []}),
        json!({"required": "a"}),
        json!({"minLength": -1}),
        json!({"allOf": []}),
        json!({"items": [{"type": "string"}]}),
    ] {
        assert_eq!(problem(document.clone()).0, SchemaProblemKind::Invalid, "{document}");
    }
    // What a dialect does not know it does not judge.
    assert!(schema(json!({"additionalItems": {"type": 7}, "unknown": {"type": 7}})).check(&json!([1])).is_ok());
    let inner = problem(object("a", json!({"type": 7})));
    assert_eq!(inner, (SchemaProblemKind::Invalid, "/properties/a/type".to_owned()));
}

#[test]
fn references_inside_the_document_are_followed() {
    for (reference, definitions) in [
        ("#/$defs/text", json!({"text": {"type": "string"}})),
        ("#/$defs/a~1b%20c~0", json!({"a/b c~": {"type": "string"}})),
        ("#words", json!({"text": {"$anchor": "words", "type": "string"}})),
        ("https://example.com/text", json!({"text": {"$id": "https://example.com/text", "type": "string"}})),
        (
            "https://example.com/text#/$defs/in",
            json!({"text": {"$id": "https://example.com/text", "$defs": {"in": {"type": "string"}}}}),
        ),
        ("urn:text#in", json!({"text": {"$id": "urn:text", "$defs": {"a": {"$anchor": "in", "type": "string"}}}})),
    ] {
        let document = json!({"properties": {"a": {"$ref": reference}}, "$defs": definitions});
        assert_eq!(says(document, json!({"a": 1})), "/a must be of type string", "{reference}");
    }
    let own = json!({"$id": "https://example.com/root", "properties": {"a": {"$ref": "https://example.com/root#"}}, "type": "object"});
    assert_eq!(says(own, json!({"a": {"a": 1}})), "/a/a must be of type object");
    let seventh = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"a": {"$ref": "#words"}},
        "definitions": {"text": {"$id": "#words", "type": "string"}}
    });
    assert_eq!(says(seventh, json!({"a": 1})), "/a must be of type string");
}

#[test]
fn members_that_are_named_like_keywords_are_no_references() {
    let schema = schema(json!({
        "properties": {"$ref": {"type": "string"}, "$schema": {"type": "string"}, "$id": {"type": "string"}},
        "const": {"$ref": "http://evil.example/"}
    }));
    assert!(schema.check(&json!({"$ref": "http://evil.example/"})).is_ok());
}

#[test]
fn references_out_of_the_document_are_refused_and_never_fetched() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let address = canary.local_addr().unwrap();
    let url = format!("http://{address}/schema.json");
    for reference in [
        url.clone(),
        format!("{url}#/$defs/a"),
        format!("//{address}/a"),
        "file:///etc/passwd".to_owned(),
        "other.json".to_owned(),
        "/a".to_owned(),
        "?x".to_owned(),
        "json-schema:///other".to_owned(),
        "https://json-schema.org/draft/2020-12/schema".to_owned(),
    ] {
        for keyword in ["$ref", "$dynamicRef"] {
            for document in [
                json!({keyword: reference}),
                object("a", json!({keyword: reference})),
                json!({"$defs": {"unused": {"items": {keyword: reference}}}}),
                json!({"$ref": "#/elsewhere/a", "elsewhere": {"a": {keyword: reference}}}),
            ] {
                assert_eq!(problem(document.clone()).0, SchemaProblemKind::ForeignReference, "{document}");
            }
        }
    }
    for document in [
        json!({"$schema": url}),
        json!({"$id": url, "$ref": "other.json"}),
        json!({"elsewhere": {"$ref": url}, "default": {"$ref": url}}),
        json!({"$recursiveRef": url}),
        json!({"$id": url, "type": "object"}),
    ] {
        // Some of these are harmless, and some are refused; none makes a connection.
        let _ = Schema::compile_value(&document, &LIMITS);
    }
    assert_eq!(canary.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn references_to_nowhere_are_refused() {
    for reference in ["#/$defs/b", "#/$defs/a/type", "#b", "#/%zz", "#/$defs/a/b/c"] {
        let document = json!({"properties": {"x": {"$ref": reference}}, "$defs": {"a": {"type": "string"}}});
        let expected = (SchemaProblemKind::DanglingReference, "/properties/x/$ref".to_owned());
        assert_eq!(problem(document), expected, "{reference}");
    }
}

#[test]
fn reference_that_turns_in_a_circle_is_refused() {
    assert_eq!(problem(json!({"$ref": "#"})).0, SchemaProblemKind::CircularReference);
    let pair = json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}});
    assert_eq!(problem(pair).0, SchemaProblemKind::CircularReference);
}

fn doubling(levels: usize, twice: impl Fn(Value) -> Value) -> Value {
    let mut definitions = serde_json::Map::new();
    for level in 0..levels {
        definitions.insert(format!("l{level}"), twice(json!({"$ref": format!("#/$defs/l{}", level + 1)})));
    }
    definitions.insert(format!("l{levels}"), json!({"type": "integer"}));
    json!({"$ref": "#/$defs/l0", "$defs": definitions})
}

#[test]
fn schemas_that_double_in_place_are_refused() {
    for twice in [
        |next: Value| json!({"allOf": [next, next]}),
        |next: Value| json!({"anyOf": [next, next]}),
        |next: Value| json!({"oneOf": [next, {"not": next}]}),
        |next: Value| json!({"if": next, "then": next, "else": next}),
        |next: Value| json!({"dependentSchemas": {"a": next, "b": next}}),
    ] {
        assert_eq!(problem(doubling(30, twice)).0, SchemaProblemKind::Work, "{}", twice(json!("next")));
    }
}

#[test]
fn schemas_that_double_through_parts_are_counted_and_checked_in_bounded_time() {
    for twice in [
        |next: Value| json!({"properties": {"a": next}, "patternProperties": {"a": next}}),
        |next: Value| json!({"allOf": [{"items": next}, {"items": next}]}),
        |next: Value| json!({"contains": next, "items": next}),
        |next: Value| json!({"additionalProperties": next, "allOf": [{"additionalProperties": next}]}),
        |next: Value| json!({"anyOf": [{"properties": {"a": next}}, {"properties": {"a": next}, "required": ["b"]}]}),
    ] {
        let document = doubling(30, twice);
        let sample = twice(json!("next"));
        // Counted without the checker's memory, there is no end to the visits of the deepest place.
        let limits = SchemaLimits { visits: 60, ..LIMITS };
        assert_eq!(problem_under(document.clone(), &limits).0, SchemaProblemKind::Work, "{sample}");
        // With it, each of these is over at once, where 2³⁰ visits would not be.
        let schema = schema(document);
        let array = (0..30).fold(json!("x"), |inner, _| json!([inner]));
        let object = (0..30).fold(json!("x"), |inner, _| json!({"a": inner}));
        let refused = [&array, &object].into_iter().filter(|value| schema.check(value).is_err()).count();
        assert_eq!(refused, 1, "{sample}");
    }
}

#[test]
fn visits_at_the_limit_are_accepted_and_one_more_is_not() {
    // The document, two at each level, each of them with its target: 1 + 1 + 2·2 + 4·2.
    let document = doubling(2, |next| json!({"allOf": [next, next]}));
    let visits = 1 + 1 + 4 + 8;
    assert!(Schema::compile_value(&document, &SchemaLimits { visits, ..LIMITS }).is_ok());
    let (kind, _) = problem_under(document, &SchemaLimits { visits: visits - 1, ..LIMITS });
    assert_eq!(kind, SchemaProblemKind::Work);
}

#[test]
fn recursive_schemas_work() {
    let tree = schema(json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "left": {"$ref": "#/$defs/node"},
                "right": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "more": {"type": "array", "items": {"$ref": "#/$defs/node"}}
            },
            "additionalProperties": {"$ref": "#/$defs/node"}
        }}
    }));
    let mut value = json!({"value": "leaf"});
    for _ in 0..20 {
        value = json!({"left": {"right": value}, "more": [{"value": 1}]});
    }
    let mismatch = tree.check(&value).unwrap_err();
    assert_eq!(mismatch.rule(), "must be of type integer");
    assert!(mismatch.pointer().starts_with("/left/right/left/right/"));
    assert!(tree.check(&json!({"left": {"right": null}, "other": {"value": 2}})).is_ok());
    assert!(schema(json!({"items": {"$ref": "#"}, "type": "array"})).check(&json!([[], [[]]])).is_ok());
    let dynamic = schema(json!({
        "$dynamicAnchor": "node", "type": "object", "additionalProperties": {"$dynamicRef": "#node"}
    }));
    assert_eq!(dynamic.check(&json!({"a": {"b": 1}})).unwrap_err().to_string(), "/*/* must be of type object");
}

#[test]
fn anchor_of_the_outermost_resource_is_the_one_that_is_meant() {
    let tree = json!({
        "$id": "urn:tree", "$dynamicAnchor": "node", "type": "object",
        "properties": {"data": {}, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}}
    });
    let strict = json!({
        "$id": "urn:strict", "$dynamicAnchor": "node", "$ref": "urn:tree", "unevaluatedProperties": false,
        "$defs": {"tree": tree}
    });
    let misspelled = json!({"children": [{"children": [{"daat": 1}]}]});
    assert_eq!(says(strict.clone(), misspelled.clone()), "/children/0/children/0 has the unknown member \"daat\"");
    assert!(schema(strict.clone()).check(&json!({"children": [{"children": [{"data": 1}]}]})).is_ok());
    // Where the way does not lead through the strict one, the tree is what it says of itself.
    let within = json!({"$id": "urn:root", "$ref": "urn:tree", "$defs": {"strict": strict}});
    assert!(schema(within).check(&misspelled).is_ok());
}

/// A language of filters, as enums with an inner tag give it: the alternatives lead back through the same member.
fn filters(tags: &[&str]) -> Value {
    let alternative = |tag: &&str| {
        json!({
            "type": "object",
            "properties": {"op": {"const": tag}, "args": {"type": "array", "items": {"$ref": "#/$defs/filter"}}},
            "required": ["op", "args"]
        })
    };
    json!({"$ref": "#/$defs/filter", "$defs": {"filter": {"oneOf": tags.iter().map(alternative).collect::<Vec<_>>()}}})
}

#[test]
fn deep_value_of_tagged_alternatives_is_checked_in_bounded_time() {
    for tags in [&["and", "or"][..], &["and", "or", "not", "xor"]] {
        let filter = schema(filters(tags));
        let deep = |leaf: Value| (0..30).fold(leaf, |inner, _| json!({"args": [inner], "op": "or"}));
        // Without the checker's memory of verdicts, each of these is 2³⁰ visits and more.
        assert_eq!(filter.check(&deep(json!({"op": "or", "args": []}))), Ok(()));
        let mismatch = filter.check(&deep(json!({"op": "maybe", "args": []}))).unwrap_err();
        assert_eq!(mismatch.to_string(), "the value must match the schema");
        let near = filter.check(&json!({"op": "or", "args": [{"op": "or", "args": [7]}]})).unwrap_err();
        assert_eq!(near.to_string(), "/args/0/args/0 must match one of the alternatives");
    }
}

/// A recursive schema in which `links` references and as many `allOf` stand between a value and its elements.
fn chain(links: usize) -> Value {
    chain_of(links, |next| json!({"allOf": [next]}))
}

fn chain_of(links: usize, link: impl Fn(Value) -> Value) -> Value {
    let mut definitions = Map::new();
    for number in 0..links {
        definitions.insert(format!("l{number}"), link(json!({"$ref": format!("#/$defs/l{}", number + 1)})));
    }
    definitions.insert(format!("l{links}"), json!({"items": {"$ref": "#/$defs/l0"}, "type": "array"}));
    json!({"$ref": "#/$defs/l0", "$defs": definitions})
}

#[test]
fn chain_that_could_exhaust_the_stack_is_refused() {
    // Each of the 65 places of the deepest value takes 15 links of 2, and 2 at their ends.
    let most = SchemaLimits { nesting: 65 * 32, ..LIMITS };
    assert!(Schema::compile_value(&chain(15), &most).is_ok());
    assert_eq!(
        problem_under(chain(15), &SchemaLimits { nesting: 65 * 32 - 1, ..LIMITS }).0,
        SchemaProblemKind::Nesting
    );
    assert_eq!(problem(chain(15)).0, SchemaProblemKind::Nesting);
    assert_eq!(problem(chain(400)).0, SchemaProblemKind::Nesting);
}

#[test]
fn longest_chain_that_is_accepted_fits_a_small_stack() {
    let schema = schema(chain(14));
    let value = (0..64).fold(json!("x"), |inner, _| json!([inner]));
    let check = move || schema.check(&value).is_err();
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(check).unwrap();
    assert!(thread.join().unwrap());
}

#[test]
fn chain_of_the_rules_that_take_most_fits_the_stack_of_a_thread() {
    let schema = schema(chain_of(14, |next| json!({"oneOf": [next], "unevaluatedItems": false})));
    let value = (0..64).fold(json!("x"), |inner, _| json!([inner]));
    let check = move || Check::new(&schema.program, None).explain(&value).is_some();
    let thread = std::thread::Builder::new().stack_size(1536 * 1024).spawn(check).unwrap();
    assert!(thread.join().unwrap());
}

#[test]
fn what_is_evaluated_is_found_without_going_through_it_again() {
    for twice in [
        |next: Value| json!({"allOf": [next], "unevaluatedProperties": false}),
        |next: Value| json!({"anyOf": [next], "unevaluatedItems": false}),
    ] {
        let limits = SchemaLimits { visits: 62, ..LIMITS };
        assert!(Schema::compile_value(&doubling(30, twice), &limits).is_ok(), "{}", twice(json!("next")));
    }
}

#[test]
fn verdicts_of_every_kind_of_reference_are_remembered() {
    let twice = |next: Value| json!([{"properties": {"a": next, "b": {"const": 1}}}, {"properties": {"a": next}, "required": ["c"]}]);
    let here = || twice(json!({"$ref": "#"}));
    let deep = (0..40).fold(json!(1), |inner, _| json!({"a": inner}));
    for document in [
        json!({"type": "object", "anyOf": here()}),
        json!({"type": "object", "oneOf": here()}),
        json!({"type": "object", "not": {"not": {"anyOf": here()}}}),
        json!({"type": "object", "allOf": [{"anyOf": here()}, {"anyOf": here()}]}),
        json!({"type": "object", "if": {"anyOf": here()}, "then": {"anyOf": here()}, "else": {"anyOf": here()}}),
        json!({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#", "anyOf": here()}),
        json!({"type": "object", "$id": "urn:tree", "anyOf": twice(json!({"$ref": "urn:tree"}))}),
        json!({"type": "object", "$anchor": "tree", "anyOf": twice(json!({"$ref": "#tree"}))}),
        json!({"type": "object", "$dynamicAnchor": "tree", "anyOf": twice(json!({"$dynamicRef": "#tree"}))}),
    ] {
        let mismatch = schema(document.clone()).check(&deep).unwrap_err();
        assert_eq!(mismatch.to_string(), "the value must match the schema", "{document}");
    }
}

#[test]
fn wide_value_that_does_not_fit_is_refused_in_bounded_time() {
    let alternatives: Vec<_> = (0..40)
        .map(|number| json!({"properties": {format!("a{number}"): {}}, "additionalProperties": false, "required": [format!("a{number}")]}))
        .collect();
    let schema = schema(json!({"oneOf": alternatives}));
    let wide: Map<String, Value> = (0..10_000).map(|number| (format!("x{number}"), json!(1))).collect();
    let mismatch = schema.check(&Value::Object(wide)).unwrap_err();
    assert_eq!(mismatch.to_string(), "the value must match the schema");
    assert_eq!(schema.check(&json!({"x": 1})).unwrap_err().to_string(), "the value must match one of the alternatives");
}

#[test]
fn patterns_cannot_backtrack() {
    let hostile = format!("{}!", "a".repeat(100_000));
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a?)+$", "(.*a){12}$"] {
        let schema = schema(object("a", json!({"pattern": pattern})));
        assert!(schema.check(&json!({"a": hostile})).is_err(), "{pattern}");
    }
    for pattern in ["(?=a)a", "(?!a)b", "(?<=a)b", "(a)\\1", "(", "[z-a]"] {
        let (kind, pointer) = problem(object("a", json!({"pattern": pattern})));
        assert_eq!((kind, &*pointer), (SchemaProblemKind::Pattern, "/properties/a/pattern"), "{pattern}");
        assert_eq!(problem(json!({"patternProperties": {pattern: {}}})).0, SchemaProblemKind::Pattern, "{pattern}");
    }
    let large = "^((a{1,100}){1,100}){1,100}b$";
    assert_eq!(problem(object("a", json!({"pattern": large}))).0, SchemaProblemKind::Pattern);
}

#[test]
fn bytes_at_the_limit_are_accepted_and_one_more_is_not() {
    let text = r#"{"type":"object"}"#;
    let limits = SchemaLimits { bytes: text.len(), ..LIMITS };
    assert!(Schema::compile_text(text, &limits).is_ok());
    let problem = Schema::compile_text(&format!("{text} "), &limits).unwrap_err();
    assert_eq!(problem.kind(), SchemaProblemKind::Bytes);
}

#[test]
fn depth_at_the_limit_is_accepted_and_one_more_is_not() {
    let nested = |levels: usize| (0..levels).fold(json!({}), |inner, _| json!({"not": inner}));
    assert!(Schema::compile_value(&nested(63), &LIMITS).is_ok());
    assert_eq!(problem(nested(64)).0, SchemaProblemKind::Depth);
    let data = (0..64).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(problem(json!({"default": data})).0, SchemaProblemKind::Depth);
    let unreadable = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Schema::compile_text(&unreadable, &LIMITS).unwrap_err().kind(), SchemaProblemKind::NotJson);
}

#[test]
fn subschemas_at_the_limit_are_accepted_and_one_more_is_not() {
    let flat = |count: usize| {
        let properties: Map<String, Value> =
            (0..count).map(|number| (format!("m{number}"), json!({"type": "string"}))).collect();
        json!({"type": "object", "properties": properties})
    };
    assert!(Schema::compile_value(&flat(LIMITS.subschemas - 1), &LIMITS).is_ok());
    assert_eq!(problem(flat(LIMITS.subschemas)).0, SchemaProblemKind::Subschemas);
}

#[test]
fn any_object_fits_a_schema_of_objects() {
    for document in [
        json!({"type": "object"}),
        json!({"type": "object", "properties": {}, "additionalProperties": true, "title": "x"}),
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "description": "x"}),
    ] {
        let schema = schema(document);
        assert_eq!(schema.check(&json!({"a": 1})), Ok(()));
        assert!(schema.check(&json!([])).is_err());
        assert_eq!(schema.check_raw(&raw(" {\"a\": 1}")), Ok(()));
        assert_eq!(schema.check_raw(&raw("7")).unwrap_err().to_string(), "the value must be of type object");
    }
}

fn raw(text: &str) -> RawJson {
    RawJson::from_value(&serde_json::from_str(text).unwrap())
}

#[test]
fn raw_text_is_checked_like_its_value() {
    let schema = schema(object("a", json!({"type": "integer"})));
    assert_eq!(schema.check_raw(&raw(r#"{"a": 1}"#)), Ok(()));
    assert_eq!(schema.check_raw(&raw(r#"{"a": "x"}"#)).unwrap_err().to_string(), "/a must be of type integer");
}

#[test]
fn problem_says_where_and_what() {
    let problem = Schema::compile_value(&object("a", json!({"$ref": "http://x/"})), &LIMITS).unwrap_err();
    assert_eq!(problem.to_string(), "the reference leaves the document (at `/properties/a/$ref`)");
    assert!(std::error::Error::source(&problem).is_none());
}
