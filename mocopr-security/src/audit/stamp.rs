//! Moments in the form of RFC 3339, in UTC and with milliseconds.
//!
//! All have the same length, so a later one is also the greater text. Years go from 1970 to 9999; what is beyond stays
//! at the end.

use std::time::Duration;

/// The text of a moment, such as `2026-11-26T04:33:16.123Z`.
pub(crate) type Moment = [u8; 24];

/// Writes moments; remembers the second of the last one, because most records of a busy server are of the same.
#[derive(Debug)]
pub(crate) struct Stamp {
    second: u64,
    text: Moment,
}

impl Stamp {
    pub(crate) fn new() -> Self {
        Self { second: 0, text: *b"1970-01-01T00:00:00.000Z" }
    }

    /// The text of a moment, as the time since 1970-01-01T00:00:00Z.
    pub(crate) fn at(&mut self, unix: Duration) -> Moment {
        let second = unix.as_secs().min(LAST_SECOND);
        if second != self.second {
            self.second = second;
            self.text = whole(second);
        }
        let mut text = self.text;
        put(&mut text, 20, 3, u64::from(unix.subsec_millis()));
        text
    }
}

/// The text of a moment that is asked for seldom.
pub(crate) fn moment(unix: Duration) -> Moment {
    Stamp::new().at(unix)
}

/// The text of a second.
fn whole(second: u64) -> Moment {
    let (year, month, day) = date(second / 86_400);
    let of_day = second % 86_400;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (from, digits, number) in [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, of_day / 3_600),
        (14, 2, of_day / 60 % 60),
        (17, 2, of_day % 60),
    ] {
        put(&mut text, from, digits, number);
    }
    text
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar.
///
/// Counts in eras of 400 years that begin with a March, so that the day that not every year has is the last of its
/// year.
fn date(day: u64) -> (u64, u64, u64) {
    let since = day + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

fn put(text: &mut Moment, from: usize, digits: usize, mut number: u64) {
    for place in text.iter_mut().skip(from).take(digits).rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        let mut stamp = Stamp::new();
        for (second, millisecond, text) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, 7, "2000-02-29T00:00:00.007Z"),
            (951_868_800, 999, "2000-03-01T00:00:00.999Z"),
            (1_767_225_600, 123, "2026-01-01T00:00:00.123Z"),
            (1_767_225_599, 0, "2025-12-31T23:59:59.000Z"),
            (4_107_542_399, 0, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (LAST_SECOND, 0, "9999-12-31T23:59:59.000Z"),
            (u64::MAX, 0, "9999-12-31T23:59:59.000Z"),
        ] {
            let unix = Duration::from_secs(second) + Duration::from_millis(millisecond);
            assert_eq!(std::str::from_utf8(&stamp.at(unix)).unwrap(), text);
            assert_eq!(std::str::from_utf8(&moment(unix)).unwrap(), text);
        }
    }

    #[test]
    fn a_later_day_is_a_greater_text() {
        let days: Vec<Moment> = (0..60_000).map(|day| moment(Duration::from_secs(day * 86_400))).collect();
        assert!(days.is_sorted() && days.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
