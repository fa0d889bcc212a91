//! The table of members and revisions: which member of each outbound type exists in which revision.
//!
//! A struct lists each of its fields once. The table rebuilds the struct in a closure that is never called, so a
//! new field without a row does not compile (`missing field`). Values go straight into the buffer; nothing here
//! can fail, and nothing here knows of requests, ids or errors.

mod content;
pub(super) mod form;
mod rows;
mod value;

use std::time::Duration;

use crate::{json::write_string, page::CacheScope, wire::revision::Revision};

/// A JSON value as it looks in a revision.
pub(super) trait Shape {
    /// Appends the value to `out`, compact.
    fn write(&self, out: &mut Vec<u8>, revision: Revision);
}

/// The members of a JSON object as they look in a revision.
pub(super) trait Members {
    /// Appends the members to `out`, each led by a comma.
    fn members(&self, out: &mut Vec<u8>, revision: Revision);
}

/// A value that is left out of its object where it says nothing.
pub(super) trait Omit {
    /// It says nothing.
    fn says_nothing(&self) -> bool;
}

/// Writes an object whose members `members` appends, each led by a comma.
///
/// The comma of the first member becomes the opening brace, so that no row has to know whether it is the first.
pub(super) fn object(out: &mut Vec<u8>, members: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    members(out);
    match out.get_mut(start) {
        Some(first) => *first = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}

/// Writes an array of values.
pub(super) fn array<'a, T: Shape + 'a>(out: &mut Vec<u8>, items: impl IntoIterator<Item = &'a T>, revision: Revision) {
    out.push(b'[');
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        item.write(out, revision);
    }
    out.push(b']');
}

/// Writes a member whose name is not known when this is compiled, led by a comma.
pub(super) fn member(out: &mut Vec<u8>, name: &str, value: &impl Shape, revision: Revision) {
    out.push(b',');
    write_string(out, name);
    out.push(b':');
    value.write(out, revision);
}

/// One struct of the table: constants in parentheses, then a row a field.
///
/// * `required("name")`: always there;
/// * `optional("name")`: left out where it says nothing;
/// * `by("name", f)`: `f(&field, revision)` gives the value, if the revision has one;
/// * `members(f)`: `f(&field, out, revision)` appends members of its own.
///
/// After a name or a constant, `since V` and `only V` say which revisions carry it; without, all do. The closure that
/// builds the struct again is never called: it is there so that a field without a row does not compile.
macro_rules! shape {
    ($($of:ident $(($($constant:tt)*))? { $($field:ident: $kind:ident($($row:tt)*);)* })*) => {$(
        impl $crate::wire::shape::Members for $of {
            fn members(&self, out: &mut Vec<u8>, revision: $crate::wire::revision::Revision) {
                $(shape!(@constant out, revision, $($constant)*);)?
                $(shape!(@$kind &self.$field, out, revision, $($row)*);)*
                const _: fn($of) -> $of = |whole| $of { $($field: whole.$field),* };
            }
        }
        impl $crate::wire::shape::Shape for $of {
            fn write(&self, out: &mut Vec<u8>, revision: $crate::wire::revision::Revision) {
                $crate::wire::shape::object(out, |out| $crate::wire::shape::Members::members(self, out, revision));
            }
        }
    )*};
    (@constant $out:ident, $revision:ident, $name:literal = $value:literal $(, $when:ident $at:ident)?) => {
        if shape!(@carried $revision $($when $at)?) {
            $out.extend_from_slice(concat!(",\"", $name, "\":\"", $value, "\"").as_bytes());
        }
    };
    (@required $value:expr, $out:ident, $revision:ident, $name:literal $(, $when:ident $at:ident)?) => {
        if shape!(@carried $revision $($when $at)?) {
            $out.extend_from_slice(concat!(",\"", $name, "\":").as_bytes());
            $crate::wire::shape::Shape::write($value, $out, $revision);
        }
    };
    (@optional $value:expr, $out:ident, $revision:ident, $name:literal $(, $when:ident $at:ident)?) => {
        if shape!(@carried $revision $($when $at)?) && !$crate::wire::shape::Omit::says_nothing($value) {
            $out.extend_from_slice(concat!(",\"", $name, "\":").as_bytes());
            $crate::wire::shape::Shape::write($value, $out, $revision);
        }
    };
    (@by $value:expr, $out:ident, $revision:ident, $name:literal, $decide:path $(, $when:ident $at:ident)?) => {
        if shape!(@carried $revision $($when $at)?) && let Some(value) = $decide($value, $revision) {
            $out.extend_from_slice(concat!(",\"", $name, "\":").as_bytes());
            $crate::wire::shape::Shape::write(&value, $out, $revision);
        }
    };
    (@members $value:expr, $out:ident, $revision:ident, $append:path) => { $append($value, $out, $revision) };
    (@carried $revision:ident) => { true };
    (@carried $revision:ident since $first:ident) => { $revision >= $crate::wire::revision::Revision::$first };
    (@carried $revision:ident only $one:ident) => { $revision == $crate::wire::revision::Revision::$one };
}
use shape;

/// Whole milliseconds, as `ttlMs` wants them.
pub(super) fn milliseconds(duration: &Duration, _: Revision) -> Option<u64> {
    Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl Shape for CacheScope {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        let name = match self {
            Self::Public => "public",
            Self::Private => "private",
        };
        name.write(out, revision);
    }
}
