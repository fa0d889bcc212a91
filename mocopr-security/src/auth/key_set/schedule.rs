//! When the keys of an issuer are fetched: pure arithmetic on times.
//!
//! Strangers can ask for a key of any name. What they can bring about is bounded here, whether fetches succeed or
//! fail: one fetch in [`UNKNOWN_GAP`], and of all kinds together two in [`WINDOW`].

use std::time::Duration;

/// When the next fetch starts.
#[derive(Debug)]
pub(super) struct Schedule {
    due: Duration,
    /// When an unknown name last brought a fetch about.
    asked: Option<Duration>,
    /// When the last two fetches started, the older one first.
    starts: [Option<Duration>; 2],
    failures: u32,
}

impl Schedule {
    /// The first fetch is due at once.
    pub(super) fn new(now: Duration) -> Self {
        Self { due: now, asked: None, starts: [None; 2], failures: 0 }
    }

    /// When the next fetch may start by itself.
    pub(super) fn due(&self) -> Duration {
        self.due.max(self.window_ends())
    }

    /// Somebody named a key that is not there. Whether that makes a fetch due now.
    ///
    /// Right after a failure it does not: an issuer that has just begun to start would be asked twice within a moment,
    /// and then not for a minute.
    pub(super) fn ask(&mut self, now: Duration) -> bool {
        let [_, newer] = self.starts;
        let within = |gap: Duration, of: Option<Duration>| of.is_some_and(|time| now < time + gap);
        let has_just_failed = self.failures > 0 && within(FIRST_RETRY, newer);
        if has_just_failed || within(UNKNOWN_GAP, self.asked) || now < self.window_ends() {
            return false;
        }
        self.asked = Some(now);
        self.due = now;
        true
    }

    /// A fetch starts.
    pub(super) fn started(&mut self, now: Duration) {
        let [_, newer] = self.starts;
        self.starts = [newer, Some(now)];
    }

    /// It brought keys. `max_age` is how long the issuer says that they hold; that makes the next fetch sooner, never
    /// later, because a key that was removed works until then. `jitter` spreads the fetches of many servers.
    pub(super) fn succeeded(&mut self, now: Duration, max_age: Option<Duration>, jitter: u8) {
        self.failures = 0;
        let said = max_age.map_or(REFRESH, |age| age.clamp(SOONEST_REFRESH, REFRESH));
        self.due = now + spread(said, jitter).max(SOONEST_REFRESH);
    }

    /// It brought none: the next one is due after a time that doubles up to [`LONGEST_RETRY`].
    pub(super) fn failed(&mut self, now: Duration, jitter: u8) {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.due = now + spread(doubled.min(LONGEST_RETRY), jitter);
    }

    fn window_ends(&self) -> Duration {
        let [older, _] = self.starts;
        older.map_or(Duration::ZERO, |older| older + WINDOW)
    }
}

/// From nine to eleven tenths of a time.
fn spread(time: Duration, jitter: u8) -> Duration {
    let tenth = time / 10;
    time - tenth + (tenth * 2 * u32::from(jitter)) / 255
}

/// How often keys are fetched by themselves: how long a removed key works at most while the issuer answers, but for
/// a tenth.
const REFRESH: Duration = Duration::from_secs(10 * 60);
/// How often an issuer may have them fetched.
const SOONEST_REFRESH: Duration = Duration::from_secs(60);
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LONGEST_RETRY: Duration = Duration::from_secs(5 * 60);
/// How long after an unknown name brought a fetch about no other one does. A key that was really added is there after
/// that long at most, whoever asked, because a fetch brings all keys.
const UNKNOWN_GAP: Duration = Duration::from_secs(30);
/// In any time this long there are two fetches at most.
const WINDOW: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: u8 = 127;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What an attacker brings about who asks every hundredth of a second for an hour.
    fn starts_under_attack(succeed: bool) -> Vec<Duration> {
        let mut schedule = Schedule::new(Duration::ZERO);
        let mut starts = Vec::new();
        for tick in 0..360_000 {
            let now = Duration::from_millis(tick * 10);
            schedule.ask(now);
            if schedule.due() <= now {
                schedule.started(now);
                starts.push(now);
                if succeed { schedule.succeeded(now, None, MIDDLE) } else { schedule.failed(now, 0) }
            }
        }
        starts
    }

    /// S-33, T-23
    #[test]
    fn in_no_minute_are_there_more_than_two_fetches_whatever_is_asked() {
        for succeed in [true, false] {
            let starts = starts_under_attack(succeed);
            assert!((100..=120).contains(&starts.len()), "{}", starts.len());
            for three in starts.windows(3) {
                assert!(three[2] - three[0] >= WINDOW, "{three:?}");
            }
        }
    }

    /// T-23
    #[test]
    fn an_unknown_name_brings_one_fetch_about_in_half_a_minute() {
        let mut schedule = Schedule::new(seconds(0));
        schedule.started(seconds(0));
        schedule.succeeded(seconds(0), None, MIDDLE);
        assert!(schedule.ask(seconds(100)));
        schedule.started(seconds(100));
        schedule.succeeded(seconds(100), None, MIDDLE);
        assert!(!schedule.ask(seconds(100)) && !schedule.ask(seconds(129)));
        assert!(schedule.ask(seconds(130)));
    }

    #[test]
    fn a_fetch_that_was_due_anyhow_does_not_keep_a_new_key_waiting() {
        let mut schedule = Schedule::new(seconds(0));
        schedule.started(seconds(0));
        schedule.succeeded(seconds(0), None, MIDDLE);
        assert!(schedule.ask(seconds(1)));
    }

    #[test]
    fn an_unknown_name_right_after_a_failure_does_not_take_the_place_of_a_later_fetch() {
        let mut schedule = Schedule::new(seconds(0));
        schedule.started(seconds(0));
        schedule.failed(seconds(0), MIDDLE);
        assert!(!schedule.ask(seconds(4)));
        assert!(schedule.due() < seconds(6));
        assert!(schedule.ask(seconds(5)));
    }

    #[test]
    fn keys_are_fetched_every_ten_minutes_give_or_take_one() {
        let mut schedule = Schedule::new(seconds(0));
        schedule.succeeded(seconds(1_000), None, 0);
        assert_eq!(schedule.due(), seconds(1_540));
        schedule.succeeded(seconds(1_000), None, 255);
        assert_eq!(schedule.due(), seconds(1_660));
    }

    #[test]
    fn an_issuer_can_make_it_sooner_but_not_later_and_not_too_soon() {
        let mut schedule = Schedule::new(seconds(0));
        for (said, most, least) in [(0, 66, 60), (59, 66, 60), (300, 330, 270), (3_600, 660, 540), (u64::MAX, 660, 540)]
        {
            for jitter in [0, MIDDLE, 255] {
                schedule.succeeded(seconds(0), Some(seconds(said)), jitter);
                assert!((seconds(least)..=seconds(most)).contains(&schedule.due()), "{said}: {:?}", schedule.due());
            }
        }
    }

    #[test]
    fn failures_make_the_next_fetch_later_up_to_a_bound() {
        let mut schedule = Schedule::new(seconds(0));
        let mut waits = Vec::new();
        for _ in 0..100 {
            schedule.failed(seconds(0), MIDDLE);
            waits.push(schedule.due());
        }
        assert!(waits.is_sorted() && waits[0] < seconds(6) && waits[99] <= LONGEST_RETRY, "{waits:?}");
        schedule.succeeded(seconds(0), None, MIDDLE);
        schedule.failed(seconds(0), MIDDLE);
        assert_eq!(schedule.due(), waits[0]);
    }
}
