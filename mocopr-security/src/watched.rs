//! A file that is looked at again and again while a server runs.
//!
//! What a look costs is the reading of its times, unless it changed. A file that changed is read twice, at two looks:
//! it may be half written at the first one, and two changes within one tick of the file system's clock leave the same
//! times.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{
    file::{self, Privacy, Stamp},
    policy::Problem,
    redact::Secret,
};

/// A file, and what the last look at it saw.
#[derive(Debug)]
pub(crate) struct WatchedFile {
    path: PathBuf,
    privacy: Privacy,
    max_bytes: usize,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// `None` where the file could not be found.
    stamp: Option<Stamp>,
    /// It was read, and found the same a look later.
    is_settled: bool,
}

/// What a look found.
#[derive(Debug)]
pub(crate) enum Look {
    /// Nothing new.
    Same,
    /// This content, which may be half written.
    Fresh(Secret<Vec<u8>>),
    /// This content, which was there a look ago as well.
    Settled(Secret<Vec<u8>>),
}

impl WatchedFile {
    /// Reads the file for the first time. Blocks.
    ///
    /// # Errors
    /// As [`file::read`].
    pub(crate) fn open(path: &Path, privacy: Privacy, max_bytes: usize) -> Result<(Self, Secret<Vec<u8>>), Problem> {
        // Before it is read: what changes meanwhile is seen by the next look.
        let seen = Seen { stamp: Stamp::of(path), is_settled: false };
        let content = file::read(path, privacy, max_bytes)?;
        Ok((Self { path: path.into(), privacy, max_bytes, seen: Mutex::new(seen) }, content))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at it. Blocks.
    ///
    /// # Errors
    /// As [`file::read`], once for each change, and not before a second look finds the same.
    pub(crate) fn look(&self) -> Result<Look, Problem> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of(&self.path);
        let is_same = stamp == seen.stamp;
        if is_same && seen.is_settled {
            return Ok(Look::Same);
        }
        *seen = Seen { stamp, is_settled: is_same };
        let content = file::read(&self.path, self.privacy, self.max_bytes);
        match (content, is_same) {
            (Ok(content), true) => Ok(Look::Settled(content)),
            (Ok(content), false) => Ok(Look::Fresh(content)),
            (Err(problem), true) => Err(problem),
            (Err(_), false) => Ok(Look::Same),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "these tests write the files that are looked at")]
mod tests {
    use std::fs;

    use super::*;

    fn text(look: &Look) -> (&'static str, &[u8]) {
        match look {
            Look::Same => ("same", b""),
            Look::Fresh(content) => ("fresh", content.expose()),
            Look::Settled(content) => ("settled", content.expose()),
        }
    }

    #[test]
    fn a_change_is_found_once_as_fresh_and_once_as_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "one").unwrap();
        let (file, content) = WatchedFile::open(&path, Privacy::Public, 100).unwrap();
        assert_eq!(content.expose(), b"one");
        assert_eq!(text(&file.look().unwrap()), ("settled", b"one".as_slice()));
        assert_eq!(text(&file.look().unwrap()).0, "same");
        fs::write(&path, "three").unwrap();
        assert_eq!(text(&file.look().unwrap()), ("fresh", b"three".as_slice()));
        assert_eq!(text(&file.look().unwrap()), ("settled", b"three".as_slice()));
        assert_eq!(text(&file.look().unwrap()).0, "same");
    }

    #[test]
    fn a_file_that_goes_is_a_problem_once_and_one_that_comes_back_is_fresh() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "one").unwrap();
        let (file, _) = WatchedFile::open(&path, Privacy::Public, 100).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(text(&file.look().unwrap()).0, "same", "it may be about to be replaced");
        assert!(file.look().is_err());
        assert_eq!(text(&file.look().unwrap()).0, "same");
        fs::write(&path, "two").unwrap();
        assert_eq!(text(&file.look().unwrap()), ("fresh", b"two".as_slice()));
    }
}
