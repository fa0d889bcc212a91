//! The first rule that is broken, and of several alternatives that failed the one that was meant.
//!
//! It borrows from the schema and the value; `mismatch` says what of that a peer may read.

use crate::schema::{
    assertion::Assertion,
    location::{Location, Step},
};

/// A rule that is broken, and where.
#[derive(Debug)]
pub(super) struct Broken<'p, 'v> {
    pub(super) steps: Box<[Step<'v>]>,
    pub(super) cause: Cause<'p, 'v>,
}

/// What is wrong at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause<'p, 'v> {
    Assertion(&'p Assertion),
    /// A member that must be there, by its name.
    Missing(&'p str),
    /// A member that may not be there, and those that may.
    Unknown(&'v str, &'p [Box<str>]),
    /// An element that may not be there.
    TooMany,
    /// The name of a member.
    Name,
    NotContained,
    NoAlternative,
    SeveralAlternatives,
    Excluded,
}

impl<'p, 'v> Broken<'p, 'v> {
    pub(super) fn new(cause: Cause<'p, 'v>, at: &Location<'_, 'v>) -> Self {
        Self { steps: at.steps(), cause }
    }
}

/// What was found at one place and below, for one subschema or for one alternative after the other.
#[derive(Debug)]
pub(super) struct Report<'p, 'v> {
    /// The depth of the place.
    depth: usize,
    current: Findings<'p, 'v>,
    best: Option<Findings<'p, 'v>>,
    /// Whether others came as close as the best one.
    rivals: usize,
}

#[derive(Debug)]
struct Findings<'p, 'v> {
    first: Option<Broken<'p, 'v>>,
    closeness: Closeness,
}

/// How close a value came to one of several alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    /// It is of another type, or its tag says another alternative.
    Far,
    /// It is of the type, and lacks something or has too much.
    Near,
    /// Only parts of it do not fit.
    Inside,
}

impl<'p, 'v> Report<'p, 'v> {
    pub(super) fn new(depth: usize) -> Self {
        Self { depth, current: Findings::none(), best: None, rivals: 0 }
    }

    /// Notes a broken rule at a place of that depth; only the first is kept.
    pub(super) fn add(&mut self, cause: &Cause<'p, 'v>, depth: usize, broken: impl FnOnce() -> Broken<'p, 'v>) {
        let closeness = Closeness::of(cause, depth.saturating_sub(self.depth));
        self.current.closeness = self.current.closeness.min(closeness);
        if self.current.first.is_none() {
            self.current.first = Some(broken());
        }
    }

    pub(super) fn first(self) -> Option<Broken<'p, 'v>> {
        self.current.first
    }

    /// Ends one alternative and begins the next.
    pub(super) fn end_alternative(&mut self) {
        let ended = std::mem::replace(&mut self.current, Findings::none());
        match self.best.as_ref().map(|best| ended.closeness.cmp(&best.closeness)) {
            Some(std::cmp::Ordering::Less) => {}
            Some(std::cmp::Ordering::Equal) => self.rivals += 1,
            Some(std::cmp::Ordering::Greater) | None => (self.best, self.rivals) = (Some(ended), 0),
        }
    }

    /// What is broken in the alternative that the sender most likely meant, where one came closest.
    pub(super) fn meant(self) -> Option<Broken<'p, 'v>> {
        let best = self.best.filter(|best| self.rivals == 0 && best.closeness != Closeness::Far);
        best.and_then(|best| best.first)
    }
}

impl Findings<'_, '_> {
    fn none() -> Self {
        Self { first: None, closeness: Closeness::Inside }
    }
}

impl Closeness {
    /// What a rule says that is broken so many steps below the place.
    fn of(cause: &Cause<'_, '_>, below: usize) -> Self {
        let tells_apart = match cause {
            Cause::Assertion(Assertion::Const(_) | Assertion::Enum(_)) => below <= 1,
            Cause::Assertion(Assertion::Type(_) | Assertion::Never) => below == 0,
            Cause::Assertion(_)
            | Cause::Missing(_)
            | Cause::Unknown(..)
            | Cause::TooMany
            | Cause::Name
            | Cause::NotContained
            | Cause::NoAlternative
            | Cause::SeveralAlternatives
            | Cause::Excluded => false,
        };
        match (tells_apart, below) {
            (true, _) => Self::Far,
            (false, 0) => Self::Near,
            (false, _) => Self::Inside,
        }
    }
}
