//! What an owner says of a directory whose files are served.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{CWD, FsWord, Mode, OFlags, PROC_SUPER_MAGIC},
    io::Errno,
};

use super::{
    FileResourceHandler, Inner, Rules, Sandbox,
    open::{Preference, Root},
};
use crate::policy::Problem;

/// Collects what a [`FileResourceHandler`] is made of.
///
/// An example is at [`FileResourceHandler`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes a handler with `.build()`"]
pub struct FileResourceBuilder {
    base: Option<PathBuf>,
    rules: Rules,
    preference: Preference,
    problems: Vec<Problem>,
}

impl Default for FileResourceBuilder {
    fn default() -> Self {
        let rules = Rules { size_limit: DEFAULT_SIZE_LIMIT, extensions: None, hidden: Hidden::Absent };
        Self { base: None, rules, preference: Preference::default(), problems: Vec::new() }
    }
}

/// Whether names that begin with a dot are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    Absent,
    Served,
}

impl FileResourceBuilder {
    /// The directory whose files are served, at any depth up to [`MAX_DEPTH`](crate::sandbox::path::MAX_DEPTH).
    /// Required.
    ///
    /// It is opened by [`build`](Self::build) and kept open, so what takes its path later is not served. Its own path
    /// may hold links; nothing below it may.
    pub fn with_base_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.base = Some(directory.into());
        self
    }

    /// Files are read and never written, which is so in any case; `false` is a problem.
    pub fn with_read_only(mut self, read_only: bool) -> Self {
        if !read_only {
            self.problems.push(Problem::new(
                "files are served for reading alone",
                "call .with_read_only(true), and write files with a tool of yours",
            ));
        }
        self
    }

    /// Symbolic links are absent, which is so in any case; `true` is a problem.
    pub fn with_symlink_following(mut self, following: bool) -> Self {
        if following {
            self.problems.push(Problem::new(
                "symbolic links below a directory that is served are not followed",
                "call .with_symlink_following(false), and give the directory that the link leads to a handler of its own",
            ));
        }
        self
    }

    /// How many bytes of a file are served; a larger one is refused. 4 MiB unless said, 1 GiB at most.
    ///
    /// What is counted is what is read, so a file that grows meanwhile is refused as well. A read holds the file in
    /// memory, and the answer is bounded by [`Limits::result_bytes`](crate::limits::Limits::result_bytes) as well.
    pub fn with_file_size_limit(mut self, bytes: u64) -> Self {
        self.rules.size_limit = bytes;
        self
    }

    /// Serves files whose last extension is one of these, such as `txt`, in any ASCII case; all files unless said.
    ///
    /// `a.txt.exe` has the extension `exe`; `txt`, `.txt` and `a.` have none.
    pub fn with_allowed_extensions(mut self, extensions: &[&str]) -> Self {
        let is_extension = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+'))
        };
        for extension in extensions.iter().filter(|extension| !is_extension(extension)) {
            self.problems.push(Problem::new(
                format!("`{}` is not an extension of files", extension.escape_debug()),
                "name extensions by letters and digits alone, such as txt",
            ));
        }
        if extensions.is_empty() {
            self.problems.push(Problem::new(
                "no extension of files is allowed, so nothing would be served",
                "name some in .with_allowed_extensions(..), or leave the call out to serve all",
            ));
        }
        self.rules.extensions =
            Some(extensions.iter().map(|extension| extension.to_ascii_lowercase().into()).collect());
        self
    }

    /// Serves files and directories whose names begin with a dot, too; they are absent unless said.
    pub fn with_hidden_files(mut self) -> Self {
        self.rules.hidden = Hidden::Served;
        self
    }

    /// Opens files one component after the other, as on a kernel that has no `openat2`; for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn with_stepwise_opening(mut self) -> Self {
        self.preference = Preference::Steps;
        self
    }

    /// Opens the directory and makes the handler. What is wrong with it, the server that it is mounted on reports when
    /// it is built; such a handler serves nothing.
    pub fn build(self) -> FileResourceHandler {
        let Self { base, rules, preference, mut problems } = self;
        if rules.size_limit == 0 {
            problems.push(Problem::new(
                "files of no byte alone would be served",
                "give .with_file_size_limit(..) a number of bytes above zero",
            ));
        }
        if rules.size_limit > MOST_SIZE_LIMIT {
            problems.push(Problem::new(
                "files of more than 1 GiB would be held in memory",
                "give .with_file_size_limit(..) at most 1024 * 1024 * 1024",
            ));
        }
        let root = match base {
            Some(base) => open(&base, preference).map_err(|problem| problems.push(problem)).ok(),
            None => {
                problems.push(Problem::new(
                    "a handler of files does not say which directory it serves",
                    "call .with_base_directory(..)",
                ));
                None
            }
        };
        let sandbox =
            root.filter(|_| problems.is_empty()).map(|root| Sandbox { root, rules, has_left_out: Default::default() });
        FileResourceHandler(Arc::new(Inner { sandbox, problems }))
    }
}

fn open(base: &Path, preference: Preference) -> Result<Root, Problem> {
    let shown = base.display();
    let root = Root::open(base, preference).map_err(|error| unopened(base, error))?;
    let unreadable = |error| unopened(base, error);
    let system = rustix::fs::fstatfs(root.directory()).map_err(unreadable)?.f_type;
    if OF_THE_KERNEL.contains(&system) {
        return Err(Problem::new(
            format!("{shown} holds no files but what the kernel tells and is told"),
            "name a directory of files",
        ));
    }
    let whole = rustix::fs::openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(unreadable)?;
    let whole = rustix::fs::fstat(whole).map_err(unreadable)?;
    let own = rustix::fs::fstat(root.directory()).map_err(unreadable)?;
    if (own.st_dev, own.st_ino) == (whole.st_dev, whole.st_ino) {
        return Err(Problem::new(
            format!("{shown} is the whole file system, with every secret that this process may read"),
            "name a directory that holds nothing but what may be served",
        ));
    }
    // Names can be read of the directory that is served, or it would look empty.
    root.subdirectory(None).map_err(unreadable)?;
    Ok(root)
}

fn unopened(base: &Path, error: Errno) -> Problem {
    let shown = base.display();
    match error {
        Errno::NOTDIR => Problem::new(format!("{shown} is not a directory"), "name a directory"),
        Errno::NOTSUP => Problem::new(
            format!("{shown} cannot be served safely: there is no /proc, which tells where an opened file is"),
            "mount /proc where this process runs",
        ),
        error => Problem::new(
            format!("{shown} cannot be opened ({})", std::io::Error::from(error).kind()),
            "name a directory that the user of this process may read; a relative path begins where it was started",
        ),
    }
}

/// File systems whose files are no files: proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs.
const OF_THE_KERNEL: [FsWord; 7] =
    [PROC_SUPER_MAGIC, 0x6265_6572, 0x0027_e0eb, 0x6367_7270, 0x6462_6720, 0x7472_6163, 0x7363_6673];

/// 4 MiB: in base64 it fits the answers that the strict policy allows.
const DEFAULT_SIZE_LIMIT: u64 = 4 * 1024 * 1024;

/// 1 GiB: a read holds a file in memory.
const MOST_SIZE_LIMIT: u64 = 1024 * 1024 * 1024;
