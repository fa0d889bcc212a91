//! The names of scopes: which texts are one, and the words of a list of them.

/// Whether a text is a scope: printable ASCII without space, `"` and `\`, and not empty.
///
/// # Source
/// RFC 6749, section 3.3, `scope-token`.
pub fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// The scopes of a list with spaces between them; `None` where a word is no scope. More spaces than one are one.
pub(crate) fn words(list: &str) -> Option<Vec<&str>> {
    list.split(' ').filter(|word| !word.is_empty()).map(|word| is_scope(word).then_some(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_no_space_no_quote_no_backslash_and_nothing_beyond_ascii() {
        assert!(["a", "notes:read", "!", "~", "https://example.com/a.b"].into_iter().all(is_scope));
        assert!(!["", " ", "a b", "\"", "\\", "a\t", "a\u{7f}", "é"].into_iter().any(is_scope));
    }

    #[test]
    fn the_words_of_a_list_are_scopes_or_there_are_none() {
        assert_eq!(words(" a  b "), Some(vec!["a", "b"]));
        assert_eq!(words(""), Some(vec![]));
        assert_eq!(words("a \" b"), None);
        assert_eq!(words("a\tb"), None);
    }
}
