//! Opens what is below a directory, and nothing else, however fast others move links and directories about.
//!
//! Everything is opened relative to a handle of the directory that was opened once, and is judged by its own handle.
//! The kernel resolves a path in one step with `openat2`, which refuses links and mounts and lets nothing out whose
//! place was not beneath the directory. Where that call is missing (gVisor, filters of system calls) the path is walked
//! one component at a time. In both ways the place of a file that was opened is read back from `/proc` in the end. A
//! handle without access (`O_PATH`) is looked at before anything is opened, so that pipes and devices are not; one that
//! takes the place of a file between the two is opened without waiting, and refused unread.

use std::{
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, RawDir, ResolveFlags, Stat},
    io::{self, Errno},
};

use crate::sandbox::path::RelPath;

/// A directory, and how what is below it is opened.
pub(super) struct Root {
    directory: OwnedFd,
    /// `/proc/self/fd`, which names the place of every handle of this process.
    handles: OwnedFd,
    way: Way,
}

/// How paths are resolved.
enum Way {
    /// By the kernel, in one step.
    Kernel,
    /// One component after the other.
    Steps {
        /// The device of the directory.
        device: u64,
    },
}

/// Which way is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Preference {
    /// The kernel's, where it is there.
    #[default]
    Best,
    /// Steps.
    #[cfg_attr(
        not(any(test, feature = "testing")),
        expect(dead_code, reason = "for tests of a kernel without the call")
    )]
    Steps,
}

/// A file that was opened, and how it looked then.
pub(super) struct Opened {
    pub(super) handle: OwnedFd,
    pub(super) stat: Stat,
}

impl Root {
    /// Opens the directory. Its own path may hold links: it is the owner's.
    pub(super) fn open(path: &Path, preference: Preference) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        let steps = || Ok(Way::Steps { device: rustix::fs::fstat(&directory)?.st_dev });
        let way = match preference {
            Preference::Best => match in_one_step(directory.as_fd(), ".", flags) {
                Ok(_) => Way::Kernel,
                // The call is not there, or a filter of system calls takes it away.
                Err(Errno::NOSYS | Errno::PERM) => steps()?,
                Err(error) => return Err(error),
            },
            Preference::Steps => steps()?,
        };
        Ok(Self { directory, handles: handles()?, way })
    }

    /// The handle of the directory.
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Opens a regular file with one name for reading, without waiting; everything else is [`Errno::NOENT`].
    pub(super) fn file(&self, path: &RelPath) -> io::Result<Opened> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        settled(|| {
            // It stays open, so that no other file can get its inode.
            let seen = self.look_once(path)?;
            let parent = self.subdirectory_once(path.parent().as_ref())?;
            let handle = match self.way {
                Way::Kernel => in_one_step(parent.as_fd(), path.name(), flags)?,
                Way::Steps { device } => on_device(parent.as_fd(), path.name(), flags, device)?,
            };
            let stat = judged(&handle)?;
            // It had one name when it was judged. That may be one outside, if the name here was a second one that was
            // removed meanwhile: a removal that has begun is over once names of its directory are read, and shows then.
            read_a_name(parent.as_fd())?;
            let same = (stat.st_dev, stat.st_ino) == (seen.stat.st_dev, seen.stat.st_ino);
            if same && self.is_at(&handle, path)? { Ok(Opened { handle, stat }) } else { Err(Errno::AGAIN) }
        })
    }

    /// A handle of a regular file with one name, which can be looked at and not be read.
    pub(super) fn look(&self, path: &RelPath) -> io::Result<Opened> {
        settled(|| self.look_once(path))
    }

    /// Opens a directory below this one, or this one, to read its names.
    pub(super) fn subdirectory(&self, path: Option<&RelPath>) -> io::Result<OwnedFd> {
        settled(|| self.subdirectory_once(path))
    }

    /// What the way is called, for the log.
    pub(super) fn way(&self) -> &'static str {
        match self.way {
            Way::Kernel => "openat2",
            Way::Steps { .. } => "steps",
        }
    }

    fn look_once(&self, path: &RelPath) -> io::Result<Opened> {
        let handle = self.resolve(path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW)?;
        Ok(Opened { stat: judged(&handle)?, handle })
    }

    fn subdirectory_once(&self, path: Option<&RelPath>) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match path {
            Some(path) => self.resolve(path, flags),
            None => rustix::fs::openat(&self.directory, ".", flags, Mode::empty()),
        }
    }

    fn resolve(&self, path: &RelPath, flags: OFlags) -> io::Result<OwnedFd> {
        match &self.way {
            Way::Kernel => in_one_step(self.directory(), path.as_str(), flags),
            Way::Steps { device } => {
                let opened = in_steps(self.directory(), path, flags, *device)?;
                // A directory on the way may have been moved out while it was held: only the place counts that the
                // kernel names for the file itself.
                if self.is_at(&opened, path)? { Ok(opened) } else { Err(Errno::AGAIN) }
            }
        }
    }

    /// Whether the kernel names this path below the directory for a handle, at one moment. What has lost the name by
    /// which it was opened is nowhere.
    fn is_at(&self, handle: &OwnedFd, path: &RelPath) -> io::Result<bool> {
        let mut expected = self.place(self.directory())?;
        expected.push(b'/');
        expected.extend_from_slice(path.as_str().as_bytes());
        Ok(self.place(handle.as_fd())? == expected)
    }

    /// Where a handle leads, as the kernel names it at this moment.
    fn place(&self, handle: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
        let name = handle.as_raw_fd().to_string();
        Ok(rustix::fs::readlinkat(&self.handles, name, Vec::new())?.into_bytes())
    }
}

/// Opens what tells where handles lead.
fn handles() -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handles = rustix::fs::openat(CWD, HANDLES, flags, Mode::empty()).map_err(|_| Errno::NOTSUP)?;
    // Whatever else may stand at this path would not tell the truth about places.
    if rustix::fs::fstatfs(&handles)?.f_type == PROC_SUPER_MAGIC { Ok(handles) } else { Err(Errno::NOTSUP) }
}

/// The kernel's own walk, which never leaves the directory, follows no link and crosses no mount.
fn in_one_step(directory: BorrowedFd<'_>, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let resolve =
        ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    rustix::fs::openat2(directory, path, flags, Mode::empty(), resolve)
}

/// A walk that holds each directory while it opens the next, follows no link and stays on one device.
///
/// A mount of a part of the same file system is not told from a directory, other than by the kernel's own walk.
fn in_steps(directory: BorrowedFd<'_>, path: &RelPath, flags: OFlags, device: u64) -> io::Result<OwnedFd> {
    let through = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut components = path.components().peekable();
    let mut held: Option<OwnedFd> = None;
    while let Some(component) = components.next() {
        let at = held.as_ref().map_or(directory, AsFd::as_fd);
        let is_last = components.peek().is_none();
        let next = on_device(at, component, if is_last { flags } else { through }, device)?;
        if is_last {
            return Ok(next);
        }
        held = Some(next);
    }
    Err(Errno::NOENT)
}

/// One step of a walk.
fn on_device(at: BorrowedFd<'_>, name: &str, flags: OFlags, device: u64) -> io::Result<OwnedFd> {
    let next = rustix::fs::openat(at, name, flags, Mode::empty())?;
    if rustix::fs::fstat(&next)?.st_dev == device { Ok(next) } else { Err(Errno::XDEV) }
}

/// Reads a name of a directory, for which the kernel takes the lock that a removal in it holds.
fn read_a_name(directory: BorrowedFd<'_>) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); ROOM_FOR_A_NAME];
    RawDir::new(directory, &mut buffer).next().transpose().map(drop)
}

/// How a regular file with one name looks; [`Errno::AGAIN`] for one that has lost its only name since it was opened,
/// and
/// [`Errno::NOENT`] for everything else.
///
/// A second name could stand for a file of another place that somebody linked to here, and a handle does not tell which
/// of its names is which.
fn judged(handle: &OwnedFd) -> io::Result<Stat> {
    let stat = rustix::fs::fstat(handle)?;
    match stat.st_nlink {
        _ if is_served(&stat) => Ok(stat),
        0 => Err(Errno::AGAIN),
        _ => Err(Errno::NOENT),
    }
}

/// What comes of it once nothing is moved meanwhile; [`Errno::AGAIN`] where something always is.
fn settled<T>(attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..ATTEMPTS {
        match attempt() {
            // Whoever moves things about waits for the same locks of the kernel, and could go on in step with this.
            Err(Errno::AGAIN) => std::thread::yield_now(),
            outcome => return outcome,
        }
    }
    Err(Errno::AGAIN)
}

/// Whether it is a regular file with one name.
pub(super) fn is_served(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1
}

/// Bytes that hold a name of 255 bytes and what the kernel says of it.
const ROOM_FOR_A_NAME: usize = 512;

const HANDLES: &str = "/proc/self/fd";

/// How often a path is resolved whose file is replaced each time between being looked at and being opened. With a
/// process that does nothing else on the same processors, five of six attempts fail: so many fail together never.
const ATTEMPTS: usize = 256;
