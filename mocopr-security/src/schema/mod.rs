//! JSON Schemas: compiled once under limits, then checked against values at a bounded cost.
//!
//! No reference is ever fetched: a schema is one document, and one that points out of it is refused. A schema whose
//! check could take time exponential in its own size or in the depth of a value is refused when it is compiled, so
//! that no value can make a check expensive. A mismatch is told in our own words, with names of the schema and of a
//! member that it does not know: never a value.

mod assertion;
mod check;
mod content;
mod ecma;
mod formats;
mod graph;
mod keyword;
mod location;
mod memory;
mod mismatch;
mod number;
mod operand;
#[cfg(test)]
mod oracle;
mod part;
mod pattern;
mod plain;
mod problem;
mod program;
mod reference;
mod report;
mod same;
mod work;

use std::fmt;

use mocopr_core::json::RawJson;
use serde_json::Value;

use crate::schema::{
    check::Check,
    graph::Graph,
    memory::Memory,
    plain::Plain,
    program::Program,
    work::{Proof, Work},
};
pub use crate::schema::{
    mismatch::Mismatch,
    problem::{SchemaProblem, SchemaProblemKind},
};

/// Bounds on a schema, and on the work that it may ask for.
///
/// ```
/// use mocopr_security::{limits::Limits, schema::SchemaLimits};
///
/// let schema = SchemaLimits { subschemas: 500, ..SchemaLimits::development() };
/// let limits = Limits { schema, ..Limits::strict() };
/// assert_eq!(limits.schema.depth, 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaLimits {
    /// Bytes of the schema's text.
    pub bytes: usize,
    /// Nesting of objects and arrays in the schema's text; a subschema in `properties` takes two.
    pub depth: usize,
    /// Subschemas, wherever they stand.
    pub subschemas: usize,
    /// Bytes of one compiled pattern, and again of the automaton that matching builds.
    pub pattern_bytes: usize,
    /// How many subschemas may be applied at one place of a value, counting each time that one is applied again.
    pub visits: u64,
    /// How many subschemas may be under way at once in the check of a value of the greatest depth. One takes 320 to
    /// 570 bytes of stack without optimization, so 2,048 of them fit a thread's 2 MiB and leave 0.8 MiB to others.
    pub nesting: usize,
    /// Nesting of the values that will be checked; what reads them must enforce it.
    pub value_depth: usize,
}

impl SchemaLimits {
    /// The numbers of the development profile.
    ///
    /// They are far above what types produce: a schema of 2,000 subschemas is some 400 structs.
    pub const fn development() -> Self {
        Self {
            bytes: 256 * 1024,
            depth: 64,
            subschemas: 2_000,
            pattern_bytes: 1024 * 1024,
            visits: 1_000,
            nesting: 2_048,
            value_depth: 64,
        }
    }
}

/// A schema that is ready to check values.
///
/// Dialects: 2020-12, also where `$schema` is absent, and draft-07. `format` is asserted. Patterns are those of
/// ECMAScript and run in linear time; look-around and back-references, which cannot, are refused, and so are the
/// modifiers of groups. `\p{…}` names general categories and scripts alone.
///
/// ```
/// use mocopr_core::json::RawJson;
/// use mocopr_security::schema::{Schema, SchemaLimits};
/// use serde_json::json;
///
/// let text = json!({"type": "object", "properties": {"days": {"type": "integer", "maximum": 14}}});
/// let schema = Schema::compile_value(&text, &SchemaLimits::development())?;
/// assert!(schema.check(&json!({"days": 3})).is_ok());
/// let mismatch = schema.check(&json!({"days": 15})).unwrap_err();
/// assert_eq!(mismatch.to_string(), "/days must be at most 14");
/// # Ok::<(), mocopr_security::schema::SchemaProblem>(())
/// ```
///
/// # Source
/// MCP 2026-07-28, basic, "JSON Schema usage"; JSON Schema 2020-12 and draft-07.
pub struct Schema {
    program: Program,
    /// The names in any `properties`, sorted.
    names: Box<[Box<str>]>,
    work: Work,
    plain: Option<Plain>,
}

impl Schema {
    /// Compiles a schema from its text.
    ///
    /// Blocking work of up to some milliseconds for the largest schemas: at run time, do it off the executor.
    ///
    /// # Errors
    /// [`SchemaProblem`] says where and what: a limit is broken, the dialect is not known, a reference leaves the
    /// document, leads nowhere or in a circle, checking could be exponential, a pattern needs backtracking, or the
    /// schema is not valid.
    pub fn compile(raw: &RawJson, limits: &SchemaLimits) -> Result<Self, SchemaProblem> {
        Self::compile_text(raw.as_str(), limits)
    }

    /// Compiles a schema from its value.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn compile_value(value: &Value, limits: &SchemaLimits) -> Result<Self, SchemaProblem> {
        let text = serde_json::to_string(value).map_err(|error| SchemaProblemKind::NotJson.caused_by(error))?;
        Self::compile_text(&text, limits)
    }

    fn compile_text(text: &str, limits: &SchemaLimits) -> Result<Self, SchemaProblem> {
        if text.len() > limits.bytes {
            return Err(SchemaProblemKind::Bytes.at(""));
        }
        let document: Value =
            serde_json::from_str(text).map_err(|error| SchemaProblemKind::NotJson.caused_by(error))?;
        let dialect = Dialect::of(&document)?;
        let graph = Graph::read(&document, dialect, limits)?;
        let work = Work::measure(&graph, limits)?;
        let program = keyword::compile(&graph, dialect, limits)?;
        Ok(Self { program, names: graph.names(), work, plain: Plain::of(&document) })
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`Mismatch`]: the first place that does not fit, always the same one for the same value.
    pub fn check(&self, value: &Value) -> Result<(), Mismatch> {
        let memory = match self.work.proof() {
            Proof::Plain => None,
            Proof::Remembered => Some(Memory::new(&self.program)),
        };
        if Check::new(&self.program, memory).verdict(value) {
            return Ok(());
        }
        if !mismatch::is_explainable(value, &self.work) {
            return Err(Mismatch::unexplained());
        }
        let broken = Check::new(&self.program, None).explain(value);
        Err(broken.map_or_else(Mismatch::unexplained, |broken| Mismatch::of(&broken, &self.names)))
    }

    /// Checks a value from its text, which is read only when the schema asks for it, and kept only when it must be.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_raw(&self, raw: &RawJson) -> Result<(), Mismatch> {
        if self.plain.as_ref().is_some_and(|plain| plain.surely_fits(raw.as_str())) {
            return Ok(());
        }
        match serde_json::from_str(raw.as_str()) {
            Ok(value) => self.check(&value),
            // Nested deeper than the reader follows: what cannot be checked does not fit.
            Err(_) => Err(Mismatch::unreadable()),
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("subschemas", &self.program.nodes.len()).finish_non_exhaustive()
    }
}

/// The dialects that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    V2020_12,
    Draft07,
}

impl Dialect {
    fn of(document: &Value) -> Result<Self, SchemaProblem> {
        match document.get("$schema") {
            None => Ok(Self::V2020_12),
            Some(name) => Self::named(name).ok_or_else(|| SchemaProblemKind::Dialect.at("/$schema")),
        }
    }

    fn named(name: &Value) -> Option<Self> {
        match name.as_str()?.strip_suffix('#').or(name.as_str())? {
            "https://json-schema.org/draft/2020-12/schema" => Some(Self::V2020_12),
            "http://json-schema.org/draft-07/schema" => Some(Self::Draft07),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
