//! Dates, times and durations (RFC 3339).

/// `2026-11-25` (5.6, full-date), with the days that the month has in that year.
pub(super) fn is_date(text: &str) -> bool {
    let mut reader = Reader(text);
    reader.date().is_some() && reader.0.is_empty()
}

/// `23:20:00.5+01:00` (5.6, full-time). Second 60 is the last of a day in UTC.
pub(super) fn is_time(text: &str) -> bool {
    let mut reader = Reader(text);
    reader.time().is_some() && reader.0.is_empty()
}

/// A date and a time with a `T` between them (5.6, date-time).
pub(super) fn is_date_time(text: &str) -> bool {
    let mut reader = Reader(text);
    let is_read = reader.date().is_some() && reader.one_of("Tt").is_some() && reader.time().is_some();
    is_read && reader.0.is_empty()
}

/// `P1Y2M3DT4H5M6S` or `P4W` (appendix A). No unit between the first and the last is left out.
pub(super) fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    match rest.split_once('T') {
        None => is_row(rest, "YMD") || is_row(rest, "W"),
        Some((days, hours)) => (days.is_empty() || is_row(days, "YMD")) && is_row(hours, "HMS"),
    }
}

/// Whether each number is followed by a unit, and the units stand in a row.
fn is_row(text: &str, units: &str) -> bool {
    let mut rest = text;
    let mut next = None;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let mut behind = rest.chars().skip(digits);
        let Some(unit) = behind.next().filter(|_| digits > 0).and_then(|unit| units.find(unit)) else { return false };
        if next.is_some_and(|next| next != unit) {
            return false;
        }
        next = Some(unit + 1);
        rest = rest.get(digits + 1..).unwrap_or_default();
    }
    next.is_some()
}

/// The text that has not been read.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn date(&mut self) -> Option<()> {
        let year = self.number(4)?;
        self.one_of("-")?;
        let month = self.number(2)?;
        self.one_of("-")?;
        let day = self.number(2)?;
        (1..=days(year, month)).contains(&day).then_some(())
    }

    fn time(&mut self) -> Option<()> {
        let hour = self.number(2).filter(|hour| *hour < 24)?;
        self.one_of(":")?;
        let minute = self.number(2).filter(|minute| *minute < 60)?;
        self.one_of(":")?;
        let second = self.number(2).filter(|second| *second <= 60)?;
        if self.one_of(".").is_some() {
            let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
            self.0 = self.0.get(digits..).filter(|_| digits > 0)?;
        }
        let ahead = match self.one_of("Zz+-")? {
            '+' => self.offset()?,
            '-' => MINUTES_OF_DAY - self.offset()?,
            _ => 0,
        };
        let in_utc = (hour * 60 + minute + MINUTES_OF_DAY - ahead) % MINUTES_OF_DAY;
        (second < 60 || in_utc == MINUTES_OF_DAY - 1).then_some(())
    }

    /// How many minutes a clock is from UTC.
    fn offset(&mut self) -> Option<u32> {
        let hours = self.number(2).filter(|hour| *hour < 24)?;
        self.one_of(":")?;
        let minutes = self.number(2).filter(|minute| *minute < 60)?;
        Some(hours * 60 + minutes)
    }

    fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
    }

    fn one_of(&mut self, expected: &str) -> Option<char> {
        let first = self.0.chars().next().filter(|first| expected.contains(*first))?;
        self.0 = self.0.get(first.len_utf8()..)?;
        Some(first)
    }
}

fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    }
}

const MINUTES_OF_DAY: u32 = 24 * 60;
