//! `CONFORMANCE.md`, in step with the tests that it names.
//!
//! It owns what a row may say. Whether a test shows its row is for people.

use std::{collections::BTreeMap, fs};

use crate::{
    security::matrix::{Shown, Tree},
    tidy::{root, rust_files},
};

/// The words of the specification for what must, and for what should be.
const LEVELS: [&str; 4] = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT"];

#[test]
fn every_row_names_tests_that_are_there() {
    let page = fs::read_to_string(root().join("CONFORMANCE.md")).expect("the page is there");
    let (states, problems) = judge(&page, &Tree::of(&rust_files()));
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    let count = |state| states.get(state).copied().unwrap_or_default();
    let counts = ["pass", "partial", "none"].map(count);
    let sum: usize = counts.iter().sum();
    let line = format!("| {} | {} | {} | {sum} |", counts[0], counts[1], counts[2]);
    assert!(page.lines().any(|found| found == line), "the sums are {line}");
    assert!(sum > 100, "there are {sum} rows");
}

#[test]
fn a_row_whose_state_is_not_what_it_shows_is_found() {
    let tree = Tree::of(&[("tests/it/a.rs".to_owned(), "#[test]\nfn holds() {}\n".to_owned())]);
    let problems = |rest: &str| judge(&format!("| MUST | it holds | {rest} |\n"), &tree).1;
    let none: [&str; 0] = [];
    assert_eq!(problems("pass | `a::holds`"), none);
    assert_eq!(problems("partial | `a::holds`, later: more"), none);
    assert_eq!(problems("none | not ours: it is yours"), none);
    assert_eq!(problems("pass | `a::gone`"), ["it holds: there is no test `a::gone`"]);
    assert_eq!(problems("pass | `a::holds`, later: more"), ["it holds: it is not pass but partial"]);
    assert_eq!(problems("none | `a::holds`"), ["it holds: it is not none but pass"]);
    assert_eq!(problems("pass | "), ["it holds: says nothing of what shows it"]);
    assert_eq!(problems("pass | words"), ["it holds: `words` cannot be read"]);
    assert_eq!(judge("| MAY | it holds | pass | `a::holds` |\n", &tree).1, ["it holds: MAY is no level"]);
}

/// How many rows are in each state, and everything that is wrong with them.
fn judge(page: &str, tree: &Tree) -> (BTreeMap<String, usize>, Vec<String>) {
    let (mut states, mut problems) = (BTreeMap::new(), Vec::new());
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split(" |").map(str::trim).collect();
        let [level, what, state, shown] = cells[..] else {
            problems.push(format!("not a row: {line}"));
            continue;
        };
        // The heads of tables, and the sums.
        if level.is_empty() || level == "pass" || level.parse::<usize>().is_ok() {
            continue;
        }
        *states.entry(state.to_owned()).or_default() += 1;
        let mut wrong = |problem: String| problems.push(format!("{what}: {problem}"));
        if !LEVELS.contains(&level) {
            wrong(format!("{level} is no level"));
        }
        let Some(shown) = Shown::read(shown) else {
            wrong(format!("`{shown}` cannot be read"));
            continue;
        };
        let is = match (shown.iter().any(|shown| shown.shows()), shown.iter().any(|shown| !shown.shows())) {
            (true, false) => "pass",
            (true, true) => "partial",
            (false, true) => "none",
            (false, false) => {
                wrong("says nothing of what shows it".to_owned());
                continue;
            }
        };
        if state != is {
            wrong(format!("it is not {state} but {is}"));
        }
        shown.iter().filter_map(|shown| tree.problem(*shown)).for_each(wrong);
    }
    (states, problems)
}
