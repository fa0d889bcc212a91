//! The four answers, and what they are decided from: what rules grant, and what a handler requires.

use super::{Gate, Target};
use crate::{evidence::Evidence, principal::Principal, random::digest, stop::Stopper};

/// What roles and rules grant, beside what a handler itself requires.
///
/// ```
/// use mocopr_security::{gate::{Grant, Kind, Rules}, principal::Principal};
///
/// /// Everybody sees all; who is on duty may use it.
/// #[derive(Debug)]
/// struct Duty;
///
/// impl Rules for Duty {
///     fn grant(&self, who: &Principal, _: Kind, _: &str) -> Grant {
///         if who.has_role("on duty") { Grant::Use } else { Grant::See }
///     }
///
///     fn depend_on_caller(&self) -> bool {
///         true
///     }
/// }
/// ```
pub trait Rules: Send + Sync + std::fmt::Debug + 'static {
    /// What `who` may do with the named thing.
    fn grant(&self, who: &Principal, kind: Kind, name: &str) -> Grant;

    /// The answers depend on who asks, so a list must not be shared between callers.
    fn depend_on_caller(&self) -> bool;

    /// `who` has this role, directly or by another one that includes it.
    fn holds_role(&self, who: &Principal, role: &str) -> bool {
        who.has_role(role)
    }

    /// A role of this name exists, so that a handler can name it.
    fn defines_role(&self, _role: &str) -> bool {
        true
    }

    /// Something is granted on it to somebody, so that it is not there for nothing.
    fn reaches(&self, _kind: Kind, _name: &str) -> bool {
        true
    }

    /// `who` has this scope, directly or by a broader one.
    fn holds_scope(&self, who: &Principal, scope: &str) -> bool {
        who.has_scope(scope)
    }

    /// A number that is another one after every change of the rules, where what is granted depends on nothing but the
    /// rules and the roles of who asks: lists are decided once then for all who have the same roles. `None` where it
    /// may depend on more.
    fn edition(&self) -> Option<u64> {
        None
    }

    /// Tells these of every change of the rules from now on, where rules can change.
    fn tell_changes(&self, _evidence: &Evidence) {}
}

/// Without roles: whoever was admitted may do everything that handlers allow.
#[derive(Debug)]
pub(super) struct Everything;

impl Rules for Everything {
    fn grant(&self, _who: &Principal, _kind: Kind, _name: &str) -> Grant {
        Grant::Use
    }

    fn depend_on_caller(&self) -> bool {
        false
    }

    fn edition(&self) -> Option<u64> {
        Some(0)
    }
}

impl Gate {
    /// One of the four answers; lists, completions and notifications are filtered by the same function.
    pub fn decide(&self, who: &Principal, target: Target<'_>) -> Decision {
        let (kind, name, need) = match target {
            Target::Protocol => return Decision::Permit,
            Target::Missing => return Decision::Hidden,
            Target::Found { kind, name, need } => (kind, name, need),
        };
        if self.stops(kind, name) {
            return Decision::Hidden;
        }
        if !need.roles.iter().all(|role| self.rules.holds_role(who, role)) {
            return Decision::Hidden;
        }
        match self.rules.grant(who, kind, name) {
            Grant::Nothing => return Decision::Hidden,
            Grant::See => return Decision::Refused,
            Grant::Use => {}
        }
        if !need.scopes.iter().all(|scope| self.rules.holds_scope(who, scope)) {
            return Decision::StepUp(need.scopes.iter().cloned().collect());
        }
        Decision::Permit
    }

    /// The principal has this scope, directly or by a broader one.
    pub fn holds_scope(&self, who: &Principal, scope: &str) -> bool {
        self.rules.holds_scope(who, scope)
    }

    /// This caller sees everything, so there is nothing to decide entry by entry.
    pub fn is_unrestricted(&self, who: &Principal) -> bool {
        let is_stopped = self.stopper.as_ref().is_some_and(Stopper::is_stopped);
        !self.rules.depend_on_caller() && who.holds_everything() && !is_stopped
    }

    /// Some role is granted something on it.
    pub fn reaches(&self, kind: Kind, name: &str) -> bool {
        self.rules.reaches(kind, name)
    }

    /// What alone decides which entries of lists this caller sees, as a digest: callers for whom it is the same see the
    /// same, and it is another one after every change. `None` where more may decide.
    pub fn sight(&self, who: &Principal) -> Option<[u8; 32]> {
        let edition = self.rules.edition()?.to_be_bytes();
        let turns = self.stopper.as_ref().map_or(0, Stopper::turns).to_be_bytes();
        let of_all = [u8::from(who.holds_everything())];
        let parts: Vec<&[u8]> =
            [&edition[..], &turns, &of_all].into_iter().chain(who.roles().map(str::as_bytes)).collect();
        Some(digest(&parts))
    }

    /// Lists must be told apart by caller.
    pub fn depends_on_caller(&self) -> bool {
        self.rules.depend_on_caller()
    }
}

/// What the rules grant on one thing.
///
/// An example is at [`Rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing: it is hidden.
    Nothing,
    /// It is listed, and no more.
    See,
    /// It is listed, and a tool may be called, a prompt filled in, a resource read.
    Use,
}

/// What kind of thing is asked for.
///
/// An example is at [`Rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource or a template.
    Resource,
}

/// What a handler requires of its caller, beside what the rules grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// Every one of these roles; where one is missing the thing is hidden.
    pub roles: Vec<Box<str>>,
    /// Every one of these scopes; where one is missing the thing is listed, and a call names all of them.
    pub scopes: Vec<Box<str>>,
    /// How much a call costs, which has a rate of its own where it is heavy.
    pub weight: Weight,
}

/// How much a call costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// As much as most.
    #[default]
    Ordinary,
    /// So much that each caller may call it only now and then.
    Heavy,
}

/// One of the four answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Not listed, and answered like an unknown name.
    Hidden,
    /// Listed, and refused.
    Refused,
    /// Listed, and refused until the caller has these scopes.
    StepUp(Box<[Box<str>]>),
    /// Listed and allowed.
    Permit,
}
