//! `x-mcp-header`: parameters that a client repeats in headers (2026-07-28), read from a tool's input schema when
//! it is registered, and compared with the arguments of every call over HTTP.

use http::{HeaderMap, HeaderName};
use mocopr_core::{fault::Fault, json::RawJson};
use mocopr_security::policy::Problem;
use serde_json::{Map, Value};

use crate::transport::mirror::{MirrorText, decode};

/// One annotated parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mirror {
    header: HeaderName,
    path: Vec<Box<str>>,
    kind: MirrorKind,
}

/// The JSON type of an annotated parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MirrorKind {
    Text,
    Integer,
    Boolean,
}

/// The annotated parameters of a tool's input schema.
///
/// # Errors
/// A problem for each annotation that the specification refuses (2026-07-28, server/tools, "x-mcp-header").
pub(crate) fn find(tool: &str, schema: &Value) -> Result<Vec<Mirror>, Vec<Problem>> {
    let mut search = Search { tool, mirrors: Vec::new(), problems: Vec::new() };
    search.object(schema, &mut Vec::new(), Reach::Static);
    if search.problems.is_empty() { Ok(search.mirrors) } else { Err(search.problems) }
}

/// Compares the headers of a request with the arguments of its call.
///
/// # Errors
/// [`Fault::HeaderMismatch`] for the first parameter that is in the arguments and not in its header, or says
/// something else there, or whose header cannot be decoded.
pub(crate) fn check(mirrors: &[Mirror], headers: &HeaderMap, arguments: &RawJson) -> Result<(), Fault> {
    if mirrors.is_empty() {
        return Ok(());
    }
    let arguments: Value = arguments.decode().map_err(|_| Fault::Internal)?;
    mirrors.iter().try_for_each(|mirror| mirror.check(headers, &arguments))
}

impl Mirror {
    fn check(&self, headers: &HeaderMap, arguments: &Value) -> Result<(), Fault> {
        let mut values = headers.get_all(&self.header).iter();
        let header = values.next();
        if values.next().is_some() {
            return Err(Fault::HeaderMismatch("a parameter header comes more than once"));
        }
        let value = self.path.iter().try_fold(arguments, |value, member| value.get(&**member));
        let Some(value) = value.filter(|value| !value.is_null()) else {
            // A header without a parameter says something that the body does not.
            return match header {
                Some(_) => Err(Fault::HeaderMismatch("a parameter header has no parameter in the body")),
                None => Ok(()),
            };
        };
        let Some(header) = header else {
            return Err(Fault::HeaderMismatch("a parameter of the body is missing from its header"));
        };
        let text = decode(header).ok_or(Fault::HeaderMismatch("a parameter header cannot be decoded"))?;
        if self.says(&text, value) {
            return Ok(());
        }
        Err(Fault::HeaderMismatch("a parameter header and the body differ"))
    }

    /// The header's text means the same as the body's value. Numbers are compared as numbers.
    fn says(&self, header: &MirrorText<'_>, value: &Value) -> bool {
        match self.kind {
            MirrorKind::Text => value.as_str() == Some(header.as_str()),
            MirrorKind::Boolean => {
                value.as_bool().is_some_and(|value| header.as_str() == if value { "true" } else { "false" })
            }
            MirrorKind::Integer => integer(value).is_some_and(|value| integer_text(header.as_str()) == Some(value)),
        }
    }
}

struct Search<'a> {
    tool: &'a str,
    mirrors: Vec<Mirror>,
    problems: Vec<Problem>,
}

/// Whether a subschema describes one fixed member of the arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Static,
    Dynamic,
}

impl Search<'_> {
    fn object(&mut self, schema: &Value, path: &mut Vec<Box<str>>, reach: Reach) {
        let Value::Object(schema) = schema else {
            if let Value::Array(items) = schema {
                items.iter().for_each(|item| self.object(item, path, Reach::Dynamic));
            }
            return;
        };
        if let Some(name) = schema.get(ANNOTATION) {
            self.annotated(schema, name, path, reach);
        }
        for (keyword, inner) in schema {
            match (keyword.as_str(), inner) {
                ("properties", Value::Object(members)) => {
                    for (member, inner) in members {
                        path.push(member.as_str().into());
                        self.object(inner, path, reach);
                        path.pop();
                    }
                }
                // Values, not schemas: an annotation inside of them means nothing.
                ("const" | "enum" | "default" | "examples" | "required", _) => {}
                (_, inner) => self.object(inner, path, Reach::Dynamic),
            }
        }
    }

    fn annotated(&mut self, schema: &Map<String, Value>, name: &Value, path: &[Box<str>], reach: Reach) {
        match self.mirror(schema, name, path, reach) {
            Ok(mirror) => self.mirrors.push(mirror),
            Err((what, mend)) => {
                let place = path.join(".");
                self.problems.push(Problem::new(format!("tool `{}`, parameter `{place}`: {what}", self.tool), mend));
            }
        }
    }

    fn mirror(
        &self,
        schema: &Map<String, Value>,
        name: &Value,
        path: &[Box<str>],
        reach: Reach,
    ) -> Result<Mirror, (&'static str, &'static str)> {
        if reach == Reach::Dynamic || path.is_empty() {
            return Err((
                "x-mcp-header stands where no fixed member of the arguments is described",
                "put it on a property that is reached through `properties` alone",
            ));
        }
        let header = name
            .as_str()
            .filter(|name| !name.is_empty())
            .and_then(|name| HeaderName::from_bytes(format!("mcp-param-{name}").as_bytes()).ok())
            .ok_or(("the value of x-mcp-header is not a header name", "use letters, digits and hyphens"))?;
        if self.mirrors.iter().any(|known| known.header == header) {
            return Err((
                "two parameters have the same x-mcp-header",
                "give each its own; case does not tell them apart",
            ));
        }
        let kind = match schema.get("type").and_then(Value::as_str) {
            Some("string") => MirrorKind::Text,
            Some("integer") => MirrorKind::Integer,
            Some("boolean") => MirrorKind::Boolean,
            _ => return Err(("x-mcp-header needs a string, an integer or a boolean", "change the parameter's type")),
        };
        Ok(Mirror { header, path: path.to_vec(), kind })
    }
}

/// The value as an integer that both sides can hold exactly.
fn integer(value: &Value) -> Option<i64> {
    let whole = value.as_i64().or_else(|| {
        let float = value.as_f64()?;
        whole(float)
    })?;
    (whole.unsigned_abs() <= MAX_SAFE).then_some(whole)
}

/// The same of a header, whose text must be a whole number as JSON writes one, with zeros alone behind a point. A
/// leading zero or a fraction that a float would round away may be another number to whoever reads the header first.
fn integer_text(text: &str) -> Option<i64> {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_json = digits.bytes().all(|digit| digit.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    let number = is_json.then(|| whole.parse::<i64>().ok()).flatten()?;
    (number.unsigned_abs() <= MAX_SAFE).then_some(number)
}

#[expect(clippy::cast_possible_truncation, reason = "the value is whole and below 2^53")]
fn whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() <= MAX_SAFE as f64).then_some(float as i64)
}

/// 2^53 - 1: the largest integer that every JSON reader holds exactly.
const MAX_SAFE: u64 = (1 << 53) - 1;

const ANNOTATION: &str = "x-mcp-header";

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn region() -> Vec<Mirror> {
        let schema = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "n": {"type": "integer", "x-mcp-header": "Num"},
        }});
        find("t", &schema).unwrap()
    }

    fn verdict(headers: &[(&'static str, &str)], arguments: &Value) -> Result<(), Fault> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        check(&region(), &map, &RawJson::from_value(arguments))
    }

    #[test]
    fn header_and_body_must_say_the_same() {
        assert!(verdict(&[("mcp-param-region", "eu")], &json!({"region": "eu"})).is_ok());
        assert!(verdict(&[("mcp-param-region", "=?base64?SGVsbG8=?=")], &json!({"region": "Hello"})).is_ok());
        assert!(verdict(&[("mcp-param-region", "us")], &json!({"region": "eu"})).is_err());
        assert!(verdict(&[], &json!({"region": "eu"})).is_err());
        assert!(verdict(&[("mcp-param-region", "eu")], &json!({})).is_err());
        assert!(verdict(&[], &json!({"region": null})).is_ok());
        assert!(verdict(&[("mcp-param-region", "eu"), ("mcp-param-region", "eu")], &json!({"region": "eu"})).is_err());
    }

    #[test]
    fn integers_are_compared_as_numbers() {
        assert!(verdict(&[("mcp-param-num", "42.0")], &json!({"n": 42})).is_ok());
        assert!(verdict(&[("mcp-param-num", "42")], &json!({"n": 42.0})).is_ok());
        assert!(verdict(&[("mcp-param-num", "43")], &json!({"n": 42})).is_err());
        assert!(verdict(&[("mcp-param-num", "-42.00")], &json!({"n": -42})).is_ok());
        assert!(verdict(&[("mcp-param-num", "9007199254740991")], &json!({"n": 9_007_199_254_740_991_i64})).is_ok());
        for (header, body) in [
            ("010", 10_i64),
            ("+10", 10),
            ("00", 0),
            ("4.99999999999999999999", 5),
            ("5.00000000000000000001", 5),
            ("9007199254740990.9999", 9_007_199_254_740_991),
            ("50e-1", 5),
            ("5.", 5),
            (".0", 0),
            ("-", 0),
            ("--5", -5),
            ("5 ", 6),
            ("0x5", 5),
            ("inf", 5),
            ("5_0", 50),
        ] {
            assert!(verdict(&[("mcp-param-num", header)], &json!({"n": body})).is_err(), "{header}");
        }
        assert!(verdict(&[("mcp-param-num", "9007199254740993")], &json!({"n": 9_007_199_254_740_993_i64})).is_err());
    }

    #[test]
    fn annotations_that_cannot_be_mirrored_are_problems() {
        for schema in [
            json!({"properties": {"a": {"type": "number", "x-mcp-header": "A"}}}),
            json!({"properties": {"a": {"type": "string", "x-mcp-header": ""}}}),
            json!({"properties": {"a": {"type": "string", "x-mcp-header": "A\r\nB"}}}),
            json!({"properties": {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}}),
            json!({"properties": {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}}}),
            json!({"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]}),
        ] {
            assert!(find("t", &schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_nested_property_can_be_mirrored() {
        let schema = json!({"properties": {"to": {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}}});
        assert_eq!(find("t", &schema).unwrap().len(), 1);
    }
}
