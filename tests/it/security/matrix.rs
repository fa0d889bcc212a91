//! The table of what must hold, `docs/security/matrix.md`, in step with the tests that it names.
//!
//! It owns what a row may say. It must never look at what a test does: whether a test shows its row is for people.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::tidy::{named_rows, root, rules, rust_files};

/// The ids that there are, by letter: first and last of each run.
const IDS: &[(char, &[(u8, u8)])] = &[
    ('S', &[(1, 6), (10, 24), (30, 38), (40, 45), (50, 65), (70, 81), (90, 104)]),
    ('P', &[(1, 21), (30, 48), (50, 58), (60, 69), (70, 79), (80, 91)]),
    ('T', &[(1, 30), (40, 49), (60, 68)]),
];

/// The most words of what must hold.
const MOST_WORDS: usize = 15;

/// S-104
#[test]
fn every_row_of_the_matrix_holds() {
    let matrix = fs::read_to_string(root().join("docs/security/matrix.md")).expect("the matrix is there");
    let (rows, mut problems) = rows(&matrix);
    problems.extend(gaps(&rows));
    let sources = rust_files();
    let there = Tree::of(&sources);
    problems.extend(rows.iter().flat_map(|row| row.problems(&there)));
    problems.extend(unshown(&rows, &sources));
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// A row of the table.
#[derive(Debug)]
struct Row<'a> {
    id: &'a str,
    what: &'a str,
    shown: Vec<Shown<'a>>,
}

/// What shows a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown<'a> {
    /// The end of the path of a test.
    Test(&'a str),
    /// A file of the repository.
    File(&'a str),
    /// A rule about the source text.
    Rule(&'a str),
    /// A lint that the compiler enforces.
    Lint(&'a str),
    /// What is missing.
    Later(&'a str),
    /// Why there is no such part.
    NotOurs(&'a str),
}

impl<'a> Shown<'a> {
    /// Everything that a cell lists; `None` where it cannot be read.
    pub(crate) fn read(cell: &'a str) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        let mut rest = cell;
        while !rest.is_empty() {
            if let Some(what) = rest.strip_prefix("later: ") {
                all.push(Self::Later(what));
                break;
            }
            if let Some(why) = rest.strip_prefix("not ours: ") {
                all.push(Self::NotOurs(why));
                break;
            }
            let (kind, after) = rest.split_once('`')?;
            let (name, after) = after.split_once('`')?;
            all.push(match kind {
                "" => Self::Test(name),
                "file " => Self::File(name),
                "rule " => Self::Rule(name),
                "lint " => Self::Lint(name),
                _ => return None,
            });
            rest = if after.is_empty() { after } else { after.strip_prefix(", ")? };
        }
        Some(all)
    }

    /// It exists today.
    pub(crate) fn shows(self) -> bool {
        match self {
            Self::Test(_) | Self::File(_) | Self::Rule(_) | Self::Lint(_) => true,
            Self::Later(_) | Self::NotOurs(_) => false,
        }
    }
}

/// What rows can name.
pub(crate) struct Tree {
    tests: BTreeSet<String>,
    lints: String,
    root: PathBuf,
}

impl Tree {
    /// What these sources and the repository around them have.
    pub(crate) fn of(sources: &[(String, String)]) -> Self {
        Self { tests: tests(sources), lints: lints(), root: root() }
    }

    /// What is named there and does not exist, or says too little.
    pub(crate) fn problem(&self, shown: Shown<'_>) -> Option<String> {
        match shown {
            Shown::Test(path) => match tests_that_end_so(&self.tests, path) {
                1 => None,
                0 => Some(format!("there is no test `{path}`")),
                _ => Some(format!("there are several tests `{path}`")),
            },
            Shown::File(path) => (!is_file_inside(&self.root, path)).then(|| format!("there is no file `{path}`")),
            Shown::Rule(name) => rules().all(|rule| rule != name).then(|| format!("there is no rule `{name}`")),
            Shown::Lint(name) => {
                let is_there = self.lints.lines().any(|line| line.starts_with(&format!("{name} = ")));
                (!is_there).then(|| format!("there is no lint `{name}`"))
            }
            Shown::Later(text) | Shown::NotOurs(text) => {
                (text.len() < 3).then(|| "does not say what is missing, or why".to_owned())
            }
        }
    }
}

impl Row<'_> {
    fn problems(&self, tree: &Tree) -> Vec<String> {
        let mut problems = Vec::new();
        let mut wrong = |what: String| problems.push(format!("{}: {what}", self.id));
        if self.what.is_empty() || self.what.split_whitespace().count() > MOST_WORDS {
            wrong(format!("says in no words or in more than {MOST_WORDS} what must hold"));
        }
        if self.shown.is_empty() {
            wrong("says nothing of what shows it".to_owned());
        }
        if self.shown.len() > 1 && self.shown.iter().any(|shown| matches!(shown, Shown::NotOurs(_))) {
            wrong("is not ours and shown all the same".to_owned());
        }
        self.shown.iter().filter_map(|shown| tree.problem(*shown)).for_each(wrong);
        problems
    }
}

/// The rows of a table, and what in it cannot be read.
fn rows(matrix: &str) -> (Vec<Row<'_>>, Vec<String>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for line in matrix.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        match cells[..] {
            ["id", "what must hold", "shown by"] => {}
            ["---|---|---"] => {}
            [id, what, shown] => match Shown::read(shown) {
                Some(shown) => rows.push(Row { id, what, shown }),
                None => problems.push(format!("{id}: `{shown}` cannot be read")),
            },
            _ => problems.push(format!("not a row: {line}")),
        }
    }
    (rows, problems)
}

/// Where the ids of the rows are not all that there are, in their order.
fn gaps(rows: &[Row<'_>]) -> Option<String> {
    let known: Vec<String> = IDS
        .iter()
        .flat_map(|(letter, runs)| runs.iter().map(move |run| (letter, run)))
        .flat_map(|(letter, (first, last))| (*first..=*last).map(move |number| format!("{letter}-{number:02}")))
        .collect();
    let at = known.iter().map(String::as_str).zip(rows.iter().map(|row| row.id)).find(|(known, row)| known != row);
    match at {
        Some((known, row)) => Some(format!("{row} stands where {known} is expected")),
        None if known.len() != rows.len() => Some(format!("{} rows instead of {}", rows.len(), known.len())),
        None => None,
    }
}

/// Where an id stands above a test and its row says that nothing shows it.
fn unshown(rows: &[Row<'_>], sources: &[(String, String)]) -> Vec<String> {
    let shown: BTreeSet<&str> =
        rows.iter().filter(|row| row.shown.iter().any(|shown| shown.shows())).map(|row| row.id).collect();
    let mut problems = Vec::new();
    for (path, text) in sources {
        for (at, line) in text.lines().enumerate() {
            let named = line.trim().starts_with("///").then(|| named_rows(line)).flatten().unwrap_or_default();
            for id in named.into_iter().filter(|id| !shown.contains(id)) {
                problems.push(format!("{path}:{}: no row of the matrix says that {id} is shown", at + 1));
            }
        }
    }
    problems
}

/// The path of every test: of its crate or test program, of its file, and its name.
fn tests(sources: &[(String, String)]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (path, text) in sources {
        let Some(file) = modules(path) else { continue };
        let mut inner = "";
        let mut is_test = false;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
                inner = name;
            }
            let line_is_inside = line.starts_with(' ');
            let line = line.trim();
            is_test |= ["#[test]", "#[tokio::test]", "#[tokio::test("].iter().any(|mark| line.starts_with(mark));
            let item = line.strip_prefix("async ").unwrap_or(line);
            if let Some(rest) = item.strip_prefix("fn ").filter(|_| std::mem::take(&mut is_test)) {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                let inner = if line_is_inside && !inner.is_empty() { format!("{inner}::") } else { String::new() };
                all.insert(format!("{file}::{inner}{name}"));
            }
        }
    }
    all
}

/// The modules of a file: `mocopr_core::json::split` of `mocopr-core/src/json/split.rs`.
fn modules(path: &str) -> Option<String> {
    let (crate_name, file) = match path.strip_prefix("tests/") {
        Some(rest) => rest.split_once('/')?,
        None => path.split_once("/src/").or_else(|| Some(("mocopr", path.strip_prefix("src/")?)))?,
    };
    let mut all = vec![crate_name.replace('-', "_")];
    all.extend(file.strip_suffix(".rs")?.split('/').map(str::to_owned));
    if ["mod", "lib", "main"].contains(&all.last()?.as_str()) {
        all.pop();
    }
    Some(all.join("::"))
}

fn tests_that_end_so(tests: &BTreeSet<String>, path: &str) -> usize {
    // A name alone could be meant of any file; one module before it says where to look.
    if !path.contains("::") {
        return 0;
    }
    tests
        .iter()
        .filter(|test| test.strip_suffix(path).is_some_and(|rest| rest.is_empty() || rest.ends_with("::")))
        .count()
}

fn is_file_inside(root: &Path, path: &str) -> bool {
    !path.starts_with('/') && !path.contains("..") && root.join(path).is_file()
}

/// The lints of the workspace, and those that its settings configure.
fn lints() -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let from = manifest.find("[workspace.lints.rust]").expect("the manifest has lints");
    let to = manifest[from..].find("\n[package]").expect("the package follows");
    manifest[from..from + to].to_owned()
}

#[test]
fn a_row_that_says_too_little_or_names_what_is_not_there_is_found() {
    let tree = Tree {
        tests: tests(&[("tests/it/a/b.rs".to_owned(), "#[test]\nfn holds() {}\nfn no_test() {}\n".to_owned())]),
        lints: "unsafe_code = \"forbid\"\n".to_owned(),
        root: root(),
    };
    let problems = |shown: &str| {
        let table = format!("| S-01 | it holds | {shown} |\n");
        let (rows, unread) = rows(&table);
        (unread.len(), rows.iter().flat_map(|row| row.problems(&tree)).count())
    };
    for good in [
        "`b::holds`",
        "`it::a::b::holds`, later: the rest, and more",
        "file `Cargo.toml`, rule `no unsafe code`, lint `unsafe_code`",
        "later: all of it",
        "not ours: nothing like it is there",
    ] {
        assert_eq!(problems(good), (0, 0), "{good}");
    }
    for bad in [
        "",
        "`holds`",
        "`a::holds`",
        "`b::no_test`",
        "`b::holds`, `b::gone`",
        "file `gone.toml`",
        "file `../Cargo.toml`",
        "rule `no such rule`",
        "lint `no_such_lint`",
        "`b::holds`, not ours: both",
    ] {
        assert_eq!(problems(bad), (0, 1), "{bad}");
    }
    for unread in ["b::holds", "`b::holds` and more", "later:", "test `b::holds`", "`b::holds"] {
        assert_eq!(problems(unread), (1, 0), "{unread}");
    }
}

#[test]
fn a_missing_row_and_one_that_a_test_names_and_nothing_shows_are_found() {
    let table = "| S-01 | it holds | later: it |\n| S-03 | it holds | `b::holds`, later: more |\n";
    let (rows, unread) = rows(table);
    assert!(unread.is_empty());
    assert_eq!(gaps(&rows).expect("a row is missing"), "S-03 stands where S-02 is expected");
    assert!(gaps(&rows[..1]).is_some());
    let source = |text: &str| [("a.rs".to_owned(), text.to_owned())];
    assert_eq!(unshown(&rows, &source("    /// S-03\n")), [""; 0]);
    assert_eq!(unshown(&rows, &source("/// S-03, S-01\n/// P-09\n")).len(), 2);
    assert_eq!(unshown(&rows, &source("/// Of S-01 it says nothing here.\n")), [""; 0]);
}

#[test]
fn the_path_of_a_test_is_that_of_its_file_and_its_modules() {
    let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let inner = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n}\n";
    let sources = [
        source("mocopr-core/src/json/split.rs", inner),
        source("mocopr-security/src/gate/tests.rs", "#[test]\nfn b() {}\n"),
        source("tests/it/security/mod.rs", "#[tokio::test(start_paused = true)]\nasync fn c() {}\n"),
        source("src/lib.rs", "#[test]\nfn d<T>() {}\n"),
        source("examples/keys.rs", "#[test]\nfn e() {}\n"),
    ];
    let expected =
        ["it::security::c", "mocopr::d", "mocopr_core::json::split::tests::a", "mocopr_security::gate::tests::b"];
    assert_eq!(tests(&sources).into_iter().collect::<Vec<_>>(), expected);
}
