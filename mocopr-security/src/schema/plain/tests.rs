//! Where it says yes, the evaluator says yes; and for what types produce it does say yes.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::{Schema, SchemaLimits};

fn says(document: &Value, value: &Value) -> Option<bool> {
    Plain::of(document).map(|plain| plain.surely_fits(&value.to_string()))
}

#[test]
fn what_types_produce_is_accepted_without_the_evaluator() {
    let schema = json!({
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1, "maxLength": 80, "description": "Where."},
            "days": {"type": ["integer", "null"], "minimum": 1, "maximum": 14},
            "unit": {"type": "string", "enum": ["C", "F"]},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
            "any": {},
            "at": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
        },
        "required": ["city"],
        "additionalProperties": false
    });
    for value in [
        json!({"city": "Berlin"}),
        json!({"city": "Berlin", "days": null, "unit": "F", "tags": ["a", "b"], "any": [{}, 1], "at": {"x": 0, "y": []}}),
        json!({"city": "ä", "days": 14, "any": "text"}),
    ] {
        assert_eq!(says(&schema, &value), Some(true), "{value}");
    }
    for value in [
        json!({}),
        json!({"city": ""}),
        json!({"city": "Berlin", "days": 15}),
        json!({"city": "Berlin", "days": 1.5}),
        json!({"city": "Berlin", "unit": "K"}),
        json!({"city": "Berlin", "tags": ["a", "b", "c"]}),
        json!({"city": "Berlin", "at": {}}),
        json!({"city": "Berlin", "town": "Berlin"}),
        json!([]),
    ] {
        assert_eq!(says(&schema, &value), Some(false), "{value}");
    }
}

#[test]
fn every_other_keyword_is_left_to_the_evaluator() {
    for keyword in [
        json!({"pattern": "^a"}),
        json!({"format": "email"}),
        json!({"const": "a"}),
        json!({"not": {}}),
        json!({"anyOf": [{}]}),
        json!({"$ref": "#"}),
        json!({"exclusiveMinimum": 0}),
        json!({"multipleOf": 2}),
        json!({"uniqueItems": true}),
        json!({"minProperties": 1}),
        json!({"patternProperties": {}}),
        json!({"dependentRequired": {}}),
        json!({"enum": ["a", 1]}),
        json!({"maximum": 1e300}),
        json!({"required": ["unknown"]}),
        json!({"items": [{}]}),
        json!({"unknown": 1}),
    ] {
        let mut schema = json!({"type": ["object", "array", "string", "number"]});
        schema.as_object_mut().unwrap().extend(keyword.as_object().unwrap().clone());
        assert!(Plain::of(&schema).is_none(), "{schema}");
    }
    assert!(Plain::of(&json!({"minLength": 1})).is_none());
    assert!(Plain::of(&json!(true)).is_none());
}

#[test]
fn a_repeated_member_is_left_to_the_evaluator() {
    let plain = Plain::of(&json!({"type": "object", "properties": {"a": {"type": "string"}}})).unwrap();
    assert!(plain.surely_fits(r#"{"a":"x"}"#));
    assert!(!plain.surely_fits(r#"{"a":"x","a":"y"}"#));
    assert!(!plain.surely_fits(r#"{"a":"x"} 1"#));
}

#[test]
fn white_space_says_nothing_and_escapes_only_where_the_text_counts() {
    let schema = json!({
        "type": "object",
        "properties": {
            "free": {"type": "string"},
            "short": {"type": "string", "maxLength": 2},
            "listed": {"type": "string", "enum": ["a"]}
        }
    });
    let plain = Plain::of(&schema).unwrap();
    for (text, is_sure) in [
        (" {\n \"free\" :\t\"x\" , \"other\": [ 1 , { } ] }\r\n", true),
        (r#"{"free":"\u00e4\n\""}"#, true),
        (r#"{"short":"\u00e4"}"#, true),
        (r#"{"short":"\u00e4\u00e4"}"#, false),
        (r#"{"listed":"\u0061"}"#, false),
        (r#"{"fre\u0065":"x"}"#, false),
    ] {
        assert_eq!(plain.surely_fits(text), is_sure, "{text}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-20_i64..20).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-4.0..4.0_f64).prop_map(Value::from),
        Just(json!(2.0)),
        "[abä]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "null"})),
        (-5_i64..5, 0_i64..9).prop_map(|(least, span)| {
            json!({"type": ["integer", "null"], "minimum": least, "maximum": least + span})
        }),
        (-5.0..5.0_f64).prop_map(|most| json!({"type": "number", "maximum": most})),
        Just(json!({"type": "integer"})),
        (0_u64..3, 0_u64..5).prop_map(|(least, most)| json!({"type": "string", "minLength": least, "maxLength": most})),
        Just(json!({"type": "string", "enum": ["a", "b"]})),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let rest = prop_oneof![Just(json!(true)), Just(json!(false)), inner.clone()];
        prop_oneof![
            (inner.clone(), 0_u64..4)
                .prop_map(|(items, most)| json!({"type": "array", "items": items, "maxItems": most})),
            (prop::collection::btree_map("[abc]", inner, 0..4), any::<u8>(), rest).prop_map(|(members, some, rest)| {
                let required: Vec<_> =
                    members.keys().enumerate().filter(|(at, _)| some >> at & 1 == 1).map(|(_, name)| name).collect();
                json!({"type": "object", "properties": members, "required": required, "additionalProperties": rest})
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_never_accepts_what_the_evaluator_refuses(schema in any_schema(), value in any_value()) {
        let plain = says(&schema, &value);
        prop_assert!(plain.is_some(), "not plain: {schema}");
        let spread = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(plain, Plain::of(&schema).map(|plain| plain.surely_fits(&spread)));
        let judge = Schema::compile_value(&schema, &SchemaLimits::development()).unwrap();
        if plain == Some(true) {
            prop_assert!(judge.check(&value).is_ok(), "{schema} {value}");
        }
    }
}
