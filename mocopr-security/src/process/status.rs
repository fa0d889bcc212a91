//! What the kernel says of one thread: whose it is, and what it may do.

use super::account::Account;

/// What the status of a thread says of its privileges.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// Real, effective, saved, and of the file system.
    uids: [u32; 4],
    gids: [u32; 4],
    groups: Vec<u32>,
    /// What it has, and what programs that it starts could get: inheritable, permitted, effective, ambient.
    capabilities: [u64; 4],
    no_new_privileges: bool,
}

impl Status {
    /// Reads the text of the kernel; `None` where it does not say all of it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let numbers =
            |name| line(name)?.split_ascii_whitespace().map(|word| word.parse().ok()).collect::<Option<Vec<u32>>>();
        let set = |name| u64::from_str_radix(line(name)?.trim(), 16).ok();
        Some(Self {
            uids: numbers("Uid")?.try_into().ok()?,
            gids: numbers("Gid")?.try_into().ok()?,
            groups: numbers("Groups")?,
            capabilities: [set("CapInh")?, set("CapPrm")?, set("CapEff")?, set("CapAmb")?],
            no_new_privileges: line("NoNewPrivs")?.trim() == "1",
        })
    }

    /// What the thread may do that the account may not; `None` where that is nothing.
    pub(super) fn exceeds(&self, account: &Account) -> Option<&'static str> {
        let Self { uids, gids, groups, capabilities, no_new_privileges } = self;
        if uids.iter().any(|uid| *uid != account.uid.as_raw()) {
            return Some("a thread has the id of another user");
        }
        if gids.iter().any(|gid| *gid != account.gid.as_raw()) {
            return Some("a thread has the id of another group");
        }
        let is_own = |group: &u32| account.groups.iter().any(|own| own.as_raw() == *group);
        if !groups.iter().all(is_own) {
            return Some("a thread is in a group that the user is not in");
        }
        if *capabilities != [0; 4] {
            return Some("a thread has a capability");
        }
        if !no_new_privileges {
            return Some("a program that it starts could gain privileges");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::{Gid, Uid};

    use super::*;

    const CONFINED: &str = "Name:\tserver\nUid:\t7\t7\t7\t7\nGid:\t8\t8\t8\t8\nGroups:\t8 9 \nCapInh:\t0000000000000000\n\
                            CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n\
                            CapAmb:\t0000000000000000\nNoNewPrivs:\t1\n";

    fn exceeds(text: &str) -> Option<&'static str> {
        let (uid, gid) = (Uid::from_raw(7), Gid::from_raw(8));
        let account = Account { name: "a".into(), uid, gid, groups: vec![gid, Gid::from_raw(9)] };
        Status::parse(text).unwrap().exceeds(&account)
    }

    /// S-21
    #[test]
    fn each_privilege_that_is_left_is_seen() {
        assert_eq!(exceeds(CONFINED), None);
        for (from, to) in [
            ("Uid:\t7\t7\t7\t7", "Uid:\t0\t7\t7\t7"),
            ("Uid:\t7\t7\t7\t7", "Uid:\t7\t0\t7\t7"),
            ("Uid:\t7\t7\t7\t7", "Uid:\t7\t7\t0\t7"),
            ("Uid:\t7\t7\t7\t7", "Uid:\t7\t7\t7\t0"),
            ("Gid:\t8\t8\t8\t8", "Gid:\t8\t8\t0\t8"),
            ("Groups:\t8 9 ", "Groups:\t0 8 9 "),
            ("CapInh:\t0000000000000000", "CapInh:\t0000000000000001"),
            ("CapPrm:\t0000000000000000", "CapPrm:\t8000000000000000"),
            ("CapEff:\t0000000000000000", "CapEff:\t0000000000000400"),
            ("CapAmb:\t0000000000000000", "CapAmb:\t0000000000000400"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
        ] {
            assert!(CONFINED.contains(from));
            assert!(exceeds(&CONFINED.replace(from, to)).is_some(), "{to}");
        }
    }

    #[test]
    fn a_text_that_does_not_say_all_of_it_is_not_read() {
        for line in ["Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:", "CapAmb:", "NoNewPrivs:"] {
            assert_eq!(Status::parse(&CONFINED.replace(line, "Other:")), None, "{line}");
        }
        assert_eq!(Status::parse(&CONFINED.replace("Uid:\t7", "Uid:\t-7")), None);
    }
}
