//! Rules that can be replaced while the server runs.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use tracing::info;

use super::{Explanation, RoleBasedAccessControl};
use crate::{
    evidence::{Evidence, Outcome, Told},
    gate::{Grant, Kind, Rules},
    principal::Principal,
};

/// The rules in force, which can be replaced while the server runs; cheap to clone, all clones are the same.
///
/// A decision is made on the rules of one moment. What was permitted before a replacement is not taken back; the next
/// decision is made on the new rules.
///
/// ```
/// use mocopr_security::rbac::{AccessRules, RoleBasedAccessControl};
///
/// let access = AccessRules::new(RoleBasedAccessControl::builder().with_role("user", &["tools:call"]).build()?);
/// assert_eq!(access.generation(), 0);
/// let generation = access.replace(RoleBasedAccessControl::builder().with_role("user", &["tools:read"]).build()?);
/// assert_eq!((generation, access.generation()), (1, 1));
/// # Ok::<(), mocopr_security::policy::Problems>(())
/// ```
#[derive(Clone)]
pub struct AccessRules(Arc<Inner>);

struct Inner {
    in_force: ArcSwap<InForce>,
    /// Of the servers that these rules are in force at.
    told: Told,
}

/// Rules, and the how-manieth they are. In one value, so that nobody sees the rules of one with the number of another.
struct InForce {
    rules: Arc<RoleBasedAccessControl>,
    generation: u64,
}

impl AccessRules {
    /// Begins with these rules.
    pub fn new(rules: RoleBasedAccessControl) -> Self {
        let in_force = ArcSwap::from_pointee(InForce { rules: Arc::new(rules), generation: 0 });
        Self(Arc::new(Inner { in_force, told: Told::default() }))
    }

    /// Puts other rules in force, for every decision from now on, and answers with their generation.
    ///
    /// The change is logged, and told to the witnesses of each server that has these rules, with the generation and the
    /// names of the roles.
    pub fn replace(&self, rules: RoleBasedAccessControl) -> u64 {
        let rules = Arc::new(rules);
        let earlier =
            self.0.in_force.rcu(|current| InForce { rules: rules.clone(), generation: current.generation + 1 });
        let generation = earlier.generation + 1;
        let roles: Vec<_> = rules.defined_roles().collect();
        info!(generation, ?roles, rule = "roles", "replaced");
        if !self.0.told.is_empty() {
            let target = format!("generation {generation}: {}", roles.join(", "));
            self.0.told.administer("replace_roles", &target, Outcome::Succeeded);
        }
        generation
    }

    /// How many times the rules have been replaced.
    pub fn generation(&self) -> u64 {
        self.0.in_force.load().generation
    }

    /// The rules in force; what is held stays as it is.
    pub fn current(&self) -> Arc<RoleBasedAccessControl> {
        self.0.in_force.load().rules.clone()
    }

    /// As [`RoleBasedAccessControl::holds_role`].
    pub fn holds_role(&self, who: &Principal, role: &str) -> bool {
        self.0.in_force.load().rules.holds_role(who, role)
    }

    /// As [`RoleBasedAccessControl::holds_scope`].
    pub fn holds_scope(&self, who: &Principal, scope: &str) -> bool {
        self.0.in_force.load().rules.holds_scope(who, scope)
    }

    /// As [`RoleBasedAccessControl::explain`].
    pub fn explain(&self, who: &Principal, kind: Kind, name: &str) -> Explanation {
        self.0.in_force.load().rules.explain(who, kind, name)
    }
}

impl From<RoleBasedAccessControl> for AccessRules {
    fn from(rules: RoleBasedAccessControl) -> Self {
        Self::new(rules)
    }
}

impl Rules for AccessRules {
    fn grant(&self, who: &Principal, kind: Kind, name: &str) -> Grant {
        self.0.in_force.load().rules.grant(who, kind, name)
    }

    fn depend_on_caller(&self) -> bool {
        true
    }

    fn holds_role(&self, who: &Principal, role: &str) -> bool {
        Self::holds_role(self, who, role)
    }

    fn defines_role(&self, role: &str) -> bool {
        self.0.in_force.load().rules.defines(role)
    }

    fn reaches(&self, kind: Kind, name: &str) -> bool {
        self.0.in_force.load().rules.reaches(kind, name)
    }

    fn holds_scope(&self, who: &Principal, scope: &str) -> bool {
        Self::holds_scope(self, who, scope)
    }

    fn edition(&self) -> Option<u64> {
        Some(self.generation())
    }

    fn tell_changes(&self, evidence: &Evidence) {
        self.0.told.add(evidence);
    }
}

impl fmt::Debug for AccessRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessRules").field("generation", &self.generation()).finish_non_exhaustive()
    }
}
