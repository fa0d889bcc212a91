//! What was found out of tokens lately, bounded without ever searching for what is old.

use std::{collections::HashMap, mem};

/// Values by the digests of their tokens, `HALF` of them at least and twice as many at most.
///
/// Two maps of which the younger takes what is new. When it is full it takes the place of the older, so each value
/// stays until as many newer ones came.
pub(crate) struct Lately<V, const HALF: usize> {
    younger: HashMap<[u8; 32], V>,
    older: HashMap<[u8; 32], V>,
}

impl<V, const HALF: usize> Lately<V, HALF> {
    /// The value of that token.
    pub(crate) fn find(&self, name: &[u8; 32]) -> Option<&V> {
        self.younger.get(name).or_else(|| self.older.get(name))
    }

    /// Keeps the value of that token, in the place of an earlier one.
    pub(crate) fn keep(&mut self, name: [u8; 32], value: V) {
        if self.younger.len() >= HALF {
            self.older = mem::take(&mut self.younger);
        }
        // Otherwise an older value could outlive the newer one.
        self.older.remove(&name);
        self.younger.insert(name, value);
    }

    /// Keeps no value of that token.
    pub(crate) fn forget(&mut self, name: &[u8; 32]) {
        self.younger.remove(name);
        self.older.remove(name);
    }
}

impl<V, const HALF: usize> Default for Lately<V, HALF> {
    fn default() -> Self {
        Self { younger: HashMap::new(), older: HashMap::new() }
    }
}
