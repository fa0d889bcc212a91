//! A directory that is served, with one beside it, and the texts that tell them apart.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mocopr::resources::security::FileResourceHandler;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

/// What a file says that may be read.
pub(crate) const INSIDE: &str = "inside";
/// What a file says that stands outside whenever it exists.
pub(crate) const OUTSIDE: &str = "OUTSIDE";

/// Two directories of one file system, of which the first is served.
pub(crate) struct Tree {
    parent: TempDir,
}

impl Tree {
    /// Two directories with nothing in them.
    pub(crate) fn new() -> Self {
        let tree = Self { parent: TempDir::new().unwrap() };
        fs::create_dir(tree.parent.path().join("served")).unwrap();
        // A name that begins as that of the other one does.
        fs::create_dir(tree.parent.path().join("served-not")).unwrap();
        tree
    }

    /// A path in the directory that is served.
    pub(crate) fn inside(&self, path: &str) -> PathBuf {
        self.parent.path().join("served").join(path)
    }

    /// A path in the directory that is not.
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        self.parent.path().join("served-not").join(path)
    }

    /// What serves the first, by the kernel's walk and by steps.
    pub(crate) fn both(&self) -> [(&'static str, FileResourceHandler); 2] {
        let builder = || FileResourceHandler::builder().with_base_directory(self.inside(""));
        [("openat2", builder().build()), ("steps", builder().with_stepwise_opening().build())]
    }
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Puts each of two in the place of the other, at once.
pub(crate) fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}
