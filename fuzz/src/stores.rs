//! Bounded tables beside plain models of them: the store, and the rate limiter in time that a target moves.

use std::{
    collections::HashMap,
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use mocopr_core::{
    clock::{Clock, ManualClock},
    store::{Key, KeyParts, Keyspace, MemoryStore, Store, StoreCapacity, StoreErrorKind},
};
use mocopr_security::rate::{RateLimit, RateLimiter};

use crate::draw::Draw;

/// Every operation on the store answers what a map with the times of its entries answers, but that a full store may
/// refuse to write; it never forgets what lives.
pub fn store(data: &[u8]) {
    let mut draw = Draw::new(data);
    let clock = ManualClock::new();
    let capacity = StoreCapacity { entries: 1 + draw.below(12), bytes: 1 << 20 };
    let store = MemoryStore::new(capacity, Arc::new(clock.clone()));
    let mut model: HashMap<u8, (Vec<u8>, Duration, u64)> = HashMap::new();
    let mut versions = Vec::new();
    while !draw.is_empty() {
        let now = clock.now();
        model.retain(|_, (_, until, _)| *until > now);
        assert!(model.len() <= capacity.entries);
        let (operation, name) = (draw.byte() % 6, draw.byte() % 16);
        let key = Key::new(KeyParts { keyspace: Keyspace::Session, tenant: "", principal: "a", id: &[name] });
        let stands = model.get(&name).cloned();
        match operation {
            0 => {
                let got = done(store.get(&key)).expect("the memory is there");
                assert_eq!(
                    got.as_ref().map(|entry| entry.value.to_vec()),
                    stands.as_ref().map(|(value, ..)| value.clone())
                );
                if let (Some(entry), Some(kept)) = (got, model.get_mut(&name)) {
                    kept.2 = entry.version;
                    versions.push((name, entry.version));
                }
            }
            1..=3 => {
                let value = draw.bytes(8).to_vec();
                let ttl = Duration::from_secs(u64::from(draw.byte() % 8));
                let bytes = Bytes::from(value.clone());
                let written = match operation {
                    1 => done(store.put(&key, bytes, ttl)).map(|()| true),
                    2 => done(store.put_new(&key, bytes, ttl)),
                    _ => {
                        let version =
                            versions.iter().rev().find(|(of, _)| *of == name).map_or(0, |(_, version)| *version);
                        done(store.swap(&key, version, bytes, ttl))
                    }
                };
                match written {
                    Ok(true) => {
                        assert!(operation != 2 || stands.is_none(), "a new entry where one lives");
                        assert!(operation != 3 || stands.is_some(), "a swap of what is absent");
                        model.insert(name, (value, now + ttl, 0));
                    }
                    Ok(false) => assert!(operation == 2 && stands.is_some() || operation == 3),
                    Err(error) => {
                        assert_eq!(error.kind(), StoreErrorKind::Full);
                        assert!(stands.is_none() && model.len() >= capacity.entries, "it refused and had room");
                    }
                }
            }
            4 => {
                let taken = done(store.take(&key)).expect("the memory is there");
                assert_eq!(taken.map(|value| value.to_vec()), stands.map(|(value, ..)| value));
                model.remove(&name);
            }
            _ => clock.advance(Duration::from_secs(u64::from(draw.byte() % 4))),
        }
    }
}

fn done<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the memory never waits")
}

/// A bucket in whole numbers, filled by the nanosecond.
#[derive(Clone, Copy)]
struct Bucket {
    /// Nanoseconds times tokens a minute; a token is [`MINUTE`] of it.
    level: u128,
    at: Duration,
}

const MINUTE: u128 = 60_000_000_000;

/// The limiter passes exactly what a bucket with counted tokens passes, and the wait that it names is exactly enough.
pub fn rate_limit(data: &[u8]) {
    let mut draw = Draw::new(data);
    // Paces that divide a minute, so that a token comes back after whole nanoseconds.
    let per_minute = *draw.pick(&[1, 2, 3, 5, 6, 10, 12, 60, 100, 600, 6_000]);
    let burst = 1 + draw.below(20) as u32;
    let clock = ManualClock::new();
    let most = NonZeroUsize::new(1_000).expect("it is not zero");
    let limiter: RateLimiter<u8> =
        RateLimiter::new(RateLimit::per_minute(per_minute).with_burst(burst), most, Arc::new(clock.clone()));
    let full = u128::from(burst) * MINUTE;
    let mut buckets: HashMap<u8, Bucket> = HashMap::new();
    while !draw.is_empty() {
        let key = draw.byte() % 4;
        let cost = NonZeroU32::new(1 + u32::from(draw.byte() % 25)).expect("it is not zero");
        clock.advance(Duration::from_nanos(draw.number() % (2 * MINUTE as u64 / u64::from(per_minute))));
        let now = clock.now();
        let bucket = buckets.entry(key).or_insert(Bucket { level: full, at: now });
        let gained = (now - bucket.at).as_nanos() * u128::from(per_minute);
        *bucket = Bucket { level: full.min(bucket.level + gained), at: now };
        let price = u128::from(cost.get().min(burst)) * MINUTE;
        match limiter.check_n(&key, cost) {
            Ok(()) => {
                assert!(bucket.level >= price, "passed with {} of {price}", bucket.level);
                bucket.level -= price;
            }
            Err(wait) => {
                assert!(bucket.level < price, "refused with {} of {price}", bucket.level);
                assert_eq!(wait.as_nanos(), (price - bucket.level).div_ceil(u128::from(per_minute)));
            }
        }
        assert!(limiter.keys() <= buckets.len());
    }
}
