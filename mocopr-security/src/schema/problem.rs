//! Why a schema was not compiled.
//!
//! These are texts for whoever wrote the schema, so they say where; they never reach a peer as they are.

use std::{error::Error, fmt};

/// A schema that cannot be used, with the place in it and the reason.
///
/// `source()` carries what the reader of JSON said, where the text is not JSON.
#[derive(Debug)]
pub struct SchemaProblem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: SchemaProblemKind,
    pointer: Box<str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl SchemaProblem {
    /// What is wrong.
    pub fn kind(&self) -> SchemaProblemKind {
        self.0.kind
    }

    /// Where, as a JSON Pointer into the schema; empty for the whole of it.
    pub fn pointer(&self) -> &str {
        &self.0.pointer
    }
}

impl fmt::Display for SchemaProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self.0.kind {
            SchemaProblemKind::NotJson => "the schema is not JSON",
            SchemaProblemKind::Bytes => "the schema has too many bytes",
            SchemaProblemKind::Depth => "the schema is nested too deep",
            SchemaProblemKind::Subschemas => "the schema has too many subschemas",
            SchemaProblemKind::Dialect => "the dialect is neither 2020-12 nor draft-07, or differs from the document's",
            SchemaProblemKind::ForeignReference => "the reference leaves the document",
            SchemaProblemKind::DanglingReference => "the reference leads nowhere",
            SchemaProblemKind::CircularReference => "the reference leads back to itself at the same place of a value",
            SchemaProblemKind::Work => {
                "checking a value could take exponential time: the same subschemas are applied \
                                        again and again to one place"
            }
            SchemaProblemKind::Nesting => {
                "checking a deep value could exhaust the stack: too many subschemas apply each \
                                           other in a row"
            }
            SchemaProblemKind::Pattern => "the pattern is not valid, too large, or needs backtracking",
            SchemaProblemKind::Invalid => "the schema is not valid in its dialect",
        };
        match &*self.0.pointer {
            "" => f.write_str(sentence),
            pointer => write!(f, "{sentence} (at `{pointer}`)"),
        }
    }
}

impl Error for SchemaProblem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// What is wrong with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaProblemKind {
    /// The text is not JSON.
    NotJson,
    /// More bytes than [`SchemaLimits::bytes`](super::SchemaLimits::bytes).
    Bytes,
    /// Nested deeper than [`SchemaLimits::depth`](super::SchemaLimits::depth).
    Depth,
    /// More subschemas than [`SchemaLimits::subschemas`](super::SchemaLimits::subschemas).
    Subschemas,
    /// A `$schema` that is not known, or that differs between the parts of one document.
    Dialect,
    /// A reference to another document. None is ever fetched.
    ForeignReference,
    /// A reference to a place that is not in the document, or is no schema.
    DanglingReference,
    /// A reference that is reached again from itself without going into the value.
    CircularReference,
    /// More work at one place of a value than [`SchemaLimits::visits`](super::SchemaLimits::visits).
    Work,
    /// More subschemas under way at once than [`SchemaLimits::nesting`](super::SchemaLimits::nesting).
    Nesting,
    /// A pattern that does not compile to a matcher of linear time, or is too large.
    Pattern,
    /// Anything else that the dialect does not allow.
    Invalid,
}

impl SchemaProblemKind {
    pub(super) fn at(self, pointer: &str) -> SchemaProblem {
        SchemaProblem(Box::new(Inner { kind: self, pointer: pointer.into(), source: None }))
    }

    pub(super) fn caused_by(self, source: impl Error + Send + Sync + 'static) -> SchemaProblem {
        SchemaProblem(Box::new(Inner { kind: self, pointer: "".into(), source: Some(Box::new(source)) }))
    }
}
