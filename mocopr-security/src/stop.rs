//! The kill switch: one act stops all tools but those that must stay.
//!
//! It owns whether tools are stopped, and the file by which that outlives the process. No message of the protocol
//! reaches it. What is stopped the gate hides; whoever turns the switch tells those who keep account and those who
//! listen.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tracing::warn;

use crate::{file, gate::Kind, policy::Problem};

/// Which tools stay when all others are stopped, and by which file that can be said from outside.
///
/// While tools are stopped, those that do not stay are neither listed nor called, as if they had never been registered,
/// and their calls under way are cancelled. Prompts and resources can still be read. Tools are stopped by a method of
/// the server, by the signal SIGUSR1, or by a file, and never by a message of the protocol.
///
/// ```
/// use mocopr_security::stop::KillSwitch;
///
/// let switch = KillSwitch::builder().keeping(&["status"]).with_file("/run/calculator/stopped").build();
/// # drop(switch);
/// ```
#[derive(Clone, Debug, Default)]
pub struct KillSwitch {
    keeps: HashSet<Box<str>>,
    file: Option<PathBuf>,
}

/// Collects what is said of a [`KillSwitch`].
///
/// An example is at [`KillSwitch`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder makes a kill switch with `.build()`"]
pub struct KillSwitchBuilder(KillSwitch);

impl KillSwitch {
    /// A switch that stops every tool, to be narrowed.
    pub fn builder() -> KillSwitchBuilder {
        KillSwitchBuilder::default()
    }

    /// The switch in use; stopped where its file is there. Blocks.
    ///
    /// # Errors
    /// A problem that names the file where it or its folder could be changed by others.
    pub fn open(self) -> Result<Stopper, Problem> {
        let Self { keeps, file } = self;
        let mut seen = Seen::default();
        if let Some(file) = &file {
            file::judge_folder_of(file)?;
            seen.is_there = file::is_there(file)?;
        }
        Ok(Stopper {
            keeps,
            file,
            is_stopped: AtomicBool::new(seen.is_there),
            turns: AtomicU64::new(0),
            seen: Mutex::new(seen),
        })
    }
}

impl KillSwitchBuilder {
    /// These tools stay; none unless said.
    pub fn keeping(mut self, tools: &[&str]) -> Self {
        self.0.keeps.extend(tools.iter().map(|tool| Box::from(*tool)));
        self
    }

    /// Tools are stopped while this file is there, also after a restart.
    ///
    /// Whoever makes it stops them, and whoever removes it resumes; a server that runs looks four times a second.
    /// Stopping by other means makes the file, and resuming by the method removes it. It must belong to root or to this
    /// process's user, nobody else may be able to write it, and nobody else may be able to take files out of its
    /// folder: a file that breaks this keeps the server from starting, and one that comes later changes nothing and is
    /// logged.
    pub fn with_file(mut self, path: impl AsRef<Path>) -> Self {
        self.0.file = Some(path.as_ref().into());
        self
    }

    /// The switch.
    pub fn build(self) -> KillSwitch {
        self.0
    }
}

/// A kill switch in use.
#[derive(Debug)]
pub struct Stopper {
    keeps: HashSet<Box<str>>,
    file: Option<PathBuf>,
    is_stopped: AtomicBool,
    /// How often it was turned.
    turns: AtomicU64,
    /// Held while the file is looked at or changed, so that nobody acts on what it was before.
    seen: Mutex<Seen>,
}

/// What the last look at the file saw.
#[derive(Debug, Default)]
struct Seen {
    is_there: bool,
    /// What is wrong with it was logged.
    is_told: bool,
}

/// Which way a switch was turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Tools are stopped.
    Stopped,
    /// Tools can be called again.
    Resumed,
}

impl Stopper {
    /// Tools are stopped now.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// How often it was turned since the server started: what was decided before the last time may be untrue.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    /// This thing is stopped now. One read where nothing is.
    pub fn stops(&self, kind: Kind, name: &str) -> bool {
        self.is_stopped()
            && match kind {
                Kind::Tool => !self.keeps.contains(name),
                Kind::Prompt | Kind::Resource => false,
            }
    }

    /// The tools that stay, in no order.
    pub fn keeps(&self) -> impl Iterator<Item = &str> {
        self.keeps.iter().map(|tool| &**tool)
    }

    /// The file that says whether tools are stopped.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Stops tools, and makes the file. Says whether that turned the switch. Blocks.
    ///
    /// # Errors
    /// Where the file cannot be made: tools are stopped all the same, as long as this process lives.
    pub fn stop(&self) -> (Option<Turn>, Result<(), Problem>) {
        // At once, whatever the file system does.
        let at_once = self.turn(Turn::Stopped);
        let mut seen = self.seen();
        // A look that ended meanwhile may have resumed.
        let turned = at_once.or(self.turn(Turn::Stopped));
        let Some(file) = &self.file else { return (turned, Ok(())) };
        let made = match file::is_there(file) {
            Ok(true) => Ok(()),
            Ok(false) => file::update(file, CONTENT.len(), |_| Ok(CONTENT.to_vec())),
            Err(problem) => Err(problem),
        };
        seen.is_there |= made.is_ok();
        (turned, made)
    }

    /// Removes the file, and lets tools be called again. Says whether that turned the switch. Blocks.
    ///
    /// # Errors
    /// Where the file cannot be removed: tools stay stopped.
    pub fn resume(&self) -> Result<Option<Turn>, Problem> {
        let mut seen = self.seen();
        if let Some(file) = &self.file {
            file::remove(file)?;
        }
        seen.is_there = false;
        Ok(self.turn(Turn::Resumed))
    }

    /// Looks whether the file has come or gone; says whether that turned the switch. Blocks.
    ///
    /// A file that is wrong, or about which nothing can be told, changes nothing and is logged once.
    pub fn look(&self) -> Option<Turn> {
        let file = self.file.as_ref()?;
        let mut seen = self.seen();
        let is_there = match file::is_there(file) {
            Ok(is_there) => is_there,
            Err(problem) => {
                if !std::mem::replace(&mut seen.is_told, true) {
                    warn!(%problem, rule = "kill switch", "its file says nothing");
                }
                return None;
            }
        };
        seen.is_told = false;
        // What matters is that it came or went: tools that were stopped when it could not be made stay stopped.
        match (std::mem::replace(&mut seen.is_there, is_there), is_there) {
            (false, true) => self.turn(Turn::Stopped),
            (true, false) => self.turn(Turn::Resumed),
            (false, false) | (true, true) => None,
        }
    }

    /// Turns it that way; `None` where it stands so already.
    fn turn(&self, turn: Turn) -> Option<Turn> {
        let stopped = turn == Turn::Stopped;
        let is_turned = self.is_stopped.swap(stopped, Ordering::SeqCst) != stopped;
        if is_turned {
            self.turns.fetch_add(1, Ordering::SeqCst);
        }
        is_turned.then_some(turn)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is written into the file; its being there says all.
const CONTENT: &[u8] = b"stopped\n";

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "these tests make and remove the file that is looked at")]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };

    use tempfile::TempDir;

    use super::*;

    fn with_file() -> (TempDir, PathBuf, Stopper) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stopped");
        let stopper = KillSwitch::builder().keeping(&["echo"]).with_file(&path).build().open().unwrap();
        (folder, path, stopper)
    }

    /// S-79
    #[test]
    fn only_tools_that_are_not_kept_are_stopped() {
        let stopper = KillSwitch::builder().keeping(&["echo"]).build().open().unwrap();
        assert!(!stopper.stops(Kind::Tool, "add"));
        assert!(matches!(stopper.stop(), (Some(Turn::Stopped), Ok(()))));
        assert!(stopper.stops(Kind::Tool, "add") && !stopper.stops(Kind::Tool, "echo"));
        assert!(!stopper.stops(Kind::Prompt, "add") && !stopper.stops(Kind::Resource, "a:b"));
        assert!(matches!(stopper.stop(), (None, Ok(()))), "it stands so already");
        assert_eq!(stopper.resume(), Ok(Some(Turn::Resumed)));
        assert!(!stopper.stops(Kind::Tool, "add"));
    }

    /// S-79
    #[test]
    fn a_file_that_comes_stops_and_one_that_goes_resumes() {
        let (_folder, path, stopper) = with_file();
        assert_eq!((stopper.look(), stopper.is_stopped()), (None, false));
        fs::write(&path, "").unwrap();
        assert_eq!((stopper.look(), stopper.look()), (Some(Turn::Stopped), None));
        fs::remove_file(&path).unwrap();
        assert_eq!((stopper.look(), stopper.look()), (Some(Turn::Resumed), None));
    }

    /// S-79
    #[test]
    fn what_is_stopped_stays_stopped_after_a_restart_until_it_is_resumed() {
        let (_folder, path, stopper) = with_file();
        assert!(stopper.stop().1.is_ok());
        let again = || KillSwitch::builder().with_file(&path).build().open().unwrap();
        assert!(again().is_stopped());
        assert_eq!(stopper.look(), None, "its own file is nothing new");
        assert_eq!(stopper.resume(), Ok(Some(Turn::Resumed)));
        assert!(!again().is_stopped() && !path.exists());
    }

    /// S-79
    #[test]
    fn a_file_that_cannot_be_made_does_not_keep_tools_from_stopping() {
        let (folder, path, stopper) = with_file();
        drop(folder);
        let (turned, made) = stopper.stop();
        assert_eq!(turned, Some(Turn::Stopped));
        assert!(made.is_err());
        assert_eq!((stopper.look(), stopper.is_stopped()), (None, true), "{path:?}");
    }

    /// S-79
    #[test]
    fn a_file_that_others_can_write_changes_nothing_and_keeps_a_server_from_starting() {
        let (_folder, path, stopper) = with_file();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!((stopper.look(), stopper.is_stopped()), (None, false));
        assert!(KillSwitch::builder().with_file(&path).build().open().is_err());
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(stopper.look(), Some(Turn::Stopped));
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!((stopper.look(), stopper.is_stopped()), (None, true), "it stays as it was");
    }
}
