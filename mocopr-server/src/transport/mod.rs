//! Transports: each moves bytes and describes a peer. None decides anything.

pub(crate) mod claims;
pub(crate) mod company;
pub(crate) mod connection;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod lines;
pub(crate) mod mirror;
pub(crate) mod pipe;
pub(crate) mod stall;
#[cfg(feature = "stdio")]
pub(crate) mod stdio;
#[cfg(feature = "http")]
pub(crate) mod websocket;
pub(crate) mod writer;
