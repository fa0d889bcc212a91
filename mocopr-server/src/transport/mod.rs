//! Transports: each moves bytes and describes a peer. None decides anything.

#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod lines;
#[cfg(feature = "stdio")]
pub(crate) mod stdio;
