//! Links of the documents: each relative one leads to a file of the repository, and each anchor to a heading of it; and
//! code in them, which is compiled wherever it is Rust.
//!
//! What is elsewhere on the web is not asked for: tests reach nothing but this machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use crate::tidy::{files, root};

#[test]
fn every_link_of_the_documents_resolves() {
    let documents: BTreeMap<_, _> = files(&["md"]).into_iter().filter(|(path, _)| is_ours(path)).collect();
    let broken: Vec<_> = documents.iter().flat_map(|(path, text)| broken(path, text, &documents)).collect();
    assert!(documents.len() > 20 && documents.values().map(|text| links(text).len()).sum::<usize>() > 100);
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn rust_in_a_document_is_compiled() {
    let facade = std::fs::read_to_string(root().join("src/lib.rs")).expect("the facade is there");
    let has_rust = |text: &str| text.lines().any(|line| line.starts_with("```rust"));
    let with_rust: Vec<_> = files(&["md"]).into_iter().filter(|(_, text)| has_rust(text)).collect();
    assert!(with_rust.len() > 10, "there are {}", with_rust.len());
    for (path, _) in with_rust {
        assert!(facade.contains(&format!("include_str!(\"../{path}\")")), "nothing compiles the Rust of {path}");
    }
}

#[test]
fn examples_that_documents_run_are_there() {
    for (path, text) in files(&["md", "rs"]).iter().filter(|(path, _)| path != "tests/it/links.rs") {
        for (at, named) in text.match_indices("--example ") {
            let rest = &text[at + named.len()..];
            let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
            let is_there = name.is_empty() || root().join(format!("examples/{name}.rs")).is_file();
            assert!(is_there, "{path} runs the example {name}, which is not there");
        }
    }
}

#[test]
fn a_link_to_nothing_is_found() {
    let page = |text: &str| BTreeMap::from([("docs/a.md".to_owned(), text.to_owned())]);
    let broken = |text: &str| broken("docs/a.md", text, &page(text));
    let none: [&str; 0] = [];
    assert_eq!(broken("[x](../README.md) [y](https://example.com/none) [z](#a-heading)\n\n# A `heading`\n"), none);
    assert_eq!(broken("[x](gone.md)"), ["docs/a.md: gone.md"]);
    assert_eq!(broken("[x](../../../etc/passwd)"), ["docs/a.md: ../../../etc/passwd"]);
    assert_eq!(broken("[x](#gone)\n# Here\n"), ["docs/a.md: #gone"]);
    assert_eq!(broken("```\n[x](gone.md)\n# No heading\n```\n"), none);
    assert_eq!(broken("`[x](gone.md)`"), none);
}

#[test]
fn headings_have_the_anchors_that_readers_see() {
    let text = "# From rmcp\n## `#[tool]`, and more\n## Twice\n## Twice\n";
    assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), ["from-rmcp", "tool-and-more", "twice", "twice-1"]);
}

/// Text of others, and of what is fetched for tests, is not looked at.
fn is_ours(path: &str) -> bool {
    !path.starts_with("tests/vectors/")
}

/// The links of one document that lead nowhere.
fn broken(path: &str, text: &str, documents: &BTreeMap<String, String>) -> Vec<String> {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let leads = |link: &str| {
        let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
        let target = if file.is_empty() { Some(PathBuf::from(path)) } else { inside(&folder.join(file)) };
        let Some(target) = target.filter(|target| file.is_empty() || root().join(target).exists()) else {
            return false;
        };
        let Some(anchor) = anchor else { return true };
        let target = target.to_string_lossy().into_owned();
        documents.get(&target).is_some_and(|text| anchors(text).contains(anchor))
    };
    let is_elsewhere = |link: &&str| link.contains("://") || link.starts_with("mailto:");
    let links = links(text).into_iter().filter(|link| !is_elsewhere(link));
    links.filter(|link| !leads(link)).map(|link| format!("{path}: {link}")).collect()
}

/// A path without `..`, where it stays inside of the repository.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(out)
}

/// The targets of links, in prose.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in prose(text) {
        // What stands between two back quotes is code.
        for (at, _) in line.match_indices("](") {
            let is_code = line[..at].matches('`').count() % 2 == 1 && line[at..].contains('`');
            if let Some(end) = line[at + 2..].find(')').filter(|_| !is_code) {
                found.push(&line[at + 2..at + 2 + end]);
            }
        }
    }
    found
}

/// The anchors of the headings, as the pages of the repository's host have them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for line in prose(text) {
        let Some(title) = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#')) else { continue };
        let Some(title) = title.strip_prefix(' ') else { continue };
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase();
        let mut name = anchor.clone();
        let mut number = 0;
        while !all.insert(name.clone()) {
            number += 1;
            name = format!("{anchor}-{number}");
        }
    }
    all
}

/// The lines that are not inside of a block of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        is_code ^= fence;
        !is_code && !fence
    })
}
