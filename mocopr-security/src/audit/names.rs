//! The names of the files of one log: the log itself, its head, and what it was rotated into.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::stamp::Moment;

/// A file that a log was rotated into, or the log itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The number of its first record; `None` for the log itself.
    pub(super) first: Option<u64>,
    /// Its name in the folder of the log.
    pub(super) name: OsString,
}

/// The path of the head.
pub(super) fn head(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".head");
    name.into()
}

/// The name of the log itself.
pub(super) fn own(path: &Path) -> OsString {
    path.file_name().unwrap_or_default().to_owned()
}

/// What a file of the log is called once it is full: after its first record, and when it was closed.
pub(super) fn rotated(path: &Path, first: u64, closed: &Moment) -> OsString {
    let mut name = own(path);
    name.push(format!(".{first:012}-{}", compact(closed)));
    name
}

/// Those of the names that are of files that the log was rotated into, in the order of their records.
pub(super) fn kept(path: &Path, names: Vec<OsString>) -> Vec<Kept> {
    let own = own(path);
    let mut kept: Vec<Kept> =
        names.into_iter().filter_map(|name| Some(Kept { first: Some(parts(&own, &name)?.0), name })).collect();
    kept.sort_by(|one, other| (one.first, &one.name).cmp(&(other.first, &other.name)));
    kept
}

/// It was closed before this moment.
pub(super) fn is_older(path: &Path, kept: &Kept, than: &Moment) -> bool {
    parts(&own(path), &kept.name).is_some_and(|(_, closed)| closed < compact(than))
}

/// The number and the moment in a name.
fn parts(own: &OsStr, name: &OsStr) -> Option<(u64, String)> {
    let rest = name.to_str()?.strip_prefix(own.to_str()?)?.strip_prefix('.')?;
    let (first, closed) = rest.split_once('-')?;
    let is_moment =
        closed.len() == COMPACT && closed.bytes().all(|byte| byte.is_ascii_digit() || b"TZ".contains(&byte));
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    (is_moment && is_number).then(|| Some((first.parse().ok()?, closed.to_owned())))?
}

/// `20261126T043316123Z`: without what some systems do not take in names.
fn compact(moment: &Moment) -> String {
    moment.iter().filter(|byte| !b"-:.".contains(byte)).map(|byte| char::from(*byte)).collect()
}

const COMPACT: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Moment = *b"2026-11-26T04:33:16.123Z";
    const LATE: Moment = *b"2026-11-26T04:33:16.124Z";

    #[test]
    fn names_are_in_the_order_of_records_and_others_are_passed_over() {
        let path = Path::new("/var/log/audit.jsonl");
        let names = [rotated(path, 1_000, &LATE), rotated(path, 2, &EARLY), own(path), "audit.jsonl.head".into()];
        let others =
            ["audit.jsonl.old", "audit.jsonl.5-x", "other.000000000002-20261126T043316123Z"].map(OsString::from);
        let found = kept(path, names.into_iter().chain(others).collect());
        assert_eq!(found.iter().map(|kept| kept.first).collect::<Vec<_>>(), [Some(2), Some(1_000)]);
        assert!(is_older(path, &found[0], &LATE) && !is_older(path, &found[1], &LATE));
        assert_eq!(found[0].name, "audit.jsonl.000000000002-20261126T043316123Z");
    }
}
