//! Checks a value against a compiled schema: whether it fits, and when asked, where it does not.
//!
//! One evaluator does both. Without a report it stops at the first rule that is broken; with one it goes through all
//! of them, so that alternatives can be told apart. It recurses no deeper, and visits no more, than `work` has proven.

use serde_json::Value;

use crate::schema::{
    assertion::Assertion,
    location::{Evaluated, Location},
    memory::Memory,
    program::{Applicator, Asks, Node, Program, Rule, Weight},
    report::{Broken, Cause, Report},
};

/// One check of one value.
pub(super) struct Check<'p, 'v> {
    pub(super) program: &'p Program,
    pub(super) memory: Option<Memory>,
    /// What was evaluated at the current place, where some subschema asks.
    pub(super) evaluated: Option<Box<Evaluated>>,
    /// The resources on the way, outermost first, in which a `$dynamicRef` may look.
    pub(super) scopes: Vec<usize>,
    /// Boxed, as what is evaluated is, so that to set it aside takes little of the stack.
    pub(super) report: Option<Box<Report<'p, 'v>>>,
}

impl<'p, 'v> Check<'p, 'v> {
    pub(super) fn new(program: &'p Program, memory: Option<Memory>) -> Self {
        Self { program, memory, evaluated: None, scopes: Vec::new(), report: None }
    }

    /// Whether a value fits the whole schema.
    pub(super) fn verdict(mut self, value: &'v Value) -> bool {
        self.fits(0, &Location::whole(value))
    }

    /// What is broken where a value does not fit.
    pub(super) fn explain(mut self, value: &'v Value) -> Option<Broken<'p, 'v>> {
        self.report = Some(Box::new(Report::new(0)));
        self.fits(0, &Location::whole(value));
        self.report.and_then(|report| report.first())
    }

    /// Whether a subschema holds at a place.
    pub(super) fn fits(&mut self, number: usize, at: &Location<'_, 'v>) -> bool {
        let Some(node) = self.program.nodes.get(number) else { return false };
        let scopes = self.scopes.len();
        if let Some(scope) = node.scope.filter(|scope| !self.scopes.contains(scope)) {
            self.scopes.push(scope);
        }
        let fits = match node.asks {
            Asks::Nothing => self.keeps(node, at),
            Asks::WhatIsEvaluated => self.keeps_and_asks(node, at),
        };
        self.scopes.truncate(scopes);
        fits
    }

    fn keeps_and_asks(&mut self, node: &'p Node, at: &Location<'_, 'v>) -> bool {
        let outer = self.evaluated.replace(Box::default());
        let fits = self.keeps(node, at);
        let inner = std::mem::replace(&mut self.evaluated, outer);
        self.count(fits, inner);
        fits
    }

    /// Whether every rule is kept. What is cheap is asked first, unless the first that is broken is to be told.
    fn keeps(&mut self, node: &'p Node, at: &Location<'_, 'v>) -> bool {
        if self.report.is_some() {
            let mut fits = true;
            for rule in &node.rules {
                fits &= self.keeps_rule(rule, at);
            }
            return fits;
        }
        for rule in &node.rules {
            if let Rule::Says(assertion) = rule
                && !assertion.holds(at.value)
            {
                return false;
            }
        }
        if node.weight == Weight::Light {
            return true;
        }
        for rule in &node.rules {
            if let Rule::Applies(applicator) = rule
                && !self.applies(applicator, at)
            {
                return false;
            }
        }
        true
    }

    fn keeps_rule(&mut self, rule: &'p Rule, at: &Location<'_, 'v>) -> bool {
        match rule {
            Rule::Says(assertion) => self.says(assertion, at),
            Rule::Applies(applicator) => self.applies(applicator, at),
        }
    }

    fn says(&mut self, assertion: &'p Assertion, at: &Location<'_, 'v>) -> bool {
        let holds = assertion.holds(at.value);
        if !holds {
            let missing = assertion.missing(at.value).map(Cause::Missing);
            self.tell(at, missing.unwrap_or(Cause::Assertion(assertion)));
        }
        holds
    }

    /// Notes a broken rule where that is asked for.
    pub(super) fn tell(&mut self, at: &Location<'_, 'v>, cause: Cause<'p, 'v>) {
        if let Some(report) = &mut self.report {
            report.add(&cause, at.depth, || Broken::new(cause, at));
        }
    }

    fn applies(&mut self, applicator: &'p Applicator, at: &Location<'_, 'v>) -> bool {
        match applicator {
            Applicator::Reference(target) => self.fits(*target, at),
            Applicator::DynamicReference { target, candidates } => self.dynamic(*target, candidates, at),
            Applicator::AllOf(all) => self.all_of(all, at),
            Applicator::AnyOf(any) => self.any_of(any, at),
            Applicator::OneOf(one) => self.one_of(one, at),
            Applicator::Not(node) => self.not(*node, at),
            Applicator::If { condition, then, otherwise } => self.when(*condition, *then, *otherwise, at),
            Applicator::DependentSchemas(dependents) => self.dependent_schemas(dependents, at),
            Applicator::Properties(named) => self.properties(named, at),
            Applicator::PatternProperties(patterns) => self.pattern_properties(patterns, at),
            Applicator::AdditionalProperties(additional) => self.additional_properties(additional, at),
            Applicator::PropertyNames(node) => self.property_names(*node, at),
            Applicator::PrefixItems(nodes) => self.prefix_items(nodes, at),
            Applicator::Items(from, each) => self.items(*from, *each, at),
            Applicator::Contains(contains) => self.contains(*contains, at),
            Applicator::UnevaluatedItems(each) => self.unevaluated_items(*each, at),
            Applicator::UnevaluatedProperties(each) => self.unevaluated_properties(*each, at),
        }
    }

    /// Follows the anchor of the outermost resource that has one (JSON Schema 2020-12, core 8.2.3.2).
    fn dynamic(&mut self, target: usize, candidates: &[(usize, usize)], at: &Location<'_, 'v>) -> bool {
        let of = |scope: &usize| candidates.iter().find(|(resource, _)| resource == scope);
        let target = self.scopes.iter().find_map(of).map_or(target, |(_, node)| *node);
        self.fits(target, at)
    }

    fn all_of(&mut self, all: &[usize], at: &Location<'_, 'v>) -> bool {
        let mut fits = true;
        for &node in all {
            fits &= self.fits(node, at);
            if self.is_decided(fits) {
                break;
            }
        }
        fits
    }

    /// Whether nothing more is to be found out.
    pub(super) fn is_decided(&self, fits: bool) -> bool {
        !fits && self.report.is_none()
    }

    fn any_of(&mut self, any: &[usize], at: &Location<'_, 'v>) -> bool {
        let mut fits = false;
        let outer = self.open_alternatives(at);
        for &node in any {
            fits |= self.may_fit(node, at);
            if fits && self.evaluated.is_none() {
                break;
            }
        }
        self.close_alternatives(outer, fits, at);
        fits
    }

    fn one_of(&mut self, one: &[usize], at: &Location<'_, 'v>) -> bool {
        let mut count = 0;
        let outer = self.open_alternatives(at);
        for &node in one {
            count += usize::from(self.may_fit(node, at));
            if count > 1 {
                break;
            }
        }
        self.close_alternatives(outer, count > 0, at);
        if count > 1 {
            self.tell(at, Cause::SeveralAlternatives);
        }
        count == 1
    }

    fn open_alternatives(&mut self, at: &Location<'_, 'v>) -> Option<Box<Report<'p, 'v>>> {
        let outer = self.report.take()?;
        self.report = Some(Box::new(Report::new(at.depth)));
        Some(outer)
    }

    fn close_alternatives(&mut self, outer: Option<Box<Report<'p, 'v>>>, fits: bool, at: &Location<'_, 'v>) {
        let inner = std::mem::replace(&mut self.report, outer);
        if let (false, Some(inner), Some(outer)) = (fits, inner, &mut self.report) {
            let cause = Cause::NoAlternative;
            outer.add(&cause, at.depth, || inner.meant().unwrap_or_else(|| Broken::new(cause, at)));
        }
    }

    /// Whether an alternative fits; what it evaluates counts only then.
    fn may_fit(&mut self, node: usize, at: &Location<'_, 'v>) -> bool {
        let fits = self.evaluates(node, at);
        if let Some(report) = &mut self.report {
            report.end_alternative();
        }
        fits
    }

    /// Whether a subschema fits that may also not; what it evaluates counts only when it does.
    fn evaluates(&mut self, node: usize, at: &Location<'_, 'v>) -> bool {
        let Some(outer) = self.evaluated.take() else { return self.fits(node, at) };
        self.evaluated = Some(Box::default());
        let fits = self.fits(node, at);
        let inner = self.evaluated.replace(outer);
        self.count(fits, inner);
        fits
    }

    fn count(&mut self, fits: bool, inner: Option<Box<Evaluated>>) {
        if let (true, Some(inner), Some(evaluated)) = (fits, inner, &mut self.evaluated) {
            evaluated.merge(*inner);
        }
    }

    fn not(&mut self, node: usize, at: &Location<'_, 'v>) -> bool {
        let (report, evaluated) = (self.report.take(), self.evaluated.take());
        let fits = !self.fits(node, at);
        (self.report, self.evaluated) = (report, evaluated);
        if !fits {
            self.tell(at, Cause::Excluded);
        }
        fits
    }

    fn when(&mut self, condition: usize, then: Option<usize>, otherwise: Option<usize>, at: &Location<'_, 'v>) -> bool {
        let report = self.report.take();
        let holds = self.evaluates(condition, at);
        self.report = report;
        let branch = if holds { then } else { otherwise };
        branch.is_none_or(|node| self.fits(node, at))
    }

    fn dependent_schemas(&mut self, dependents: &[(Box<str>, usize)], at: &Location<'_, 'v>) -> bool {
        let Value::Object(members) = at.value else { return true };
        let mut fits = true;
        for (name, node) in dependents {
            if members.contains_key(&**name) {
                fits &= self.fits(*node, at);
                if self.is_decided(fits) {
                    break;
                }
            }
        }
        fits
    }
}
