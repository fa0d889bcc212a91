//! A check without a tree, for the schemas that types produce: it says yes, or that the evaluator must be asked.
//!
//! Nearly every value fits, and most schemas are types, bounds and closed objects. For these a value is read once,
//! straight from its text, and nothing is kept. It never says no: whatever it does not know, in the schema or in the
//! value, is the evaluator's to judge, and so is every refusal.

mod read;

use serde_json::{Map, Number, Value};

/// A schema of types, bounds and objects alone.
#[derive(Debug)]
pub(super) struct Plain(Node);

impl Plain {
    /// Reads a schema; `None` for one that has any keyword beyond these.
    pub(super) fn of(document: &Value) -> Option<Self> {
        Node::of(document).map(Self)
    }

    /// Whether the value certainly fits; where not, the evaluator decides. `text` is one JSON value.
    pub(super) fn surely_fits(&self, text: &str) -> bool {
        read::fits(&self.0, text)
    }
}

/// One subschema.
#[derive(Debug)]
enum Node {
    /// Says nothing.
    Anything,
    /// Names the types that a value may have.
    Typed(Types),
}

/// For each type what a value of it must satisfy, or nothing where the type is not allowed.
#[derive(Debug, Default)]
struct Types {
    null: bool,
    boolean: bool,
    number: Option<Range>,
    text: Option<Text>,
    list: Option<Box<List>>,
    object: Option<Box<Object>>,
}

/// A number's bounds, both included.
#[derive(Debug)]
struct Range {
    kind: NumberKind,
    least: f64,
    most: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NumberKind {
    Integer,
    Any,
}

/// A text's bounds in characters, and the only texts that it may be, where they are listed.
#[derive(Debug)]
struct Text {
    length: Length,
    one_of: Option<Box<[Box<str>]>>,
}

#[derive(Debug)]
struct List {
    length: Length,
    element: Node,
}

#[derive(Debug)]
struct Length {
    least: usize,
    most: usize,
}

#[derive(Debug)]
struct Object {
    /// Sorted by name.
    members: Box<[Member]>,
    /// The bits of the members that must be there.
    required: u64,
    rest: Rest,
}

#[derive(Debug)]
struct Member {
    name: Box<str>,
    node: Node,
}

/// What members that are not named may be.
#[derive(Debug)]
enum Rest {
    Refused,
    Each(Node),
}

impl Node {
    fn of(schema: &Value) -> Option<Self> {
        let keywords = schema.as_object()?;
        if !keywords.keys().all(|keyword| is_known(keyword)) {
            return None;
        }
        let mut types = Types::default();
        match keywords.get("type") {
            Some(Value::String(kind)) => types.allow(kind, keywords)?,
            Some(Value::Array(kinds)) => {
                for kind in kinds {
                    types.allow(kind.as_str()?, keywords)?;
                }
            }
            // Without a type each keyword concerns values of its own type alone; types never produce that.
            Some(_) => return None,
            None if keywords.keys().all(|keyword| says_nothing(keyword)) => return Some(Self::Anything),
            None => return None,
        }
        // An enumeration concerns values of every type, and is understood for texts.
        (types.are_only_text() || !keywords.contains_key("enum")).then_some(Self::Typed(types))
    }
}

impl Types {
    fn are_only_text(&self) -> bool {
        let Self { null, boolean, number, text, list, object } = self;
        text.is_some() && !null && !boolean && number.is_none() && list.is_none() && object.is_none()
    }

    fn allow(&mut self, kind: &str, keywords: &Map<String, Value>) -> Option<()> {
        match kind {
            "null" => self.null = true,
            "boolean" => self.boolean = true,
            "integer" | "number" if self.number.is_some() => return None,
            "integer" => self.number = Some(Range::of(NumberKind::Integer, keywords)?),
            "number" => self.number = Some(Range::of(NumberKind::Any, keywords)?),
            "string" => self.text = Some(Text::of(keywords)?),
            "array" => self.list = Some(Box::new(List::of(keywords)?)),
            "object" => self.object = Some(Box::new(Object::of(keywords)?)),
            _ => return None,
        }
        Some(())
    }
}

impl Range {
    fn of(kind: NumberKind, keywords: &Map<String, Value>) -> Option<Self> {
        let bound = |keyword, none| keywords.get(keyword).map_or(Some(none), exact);
        Some(Self { kind, least: bound("minimum", f64::NEG_INFINITY)?, most: bound("maximum", f64::INFINITY)? })
    }
}

impl Text {
    fn of(keywords: &Map<String, Value>) -> Option<Self> {
        let one_of = match keywords.get("enum") {
            None => None,
            Some(texts) => {
                let texts = texts.as_array()?.iter().map(|text| text.as_str().map(Box::from));
                Some(texts.collect::<Option<_>>()?)
            }
        };
        Some(Self { length: Length::of(keywords, "minLength", "maxLength")?, one_of })
    }
}

impl List {
    fn of(keywords: &Map<String, Value>) -> Option<Self> {
        let element = keywords.get("items").map_or(Some(Node::Anything), Node::of)?;
        Some(Self { length: Length::of(keywords, "minItems", "maxItems")?, element })
    }
}

impl Length {
    fn of(keywords: &Map<String, Value>, least: &str, most: &str) -> Option<Self> {
        let bound = |keyword, none| match keywords.get(keyword) {
            None => Some(none),
            Some(bound) => usize::try_from(bound.as_u64()?).ok(),
        };
        Some(Self { least: bound(least, 0)?, most: bound(most, usize::MAX)? })
    }
}

impl Object {
    fn of(keywords: &Map<String, Value>) -> Option<Self> {
        let mut members = Vec::new();
        if let Some(properties) = keywords.get("properties") {
            for (name, schema) in properties.as_object()? {
                members.push(Member { name: name.as_str().into(), node: Node::of(schema)? });
            }
        }
        members.sort_by(|one, other| one.name.cmp(&other.name));
        if members.len() > MOST_MEMBERS {
            return None;
        }
        let mut required = 0;
        if let Some(names) = keywords.get("required") {
            for name in names.as_array()? {
                let name = name.as_str()?;
                required |= bit(members.binary_search_by(|member| (*member.name).cmp(name)).ok()?);
            }
        }
        let rest = match keywords.get("additionalProperties") {
            None | Some(Value::Bool(true)) => Rest::Each(Node::Anything),
            Some(Value::Bool(false)) => Rest::Refused,
            Some(schema) => Rest::Each(Node::of(schema)?),
        };
        Some(Self { members: members.into(), required, rest })
    }
}

/// The bit of one member in the set of those that were seen.
fn bit(place: usize) -> u64 {
    u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or_default()
}

/// The number, where a comparison with it as a float is exact for every number that is read.
fn exact(bound: &Value) -> Option<f64> {
    let number: &Number = match bound {
        Value::Number(number) => number,
        _ => return None,
    };
    let float = number.as_f64()?;
    (float.abs() <= EXACT).then_some(float)
}

/// Floats hold every whole number up to here.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// As many as a set of one word holds.
const MOST_MEMBERS: usize = 64;

fn is_known(keyword: &str) -> bool {
    says_nothing(keyword)
        || matches!(
            keyword,
            "type"
                | "enum"
                | "minimum"
                | "maximum"
                | "minLength"
                | "maxLength"
                | "minItems"
                | "maxItems"
                | "items"
                | "properties"
                | "required"
                | "additionalProperties"
        )
}

/// Keywords that no value can break.
fn says_nothing(keyword: &str) -> bool {
    matches!(keyword, "$schema" | "title" | "description" | "$comment" | "examples" | "default" | "x-mcp-header")
}

#[cfg(test)]
mod tests;
