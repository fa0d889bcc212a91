//! The files of a log that is written: opened, appended to, given other names and deleted.
//!
//! Knows nothing of what is in them.

use std::{ffi::OsStr, io, io::Write, path::Path};

use super::{
    names::{self, Kept},
    stamp::Moment,
};
use crate::{
    file::{self, LogFile},
    policy::Problem,
};

/// What the writer writes to.
pub(super) trait Files: Send + 'static {
    /// Writes at the end as much as there is room for.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until all is on the disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Puts a head in the place of the earlier one.
    fn put_head(&mut self, text: &str) -> io::Result<()>;

    /// Keeps what was written so far under another name; the next record begins a new file.
    fn rotate(&mut self, first: u64, closed: &Moment) -> io::Result<()>;

    /// The files that were rotated away, oldest first.
    fn kept(&self) -> io::Result<Vec<Kept>>;

    /// Whether such a file was closed before a moment.
    fn is_older(&self, kept: &Kept, than: &Moment) -> bool;

    /// Deletes such a file.
    fn remove(&mut self, name: &OsStr) -> io::Result<()>;
}

/// Files of a folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: Box<Path>,
    /// `None` between two files.
    log: Option<LogFile>,
    is_device: bool,
}

impl Folder {
    /// Opens the log, which no other process has.
    ///
    /// # Errors
    /// A problem that names the path where it cannot be opened, is open to others, or is another process's.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let log = file::open_log(path)?;
        let is_device = log.is_device();
        if !is_device {
            log.lock().map_err(|_| {
                Problem::new(
                    format!("{} is written by another process", path.display()),
                    "stop that one, or give each server a log of its own",
                )
            })?;
        }
        Ok(Self { path: path.into(), log: Some(log), is_device })
    }

    /// It keeps nothing that could be read again.
    pub(super) fn is_device(&self) -> bool {
        self.is_device
    }

    /// Drops what is behind the first so many bytes.
    pub(super) fn cut(&self, bytes: u64) -> io::Result<()> {
        self.log.as_ref().map_or(Ok(()), |log| log.cut(bytes))
    }

    fn log(&mut self) -> io::Result<&mut LogFile> {
        let log = match self.log.take() {
            Some(log) => log,
            None => {
                let log = file::open_log(&self.path).map_err(io::Error::other)?;
                log.lock()?;
                log
            }
        };
        Ok(self.log.insert(log))
    }
}

impl Files for Folder {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.log()?.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.is_device { Ok(()) } else { self.log()?.sync() }
    }

    fn put_head(&mut self, text: &str) -> io::Result<()> {
        if self.is_device {
            return Ok(());
        }
        file::write_beside_log(&names::head(&self.path), text.as_bytes())
    }

    fn rotate(&mut self, first: u64, closed: &Moment) -> io::Result<()> {
        file::rename_log(&self.path, &self.path.with_file_name(names::rotated(&self.path, first, closed)))?;
        self.log = None;
        Ok(())
    }

    fn kept(&self) -> io::Result<Vec<Kept>> {
        Ok(names::kept(&self.path, file::names_beside_log(&self.path)?))
    }

    fn is_older(&self, kept: &Kept, than: &Moment) -> bool {
        names::is_older(&self.path, kept, than)
    }

    fn remove(&mut self, name: &OsStr) -> io::Result<()> {
        file::remove_log(&self.path.with_file_name(name))
    }
}
