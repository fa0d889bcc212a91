//! The store in this process: bounded in entries and bytes, expiring, sharded.
//!
//! A shard keeps its entries and the order in which they expire under one lock, so the two cannot disagree; each
//! operation takes that lock once and holds it for no call out and no `.await`. A full store refuses: nothing that
//! lives is ever dropped for something new, since a used-once id that is forgotten can be used again. So that no caller
//! can have it refuse to others, the used-once ids of one are a part of it at most.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use crate::{
    clock::Clock,
    store::{Entry, Key, Store, StoreError, StoreFuture},
};

/// A store in the memory of this process; what it holds ends with it.
///
/// Reading costs one lock and one look-up. Writing also keeps the order of expiry, which is logarithmic, and removes
/// what has expired in the same shard. A value is copied, so that it never keeps a larger message alive.
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    budget: Budget,
    versions: AtomicU64,
    clock: Arc<dyn Clock>,
}

/// How much a [`MemoryStore`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreCapacity {
    /// The most entries that live at a time; zero refuses all.
    pub entries: usize,
    /// The most bytes of all keys and values, with [`StoreCapacity::ENTRY_OVERHEAD`] for each entry.
    pub bytes: usize,
}

impl StoreCapacity {
    /// What an entry is counted for beside its key and its value, in bytes: its places in the two maps.
    pub const ENTRY_OVERHEAD: usize = 256;
}

/// 100,000 entries in 64 MiB: ten times the sessions that the strict profile allows.
impl Default for StoreCapacity {
    fn default() -> Self {
        Self { entries: 100_000, bytes: 64 * 1024 * 1024 }
    }
}

impl MemoryStore {
    /// An empty store of that capacity, whose entries expire by the monotonic time of `clock`.
    pub fn new(capacity: StoreCapacity, clock: Arc<dyn Clock>) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            budget: Budget::new(capacity),
            versions: AtomicU64::new(1),
            clock,
        }
    }

    fn write(&self, key: &Key, value: &Bytes, ttl: Duration, condition: Condition) -> Result<bool, StoreError> {
        if let Some(written) = self.try_write(key, value, ttl, condition) {
            return Ok(written);
        }
        // Other shards may hold what has expired: they are swept one after the other, never two locked at a time.
        let now = self.clock.now();
        for shard in &self.shards {
            lock(shard).sweep(now, &self.budget);
        }
        self.try_write(key, value, ttl, condition).ok_or_else(StoreError::full)
    }

    /// Whether it was written, or `None` where there is no room.
    fn try_write(&self, key: &Key, value: &Bytes, ttl: Duration, condition: Condition) -> Option<bool> {
        let mut shard = self.shard(key)?;
        let now = self.clock.now();
        shard.sweep(now, &self.budget);
        let earlier = shard.slots.get(key);
        let holds = match condition {
            Condition::Always => true,
            Condition::Absent => earlier.is_none(),
            Condition::Version(expected) => earlier.is_some_and(|slot| slot.entry.version == expected),
        };
        if !holds {
            return Some(false);
        }
        if !self.budget.exchange(key, earlier.map(|slot| cost(key, &slot.entry.value)), cost(key, value)) {
            return None;
        }
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        let entry = Entry { value: Bytes::copy_from_slice(value), version };
        shard.insert(key.clone(), Slot { entry, expires: now.saturating_add(ttl) });
        Some(true)
    }

    fn read(&self, key: &Key) -> Option<Entry> {
        let shard = self.shard(key)?;
        let slot = shard.slots.get(key)?;
        (slot.expires > self.clock.now()).then(|| slot.entry.clone())
    }

    fn remove(&self, key: &Key) -> Option<Bytes> {
        let mut shard = self.shard(key)?;
        shard.sweep(self.clock.now(), &self.budget);
        let slot = shard.remove(key)?;
        self.budget.give_back(key, cost(key, &slot.entry.value));
        Some(slot.entry.value)
    }

    /// The shard of that key, locked.
    fn shard(&self, key: &Key) -> Option<MutexGuard<'_, Shard>> {
        let shards = u64::try_from(SHARDS).ok()?;
        let index = usize::try_from(self.hasher.hash_one(key) % shards).ok()?;
        self.shards.get(index).map(lock)
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Entry>> {
        Box::pin(async move { Ok(self.read(key)) })
    }

    fn put<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Duration) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.write(key, &value, ttl, Condition::Always).map(drop) })
    }

    fn put_new<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Duration) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.write(key, &value, ttl, Condition::Absent) })
    }

    fn take<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(async move { Ok(self.remove(key)) })
    }

    fn swap<'a>(&'a self, key: &'a Key, expected: u64, value: Bytes, ttl: Duration) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.write(key, &value, ttl, Condition::Version(expected)) })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("budget", &self.budget).finish_non_exhaustive()
    }
}

/// When a write happens.
#[derive(Clone, Copy)]
enum Condition {
    Always,
    Absent,
    Version(u64),
}

/// A part of the entries, and the order in which they expire.
#[derive(Default)]
struct Shard {
    slots: HashMap<Key, Slot>,
    /// Of each slot its expiry and version, which no other slot has.
    expiry: BTreeMap<(Duration, u64), Key>,
}

struct Slot {
    entry: Entry,
    /// On the monotonic clock.
    expires: Duration,
}

impl Shard {
    fn insert(&mut self, key: Key, slot: Slot) {
        let order = (slot.expires, slot.entry.version);
        if let Some(earlier) = self.slots.insert(key.clone(), slot) {
            self.expiry.remove(&(earlier.expires, earlier.entry.version));
        }
        self.expiry.insert(order, key);
    }

    fn remove(&mut self, key: &Key) -> Option<Slot> {
        let slot = self.slots.remove(key)?;
        self.expiry.remove(&(slot.expires, slot.entry.version));
        Some(slot)
    }

    /// Removes what has expired; costs nothing but a look where nothing has.
    fn sweep(&mut self, now: Duration, budget: &Budget) {
        while let Some(first) = self.expiry.first_entry() {
            if first.key().0 > now {
                return;
            }
            let key = first.remove();
            if let Some(slot) = self.slots.remove(&key) {
                budget.give_back(&key, cost(&key, &slot.entry.value));
            }
        }
    }
}

/// What is in use, of entries and of bytes.
#[derive(Debug)]
struct Budget {
    capacity: StoreCapacity,
    entries: AtomicUsize,
    bytes: AtomicUsize,
    /// What each caller has of both, where it has any. Locked under the lock of a shard, and never the other way about.
    spent: Mutex<HashMap<Box<[u8]>, Spent>>,
}

/// What one caller has.
#[derive(Debug, Default)]
struct Spent {
    entries: usize,
    bytes: usize,
}

impl Budget {
    fn new(capacity: StoreCapacity) -> Self {
        Self { capacity, entries: AtomicUsize::new(0), bytes: AtomicUsize::new(0), spent: Mutex::default() }
    }

    /// Takes room for an entry in the place of an earlier one, or leaves everything as it was.
    fn exchange(&self, key: &Key, earlier: Option<usize>, cost: usize) -> bool {
        let new_entries = usize::from(earlier.is_none());
        let freed = earlier.unwrap_or(0);
        if !self.spend(key, new_entries, freed, cost) {
            return false;
        }
        if !add(&self.entries, new_entries, self.capacity.entries) {
            self.unspend(key, new_entries, cost, freed);
            return false;
        }
        if !add(&self.bytes, cost.saturating_sub(freed), self.capacity.bytes) {
            self.entries.fetch_sub(new_entries, Ordering::AcqRel);
            self.unspend(key, new_entries, cost, freed);
            return false;
        }
        self.bytes.fetch_sub(freed.saturating_sub(cost), Ordering::AcqRel);
        true
    }

    fn give_back(&self, key: &Key, cost: usize) {
        self.unspend(key, 1, cost, 0);
        self.entries.fetch_sub(1, Ordering::AcqRel);
        self.bytes.fetch_sub(cost, Ordering::AcqRel);
    }

    /// Counts an entry for its caller, where its part of the store has room for it.
    fn spend(&self, key: &Key, entries: usize, freed: usize, cost: usize) -> bool {
        let Some(spender) = key.spender() else { return true };
        let mut spent = lock(&self.spent);
        let own = spent.entry(spender.into()).or_default();
        let most = StoreCapacity {
            entries: (self.capacity.entries / SHARES).max(LEAST_SHARE),
            bytes: (self.capacity.bytes / SHARES).max(LEAST_SHARE.saturating_mul(StoreCapacity::ENTRY_OVERHEAD)),
        };
        let (entries, bytes) = (own.entries + entries, own.bytes.saturating_sub(freed).saturating_add(cost));
        let is_within = entries <= most.entries && bytes <= most.bytes;
        if is_within {
            *own = Spent { entries, bytes };
        } else if own.entries == 0 {
            spent.remove(spender);
        }
        is_within
    }

    /// Takes back what was counted: so many entries, and `cost` bytes but for those that were there before.
    fn unspend(&self, key: &Key, entries: usize, cost: usize, before: usize) {
        let Some(spender) = key.spender() else { return };
        let mut spent = lock(&self.spent);
        let Some(own) = spent.get_mut(spender) else { return };
        own.entries = own.entries.saturating_sub(entries);
        own.bytes = own.bytes.saturating_sub(cost).saturating_add(before);
        if own.entries == 0 {
            spent.remove(spender);
        }
    }
}

/// Adds where the sum stays within `most`.
fn add(counter: &AtomicUsize, more: usize, most: usize) -> bool {
    let within = |used: usize| used.checked_add(more).filter(|sum| more == 0 || *sum <= most);
    counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, within).is_ok()
}

fn cost(key: &Key, value: &Bytes) -> usize {
    // The key's bytes are shared by both maps.
    StoreCapacity::ENTRY_OVERHEAD.saturating_add(key.as_bytes().len()).saturating_add(value.len())
}

/// No code that runs under a lock panics; were it to, every operation would still leave what it guards whole.
fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Enough that two of many threads rarely meet.
const SHARDS: usize = 32;

/// The used-once ids of one caller are one of so many parts of the store, of its entries and of its bytes.
const SHARES: usize = 8;

/// A part is never less than so many entries, so that a small store serves its few callers.
const LEAST_SHARE: usize = 1_024;
