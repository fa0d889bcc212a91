//! The values, the order in which they expire and were put, and the sums, in step with each other.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
    time::Duration,
};

use super::{MemoryEntry, MemoryError, MemoryItem, MemoryRange, Rules, WhenFull};

/// All values of all tenants.
#[derive(Default)]
pub(super) struct Shelf {
    tenants: HashMap<Option<Arc<str>>, Tenant>,
    /// Of each slot its expiry and number, which no other slot has.
    expiry: BTreeMap<(Duration, u64), Gone>,
    used: usize,
    count: usize,
    numbers: u64,
}

/// The values of one tenant, in the order of their keys.
#[derive(Default)]
struct Tenant {
    slots: BTreeMap<Arc<str>, Slot>,
    /// Of each slot its number: the order in which they were put.
    age: BTreeMap<u64, Arc<str>>,
    used: usize,
}

/// One value.
pub(super) struct Slot {
    item: MemoryItem,
    /// On the monotonic clock.
    expires: Duration,
    number: u64,
}

/// A value that is no longer there.
#[derive(Clone)]
pub(super) struct Gone {
    pub(super) tenant: Option<Arc<str>>,
    pub(super) key: Arc<str>,
}

/// Whose value it is, under which key, and whether it took the place of another.
type Stored = (Option<Arc<str>>, Arc<str>, bool);

impl Slot {
    pub(super) fn new(item: MemoryItem, expires: Duration) -> Self {
        Self { item, expires, number: 0 }
    }

    fn lives(&self, now: Duration) -> bool {
        self.expires > now
    }
}

impl Shelf {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// Stores a value where there is room, or can be made; what had to go is added to `gone`.
    pub(super) fn put(
        &mut self,
        tenant: Option<&str>,
        key: &str,
        slot: Slot,
        rules: &Rules,
        now: Duration,
        gone: &mut Vec<Gone>,
    ) -> Result<Stored, MemoryError> {
        let cost = cost(key, &slot.item);
        if !self.has_room(tenant, key, cost, rules) {
            gone.append(&mut self.sweep(now, usize::MAX));
        }
        match rules.when_full {
            WhenFull::Refuse => {}
            WhenFull::EvictOldest => self.evict(tenant, key, cost, rules, gone),
        }
        if !self.has_room(tenant, key, cost, rules) {
            return Err(MemoryError::Full);
        }
        // One that has expired and was not swept yet is gone, not replaced; the sum of both is the same.
        let replaced = self.find(tenant, key).is_some_and(|earlier| earlier.lives(now));
        let earlier = self.take(tenant, key);
        let tenant = self.tenant_name(tenant);
        let key = earlier.map_or_else(|| Arc::from(key), |Gone { key, .. }| key);
        self.insert(tenant.clone(), key.clone(), slot, cost);
        Ok((tenant, key, replaced))
    }

    pub(super) fn read(&self, tenant: Option<&str>, key: &str, now: Duration) -> Option<MemoryItem> {
        self.find(tenant, key).filter(|slot| slot.lives(now)).map(|slot| slot.item.clone())
    }

    /// Removes a value that has not expired.
    pub(super) fn remove(&mut self, tenant: Option<&str>, key: &str, now: Duration) -> Option<Gone> {
        if !self.find(tenant, key)?.lives(now) {
            return None;
        }
        self.take(tenant, key)
    }

    pub(super) fn list(&self, tenant: Option<&str>, range: MemoryRange<'_>, now: Duration) -> Vec<MemoryEntry> {
        let MemoryRange { prefix, after, limit } = range;
        let Some(tenant) = self.tenants.get(&tenant.map(Arc::from)) else { return Vec::new() };
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        tenant
            .slots
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, slot)| slot.lives(now))
            .take(limit)
            .map(|(key, slot)| MemoryEntry {
                key: key.clone(),
                mime_type: slot.item.mime_type.clone(),
                size: slot.item.size(),
            })
            .collect()
    }

    /// Removes at most `most` of what has expired; costs nothing but a look where nothing has.
    pub(super) fn sweep(&mut self, now: Duration, most: usize) -> Vec<Gone> {
        let mut swept = Vec::new();
        while swept.len() < most {
            let Some(first) = self.expiry.first_entry() else { break };
            if first.key().0 > now {
                break;
            }
            let gone = first.get().clone();
            let Some(gone) = self.take(gone.tenant.as_deref(), &gone.key) else { break };
            swept.push(gone);
        }
        swept
    }

    /// Removes the oldest values of the tenant until there is room, unless there could never be.
    fn evict(&mut self, tenant: Option<&str>, key: &str, cost: usize, rules: &Rules, gone: &mut Vec<Gone>) {
        let own = self.tenants.get(&tenant.map(Arc::from)).map_or(0, |tenant| tenant.used);
        let others = self.used.saturating_sub(own);
        let alone = cost.saturating_add(tenant_cost(tenant));
        let fits = others.saturating_add(alone) <= rules.limit
            && rules.tenant_limit.is_none_or(|tenant_limit| alone <= tenant_limit);
        if !fits {
            return;
        }
        while !self.has_room(tenant, key, cost, rules) {
            let oldest = self
                .tenants
                .get(&tenant.map(Arc::from))
                .and_then(|tenant| tenant.age.values().find(|oldest| ***oldest != *key).cloned());
            let Some(evicted) = oldest.and_then(|oldest| self.take(tenant, &oldest)) else { return };
            gone.push(evicted);
        }
    }

    /// Whether a value of that cost fits in the place of an earlier one.
    fn has_room(&self, tenant: Option<&str>, key: &str, cost: usize, rules: &Rules) -> bool {
        let known = self.tenants.get(&tenant.map(Arc::from));
        let earlier = known.and_then(|tenant| tenant.slots.get(key)).map_or(0, |slot| self::cost(key, &slot.item));
        let more = if known.is_some() { cost } else { cost.saturating_add(tenant_cost(tenant)) };
        let fits = |used: usize, limit: usize| used.saturating_sub(earlier).saturating_add(more) <= limit;
        fits(self.used, rules.limit)
            && rules.tenant_limit.is_none_or(|limit| fits(known.map_or(0, |tenant| tenant.used), limit))
    }

    fn find(&self, tenant: Option<&str>, key: &str) -> Option<&Slot> {
        self.tenants.get(&tenant.map(Arc::from))?.slots.get(key)
    }

    /// The one copy of a tenant's name.
    fn tenant_name(&self, tenant: Option<&str>) -> Option<Arc<str>> {
        let name = tenant.map(Arc::from);
        self.tenants.get_key_value(&name).map_or(name.clone(), |(known, _)| known.clone())
    }

    fn insert(&mut self, tenant: Option<Arc<str>>, key: Arc<str>, slot: Slot, cost: usize) {
        let own = tenant_cost(tenant.as_deref());
        let number = self.numbers;
        self.numbers += 1;
        self.expiry.insert((slot.expires, number), Gone { tenant: tenant.clone(), key: key.clone() });
        let shelf = self.tenants.entry(tenant).or_insert_with(|| {
            self.used += own;
            Tenant { used: own, ..Tenant::default() }
        });
        shelf.age.insert(number, key.clone());
        shelf.slots.insert(key, Slot { number, ..slot });
        shelf.used += cost;
        self.used += cost;
        self.count += 1;
    }

    /// Takes a value out, and its tenant's place with the last one.
    fn take(&mut self, tenant: Option<&str>, key: &str) -> Option<Gone> {
        let name = tenant.map(Arc::from);
        let shelf = self.tenants.get_mut(&name)?;
        let (key, slot) = shelf.slots.remove_entry(key)?;
        shelf.age.remove(&slot.number);
        self.expiry.remove(&(slot.expires, slot.number));
        let cost = cost(&key, &slot.item);
        shelf.used -= cost;
        self.used -= cost;
        self.count -= 1;
        if shelf.slots.is_empty() {
            self.tenants.remove(&name);
            self.used -= tenant_cost(tenant);
        }
        Some(Gone { tenant: name, key })
    }
}

fn cost(key: &str, item: &MemoryItem) -> usize {
    let mime_type = item.mime_type.as_ref().map_or(0, |mime_type| mime_type.len());
    MemoryItem::OVERHEAD.saturating_add(key.len()).saturating_add(mime_type).saturating_add(item.size())
}

fn tenant_cost(tenant: Option<&str>) -> usize {
    MemoryItem::TENANT_OVERHEAD.saturating_add(tenant.map_or(0, str::len))
}
