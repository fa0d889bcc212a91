//! What a run found, as it is kept in a file: a table can be drawn again without measuring again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contestant::{EVIDENCE, MOCOPR, STRICT};

/// Everything that a run found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// The day of the run.
    pub date: String,
    /// The machine.
    pub machine: String,
    /// How often each timed row was measured.
    pub rounds: usize,
    /// The version of each contestant.
    pub versions: BTreeMap<String, String>,
    /// The rows, in the order of the table.
    pub rows: Vec<Row>,
    /// What went wrong, and left a cell empty that should have a number.
    pub failures: Vec<String>,
}

impl Results {
    /// The row of that key.
    pub fn row(&self, key: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == key)
    }
}

/// One row of the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// A short name, the same in every run.
    pub key: String,
    /// What the table calls it.
    pub title: String,
    /// What its numbers are.
    pub unit: Unit,
    /// The numbers, by contestant.
    pub cells: BTreeMap<String, f64>,
    /// What mocopr must reach, if anything; under the strict policy or with evidence where only that has
    /// a number.
    pub must: Option<Bound>,
    /// What would be better still.
    pub stretch: Option<Bound>,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A multiple of the yardstick.
    Ratio,
    /// Seconds, printed as microseconds or milliseconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A count.
    Count,
}

/// A bound on a number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Less is better.
    AtMost(f64),
    /// More is better.
    AtLeast(f64),
}

impl Bound {
    /// Whether a number is within it.
    pub fn holds(self, number: f64) -> bool {
        match self {
            Self::AtMost(bound) => number <= bound,
            Self::AtLeast(bound) => number >= bound,
        }
    }
}

impl Row {
    /// The number that the bounds are about.
    pub fn own(&self) -> Option<f64> {
        let other = |who| self.cells.get(who).filter(|_| self.cells.len() == 1);
        self.cells.get(MOCOPR).or_else(|| other(STRICT)).or_else(|| other(EVIDENCE)).copied()
    }
}

/// The middle one; of an even count the mean of the two in the middle. Nothing of nothing.
pub fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let above = *numbers.get(numbers.len() / 2)?;
    let below = *numbers.get((numbers.len() - 1) / 2)?;
    Some(f64::midpoint(below, above))
}

/// The number that so many percent of all do not exceed. Nothing of nothing.
pub fn percentile(mut numbers: Vec<f64>, percent: usize) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let rank = (numbers.len() * percent).div_ceil(100).max(1);
    numbers.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_count_is_between_the_two_in_the_middle() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn percentile_is_one_of_the_numbers() {
        let numbers: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(numbers.clone(), 99), Some(198.0));
        assert_eq!(percentile(numbers, 100), Some(200.0));
        assert_eq!(percentile(vec![7.0], 50), Some(7.0));
        assert_eq!(percentile(Vec::new(), 50), None);
    }

    #[test]
    fn bound_includes_its_own_number() {
        assert!(Bound::AtMost(1.5).holds(1.5) && !Bound::AtMost(1.5).holds(1.51));
        assert!(Bound::AtLeast(0.7).holds(0.7) && !Bound::AtLeast(0.7).holds(0.69));
    }
}
