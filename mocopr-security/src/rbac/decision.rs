//! The decision: what all roles of a caller together say about one thing. What takes wins over what gives.

use super::{
    explanation::{Cause, Explanation},
    pattern,
    role::{Reach, Role, Subject},
};
use crate::gate::{Grant, Kind};

/// What was decided, and on which rule it stands.
#[derive(Debug)]
pub(super) enum Reached<'a> {
    /// The caller holds everything, so no rule was asked.
    Everything,
    /// None of the caller's roles is defined.
    NoRole,
    /// No rule of the caller's roles gives it.
    NoRule,
    /// A rule gives it.
    Given(Grant, Cited<'a>),
    /// A rule gives only a part of the family, or takes a part of it.
    InPart(Cited<'a>),
    /// A rule takes it.
    Taken(Cited<'a>),
}

/// A rule of a role.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cited<'a> {
    /// The role that the caller holds.
    held: &'a Role,
    /// The role that says it: the same one, or one that it inherits from.
    of: &'a Role,
    /// The place of the text.
    text: usize,
    reach: Reach,
}

/// The rule of each effect that reaches the most.
#[derive(Default)]
struct Said<'a> {
    give_call: Option<Cited<'a>>,
    give_read: Option<Cited<'a>>,
    take_call: Option<Cited<'a>>,
    take_all: Option<Cited<'a>>,
}

/// Decides about one thing, for somebody who holds these of all roles.
pub(super) fn decide<'a>(
    roles: &'a [Role],
    held: impl Iterator<Item = &'a Role>,
    kind: Kind,
    name: &str,
) -> Reached<'a> {
    // A canonical URI holds no brace, so one cannot be taken for a family.
    let is_family = kind == Kind::Resource && pattern::is_outline(name);
    let subject = if is_family { Subject::Family(name) } else { Subject::One(name) };
    let mut said = Said::default();
    let mut is_somebody = false;
    for held in held {
        is_somebody = true;
        for of in held.lineage.iter().filter_map(|place| roles.get(*place)) {
            said.add(held, of, kind, subject);
        }
    }
    if is_somebody { said.conclude() } else { Reached::NoRole }
}

impl<'a> Said<'a> {
    fn add(&mut self, held: &'a Role, of: &'a Role, kind: Kind, subject: Subject<'_>) {
        let powers = of.powers(kind);
        for (table, kept) in [
            (&powers.give_call, &mut self.give_call),
            (&powers.give_read, &mut self.give_read),
            (&powers.take_call, &mut self.take_call),
            (&powers.take_all, &mut self.take_all),
        ] {
            let Some((reach, text)) = table.find(subject) else { continue };
            if kept.is_none_or(|kept| kept.reach < reach) {
                *kept = Some(Cited { held, of, text, reach });
            }
        }
    }

    fn conclude(self) -> Reached<'a> {
        let Self { give_call, give_read, take_call, take_all } = self;
        let whole = |rule: &Cited<'_>| rule.reach == Reach::Whole;
        if let Some(rule) = take_all.filter(whole) {
            return Reached::Taken(rule);
        }
        let taken = take_call.filter(whole);
        if let (Some(rule), None) = (give_call, taken) {
            return match take_all.or(take_call).or((!whole(&rule)).then_some(rule)) {
                Some(part) => Reached::InPart(part),
                None => Reached::Given(Grant::Use, rule),
            };
        }
        if let Some(rule) = give_read {
            return Reached::Given(Grant::See, rule);
        }
        match (give_call, taken) {
            (Some(_), Some(rule)) => Reached::Taken(rule),
            (None, _) | (Some(_), None) => Reached::NoRule,
        }
    }
}

impl Reached<'_> {
    /// What is granted.
    pub(super) fn grant(&self) -> Grant {
        match self {
            Self::Everything => Grant::Use,
            Self::Given(grant, _) => *grant,
            Self::InPart(_) => Grant::See,
            Self::NoRole | Self::NoRule | Self::Taken(_) => Grant::Nothing,
        }
    }

    /// The same in words.
    pub(super) fn explain(&self) -> Explanation {
        let (cause, rule) = match self {
            Self::Everything => (Cause::Everything, None),
            Self::NoRole => (Cause::NoRole, None),
            Self::NoRule => (Cause::NoRule, None),
            Self::Given(_, rule) => (Cause::Given, Some(rule)),
            Self::InPart(rule) => (Cause::InPart, Some(rule)),
            Self::Taken(rule) => (Cause::Taken, Some(rule)),
        };
        let text = |rule: &Cited<'_>| rule.of.texts.get(rule.text).cloned().unwrap_or_default();
        Explanation::new(self.grant(), cause, rule.map(|rule| (&*rule.held.name, &*rule.of.name, text(rule))))
    }
}
