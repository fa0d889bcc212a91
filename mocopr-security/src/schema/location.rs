//! Where a check is in a value, and what of that place its rules have evaluated.

use std::collections::HashSet;

use serde_json::Value;

/// A place in a value, with the way there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Location<'s, 'v> {
    pub(super) value: &'v Value,
    pub(super) step: Step<'v>,
    pub(super) up: Option<&'s Location<'s, 'v>>,
    /// How many steps it is from the whole value.
    pub(super) depth: usize,
}

/// The last step to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'v> {
    Whole,
    Member(&'v str),
    Element(usize),
}

impl<'s, 'v> Location<'s, 'v> {
    pub(super) fn whole(value: &'v Value) -> Self {
        Self { value, step: Step::Whole, up: None, depth: 0 }
    }

    pub(super) fn member<'p>(&'p self, name: &'v str, value: &'v Value) -> Location<'p, 'v> {
        Location { value, step: Step::Member(name), up: Some(self), depth: self.depth + 1 }
    }

    pub(super) fn element<'p>(&'p self, index: usize, value: &'v Value) -> Location<'p, 'v> {
        Location { value, step: Step::Element(index), up: Some(self), depth: self.depth + 1 }
    }

    /// The steps from the whole value to here.
    pub(super) fn steps(&self) -> Box<[Step<'v>]> {
        let mut steps = Vec::with_capacity(self.depth);
        let mut at = Some(self);
        while let Some(here) = at {
            if here.step != Step::Whole {
                steps.push(here.step);
            }
            at = here.up;
        }
        steps.reverse();
        steps.into()
    }
}

/// Which parts of one place were evaluated, by their addresses.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    all: bool,
    parts: HashSet<usize>,
}

impl Evaluated {
    pub(super) fn add(&mut self, part: &Value) {
        self.parts.insert(std::ptr::from_ref(part).addr());
    }

    pub(super) fn add_all(&mut self) {
        self.all = true;
    }

    pub(super) fn has(&self, part: &Value) -> bool {
        self.all || self.parts.contains(&std::ptr::from_ref(part).addr())
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.all |= other.all;
        self.parts.extend(other.parts);
    }
}
