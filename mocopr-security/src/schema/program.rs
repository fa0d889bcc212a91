//! A compiled schema: for each subschema the rules that it states, ready to be checked.

use crate::schema::{
    assertion::{Assertion, Names},
    pattern::Pattern,
};

/// Every subschema of a document, the document itself first. Numbers in rules index it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) nodes: Box<[Node]>,
    /// How many subschemas have a slot.
    pub(super) slots: usize,
    /// How many resources there are that a `$dynamicRef` may look into, where the way there decides.
    pub(super) scopes: usize,
}

/// One subschema.
#[derive(Debug)]
pub(super) struct Node {
    /// The type, and the others in the order of their keywords; those about what is not evaluated come last.
    pub(super) rules: Box<[Rule]>,
    /// The number of its resource, where a `$dynamicRef` may look for an anchor in it.
    pub(super) scope: Option<usize>,
    /// Whether it asks what of the value its other rules evaluated.
    pub(super) asks: Asks,
    /// Where its verdicts are remembered; for one that is applied to parts.
    pub(super) slot: Option<usize>,
    pub(super) weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    WhatIsEvaluated,
}

/// How much of a value a subschema looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// The value itself.
    Light,
    /// Its parts, or other subschemas.
    Heavy,
}

#[derive(Debug)]
pub(super) enum Rule {
    Says(Assertion),
    Applies(Applicator),
}

/// One keyword that applies other subschemas.
#[derive(Debug)]
pub(super) enum Applicator {
    Reference(usize),
    DynamicReference {
        target: usize,
        /// Resources with the subschemas that the anchor names in them.
        candidates: Box<[(usize, usize)]>,
    },
    AllOf(Box<[usize]>),
    AnyOf(Box<[usize]>),
    OneOf(Box<[usize]>),
    Not(usize),
    If {
        condition: usize,
        then: Option<usize>,
        otherwise: Option<usize>,
    },
    /// When the member is there.
    DependentSchemas(Box<[(Box<str>, usize)]>),
    /// Sorted by name.
    Properties(Box<[(Box<str>, usize)]>),
    PatternProperties(Box<[(Pattern, usize)]>),
    AdditionalProperties(Box<Additional>),
    PropertyNames(usize),
    PrefixItems(Box<[usize]>),
    /// To the elements from that index on.
    Items(usize, Each),
    Contains(Contains),
    UnevaluatedItems(Each),
    UnevaluatedProperties(Each),
}

/// What members are that neither `properties` nor `patternProperties` speak of.
#[derive(Debug)]
pub(super) struct Additional {
    /// Sorted.
    pub(super) named: Names,
    pub(super) patterns: Box<[Pattern]>,
    pub(super) each: Each,
}

/// What each of several parts must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Each {
    /// There must be none; the schema `false`.
    Refused,
    Fits(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Contains {
    pub(super) node: usize,
    pub(super) least: u64,
    pub(super) most: u64,
}
