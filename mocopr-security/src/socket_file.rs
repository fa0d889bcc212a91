//! The one maker of sockets that have a name in the file system: who may connect, and that nothing is put in its place.
//!
//! The folder of a socket is judged first, because whoever can write there can put another socket in the place of this
//! one. A socket is made open to nobody, and is given to whom it is for before anybody can connect. What was there is
//! removed only where it is a socket of this user that nobody listens at. For Linux.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the one maker of such files")]

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions},
    io::ErrorKind,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, fchmod},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with},
    process::geteuid,
};
use tracing::debug;

use crate::{auth::local_users::is_of_nobody, file::Folder, policy::Problem};

/// Who may connect to a Unix socket beside root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketAccess {
    /// The user that this process runs as.
    Owner,
    /// That user, and every user in the group of this id.
    Group(u32),
}

/// The name of a socket in the file system. It is removed when this is dropped, if it is still that of this socket.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    file: (u64, u64),
}

/// Listens at a socket of this name, which is then there for as long as the second value lives. Does not wait for
/// connections: the socket is in nonblocking mode.
///
/// # Errors
/// A problem that names the path where [`judge`] has one; where the folder is not there, belongs to somebody else than
/// root or this process's user, or can be written by others; where something is there that is no socket, belongs to
/// somebody else, or is listened at; where the socket cannot be made.
pub fn open(path: &Path, access: SocketAccess) -> Result<(UnixListener, SocketFile), Problem> {
    judge(path)?;
    let folder = folder_of(path)?;
    let path = folder.join(path.file_name().unwrap_or_default());
    // Of two servers that start at a time one would take the socket of the other for a stale one.
    let _turn = turn_at(&path)?;
    clear(&path)?;
    let failed = |error: Errno| unusable(&path, error.kind());
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(failed)?;
    // The file gets its mode from here.
    fchmod(&socket, Mode::empty()).map_err(failed)?;
    bind(&socket, &SocketAddrUnix::new(&path).map_err(failed)?).map_err(failed)?;
    let made = fs::symlink_metadata(&path).map_err(|error| unusable(&path, error.kind()))?;
    let file = SocketFile { path: path.clone(), file: (made.dev(), made.ino()) };
    access.give(&path)?;
    // Until now every connection is refused.
    listen(&socket, BACKLOG).map_err(failed)?;
    Ok((UnixListener::from(socket), file))
}

/// Whether a socket can have this name, as far as that can be told without looking.
///
/// # Errors
/// A problem where the path is not absolute, names no file, or is longer than the system allows.
pub fn judge(path: &Path) -> Result<(), Problem> {
    let shown = path.display();
    if !path.is_absolute() || path.file_name().is_none() {
        return Err(Problem::new(
            format!("{shown} is no name of a socket"),
            "give a path from the root, such as \"/run/notes/mcp.sock\"",
        ));
    }
    if path.as_os_str().len() > LONGEST || path.as_os_str().as_bytes().contains(&0) {
        return Err(Problem::new(
            format!("{shown} is longer than the {LONGEST} bytes that a socket's name may have"),
            "give a shorter path",
        ));
    }
    Ok(())
}

impl SocketFile {
    /// Where it is, without links on the way.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own = |found: &fs::Metadata| (found.dev(), found.ino()) == self.file;
        if fs::symlink_metadata(&self.path).is_ok_and(|found| is_own(&found))
            && let Err(error) = fs::remove_file(&self.path)
        {
            debug!(%error, "a socket was not removed");
        }
    }
}

impl SocketAccess {
    /// Opens the file to whom it is for.
    fn give(self, path: &Path) -> Result<(), Problem> {
        let mode = match self {
            Self::Owner => OWNER_ALONE,
            Self::Group(gid) => {
                // To the system -1 means that the group stays as it is.
                if is_of_nobody(gid) {
                    return Err(Problem::new(
                        format!("the group {gid} stands for everybody without an id of this process's own"),
                        "name a group that has an id",
                    ));
                }
                lchown(path, None, Some(gid)).map_err(|error| {
                    Problem::new(
                        format!("{} cannot be given to the group {gid} ({})", path.display(), error.kind()),
                        "name a group that the user of this process is in",
                    )
                })?;
                OWNER_AND_GROUP
            }
        };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|error| unusable(path, error.kind()))
    }
}

/// The folder of a socket, without links on the way, in which nobody else can put another one, also not while no server
/// runs: a client would take that one for the server.
fn folder_of(path: &Path) -> Result<PathBuf, Problem> {
    let named = path.parent().unwrap_or(path);
    let folder = fs::canonicalize(named).map_err(|error| unusable(named, error.kind()))?;
    let judged = Folder::of(&folder).map_err(|error| unusable(&folder, error.kind()))?;
    judged.judge("a socket")?;
    if let Some(above) = folder.ancestors().skip(1).find(|above| !is_kept(above)) {
        return Err(Problem::new(
            format!("others can put a folder of their own in the place of one in {}", above.display()),
            "name a socket in a folder below which only root and this user write, such as one below /run",
        ));
    }
    if judged.lets_others_write() {
        let shown = folder.display();
        return Err(Problem::new(
            format!("others can put a socket of their own into {shown}"),
            format!("run `chmod go-w {shown}`, or name a socket in a folder of its own, such as one below /run"),
        ));
    }
    Ok(folder)
}

/// Nobody but root and this user can put something in the place of what they have in this folder.
fn is_kept(folder: &Path) -> bool {
    Folder::of(folder).is_ok_and(|folder| folder.is_of_us() && !folder.lets_others_remove())
}

/// The right to make the socket of this name, for as long as the file is open. Nobody else can hold it: the file beside
/// the socket is open to nobody else, and stays there.
fn turn_at(path: &Path) -> Result<File, Problem> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".lock");
    let beside = path.with_file_name(name);
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let opened =
        OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ALONE).custom_flags(flags).open(&beside);
    let file = opened.map_err(|error| unusable(&beside, error.kind()))?;
    file.try_lock().map_err(|_| {
        Problem::new(format!("another server starts at {}", path.display()), "stop it, or name another socket")
    })?;
    Ok(file)
}

/// Removes what an earlier server of this user left.
fn clear(path: &Path) -> Result<(), Problem> {
    let shown = path.display();
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(path, error.kind())),
    };
    if !found.file_type().is_socket() {
        return Err(Problem::new(format!("{shown} is there, and is no socket"), "name a socket that is not there yet"));
    }
    if found.uid() != geteuid().as_raw() {
        return Err(Problem::new(
            format!("{shown} is a socket of somebody else than the user that this process runs as"),
            "remove it, or name another one",
        ));
    }
    if is_listened_at(path)? {
        return Err(Problem::new(format!("a server listens at {shown} already"), "stop it, or name another socket"));
    }
    fs::remove_file(path).map_err(|error| unusable(path, error.kind()))
}

/// Somebody listens at this socket. Does not wait, also where nobody accepts.
fn is_listened_at(path: &Path) -> Result<bool, Problem> {
    let failed = |error: Errno| unusable(path, error.kind());
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(failed)?;
    match connect(&socket, &SocketAddrUnix::new(path).map_err(failed)?) {
        Err(Errno::CONNREFUSED) => Ok(false),
        // A server that was killed before it gave its socket to anybody: nobody listens at what nobody may open.
        Err(Errno::ACCESS) => Ok(false),
        // Its queue is full, or it speaks in another way: what listens is not for us to remove.
        Ok(()) | Err(Errno::AGAIN | Errno::PROTOTYPE) => Ok(true),
        Err(error) => Err(failed(error)),
    }
}

fn unusable(path: &Path, why: ErrorKind) -> Problem {
    Problem::new(
        format!("{} cannot be used ({why})", path.display()),
        "name a socket in a folder that the user of this process may write to",
    )
}

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// Bytes of a path, without the zero at its end (unix(7)).
const LONGEST: usize = 107;

const OWNER_ALONE: u32 = 0o600;
const OWNER_AND_GROUP: u32 = 0o660;

#[cfg(test)]
mod tests {
    use std::os::unix::{
        fs::symlink,
        net::{UnixDatagram, UnixStream},
    };

    use tempfile::TempDir;

    use super::*;

    fn place() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mcp.sock");
        (folder, path)
    }

    fn refused(path: &Path) -> String {
        open(path, SocketAccess::Owner).map(drop).unwrap_err().what().to_owned()
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    /// P-21
    #[test]
    fn a_socket_is_for_its_owner_or_a_group_whatever_the_mask_of_the_process() {
        let (_folder, path) = place();
        let (_listener, file) = open(&path, SocketAccess::Owner).unwrap();
        assert_eq!(mode(&path), 0o600);
        drop(file);
        let group = rustix::process::getegid().as_raw();
        let (_listener, _file) = open(&path, SocketAccess::Group(group)).unwrap();
        assert_eq!((mode(&path), fs::metadata(&path).unwrap().gid()), (0o660, group));
        assert!(UnixStream::connect(&path).is_ok());
    }

    /// P-21
    #[test]
    fn a_socket_is_removed_at_its_end_and_what_took_its_place_is_not() {
        let (folder, path) = place();
        let (listener, file) = open(&path, SocketAccess::Owner).unwrap();
        drop((listener, file));
        assert!(!path.exists());
        let (_listener, file) = open(&path, SocketAccess::Owner).unwrap();
        fs::rename(&path, folder.path().join("away")).unwrap();
        fs::write(&path, "other").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "other");
    }

    /// P-21
    #[test]
    fn a_stale_socket_is_replaced_and_one_that_is_listened_at_is_not() {
        let (_folder, path) = place();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let (listener, file) = open(&path, SocketAccess::Owner).unwrap();
        assert!(refused(&path).contains("a server listens at"));
        // Also where it accepts nobody.
        let mut waiting = Vec::new();
        loop {
            let flags = SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
            match connect(&socket, &SocketAddrUnix::new(&path).unwrap()) {
                Ok(()) => waiting.push(socket),
                Err(error) => break assert_eq!(error, Errno::AGAIN),
            }
        }
        assert!(refused(&path).contains("a server listens at"));
        drop((listener, file));
        let _datagram = UnixDatagram::bind(&path).unwrap();
        assert!(refused(&path).contains("a server listens at"));
    }

    /// P-21
    #[test]
    fn what_is_no_socket_is_left_where_it_is() {
        let (folder, path) = place();
        fs::write(&path, "kept").unwrap();
        assert!(refused(&path).ends_with("is there, and is no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
        let link = folder.path().join("link");
        symlink(folder.path().join("absent"), &link).unwrap();
        assert!(refused(&link).ends_with("is there, and is no socket"));
        assert!(!folder.path().join("absent").exists());
        // A link to a socket is no socket either.
        let (_listener, _file) = open(&folder.path().join("real"), SocketAccess::Owner).unwrap();
        fs::remove_file(&link).unwrap();
        symlink(folder.path().join("real"), &link).unwrap();
        assert!(refused(&link).ends_with("is there, and is no socket"));
    }

    /// P-21
    #[test]
    fn a_folder_in_which_others_can_put_a_socket_is_refused_also_behind_a_link() {
        let (folder, path) = place();
        let link = folder.path().parent().unwrap().join(format!("{}.link", folder.path().display()));
        symlink(folder.path(), &link).unwrap();
        for (mode, holds) in [(0o700, true), (0o755, true), (0o777, false), (0o775, false), (0o1777, false)] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            for path in [&path, &link.join("mcp.sock")] {
                match open(path, SocketAccess::Owner) {
                    Ok(_) => assert!(holds, "{mode:o}"),
                    Err(problem) => assert!(!holds && problem.what().contains("others can put"), "{mode:o}: {problem}"),
                }
            }
        }
        fs::remove_file(&link).unwrap();
        assert!(refused(&folder.path().join("absent/mcp.sock")).contains("cannot be used"));
        // Nor may others write above it, where they could put a folder in the place of this one.
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o700)).unwrap();
        for (mode, holds) in [(0o755, true), (0o1777, true), (0o775, false)] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            let opened = open(&inner.join("mcp.sock"), SocketAccess::Owner);
            assert_eq!(opened.is_ok(), holds, "{mode:o}");
        }
    }

    /// P-21
    #[test]
    fn of_two_servers_that_start_one_has_its_turn_and_who_may_read_the_folder_cannot_hold_it() {
        let (folder, path) = place();
        let read = File::open(folder.path()).unwrap();
        read.lock().unwrap();
        drop(open(&path, SocketAccess::Owner).unwrap());
        let lock = folder.path().join(".mcp.sock.lock");
        assert_eq!(mode(&lock), 0o600);
        let turn = turn_at(&path).unwrap();
        assert!(refused(&path).contains("another server starts"));
        drop(turn);
        fs::remove_file(&lock).unwrap();
        symlink(folder.path().join("elsewhere"), &lock).unwrap();
        assert!(refused(&path).contains("cannot be used"));
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn a_name_is_absolute_and_has_a_length() {
        for name in ["mcp.sock", "run/mcp.sock", "", "/", "/run/.."] {
            assert!(judge(Path::new(name)).unwrap_err().what().ends_with("is no name of a socket"), "{name}");
        }
        assert_eq!(judge(Path::new(&format!("/{}", "x".repeat(106)))), Ok(()));
        assert!(judge(Path::new(&format!("/{}", "x".repeat(107)))).unwrap_err().what().contains("longer than"));
    }
}
