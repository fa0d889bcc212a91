//! What handlers serve out of bounded places.

pub mod access;
#[cfg(target_os = "linux")]
pub mod files;
pub mod key;
pub mod memory;
pub mod path;
