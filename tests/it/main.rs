//! Integration tests: one binary, a file a theme.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "all of it is test code: a panic is a failed test, and files, processes and tasks are what it watches"
)]

mod access;
mod attack;
mod conformance;
mod conformity;
mod errors;
mod everything;
mod examples;
mod facade;
#[cfg(target_os = "linux")]
mod files;
mod links;
mod macros;
mod outbound;
mod principals;
mod resources;
mod security;
mod stores;
mod support;
mod surface;
mod tidy;
mod timeouts;
mod wire;
