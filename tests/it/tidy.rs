//! The invariants of the project, checked on its own source text (`docs/architecture.md`, "Invariants").
//!
//! A rule is one line of [`RULES`], with a snippet that breaks it: each rule is run on its own snippet, so that none
//! can rot into one that never fails. What is not about a word in a place has a test of its own below.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::source::Source;

/// The most lines of a file.
const MOST_LINES: usize = 800;
/// The most lines of a file's header, but for a crate's root, which also shows how to start.
const MOST_HEADER_LINES: usize = 10;

/// Where a rule holds.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Files whose path begins so; an empty one is every file.
    Under(&'static [&'static str]),
    /// Files under the first whose path does not begin as one of the second.
    But(&'static [&'static str], &'static [&'static str]),
}

/// Which text of a file a rule reads.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// Code that ships, without comments and the contents of literals.
    Code,
    /// Code of tests as well.
    AllCode,
    /// Contents of literals that ship.
    Literals,
    /// Comments, doc comments among them.
    Comments,
    /// The file as it is.
    Text,
}

/// What a rule looks for.
#[derive(Clone, Copy, Debug)]
enum Find {
    /// Any of these, with no letter, digit or underscore before or after.
    Words(&'static [&'static str]),
    /// Any of these, anywhere, in any case.
    AnyCase(&'static [&'static str]),
    /// The name of a revision of the protocol.
    Date,
    /// An error number of JSON-RPC.
    RpcNumber,
    /// The number of a plan, a requirement or a ticket.
    Ticket,
    /// The name of a header, alone in its literal.
    Header(&'static str),
}

/// Something that must not stand in some place.
#[derive(Clone, Copy, Debug)]
struct Rule(&'static str, Place, Part, Find, &'static str);

const ALL: Place = Place::Under(&[""]);
const SHIPPED: &[&str] =
    &["src/", "mocopr-core/src/", "mocopr-security/src/", "mocopr-server/src/", "mocopr-macros/src/"];
const CORE: Place = Place::Under(&["mocopr-core/src/"]);
const WIRE: &[&str] = &["mocopr-core/src/wire/"];
const MODEL: Place = Place::Under(&["mocopr-core/src/model/", "mocopr-core/src/call.rs", "mocopr-core/src/outcome.rs"]);
const FILES: &[&str] =
    &["mocopr-security/src/sandbox/", "mocopr-security/src/file/", "mocopr-security/src/socket_file.rs"];
const TASKS: &[&str] =
    &["mocopr-server/src/transport/", "mocopr-security/src/background.rs", "mocopr-security/src/audit/writer/"];
const TABLES: &[&str] = &["mocopr-core/src/wire/shape", "mocopr-server/src/handler"];
const TESTS: Place = Place::But(&["tests/", "examples/", "mocopr-"], &["tests/it/tidy.rs"]);
const BUT_TIDY: Place = Place::But(&[""], &["tests/it/tidy.rs"]);

/// Each rule: what it says, where it holds, what it reads, what it looks for, and a line that breaks it.
#[rustfmt::skip]
const RULES: &[Rule] = &[
    Rule("no unsafe code", Place::But(&[""], &["tests/ui/"]), Part::AllCode, Find::Words(&["unsafe"]), "unsafe fn f() {}"),
    Rule("no unfinished code", BUT_TIDY, Part::Text, Find::Words(&["todo!", "unimplemented!", "TODO", "FIXME", "XXX", "HACK"]), "// TODO: later"),
    Rule("no ignored test", BUT_TIDY, Part::AllCode, Find::Words(&["#[ignore]", "#[ignore"]), "#[ignore = \"slow\"]"),
    Rule("no test sleeps", TESTS, Part::AllCode, Find::Words(&["thread::sleep"]), "std::thread::sleep(second);"),
    Rule("no path of a developer's machine", BUT_TIDY, Part::Text, Find::AnyCase(&["/work/", "/tmp/brief", "/root/", "/home/", "shared/"]), "// see /home/me/notes"),
    Rule("no number of a plan or a ticket in a comment", ALL, Part::Comments, Find::Ticket, "// Keeps S-18 true."),
    Rule("only the wire writes a protocol date", Place::But(SHIPPED, WIRE), Part::Literals, Find::Date, "let v = \"2025-11-25\";"),
    Rule("only the wire writes an error number", Place::But(SHIPPED, WIRE), Part::Code, Find::RpcNumber, "code: -32_602,"),
    Rule("no error number hides in a literal", Place::But(SHIPPED, WIRE), Part::Literals, Find::RpcNumber, "let e = r#\"{\"code\":-32602}\"#;"),
    Rule("the model does not serialize itself", MODEL, Part::Code, Find::Words(&["Serialize"]), "#[derive(Debug, serde::Serialize)]"),
    Rule("core has no runtime and does no I/O", CORE, Part::Code, Find::Words(&["tokio", "hyper", "std::fs", "std::process", "TcpStream", "File"]), "use tokio::sync::mpsc;"),
    Rule("bytes are cut out of a message only by the scanner", Place::But(SHIPPED, &["mocopr-core/src/json"]), Part::Code, Find::AnyCase(&[".slice(", ".slice_ref("]), "let id = frame.slice(0..4);"),
    Rule("only the sanitizer makes a public error", Place::But(SHIPPED, &["mocopr-security/src/sanitize"]), Part::Code, Find::Words(&["PublicError::sanitized"]), "PublicError::sanitized(fault, text, None)"),
    Rule("files are opened in three places", Place::But(SHIPPED, FILES), Part::Code, Find::Words(&["std::fs", "tokio::fs", "fs::read", "fs::File", "fs::metadata", "fs::symlink_metadata", "fs::remove_file", "OpenOptions"]), "std::fs::read(path)"),
    Rule("tasks are spawned in three places", Place::But(SHIPPED, TASKS), Part::Code, Find::Words(&["tokio::spawn", "task::spawn", "thread::spawn", ".spawn("]), "tokio::spawn(work);"),
    Rule("no channel without a bound", Place::Under(SHIPPED), Part::AllCode, Find::Words(&["unbounded_channel", "UnboundedSender", "std::sync::mpsc::channel"]), "let (a, b) = mpsc::unbounded_channel();"),
    Rule("the server never reads the credential (literal)", Place::Under(&["mocopr-server/src/"]), Part::Literals, Find::Header("authorization"), "headers.get(\"Authorization\")"),
    Rule("the server never reads the credential (constant)", Place::Under(&["mocopr-server/src/"]), Part::Code, Find::Words(&["AUTHORIZATION"]), "headers.get(header::AUTHORIZATION)"),
    Rule("macros by example are two tables", Place::But(SHIPPED, TABLES), Part::Code, Find::Words(&["macro_rules!"]), "macro_rules! twice { () => {} }"),
];

impl Place {
    fn holds(self, path: &str) -> bool {
        let under = |prefixes: &[&str]| prefixes.iter().any(|prefix| path.starts_with(prefix));
        match self {
            Self::Under(prefixes) => under(prefixes),
            Self::But(prefixes, except) => under(prefixes) && !under(except),
        }
    }
}

impl Find {
    fn is_in(self, line: &str) -> bool {
        match self {
            Self::Words(words) => words.iter().any(|word| has_word(line, word)),
            Self::AnyCase(parts) => {
                let line = line.to_lowercase();
                parts.iter().any(|part| line.contains(part))
            }
            Self::Date => ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
                .iter()
                .any(|date| line.contains(date)),
            Self::RpcNumber => has_rpc_number(line),
            Self::Header(name) => line.split('"').any(|part| part.trim().eq_ignore_ascii_case(name)),
            Self::Ticket => named_rows(line).is_none() && words_of(line).any(is_ticket),
        }
    }
}

impl Rule {
    /// The lines of a file that break the rule, one-based.
    fn broken_by(&self, path: &str, text: &str) -> Vec<usize> {
        let Self(_, place, part, find, _) = self;
        if !place.holds(path) {
            return Vec::new();
        }
        let read = match part {
            Part::Code if is_test_file(path) => return Vec::new(),
            Part::Literals if is_test_file(path) => return Vec::new(),
            Part::Code => Source::shipped(text).code,
            Part::AllCode => Source::of(text).code,
            Part::Literals => Source::shipped(text).literals,
            Part::Comments => Source::of(text).comments,
            Part::Text => text.to_owned(),
        };
        let lines = read.lines().enumerate().filter(|(_, line)| find.is_in(line));
        lines.map(|(at, _)| at + 1).collect()
    }
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (begins, ends) = (word.starts_with(part_of_word), word.ends_with(part_of_word));
    line.match_indices(word).any(|(at, found)| {
        let before = line[..at].chars().next_back().is_some_and(part_of_word);
        let after = line[at + found.len()..].chars().next().is_some_and(part_of_word);
        let goes_on = (before && begins) || (after && ends);
        !goes_on
    })
}

/// Whether a line has one of -32000 to -32999, however its digits are grouped.
fn has_rpc_number(line: &str) -> bool {
    line.match_indices('-').any(|(at, _)| {
        let digits = line[at + 1..].trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '_');
        let digits: String = digits.filter(|c| *c != '_').collect();
        digits.len() == 5 && digits.starts_with("32")
    })
}

/// The rows of the security matrix, where a line is nothing but rows, above the test that shows them.
pub(crate) fn named_rows(line: &str) -> Option<Vec<&str>> {
    let rows: Vec<_> = line.trim().trim_start_matches('/').trim().split(", ").collect();
    rows.iter().all(|row| is_ticket(row) && !row.starts_with('#')).then_some(rows)
}

/// What the rules about the source text say.
pub(crate) fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.0)
}

fn words_of(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '#'))
}

fn is_ticket(word: &str) -> bool {
    let numbered = |rest: &str| !rest.is_empty() && rest.len() <= 5 && rest.bytes().all(|byte| byte.is_ascii_digit());
    let named = ["S-", "P-", "T-"].into_iter().find_map(|letter| word.strip_prefix(letter));
    let is_curve = ["P-256", "P-384", "P-521"].contains(&word);
    !is_curve && (named.is_some_and(numbered) || word.strip_prefix('#').is_some_and(numbered))
}

/// A file that only tests compile: all that stands in it is test code.
fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[test]
fn every_rule_holds() {
    let mut broken = Vec::new();
    for (path, text) in rust_files() {
        for rule in RULES {
            broken.extend(rule.broken_by(&path, &text).into_iter().map(|line| format!("{path}:{line}: {}", rule.0)));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_rule_can_be_broken_only_where_it_holds() {
    for rule in RULES {
        let Rule(name, place, _, _, snippet) = rule;
        let (Place::Under(prefixes) | Place::But(prefixes, _)) = place;
        for prefix in *prefixes {
            let path = if prefix.ends_with(".rs") { (*prefix).to_owned() } else { format!("{prefix}/example.rs") };
            let path = path.replace("//", "/");
            assert_eq!(rule.broken_by(&path, snippet), [1], "{name}: {path}");
            assert!(rule.broken_by(&path, "//! Says nothing.\nfn f() {}\n").is_empty(), "{name}: {path}");
        }
        if let Place::But(_, except) = place {
            for prefix in *except {
                assert!(rule.broken_by(&format!("{prefix}example.rs"), snippet).is_empty(), "{name}: {prefix}");
            }
        }
    }
}

#[test]
fn a_rule_about_code_does_not_read_comments_literals_or_tests() {
    let rule = RULES.iter().find(|rule| rule.0 == "tasks are spawned in three places").expect("the rule is there");
    let text =
        "// tokio::spawn\nconst A: &str = \"tokio::spawn\";\n#[cfg(test)]\nmod tests { fn a() { tokio::spawn(b); } }\n";
    assert!(rule.broken_by("src/lib.rs", text).is_empty());
    assert!(rule.broken_by("mocopr-server/src/engine/tests.rs", "tokio::spawn(b);").is_empty());
    assert!(rule.broken_by("src/lib.rs", "task::spawn_blocking(b);").is_empty());
}

#[test]
fn numbers_and_tickets_are_told_from_what_resembles_them() {
    assert!(has_rpc_number("- 32_700") && has_rpc_number("x(-32000)"));
    assert!(!has_rpc_number("32700") && !has_rpc_number("-327000") && !has_rpc_number("a - 3270"));
    assert!(is_ticket("S-18") && is_ticket("#7"));
    assert!(!is_ticket("P-256") && !is_ticket("UTF-8") && !is_ticket("#") && !is_ticket("S-"));
}

#[test]
fn every_file_is_short_and_says_what_it_is_for() {
    let mut broken = Vec::new();
    for (path, text) in rust_files() {
        broken.extend(shape(&path, &text).into_iter().map(|problem| format!("{path}: {problem}")));
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn a_file_of_the_wrong_shape_is_found() {
    assert_eq!(shape("src/a.rs", "fn f() {}\n"), ["does not begin with `//!`"]);
    assert_eq!(shape("src/a.rs", &format!("//! A.\n{}", "\n".repeat(MOST_LINES - 1))), [""; 0]);
    assert_eq!(shape("src/a.rs", &format!("//! A.\n{}", "\n".repeat(MOST_LINES))), ["is longer than 800 lines"]);
    assert_eq!(shape("src/a.rs", &"//! A.\n".repeat(11)), ["has a header of more than 10 lines"]);
    assert_eq!(shape("src/lib.rs", &"//! A.\n".repeat(11)), [""; 0]);
    assert_eq!(shape("src/a.rs", &format!("//! A.\n//! ```\n{}//! ```\n", "//! a();\n".repeat(11))), [""; 0]);
    assert_eq!(shape("src/http_utils.rs", "//! A."), ["has a name that says nothing"]);
    assert_eq!(shape("src/common/mod.rs", "//! A."), ["has a name that says nothing"]);
    assert_eq!(shape("build.rs", "//! A."), ["is a build script"]);
}

fn shape(path: &str, text: &str) -> Vec<&'static str> {
    let is_root = path.ends_with("lib.rs");
    let header: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    // An example in the header is not prose; what stands between two fences does not count.
    let prose = header.split(|line| line.starts_with("//! ```")).step_by(2).map(<[_]>::len).sum::<usize>();
    let nameless = ["utils", "util", "helpers", "helper", "common", "types", "misc"];
    let mut words = path.trim_end_matches(".rs").split(['/', '_']);
    let checks = [
        (header.is_empty() && !path.starts_with("tests/ui/"), "does not begin with `//!`"),
        (prose > MOST_HEADER_LINES && !is_root, "has a header of more than 10 lines"),
        (text.lines().count() > MOST_LINES, "is longer than 800 lines"),
        (words.any(|word| nameless.contains(&word)), "has a name that says nothing"),
        (path.ends_with("build.rs") && !path.contains("src/"), "is a build script"),
    ];
    checks.into_iter().filter(|(broken, _)| *broken).map(|(_, problem)| problem).collect()
}

#[test]
fn no_text_names_a_developers_machine() {
    let rule = RULES.iter().find(|rule| rule.0 == "no path of a developer's machine").expect("the rule is there");
    let mut broken = Vec::new();
    for (path, text) in files(&["md", "toml", "json", "yml", "sh", "stderr"]) {
        if !path.starts_with("tests/vectors/") {
            broken.extend(rule.broken_by(&path, &text).into_iter().map(|line| format!("{path}:{line}")));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn ci_runs_the_tests_as_the_readme_does() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let readme = read("README.md");
    let command = readme.lines().find(|line| line.starts_with("cargo test")).expect("the README says how to test");
    assert!(read(".ci/run").lines().any(|line| line == command), ".ci/run does not run `{command}`");
}

#[test]
fn a_module_is_a_file_or_a_folder() {
    let paths: BTreeSet<String> = rust_files().into_iter().map(|(path, _)| path).collect();
    let both = paths.iter().filter(|path| {
        let folder = format!("{}/", path.trim_end_matches(".rs"));
        paths.iter().any(|other| other.starts_with(&folder) && *other != format!("{folder}tests.rs"))
    });
    assert_eq!(both.collect::<Vec<_>>(), Vec::<&String>::new(), "move these to `mod.rs` of their folder");
}

#[test]
fn the_file_map_lists_every_file_and_no_other() {
    let map = fs::read_to_string(root().join("docs/architecture.md")).expect("the architecture is there");
    let listed = file_map(&map);
    let is_listed = |path: &String| SHIPPED.iter().any(|place| path.starts_with(place)) && !is_test_file(path);
    let there: BTreeSet<String> = rust_files().into_iter().map(|(path, _)| path).filter(is_listed).collect();
    let missing: Vec<_> = there.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&there).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in docs/architecture.md: {missing:#?}\nonly there: {gone:#?}");
}

#[test]
fn the_file_map_is_read_by_its_headings() {
    let map = "| `no.rs` | not in a section |\n### `a/src`\n| file | owns |\n|---|---|\n| `b.rs`, `c/d.rs` | e |\n## End\n| `f.rs` | g |\n";
    assert_eq!(file_map(map).into_iter().collect::<Vec<_>>(), ["a/src/b.rs", "a/src/c/d.rs"]);
}

/// The paths in the tables under headings of the form ``### `folder` ``.
fn file_map(map: &str) -> BTreeSet<String> {
    let mut listed = BTreeSet::new();
    let mut folder = None;
    for line in map.lines() {
        if line.starts_with('#') {
            folder = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`'));
        }
        if let (Some(folder), Some(row)) = (folder, line.strip_prefix("| `")) {
            let names = row.split(" |").next().unwrap_or_default();
            listed.extend(names.split(", ").map(|name| format!("{folder}/{}", name.trim_matches('`'))));
        }
    }
    listed
}

#[test]
fn every_dependency_has_a_permissive_licence_and_there_is_one_crypto_stack() {
    let dependencies = dependencies();
    assert!(
        dependencies.len() > 100 && dependencies.contains_key("aws-lc-rs"),
        "the list is not all: {dependencies:?}"
    );
    let problems = licence_problems(dependencies.iter().map(|(name, licence)| (name.as_str(), licence.as_str())));
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_copyleft_licence_and_a_second_crypto_stack_are_found() {
    let problems = licence_problems([("a", "GPL-3.0"), ("ring", "MIT"), ("b", "MIT AND LGPL-2.1"), ("c", "")]);
    assert_eq!(problems, ["a: GPL-3.0", "b: MIT AND LGPL-2.1", "c: ", "ring: a second crypto stack"]);
    assert!(
        licence_problems([("a", "MIT/Apache-2.0"), ("b", "GPL-3.0 OR MIT"), ("c", "(MIT OR X) AND Zlib")]).is_empty()
    );
}

/// What is wrong with these crates, by name.
fn licence_problems<'a>(crates: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    const PERMISSIVE: &[&str] =
        &["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT-0", "Unicode-3.0", "Zlib"];
    let allowed = |licence: &str| {
        let licence = licence.replace('/', " OR ").replace(['(', ')'], " ");
        let choice = |text: &str| text.split(" OR ").any(|name| PERMISSIVE.contains(&name.trim()));
        licence.split(" AND ").all(choice)
    };
    let mut problems = Vec::new();
    for (name, licence) in crates {
        if !allowed(licence) {
            problems.push(format!("{name}: {licence}"));
        }
        if ["ring", "openssl-sys", "native-tls", "rsa"].contains(&name) {
            problems.push(format!("{name}: a second crypto stack"));
        }
    }
    problems.sort();
    problems
}

/// Name and licence of every crate that this platform's build has.
///
/// `cargo tree` says it. What `cargo metadata` lists has more: crates that only a feature that nobody has would bring.
fn dependencies() -> BTreeMap<String, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--workspace", "--all-features", "--prefix", "none"]);
    cargo.args(["--format", "{p}|{l}", "--target"]);
    let output = cargo.arg(host()).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    // Lines are `name v1.2.3 (path)|licence`, with `(*)` at the end of one that came before.
    let lines = text.lines().filter(|line| !line.is_empty());
    let read = |line: &str| {
        let (package, licence) = line.split_once('|')?;
        let name = package.split(' ').next()?;
        Some((name.to_owned(), licence.trim_end_matches(" (*)").to_owned()))
    };
    lines.map(|line| read(line).unwrap_or_else(|| panic!("cargo wrote `{line}`"))).collect()
}

/// The target triple of the compiler's own platform.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("rustc writes UTF-8");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Path, relative to the root, and text of every Rust file.
pub(crate) fn rust_files() -> Vec<(String, String)> {
    files(&["rs"])
}

/// Path, relative to the root, and text of every file of the project with one of these extensions.
pub(crate) fn files(extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root(), &mut |path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| extensions.contains(&extension)) {
            let name = path.strip_prefix(root()).expect("the walk began there").to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(path).expect("a source file is UTF-8")));
        }
    });
    assert!(!found.is_empty(), "no file with {extensions:?}");
    found
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it can be read").path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !["target", "node_modules", "out", ".git", "corpus"].contains(&&*name) {
                walk(&path, visit);
            }
        } else {
            visit(&path);
        }
    }
}
