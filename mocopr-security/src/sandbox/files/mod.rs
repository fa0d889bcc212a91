//! The files of one directory, for reading: no link, no device, nothing beside it, also while others move files about.
//!
//! Calls of the handler block on the file system, each for a bounded amount of work.
#![expect(clippy::disallowed_types, reason = "the sandbox opens files")]

mod builder;
mod list;
mod media;
mod open;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::io::Errno;
use tracing::warn;

pub use self::builder::FileResourceBuilder;
use self::{
    builder::Hidden,
    media::Form,
    open::{Opened, Root},
};
use crate::{policy::Problem, sandbox::path::RelPath};

/// Serves the regular files below one directory.
///
/// The directory is opened once; every file is opened relative to that handle and judged by its own. Symbolic links,
/// hard links (files with a second name), directories, pipes, sockets, devices, what is mounted below, and hidden files
/// are absent, exactly as what does not exist. A copy is a handle to the same directory.
///
/// Linux alone, with `/proc`; directories that hold files must be readable.
///
/// ```no_run
/// use mocopr_security::sandbox::files::FileResourceHandler;
///
/// let files = FileResourceHandler::builder()
///     .with_base_directory("/safe/data/directory")
///     .with_read_only(true)
///     .with_symlink_following(false)
///     .with_file_size_limit(100 * 1024 * 1024)
///     .with_allowed_extensions(&["txt", "json", "md"])
///     .build();
/// assert!(files.problems().is_empty());
/// ```
#[derive(Clone)]
pub struct FileResourceHandler(Arc<Inner>);

struct Inner {
    /// `None` where there are problems.
    sandbox: Option<Sandbox>,
    problems: Vec<Problem>,
}

/// An open directory and what of it is served.
struct Sandbox {
    root: Root,
    rules: Rules,
    /// The log has been told that lists are not whole.
    has_left_out: AtomicBool,
}

/// What the owner decided.
#[derive(Clone, Debug)]
struct Rules {
    size_limit: u64,
    /// In lower case; `None` is all.
    extensions: Option<Box<[Box<str>]>>,
    hidden: Hidden,
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq)]
pub struct FileContents {
    /// Text, or bytes.
    pub body: FileBody,
    /// What it is, by the extension of its name alone.
    pub media_type: &'static str,
}

/// Text or bytes.
#[derive(Clone, PartialEq, Eq)]
pub enum FileBody {
    /// A file of a kind that is text, in UTF-8.
    Text(String),
    /// Every other file.
    Bytes(Vec<u8>),
}

/// A file as it is listed.
///
/// An example is at [`FileRange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its path below the directory.
    pub path: RelPath,
    /// Its size in bytes, at the moment.
    pub size: u64,
    /// What it is, by the extension of its name alone.
    pub media_type: &'static str,
}

/// Which files are listed.
///
/// ```
/// use mocopr_security::sandbox::files::{FileRange, FileResourceHandler};
///
/// # let folder = tempfile::tempdir()?;
/// # std::fs::write(folder.path().join("a.md"), "tea")?;
/// let files = FileResourceHandler::builder().with_base_directory(folder.path()).build();
/// for entry in files.list(FileRange { limit: 100, ..FileRange::default() })? {
///     println!("{:?}, {}, {} bytes", entry.path, entry.media_type, entry.size);
///     assert!(files.read(&entry.path).is_ok());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct FileRange<'a> {
    /// Those whose paths begin so.
    pub prefix: &'a str,
    /// Those whose paths stand behind this one.
    pub after: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
}

/// Why a file was not read, or files were not listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// There is no such file, or nobody may tell it from one that is not there.
    #[error("there is no such file")]
    Absent,
    /// The file is larger than [`FileResourceBuilder::with_file_size_limit`] says.
    #[error("the file is too large")]
    TooLarge,
    /// The system failed, or the file was replaced over and over.
    #[error("the file system failed")]
    Failed(#[source] io::Error),
}

impl FileResourceHandler {
    /// Begins one: files up to 4 MiB, of any extension, none hidden. It needs a directory.
    pub fn builder() -> FileResourceBuilder {
        FileResourceBuilder::default()
    }

    /// What is wrong with it; a handler with problems serves nothing.
    pub fn problems(&self) -> &[Problem] {
        &self.0.problems
    }

    /// Whether a path could be that of a file that is served, by its text alone.
    pub fn admits(&self, path: &RelPath) -> bool {
        self.0.sandbox.as_ref().is_some_and(|sandbox| sandbox.rules.allow(path))
    }

    /// Reads a file in whole. Blocks.
    ///
    /// The bytes are those of one file that stood at this path below the directory at a moment during the call,
    /// whatever takes its place meanwhile; one that is written meanwhile may be read in part as it was and in part as
    /// it is.
    ///
    /// # Errors
    /// [`FileFault::Absent`] for everything that is not served, [`FileFault::TooLarge`] past the limit,
    /// [`FileFault::Failed`] where the system fails.
    pub fn read(&self, path: &RelPath) -> Result<FileContents, FileFault> {
        let sandbox = self.sandbox(path)?;
        let Opened { handle, stat } = sandbox.root.file(path)?;
        let limit = sandbox.rules.size_limit;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        if size > limit {
            return Err(FileFault::TooLarge);
        }
        // A sparse file has a size and no bytes, so room is made as bytes come.
        let room = usize::try_from(size).unwrap_or_default().saturating_add(1).min(FIRST_ROOM);
        let mut bytes = Vec::with_capacity(room);
        // One byte more than is allowed tells a file that grew from one that fits.
        let read = File::from(handle).take(limit.saturating_add(1)).read_to_end(&mut bytes);
        let read = read.map_err(FileFault::Failed)?;
        if u64::try_from(read).is_ok_and(|read| read > limit) {
            return Err(FileFault::TooLarge);
        }
        let media = media::of(path.extension());
        let body = match media.form {
            Form::Text => {
                String::from_utf8(bytes).map_or_else(|error| FileBody::Bytes(error.into_bytes()), FileBody::Text)
            }
            Form::Bytes => FileBody::Bytes(bytes),
        };
        Ok(FileContents { body, media_type: media.name })
    }

    /// Lists files, ordered by the bytes of their paths. Blocks.
    ///
    /// Fewer than the limit means that there are no more. A directory that cannot be read counts as empty. Of a
    /// directory with very many names (from 100,000 on where it is the only one) a part is listed, which the log says
    /// once; its files can be read all the same.
    ///
    /// # Errors
    /// [`FileFault::Failed`] where the system fails.
    pub fn list(&self, range: FileRange<'_>) -> Result<Vec<FileEntry>, FileFault> {
        self.0.sandbox.as_ref().map_or_else(|| Ok(Vec::new()), |sandbox| list::list(sandbox, range, MOST_NAMES))
    }

    /// A number that is most likely another one once a file has other contents; `None` where it is absent. Blocks.
    ///
    /// It comes of which file it is, its size and its times; nothing is read.
    pub fn fingerprint(&self, path: &RelPath) -> Option<u64> {
        let Opened { stat, .. } = self.sandbox(path).ok()?.root.look(path).ok()?;
        let mut hasher = DefaultHasher::new();
        (stat.st_dev, stat.st_ino, stat.st_size).hash(&mut hasher);
        (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec).hash(&mut hasher);
        Some(hasher.finish())
    }

    /// The sandbox, for a path that it could serve.
    fn sandbox(&self, path: &RelPath) -> Result<&Sandbox, FileFault> {
        self.0.sandbox.as_ref().filter(|sandbox| sandbox.rules.allow(path)).ok_or(FileFault::Absent)
    }
}

impl Sandbox {
    /// Says once that a directory has more names than a list reads.
    fn leave_out(&self, at: Option<&RelPath>) {
        if !self.has_left_out.swap(true, Ordering::Relaxed) {
            let directory = at.map_or(".", RelPath::as_str);
            warn!(directory, "too many names to list; files of it are left out of lists, and can be read");
        }
    }
}

impl Rules {
    /// Whether a file of that path is served.
    fn allow(&self, path: &RelPath) -> bool {
        let extension = self.extensions.as_deref().is_none_or(|allowed| {
            let is = |extension: &str| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(extension));
            path.extension().is_some_and(is)
        });
        extension && self.enter(path)
    }

    /// Whether files below a directory of that path may be served.
    fn enter(&self, path: &RelPath) -> bool {
        match self.hidden {
            Hidden::Served => true,
            Hidden::Absent => !path.is_hidden(),
        }
    }
}

impl FileFault {
    fn failed(error: Errno) -> Self {
        Self::Failed(error.into())
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl From<Errno> for FileFault {
    /// What a peer must not be able to tell apart is one fault; what the owner must mend is another.
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::ISDIR
            | Errno::LOOP
            | Errno::XDEV
            | Errno::ACCESS
            | Errno::PERM
            | Errno::NAMETOOLONG
            | Errno::NXIO
            | Errno::NODEV => Self::Absent,
            error => Self::failed(error),
        }
    }
}

impl fmt::Debug for FileResourceHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { sandbox, problems } = &*self.0;
        let (way, rules) = (sandbox.as_ref().map(|sandbox| sandbox.root.way()), sandbox.as_ref().map(|s| &s.rules));
        f.debug_struct("FileResourceHandler")
            .field("way", &way)
            .field("rules", &rules)
            .field("problems", &problems.len())
            .finish()
    }
}

impl fmt::Debug for FileContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileContents").field("body", &self.body).field("media_type", &self.media_type).finish()
    }
}

impl fmt::Debug for FileBody {
    /// How much there is; never what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{} bytes of text", text.len()),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

/// Names that one list reads, of whatever kind: some tenths of a second, and some megabytes. One directory has half.
const MOST_NAMES: usize = 200_000;

/// What is set aside for a file before anything of it is read.
const FIRST_ROOM: usize = 1024 * 1024;
