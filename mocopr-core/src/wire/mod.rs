//! What the protocol looks like on the wire: methods, revisions, numbers, decoding and encoding.
//!
//! Only here are protocol dates, method names and JSON-RPC error numbers written. Which member exists in which
//! revision is the table of `shape`; everything else that differs hangs on [`revision::Era`].

pub mod code;
pub mod decode;
pub mod encode;
pub mod method;
#[cfg(test)]
mod official;
pub mod revision;
mod shape;
