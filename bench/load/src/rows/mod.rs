//! The rows of the table, by how they are measured.

pub mod counts;
pub mod footprint;
pub mod http;
pub mod memory;
pub mod stdio;
pub mod wires;

use std::collections::BTreeMap;

use anyhow::Result;

use crate::{
    contestant::Contestant,
    results::{Bound, Row, Unit, median},
};

/// How a run is made.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who takes part.
    pub contestants: Vec<Contestant>,
    /// How often each timed row is measured.
    pub rounds: usize,
    /// How long one window of load is.
    pub window: std::time::Duration,
    /// Flags that every server gets.
    pub flags: Vec<&'static str>,
    /// Numbers for shuffling.
    pub random: Random,
    /// What went wrong so far.
    pub failures: Vec<String>,
}

impl Plan {
    /// Keeps what could be measured; what could not is told, and leaves its cell empty.
    pub fn note<T>(&mut self, who: &str, what: &str, measured: Result<T>) -> Option<T> {
        measured
            .inspect_err(|error| {
                let failure = format!("{who}: {what}: {error:#}");
                if !self.failures.contains(&failure) {
                    self.failures.push(failure);
                }
            })
            .ok()
    }

    /// Who takes part, in another order each time.
    pub fn shuffled(&mut self) -> Vec<Contestant> {
        self.in_any_order(&self.contestants.clone())
    }

    /// The same things, in another order each time.
    pub fn in_any_order<T: Copy>(&mut self, things: &[T]) -> Vec<T> {
        let mut left = things.to_vec();
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            order.push(left.swap_remove(self.random.below(left.len())));
        }
        order
    }
}

/// Numbers that are random enough for the order of measurements (xorshift64).
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// Begins with a seed; zero is not one.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap_or(1).max(1)).unwrap_or_default()
    }
}

/// What each contestant measured, once a round.
type Measured = BTreeMap<&'static str, Vec<f64>>;

/// A row of medians.
fn medians(key: &str, title: &str, unit: Unit, measured: &Measured) -> Row {
    let cells = measured.iter().filter_map(|(name, numbers)| Some(((*name).to_owned(), median(numbers.clone())?)));
    Row { key: key.to_owned(), title: title.to_owned(), unit, cells: cells.collect(), must: None, stretch: None }
}

/// A row of medians of ratios: each number over what `base` measured in the same round.
fn ratios(key: &str, title: &str, measured: &Measured, base: &str) -> Row {
    let bases = measured.get(base).cloned().unwrap_or_default();
    let over = |numbers: &Vec<f64>| numbers.iter().zip(&bases).map(|(number, base)| number / base).collect();
    let ratios: Measured = measured.iter().map(|(name, numbers)| (*name, over(numbers))).collect();
    medians(key, title, Unit::Ratio, &ratios)
}

/// The row of one contestant alone: its numbers over those of another row or contestant.
fn own_ratio(
    key: &str,
    title: &str,
    who: &'static str,
    above: Option<&Vec<f64>>,
    below: Option<&Vec<f64>>,
) -> Option<Row> {
    let over: Vec<_> = above?.iter().zip(below?).map(|(above, below)| above / below).collect();
    Some(medians(key, title, Unit::Ratio, &BTreeMap::from([(who, over)])))
}

/// Tells who waits how far the run is.
#[expect(clippy::print_stderr, reason = "standard output is for the table")]
fn tell(line: &str) {
    eprintln!("{line}");
}

impl Row {
    fn must(mut self, must: Bound) -> Self {
        self.must = Some(must);
        self
    }

    fn stretch(mut self, stretch: Bound) -> Self {
        self.stretch = Some(stretch);
        self
    }
}
