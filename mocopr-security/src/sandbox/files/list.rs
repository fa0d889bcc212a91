//! Lists what is below a directory, in the order of the bytes of its paths, at a bounded cost.

use rustix::{
    fs::{AtFlags, Dir, FileType},
    io::Errno,
};

use super::{FileEntry, FileFault, FileRange, Sandbox, media};
use crate::sandbox::path::RelPath;

/// The files of a range, for which at most so many names are read, of whatever kind, and at most half of what is left
/// of them in one directory: whoever fills a directory hides what is in it, and not what stands behind.
pub(super) fn list(sandbox: &Sandbox, range: FileRange<'_>, names: usize) -> Result<Vec<FileEntry>, FileFault> {
    let mut walk = Walk { sandbox, range, left: names, found: Vec::new() };
    walk.enter(None)?;
    Ok(walk.found)
}

struct Walk<'a> {
    sandbox: &'a Sandbox,
    range: FileRange<'a>,
    /// How many names may still be read.
    left: usize,
    found: Vec<FileEntry>,
}

/// A name of a directory. The order is that of all paths: those below `a` stand where `a/` stands, behind `a.b`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    key: Box<str>,
    path: RelPath,
    kind: NameKind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NameKind {
    File,
    Directory,
}

impl Walk<'_> {
    /// Goes through a directory and all below it. As deep as a path may be.
    fn enter(&mut self, at: Option<&RelPath>) -> Result<(), FileFault> {
        let opened = match self.sandbox.root.subdirectory(at).and_then(Dir::new) {
            Ok(opened) => opened,
            // One that cannot be opened, or is gone meanwhile, is empty.
            Err(error) if at.is_some() && is_passed_over(error) => return Ok(()),
            Err(error) => return Err(FileFault::failed(error)),
        };
        let (mut directory, mut names) = (opened, Vec::new());
        let mut share = self.left.div_ceil(2);
        while let Some(entry) = directory.read() {
            let entry = entry.map_err(FileFault::failed)?;
            let Some(rest) = share.checked_sub(1) else {
                self.sandbox.leave_out(at);
                break;
            };
            share = rest;
            self.left -= 1;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Some(path) = RelPath::below(at, name) else { continue };
            let kind = match entry.file_type() {
                FileType::Unknown => match stat(&directory, name)? {
                    Some(stat) => FileType::from_raw_mode(stat.st_mode),
                    None => continue,
                },
                kind => kind,
            };
            names.extend(self.name(path, kind));
        }
        names.sort_unstable();
        for Name { path, kind, .. } in names {
            if self.found.len() >= self.range.limit {
                break;
            }
            match kind {
                NameKind::Directory => self.enter(Some(&path))?,
                NameKind::File => self.add(path)?,
            }
        }
        Ok(())
    }

    /// The name of a file of the range, or of a directory that could hold some.
    fn name(&self, path: RelPath, kind: FileType) -> Option<Name> {
        let FileRange { prefix, after, limit: _ } = self.range;
        match kind {
            FileType::RegularFile => {
                let wanted = path.as_str().starts_with(prefix) && after.is_none_or(|after| path.as_str() > after);
                (wanted && self.sandbox.rules.allow(&path)).then(|| Name {
                    key: path.as_str().into(),
                    path,
                    kind: NameKind::File,
                })
            }
            FileType::Directory => {
                let key = format!("{path}/").into_boxed_str();
                let wanted = (key.starts_with(prefix) || prefix.starts_with(&*key))
                    && after.is_none_or(|after| *key > *after || after.starts_with(&*key));
                (wanted && self.sandbox.rules.enter(&path)).then_some(Name { key, path, kind: NameKind::Directory })
            }
            // Links, pipes, sockets and devices.
            _ => None,
        }
    }

    /// Adds a file that could be read, as far as how it looks says so.
    fn add(&mut self, path: RelPath) -> Result<(), FileFault> {
        let stat = match self.sandbox.root.look(&path) {
            Ok(opened) => opened.stat,
            Err(error) if is_passed_over(error) => return Ok(()),
            Err(error) => return Err(FileFault::failed(error)),
        };
        let media_type = media::of(path.extension()).name;
        self.found.push(FileEntry { path, size: u64::try_from(stat.st_size).unwrap_or_default(), media_type });
        Ok(())
    }
}

/// Whether a list goes on without what could not be opened: it is absent, or never stands still.
fn is_passed_over(error: Errno) -> bool {
    error == Errno::AGAIN || FileFault::from(error).is_absent()
}

/// How what has that name looks, without following a link; `None` where it is gone meanwhile.
fn stat(directory: &Dir, name: &str) -> Result<Option<rustix::fs::Stat>, FileFault> {
    let handle = directory.fd().map_err(FileFault::failed)?;
    match rustix::fs::statat(handle, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT | Errno::ACCESS) => Ok(None),
        Err(error) => Err(FileFault::failed(error)),
    }
}
