//! The rules that apply subschemas to the parts of a value: members, their names, and elements.

use serde_json::{Map, Value};

use crate::schema::{
    check::Check,
    location::Location,
    pattern::Pattern,
    program::{Additional, Contains, Each, Weight},
    report::Cause,
};

impl<'p, 'v> Check<'p, 'v> {
    /// Whether a part fits. What was evaluated of the whole has nothing to do with it.
    fn part_fits(&mut self, node: usize, part: &Location<'_, 'v>) -> bool {
        let outer = self.evaluated.take();
        let fits = self.fits_as_remembered(node, part);
        self.evaluated = outer;
        fits
    }

    fn fits_as_remembered(&mut self, node: usize, part: &Location<'_, 'v>) -> bool {
        let address = std::ptr::from_ref(part.value).addr();
        if self.memory.is_none() || self.weight(node) == Weight::Light && is_small(part.value) {
            return self.fits(node, part);
        }
        self.recall(node, address).unwrap_or_else(|| {
            let fits = self.fits(node, part);
            self.remember(node, address, fits)
        })
    }

    fn recall(&self, node: usize, address: usize) -> Option<bool> {
        let slot = self.program.nodes.get(node)?.slot?;
        self.memory.as_ref()?.recall(slot, &self.scopes, address)
    }

    fn remember(&mut self, node: usize, address: usize, fits: bool) -> bool {
        let slot = self.program.nodes.get(node).and_then(|node| node.slot);
        if let (Some(slot), Some(memory)) = (slot, &mut self.memory) {
            memory.remember(slot, &self.scopes, address, fits);
        }
        fits
    }

    fn weight(&self, node: usize) -> Weight {
        self.program.nodes.get(node).map_or(Weight::Light, |node| node.weight)
    }

    /// Applies a subschema to a member, which is evaluated by that.
    fn member_fits(&mut self, node: usize, name: &'v str, value: &'v Value, at: &Location<'_, 'v>) -> bool {
        let fits = self.part_fits(node, &at.member(name, value));
        if let (true, Some(evaluated)) = (fits, &mut self.evaluated) {
            evaluated.add(value);
        }
        fits
    }

    fn element_fits(&mut self, node: usize, index: usize, value: &'v Value, at: &Location<'_, 'v>) -> bool {
        let fits = self.part_fits(node, &at.element(index, value));
        if let (true, Some(evaluated)) = (fits, &mut self.evaluated) {
            evaluated.add(value);
        }
        fits
    }

    pub(super) fn properties(&mut self, named: &[(Box<str>, usize)], at: &Location<'_, 'v>) -> bool {
        let Value::Object(members) = at.value else { return true };
        if self.report.is_some() {
            return self.some_properties(named, None, members, at);
        }
        // A tag tells alternatives apart before what is large in them is looked at.
        self.some_properties(named, Some(Weight::Light), members, at)
            && self.some_properties(named, Some(Weight::Heavy), members, at)
    }

    fn some_properties(
        &mut self,
        named: &[(Box<str>, usize)],
        weight: Option<Weight>,
        members: &'v Map<String, Value>,
        at: &Location<'_, 'v>,
    ) -> bool {
        let mut fits = true;
        for (name, node) in named {
            if weight.is_some_and(|weight| self.weight(*node) != weight) {
                continue;
            }
            // The name is borrowed from the value, as the rest of the place is.
            let Some((name, value)) = members.get_key_value(&**name) else { continue };
            fits &= self.member_fits(*node, name, value, at);
            if self.is_decided(fits) {
                break;
            }
        }
        fits
    }

    pub(super) fn pattern_properties(&mut self, patterns: &[(Pattern, usize)], at: &Location<'_, 'v>) -> bool {
        let Value::Object(members) = at.value else { return true };
        let mut fits = true;
        for (name, value) in members {
            for (pattern, node) in patterns {
                if pattern.finds(name) {
                    fits &= self.member_fits(*node, name, value, at);
                    if self.is_decided(fits) {
                        return fits;
                    }
                }
            }
        }
        fits
    }

    pub(super) fn additional_properties(&mut self, additional: &'p Additional, at: &Location<'_, 'v>) -> bool {
        let Value::Object(members) = at.value else { return true };
        let mut fits = true;
        for (name, value) in members {
            if additional.speaks_of(name) {
                fits &= match additional.each {
                    Each::Fits(node) => self.part_fits(node, &at.member(name, value)),
                    Each::Refused => {
                        self.tell(at, Cause::Unknown(name, &additional.named));
                        false
                    }
                };
                if self.is_decided(fits) {
                    return fits;
                }
            }
        }
        self.all_are_evaluated();
        fits
    }

    pub(super) fn property_names(&mut self, node: usize, at: &Location<'_, 'v>) -> bool {
        let Value::Object(members) = at.value else { return true };
        for name in members.keys() {
            if !self.name_fits(node, name, std::ptr::from_ref(name).addr()) {
                self.tell(at, Cause::Name);
                return false;
            }
        }
        true
    }

    /// A name is checked as a value of its own, and has no parts.
    fn name_fits(&mut self, node: usize, name: &str, address: usize) -> bool {
        self.recall(node, address).unwrap_or_else(|| {
            let value = Value::from(name);
            let mut check = Check::new(self.program, None);
            check.scopes.clone_from(&self.scopes);
            let fits = check.fits(node, &Location::whole(&value));
            self.remember(node, address, fits)
        })
    }

    pub(super) fn prefix_items(&mut self, nodes: &[usize], at: &Location<'_, 'v>) -> bool {
        let Value::Array(elements) = at.value else { return true };
        let mut fits = true;
        for (index, (value, node)) in elements.iter().zip(nodes).enumerate() {
            fits &= self.element_fits(*node, index, value, at);
            if self.is_decided(fits) {
                break;
            }
        }
        fits
    }

    pub(super) fn items(&mut self, from: usize, each: Each, at: &Location<'_, 'v>) -> bool {
        self.each_element(each, at, |_, index, _| index >= from)
    }

    pub(super) fn unevaluated_items(&mut self, each: Each, at: &Location<'_, 'v>) -> bool {
        self.each_element(each, at, |check, _, value| !check.is_evaluated(value))
    }

    /// Applies what is said of the elements that are meant; with them all are evaluated.
    fn each_element(
        &mut self,
        each: Each,
        at: &Location<'_, 'v>,
        is_meant: impl Fn(&Self, usize, &Value) -> bool,
    ) -> bool {
        let Value::Array(elements) = at.value else { return true };
        let mut fits = true;
        for (index, value) in elements.iter().enumerate() {
            if !is_meant(self, index, value) {
                continue;
            }
            fits &= match each {
                Each::Fits(node) => self.part_fits(node, &at.element(index, value)),
                Each::Refused => {
                    self.tell(at, Cause::TooMany);
                    return false;
                }
            };
            if self.is_decided(fits) {
                return fits;
            }
        }
        self.all_are_evaluated();
        fits
    }

    pub(super) fn contains(&mut self, contains: Contains, at: &Location<'_, 'v>) -> bool {
        let Value::Array(elements) = at.value else { return true };
        let report = self.report.take();
        let mut count = 0;
        for (index, value) in elements.iter().enumerate() {
            count += u64::from(self.element_fits(contains.node, index, value, at));
            let is_clear = count > contains.most || count >= contains.least && contains.most == u64::MAX;
            if is_clear && self.evaluated.is_none() {
                break;
            }
        }
        self.report = report;
        let fits = contains.least <= count && count <= contains.most;
        if !fits {
            self.tell(at, Cause::NotContained);
        }
        fits
    }

    pub(super) fn unevaluated_properties(&mut self, each: Each, at: &Location<'_, 'v>) -> bool {
        let Value::Object(members) = at.value else { return true };
        let mut fits = true;
        for (name, value) in members {
            if self.is_evaluated(value) {
                continue;
            }
            fits &= match each {
                Each::Fits(node) => self.part_fits(node, &at.member(name, value)),
                Each::Refused => {
                    self.tell(at, Cause::Unknown(name, &[]));
                    return false;
                }
            };
            if self.is_decided(fits) {
                return fits;
            }
        }
        self.all_are_evaluated();
        fits
    }

    fn is_evaluated(&self, part: &Value) -> bool {
        self.evaluated.as_ref().is_some_and(|evaluated| evaluated.has(part))
    }

    fn all_are_evaluated(&mut self) {
        if let Some(evaluated) = &mut self.evaluated {
            evaluated.add_all();
        }
    }
}

/// Whether to look at the value itself is no more work than to remember what was seen.
fn is_small(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= SMALL_BYTES,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

const SMALL_BYTES: usize = 64;

impl Additional {
    fn speaks_of(&self, name: &str) -> bool {
        self.named.binary_search_by(|named| (**named).cmp(name)).is_err()
            && !self.patterns.iter().any(|pattern| pattern.finds(name))
    }
}
