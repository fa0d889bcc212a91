//! Which paths a process can open, kept by the kernel (Landlock) whatever the rights of its user say.
//!
//! What the first version of Landlock knows is demanded; later versions keep more, and count where they are there.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, path_beneath_rules,
};

use crate::policy::Problem;

/// How much of it the kernel keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforced {
    Wholly,
    /// Not what later versions of Landlock have learnt.
    Partly,
}

/// Lets this thread, and those that it begins, open nothing but these paths.
///
/// # Errors
/// Where a path is not there, or the kernel has no Landlock.
pub(super) fn restrict(reading: &[PathBuf], writing: &[PathBuf]) -> Result<Enforced, Problem> {
    let everything = AccessFs::from_all(KNOWN);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = everything & !BitFlags::from(AccessFs::Execute);
    let mut rules = Vec::new();
    // What a process reads of itself is its own; without it nothing that it gave up could be read back.
    for path in reading.iter().map(PathBuf::as_path).chain([Path::new("/proc/self")]) {
        rules.push(rule(path, read)?);
    }
    for path in writing {
        rules.push(rule(path, write)?);
    }
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map(|rules| rules.set_compatibility(CompatLevel::BestEffort))
        .and_then(|rules| rules.handle_access(everything))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(rules.into_iter().map(Ok::<_, RulesetError>)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(|_| refused())?;
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(Enforced::Wholly),
        RulesetStatus::PartiallyEnforced => Ok(Enforced::Partly),
        RulesetStatus::NotEnforced => Err(refused()),
    }
}

fn rule(path: &Path, access: BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, Problem> {
    // Of a file no right counts that only a directory has; one that is not there has no rule.
    let found = path_beneath_rules([path], access).next().and_then(Result::ok);
    found.ok_or_else(|| {
        Problem::new(
            format!("{} is to stay open to the process, and cannot be found", path.display()),
            "make it first, or leave it out",
        )
    })
}

fn refused() -> Problem {
    Problem::new(
        "the kernel cannot keep the process to the paths that are named (Landlock)",
        "run on Linux 5.13 or later with Landlock switched on, or name no paths",
    )
}

/// The latest version whose rights are taken away where the kernel knows them.
const KNOWN: ABI = ABI::V5;
