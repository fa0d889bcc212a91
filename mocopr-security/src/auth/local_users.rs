//! Which users of this machine may call over a Unix socket without a credential, and in which roles.
//!
//! Who somebody is says the system, by the ids of the process that connected; nothing that a peer sends is asked.

use std::{fmt, sync::atomic::Ordering};

use mocopr_core::peer::LocalUser;
use rustix::process::geteuid;

use super::{Identity, Verified};
use crate::{policy::Problem, principal::Method};

/// Which users of this machine may call over a Unix socket without a credential, and in which roles.
///
/// A user has the roles of every line that is about it: by its user id, and by its group id, which is the effective
/// group of the process that connected and none of its further groups. Nobody else is let in without a credential. On
/// other listeners it means nothing.
///
/// The system shows a user or a group that has no id in the namespace of this process, such as one outside of a
/// container, as 65534: that stands for nobody in particular, so it is never let in, and naming it is a problem that
/// keeps a server from being built.
///
/// Such a caller is the principal `uid:1000` of the issuer `unix`, and can be revoked by these two names. A member of a
/// group may have further user ids (`/etc/subuid`), each a principal of its own: who is to stay out of a group's roles
/// has to leave the group.
///
/// ```
/// use mocopr_security::auth::LocalUsers;
///
/// let users = LocalUsers::only_me(["owner"]).with_user(1000, ["editor"]).with_group(100, ["reader"]);
/// assert!(users.to_string().ends_with("uid:1000 (editor), gid:100 (reader)"));
/// ```
///
/// # Source
/// unix(7), `SO_PEERCRED`.
#[derive(Clone, Debug, Default)]
pub struct LocalUsers(Vec<Line>);

#[derive(Clone, Debug)]
struct Line {
    who: Who,
    roles: Box<[Box<str>]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    User(u32),
    Group(u32),
}

impl LocalUsers {
    /// Nobody, until somebody is named.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whoever this process runs as now, in these roles.
    pub fn only_me<R: Into<Box<str>>>(roles: impl IntoIterator<Item = R>) -> Self {
        Self::new().with_user(geteuid().as_raw(), roles)
    }

    /// The user of this id as well, in these roles.
    #[must_use]
    pub fn with_user<R: Into<Box<str>>>(self, uid: u32, roles: impl IntoIterator<Item = R>) -> Self {
        self.with(Who::User(uid), roles)
    }

    /// Every user whose process has this group id, in these roles.
    #[must_use]
    pub fn with_group<R: Into<Box<str>>>(self, gid: u32, roles: impl IntoIterator<Item = R>) -> Self {
        self.with(Who::Group(gid), roles)
    }

    /// Nobody is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every role that a line gives.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|line| line.roles.iter().map(|role| &**role))
    }

    /// This user, where it is named.
    pub(crate) fn proven(&self, user: &LocalUser) -> Option<Verified> {
        // Everybody without an id in this namespace would be one principal, also where a group names them.
        if is_of_nobody(user.uid) {
            return None;
        }
        let mut lines = self.0.iter().filter(|line| line.who.is(user)).peekable();
        lines.peek()?;
        let mut roles: Vec<Box<str>> = lines.flat_map(|line| line.roles.iter().cloned()).collect();
        roles.sort_unstable();
        roles.dedup();
        let subject = format!("uid:{}", user.uid);
        let identity = Identity { method: Method::Unix, issuer: ISSUER, subject: &subject, tenant: None };
        let verified = Verified::new(identity, roles.into(), [].into());
        Some(if user.told.swap(true, Ordering::Relaxed) { verified.seen_before() } else { verified })
    }

    /// It is the user that this process runs as.
    pub(crate) fn is_me(user: &LocalUser) -> bool {
        Who::User(geteuid().as_raw()).is(user)
    }

    /// What is wrong with who is named.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let unnamed = |line: &&Line| match line.who {
            Who::User(id) | Who::Group(id) => is_of_nobody(id),
        };
        let problem = |line: &Line| {
            Problem::new(
                format!("{} stands for everybody without an id of this process's own", line.who),
                "name a user or a group that has an id, and run as one that has",
            )
        };
        self.0.iter().filter(unnamed).map(problem).collect()
    }

    fn with<R: Into<Box<str>>>(mut self, who: Who, roles: impl IntoIterator<Item = R>) -> Self {
        self.0.push(Line { who, roles: roles.into_iter().map(Into::into).collect() });
        self
    }
}

impl Who {
    fn is(self, user: &LocalUser) -> bool {
        let (named, found) = match self {
            Self::User(uid) => (uid, user.uid),
            Self::Group(gid) => (gid, user.gid),
        };
        named == found && !is_of_nobody(found)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => write!(f, "uid:{uid}"),
            Self::Group(gid) => write!(f, "gid:{gid}"),
        }
    }
}

/// Whether an id of a user or of a group stands for everybody who has none in this process's namespace, or for none.
pub(crate) fn is_of_nobody(id: u32) -> bool {
    matches!(id, NOBODY | NONE)
}

/// As an owner reads it: ids, each with its roles; `nobody` where there are none.
impl fmt::Display for LocalUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nobody");
        }
        for (number, Line { who, roles }) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            let roles = if roles.is_empty() { "no role".into() } else { roles.join(" ") };
            write!(f, "{separator}{who} ({roles})")?;
        }
        Ok(())
    }
}

/// Who vouches for users of this machine.
const ISSUER: &str = "unix";

/// What the system shows for an id that has none in the namespace of this process (user_namespaces(7)).
const NOBODY: u32 = 65_534;

/// No id at all.
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32, gid: u32) -> LocalUser {
        LocalUser { uid, gid, pid: None, told: false.into() }
    }

    /// P-21
    #[test]
    fn a_user_has_the_roles_of_every_line_that_is_about_it_and_others_are_nobody() {
        let users = LocalUsers::new().with_user(7, ["a", "b"]).with_group(8, ["b", "c"]).with_user(9, [""; 0]);
        let roles = |uid, gid| {
            let verified = users.proven(&user(uid, gid))?;
            Some(verified.principal().roles().collect::<Vec<_>>().join(" "))
        };
        assert_eq!(roles(7, 1).as_deref(), Some("a b"));
        assert_eq!(roles(1, 8).as_deref(), Some("b c"));
        assert_eq!(roles(7, 8).as_deref(), Some("a b c"));
        assert_eq!(roles(9, 1).as_deref(), Some(""));
        // Ids of users and of groups are not each other's, and root is nobody else than it is.
        for (uid, gid) in [(8, 7), (0, 0), (u32::MAX, u32::MAX)] {
            assert_eq!(roles(uid, gid), None, "{uid} {gid}");
        }
        assert!(LocalUsers::new().proven(&user(0, 0)).is_none());
    }

    /// P-21
    #[test]
    fn two_users_are_two_principals_whatever_their_group() {
        let users = LocalUsers::new().with_group(8, ["a"]);
        let proven = |uid, gid| users.proven(&user(uid, gid)).unwrap().principal().clone();
        assert_eq!(proven(1, 8), proven(1, 8));
        assert_ne!(proven(1, 8), proven(2, 8));
        assert_eq!(proven(1, 8).to_string(), "unix:uid:1");
    }

    /// P-21
    #[test]
    fn who_has_no_id_here_is_nobody_also_where_that_is_named() {
        let users = LocalUsers::new().with_user(65_534, ["a"]).with_group(65_534, ["a"]).with_user(u32::MAX, ["a"]);
        for (uid, gid) in [(65_534, 1), (1, 65_534), (u32::MAX, u32::MAX)] {
            assert!(users.proven(&user(uid, gid)).is_none(), "{uid} {gid}");
        }
        let group = LocalUsers::new().with_group(8, ["a"]);
        assert!(group.proven(&user(65_534, 8)).is_none() && group.proven(&user(7, 8)).is_some());
        assert_eq!(users.problems().len(), 3);
        assert!(users.problems()[0].what().starts_with("uid:65534 stands for"), "{:?}", users.problems());
        assert_eq!(LocalUsers::new().with_user(0, ["a"]).with_group(65_533, ["a"]).problems(), []);
    }

    #[test]
    fn it_is_told_once_for_a_connection_that_a_user_may_call() {
        let users = LocalUsers::only_me(["a"]);
        let me = user(geteuid().as_raw(), 0);
        assert!(LocalUsers::is_me(&me));
        assert!(users.proven(&me).unwrap().lease().is_first_told());
        assert!(!users.proven(&me).unwrap().lease().is_first_told());
    }
}
