//! Whole numbers that are written as fractions, with an exponent, or as a negative zero: `100.0` and `1e2` are 100.
//!
//! JSON Schema calls them integers, and a type of Rust takes them only as digits.

use super::raw::RawJson;

impl RawJson {
    /// The same value with every whole number written in digits alone; `None` where nothing would change.
    ///
    /// Numbers from 2^53 on stay as they are: not every reader holds them exactly, so nobody can mean one of them by a
    /// fraction.
    #[must_use]
    pub fn with_whole_numbers(&self) -> Option<Self> {
        let text = self.as_str();
        let mut out = String::new();
        let mut kept = 0;
        let numbers = Numbers { text, at: 0 };
        for number in numbers {
            let Some(whole) = text.get(number.clone()).and_then(whole) else { continue };
            out.push_str(text.get(kept..number.start)?);
            out.push_str(&whole);
            kept = number.end;
        }
        if kept == 0 {
            return None;
        }
        out.push_str(text.get(kept..)?);
        Some(Self::trusted(out))
    }
}

/// Where the numbers of a JSON text stand.
struct Numbers<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Numbers<'_> {
    type Item = std::ops::Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at)? {
                b'"' => self.at = super::raw::string_end(bytes, self.at + 1),
                b'-' | b'0'..=b'9' => {
                    let start = self.at;
                    let rest = bytes.get(start..).unwrap_or_default();
                    let length = rest.iter().take_while(|byte| is_of_number(**byte)).count();
                    self.at = start + length;
                    return Some(start..self.at);
                }
                _ => self.at += 1,
            }
        }
    }
}

fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// The digits of a number of JSON that is whole and written in another way.
fn whole(number: &str) -> Option<String> {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if mantissa == digits && after.is_empty() && number != "-0" {
        return None;
    }
    let exponent: i32 = exponent.parse().ok()?;
    let point = i32::try_from(before.len()).ok()?.checked_add(exponent)?;
    let mut written: String = [before, after].concat();
    let point = usize::try_from(point).ok().filter(|point| *point <= MOST_DIGITS + before.len())?;
    if written.len() < point {
        written.extend(std::iter::repeat_n('0', point - written.len()));
    }
    let (whole, fraction) = written.split_at_checked(point)?;
    if fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let value: u64 = match whole.trim_start_matches('0') {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    (value <= MOST).then(|| if value == 0 { "0".to_owned() } else { format!("{sign}{value}") })
}

/// 2^53 - 1: the largest number that every reader of JSON holds exactly.
const MOST: u64 = (1 << 53) - 1;

/// Digits of that number.
const MOST_DIGITS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;

    fn rewritten(text: &'static str) -> Option<String> {
        let value =
            RawJson::parse(text.into(), &JsonLimits { depth: 8, members: 8, string_bytes: 64, elements: 8 }).unwrap();
        value.with_whole_numbers().map(|value| value.as_str().to_owned())
    }

    #[test]
    fn a_whole_number_is_written_in_digits() {
        let text = r#"{"a": 100.0, "b": [1e2, -1.50e1, 0.0, -0.0, -0, 9007199254740991.0], "1.0": "2.0\"3.0"}"#;
        let whole = r#"{"a": 100, "b": [100, -15, 0, 0, 0, 9007199254740991], "1.0": "2.0\"3.0"}"#;
        assert_eq!(rewritten(text).unwrap(), whole);
    }

    #[test]
    fn what_is_not_whole_or_too_large_stays() {
        for text in ["1", "0", "-7", "1.5", "15e-1", "9007199254740992.0", "1e16", "1e300", "1e-300", "{}"] {
            assert_eq!(rewritten(text), None, "{text}");
        }
    }
}
