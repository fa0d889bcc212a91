//! Where a value does not fit its schema, and which rule it breaks, in our own words.
//!
//! A mismatch goes to the peer that sent the value. It holds names, numbers and patterns of the schema, which the peer
//! can read anyway, and of the value nothing but the name of a member that should not be there, and that only where it
//! is a plain word. In a place, a name that the schema does not know is written as `*`.

use std::fmt::{self, Write};

use serde_json::Value;

use crate::schema::{
    assertion::{Assertion, Bound, End, Unit},
    graph::escape,
    location::Step,
    report::{Broken, Cause},
    work::Work,
};

/// The first place at which a value does not fit, and the rule.
///
/// `Display` is one line of at most 256 characters: `/days must be at most 14`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pointer: Box<str>,
    rule: Box<str>,
}

impl Mismatch {
    /// The place, as a JSON Pointer; empty for the value itself. `*` stands for a name that the schema does not know.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The rule, as a phrase: `must be at most 14`.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Says what is broken. `known` are the names in the `properties` of the schema, sorted.
    pub(super) fn of(broken: &Broken<'_, '_>, known: &[Box<str>]) -> Self {
        Self::new(&pointer(&broken.steps, known), &rule(&broken.cause))
    }

    /// A value that does not fit, where telling why would cost too much.
    pub(super) fn unexplained() -> Self {
        Self::new("", "must match the schema")
    }

    /// A value that is nested deeper than it can be read.
    pub(super) fn unreadable() -> Self {
        Self::new("", "must be nested less deep")
    }

    fn new(pointer: &str, rule: &str) -> Self {
        Self { pointer: shorten(pointer, MAX_POINTER_CHARS).into(), rule: shorten(rule, MAX_RULE_CHARS).into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.pointer {
            "" => write!(f, "the value {}", self.rule),
            pointer => write!(f, "{pointer} {}", self.rule),
        }
    }
}

impl std::error::Error for Mismatch {}

/// Whether it can be told why a value does not fit.
///
/// That costs more than telling whether, since failed alternatives are all gone through and nothing is remembered, so
/// a value that is too large for it is refused in general terms.
pub(super) fn is_explainable(value: &Value, work: &Work) -> bool {
    let size = Size::of(value);
    size.places.saturating_mul(work.visits(size.depth)) <= MAX_VISITS_TO_EXPLAIN
}

/// How large a value is, for the work of explaining it.
struct Size {
    /// Values in it, and its text in pieces that cost about as much.
    places: u64,
    depth: usize,
}

impl Size {
    /// The reader has bounded the depth, so recursion is safe.
    fn of(value: &Value) -> Self {
        let mut own = Self { places: 1, depth: 0 };
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    own.places += pieces(name);
                    own.add(&Self::of(member));
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| own.add(&Self::of(element))),
            Value::String(text) => own.places += pieces(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        own
    }

    fn add(&mut self, part: &Self) {
        self.places += part.places;
        self.depth = self.depth.max(part.depth + 1);
    }
}

fn pieces(text: &str) -> u64 {
    u64::try_from(text.len() / PIECE_BYTES).unwrap_or(u64::MAX)
}

/// The place, with `*` for names that the schema does not know.
fn pointer(steps: &[Step<'_>], known: &[Box<str>]) -> String {
    let mut pointer = String::new();
    for step in steps {
        if pointer.len() > MAX_POINTER_CHARS {
            break;
        }
        match step {
            Step::Whole => {}
            Step::Element(index) => {
                // Writing to a string cannot fail.
                let _ = write!(pointer, "/{index}");
            }
            Step::Member(name) if known.binary_search_by(|known| (**known).cmp(name)).is_ok() => {
                pointer.push('/');
                pointer.push_str(&plain(&escape(name)));
            }
            Step::Member(_) => pointer.push_str("/*"),
        }
    }
    pointer
}

/// The rule that is broken, as a phrase after the place.
fn rule(cause: &Cause<'_, '_>) -> String {
    match cause {
        Cause::Assertion(assertion) => assertion_rule(assertion),
        Cause::Missing(name) => format!("must have the member {}", shown(&Value::from(*name))),
        Cause::Unknown(name, known) => unknown(name, known),
        Cause::TooMany => "has too many elements".into(),
        Cause::Name => "has a member whose name is not allowed".into(),
        Cause::NotContained => "must contain elements of the kind that the schema asks for".into(),
        Cause::NoAlternative => "must match one of the alternatives".into(),
        Cause::SeveralAlternatives => "must match only one of the alternatives".into(),
        Cause::Excluded => "must not match the excluded schema".into(),
    }
}

fn assertion_rule(assertion: &Assertion) -> String {
    match assertion {
        Assertion::Never => "must be absent".into(),
        Assertion::Type(kinds) => {
            let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            format!("must be of type {}", kinds.join(" or "))
        }
        Assertion::Enum(options) if options.len() <= MAX_OPTIONS => {
            let options: Vec<_> = options.iter().map(shown).collect();
            format!("must be one of {}", options.join(", "))
        }
        Assertion::Enum(_) => "must be one of the listed values".into(),
        Assertion::Const(expected) => format!("must be {}", shown(expected)),
        Assertion::Bound(bound, limit) => {
            let relation = match bound {
                Bound::Least => "at least",
                Bound::Most => "at most",
                Bound::Above => "greater than",
                Bound::Below => "less than",
            };
            format!("must be {relation} {limit}")
        }
        Assertion::MultipleOf(_, divisor) => format!("must be a multiple of {divisor}"),
        Assertion::Count(unit, end, limit) => {
            let relation = match end {
                End::Least => "at least",
                End::Most => "at most",
            };
            match unit {
                Unit::Characters => format!("must be {relation} {} long", counted(*limit, "character")),
                Unit::Elements => format!("must have {relation} {}", counted(*limit, "element")),
                Unit::Members => format!("must have {relation} {}", counted(*limit, "member")),
            }
        }
        Assertion::Pattern(pattern) => format!("must match the pattern {}", plain(pattern.source())),
        Assertion::Format(format) => format!("must be of format {}", format.name()),
        Assertion::Content(content) => format!("must have the {} of the schema", content.name()),
        Assertion::UniqueItems => "must not have equal elements".into(),
        // A missing member is told by its name.
        Assertion::Required(_) | Assertion::DependentRequired(_) => "must have all members".into(),
    }
}

/// That a member is too much, by its name where that is a plain word, and which there could be where they are `known`.
fn unknown(name: &str, known: &[Box<str>]) -> String {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$');
    let is_word = (1..=MAX_SHOWN_CHARS).contains(&name.len()) && name.bytes().all(in_word);
    let mut rule =
        if is_word { format!("has the unknown member \"{name}\"") } else { "has an unknown member".to_owned() };
    if !(1..=MAX_MEMBERS).contains(&known.len()) {
        return rule;
    }
    let known: Vec<_> = known.iter().map(|name| shown(&Value::from(&**name))).collect();
    let allowed = format!("; it takes {}", known.join(", "));
    if rule.chars().count() + allowed.chars().count() <= MAX_RULE_CHARS {
        rule.push_str(&allowed);
    }
    rule
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A value of the schema as JSON, shortened; JSON escapes control characters itself.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) | Value::Array(_) => "the value in the schema".into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            shorten(&value.to_string(), MAX_SHOWN_CHARS)
        }
    }
}

/// A text of the schema without control characters, shortened.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars().take(MAX_SHOWN_CHARS + 1) {
        if character.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(plain, "{}", character.escape_unicode());
        } else {
            plain.push(character);
        }
    }
    shorten(&plain, MAX_SHOWN_CHARS)
}

/// At most `most` characters, the last of them an ellipsis where something was cut.
fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// Together with the space between them, 256 characters.
const MAX_POINTER_CHARS: usize = 95;
const MAX_RULE_CHARS: usize = 160;
const MAX_SHOWN_CHARS: usize = 64;
const MAX_OPTIONS: usize = 16;
/// More names than this are not listed where a member is unknown.
const MAX_MEMBERS: usize = 8;
const PIECE_BYTES: usize = 32;
/// Some ten milliseconds.
const MAX_VISITS_TO_EXPLAIN: u64 = 200_000;
