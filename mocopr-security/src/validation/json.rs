//! The words for how much JSON a call may hold.
//!
//! A validator is numbers that replace those of a profile. The scanner enforces them while a message is read, so
//! they must never be looked at by anything that comes later.

use mocopr_core::json::{JsonLimits, MessageLimits};

use crate::limits::Limits;

/// Bounds of the values that a client hands to a handler: `arguments` of tools and prompts, `inputResponses`, and
/// the `argument` and `context` of a completion.
///
/// The value itself is depth 1 and a scalar adds none; strings and member names count UTF-8 bytes after unescaping.
/// What is exactly at a bound passes.
///
/// ```
/// use mocopr_security::{limits::Limits, validation::JsonSchemaValidator};
///
/// let validator = JsonSchemaValidator::builder().with_max_depth(10).with_max_properties(100).build();
/// let mut limits = Limits::strict();
/// validator.bound(&mut limits);
/// assert_eq!((limits.message.arguments.depth, limits.message.arguments.members), (10, 100));
/// assert_eq!(limits.message.arguments.elements, 10_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonSchemaValidator {
    limits: JsonLimits,
    unknown: UnknownMembers,
}

/// What becomes of arguments that an input schema does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownMembers {
    /// What the schema says; one that says nothing takes them.
    AsTheSchemaSays,
    /// A schema that says nothing refuses them.
    Refused,
}

impl JsonSchemaValidator {
    /// A builder that begins with the numbers of the strict profile.
    pub const fn builder() -> JsonSchemaValidatorBuilder {
        JsonSchemaValidatorBuilder {
            limits: MessageLimits::strict().arguments,
            unknown: UnknownMembers::AsTheSchemaSays,
        }
    }

    /// The bounds.
    #[must_use]
    pub const fn limits(&self) -> &JsonLimits {
        &self.limits
    }

    /// What becomes of arguments that an input schema does not name.
    #[must_use]
    pub const fn unknown_members(&self) -> UnknownMembers {
        self.unknown
    }

    /// Puts these bounds in the place of those of `limits`, and lets schemas be bounded for values of that depth.
    pub fn bound(&self, limits: &mut Limits) {
        limits.message.arguments = self.limits;
        limits.schema.value_depth = self.limits.depth;
    }
}

/// Collects the bounds of a [`JsonSchemaValidator`]; what is not set is that of the strict profile.
///
/// An example is at [`JsonSchemaValidator`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct JsonSchemaValidatorBuilder {
    limits: JsonLimits,
    unknown: UnknownMembers,
}

impl JsonSchemaValidatorBuilder {
    /// Whether a tool refuses arguments that its input schema does not name, also where the schema does not say so: one
    /// without `additionalProperties` and `unevaluatedProperties` is closed, for clients to read as well. `false`
    /// unless said. It is about the object of arguments itself and not about objects inside of it;
    /// `"additionalProperties": true` keeps a schema open.
    ///
    /// Schemas that mocopr makes of Rust types are closed in any case.
    pub const fn with_strict_mode(mut self, strict: bool) -> Self {
        self.unknown = if strict { UnknownMembers::Refused } else { UnknownMembers::AsTheSchemaSays };
        self
    }

    /// Nested objects and arrays, the value itself counted; 32 unless said. 0 is a problem that `build()` of the
    /// server reports.
    pub const fn with_max_depth(mut self, levels: usize) -> Self {
        self.limits.depth = levels;
        self
    }

    /// Members of one object; 1,000 unless said.
    pub const fn with_max_properties(mut self, members: usize) -> Self {
        self.limits.members = members;
        self
    }

    /// Bytes of one string or member name in UTF-8 after unescaping; 1 MiB unless said.
    pub const fn with_string_length_limit(mut self, bytes: usize) -> Self {
        self.limits.string_bytes = bytes;
        self
    }

    /// Elements of one array; 10,000 unless said.
    pub const fn with_max_elements(mut self, elements: usize) -> Self {
        self.limits.elements = elements;
        self
    }

    /// The validator.
    #[must_use]
    pub const fn build(self) -> JsonSchemaValidator {
        JsonSchemaValidator { limits: self.limits, unknown: self.unknown }
    }
}

#[cfg(test)]
mod tests {
    use mocopr_core::json::RawJson;

    use super::*;

    fn takes(validator: JsonSchemaValidator, text: &str) -> bool {
        RawJson::parse(text.to_owned().into(), validator.limits()).is_ok()
    }

    fn nested(levels: usize) -> String {
        format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn depth_is_bounded_to_the_level() {
        let validator = JsonSchemaValidator::builder().with_max_depth(10).build();
        assert!(takes(validator, &nested(10)));
        assert!(!takes(validator, &nested(11)));
    }

    #[test]
    fn members_are_bounded_to_the_member() {
        let object = |members: usize| {
            format!("{{{}}}", (0..members).map(|at| format!("\"m{at}\":0")).collect::<Vec<_>>().join(","))
        };
        let validator = JsonSchemaValidator::builder().with_max_properties(100).build();
        assert!(takes(validator, &object(100)));
        assert!(!takes(validator, &object(101)));
    }

    #[test]
    fn strings_are_bounded_to_the_byte_after_unescaping() {
        let validator = JsonSchemaValidator::builder().with_string_length_limit(10_000).build();
        for (unit, bytes) in [("a", 1), ("é", 2), ("\\u0061", 1), ("\\ud83d\\ude00", 4)] {
            let fits = unit.repeat(10_000 / bytes);
            assert!(takes(validator, &format!("\"{fits}\"")), "{unit}");
            assert!(!takes(validator, &format!("\"{fits}a\"")), "{unit}");
        }
    }

    #[test]
    fn elements_are_bounded_to_the_element() {
        let array = |elements: usize| format!("[{}]", vec!["0"; elements].join(","));
        let validator = JsonSchemaValidator::builder().with_max_elements(50).build();
        assert!(takes(validator, &array(50)));
        assert!(!takes(validator, &array(51)));
    }

    #[test]
    fn what_is_not_set_is_that_of_the_strict_profile() {
        let mut limits = Limits::strict();
        JsonSchemaValidator::builder().build().bound(&mut limits);
        assert_eq!(limits.message, Limits::strict().message);
        assert_eq!(limits.problems(), []);
    }
}
