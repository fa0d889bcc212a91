//! How much work a schema can ask for, measured before any value is seen.
//!
//! The unit is a visit: one subschema applied at one place of a value. Subschemas that are applied *in place*
//! (`allOf`, `$ref`, `if`, …) multiply the visits of that place; those that are applied to parts of the value
//! (`properties`, `items`, …) carry what has multiplied down to the parts. So thirty levels of
//! `allOf: [$ref, $ref]` cost 2³⁰ visits for the number 1, and a schema whose alternatives all lead back to it
//! through the same member costs 2 to the depth of the value.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::schema::{
    SchemaLimits, SchemaProblem, SchemaProblemKind,
    graph::{Children, Graph, Part},
};

/// The measure of a schema that was accepted.
///
/// Two bounds are proven, or the schema is refused:
/// * *plain*: no place of a value of the greatest depth gets more than the limit's visits, and nothing is remembered;
/// * *remembered*: the checker remembers the verdict of each subschema that is applied to a part, by the part. So each
///   of these begins at most once at a place, and the sum of what they apply in place bounds the visits there. (One
///   that applies nothing further may begin again at a small value, where that is no more work than to remember it.)
///   Where a `$dynamicRef` can mean several anchors, a verdict depends on the resources on the way there and on their
///   order. It is remembered for each such way, so the bound is that many times the sum.
///
/// The checker recurses, so how many subschemas can be under way at once is bounded as well, for the stack's sake.
#[derive(Debug)]
pub(super) struct Work {
    /// By the depth of a value, from 0: the most visits at one of its places when nothing is remembered.
    by_depth: Box<[u64]>,
    proof: Proof,
}

/// Which of the two bounds holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Plain,
    Remembered,
}

impl Work {
    pub(super) fn measure(graph: &Graph<'_>, limits: &SchemaLimits) -> Result<Self, SchemaProblem> {
        let rank = order(graph)?;
        let mut steps = MAX_STEPS;
        let entries = Entries::collect(graph, &rank, &mut steps).ok_or_else(|| SchemaProblemKind::Work.at(""))?;
        if entries.nesting(limits.value_depth) > limits.nesting {
            return Err(SchemaProblemKind::Nesting.at(&entries.deepest(graph)));
        }
        let by_depth = entries.by_depth(limits.value_depth);
        let plain = by_depth.iter().all(|&visits| visits <= limits.visits);
        if plain {
            return Ok(Self { by_depth, proof: Proof::Plain });
        }
        let ways = ways(graph.scopes().len());
        if ways.is_some_and(|ways| entries.sum().saturating_mul(ways) <= limits.visits) {
            return Ok(Self { by_depth, proof: Proof::Remembered });
        }
        Err(SchemaProblemKind::Work.at(&entries.worst(graph)))
    }

    pub(super) fn proof(&self) -> Proof {
        self.proof
    }

    /// The most visits at one place of a value of that depth, when nothing is remembered.
    pub(super) fn visits(&self, depth: usize) -> u64 {
        self.by_depth.get(depth).copied().unwrap_or(u64::MAX)
    }
}

/// How many ways lead through some of so many resources; `None` for more than a check keeps apart.
fn ways(scopes: usize) -> Option<u64> {
    match scopes {
        0 => Some(1),
        1 => Some(2),
        2 => Some(5),
        3 => Some(16),
        _ => None,
    }
}

/// The subschemas with which the check of a place can begin: the document, and all that are applied to a part.
struct Entries {
    all: Vec<Entry>,
}

/// What one subschema does at a place and below, with everything that it applies in place.
struct Entry {
    node: usize,
    /// Visits at the place itself.
    visits: u64,
    /// The longest chain of subschemas that apply each other in place.
    chain: usize,
    /// For each part of a value that is treated on its own: the entries that are applied to it, and how often.
    parts: Vec<Vec<(usize, u64)>>,
}

impl Entries {
    /// `None` when even measuring would take too long.
    fn collect(graph: &Graph<'_>, rank: &[usize], steps: &mut u64) -> Option<Self> {
        let mut all: Vec<Entry> = Vec::new();
        let mut known = HashMap::from([(0, 0)]);
        let mut waiting = vec![0];
        while let Some(node) = waiting.pop() {
            let applied = applied_in_place(graph, rank, node, steps)?;
            let mut parts = Vec::new();
            for side in [Side::Members, Side::Elements] {
                for targets in by_part(graph, side, &applied, steps)? {
                    let targets = targets.into_iter().map(|(target, times)| {
                        let next = known.len();
                        let entry = *known.entry(target).or_insert_with(|| {
                            waiting.push(target);
                            next
                        });
                        (entry, times)
                    });
                    parts.push(targets.collect());
                }
            }
            let visits = applied.iter().fold(0, |sum: u64, (_, often)| sum.saturating_add(often.times));
            let chain = applied.iter().map(|(_, often)| often.chain).max().unwrap_or(0);
            all.push(Entry { node, visits, chain, parts });
        }
        // Numbers were given when an entry was met, and entries were measured in another order.
        all.sort_by_key(|entry| known.get(&entry.node).copied().unwrap_or(usize::MAX));
        Some(Self { all })
    }

    /// The most visits at one place, for values of depth 0, 1, … up to the deepest that is checked.
    fn by_depth(&self, deepest: usize) -> Box<[u64]> {
        let mut below: Vec<u64> = self.all.iter().map(|entry| entry.visits).collect();
        let mut most = below.first().copied().unwrap_or(0);
        let mut by_depth = vec![most];
        for _ in 0..deepest {
            let cost = |part: &Vec<(usize, u64)>| {
                part.iter().fold(0, |sum: u64, &(entry, times)| {
                    sum.saturating_add(times.saturating_mul(below.get(entry).copied().unwrap_or(u64::MAX)))
                })
            };
            below = self.all.iter().map(|entry| entry.parts.iter().map(cost).max().unwrap_or(0)).collect();
            most = most.max(below.first().copied().unwrap_or(0));
            by_depth.push(most);
        }
        by_depth.into()
    }

    /// The most subschemas that are under way at once while a value of that depth is checked.
    fn nesting(&self, deepest: usize) -> usize {
        let mut below: Vec<usize> = self.all.iter().map(|entry| entry.chain).collect();
        for _ in 0..deepest {
            let longest = |entry: &Entry| {
                let parts = entry.parts.iter().flatten().filter_map(|&(target, _)| below.get(target));
                entry.chain.saturating_add(parts.max().copied().unwrap_or(0))
            };
            below = self.all.iter().map(longest).collect();
        }
        below.first().copied().unwrap_or(0)
    }

    fn sum(&self) -> u64 {
        self.all.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.visits))
    }

    /// Where most is multiplied, for whoever has to change the schema.
    fn worst(&self, graph: &Graph<'_>) -> String {
        pointer(graph, self.all.iter().max_by_key(|entry| entry.visits))
    }

    /// Where the longest chain begins.
    fn deepest(&self, graph: &Graph<'_>) -> String {
        pointer(graph, self.all.iter().max_by_key(|entry| entry.chain))
    }
}

fn pointer(graph: &Graph<'_>, entry: Option<&Entry>) -> String {
    entry.and_then(|entry| graph.nodes.get(entry.node)).map(|node| node.pointer.clone()).unwrap_or_default()
}

/// How often a subschema is applied at a place.
#[derive(Clone, Copy, Default)]
struct Often {
    times: u64,
    /// Its place in the longest chain that leads to it, from 1.
    chain: usize,
}

/// Everything that is applied at a place when `start` is applied there once.
fn applied_in_place(graph: &Graph<'_>, rank: &[usize], start: usize, steps: &mut u64) -> Option<Vec<(usize, Often)>> {
    let ranked = |node: usize| (rank.get(node).copied().unwrap_or(usize::MAX), node);
    let mut waiting = BTreeMap::from([(ranked(start), Often { times: 1, chain: 1 })]);
    let mut applied = Vec::new();
    // Ranks grow along every edge, so a subschema is taken when all that applies it has been.
    while let Some(((_, number), often)) = waiting.pop_first() {
        applied.push((number, often));
        let node = graph.nodes.get(number)?;
        for &target in &node.in_place {
            *steps = steps.checked_sub(1)?;
            let target = waiting.entry(ranked(target)).or_default();
            target.times = target.times.saturating_add(often.times);
            target.chain = target.chain.max(often.chain.saturating_add(1));
        }
    }
    Some(applied)
}

/// Members or elements.
#[derive(Clone, Copy)]
enum Side {
    Members,
    Elements,
}

impl Side {
    fn of<'g, 'a>(self, graph: &'g Graph<'a>, node: usize) -> Option<&'g Children<'a>> {
        let node = graph.nodes.get(node)?;
        Some(match self {
            Self::Members => &node.members,
            Self::Elements => &node.elements,
        })
    }
}

/// For each part that some subschema treats on its own, and for all others together: what is applied to it.
fn by_part(
    graph: &Graph<'_>,
    side: Side,
    applied: &[(usize, Often)],
    steps: &mut u64,
) -> Option<Vec<BTreeMap<usize, u64>>> {
    let mut parts = BTreeSet::from([None]);
    let mut sides = Vec::new();
    for &(node, often) in applied {
        let children = side.of(graph, node)?;
        if children.named.is_empty() && children.rest.is_empty() && children.every.is_empty() {
            continue;
        }
        let mut named: HashMap<Part<'_>, Vec<usize>> = HashMap::new();
        for &(part, target) in &children.named {
            parts.insert(Some(part));
            named.entry(part).or_default().push(target);
        }
        sides.push((named, children, often.times));
    }
    let mut all = Vec::new();
    for part in parts {
        let mut targets: BTreeMap<usize, u64> = BTreeMap::new();
        for (named, children, times) in &sides {
            let own = part.and_then(|part| named.get(&part)).unwrap_or(&children.rest);
            for &target in own.iter().chain(&children.every) {
                *steps = steps.checked_sub(1)?;
                let sum = targets.entry(target).or_default();
                *sum = sum.saturating_add(*times);
            }
            *steps = steps.checked_sub(1)?;
        }
        if !targets.is_empty() {
            all.push(targets);
        }
    }
    Some(all)
}

/// Ranks the subschemas so that each one applies, in place, only ones of a higher rank.
fn order(graph: &Graph<'_>) -> Result<Vec<usize>, SchemaProblem> {
    let count = graph.nodes.len();
    let mut incoming = vec![0_usize; count];
    for target in graph.nodes.iter().flat_map(|node| &node.in_place) {
        if let Some(count) = incoming.get_mut(*target) {
            *count += 1;
        }
    }
    let mut ready: Vec<usize> =
        incoming.iter().enumerate().filter(|(_, count)| **count == 0).map(|(node, _)| node).collect();
    let mut rank = vec![usize::MAX; count];
    let mut next = 0;
    while let Some(node) = ready.pop() {
        if let Some(rank) = rank.get_mut(node) {
            *rank = next;
        }
        next += 1;
        for &target in graph.nodes.get(node).map(|node| node.in_place.as_slice()).unwrap_or_default() {
            if let Some(count) = incoming.get_mut(target) {
                *count -= 1;
                if *count == 0 {
                    ready.push(target);
                }
            }
        }
    }
    let unranked = rank.iter().zip(&graph.nodes).find(|(rank, _)| **rank == usize::MAX);
    match unranked {
        None => Ok(rank),
        Some((_, node)) => Err(SchemaProblemKind::CircularReference.at(&node.pointer)),
    }
}

/// Steps of measuring; some milliseconds. Schemas that types produce need a few thousand.
const MAX_STEPS: u64 = 300_000;
