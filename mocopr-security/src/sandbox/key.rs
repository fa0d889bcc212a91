//! Keys of resources in memory: which texts may name one.

use std::{fmt, sync::Arc};

/// Which texts may be keys of resources in memory.
///
/// Whatever the rule, a key has 1 to [`MAX_KEY_BYTES`] bytes and holds no `/`, `\`, `%` and no control character, and
/// is not `.` or `..`: each of those could be read as another key, or as a path, once it stands in a URI.
///
/// ```
/// use mocopr_security::sandbox::key::KeyValidator;
///
/// let digits = KeyValidator::custom(|key| key.bytes().all(|byte| byte.is_ascii_digit()));
/// assert!(digits.allows("42") && !digits.allows("a42") && !digits.allows(""));
/// assert!(KeyValidator::alphanumeric_only().allows("a42"));
/// ```
#[derive(Clone)]
pub struct KeyValidator(Rule);

#[derive(Clone)]
enum Rule {
    Alphanumeric,
    Custom(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl KeyValidator {
    /// ASCII letters and digits alone. The default.
    pub fn alphanumeric_only() -> Self {
        Self(Rule::Alphanumeric)
    }

    /// Texts for which `allows` is true, of those that can be keys at all.
    ///
    /// It is asked of every key that a peer names, so it must be cheap and must not panic.
    pub fn custom(allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Rule::Custom(Arc::new(allows)))
    }

    /// Whether the text may be a key.
    pub fn allows(&self, key: &str) -> bool {
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return false;
        }
        match &self.0 {
            Rule::Alphanumeric => key.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            Rule::Custom(allows) => {
                let misread = |char: char| matches!(char, '/' | '\\' | '%') || char.is_control();
                !key.contains(misread) && !matches!(key, "." | "..") && allows(key)
            }
        }
    }
}

impl Default for KeyValidator {
    fn default() -> Self {
        Self::alphanumeric_only()
    }
}

impl fmt::Debug for KeyValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Rule::Alphanumeric => "KeyValidator(alphanumeric)",
            Rule::Custom(_) => "KeyValidator(custom)",
        })
    }
}

/// The most bytes of a key: three times as many, percent-encoded, still fit a URI.
pub const MAX_KEY_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphanumeric_keys_are_ascii_letters_and_digits_alone() {
        let keys = KeyValidator::alphanumeric_only();
        for key in ["a", "Z", "0", "aZ09"] {
            assert!(keys.allows(key), "{key}");
        }
        for key in ["", "a b", "a-b", "a_b", "a.b", "é", "٣", "a\0", "a\n", "../a", "a/b", "%41", "a%2Fb"] {
            assert!(!keys.allows(key), "{key:?}");
        }
    }

    #[test]
    fn a_rule_of_the_owner_cannot_allow_what_could_be_read_as_another_key() {
        let keys = KeyValidator::custom(|_| true);
        for key in ["a b", "a.b", "...", "é", "a?b", "a#b", "a@b"] {
            assert!(keys.allows(key), "{key}");
        }
        for key in ["", ".", "..", "a/b", "a\\b", "%2e%2e", "a%", "a\0b", "a\u{7f}", "a\u{85}"] {
            assert!(!keys.allows(key), "{key:?}");
        }
    }

    #[test]
    fn the_longest_key_is_allowed_and_one_byte_more_is_not() {
        for keys in [KeyValidator::alphanumeric_only(), KeyValidator::custom(|_| true)] {
            assert!(keys.allows(&"a".repeat(MAX_KEY_BYTES)));
            assert!(!keys.allows(&"a".repeat(MAX_KEY_BYTES + 1)));
        }
    }
}
