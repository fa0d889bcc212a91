//! When two JSON values are the same: numbers by their value, objects whatever the order of their members.
//!
//! The order behind it has no meaning but that equal values stand together; so repeated elements are found by sorting
//! and not by comparing each with each.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::schema::number;

/// Whether two values are equal in the sense of JSON Schema 2020-12, 4.2.2.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    order(one, other).is_eq()
}

/// Whether no two elements are equal; takes as many comparisons as sorting does.
pub(super) fn are_distinct(elements: &[Value]) -> bool {
    let mut sorted: Vec<&Value> = elements.iter().collect();
    sorted.sort_unstable_by(|one, other| order(one, other));
    sorted.windows(2).all(|pair| match pair {
        [one, other] => !same(one, other),
        _ => true,
    })
}

/// A total order; what reads the values has bounded their depth, so recursion is safe.
fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => {
            match (number::compare(one, one), number::compare(other, other)) {
                (Some(_), Some(_)) => number::compare(one, other).unwrap_or(Ordering::Equal),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                // Beyond the range of floats a number is known by its text alone.
                (None, None) => one.to_string().cmp(&other.to_string()),
            }
        }
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => one.len().cmp(&other.len()).then_with(|| {
            let pairs = one.iter().zip(other);
            pairs.map(|(one, other)| order(one, other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }),
        (Value::Object(one), Value::Object(other)) => one.len().cmp(&other.len()).then_with(|| {
            let (one, other) = (by_name(one), by_name(other));
            let pairs = one.iter().zip(&other);
            let each = pairs.map(|(one, other)| one.0.cmp(other.0).then_with(|| order(one.1, other.1)));
            each.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        }),
        (_, _) => rank(one).cmp(&rank(other)),
    }
}

/// The members in the order of their names, which is not always that of the map.
fn by_name(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by(|one, other| one.0.cmp(other.0));
    sorted
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_the_same_whatever_their_spelling() {
        assert!(same(&json!({"a": 1, "b": [1.0, {"c": null}]}), &json!({"b": [1, {"c": null}], "a": 1.0})));
        for (one, other) in [
            (json!(0), json!(false)),
            (json!(1), json!("1")),
            (json!([1, 2]), json!([2, 1])),
            (json!({"a": 1}), json!({"b": 1})),
            (json!({"a": 1}), json!({"a": 1, "b": 1})),
            (json!(null), json!(0)),
            (json!([]), json!({})),
        ] {
            assert!(!same(&one, &other), "{one} {other}");
        }
    }

    #[test]
    fn repeated_elements_are_found_among_many() {
        let mut elements: Vec<Value> = (0..100_000).map(|number| json!({"n": number})).collect();
        assert!(are_distinct(&elements));
        elements.push(json!({"n": 77_777.0}));
        assert!(!are_distinct(&elements));
        assert!(are_distinct(&[]) && are_distinct(&[json!(1), json!(true), json!("1")]));
    }
}
