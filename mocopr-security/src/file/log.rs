//! Logs: written at their end by one process, read by whoever verifies them, and what stands beside them.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a part of the one opener of such files")]

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::{fs::OFlags, process::geteuid};

use super::{
    OWNER_ALONE, Privacy, folder_of,
    judged::{Facts, FileKind, Wrong},
    unreadable, unwritable,
};
use crate::policy::Problem;

/// Opens a log, to write at its end; one that is not there yet is made, for its owner alone.
///
/// # Errors
/// A problem that names the path where it cannot be opened, is neither a regular file nor a device of characters,
/// belongs to somebody else, or is open to anybody beside its owner, which a device may be.
pub fn open_log(path: &Path) -> Result<LogFile, Problem> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(OWNER_ALONE)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = opened.map_err(|error| unwritable(path, &error))?;
    let facts = Facts::of(&file.metadata().map_err(|error| unwritable(path, &error))?);
    if facts.kind == FileKind::Device {
        return Ok(LogFile { file, is_device: true });
    }
    facts.judge(geteuid().as_raw(), Privacy::Owner, usize::MAX).map_err(|wrong| wrong.problem(path))?;
    Ok(LogFile { file, is_device: false })
}

/// A log that is open, to write at its end.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    is_device: bool,
}

impl LogFile {
    /// It is a device, which takes what is written and gives nothing back.
    pub fn is_device(&self) -> bool {
        self.is_device
    }

    /// Waits until all that was written is on the disk.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Keeps every other process from taking it as well, until it is dropped.
    ///
    /// # Errors
    /// What the system says, also where somebody has it.
    pub fn lock(&self) -> io::Result<()> {
        Ok(self.file.try_lock()?)
    }

    /// Drops what is behind the first so many bytes.
    ///
    /// # Errors
    /// What the system says.
    pub fn cut(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)?;
        self.file.sync_data()
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A log that is read, wherever it was copied to and whoever owns it.
#[derive(Debug)]
pub struct LogReader(File);

impl LogReader {
    /// Opens a log to read it; `None` where there is no such file.
    ///
    /// # Errors
    /// A problem that names the path where it cannot be opened or is not a regular file.
    pub fn open(path: &Path) -> Result<Option<Self>, Problem> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
        let file = match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| unreadable(path, &error))?,
        };
        let facts = Facts::of(&file.metadata().map_err(|error| unreadable(path, &error))?);
        if facts.kind != FileKind::Regular {
            return Err(Wrong::NotAFile.problem(path));
        }
        Ok(Some(Self(file)))
    }

    /// The bytes that it has now.
    ///
    /// # Errors
    /// What the system says.
    pub fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// Reads on from this byte.
    ///
    /// # Errors
    /// What the system says.
    pub fn go_to(&mut self, byte: u64) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(byte)).map(drop)
    }
}

impl Read for LogReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

/// Writes a small private file in whole, in one step: a reader sees the earlier content or the new one, also after a
/// crash. For one writer alone, who holds the lock of the log that the file is about.
///
/// # Errors
/// What the system says; then the earlier content stands.
pub fn write_beside_log(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWNER_ALONE)
        .custom_flags(flags.bits().cast_signed())
        .open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder_of(path)
}

/// Gives a log another name in its folder, which must be free. That it stays so after a crash is for the next call of
/// [`write_beside_log`].
///
/// # Errors
/// What the system says.
pub fn rename_log(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(io::Error::from(ErrorKind::AlreadyExists));
    }
    fs::rename(from, to)
}

/// Deletes a log.
///
/// # Errors
/// What the system says.
pub fn remove_log(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder_of(path)
}

/// The names of the files in the folder of a log.
///
/// # Errors
/// What the system says.
pub fn names_beside_log(path: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(folder_of(path))?.map(|entry| Ok(entry?.file_name())).collect()
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_log_is_private_grows_at_its_end_and_is_never_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        for line in ["one\n", "two\n"] {
            let mut log = open_log(&path).unwrap();
            log.write_all(line.as_bytes()).unwrap();
            log.sync().unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(open_log(&link).is_err());
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(open_log(&path).is_err());
    }
}
