//! JSON of untrusted origin: limits, the one-pass scanner, and slices of what it has accepted.
//!
//! Nothing here knows a method or a revision, builds a tree, or recurses. `Bytes` are sliced in this module only,
//! so that every slice lies in text that was scanned before.

mod cursor;
mod limits;
mod raw;
mod scan;
mod split;
mod text;
mod whole;

pub use cursor::{Broken, Cursor, Quoted};
pub use limits::{JsonLimits, MessageLimits};
pub use raw::RawJson;
pub use scan::Scanner;
pub use text::write_string;

pub(crate) use raw::slice;
pub(crate) use scan::{Member, Rules, Span};
pub(crate) use split::elements;
pub(crate) use text::unescape;

#[cfg(test)]
mod tests;
