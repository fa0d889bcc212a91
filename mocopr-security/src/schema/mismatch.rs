//! Where a value does not fit its schema, and which rule it breaks, in our own words.
//!
//! A mismatch goes to the peer that sent the value. It holds names, numbers and patterns of the schema, which the peer
//! can read anyway, and of the value nothing but the name of a member that should not be there, and that only where it
//! is a plain word. In a place, a name that the schema does not know is written as `*`.

use std::fmt::{self, Write};

use jsonschema::{
    JsonType, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

use crate::schema::{Names, work::Work};

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

    /// Finds the mismatch in a value that does not fit.
    ///
    /// Telling why costs more than telling whether, since failed alternatives are all gone through, so a value that
    /// is too large for that is refused in general terms.
    pub(super) fn find(validator: &Validator, work: &Work, names: &Names, value: &Value) -> Self {
        let size = Size::of(value);
        if size.places.saturating_mul(work.visits(size.depth)) > MAX_VISITS_TO_EXPLAIN {
            return Self::new("", "must match the schema");
        }
        match validator.validate(value) {
            Err(error) => {
                let error = meant(&error);
                Self::new(&pointer(error, &names.known, value), &rule(error, names))
            }
            Ok(()) => Self::new("", "must match the schema"),
        }
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

/// How large a value is, for the work of explaining it.
struct Size {
    /// Values in it, and its text in pieces that cost about as much: an explanation may copy the value for each
    /// alternative.
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

/// Follows failed alternatives down to the mismatch that the sender most likely caused.
fn meant<'e>(error: &'e ValidationError<'e>) -> &'e ValidationError<'e> {
    let mut error = error;
    for _ in 0..MAX_ALTERNATIVES {
        let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind()
        else {
            return error;
        };
        let place = error.instance_path().as_str();
        let close: Vec<_> = context.iter().map(|branch| (closeness(branch, place), branch)).collect();
        let closest = close.iter().map(|(closeness, _)| *closeness).max();
        let mut candidates =
            close.iter().filter(|(closeness, _)| Some(*closeness) == closest && *closeness != Closeness::Far);
        let (Some((_, branch)), None) = (candidates.next(), candidates.next()) else { return error };
        let Some(first) = branch.first() else { return error };
        error = first;
    }
    error
}

/// How close a value came to one of several alternatives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    /// It is of another type, or its tag says another alternative.
    Far,
    /// It is of the type, and lacks something or has too much.
    Near,
    /// Only parts of it do not fit.
    Inside,
}

fn closeness(branch: &[ValidationError<'_>], place: &str) -> Closeness {
    let mut closeness = Closeness::Inside;
    for error in branch {
        let below = error.instance_path().as_str().get(place.len()..).unwrap_or("");
        let level = below.matches('/').count();
        let identity = match error.kind() {
            ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } => level <= 1,
            ValidationErrorKind::Type { .. } | ValidationErrorKind::FalseSchema => level == 0,
            _ => false,
        };
        if identity {
            return Closeness::Far;
        }
        if level == 0 {
            closeness = Closeness::Near;
        }
    }
    closeness
}

/// The place of an error, with `*` for names that the schema does not know.
fn pointer(error: &ValidationError<'_>, names: &[Box<str>], value: &Value) -> String {
    let mut pointer = String::new();
    let mut place = Some(value);
    for segment in error.instance_path().as_str().split('/').skip(1) {
        if pointer.len() > MAX_POINTER_CHARS {
            break;
        }
        pointer.push('/');
        let name = segment.replace("~1", "/").replace("~0", "~");
        match place {
            Some(Value::Array(elements)) => {
                pointer.push_str(segment);
                place = name.parse::<usize>().ok().and_then(|index| elements.get(index));
            }
            Some(Value::Object(members)) => {
                let known = names.binary_search_by(|known| (**known).cmp(&name)).is_ok();
                pointer.push_str(&if known { plain(segment) } else { "*".into() });
                place = members.get(&name);
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => pointer.push('*'),
        }
    }
    pointer
}

/// The rule that an error broke, as a phrase after the place.
fn rule(error: &ValidationError<'_>, names: &Names) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Type { kind: TypeKind::Single(kind) } => format!("must be of type {}", type_name(*kind)),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            let kinds: Vec<_> = kinds.iter().map(type_name).collect();
            format!("must be of type {}", kinds.join(" or "))
        }
        Kind::Required { property } => format!("must have the member {}", shown(property)),
        Kind::AdditionalProperties { unexpected } => {
            let place = error.schema_path().as_str().rsplit_once('/').map_or("", |(schema, _)| schema);
            unknown(unexpected, names.members.get(place).map_or(&[], |known| known))
        }
        Kind::UnevaluatedProperties { unexpected } => unknown(unexpected, &[]),
        Kind::AdditionalItems { .. } | Kind::UnevaluatedItems { .. } => "has too many elements".into(),
        Kind::FalseSchema => "must be absent".into(),
        Kind::Enum { options } => match options.as_array() {
            Some(options) if options.len() <= MAX_OPTIONS => {
                let options: Vec<_> = options.iter().map(shown).collect();
                format!("must be one of {}", options.join(", "))
            }
            Some(_) | None => "must be one of the listed values".into(),
        },
        Kind::Constant { expected_value } => format!("must be {}", shown(expected_value)),
        Kind::Minimum { limit } => format!("must be at least {}", shown(limit)),
        Kind::Maximum { limit } => format!("must be at most {}", shown(limit)),
        Kind::ExclusiveMinimum { limit } => format!("must be greater than {}", shown(limit)),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {}", shown(limit)),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        Kind::MinLength { limit } => format!("must be at least {} long", counted(*limit, "character")),
        Kind::MaxLength { limit } => format!("must be at most {} long", counted(*limit, "character")),
        Kind::MinItems { limit } => format!("must have at least {}", counted(*limit, "element")),
        Kind::MaxItems { limit } => format!("must have at most {}", counted(*limit, "element")),
        Kind::MinProperties { limit } => format!("must have at least {}", counted(*limit, "member")),
        Kind::MaxProperties { limit } => format!("must have at most {}", counted(*limit, "member")),
        Kind::UniqueItems => "must not have equal elements".into(),
        Kind::Contains => "must contain elements of the kind that the schema asks for".into(),
        Kind::PropertyNames { .. } => "has a member whose name is not allowed".into(),
        Kind::Pattern { pattern } => format!("must match the pattern {}", plain(pattern)),
        Kind::Format { format } => format!("must be of format {}", plain(format)),
        Kind::ContentEncoding { .. } | Kind::FromUtf8 { .. } => "must have the content encoding of the schema".into(),
        Kind::ContentMediaType { .. } => "must have the content type of the schema".into(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => "must match one of the alternatives".into(),
        Kind::OneOfMultipleValid { .. } => "must match only one of the alternatives".into(),
        Kind::Not { .. } => "must not match the excluded schema".into(),
        Kind::BacktrackLimitExceeded { .. }
        | Kind::RegexEngineFailure { .. }
        | Kind::Custom { .. }
        | Kind::Referencing(_) => "must match the schema".into(),
    }
}

/// That a member is too much, by its name where that is a plain word, and which there could be where they are `known`.
fn unknown(unexpected: &[String], known: &[Box<str>]) -> String {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$');
    let is_word = |name: &&String| (1..=MAX_SHOWN_CHARS).contains(&name.len()) && name.bytes().all(in_word);
    let mut rule = match unexpected.first().filter(is_word) {
        Some(name) => format!("has the unknown member \"{name}\""),
        None => "has an unknown member".to_owned(),
    };
    let known: Vec<_> = known.iter().map(|name| shown(&Value::from(&**name))).collect();
    let allowed = format!("; it takes {}", known.join(", "));
    if !known.is_empty() && rule.chars().count() + allowed.chars().count() <= MAX_RULE_CHARS {
        rule.push_str(&allowed);
    }
    rule
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "boolean",
        JsonType::Integer => "integer",
        JsonType::Number => "number",
        JsonType::String => "string",
        JsonType::Array => "array",
        JsonType::Object => "object",
    }
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
pub(super) const MAX_MEMBERS: usize = 8;
/// Alternatives within alternatives that are gone through to find what was meant.
const MAX_ALTERNATIVES: usize = 32;
const PIECE_BYTES: usize = 32;
/// Some ten milliseconds.
const MAX_VISITS_TO_EXPLAIN: u64 = 200_000;
