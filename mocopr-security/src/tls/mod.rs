//! TLS of listeners: which files prove the server, which versions and suites it speaks, and whose certificates it
//! takes.
//!
//! Everything is read and checked when it is built: a listener that cannot prove itself is never bound. The default
//! provider of the process is neither read nor set.

mod certificate;
mod client;
mod config;
mod live;
#[cfg(feature = "self-signed")]
mod self_signed;
mod suites;

pub use self::{
    config::{TlsConfig, TlsConfigBuilder, TlsError},
    live::{Handshaken, LiveTls},
    suites::{CipherSuite, SECURE_CIPHER_SUITES, TlsVersion},
};
