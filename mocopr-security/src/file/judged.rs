//! What is judged of a file and of a folder before they are used: whose they are, and who else may touch them.
#![expect(clippy::disallowed_methods, reason = "a part of the one opener of such files")]

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use rustix::process::geteuid;

use super::Privacy;
use crate::policy::Problem;

/// What is judged of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) kind: FileKind,
    owner: u32,
    mode: u32,
    pub(super) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Regular,
    /// Of characters, such as a terminal.
    Device,
    Other,
}

/// Why a file is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    NotAFile,
    Owner,
    Open(Privacy),
    TooLarge(usize),
    Link,
}

impl Facts {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            kind: if metadata.is_file() {
                FileKind::Regular
            } else if metadata.file_type().is_char_device() {
                FileKind::Device
            } else {
                FileKind::Other
            },
            owner: metadata.uid(),
            mode: metadata.mode(),
            bytes: metadata.len(),
        }
    }

    pub(super) fn judge(self, user: u32, privacy: Privacy, max_bytes: usize) -> Result<(), Wrong> {
        if self.kind != FileKind::Regular {
            return Err(Wrong::NotAFile);
        }
        if self.owner != user && self.owner != ROOT {
            return Err(Wrong::Owner);
        }
        if self.mode & privacy.refused_modes() != 0 {
            return Err(Wrong::Open(privacy));
        }
        if self.bytes > u64::try_from(max_bytes).unwrap_or(u64::MAX) {
            return Err(Wrong::TooLarge(max_bytes));
        }
        Ok(())
    }
}

impl Privacy {
    /// Each of these bits opens a file to more than is allowed.
    pub(super) fn refused_modes(self) -> u32 {
        match self {
            Self::Owner => 0o077,
            Self::Group => 0o037,
            Self::Public => 0o022,
        }
    }
}

impl Wrong {
    pub(super) fn problem(self, path: &Path) -> Problem {
        let path = path.display();
        match self {
            Self::NotAFile => Problem::new(format!("{path} is not a regular file"), "name a file"),
            Self::Owner => Problem::new(
                format!("{path} belongs neither to root nor to the user that this process runs as"),
                "change its owner, or run as its owner",
            ),
            Self::Open(Privacy::Owner) => Problem::new(
                format!("{path} holds a secret and is open to others than its owner"),
                format!("run `chmod 600 {path}`"),
            ),
            Self::Open(Privacy::Group) => Problem::new(
                format!("{path} holds a secret and is open to others than its owner and readers of its group"),
                format!("run `chmod 640 {path}`"),
            ),
            Self::Open(Privacy::Public) => Problem::new(
                format!("{path} can be changed by others than its owner"),
                format!("run `chmod 644 {path}`"),
            ),
            Self::TooLarge(max_bytes) => Problem::new(
                format!("{path} is larger than {max_bytes} bytes"),
                "name the right file, or make it smaller",
            ),
            Self::Link => Problem::new(format!("{path} is a link, which would be replaced"), "name the file itself"),
        }
    }
}

/// A folder that something of this process is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder<'a> {
    path: &'a Path,
    is_folder: bool,
    owner: u32,
    mode: u32,
}

impl<'a> Folder<'a> {
    /// Looks at what is behind a path, and follows links.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn of(path: &'a Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self { path, is_folder: found.is_dir(), owner: found.uid(), mode: found.mode() })
    }

    /// Whether it can be one that holds this: `a file`, for instance.
    ///
    /// # Errors
    /// A problem that names it where it is no folder, or belongs to somebody else than root or this process's user.
    pub(crate) fn judge(&self, holds: &str) -> Result<(), Problem> {
        let shown = self.path.display();
        if !self.is_folder {
            return Err(Problem::new(format!("{shown} is not a folder"), format!("name {holds} in a folder")));
        }
        if !self.is_of_us() {
            return Err(Problem::new(
                format!("{shown} belongs neither to root nor to the user that this process runs as"),
                format!("change its owner, or name {holds} in another folder"),
            ));
        }
        Ok(())
    }

    /// It belongs to root or to this process's user.
    pub(crate) fn is_of_us(&self) -> bool {
        self.owner == geteuid().as_raw() || self.owner == ROOT
    }

    /// Others can put something into it.
    pub(crate) fn lets_others_write(&self) -> bool {
        self.mode & Privacy::Public.refused_modes() != 0
    }

    /// Others can put something of theirs in the place of what is there.
    pub(crate) fn lets_others_remove(&self) -> bool {
        self.lets_others_write() && self.mode & STICKY == 0
    }
}

const ROOT: u32 = 0;
/// In a folder of this mode only owners take their files away.
const STICKY: u32 = 0o1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// S-05
    #[test]
    fn only_roots_files_and_our_own_are_used() {
        let facts = |owner| Facts { kind: FileKind::Regular, owner, mode: 0o600, bytes: 1 };
        for (owner, used) in [(0, true), (1_000, true), (1_001, false), (u32::MAX, false)] {
            let judged = facts(owner).judge(1_000, Privacy::Owner, 1);
            assert_eq!(judged, if used { Ok(()) } else { Err(Wrong::Owner) }, "{owner}");
        }
    }
}
