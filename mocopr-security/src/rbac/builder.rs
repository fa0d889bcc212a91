//! From what the owner says of roles to rules, with every problem at once.

use std::collections::HashMap;

use super::{
    RoleBasedAccessControl,
    hierarchy::{self, Below},
    permission,
    role::Role,
};
use crate::{
    auth::is_scope,
    policy::{Problem, Problems},
};

/// Roles and scopes while they are described. Nothing is checked before [`build`](Self::build).
///
/// An example is at [`RoleBasedAccessControl`](super::RoleBasedAccessControl).
#[derive(Clone, Debug, Default)]
#[must_use = "rules begin to exist with `build`"]
pub struct AccessBuilder {
    roles: Vec<Described>,
    /// The heir first.
    inheritance: Vec<(Box<str>, Box<str>)>,
    /// The broader scope first.
    scopes: Vec<(Box<str>, Box<str>)>,
}

/// What one call said of a role.
#[derive(Clone, Debug)]
struct Described {
    role: Box<str>,
    texts: Vec<Box<str>>,
    by: By,
}

/// The call that described a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    WithRole,
    WithDenied,
}

impl AccessBuilder {
    /// Defines a role by its [permissions](RoleBasedAccessControl#permissions).
    pub fn with_role(mut self, role: impl Into<Box<str>>, permissions: &[&str]) -> Self {
        let texts = permissions.iter().copied().map(Box::from).collect();
        self.roles.push(Described { role: role.into(), texts, by: By::WithRole });
        self
    }

    /// Takes permissions from whoever has a role, whatever else gives them: the same as `!` before each in
    /// [`with_role`](Self::with_role). A role that only takes is defined by this alone.
    pub fn with_denied(mut self, role: impl Into<Box<str>>, permissions: &[&str]) -> Self {
        let texts = permissions.iter().map(|text| format!("!{text}").into()).collect();
        self.roles.push(Described { role: role.into(), texts, by: By::WithDenied });
        self
    }

    /// Gives a role everything that another one says, what it takes as well; a handler that requires the other role has
    /// it in this one.
    pub fn with_inheritance(mut self, role: impl Into<Box<str>>, from: impl Into<Box<str>>) -> Self {
        self.inheritance.push((role.into(), from.into()));
        self
    }

    /// Says that whoever has a scope has these as well, and what they imply in turn.
    pub fn with_scope_implies(mut self, scope: &str, implied: &[&str]) -> Self {
        self.scopes.extend(implied.iter().map(|implied| (scope.into(), (*implied).into())));
        self
    }

    /// Defines three roles: `admin` may do everything, `user` calls tools and reads resources and prompts, `viewer`
    /// sees tools and reads resources and prompts.
    pub fn with_presets(self) -> Self {
        self.with_role("admin", &["*"])
            .with_role("user", &["tools:call", "resources:read", "prompts:read"])
            .with_role("viewer", &["tools:read", "resources:read", "prompts:read"])
    }

    /// The rules.
    ///
    /// # Errors
    /// [`Problems`]: every one of them: a permission that is none, a role that is defined twice or not at all, a role
    /// that inherits from itself, a scope that implies itself, and more of anything than
    /// [the limits](RoleBasedAccessControl#limits) say.
    pub fn build(self) -> Result<RoleBasedAccessControl, Problems> {
        let mut problems = Vec::new();
        let mut roles = self.roles(&mut problems);
        self.inherit(&mut roles, &mut problems);
        let implied_by = self.implied_by(&mut problems);
        if problems.is_empty() {
            return Ok(RoleBasedAccessControl { roles: roles.into(), implied_by });
        }
        Err(problems.into())
    }

    /// All roles, ordered by name, without what they inherit.
    fn roles(&self, problems: &mut Vec<Problem>) -> Vec<Role> {
        let mut names: Vec<&str> = self.roles.iter().map(|described| &*described.role).collect();
        names.sort_unstable();
        names.dedup();
        let permissions: usize = self.roles.iter().map(|described| described.texts.len()).sum();
        if names.len() > MAX_ROLES || permissions > MAX_PERMISSIONS {
            let what = format!("there are more than {MAX_ROLES} roles or {MAX_PERMISSIONS} permissions");
            problems.push(Problem::new(what, "say the same with fewer patterns"));
            return Vec::new();
        }
        names.into_iter().map(|name| self.role(name, problems)).collect()
    }

    fn role(&self, name: &str, problems: &mut Vec<Problem>) -> Role {
        if name.trim() != name || name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            let what = format!("{name:?} is not the name of a role");
            let mend = "a name has 1 to 128 bytes, no control characters, and no space around it";
            problems.push(Problem::new(what, mend));
        }
        let described = || self.roles.iter().filter(|described| &*described.role == name);
        if described().filter(|described| described.by == By::WithRole).count() > 1 {
            let what = format!("the role {name:?} is defined twice");
            problems
                .push(Problem::new(what, "define it in one call of .with_role(..); .with_presets() is one as well"));
        }
        let texts: Box<[Box<str>]> = described().flat_map(|described| described.texts.iter().cloned()).collect();
        let mut permissions = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            match permission::parse(text) {
                Ok(parsed) => permissions.extend(parsed.into_iter().map(|permission| (permission, place))),
                Err(mistake) => {
                    let what = format!("the role {name:?} has {text:?}, which is no permission: {}", mistake.what);
                    problems.push(Problem::new(what, mistake.mend));
                }
            }
        }
        Role::new(name.into(), texts, permissions)
    }

    fn inherit(&self, roles: &mut [Role], problems: &mut Vec<Problem>) {
        let place = |roles: &[Role], name: &str| roles.binary_search_by(|role| (*role.name).cmp(name)).ok();
        let mut below = Below::new();
        for (heir, from) in &self.inheritance {
            for name in [heir, from] {
                if place(roles, name).is_none() {
                    let what = format!("the role {name:?} takes part in an inheritance and is not defined");
                    problems.push(Problem::new(what, "define it with .with_role(..)"));
                }
            }
            below.entry(heir).or_default().insert(from);
        }
        for name in hierarchy::circular(&below) {
            let what = format!("the role {name:?} inherits from itself");
            problems.push(Problem::new(what, "remove one call of .with_inheritance(..)"));
        }
        for own in 0..roles.len() {
            let name = roles.get(own).map(|role| role.name.clone()).unwrap_or_default();
            let mut lineage = vec![own];
            lineage.extend(hierarchy::reachable(&below, &name).into_iter().filter_map(|name| place(roles, name)));
            if let Some(role) = roles.get_mut(own) {
                role.lineage = lineage.into();
            }
        }
    }

    fn implied_by(&self, problems: &mut Vec<Problem>) -> HashMap<Box<str>, Box<[Box<str>]>> {
        if self.scopes.len() > MAX_SCOPES {
            let what = format!("there are more than {MAX_SCOPES} pairs of implied scopes");
            problems.push(Problem::new(what, "imply fewer"));
            return HashMap::new();
        }
        let mut above = Below::new();
        for (scope, implied) in &self.scopes {
            for name in [scope, implied] {
                if !is_scope(name) {
                    let mend = "a scope has printable ASCII characters, but no space, quote or backslash";
                    problems.push(Problem::new(format!("{name:?} is no scope"), mend));
                }
            }
            above.entry(implied).or_default().insert(scope);
        }
        for name in hierarchy::circular(&above) {
            let what = format!("the scope {name:?} implies itself");
            problems.push(Problem::new(what, "remove one call of .with_scope_implies(..)"));
        }
        let broader = |scope| hierarchy::reachable(&above, scope).into_iter().map(Box::from).collect();
        above.keys().map(|scope| (Box::from(*scope), broader(scope))).collect()
    }
}

/// Each is looked at in every decision about a caller with roles.
const MAX_ROLES: usize = 256;

/// Permissions of all roles together.
const MAX_PERMISSIONS: usize = 4_096;

/// Bytes of a role's name.
const MAX_NAME: usize = 128;

/// Pairs of a scope and one that it implies.
const MAX_SCOPES: usize = 1_024;
