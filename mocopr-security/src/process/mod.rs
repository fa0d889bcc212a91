//! What this process may do: given up for good, before it has a second thread.
//!
//! The kernel keeps privileges for each thread, and what one thread gives up the others keep. So all of it happens
//! while there is one; more are a refusal. Every failure is a refusal too, after which a program must end: it may have
//! given up a part. It must never say that something holds which it has not read back from the kernel.

mod account;
mod reach;
mod status;

use std::path::PathBuf;

use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
    },
};

use self::{account::Account, reach::Enforced, status::Status};
use crate::{
    file,
    policy::{Problem, Row},
};

/// Gives up, for good, everything that this process may do beyond what a user may: call it first thing in `main`.
///
/// Afterwards the process has the user's ids (real, effective, saved) and groups, and no capability in any set; no
/// program that it starts can gain one; and where paths are named, it can open nothing beside them. All threads that
/// begin later are the same. What is open already stays open: bind listeners to low ports, and read what the user may
/// not, such as keys of TLS, before. What is opened again while the server runs, such as an audit log that is rotated,
/// must be open to the user.
///
/// Run as root, or as the user itself, who gives up capabilities, gaining more, and paths. Linux alone.
///
/// ```no_run
/// use mocopr_security::process::{Confinement, confine};
///
/// let socket = std::net::TcpListener::bind("0.0.0.0:443")?;
/// confine(Confinement::to_user("mcp-user").reading("/srv/documents").writing("/var/log/mcp"))?;
/// # drop(socket);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A problem where there is a second thread already, where there is no such user or it is root, where the process runs
/// as somebody else than root and that user, where a path cannot be opened or the kernel cannot restrict paths, and
/// where anything of it does not hold in the end. End the process then: a part may be given up.
pub fn confine(to: impl Into<Confinement>) -> Result<Confined, Problem> {
    to.into().enter()
}

/// What a process is to be left with; [`confine`] takes the name of a user as well.
///
/// ```no_run
/// use mocopr_security::process::{Confinement, confine};
///
/// // First thing in `main`, before there is a second thread:
/// let to = Confinement::to_user("calculator").reading("/etc").writing("/var/lib/calculator");
/// let confined = confine(to)?;
/// # drop(confined);
/// # Ok::<(), mocopr_security::policy::Problem>(())
/// ```
#[derive(Clone, Debug)]
pub struct Confinement {
    user: Box<str>,
    reading: Vec<PathBuf>,
    writing: Vec<PathBuf>,
}

impl Confinement {
    /// With what this user may do. Without a path, that is every file that the user may open.
    #[must_use]
    pub fn to_user(name: impl Into<Box<str>>) -> Self {
        Self { user: name.into(), reading: Vec::new(), writing: Vec::new() }
    }

    /// Lets this file, or everything below this directory, be read, and nothing be opened that is not named.
    ///
    /// Name also what libraries read: `/etc` and `/run` for the resolver of names, `/etc/ssl` for the roots of other
    /// servers' certificates. Nothing can be executed. What the process reads about itself below `/proc/self` it may.
    /// Needs Landlock (Linux 5.13); before Linux 6.2 the kernel cannot keep a file that may only be read from being cut
    /// off where the user may write it.
    ///
    /// # Source
    /// <https://docs.kernel.org/userspace-api/landlock.html>
    #[must_use]
    pub fn reading(mut self, path: impl Into<PathBuf>) -> Self {
        self.reading.push(path.into());
        self
    }

    /// Lets this file, or everything below this directory, be read, written, made and removed; else as
    /// [`reading`](Self::reading).
    #[must_use]
    pub fn writing(mut self, path: impl Into<PathBuf>) -> Self {
        self.writing.push(path.into());
        self
    }

    fn enter(self) -> Result<Confined, Problem> {
        only_thread()?;
        let account = Account::find(&self.user)?;
        let euid = geteuid();
        if !euid.is_root() && euid != account.uid {
            return Err(Problem::new(
                format!("the process runs as user id {euid}, and cannot become `{}`", account.name),
                "start it as root, or as that user",
            ));
        }
        // Once more, because a look-up of users may go through libraries.
        only_thread()?;
        empty_bounding_set()?;
        if euid.is_root() {
            let failed = failed(&account);
            setgroups(&account.groups).map_err(&failed)?;
            setresgid(account.gid, account.gid, account.gid).map_err(&failed)?;
            setresuid(account.uid, account.uid, account.uid).map_err(&failed)?;
        }
        give_up_capabilities()
            .and_then(|()| set_no_new_privs(true))
            .map_err(|error| Problem::new(format!("giving up capabilities failed ({error})"), AS_ROOT))?;
        let paths = Paths { reading: self.reading.len(), writing: self.writing.len() };
        let files = match paths {
            Paths { reading: 0, writing: 0 } => None,
            Paths { .. } => Some((paths, reach::restrict(&self.reading, &self.writing)?)),
        };
        holds(&account)?;
        // What is read back says that it cannot be; this says that it is not.
        let root = (Uid::from_raw(0), Gid::from_raw(0));
        if setresuid(root.0, root.0, root.0).is_ok() || setresgid(root.1, root.1, root.1).is_ok() {
            return Err(Problem::new(
                "the process could become root again",
                "run it outside of what gives it that right",
            ));
        }
        Ok(Confined { user: self.user, files })
    }
}

impl From<&str> for Confinement {
    fn from(user: &str) -> Self {
        Self::to_user(user)
    }
}

impl From<String> for Confinement {
    fn from(user: String) -> Self {
        Self::to_user(user)
    }
}

/// Shows that this process gave up what it could do; made by [`confine`] alone.
///
/// An example is at [`confine`].
#[derive(Clone, Debug)]
pub struct Confined {
    user: Box<str>,
    files: Option<(Paths, Enforced)>,
}

/// How many paths were named.
#[derive(Clone, Copy, Debug)]
struct Paths {
    reading: usize,
    writing: usize,
}

/// With whose privileges a process is expected to run: the name of a user, or what [`confine`] returned, which says of
/// files as well.
///
/// An example is at [`confine`].
#[derive(Clone, Debug)]
pub struct Privileges {
    user: Box<str>,
    confined: Option<Confined>,
}

impl Privileges {
    /// Reads from the kernel what every thread of the process may do, and says it in rows of the security report.
    ///
    /// # Errors
    /// A problem that names [`confine`] where a thread may do more than the user.
    pub fn check(&self) -> Result<Vec<Row>, Problem> {
        let account = Account::find(&self.user)?;
        holds(&account)?;
        let ids = format!("those of `{}` (user {}, group {})", account.name, account.uid, account.gid);
        let row = |about, holds, relaxed| Row { about, holds, relaxed };
        let mut rows = vec![row("privileges", format!("{ids}, no capability, none to be gained"), false)];
        if let Some(Confined { user: _, files }) = &self.confined {
            rows.push(match files {
                None => row("files of the process", "all that its user may open".to_owned(), false),
                Some((Paths { reading, writing }, enforced)) => {
                    let wholly = match enforced {
                        Enforced::Wholly => "",
                        Enforced::Partly => ", as far as this kernel can",
                    };
                    row("files of the process", format!("{reading} to read, {writing} to write{wholly}"), false)
                }
            });
        }
        Ok(rows)
    }
}

impl From<&str> for Privileges {
    fn from(user: &str) -> Self {
        Self { user: user.into(), confined: None }
    }
}

impl From<String> for Privileges {
    fn from(user: String) -> Self {
        Self { user: user.into(), confined: None }
    }
}

impl From<Confined> for Privileges {
    fn from(confined: Confined) -> Self {
        Self { user: confined.user.clone(), confined: Some(confined) }
    }
}

fn only_thread() -> Result<(), Problem> {
    let threads = statuses()?.len();
    if threads == 1 {
        return Ok(());
    }
    Err(Problem::new(
        format!("there are {threads} threads, and each would keep what only one gives up"),
        "call mocopr::process::confine first thing in `fn main`, before there is a runtime",
    ))
}

/// Every thread has the privileges of this account, and no more.
fn holds(account: &Account) -> Result<(), Problem> {
    let mend = format!(
        "call mocopr::process::confine(\"{}\") first thing in `fn main`, before there is a runtime",
        account.name
    );
    match statuses()?.iter().find_map(|status| status.exceeds(account)) {
        None => Ok(()),
        Some(what) => Err(Problem::new(format!("the process is not confined to `{}`: {what}", account.name), mend)),
    }
}

fn statuses() -> Result<Vec<Status>, Problem> {
    let unknown = || Problem::new("the system does not say what this process may do", "mount /proc");
    let texts = file::statuses_of_threads().map_err(|_| unknown())?;
    texts.iter().map(|text| Status::parse(text)).collect::<Option<Vec<_>>>().ok_or_else(unknown)
}

/// Takes out of the bounding set what it may. Without the right to it the set stays, and gives nothing: no program
/// gains capabilities once `no_new_privs` is set.
fn empty_bounding_set() -> Result<(), Problem> {
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        match capability_is_in_bounding_set(one) {
            Ok(false) => continue,
            Ok(true) => {}
            // The kernel knows no more.
            Err(_) => break,
        }
        match remove_capability_from_bounding_set(one) {
            Ok(()) | Err(Errno::PERM) => {}
            Err(error) => {
                return Err(Problem::new(format!("emptying the bounding set failed ({error})"), AS_ROOT));
            }
        }
    }
    Ok(())
}

fn give_up_capabilities() -> Result<(), Errno> {
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

fn failed(account: &Account) -> impl Fn(nix::Error) -> Problem {
    let what = format!("changing to the user `{}` failed", account.name);
    move |error| Problem::new(format!("{what} ({error})"), AS_ROOT)
}

const AS_ROOT: &str = "start the process as root with the right to change its user, or as that user";

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    /// S-21
    #[test]
    fn a_second_thread_is_a_refusal() {
        let (end, ended) = mpsc::sync_channel::<()>(0);
        let other = thread::Builder::new().spawn(move || ended.recv()).unwrap();
        let before = statuses().unwrap();
        let problem = confine("nobody").unwrap_err();
        assert!(
            problem.what().contains("threads") && problem.mend().contains("before there is a runtime"),
            "{problem}"
        );
        assert_eq!(statuses().unwrap().first(), before.first(), "nothing was given up");
        drop(end);
        assert!(other.join().unwrap().is_err());
    }

    /// S-21
    #[test]
    fn a_process_that_is_not_confined_is_told_what_to_call() {
        // Whoever runs the tests is one of these at most.
        let refused = ["daemon", "nobody"].map(|user| Privileges::from(user).check());
        let problem = refused.into_iter().find_map(Result::err).unwrap();
        assert!(problem.mend().contains("mocopr::process::confine(\""), "{problem}");
    }

    /// S-21
    #[test]
    fn root_and_strangers_are_no_user_to_be_confined_to() {
        for (user, what) in [("root", "is root"), ("no-such-user", "there is no user"), ("a\0b", "there is no user")] {
            let problem = Privileges::from(user).check().unwrap_err();
            assert!(problem.what().contains(what), "{problem}");
        }
    }
}
