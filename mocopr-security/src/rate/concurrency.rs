//! How many at a time: slots that are counted for each key and given back when they are dropped.
//!
//! A key is remembered only while it holds a slot, so the table is as small as what runs.

use std::{
    fmt,
    hash::Hash,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use dashmap::{DashMap, Entry};

/// Slots for each key, and for all of them together. A copy counts the same slots.
///
/// ```
/// use std::num::NonZeroUsize;
/// use mocopr_security::rate::Concurrency;
///
/// let calls = Concurrency::new(NonZeroUsize::MAX);
/// let slot = calls.enter(&"alice", 1);
/// assert!(slot.is_some() && calls.enter(&"alice", 1).is_none() && calls.enter(&"bob", 1).is_some());
/// drop(slot);
/// assert!(calls.enter(&"alice", 1).is_some());
/// ```
pub struct Concurrency<K>(Arc<Table<K>>);

/// A slot in use; dropping it gives it back.
#[must_use = "a slot that is dropped at once limits nothing"]
pub struct Slot<K: Hash + Eq> {
    table: Arc<Table<K>>,
    key: K,
}

struct Table<K> {
    in_use: DashMap<K, usize>,
    all: AtomicUsize,
    most_of_all: NonZeroUsize,
}

impl<K: Hash + Eq + Clone> Concurrency<K> {
    /// No slot in use, and at most `most_of_all` at a time; that is also the most keys that are remembered.
    pub fn new(most_of_all: NonZeroUsize) -> Self {
        Self(Arc::new(Table { in_use: DashMap::new(), all: AtomicUsize::new(0), most_of_all }))
    }

    /// A slot for that key, or `None` where it has `most` already or all together have theirs. Never waits.
    pub fn enter(&self, key: &K, most: usize) -> Option<Slot<K>> {
        let table = &self.0;
        let within = |all: usize| (all < table.most_of_all.get()).then_some(all + 1);
        table.all.fetch_update(Ordering::AcqRel, Ordering::Acquire, within).ok()?;
        let entered = match table.in_use.entry(key.clone()) {
            Entry::Occupied(mut count) if *count.get() < most => {
                *count.get_mut() += 1;
                true
            }
            Entry::Vacant(place) if most > 0 => {
                place.insert(1);
                true
            }
            Entry::Occupied(_) | Entry::Vacant(_) => false,
        };
        if !entered {
            table.all.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Slot { table: Arc::clone(table), key: key.clone() })
    }

    /// How many slots are in use.
    pub fn in_use(&self) -> usize {
        self.0.all.load(Ordering::Acquire)
    }

    /// How many keys hold a slot.
    pub fn keys(&self) -> usize {
        self.0.in_use.len()
    }
}

impl<K> Clone for Concurrency<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq> Drop for Slot<K> {
    fn drop(&mut self) {
        self.table.in_use.remove_if_mut(&self.key, |_, count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
        self.table.all.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<K> fmt::Debug for Concurrency<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concurrency").field("in_use", &self.0.all).finish_non_exhaustive()
    }
}

impl<K: Hash + Eq> fmt::Debug for Slot<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}
