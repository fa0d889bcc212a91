//! Names above other names: which ones each name leads to, directly or not. A name must not lead to itself.

use std::collections::{BTreeMap, BTreeSet};

/// Each name with the names directly below it.
pub(super) type Below<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Every name that `top` leads to, without itself unless a circle leads back to it.
pub(super) fn reachable<'a>(below: &Below<'a>, top: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> = vec![top];
    while let Some(name) = waiting.pop() {
        for lower in below.get(name).into_iter().flatten() {
            if reached.insert(*lower) {
                waiting.push(lower);
            }
        }
    }
    reached
}

/// The names that lead to themselves.
pub(super) fn circular<'a>(below: &Below<'a>) -> Vec<&'a str> {
    below.keys().copied().filter(|name| reachable(below, name).contains(name)).collect()
}
