//! What an owner says about the checks of input: in one word, or as a set of numbers.
//!
//! Grammar, UTF-8, repeated names and limits hold whatever is said here; only the schema check can be left out, and
//! only in the development profile.

use mocopr_core::json::MessageLimits;

use crate::policy::Arguments;

/// How input is checked: `true`, `false`, or an [`InputValidationPolicy`].
///
/// The word switches the check of arguments against the schemas of tools; the policy sets how much a message may hold,
/// and keeps that check on.
///
/// ```
/// use mocopr_security::{
///     policy::SecurityPolicy,
///     validation::{InputValidation, InputValidationPolicy},
/// };
///
/// let numbers = InputValidation::from(InputValidationPolicy::strict());
/// let policy = SecurityPolicy::development().with_input_validation(numbers);
/// let unchecked = SecurityPolicy::development().with_input_validation(false); // where every handler checks for itself
/// assert_ne!(policy.arguments(), unchecked.arguments());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputValidation {
    pub(crate) arguments: Arguments,
    pub(crate) messages: Option<MessageLimits>,
}

/// How much one message may hold, as a whole set of numbers; arguments are checked against their schemas.
///
/// Which numbers count where others are said as well,
/// [`SecurityPolicy::with_limits`](crate::policy::SecurityPolicy::with_limits) says.
///
/// ```
/// use mocopr_security::{policy::SecurityPolicy, validation::InputValidationPolicy};
///
/// let policy = SecurityPolicy::development().with_input_validation(InputValidationPolicy::strict());
/// assert_eq!(policy.limits().message.arguments.depth, 32);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputValidationPolicy {
    messages: MessageLimits,
}

impl InputValidationPolicy {
    /// The numbers of the strict profile: arguments of 32 levels, 1,000 members, strings of 1 MiB, 10,000 elements.
    #[must_use]
    pub const fn strict() -> Self {
        Self { messages: MessageLimits::strict() }
    }

    /// The numbers of the development profile: arguments of 64 levels, 10,000 members, strings of 4 MiB, 100,000
    /// elements.
    #[must_use]
    pub const fn permissive() -> Self {
        Self { messages: MessageLimits::development() }
    }
}

impl From<bool> for InputValidation {
    fn from(checked: bool) -> Self {
        Self { arguments: if checked { Arguments::Checked } else { Arguments::Unchecked }, messages: None }
    }
}

impl From<InputValidationPolicy> for InputValidation {
    fn from(policy: InputValidationPolicy) -> Self {
        Self { arguments: Arguments::Checked, messages: Some(policy.messages) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{limits::Limits, policy::SecurityPolicy, validation::JsonSchemaValidator};

    /// S-51
    #[test]
    fn the_sets_of_numbers_are_those_of_the_profiles_and_agree_with_schemas() {
        let strict = SecurityPolicy::development().with_input_validation(InputValidationPolicy::strict());
        assert_eq!(strict.limits().message, Limits::strict().message);
        let permissive = SecurityPolicy::strict().with_input_validation(InputValidationPolicy::permissive());
        assert_eq!(permissive.limits().message, Limits::development().message);
        for policy in [strict, permissive] {
            assert_eq!(policy.limits().problems(), []);
            assert_eq!(policy.arguments(), Arguments::Checked);
        }
    }

    /// S-51
    #[test]
    fn a_word_switches_the_schema_check_and_no_number() {
        let policy = SecurityPolicy::development().with_input_validation(false);
        assert_eq!(policy.arguments(), Arguments::Unchecked);
        assert_eq!(policy.limits().message, Limits::development().message);
        let again = policy.with_input_validation(InputValidationPolicy::strict());
        assert_eq!(again.arguments(), Arguments::Checked);
    }

    /// S-51
    #[test]
    fn a_validator_sets_the_numbers_of_arguments_alone() {
        let validator = JsonSchemaValidator::builder().with_max_depth(10).build();
        let policy = SecurityPolicy::strict().with_input_validator(validator);
        assert_eq!(policy.limits().message.arguments.depth, 10);
        assert_eq!(policy.limits().message.elsewhere, Limits::strict().message.elsewhere);
    }
}
