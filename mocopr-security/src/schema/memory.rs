//! What a check remembers: which subschemas a part of the value was found to fit, and which not.
//!
//! Two bits for each subschema and part, so that a value of many parts does not need much more memory than it has.
//! Where a verdict depends on the resources on the way there, there are two bits for each way.
//! A part is known by its address, which is its own while the value is borrowed.

use std::collections::HashMap;

use crate::schema::program::Program;

/// The verdicts of one check.
#[derive(Debug)]
pub(super) struct Memory {
    slots: usize,
    /// How many resources a way may lead through.
    scopes: usize,
    /// Words a part.
    words: usize,
    /// Where the words of a part begin.
    rows: HashMap<usize, usize>,
    bits: Vec<u64>,
}

impl Memory {
    pub(super) fn new(program: &Program) -> Self {
        Self::of(program.slots, program.scopes)
    }

    fn of(slots: usize, scopes: usize) -> Self {
        // One more than there are, so that every way has a number of its own in that base.
        let ways = (0..scopes).fold(1_usize, |ways, _| ways.saturating_mul(scopes + 1));
        let words = slots.saturating_mul(ways).div_ceil(SLOTS_IN_WORD);
        Self { slots, scopes, words, rows: HashMap::new(), bits: Vec::new() }
    }

    /// The slot of a subschema on the way through these resources.
    fn slot(&self, slot: usize, way: &[usize]) -> usize {
        way.iter().fold(0, |number, scope| number * (self.scopes + 1) + scope + 1) * self.slots + slot
    }

    pub(super) fn recall(&self, slot: usize, way: &[usize], part: usize) -> Option<bool> {
        let slot = self.slot(slot, way);
        let row = self.rows.get(&part)?;
        let pair = self.bits.get(row + slot / SLOTS_IN_WORD)? >> shift(slot);
        (pair & KNOWN != 0).then_some(pair & FITS != 0)
    }

    pub(super) fn remember(&mut self, slot: usize, way: &[usize], part: usize, fits: bool) {
        let slot = self.slot(slot, way);
        let row = *self.rows.entry(part).or_insert_with(|| {
            let row = self.bits.len();
            self.bits.resize(row + self.words, 0);
            row
        });
        if let Some(word) = self.bits.get_mut(row + slot / SLOTS_IN_WORD) {
            *word |= (KNOWN | if fits { FITS } else { 0 }) << shift(slot);
        }
    }
}

fn shift(slot: usize) -> usize {
    slot % SLOTS_IN_WORD * 2
}

const SLOTS_IN_WORD: usize = 32;
const KNOWN: u64 = 1;
const FITS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_kept_apart() {
        let mut memory = Memory::of(65, 2);
        let ways: [&[usize]; 5] = [&[], &[0], &[1], &[0, 1], &[1, 0]];
        let all =
            || (0..65).flat_map(|slot| ways.into_iter().enumerate().map(move |(number, way)| (slot, number, way)));
        for (slot, number, way) in all() {
            assert_eq!(memory.recall(slot, way, 7), None);
            memory.remember(slot, way, 7, (slot + number) % 3 == 0);
            memory.remember(slot, way, 8, (slot + number) % 3 != 0);
        }
        for (slot, number, way) in all() {
            assert_eq!(memory.recall(slot, way, 7), Some((slot + number) % 3 == 0));
            assert_eq!(memory.recall(slot, way, 8), Some((slot + number) % 3 != 0));
        }
    }
}
