//! A user of this machine, as its system knows it: ids and groups.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, User, getgrouplist};

use crate::policy::Problem;

/// A user that is not root.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    /// All of its groups, with its own among them.
    pub(super) groups: Vec<Gid>,
}

impl Account {
    /// Looks a user up, which may ask files and directories of the network. Blocks.
    ///
    /// # Errors
    /// Where there is no such user, it is root, or the system does not say.
    pub(super) fn find(name: &str) -> Result<Self, Problem> {
        let none = || Problem::new(format!("there is no user `{}`", name.escape_default()), "name one, or make one");
        let text = CString::new(name).map_err(|_| none())?;
        let unknown = |error| Problem::new(format!("looking up the user `{name}` failed ({error})"), "try again");
        let User { uid, gid, .. } = User::from_name(name).map_err(unknown)?.ok_or_else(none)?;
        if uid.is_root() {
            return Err(Problem::new(format!("`{name}` is root, to whom nothing is forbidden"), "name another user"));
        }
        let groups = getgrouplist(&text, gid).map_err(unknown)?;
        Ok(Self { name: name.to_owned(), uid, gid, groups })
    }
}
