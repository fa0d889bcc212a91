//! Role-based access control: which roles are granted what, and what is taken from them again.
//!
//! Everything is decided by one function, which lists, calls, completions and explanations share. What no rule speaks
//! of is refused: an unknown role, a thing without a rule, a caller without roles. Roles are names from verified
//! claims; nothing here looks at a message.

mod builder;
mod decision;
mod explanation;
mod hierarchy;
mod live;
mod pattern;
mod permission;
mod role;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, iter};

pub use self::{
    builder::AccessBuilder,
    explanation::{Cause, Explanation},
    live::AccessRules,
};
use self::{decision::Reached, role::Role};
use crate::{
    gate::{Grant, Kind, Rules},
    principal::Principal,
};

/// Roles, and what each is granted.
///
/// ```
/// use mocopr_security::rbac::RoleBasedAccessControl;
///
/// let rules = RoleBasedAccessControl::builder()
///     .with_role("user", &["tools:call:forecast", "resources:read:weather://*"])
///     .with_role("admin", &["*"])
///     .with_role("contractor", &["!tools:call:deploy_*"])
///     .build()?;
/// assert!(rules.defines("user"));
/// # Ok::<(), mocopr_security::policy::Problems>(())
/// ```
///
/// # Permissions
///
/// A permission is `kind:action`, `kind:action:pattern`, or `*` for everything. Without a pattern it is about all of
/// that kind.
///
/// | written | the caller may |
/// |---|---|
/// | `tools:call`, `tools:*` | see and call tools |
/// | `tools:read` | see tools; a call is refused |
/// | `prompts:read`, `prompts:*` | see and get prompts, and have their arguments completed |
/// | `resources:read`, `resources:*` | see, read and subscribe to resources, and have variables of templates completed |
/// | `*` | all of this |
///
/// A permission with `!` before it takes instead of giving, whatever role either comes from: `!tools:call:x` takes what
/// permissions to call give, also the seeing in them, and leaves what `tools:read` gives; every other one takes all.
///
/// # Patterns
///
/// `*` stands for any run of characters, also none and also with slashes; nothing else is special. Tools and prompts
/// match by name. Resources match by [the canonical form](mocopr_core::uri::ResourceUri::canonical) of their URI, case
/// counting, and patterns are brought to that form as well, so no other spelling escapes a rule: `notes://public/*` is
/// about `notes://public/%61`, and neither about `notes://publicity` nor about `notes://public/../secret`, which is no
/// URI of a resource. A pattern for resources begins with a scheme.
///
/// A template is listed where a rule gives a part of the family, and completed only where one gives all of it and none
/// takes a part. A variable counts as any text there.
///
/// # Limits
/// 256 roles, 4,096 permissions in all, 512 bytes and 16 `*` a pattern, 1,024 pairs of implied scopes. A decision takes
/// time in proportion to the rules of the caller's roles and to the length of the name, and allocates nothing.
#[derive(Debug)]
pub struct RoleBasedAccessControl {
    /// Ordered by name.
    roles: Box<[Role]>,
    /// For each scope the others that imply it, directly or not.
    implied_by: HashMap<Box<str>, Box<[Box<str>]>>,
}

impl RoleBasedAccessControl {
    /// Begins without any role: nobody may do anything.
    pub fn builder() -> AccessBuilder {
        AccessBuilder::default()
    }

    /// The names of all roles, in order. Every role that a handler requires should be among them.
    pub fn defined_roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|role| &*role.name)
    }

    /// A role of that name is defined.
    pub fn defines(&self, role: &str) -> bool {
        self.roles.binary_search_by(|known| (*known.name).cmp(role)).is_ok()
    }

    /// Whether somebody has a role, or one that inherits from it. No permission stands in for a role, `*` neither.
    pub fn holds_role(&self, who: &Principal, role: &str) -> bool {
        let place = self.roles.binary_search_by(|known| (*known.name).cmp(role));
        let inherits = |place| self.held(who).any(|held| held.lineage.contains(&place));
        who.has_role(role) || place.is_ok_and(inherits)
    }

    /// Whether somebody has a scope, or one that implies it.
    ///
    /// # Source
    /// MCP 2025-11-25, basic/authorization, "Scope Challenge Handling": servers account for hierarchies of scopes.
    pub fn holds_scope(&self, who: &Principal, scope: &str) -> bool {
        who.has_scope(scope)
            || self.implied_by.get(scope).is_some_and(|broader| broader.iter().any(|scope| who.has_scope(scope)))
    }

    /// Some role by itself is granted something on it. A handler that no role reaches is mostly a rule forgotten.
    pub fn reaches(&self, kind: Kind, name: &str) -> bool {
        let grant = |role| decision::decide(&self.roles, iter::once(role), kind, name).grant();
        self.roles.iter().any(|role| grant(role) != Grant::Nothing)
    }

    /// What somebody may do with one thing, and which rule says so, for a log or an owner's question.
    ///
    /// `name` is the name of a tool or prompt, or the canonical URI of a resource. The answer comes from the function
    /// that decides about calls.
    pub fn explain(&self, who: &Principal, kind: Kind, name: &str) -> Explanation {
        self.decide(who, kind, name).explain()
    }

    /// The one function that decides.
    fn decide(&self, who: &Principal, kind: Kind, name: &str) -> Reached<'_> {
        if who.holds_everything() {
            return Reached::Everything;
        }
        decision::decide(&self.roles, self.held(who), kind, name)
    }

    /// The defined roles that somebody has.
    fn held(&self, who: &Principal) -> impl Iterator<Item = &Role> {
        let defined = |name: &str| self.roles.binary_search_by(|role| (*role.name).cmp(name)).ok();
        who.roles().filter_map(move |name| self.roles.get(defined(name)?))
    }
}

impl Rules for RoleBasedAccessControl {
    fn grant(&self, who: &Principal, kind: Kind, name: &str) -> Grant {
        self.decide(who, kind, name).grant()
    }

    fn depend_on_caller(&self) -> bool {
        true
    }

    fn holds_role(&self, who: &Principal, role: &str) -> bool {
        Self::holds_role(self, who, role)
    }

    fn defines_role(&self, role: &str) -> bool {
        self.defines(role)
    }

    fn reaches(&self, kind: Kind, name: &str) -> bool {
        Self::reaches(self, kind, name)
    }

    fn edition(&self) -> Option<u64> {
        Some(0)
    }

    fn holds_scope(&self, who: &Principal, scope: &str) -> bool {
        Self::holds_scope(self, who, scope)
    }
}
