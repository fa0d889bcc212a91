//! Reads files of a directory while others move links, files and directories about, and counts what must never be read.
//!
//! `cargo test --test races -- 1000000` reads that often for each attack and each way of opening, and with a word
//! behind the number only for attacks whose name holds it; a short run is part of all tests. Every file that stands
//! outside while it exists says so, and none of them may be read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test of its own: a panic is a failed test"
)]

#[cfg(target_os = "linux")]
mod attacks;
#[cfg(target_os = "linux")]
mod tree;

#[cfg(target_os = "linux")]
fn main() {
    // A word is the filter of a run that is about other tests.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let reads = match words.first().map(|word| word.parse::<u64>()) {
        None => SHORT_RUN,
        Some(Ok(reads)) => reads,
        Some(Err(_)) => return,
    };
    attacks::run(reads, words.get(1).map_or("", String::as_str));
}

#[cfg(not(target_os = "linux"))]
fn main() {}

/// Reads of a run that every change waits for.
#[cfg(target_os = "linux")]
const SHORT_RUN: u64 = 20_000;
