//! Resources that are not registered one by one: sources, mounted below a base.

#[cfg(target_os = "linux")]
mod files;
pub mod handler;
mod listed;
mod memory;
mod mount;
pub(crate) mod mounted;
pub mod path;
pub mod source;
pub(crate) mod walks;
pub(crate) mod watch;
