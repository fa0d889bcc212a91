//! JSON values that are the same in every revision: text, numbers, lists, JSON that came ready.

use std::io::Write as _;

use crate::{
    id::{ProgressToken, RequestId},
    json::{RawJson, write_string},
    model::content::{Base64, Level, Role},
    wire::{
        revision::Revision,
        shape::{Omit, Shape, array},
    },
};

impl Shape for str {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        write_string(out, self);
    }
}

impl Shape for Box<str> {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        write_string(out, self);
    }
}

impl Shape for String {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        write_string(out, self);
    }
}

impl Shape for Base64 {
    /// The alphabet of base64 needs no escapes, so megabytes are copied without being looked at.
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        let text = self.as_str().as_bytes();
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    }
}

impl Shape for Role {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        write_string(out, self.as_str());
    }
}

impl Shape for Level {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        write_string(out, self.as_str());
    }
}

impl Shape for Revision {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        write_string(out, self.as_str());
    }
}

impl Shape for RequestId {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        self.write(out);
    }
}

impl Shape for ProgressToken {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        self.write(out);
    }
}

impl Shape for bool {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Shape for u32 {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        u64::from(*self).write(out, revision);
    }
}

impl Shape for u64 {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        // Writing into a vector cannot fail.
        let _ = write!(out, "{self}");
    }
}

impl Shape for i64 {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        let _ = write!(out, "{self}");
    }
}

impl Shape for f64 {
    /// JSON has no number for what is not finite; it becomes 0. Rows that can be left out use [`finite`].
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        let size = self.abs();
        let _ = match size {
            0.0 => write!(out, "0"),
            _ if !size.is_finite() => write!(out, "0"),
            _ if (1e-7..1e16).contains(&size) => write!(out, "{self}"),
            _ => write!(out, "{self:e}"),
        };
    }
}

impl Shape for RawJson {
    /// A line break between two tokens would end the message in stdio framing, so JSON that has one is compacted;
    /// inside of strings JSON has none.
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        match memchr::memchr2(b'\n', b'\r', self.as_bytes()) {
            None => out.extend_from_slice(self.as_bytes()),
            Some(_) => out.extend_from_slice(self.compact().as_bytes()),
        }
    }
}

impl<T: Shape + ?Sized> Shape for &T {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        (**self).write(out, revision);
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        array(out, self, revision);
    }
}

impl<T: Shape> Shape for [T] {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        array(out, self, revision);
    }
}

impl<T: Shape> Shape for Option<T> {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        match self {
            Some(value) => value.write(out, revision),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T> Omit for Option<T> {
    fn says_nothing(&self) -> bool {
        self.is_none()
    }
}

impl<T> Omit for Vec<T> {
    fn says_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl Omit for bool {
    fn says_nothing(&self) -> bool {
        !*self
    }
}

/// A number that JSON can write, or nothing.
pub(super) fn finite(number: &Option<f64>, _: Revision) -> Option<f64> {
    number.filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finite_numbers_read_back_and_others_become_zero() {
        for number in [0.0, -0.0, 1.0, 50.0, 0.1, -2.5, 1e15, 1e16, 1e300, f64::MAX, f64::MIN_POSITIVE, 1e-7, 1e-8] {
            assert_eq!(serde_json::from_str::<f64>(&written(&number)).unwrap(), number, "{number}");
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(written(&number), "0");
        }
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        assert_eq!(written(&50.0), "50");
    }

    #[test]
    fn ready_json_with_line_breaks_is_compacted() {
        let pretty = RawJson::encode(&serde_json::json!({"a": [1, "x\ny"]})).unwrap();
        assert_eq!(written(&pretty), r#"{"a":[1,"x\ny"]}"#);
    }

    fn written(value: &impl Shape) -> String {
        let mut out = Vec::new();
        value.write(&mut out, Revision::V2026_07_28);
        String::from_utf8(out).unwrap()
    }
}
