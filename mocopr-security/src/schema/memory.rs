//! What a check remembers: which subschemas a part of the value was found to fit, and which not.
//!
//! Two bits for each subschema and part, so that a value of many parts does not need much more memory than it has.
//! A part is known by its address, which is its own while the value is borrowed.

use std::collections::HashMap;

/// The verdicts of one check.
#[derive(Debug)]
pub(super) struct Memory {
    /// Words a part.
    words: usize,
    /// Where the words of a part begin.
    rows: HashMap<usize, usize>,
    bits: Vec<u64>,
}

impl Memory {
    pub(super) fn new(slots: usize) -> Self {
        Self { words: slots.div_ceil(SLOTS_IN_WORD), rows: HashMap::new(), bits: Vec::new() }
    }

    pub(super) fn recall(&self, slot: usize, part: usize) -> Option<bool> {
        let row = self.rows.get(&part)?;
        let pair = self.bits.get(row + slot / SLOTS_IN_WORD)? >> shift(slot);
        (pair & KNOWN != 0).then_some(pair & FITS != 0)
    }

    pub(super) fn remember(&mut self, slot: usize, part: usize, fits: bool) {
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
        let mut memory = Memory::new(65);
        for slot in 0..65 {
            assert_eq!(memory.recall(slot, 7), None);
            memory.remember(slot, 7, slot % 3 == 0);
            memory.remember(slot, 8, slot % 3 != 0);
        }
        for slot in 0..65 {
            assert_eq!(memory.recall(slot, 7), Some(slot % 3 == 0));
            assert_eq!(memory.recall(slot, 8), Some(slot % 3 != 0));
        }
    }
}
