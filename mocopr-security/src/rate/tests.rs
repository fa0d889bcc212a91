//! What the buckets and the slots promise.

use std::{sync::Barrier, thread};

use mocopr_core::clock::{ManualClock, SystemClock};
use proptest::prelude::*;

use super::*;

fn limiter(limit: RateLimit, max_keys: usize) -> (RateLimiter<u32>, ManualClock) {
    let clock = ManualClock::new();
    (RateLimiter::new(limit, NonZeroUsize::new(max_keys).unwrap(), Arc::new(clock.clone())), clock)
}

fn cost(tokens: u32) -> NonZeroU32 {
    NonZeroU32::new(tokens).unwrap()
}

/// How many of `tries` threads that begin together pass.
fn race(tries: u32, pass: impl Fn(u32) -> bool + Sync) -> usize {
    let barrier = Barrier::new(usize::try_from(tries).unwrap());
    let (barrier, pass) = (&barrier, &pass);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..tries)
            .map(|n| {
                scope.spawn(move || {
                    barrier.wait();
                    pass(n)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|passed| *passed).count()
    })
}

#[test]
fn burst_passes_and_the_next_is_told_when() {
    let (limiter, clock) = limiter(RateLimit::per_minute(60).with_burst(3), 10);
    for _ in 0..3 {
        assert_eq!(limiter.check(&1), Ok(()));
    }
    assert_eq!(limiter.check(&1), Err(Duration::from_secs(1)));
    assert_eq!(limiter.check(&1), Err(Duration::from_secs(1)), "a refusal takes nothing");
    assert_eq!(limiter.check(&2), Ok(()), "another key has its own bucket");
    clock.advance(Duration::from_millis(999));
    assert_eq!(limiter.check(&1), Err(Duration::from_millis(1)));
    clock.advance(Duration::from_millis(1));
    assert_eq!(limiter.check(&1), Ok(()));
    assert_eq!(limiter.check(&1), Err(Duration::from_secs(1)));
}

#[test]
fn rest_fills_a_bucket_to_the_burst_and_no_further() {
    let (limiter, clock) = limiter(RateLimit::per_minute(60).with_burst(2), 10);
    assert_eq!(limiter.check(&1), Ok(()));
    clock.advance(Duration::from_secs(3_600));
    assert_eq!((limiter.check(&1), limiter.check(&1)), (Ok(()), Ok(())));
    assert_eq!(limiter.check(&1), Err(Duration::from_secs(1)));
}

#[test]
fn hundred_a_minute_refuses_the_hundred_and_first() {
    let (limiter, _clock) = limiter(RateLimit::per_minute(100), 10);
    assert_eq!((0..101).filter(|_| limiter.check(&1).is_ok()).count(), 100);
}

#[test]
fn cost_is_taken_whole_or_not_at_all() {
    let (limiter, clock) = limiter(RateLimit::per_minute(60).with_burst(10), 10);
    assert_eq!(limiter.check_n(&1, cost(7)), Ok(()));
    assert_eq!(limiter.check_n(&1, cost(5)), Err(Duration::from_secs(2)));
    assert_eq!(limiter.check_n(&1, cost(3)), Ok(()));
    assert_eq!(limiter.check_n(&1, cost(11)), Err(Duration::from_secs(10)), "as the burst");
    clock.advance(Duration::from_secs(10));
    assert_eq!(limiter.check_n(&1, cost(u32::MAX)), Ok(()));
}

#[test]
fn what_a_charge_does_not_find_is_owed_and_at_most_that_charge_is() {
    let (limiter, _clock) = limiter(RateLimit::per_minute(60).with_burst(10), 10);
    limiter.charge(&1, cost(8));
    assert_eq!(limiter.check_n(&1, cost(3)), Err(Duration::from_secs(1)));
    limiter.charge(&1, cost(8));
    assert_eq!(limiter.check(&1), Err(Duration::from_secs(7)), "six are owed");
    limiter.charge(&1, cost(8));
    assert_eq!(limiter.check(&1), Err(Duration::from_secs(9)));
    limiter.charge(&1, cost(u32::MAX));
    assert_eq!(limiter.check(&1), Err(Duration::from_secs(11)), "a charge counts as the burst at most");
    limiter.charge(&1, cost(1));
    assert_eq!(limiter.check(&1), Err(Duration::from_secs(11)), "and gives nothing back");
}

/// S-70
#[test]
fn who_comes_back_for_every_token_pays_each_charge_in_full() {
    let (limiter, clock) = limiter(RateLimit::per_minute(60).with_burst(25), 10);
    let passed = (0..1_000)
        .filter(|_| {
            clock.advance(Duration::from_millis(500));
            let passes = limiter.check(&1).is_ok();
            if passes {
                limiter.charge(&1, cost(9));
            }
            passes
        })
        .count();
    assert!((51..=53).contains(&passed), "500 tokens came back and 25 were there, at ten each: {passed}");
}

#[test]
fn zero_counts_as_one_and_the_greatest_limits_do_not_overflow() {
    assert_eq!(RateLimit::per_minute(0).with_burst(0), RateLimit::per_minute(1));
    let (limiter, clock) = limiter(RateLimit::per_minute(1).with_burst(u32::MAX), 10);
    clock.advance(Duration::from_secs(u64::MAX / 2_000));
    assert_eq!(limiter.check_n(&1, cost(u32::MAX)), Ok(()));
    limiter.charge(&1, cost(u32::MAX));
}

#[test]
fn of_200_in_parallel_exactly_the_burst_passes() {
    for _ in 0..10 {
        let (limiter, _clock) = limiter(RateLimit::per_minute(1).with_burst(20), 1);
        assert_eq!(race(200, |_| limiter.check(&1).is_ok()), 20);
        assert_eq!(limiter.keys(), 1);
    }
}

#[test]
fn of_200_strangers_in_parallel_exactly_the_shared_burst_passes() {
    let (limiter, _clock) = limiter(RateLimit::per_minute(1).with_burst(20), 1);
    assert_eq!(limiter.check(&1_000), Ok(()));
    assert_eq!(race(200, |n| limiter.check(&n).is_ok()), 20);
    assert_eq!(limiter.keys(), 1);
}

#[test]
fn full_table_neither_grows_nor_forgets() {
    let (limiter, _clock) = limiter(RateLimit::per_minute(60).with_burst(2), 3);
    for key in [1, 1, 2, 3] {
        assert_eq!(limiter.check(&key), Ok(()));
    }
    let passed = (100..200).filter(|key| limiter.check(key).is_ok()).count();
    assert_eq!(passed, 2, "all strangers share one bucket");
    assert_eq!(limiter.keys(), 3);
    assert_eq!(limiter.full_at.len(), 3);
    assert!(limiter.check(&1).is_err(), "an empty bucket stays empty");
    assert_eq!((limiter.check(&2), limiter.check(&3)), (Ok(()), Ok(())), "a bucket in use stays its own");
}

#[test]
fn full_table_makes_room_of_full_buckets_only() {
    let (limiter, clock) = limiter(RateLimit::per_minute(60).with_burst(2), 2);
    assert_eq!((limiter.check(&1), limiter.check(&1), limiter.check(&2)), (Ok(()), Ok(()), Ok(())));
    clock.advance(Duration::from_secs(1));
    limiter.charge(&1, cost(2));
    assert_eq!((limiter.check(&3), limiter.check(&3)), (Ok(()), Ok(())), "the place of 2, which was full again");
    assert_eq!(limiter.keys(), 2);
    assert!(limiter.check(&1).is_err());
    assert!(limiter.full_at.contains_key(&3) && !limiter.full_at.contains_key(&2));
}

#[test]
fn full_table_is_swept_once_a_second_at_most() {
    let (limiter, clock) = limiter(RateLimit::per_minute(60_000).with_burst(2), 1);
    assert_eq!(limiter.check(&1), Ok(()));
    assert_eq!(limiter.check(&2), Ok(()), "from the shared bucket; the table was swept in vain");
    clock.advance(Duration::from_millis(999));
    assert_eq!(limiter.check(&2), Ok(()));
    assert!(!limiter.full_at.contains_key(&2));
    clock.advance(Duration::from_millis(1));
    assert_eq!(limiter.check(&2), Ok(()));
    assert!(limiter.full_at.contains_key(&2));
}

#[test]
fn count_of_keys_is_right_after_many_threads() {
    let clock = Arc::new(SystemClock::new());
    let limiter = RateLimiter::new(RateLimit::per_minute(6_000_000), NonZeroUsize::new(50).unwrap(), clock);
    race(64, |n| {
        (0..500).for_each(|m| limiter.charge(&((n * m) % 97), NonZeroU32::MIN));
        true
    });
    assert_eq!(limiter.keys(), limiter.full_at.len());
    assert!(limiter.keys() <= 50);
}

#[test]
fn slots_are_counted_by_key_and_given_back() {
    let slots = Concurrency::new(NonZeroUsize::MAX);
    let first = slots.enter(&1, 2).unwrap();
    let second = slots.enter(&1, 2).unwrap();
    assert!(slots.enter(&1, 2).is_none());
    let other = slots.clone().enter(&2, 2).unwrap();
    assert_eq!((slots.in_use(), slots.keys()), (3, 2));
    drop(first);
    assert!(slots.enter(&1, 2).is_some(), "and that slot is dropped again");
    drop((second, other));
    assert_eq!((slots.in_use(), slots.keys()), (0, 0));
    assert!(slots.enter(&1, 0).is_none());
    assert_eq!((slots.in_use(), slots.keys()), (0, 0));
}

#[test]
fn slots_of_all_keys_are_bounded_together() {
    let slots = Concurrency::new(NonZeroUsize::new(2).unwrap());
    let held = (slots.enter(&1, 9).unwrap(), slots.enter(&2, 9).unwrap());
    assert!(slots.enter(&3, 9).is_none());
    drop(held);
    assert!(slots.enter(&3, 9).is_some());
}

#[test]
fn of_64_in_parallel_exactly_the_slots_are_given() {
    let slots = Concurrency::new(NonZeroUsize::MAX);
    let held = std::sync::Mutex::new(Vec::new());
    let given = race(64, |_| match slots.enter(&1, 16) {
        Some(slot) => {
            held.lock().unwrap().push(slot);
            true
        }
        None => false,
    });
    assert_eq!((given, slots.in_use()), (16, 16));
    held.lock().unwrap().clear();
    assert_eq!((slots.in_use(), slots.keys()), (0, 0));
}

proptest! {
    /// A bucket of whole tokens that is refilled by the clock, as one would write it down without thinking of cost.
    #[test]
    fn limiter_agrees_with_a_plain_bucket(
        burst in 1_u32..8,
        steps in proptest::collection::vec((0_u64..3_000, 1_u32..5), 1..60),
    ) {
        let (limiter, clock) = limiter(RateLimit::per_minute(60).with_burst(burst), 4);
        let mut thousandths = u64::from(burst) * 1_000;
        for (wait, tokens) in steps {
            clock.advance(Duration::from_millis(wait));
            thousandths = (thousandths + wait).min(u64::from(burst) * 1_000);
            let price = u64::from(tokens.min(burst)) * 1_000;
            let expected = match price.checked_sub(thousandths) {
                None | Some(0) => Ok(()),
                Some(missing) => Err(Duration::from_millis(missing)),
            };
            prop_assert_eq!(limiter.check_n(&1, cost(tokens)), expected);
            if expected.is_ok() {
                thousandths -= price;
            }
        }
    }
}

/// S-71
#[test]
fn a_million_keys_take_the_memory_of_the_bound() {
    const MOST: usize = 100_000;
    let limit = RateLimit::per_minute(60).with_burst(2);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
    let limiter: RateLimiter<u64> = RateLimiter::new(limit, NonZeroUsize::new(MOST).unwrap(), clock);
    let passed = (0..1_000_000_u64).filter(|key| limiter.check(key).is_ok()).count();
    assert_eq!(passed, MOST + 2, "further keys share one bucket");
    assert_eq!((limiter.keys(), limiter.full_at.len()), (MOST, MOST));
    // What the table has room for without growing is what it holds in memory.
    let entry = size_of::<(u64, u64)>() + 1;
    let bytes = limiter.full_at.capacity() * entry;
    assert!(bytes < 8 * 1024 * 1024, "{bytes}");
}

/// S-71
#[test]
fn what_is_kept_of_a_key_is_what_the_owner_says() {
    let kept = |limiter: RateLimiter<Arc<str>>| {
        let key: Arc<str> = "alice".into();
        assert_eq!((limiter.check(&key), limiter.check(&key)), (Ok(()), Ok(())));
        (limiter.keys(), Arc::strong_count(&key))
    };
    let new =
        || RateLimiter::new(RateLimit::per_minute(60), NonZeroUsize::new(10).unwrap(), Arc::new(ManualClock::new()));
    assert_eq!(kept(new()), (1, 2));
    assert_eq!(kept(new().keeping(|key: &Arc<str>| Arc::from(&**key))), (1, 1));
}

/// Keys whose network is what stands before their last five digits.
fn networked(max_keys: usize) -> (RateLimiter<u32>, ManualClock) {
    let (limiter, clock) = limiter(RateLimit::per_minute(60).with_burst(2), max_keys);
    (limiter.with_networks(|key| key / 100_000), clock)
}

/// S-70, S-71
#[test]
fn who_has_a_whole_network_neither_fills_the_table_nor_slows_down_others() {
    let (limiter, _clock) = networked(10_000);
    let passed = (0..60_000).filter(|key| limiter.check(key).is_ok()).count();
    assert_eq!(passed, 5_000 + 1_024 + 2, "half of the table, then a part, then one bucket for the rest");
    assert_eq!(limiter.keys(), 5_000 + 1_024);
    assert!((60_000..70_000).all(|key| limiter.check(&key).is_err()));
    let others = (100_000..101_000).filter(|key| limiter.check(key).is_ok()).count();
    assert_eq!(others, 1_000, "newcomers from elsewhere have buckets of their own");
}

/// S-70
#[test]
fn a_full_table_slows_down_newcomers_network_by_network() {
    let (limiter, _clock) = networked(1_000);
    assert_eq!((0..1_000).filter(|key| limiter.check(key).is_ok()).count(), 1_000);
    assert_eq!((1_000..2_000).filter(|key| limiter.check(key).is_ok()).count(), 2);
    assert_eq!((100_000..101_000).filter(|key| limiter.check(key).is_ok()).count(), 2);
    assert_eq!(limiter.keys(), 1_000);
    assert_eq!((limiter.check(&0), limiter.check(&1)), (Ok(()), Ok(())), "a bucket in use stays its own");
}

/// S-70
#[test]
fn a_network_whose_buckets_are_full_again_is_as_good_as_new() {
    let (limiter, clock) = networked(10_000);
    for round in 0..3 {
        let keys = round * 5_000..(round + 1) * 5_000;
        assert_eq!(keys.filter(|key| limiter.check(key).is_ok()).count(), 5_000);
        clock.advance(Duration::from_secs(10));
    }
}

/// S-70, S-71
#[test]
fn a_network_without_room_for_newcomers_has_it_again_once_its_buckets_are_full() {
    let (limiter, clock) = limiter(RateLimit::per_minute(60_000).with_burst(2), 4_000);
    let limiter = limiter.with_networks(|key| key / 100_000);
    let own = |keys: std::ops::Range<u32>| {
        keys.for_each(|key| limiter.charge(&key, cost(1)));
        limiter.keys()
    };
    assert_eq!(own(0..10_000), 2_000 + 1_024);
    // A few of its newcomers are let in again, and after them none for the next 55 milliseconds.
    clock.advance(Duration::from_millis(999));
    assert_eq!(own(10_000..20_000), 2_000 + 1_024 + 17);
    clock.advance(Duration::from_millis(1));
    assert_eq!(own(20_000..20_001), 1, "the table was swept, so nobody has to share");
}
