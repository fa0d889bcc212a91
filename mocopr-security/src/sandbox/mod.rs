//! What handlers serve out of bounded places.

pub mod key;
pub mod memory;
