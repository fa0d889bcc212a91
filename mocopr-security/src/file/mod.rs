//! The one opener of certificates, keys, secrets and logs.
//!
//! A file is opened once and judged by its handle, never by its path, so nothing can be put in its place between the
//! two. Links are followed where a file is read, because orchestrators mount secrets as links; what counts is who owns
//! the file behind them, and who else may touch it. Problems name the path for the owner of the server, and never say
//! anything of a content. For systems with Unix owners and modes.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the one opener of such files")]

mod judged;
mod log;
#[cfg(target_os = "linux")]
mod threads;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};

pub(crate) use self::judged::Folder;
use self::judged::{Facts, Wrong};
pub use self::log::{LogFile, LogReader, names_beside_log, open_log, remove_log, rename_log, write_beside_log};
#[cfg(target_os = "linux")]
pub(crate) use self::threads::statuses_of_threads;
use crate::{policy::Problem, random::random_name, redact::Secret};

/// Who may touch a file beside its owner, who is root or the user that this process runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Nobody: it holds a secret.
    Owner,
    /// Its group may read it, although it holds a secret; some orchestrators can mount one in no other way.
    Group,
    /// Anybody may read it, as a certificate; nobody else may write it.
    Public,
}

/// Reads a file in whole, at most `max_bytes` of it.
///
/// What was read is wiped from memory when it is dropped, whatever it is. Blocks; meant for the start of a server.
///
/// # Errors
/// A problem that names the path where the file cannot be opened, is not a regular file, belongs to somebody else than
/// root or this process's user, is open to more than `privacy` allows, or is larger than `max_bytes`.
pub fn read(path: &Path, privacy: Privacy, max_bytes: usize) -> Result<Secret<Vec<u8>>, Problem> {
    // Without waiting: opening a pipe to which nobody writes would never end.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| unreadable(path, &error))?;
    let facts = Facts::of(&file.metadata().map_err(|error| unreadable(path, &error))?);
    facts.judge(geteuid().as_raw(), privacy, max_bytes).map_err(|wrong| wrong.problem(path))?;
    // Room for all of it, so that no copy is left behind by a buffer that grows.
    let mut content = Vec::with_capacity(usize::try_from(facts.bytes).unwrap_or(max_bytes).saturating_add(1));
    let most = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let taken = file.take(most.saturating_add(1)).read_to_end(&mut content);
    let content = Secret::new(content);
    taken.map_err(|error| unreadable(path, &error))?;
    // It may have grown since it was judged.
    if content.expose().len() > max_bytes {
        return Err(Wrong::TooLarge(max_bytes).problem(path));
    }
    Ok(content)
}

/// Replaces the content of a private file by what `edit` makes of it, in one step: a reader sees the earlier content or
/// the new one, also after a crash. A file that is not there yet is empty, and is made readable by its owner alone.
///
/// Of several that edit files of one folder at a time the others wait. Blocks.
///
/// # Errors
/// As [`read`] with [`Privacy::Owner`]; where the path is a link, since the link would be replaced and not the file;
/// what `edit` fails with, and then nothing has changed; where the new content cannot be written.
pub fn update(
    path: &Path,
    max_bytes: usize,
    edit: impl FnOnce(&[u8]) -> Result<Vec<u8>, Problem>,
) -> Result<(), Problem> {
    let parent = folder_of(path);
    let folder = File::open(parent).map_err(|error| unreadable(parent, &error))?;
    folder.lock().map_err(|error| unreadable(parent, &error))?;
    let earlier = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => return Err(Wrong::Link.problem(path)),
        Ok(_) => read(path, Privacy::Owner, max_bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => Secret::new(Vec::new()),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let content = Secret::new(edit(earlier.expose())?);
    if content.expose().len() > max_bytes {
        return Err(Wrong::TooLarge(max_bytes).problem(path));
    }
    replace(path, parent, &folder, content.expose()).map_err(|error| unwritable(path, &error))
}

/// Whether a file is there, where that alone says something. A link is not a file.
///
/// # Errors
/// A problem that names the path where that cannot be told, where it is something else than a regular file, belongs to
/// somebody else than root or this process's user, or can be changed by others: what others can make says nothing.
pub(crate) fn is_there(path: &Path) -> Result<bool, Problem> {
    match fs::symlink_metadata(path) {
        Ok(found) => Facts::of(&found)
            .judge(geteuid().as_raw(), Privacy::Public, usize::MAX)
            .map(|()| true)
            .map_err(|wrong| wrong.problem(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Which file it is, how large, and when it and what is known of it were last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    file: (u64, u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// When the content was last changed, in time since 1970-01-01T00:00:00Z.
    pub(crate) fn modified(self) -> std::time::Duration {
        std::time::Duration::from_secs(u64::try_from(self.modified.0).unwrap_or_default())
    }

    /// Looks at the file behind a path, and follows links; `None` where there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            file: (found.dev(), found.ino(), found.len()),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// Removes a file; one that is not there is removed already.
///
/// # Errors
/// A problem that names the path where it cannot be removed.
pub(crate) fn remove(path: &Path) -> Result<(), Problem> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(path, &error)),
    }
}

/// Judges the folder of a file that may come and go: nobody else may put one there, or take one away.
///
/// # Errors
/// A problem that names the folder where it is none, belongs to somebody else than root or this process's user, or can
/// be written by others who may take away what is not theirs.
pub(crate) fn judge_folder_of(path: &Path) -> Result<(), Problem> {
    let shown = folder_of(path);
    let folder = Folder::of(shown).map_err(|error| unreadable(shown, &error))?;
    folder.judge("a file")?;
    if folder.lets_others_remove() {
        let shown = shown.display();
        return Err(Problem::new(
            format!("others can take files out of {shown}"),
            format!("run `chmod go-w {shown}`, or name a file in another folder"),
        ));
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes beside the file and takes its place, so that a crash leaves the one or the other.
fn replace(path: &Path, parent: &Path, folder: &File, content: &[u8]) -> io::Result<()> {
    let name = random_name().map_err(io::Error::other)?;
    let beside: PathBuf = parent.join(format!(".{name}.new"));
    let written =
        OpenOptions::new().write(true).create_new(true).mode(OWNER_ALONE).open(&beside).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&beside, path)
        });
    if written.is_err() {
        // Nobody reads it, so one that cannot be removed is harmless; the reason to tell is the earlier one.
        let _ = fs::remove_file(&beside);
    }
    written.and_then(|()| folder.sync_all())
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        format!("{} cannot be read ({})", path.display(), error.kind()),
        "name a file that the user of this process may read; a relative path begins where it was started",
    )
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        format!("{} cannot be written ({})", path.display(), error.kind()),
        "name a file in a folder that the user of this process may write to",
    )
}

const OWNER_ALONE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt, thread};

    use tempfile::TempDir;

    use super::*;

    const CANARY: &str = "canary-7f3a";

    fn written(mode: u32) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, CANARY).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    /// S-05
    #[test]
    fn every_mode_that_opens_a_file_to_more_than_allowed_is_refused_with_its_path() {
        for (privacy, allowed) in [
            (Privacy::Owner, [0o400, 0o600, 0o700].as_slice()),
            (Privacy::Group, &[0o400, 0o600, 0o700, 0o440, 0o640, 0o740]),
            (Privacy::Public, &[0o400, 0o600, 0o644, 0o444, 0o755, 0o640]),
        ] {
            for bits in 0..0o1000 {
                let (_folder, path) = written(bits | 0o400);
                let got = read(&path, privacy, 100);
                let refused = bits & privacy.refused_modes() != 0;
                assert_eq!(got.is_err(), refused, "{privacy:?} {bits:o}");
                assert!(!allowed.contains(&bits) || got.is_ok(), "{privacy:?} {bits:o}");
                if let Err(problem) = got {
                    let text = problem.to_string();
                    assert!(text.contains(path.to_str().unwrap()) && !text.contains(CANARY), "{text}");
                }
            }
        }
    }

    #[test]
    fn the_bound_is_exact() {
        let (_folder, path) = written(0o600);
        assert_eq!(read(&path, Privacy::Owner, CANARY.len()).unwrap().expose(), CANARY.as_bytes());
        assert!(read(&path, Privacy::Owner, CANARY.len() - 1).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/null"), Path::new("/absent/file")] {
            assert!(read(path, Privacy::Public, 100).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn a_link_is_followed_and_the_file_behind_it_is_judged() {
        let (folder, path) = written(0o600);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(read(&link, Privacy::Owner, 100).unwrap().expose(), CANARY.as_bytes());
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(read(&link, Privacy::Owner, 100).is_err());
        assert!(
            update(&link, 100, |_| Ok(Vec::new())).unwrap_err().what().ends_with("is a link, which would be replaced")
        );
    }

    #[test]
    fn an_update_makes_a_private_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        update(&path, 100, |earlier| Ok([earlier, b"one"].concat())).unwrap();
        update(&path, 100, |earlier| Ok([earlier, b" two"].concat())).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one two");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_or_too_large_update_changes_nothing() {
        let (folder, path) = written(0o600);
        assert!(update(&path, 100, |_| Err(Problem::new("no", "stop"))).is_err());
        assert!(update(&path, 100, |_| Ok(vec![b'x'; 101])).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), CANARY);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn updates_at_the_same_time_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| update(&path, 100, |earlier| Ok([earlier, b"x"].concat())).unwrap());
            }
        });
        assert_eq!(fs::read_to_string(&path).unwrap(), "xxxxxxxx");
    }

    /// S-79
    #[test]
    fn what_others_can_make_or_change_is_not_there_and_not_absent() {
        let (folder, path) = written(0o644);
        assert_eq!(is_there(&path), Ok(true));
        assert_eq!(is_there(&folder.path().join("absent")), Ok(false));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for wrong in [link.as_path(), folder.path()] {
            assert!(is_there(wrong).unwrap_err().what().ends_with("is not a regular file"));
        }
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(is_there(&path).unwrap_err().mend().contains("chmod 644"));
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(is_there(&path), Ok(false));
    }

    /// S-79
    #[test]
    fn a_folder_that_others_can_take_files_out_of_is_a_problem() {
        let (folder, path) = written(0o600);
        for (mode, holds) in [(0o700, true), (0o755, true), (0o777, false), (0o775, false), (0o1777, true)] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(judge_folder_of(&path).is_ok(), holds, "{mode:o}");
        }
        assert!(judge_folder_of(&path.join("below")).unwrap_err().what().ends_with("is not a folder"));
        assert!(judge_folder_of(Path::new("/absent/file")).is_err());
    }
}
