//! The one model of what servers offer and answer, for every revision.
//!
//! These types do not implement `Serialize`: which of their fields exist in which revision is the table of
//! `wire::shape`, and the only way out is `wire::encode`.

pub mod ask;
pub mod capability;
pub mod content;
pub mod notice;
pub mod prompt;
pub mod resource;
pub mod tool;
