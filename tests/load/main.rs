//! A server while others misbehave: what an honest client still gets, and what the server keeps of those who left.
//!
//! `cargo test --test load` runs the parts that are about counts: connections broken off, certificates replaced under
//! load, descriptors that run out, readers that do not read. With a number of seconds on the command line it also
//! measures an honest client for that long, quietly and then under attack, and the other parts are as much longer; a
//! word behind the number runs only the parts whose name holds it. All clients are of 127.0.0.0/8 and on this machine,
//! so everything that is judged by time is a ratio within one run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test of its own: a panic is a failed test"
)]

#[cfg(target_os = "linux")]
mod attack;
#[cfg(target_os = "linux")]
mod broken;
#[cfg(target_os = "linux")]
mod door;
#[cfg(target_os = "linux")]
mod honest;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
#[path = "../it/support/process.rs"]
#[allow(dead_code, reason = "the integration tests use the rest")]
mod process;
#[cfg(target_os = "linux")]
mod scarce;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod slow;
#[cfg(target_os = "linux")]
#[path = "../it/support/tls.rs"]
#[allow(dead_code, reason = "the integration tests use the rest")]
mod tls;

#[cfg(target_os = "linux")]
fn main() {
    // A word is the filter of a run that is about other tests.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let seconds = match words.first().map(|word| word.parse::<u64>()) {
        None => 0,
        Some(Ok(seconds)) => seconds,
        Some(Err(_)) => return,
    };
    parts::run(seconds, words.get(1).map_or("", String::as_str));
}

#[cfg(not(target_os = "linux"))]
fn main() {}

/// What comes of `work`, or a failed test that says what did not come.
#[cfg(target_os = "linux")]
async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing within {PATIENCE:?}"),
    }
}

/// How long anything may take; far more than it does on a busy machine.
#[cfg(target_os = "linux")]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

#[cfg(target_os = "linux")]
mod parts {
    use std::time::{Duration, Instant};

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    use crate::{broken, door::Wire, measure, scarce, server, slow};

    /// Runs every part whose name holds `filter`, each with a server of its own.
    pub(super) fn run(seconds: u64, filter: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // As many as may be: the crowd and the server, which inherits this, need some thousands each.
        let most = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
        assert!(
            most.is_none_or(|most| most >= DESCRIPTORS),
            "{DESCRIPTORS} descriptors are needed, and {most:?} allowed"
        );
        let begun = Instant::now();
        let named = |part: &str| {
            let runs = part.contains(filter);
            if runs {
                println!("{part} (after {:.1} s)", begun.elapsed().as_secs_f64());
            }
            runs
        };
        let long = seconds.max(SHORT) as usize / SHORT as usize;
        for wire in [Wire::Plain, Wire::Tls] {
            if seconds > 0 && named(&format!("an honest client among attackers, {wire:?}")) {
                measure::run(wire, Duration::from_secs(seconds));
            }
            if named(&format!("connections broken off, {wire:?}")) {
                let broken_off = match (seconds, wire) {
                    (0, _) => 1_000,
                    (_, Wire::Plain) => 6_000 * long,
                    (_, Wire::Tls) => 4_000 * long,
                };
                runtime.block_on(broken::run(wire, broken_off));
            }
        }
        if named("certificates replaced under load") {
            runtime.block_on(server::certificates_are_replaced_under_load(10 * long));
        }
        if named("descriptors run out") {
            runtime.block_on(scarce::run());
        }
        if named("readers that do not read") {
            runtime.block_on(slow::run());
        }
        println!("done (after {:.1} s)", begun.elapsed().as_secs_f64());
    }

    /// Seconds of the short form; a longer run does all the more of what is counted.
    const SHORT: u64 = 6;

    /// What one process needs at most.
    const DESCRIPTORS: u64 = 4_096;
}
