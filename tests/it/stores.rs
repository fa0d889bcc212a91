//! What every store promises, run against each of them through its public door.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use mocopr_core::{
    clock::ManualClock,
    store::{Key, KeyParts, Keyspace, MemoryStore, Store, StoreCapacity, StoreErrorKind},
};
use tokio::{sync::Barrier, task::JoinSet};

/// A store under test, and the clock by which its entries expire.
struct Subject {
    store: Arc<dyn Store>,
    clock: ManualClock,
}

impl Subject {
    fn memory() -> Self {
        Self::memory_of(StoreCapacity::default())
    }

    fn memory_of(capacity: StoreCapacity) -> Self {
        let clock = ManualClock::new();
        Self { store: Arc::new(MemoryStore::new(capacity, Arc::new(clock.clone()))), clock }
    }

    async fn value(&self, key: &Key) -> Option<Bytes> {
        self.store.get(key).await.unwrap().map(|entry| entry.value)
    }

    async fn put(&self, key: &Key, value: &'static str) -> Result<(), StoreErrorKind> {
        self.store.put(key, value.into(), MINUTE).await.map_err(|error| error.kind())
    }
}

#[tokio::test]
async fn memory_store_keeps_the_contract() {
    contract(Subject::memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_store_is_atomic() {
    atomicity(Subject::memory).await;
}

/// What one caller at a time can see.
async fn contract(make: impl Fn() -> Subject) {
    absent_entries_are_absent(make()).await;
    put_replaces_and_put_new_does_not(make()).await;
    take_gives_a_value_once(make()).await;
    swap_needs_the_version_that_stands(make()).await;
    versions_do_not_come_back(make()).await;
    expired_entries_are_absent_at_once(make()).await;
    writing_again_starts_the_time_anew(make()).await;
    zero_time_is_over_at_once(make()).await;
    endless_time_does_not_overflow(make()).await;
    keys_that_differ_in_one_part_are_apart(make()).await;
}

/// What many callers at a time can see.
async fn atomicity(make: impl Fn() -> Subject) {
    one_of_many_writes_a_new_entry(make()).await;
    one_of_many_takes_an_entry(make()).await;
    no_swap_is_lost(make()).await;
}

async fn absent_entries_are_absent(subject: Subject) {
    assert_eq!(subject.store.get(&key("a")).await.unwrap(), None);
    assert_eq!(subject.store.take(&key("a")).await.unwrap(), None);
    assert!(!subject.store.swap(&key("a"), 1, "x".into(), MINUTE).await.unwrap());
    assert_eq!(subject.value(&key("a")).await, None, "a failed swap writes nothing");
}

async fn put_replaces_and_put_new_does_not(subject: Subject) {
    assert!(subject.store.put_new(&key("a"), "1".into(), MINUTE).await.unwrap());
    assert!(!subject.store.put_new(&key("a"), "2".into(), MINUTE).await.unwrap());
    assert_eq!(subject.value(&key("a")).await, Some("1".into()));
    subject.put(&key("a"), "3").await.unwrap();
    assert_eq!(subject.value(&key("a")).await, Some("3".into()));
    subject.put(&key("b"), "").await.unwrap();
    assert_eq!(subject.value(&key("b")).await, Some(Bytes::new()));
}

async fn take_gives_a_value_once(subject: Subject) {
    subject.put(&key("a"), "1").await.unwrap();
    assert_eq!(subject.store.take(&key("a")).await.unwrap(), Some("1".into()));
    assert_eq!(subject.store.take(&key("a")).await.unwrap(), None);
    assert!(subject.store.put_new(&key("a"), "2".into(), MINUTE).await.unwrap());
}

async fn swap_needs_the_version_that_stands(subject: Subject) {
    subject.put(&key("a"), "1").await.unwrap();
    let first = subject.store.get(&key("a")).await.unwrap().unwrap().version;
    assert!(subject.store.swap(&key("a"), first, "2".into(), MINUTE).await.unwrap());
    assert!(!subject.store.swap(&key("a"), first, "3".into(), MINUTE).await.unwrap());
    assert_eq!(subject.value(&key("a")).await, Some("2".into()));
}

async fn versions_do_not_come_back(subject: Subject) {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        subject.put(&key("a"), "1").await.unwrap();
        assert!(seen.insert(subject.store.get(&key("a")).await.unwrap().unwrap().version));
        subject.store.take(&key("a")).await.unwrap();
    }
}

async fn expired_entries_are_absent_at_once(subject: Subject) {
    subject.put(&key("a"), "1").await.unwrap();
    let version = subject.store.get(&key("a")).await.unwrap().unwrap().version;
    subject.clock.advance(MINUTE - Duration::from_millis(1));
    assert_eq!(subject.value(&key("a")).await, Some("1".into()));
    subject.clock.advance(Duration::from_millis(1));
    assert_eq!(subject.value(&key("a")).await, None);
    assert!(!subject.store.swap(&key("a"), version, "2".into(), MINUTE).await.unwrap());
    assert_eq!(subject.store.take(&key("a")).await.unwrap(), None);
    assert!(subject.store.put_new(&key("a"), "3".into(), MINUTE).await.unwrap());
}

async fn writing_again_starts_the_time_anew(subject: Subject) {
    subject.put(&key("a"), "1").await.unwrap();
    subject.clock.advance(MINUTE / 2);
    subject.put(&key("a"), "2").await.unwrap();
    subject.clock.advance(MINUTE / 2);
    // A write elsewhere may remove what has expired, but not what was written again.
    subject.put(&key("b"), "x").await.unwrap();
    assert_eq!(subject.value(&key("a")).await, Some("2".into()));
    let version = subject.store.get(&key("a")).await.unwrap().unwrap().version;
    assert!(subject.store.swap(&key("a"), version, "3".into(), Duration::from_secs(1)).await.unwrap());
    subject.clock.advance(Duration::from_secs(1));
    assert_eq!(subject.value(&key("a")).await, None, "a shorter time counts as well");
}

async fn zero_time_is_over_at_once(subject: Subject) {
    subject.store.put(&key("a"), "1".into(), Duration::ZERO).await.unwrap();
    assert_eq!(subject.value(&key("a")).await, None);
}

async fn endless_time_does_not_overflow(subject: Subject) {
    subject.clock.advance(MINUTE);
    subject.store.put(&key("a"), "1".into(), Duration::MAX).await.unwrap();
    subject.clock.advance(MINUTE);
    assert_eq!(subject.value(&key("a")).await, Some("1".into()));
}

async fn keys_that_differ_in_one_part_are_apart(subject: Subject) {
    let base = KeyParts { keyspace: Keyspace::Session, tenant: "t", principal: "p", id: b"i" };
    let all = [
        base,
        KeyParts { keyspace: Keyspace::UsedOnce, ..base },
        KeyParts { keyspace: Keyspace::Revocation, ..base },
        KeyParts { keyspace: Keyspace::Counter, ..base },
        KeyParts { tenant: "tp", principal: "", ..base },
        KeyParts { tenant: "", principal: "tp", ..base },
        KeyParts { principal: "", id: b"pi", ..base },
        KeyParts { id: b"", ..base },
    ];
    for parts in all {
        assert!(subject.store.put_new(&Key::new(parts), "1".into(), MINUTE).await.unwrap(), "{parts:?}");
    }
}

async fn one_of_many_writes_a_new_entry(subject: Subject) {
    let won = race(&subject, |store, n| async move {
        store.put_new(&key("a"), n.to_string().into(), MINUTE).await.unwrap().then_some(n)
    })
    .await;
    assert_eq!(won.len(), 1);
    assert_eq!(subject.value(&key("a")).await, won.first().map(|n| n.to_string().into()));
}

async fn one_of_many_takes_an_entry(subject: Subject) {
    subject.put(&key("a"), "1").await.unwrap();
    let won = race(&subject, |store, n| async move { store.take(&key("a")).await.unwrap().map(|_| n) }).await;
    assert_eq!(won.len(), 1);
}

async fn no_swap_is_lost(subject: Subject) {
    const EACH: usize = 20;
    subject.put(&key("a"), "0").await.unwrap();
    let done = race(&subject, |store, n| async move {
        let mut left = EACH;
        while left > 0 {
            let entry = store.get(&key("a")).await.unwrap().unwrap();
            let count: usize = std::str::from_utf8(&entry.value).unwrap().parse().unwrap();
            if store.swap(&key("a"), entry.version, (count + 1).to_string().into(), MINUTE).await.unwrap() {
                left -= 1;
            }
            tokio::task::yield_now().await;
        }
        Some(n)
    })
    .await;
    assert_eq!(done.len(), TASKS);
    assert_eq!(subject.value(&key("a")).await, Some((TASKS * EACH).to_string().into()));
}

#[tokio::test]
async fn full_store_refuses_new_entries_and_drops_none() {
    let subject = Subject::memory_of(StoreCapacity { entries: 100, bytes: usize::MAX });
    for n in 0..100 {
        subject.put(&key(&n.to_string()), "old").await.unwrap();
    }
    let refused = subject.store.put_new(&key("more"), "new".into(), MINUTE).await.unwrap_err();
    assert_eq!((refused.kind(), refused.to_string().as_str()), (StoreErrorKind::Full, "the store is full"));
    assert_eq!(subject.put(&key("more"), "new").await, Err(StoreErrorKind::Full));
    for n in 0..100 {
        assert!(!subject.store.put_new(&key(&n.to_string()), "new".into(), MINUTE).await.unwrap(), "{n} was dropped");
    }
    subject.put(&key("7"), "in its place").await.unwrap();
    subject.store.take(&key("7")).await.unwrap();
    subject.put(&key("more"), "new").await.unwrap();
}

#[tokio::test]
async fn full_store_makes_room_of_what_has_expired() {
    let subject = Subject::memory_of(StoreCapacity { entries: 100, bytes: usize::MAX });
    for n in 0..100 {
        subject.put(&key(&n.to_string()), "old").await.unwrap();
    }
    subject.clock.advance(MINUTE);
    for n in 100..200 {
        subject.put(&key(&n.to_string()), "new").await.unwrap();
    }
    assert_eq!(subject.put(&key("more"), "new").await, Err(StoreErrorKind::Full));
}

#[tokio::test]
async fn bytes_of_key_value_and_overhead_are_bounded_exactly() {
    let one = StoreCapacity::ENTRY_OVERHEAD + key("a").as_bytes().len();
    let subject = Subject::memory_of(StoreCapacity { entries: 10, bytes: 2 * one + 4 });
    subject.put(&key("a"), "12").await.unwrap();
    assert_eq!(subject.put(&key("b"), "123").await, Err(StoreErrorKind::Full));
    subject.put(&key("b"), "12").await.unwrap();
    assert_eq!(subject.put(&key("a"), "123").await, Err(StoreErrorKind::Full));
    assert_eq!(subject.value(&key("a")).await, Some("12".into()), "a refused write leaves what stood");
    subject.put(&key("a"), "1").await.unwrap();
    subject.put(&key("b"), "123").await.unwrap();
    subject.store.take(&key("a")).await.unwrap();
    subject.put(&key("a"), "1").await.unwrap();
    assert_eq!(subject.put(&key("a"), "12").await, Err(StoreErrorKind::Full));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn capacity_holds_under_concurrency() {
    let subject = Subject::memory_of(StoreCapacity { entries: 20, bytes: usize::MAX });
    let written = race(&subject, |store, n| async move {
        store.put_new(&key(&n.to_string()), "x".into(), MINUTE).await.is_ok().then_some(n)
    })
    .await;
    assert_eq!(written.len(), 20);
    subject.clock.advance(MINUTE);
    let again = race(&subject, |store, n| async move {
        store.put_new(&key(&n.to_string()), "x".into(), MINUTE).await.is_ok().then_some(n)
    })
    .await;
    assert_eq!(again.len(), 20, "room that expired is given back once");
}

/// S-71
#[tokio::test]
async fn what_one_caller_uses_once_fills_a_part_of_the_store_and_leaves_the_rest_to_others() {
    let subject = Subject::memory_of(StoreCapacity { entries: 16_000, bytes: usize::MAX });
    let key = |principal: &str, n: usize| {
        let id = n.to_string();
        Key::new(KeyParts { keyspace: Keyspace::UsedOnce, tenant: "", principal, id: id.as_bytes() })
    };
    for n in 0..2_000 {
        assert!(subject.store.put_new(&key("alice", n), "".into(), MINUTE).await.unwrap());
    }
    let refused = subject.store.put_new(&key("alice", 2_000), "".into(), MINUTE).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Full);
    assert!(subject.store.put_new(&key("bob", 2_000), "".into(), MINUTE).await.unwrap());
    assert!(!subject.store.put_new(&key("alice", 7), "".into(), MINUTE).await.unwrap(), "nothing was forgotten");
    subject.store.take(&key("alice", 7)).await.unwrap();
    assert!(subject.store.put_new(&key("alice", 2_000), "".into(), MINUTE).await.unwrap());
    subject.clock.advance(MINUTE);
    for n in 0..2_000 {
        assert!(subject.store.put_new(&key("alice", n), "".into(), MINUTE).await.unwrap(), "{n} after the others");
    }
}

/// S-71
#[tokio::test]
async fn what_one_caller_uses_once_fills_a_part_of_the_bytes() {
    let subject = Subject::memory_of(StoreCapacity { entries: usize::MAX, bytes: 8 << 20 });
    let kept = async |principal: &str| {
        let mut kept = 0;
        loop {
            let id = format!("{kept:0>1000}");
            let key = Key::new(KeyParts { keyspace: Keyspace::UsedOnce, tenant: "", principal, id: id.as_bytes() });
            match subject.store.put_new(&key, "".into(), MINUTE).await {
                Ok(_) => kept += 1,
                Err(_) => return kept,
            }
        }
    };
    let (alice, bob) = (kept("alice").await, kept("bob").await);
    assert!((700..900).contains(&alice) && (700..900).contains(&bob), "{alice} {bob}");
}

#[tokio::test]
async fn store_that_may_hold_nothing_refuses_everything() {
    for capacity in [StoreCapacity { entries: 0, bytes: usize::MAX }, StoreCapacity { entries: 1, bytes: 0 }] {
        assert_eq!(Subject::memory_of(capacity).put(&key("a"), "").await, Err(StoreErrorKind::Full));
    }
}

#[tokio::test]
async fn operation_that_is_dropped_unpolled_does_nothing() {
    let subject = Subject::memory();
    drop(subject.store.put(&key("a"), "1".into(), MINUTE));
    assert_eq!(subject.value(&key("a")).await, None);
}

/// Runs `act` in many tasks that begin together; what they answer other than `None`.
async fn race<F>(subject: &Subject, act: impl Fn(Arc<dyn Store>, usize) -> F) -> Vec<usize>
where
    F: Future<Output = Option<usize>> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for n in 0..TASKS {
        let (barrier, act) = (Arc::clone(&barrier), act(Arc::clone(&subject.store), n));
        tasks.spawn(async move {
            barrier.wait().await;
            act.await
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

fn key(id: &str) -> Key {
    Key::new(KeyParts { keyspace: Keyspace::UsedOnce, tenant: "", principal: "alice", id: id.as_bytes() })
}

const TASKS: usize = 64;
const MINUTE: Duration = Duration::from_secs(60);
