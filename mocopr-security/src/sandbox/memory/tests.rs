//! Bounds, expiry, eviction and tenants of resources in memory.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use mocopr_core::clock::ManualClock;

use super::*;

const MIB: usize = 1024 * 1024;

fn item(bytes: usize) -> MemoryItem {
    MemoryItem::bytes(vec![7_u8; bytes])
}

/// What one value of a one-byte key costs beside itself.
const SMALL: usize = MemoryItem::OVERHEAD + 1;

/// A handler with room for exactly these bytes beyond the place of callers without a tenant.
fn room_for(bytes: usize) -> MemoryResourceBuilder {
    MemoryResourceHandler::builder().with_memory_limit(MemoryItem::TENANT_OVERHEAD + bytes)
}

/// S-56
#[test]
fn a_limit_holds_at_its_last_byte_and_refuses_the_next() {
    let memory = room_for(SMALL + 10).build();
    assert_eq!(memory.put(None, "a", item(11)), Err(MemoryError::Full));
    assert_eq!((memory.len(), memory.used_bytes()), (0, 0));
    assert_eq!(memory.put(None, "a", item(10)), Ok(()));
    assert_eq!(memory.used_bytes(), MemoryItem::TENANT_OVERHEAD + SMALL + 10);
    assert_eq!(memory.put(None, "b", item(0)), Err(MemoryError::Full));
    assert_eq!(memory.read(None, "a"), Some(item(10)));
}

/// S-56
#[test]
fn keys_and_mime_types_are_charged() {
    let memory = room_for(SMALL + 4).build();
    assert_eq!(memory.put(None, "abcdef", item(0)), Err(MemoryError::Full));
    assert_eq!(memory.put(None, "abcde", item(0)), Ok(()));
    assert!(memory.remove(None, "abcde"));
    assert_eq!(memory.put(None, "a", item(0).with_mime_type("a/bcd")), Err(MemoryError::Full));
    assert_eq!(memory.put(None, "a", item(0).with_mime_type("a/bc")), Ok(()));
}

/// S-56
#[test]
fn of_values_of_one_mebibyte_forty_nine_fit_fifty_mebibytes_whoever_puts_them() {
    let memory = MemoryResourceHandler::builder().with_memory_limit(50 * MIB).build();
    let (stored, value) = (AtomicUsize::new(0), item(MIB));
    thread::scope(|scope| {
        for thread in 0..4 {
            let (memory, stored, value) = (&memory, &stored, &value);
            scope.spawn(move || {
                for number in 0..51 {
                    if memory.put(None, &format!("t{thread}n{number}"), value.clone()).is_ok() {
                        stored.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!((stored.load(Ordering::SeqCst), memory.len()), (49, 49));
    assert!(memory.used_bytes() <= 50 * MIB);
}

/// S-56
#[test]
fn of_a_million_tiny_values_as_many_are_kept_as_their_overhead_allows() {
    let memory = MemoryResourceHandler::builder().with_memory_limit(MIB).build();
    let stored = (0..1_000_000).filter(|number| memory.put(None, &format!("{number:07}"), item(0)).is_ok()).count();
    assert_eq!(stored, (MIB - MemoryItem::TENANT_OVERHEAD) / (MemoryItem::OVERHEAD + 7));
    assert_eq!(memory.len(), stored);
}

#[test]
fn a_value_replaces_an_earlier_one_where_only_the_difference_fits() {
    let memory = room_for(SMALL + 10).build();
    memory.put(None, "a", item(10)).unwrap();
    assert_eq!(memory.put(None, "a", item(9)), Ok(()));
    assert_eq!(memory.put(None, "a", item(11)), Err(MemoryError::Full));
    assert_eq!((memory.read(None, "a"), memory.len()), (Some(item(9)), 1));
    assert!(memory.remove(None, "a") && !memory.remove(None, "a"));
    assert_eq!((memory.len(), memory.used_bytes()), (0, 0));
}

/// S-56
#[test]
fn what_has_expired_is_neither_read_listed_nor_counted() {
    let clock = ManualClock::new();
    let memory = room_for(2 * SMALL).with_ttl(Duration::from_secs(10)).with_clock(clock.clone()).build();
    memory.put(None, "a", item(0)).unwrap();
    clock.advance(Duration::from_millis(9_999));
    memory.put(None, "b", item(0)).unwrap();
    assert!(memory.read(None, "a").is_some());
    clock.advance(Duration::from_millis(1));
    assert!(memory.read(None, "a").is_none());
    let keys: Vec<_> = memory.list(None, MemoryRange { limit: 9, ..MemoryRange::default() }).into_iter().collect();
    assert_eq!(keys.iter().map(|entry| &*entry.key).collect::<Vec<_>>(), ["b"]);
    assert_eq!((memory.len(), memory.used_bytes()), (1, MemoryItem::TENANT_OVERHEAD + SMALL));
    assert!(!memory.remove(None, "a"));
}

/// S-56
#[test]
fn the_room_of_what_has_expired_is_given_to_what_comes() {
    let clock = ManualClock::new();
    let memory = MemoryResourceHandler::builder().with_memory_limit(MIB).with_clock(clock.clone()).build();
    let fill = |letter: char| {
        (0..10_000).filter(|number| memory.put(None, &format!("{letter}{number:06}"), item(0)).is_ok()).count()
    };
    let first = fill('a');
    assert_eq!(fill('b'), 0);
    clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(fill('c'), first);
    assert_eq!(memory.len(), first);
}

#[test]
fn one_operation_reclaims_a_bounded_number_of_expired_values() {
    let clock = ManualClock::new();
    let memory = MemoryResourceHandler::builder().with_clock(clock.clone()).build();
    for number in 0..SWEPT_AT_ONCE + 1 {
        memory.put(None, &number.to_string(), item(0)).unwrap();
    }
    clock.advance(Duration::from_secs(60 * 60));
    memory.put(None, "a", item(0)).unwrap();
    assert_eq!(memory.shelf().len(), 2);
    assert_eq!(memory.len(), 1);
}

#[test]
fn a_value_without_a_life_outlives_every_other() {
    let clock = ManualClock::new();
    let memory = MemoryResourceHandler::builder().without_ttl().with_clock(clock.clone()).build();
    memory.put(None, "a", item(0)).unwrap();
    clock.advance(Duration::from_secs(60 * 60 * 24 * 365));
    assert!(memory.read(None, "a").is_some());
}

/// S-56
#[test]
fn a_tenant_sees_only_its_own() {
    let memory = MemoryResourceHandler::builder().build();
    memory.put(Some("acme"), "a", MemoryItem::text("acme's")).unwrap();
    memory.put(Some("bolt"), "a", MemoryItem::text("bolt's")).unwrap();
    let read = |tenant, key| memory.read(tenant, key).and_then(|item| item.as_text().map(str::to_owned));
    assert_eq!(read(Some("acme"), "a").as_deref(), Some("acme's"));
    assert_eq!(read(Some("bolt"), "a").as_deref(), Some("bolt's"));
    assert_eq!((read(None, "a"), read(Some(""), "a"), read(Some("acme"), "b")), (None, None, None));
    assert!(!memory.remove(None, "a") && memory.remove(Some("acme"), "a"));
    assert_eq!(read(Some("bolt"), "a").as_deref(), Some("bolt's"));
    assert!(memory.list(Some("acme"), MemoryRange { limit: 9, ..MemoryRange::default() }).is_empty());
}

/// S-56
#[test]
fn a_tenant_has_its_share_and_the_place_of_a_tenant_is_charged() {
    let place = MemoryItem::TENANT_OVERHEAD + 1;
    let memory = MemoryResourceHandler::builder()
        .with_memory_limit(2 * (place + SMALL))
        .with_tenant_limit(place + SMALL)
        .build();
    assert_eq!(memory.put(Some("a"), "1", item(1)), Err(MemoryError::Full));
    assert_eq!(memory.put(Some("a"), "1", item(0)), Ok(()));
    assert_eq!(memory.put(Some("a"), "2", item(0)), Err(MemoryError::Full));
    assert_eq!(memory.put(Some("b"), "1", item(0)), Ok(()));
    assert_eq!(memory.put(Some("c"), "1", item(0)), Err(MemoryError::Full));
    assert!(memory.remove(Some("a"), "1"));
    assert_eq!(memory.put(Some("c"), "1", item(0)), Ok(()));
}

/// S-56
#[test]
fn eviction_takes_the_oldest_of_the_same_tenant_and_of_no_other() {
    let place = MemoryItem::TENANT_OVERHEAD + 1;
    let limit = 2 * place + 3 * SMALL;
    let memory = MemoryResourceHandler::builder().with_memory_limit(limit).with_eviction(WhenFull::EvictOldest).build();
    for (tenant, key) in [("b", "1"), ("a", "1"), ("a", "2"), ("a", "3")] {
        assert_eq!(memory.put(Some(tenant), key, item(0)), Ok(()));
    }
    let there = |tenant, key| memory.read(Some(tenant), key).is_some();
    assert!(there("b", "1") && !there("a", "1") && there("a", "2") && there("a", "3"));
    // What could never fit takes nothing with it.
    assert_eq!(memory.put(Some("a"), "4", item(2 * SMALL)), Err(MemoryError::Full));
    assert!(there("b", "1") && there("a", "2") && there("a", "3"));
    assert_eq!(memory.put(Some("a"), "3", item(SMALL)), Ok(()));
    assert!(there("b", "1") && !there("a", "2") && there("a", "3"));
}

#[test]
fn lists_are_ordered_and_go_on_behind_a_key() {
    let memory = MemoryResourceHandler::builder().build();
    for key in ["b2", "a", "b10", "b", "c"] {
        memory.put(None, key, MemoryItem::text("12345").with_mime_type("text/plain")).unwrap();
    }
    let list = |range| memory.list(None, range).iter().map(|entry| entry.key.to_string()).collect::<Vec<_>>();
    let all = MemoryRange { limit: 9, ..MemoryRange::default() };
    assert_eq!(list(all), ["a", "b", "b10", "b2", "c"]);
    assert_eq!(list(MemoryRange { limit: 2, ..all }), ["a", "b"]);
    assert_eq!(list(MemoryRange { after: Some("b"), ..all }), ["b10", "b2", "c"]);
    assert_eq!(list(MemoryRange { after: Some("b1"), ..all }), ["b10", "b2", "c"]);
    assert_eq!(list(MemoryRange { prefix: "b", ..all }), ["b", "b10", "b2"]);
    assert_eq!(list(MemoryRange { prefix: "b", after: Some("a"), ..all }), ["b", "b10", "b2"]);
    assert_eq!(list(MemoryRange { prefix: "b", after: Some("b10"), ..all }), ["b2"]);
    assert_eq!(list(MemoryRange { prefix: "b", after: Some("c"), ..all }), [""; 0]);
    let first = memory.list(None, all).remove(0);
    assert_eq!((first.size, first.mime_type.as_deref()), (5, Some("text/plain")));
}

#[test]
fn every_change_is_told_once_to_whoever_watches() {
    let clock = ManualClock::new();
    let memory = room_for(2 * SMALL).with_clock(clock.clone()).build();
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    memory.watch(move |change| sink.lock().unwrap().push((change.key.to_string(), change.kind)));
    let heard = || std::mem::take(&mut *told.lock().unwrap());
    let heard_of = |key: &str, kind| vec![(key.to_owned(), kind)];
    memory.put(None, "a", item(0)).unwrap();
    assert_eq!(heard(), heard_of("a", MemoryChangeKind::Added));
    memory.put(None, "a", item(0)).unwrap();
    assert_eq!(heard(), heard_of("a", MemoryChangeKind::Replaced));
    memory.put(None, "!", item(0)).unwrap_err();
    memory.put(None, "b", item(1)).unwrap_err();
    assert_eq!(heard(), []);
    clock.advance(Duration::from_secs(60 * 60));
    memory.read(None, "a");
    memory.put(None, "b", item(0)).unwrap();
    assert_eq!(heard(), [heard_of("a", MemoryChangeKind::Removed), heard_of("b", MemoryChangeKind::Added)].concat());
    memory.remove(None, "b");
    assert_eq!(heard(), heard_of("b", MemoryChangeKind::Removed));
}

#[test]
fn whoever_is_told_can_use_the_handler() {
    let memory = MemoryResourceHandler::builder().build();
    let (again, seen) = (memory.clone(), Arc::new(AtomicUsize::new(0)));
    let count = seen.clone();
    memory.watch(move |_| {
        count.fetch_add(again.len(), Ordering::SeqCst);
    });
    memory.put(None, "a", item(0)).unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

/// S-58
#[test]
fn what_is_stored_is_not_printed() {
    let printed = format!("{:?}", MemoryItem::text("CANARY"));
    assert!(!printed.contains("CANARY") && printed.contains("6 bytes"), "{printed}");
}

#[test]
fn limits_of_nothing_are_problems() {
    let problems = |builder: MemoryResourceBuilder| builder.build().problems().len();
    assert_eq!(problems(MemoryResourceHandler::builder()), 0);
    assert_eq!(problems(MemoryResourceHandler::builder().with_memory_limit(0)), 1);
    assert_eq!(problems(MemoryResourceHandler::builder().with_tenant_limit(0).with_ttl(Duration::ZERO)), 2);
}
