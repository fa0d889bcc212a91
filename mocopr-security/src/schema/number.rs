//! Numbers as JSON Schema means them: exact, whatever they were written or stored as.
//!
//! A number is a decimal, so 0.0075 is a multiple of 0.0001, and 1.0 is an integer. Nothing is rounded to a float
//! before it is compared, and nothing grows with a number's size.

use std::cmp::Ordering;

use serde_json::Number;

/// Whether a number has no fractional part.
pub(super) fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

/// The exact order of two numbers; `None` where one of them is beyond the range of floats.
pub(super) fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    match (Exact::of(one)?, Exact::of(other)?) {
        (Exact::Whole(one), Exact::Whole(other)) => Some(one.cmp(&other)),
        (Exact::Float(one), Exact::Float(other)) => one.partial_cmp(&other),
        (Exact::Whole(whole), Exact::Float(float)) => Some(compare_whole(whole, float)),
        (Exact::Float(float), Exact::Whole(whole)) => Some(compare_whole(whole, float).reverse()),
    }
}

/// A number in the form in which it was read.
#[derive(Clone, Copy)]
enum Exact {
    Whole(i128),
    Float(f64),
}

impl Exact {
    fn of(number: &Number) -> Option<Self> {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map(Self::Whole).or_else(|| number.as_f64().filter(|float| float.is_finite()).map(Self::Float))
    }
}

/// Compares a number of at most 64 bits with a finite float.
fn compare_whole(whole: i128, float: f64) -> Ordering {
    // The conversion rounds towards zero and stops at the ends of the range, which no such number reaches.
    let floor = float.floor() as i128;
    whole.cmp(&floor).then(if float.fract() == 0.0 { Ordering::Equal } else { Ordering::Less })
}

/// A number that is not zero, as a decimal: the mantissa, which does not end in zero, times a power of ten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    mantissa: u64,
    exponent: i32,
}

impl Decimal {
    /// The size of a number; its sign does not matter for divisors. `None` for zero and beyond the range of floats.
    pub(super) fn of(number: &Number) -> Option<Self> {
        match Exact::of(number)? {
            Exact::Whole(whole) => Self::new(u64::try_from(whole.unsigned_abs()).ok()?, 0),
            Exact::Float(float) => {
                // The shortest digits that mean this float, which are those that were written.
                let text = format!("{:e}", float.abs());
                let (digits, exponent) = text.split_once('e')?;
                let places = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                let mantissa = digits.replace('.', "").parse().ok()?;
                Self::new(mantissa, exponent.parse::<i32>().ok()? - i32::try_from(places).ok()?)
            }
        }
    }

    fn new(mut mantissa: u64, mut exponent: i32) -> Option<Self> {
        if mantissa == 0 {
            return None;
        }
        while mantissa.is_multiple_of(10) {
            mantissa /= 10;
            exponent += 1;
        }
        Some(Self { mantissa, exponent })
    }

    /// Whether a number divided by this one is whole.
    pub(super) fn divides(self, number: &Number) -> bool {
        let Some(dividend) = Self::of(number) else {
            // Zero is a multiple of everything.
            return number.as_f64() == Some(0.0);
        };
        let divisor = u128::from(self.mantissa);
        match u32::try_from(dividend.exponent - self.exponent) {
            Ok(shift) => {
                let mantissa = u128::from(dividend.mantissa) % divisor;
                (mantissa * power_of_ten(shift, divisor)).is_multiple_of(divisor)
            }
            // The dividend would have to end in zeros, and does not.
            Err(_) => false,
        }
    }
}

/// A power of ten, reduced by a modulus of at most 64 bits, so that no product is wider than 128.
fn power_of_ten(mut exponent: u32, modulus: u128) -> u128 {
    let mut power = 1 % modulus;
    let mut square = 10 % modulus;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power * square % modulus;
        }
        square = square * square % modulus;
        exponent >>= 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn number(value: Value) -> Number {
        value.as_number().unwrap().clone()
    }

    #[test]
    fn numbers_are_compared_exactly() {
        for (one, other, order) in [
            (json!(1), json!(1.0), Ordering::Equal),
            (json!(1), json!(1.5), Ordering::Less),
            (json!(-1), json!(-1.5), Ordering::Greater),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0), Ordering::Greater),
            (json!(u64::MAX), json!(18_446_744_073_709_551_616.0), Ordering::Less),
            (json!(i64::MIN), json!(-9_223_372_036_854_775_808.0), Ordering::Equal),
            (json!(u64::MAX), json!(i64::MAX), Ordering::Greater),
            (json!(0), json!(-0.0), Ordering::Equal),
            (json!(1e300), json!(u64::MAX), Ordering::Greater),
            (json!(-1e300), json!(i64::MIN), Ordering::Less),
        ] {
            let (one, other) = (number(one), number(other));
            assert_eq!(compare(&one, &other), Some(order), "{one} {other}");
            assert_eq!(compare(&other, &one), Some(order.reverse()), "{other} {one}");
        }
    }

    #[test]
    fn integers_are_known_by_their_value() {
        for (value, expected) in [
            (json!(1), true),
            (json!(-3.0), true),
            (json!(1e300), true),
            (json!(u64::MAX), true),
            (json!(0.5), false),
            (json!(1e-300), false),
        ] {
            assert_eq!(is_integer(&number(value.clone())), expected, "{value}");
        }
    }

    #[test]
    fn multiples_are_those_of_decimals() {
        for (dividend, divisor, expected) in [
            (json!(0.0075), json!(0.0001), true),
            (json!(0.00751), json!(0.0001), false),
            (json!(4.02), json!(0.01), true),
            (json!(35), json!(1.5), false),
            (json!(4.5), json!(1.5), true),
            (json!(-9), json!(3), true),
            (json!(0), json!(0.1), true),
            (json!(0.0), json!(7), true),
            (json!(1e308), json!(0.5), true),
            (json!(12_391_239_123_u64), json!(1e-8), true),
            (json!(1e308), json!(0.123_456_789), false),
            (json!(u64::MAX), json!(5), true),
            (json!(u64::MAX), json!(2), false),
            (json!(5), json!(1e300), false),
            (json!(5e-324), json!(5e-324), true),
            (json!(1e308), json!(5e-324), true),
            (json!(100), json!(1e2), true),
            (json!(50), json!(1e2), false),
        ] {
            let by = Decimal::of(&number(divisor.clone())).unwrap();
            assert_eq!(by.divides(&number(dividend.clone())), expected, "{dividend} {divisor}");
        }
        assert!(Decimal::of(&number(json!(0.0))).is_none());
    }
}
