//! Which paths below a mount are served at all, whoever asks; what a caller may read of them, its rules say.

use std::fmt;

use crate::policy::Problem;

/// Which paths of a handler are served, by patterns that begin where the handler is mounted.
///
/// A pattern is a path, or the beginning of one and `*` behind it: `public/*` is everything below `public`, at any
/// depth, and not `public` itself. Patterns are compared with the decoded path, of which there is one spelling. What no
/// pattern matches is absent for everybody; what one matches is still decided by the rules for each caller.
///
/// ```
/// use mocopr_security::sandbox::access::ResourceAccessControl;
///
/// let access = ResourceAccessControl::sandboxed(&["public/*", "readme"]);
/// assert!(access.allows("public/a/b") && access.allows("readme"));
/// assert!(!access.allows("public") && !access.allows("public-evil/a") && !access.allows("readme/a"));
/// ```
#[derive(Clone)]
pub struct ResourceAccessControl {
    patterns: Vec<Pattern>,
    problems: Vec<Problem>,
}

#[derive(Clone)]
enum Pattern {
    Exact(Box<str>),
    Below(Box<str>),
}

impl ResourceAccessControl {
    /// Serves what one of these patterns matches, and nothing where there are none.
    ///
    /// A pattern with a scheme, with a `*` elsewhere than at its end, or with a segment that is empty, `.` or `..` is a
    /// problem that the server reports when it is built.
    pub fn sandboxed(patterns: &[&str]) -> Self {
        let mut access = Self { patterns: Vec::new(), problems: Vec::new() };
        for pattern in patterns {
            match Pattern::read(pattern) {
                Some(pattern) => access.patterns.push(pattern),
                None => access.problems.push(Problem::new(
                    format!("`{pattern}` is not a pattern of paths below a handler"),
                    "give a path such as docs/a.txt, or the beginning of one and a star behind it, such as public/*",
                )),
            }
        }
        access
    }

    /// Whether a decoded path is served.
    pub fn allows(&self, path: &str) -> bool {
        self.patterns.iter().any(|pattern| match pattern {
            Pattern::Exact(exact) => **exact == *path,
            Pattern::Below(start) => path.len() > start.len() && path.starts_with(&**start),
        })
    }

    /// What is wrong with the patterns; what is no pattern serves nothing.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Pattern {
    fn read(text: &str) -> Option<Self> {
        let (path, pattern) = match text.strip_suffix('*') {
            // A star may stand behind a whole segment or within one; what stands before it is a path then.
            Some(start) => (start.strip_suffix('/').unwrap_or(start), Self::Below(start.into())),
            None => (text, Self::Exact(text.into())),
        };
        let plain = |segment: &str| !matches!(segment, "" | "." | "..");
        let everything = text == "*";
        let well_formed = path.split('/').all(plain)
            && !text.contains("://")
            && !path.contains(|char: char| matches!(char, '*' | '\\') || char.is_control());
        (everything || well_formed).then_some(pattern)
    }
}

impl fmt::Debug for ResourceAccessControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.patterns).finish()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => write!(f, "{path}"),
            Self::Below(start) => write!(f, "{start}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-40
    #[test]
    fn a_pattern_serves_what_is_below_it_and_nothing_beside_it() {
        let access = ResourceAccessControl::sandboxed(&["public/*", "docs/v1*", "readme"]);
        for path in ["public/a", "public/a/b", "docs/v1", "docs/v1.txt", "docs/v12/a", "readme"] {
            assert_eq!(access.allows(path), path != "docs/v1", "{path}");
        }
        for path in ["", "public", "public/", "public-evil/a", "Public/a", "docs", "docs/v2", "readme2", "a/readme"] {
            assert!(!access.allows(path), "{path}");
        }
        assert!(ResourceAccessControl::sandboxed(&["*"]).allows("a/b"));
        assert!(!ResourceAccessControl::sandboxed(&[]).allows("a"));
    }

    #[test]
    fn what_is_no_pattern_is_a_problem_and_serves_nothing() {
        for pattern in ["", "/", "/a", "a/", "a//b", "../a", "a/./*", "a*b", "**", "notes://public/*", "a\\b", "a\0"] {
            let access = ResourceAccessControl::sandboxed(&[pattern]);
            assert_eq!((access.problems().len(), access.patterns.len()), (1, 0), "{pattern:?}");
        }
        assert!(ResourceAccessControl::sandboxed(&["a", "a/*", "*", "a b/c*"]).problems().is_empty());
    }
}
