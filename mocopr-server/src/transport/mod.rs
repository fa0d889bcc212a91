//! Transports: each moves bytes and describes a peer. None decides anything.

pub(crate) mod lines;
#[cfg(feature = "stdio")]
pub(crate) mod stdio;
