//! What of a peer's text is taken.

pub mod uri;
