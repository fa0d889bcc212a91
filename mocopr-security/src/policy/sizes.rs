//! How much a message may hold: what an owner said of it, and the one place that decides which of it counts.
//!
//! The more a word is about, the less it counts: a whole set of limits yields to numbers for messages, and these to
//! numbers for arguments, in whatever order they were said.

use mocopr_core::json::MessageLimits;

use crate::{limits::Limits, policy::Problem, validation::JsonSchemaValidator};

/// What was said, from the word that is about most to the one that is about least.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    pub(super) limits: Limits,
    messages: Option<MessageLimits>,
    arguments: Option<JsonSchemaValidator>,
}

impl Sizes {
    pub(super) const fn of(limits: Limits) -> Self {
        Self { limits, messages: None, arguments: None }
    }

    /// Numbers for messages.
    ///
    /// # Errors
    /// Where others were said before.
    pub(super) fn say_messages(&mut self, messages: MessageLimits) -> Result<(), Problem> {
        match self.messages.replace(messages) {
            Some(before) if before != messages => Err(two("how much a message may hold", "with_input_validation")),
            Some(_) | None => Ok(()),
        }
    }

    /// Numbers for arguments.
    ///
    /// # Errors
    /// Where others were said before.
    pub(super) fn say_arguments(&mut self, arguments: JsonSchemaValidator) -> Result<(), Problem> {
        match self.arguments.replace(arguments) {
            Some(before) if before != arguments => Err(two("how much arguments may hold", "with_input_validator")),
            Some(_) | None => Ok(()),
        }
    }

    /// The limits that are in force.
    pub(super) fn settled(&self) -> Limits {
        let mut limits = self.limits.clone();
        if let Some(messages) = self.messages {
            limits.message = messages;
            limits.schema.value_depth = messages.arguments.depth;
        }
        if let Some(arguments) = self.arguments {
            arguments.bound(&mut limits);
        }
        limits
    }
}

fn two(what: &str, call: &str) -> Problem {
    Problem::new(
        format!("{what} is said twice, and not the same"),
        format!("call .{call}(..) once, on the policy or on the server's builder"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{policy::SecurityPolicy, validation::InputValidationPolicy};

    fn validator(depth: usize) -> JsonSchemaValidator {
        JsonSchemaValidator::builder().with_max_depth(depth).build()
    }

    /// S-51
    #[test]
    fn the_word_that_is_about_least_counts_in_whatever_order() {
        type Say = fn(SecurityPolicy) -> SecurityPolicy;
        let words: [Say; 3] = [
            |policy| policy.with_limits(Limits { message_bytes: 77, ..Limits::strict() }),
            |policy| policy.with_input_validation(InputValidationPolicy::permissive()),
            |policy| policy.with_input_validator(validator(5)),
        ];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let policy = order.into_iter().fold(SecurityPolicy::strict(), |policy, word| words[word](policy));
            let limits = policy.limits();
            assert_eq!(limits.message_bytes, 77, "{order:?}");
            assert_eq!(limits.message.elsewhere, MessageLimits::development().elsewhere, "{order:?}");
            assert_eq!((limits.message.arguments.depth, limits.schema.value_depth), (5, 5), "{order:?}");
            assert_eq!(policy.problems(), [], "{order:?}");
        }
    }

    /// S-03, S-51
    #[test]
    fn two_that_differ_are_a_problem_and_two_that_agree_are_not() {
        let policy = || SecurityPolicy::strict().with_input_validation(InputValidationPolicy::strict());
        assert_eq!(policy().with_input_validation(InputValidationPolicy::strict()).problems(), []);
        assert_eq!(policy().with_input_validation(true).problems(), []);
        assert_eq!(policy().with_input_validation(InputValidationPolicy::permissive()).problems().len(), 1);
        let policy = || SecurityPolicy::strict().with_input_validator(validator(5));
        assert_eq!(policy().with_input_validator(validator(5)).problems(), []);
        assert_eq!(policy().with_input_validator(validator(6)).problems().len(), 1);
    }
}
