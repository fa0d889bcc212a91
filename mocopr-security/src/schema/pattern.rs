//! Patterns of a schema, matched in time linear in the text.
//!
//! What no automaton can do is refused: look-around and references back.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::schema::ecma::translate;

/// A pattern that is ready to match.
pub(super) struct Pattern {
    source: Box<str>,
    automaton: Regex,
}

impl Pattern {
    /// Compiles a pattern to an automaton of at most that many bytes; `None` when it cannot.
    pub(super) fn compile(source: &str, most_bytes: usize) -> Option<Self> {
        let automaton =
            RegexBuilder::new(&translate(source)?).size_limit(most_bytes).dfa_size_limit(most_bytes).build().ok()?;
        Some(Self { source: source.into(), automaton })
    }

    /// Whether some part of the text matches.
    pub(super) fn finds(&self, text: &str) -> bool {
        self.automaton.is_match(text)
    }

    /// As it was written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> bool {
        Pattern::compile(pattern, 1024 * 1024).unwrap_or_else(|| panic!("{pattern}")).finds(text)
    }

    #[test]
    fn patterns_mean_what_ecmascript_says() {
        for (pattern, good, bad) in [
            (r"^\d+$", "042", "٤٢"),
            (r"^\w$", "_", "ä"),
            (r"^\W$", "ä", "a"),
            (r"^\s$", "\u{feff}", "\u{85}"),
            (r"^\S$", "x", "\u{2003}"),
            (r"^.$", "x", "\r"),
            (r"^[^]$", "\n", ""),
            (r"a|[]", "a", "b"),
            (r"^\cJ$", "\n", "J"),
            (r"^[\cA-\cZ]$", "\t", "A"),
            (r"^\u0041\x42\u{43}$", "ABC", "abc"),
            (r"^\uD83D\uDE00$", "\u{1F600}", "x"),
            (r"^\p{L}+$", "äλ", "a1"),
            (r"^\p{Lu}\P{Lu}$", "Ab", "AB"),
            (r"^\p{Script=Greek}$", "λ", "a"),
            (r"^\p{Lowercase_Letter}\p{gc=Nd}\p{scx=Latin}$", "a1b", "A1b"),
            (r"^\p{ASCII}\P{ASCII}\p{Any}$", "aää", "ääa"),
            (r"^[\p{L}\d-]+$", "a-1", "_"),
            (r"^[a-z&&b]+$", "&", "1"),
            (r"^[[a]$", "[", "]"),
            (r"^[\b]$", "\u{8}", "b"),
            (r"^\-?\/\@$", "-/@", "-"),
            (r"^(?<year>\d{4})-(?:\d{2})$", "2026-11", "2026-1"),
            (r"^a{2,}?b{1}$", "aab", "ab"),
            (r"\bfoo\b", "a foo.", "afoo"),
            (r"^ä\bb", "äb", "ä"),
            (r"^ä\B", "ä", "b"),
            (r"^#x y$", "#x y", "#xy"),
            (r"^a]}$", "a]}", "a"),
            (r"^[\b]}$", "\u{8}}", "b}"),
        ] {
            assert!(finds(pattern, good), "{pattern} {good}");
            assert!(!finds(pattern, bad), "{pattern} {bad}");
        }
    }

    #[test]
    fn what_is_no_pattern_or_takes_backtracking_is_refused() {
        for pattern in [
            "(",
            ")",
            "[",
            "a**",
            "a{",
            "{",
            "a{,5}",
            "*a",
            "^*",
            "a{2,1}",
            "[z-a]",
            r"\a",
            r"\",
            r"\1",
            r"\k<a>",
            r"(?<a>b)\k<a>",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?<!a)",
            "(?P<a>b)",
            "(?i)a",
            "(?#a)",
            "(?<1>a)",
            r"\p{}",
            r"\p",
            r"\p{Unknown}",
            r"\p{Alphabetic}",
            r"\p{Age=6.0}",
            r"\uD83D",
            r"\u{110000}",
            r"\x4",
            r"\01",
            r"\c1",
            r"[a-\d]",
            r"[\d-a]",
            r"[\B]",
            r"[\1]",
            r"[\w--z]",
            "(?<a>b",
        ] {
            assert!(Pattern::compile(pattern, 1024 * 1024).is_none(), "{pattern}");
        }
    }

    #[test]
    fn pattern_that_is_too_large_is_refused() {
        assert!(Pattern::compile("^a{1,100}$", 64 * 1024).is_some());
        assert!(Pattern::compile("^(a{1,100}){1,100}$", 64 * 1024).is_none());
    }
}
