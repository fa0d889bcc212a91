//! Paths below a directory, which cannot name anything else.

use std::fmt;

use mocopr_core::uri::percent;

/// A path below a directory: relative, UTF-8, in one spelling.
///
/// It has 1 to [`MAX_DEPTH`] components of 1 to [`MAX_COMPONENT_BYTES`] bytes with one `/` between, and at most
/// [`MAX_PATH_BYTES`] bytes. No component is `.` or `..`, and none holds NUL, another control character, `\`, or what a
/// second decoding would take for a percent-escape. Case and Unicode are not folded: two spellings are two files.
///
/// ```
/// use mocopr_security::sandbox::path::RelPath;
///
/// assert_eq!(RelPath::parse("a/b.txt").unwrap().name(), "b.txt");
/// assert!(["", "/a", "a/", "a//b", "../a", "a/./b", "a\\b", "a\0", "%2e%2e"].iter().all(|path| RelPath::parse(path).is_none()));
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Box<str>);

impl RelPath {
    /// Takes a path that is decoded; `None` for whatever is no plain path, without a reason.
    pub fn parse(path: &str) -> Option<Self> {
        if path.len() > MAX_PATH_BYTES {
            return None;
        }
        let mut depth = 0;
        for component in path.split('/') {
            depth += 1;
            if depth > MAX_DEPTH || !is_plain(component) {
                return None;
            }
        }
        Some(Self(path.into()))
    }

    /// The path of that name in a directory; `None` where it would be no plain path.
    pub fn below(directory: Option<&Self>, name: &str) -> Option<Self> {
        match directory {
            _ if name.contains('/') => None,
            None => Self::parse(name),
            Some(directory) => Self::parse(&format!("{directory}/{name}")),
        }
    }

    /// The path, with `/` between its components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components, at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path of the directory that holds it; `None` where that is the directory itself.
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Self(parent.into()))
    }

    /// The last suffix of the name: what stands behind its last dot, unless that is where the name begins or ends.
    ///
    /// ```
    /// use mocopr_security::sandbox::path::RelPath;
    ///
    /// let suffix = |path| RelPath::parse(path).and_then(|path| path.extension().map(str::to_owned));
    /// assert_eq!(suffix("a.d/b.txt.exe").as_deref(), Some("exe"));
    /// assert!([suffix("a.txt/b"), suffix(".txt"), suffix("b.")].iter().all(Option::is_none));
    /// ```
    pub fn extension(&self) -> Option<&str> {
        let (stem, extension) = self.name().rsplit_once('.')?;
        (!stem.is_empty() && !extension.is_empty()).then_some(extension)
    }

    /// Whether a component begins with a dot.
    pub fn is_hidden(&self) -> bool {
        self.components().any(|component| component.starts_with('.'))
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn is_plain(component: &str) -> bool {
    (1..=MAX_COMPONENT_BYTES).contains(&component.len())
        && !matches!(component, "." | "..")
        && !component.contains(|char: char| char == '\\' || char.is_control())
        && !percent::holds_escape(component)
}

/// The most bytes of a path: percent-encoded, most of them still fit a URI, and a cursor carries them.
pub const MAX_PATH_BYTES: usize = 1_024;

/// The most bytes of a component, which is what Linux's file systems take.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// The most components: each costs a step, and a list that walks directories is as deep.
pub const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// S-53, S-54, T-18
    #[test]
    fn a_path_that_could_be_read_as_another_one_is_refused() {
        for path in ["a", "a/b.txt", "...", "a/..b", "é/日", "a b", " ", "a:b", "100%", "%zz", "~", "-", "*", "CON"] {
            assert_eq!(RelPath::parse(path).as_ref().map(RelPath::as_str), Some(path));
        }
        for path in [
            "", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "../a", "a/..", "a/../b", "a\\b", "..\\a", "a\0",
            "a\0.txt", "a\n", "a\u{7f}", "a\u{85}", "%2e", "%2e%2e/a", "a%2fb", "a%5Cb", "a%00", "%25",
        ] {
            assert_eq!(RelPath::parse(path), None, "{path:?}");
        }
        assert_eq!(RelPath::below(None, "a/b"), None);
        assert_eq!(RelPath::below(RelPath::parse("a").as_ref(), ".."), None);
        assert_eq!(RelPath::below(RelPath::parse("a").as_ref(), "b"), RelPath::parse("a/b"));
    }

    /// S-54
    #[test]
    fn the_longest_and_deepest_paths_are_taken_and_one_more_is_not() {
        let component = "a".repeat(MAX_COMPONENT_BYTES);
        assert!(RelPath::parse(&component).is_some() && RelPath::parse(&format!("{component}a")).is_none());
        let deep = vec!["a"; MAX_DEPTH].join("/");
        assert!(RelPath::parse(&deep).is_some() && RelPath::parse(&format!("{deep}/a")).is_none());
        let long = [&component[..], &component, &component, &component].join("/");
        assert_eq!(long.len(), MAX_PATH_BYTES - 1);
        assert!(RelPath::parse(&long).is_some() && RelPath::parse(&format!("{long}/a")).is_none());
        let longest = format!("aa/{}", [&component[..], &component, &component, &component[3..]].join("/"));
        assert_eq!((longest.len(), RelPath::parse(&longest).is_some()), (MAX_PATH_BYTES - 1, true));
        let longest = format!("aaa/{}", [&component[..], &component, &component, &component[3..]].join("/"));
        assert_eq!((longest.len(), RelPath::parse(&longest).is_some()), (MAX_PATH_BYTES, true));
        let longer = format!("aaaa/{}", [&component[..], &component, &component, &component[3..]].join("/"));
        assert_eq!(RelPath::parse(&longer), None);
    }

    #[test]
    fn the_parts_of_a_path_stand_between_its_slashes_and_behind_its_last_dot() {
        for (text, parent, name, extension, is_hidden) in [
            ("a.txt", None, "a.txt", Some("txt"), false),
            ("a.d/b.tar.gz", Some("a.d"), "b.tar.gz", Some("gz"), false),
            ("a/b/c", Some("a/b"), "c", None, false),
            ("a/.txt", Some("a"), ".txt", None, true),
            ("a/..txt", Some("a"), "..txt", Some("txt"), true),
            (".a/b.", Some(".a"), "b.", None, true),
        ] {
            let path = RelPath::parse(text).unwrap();
            assert_eq!((&*path.to_string(), path.name(), path.extension()), (text, name, extension));
            assert_eq!((path.parent(), path.is_hidden()), (parent.and_then(RelPath::parse), is_hidden), "{text}");
            assert_eq!(RelPath::below(path.parent().as_ref(), name), Some(path), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_has_no_component_that_leads_elsewhere(path in "[a./\\\\%2eF\u{0}-\u{20}é]{0,12}") {
            if let Some(taken) = RelPath::parse(&path) {
                prop_assert_eq!(taken.as_str(), &path);
                prop_assert!(taken.components().all(|component| !["", ".", ".."].contains(&component)));
                prop_assert!(!path.contains(['\\', '\0']));
            }
        }
    }
}
