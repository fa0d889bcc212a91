//! What came of each check, a line each on standard output.

use std::{future::Future, time::Duration};

/// What a check comes to; the text says what was not as it should be.
pub(crate) type Outcome = Result<(), String>;

/// The lines of one revision over one transport.
pub(crate) struct Report {
    revision: String,
    transport: &'static str,
    failed: bool,
}

impl Report {
    pub(crate) fn new(revision: &str, transport: &'static str) -> Self {
        Self { revision: revision.to_owned(), transport, failed: false }
    }

    /// Runs one check; one that does not end has failed.
    pub(crate) async fn check(&mut self, what: &str, check: impl Future<Output = Outcome>) {
        match tokio::time::timeout(LONGEST, check).await {
            Ok(Ok(())) => self.line(what, "ok", ""),
            Ok(Err(why)) => self.failed(what, &why),
            Err(_) => self.failed(what, &format!("no end within {LONGEST:?}")),
        }
    }

    pub(crate) fn skipped(&self, what: &str, why: &str) {
        self.line(what, "skip", why);
    }

    pub(crate) fn failed(&mut self, what: &str, why: &str) {
        self.failed = true;
        self.line(what, "FAIL", why);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    fn line(&self, what: &str, word: &str, why: &str) {
        let why = why.replace(['\t', '\n'], " ");
        println!("{CLIENT}\t{}\t{}\t{what}\t{word}\t{why}", self.revision, self.transport);
    }
}

/// Compares, and says both sides where they differ.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Outcome {
    if got == expected { Ok(()) } else { Err(format!("{what}: {got:?} instead of {expected:?}")) }
}

/// Whose lines these are.
const CLIENT: &str = "rmcp 3.11.0";
/// The longest that any check may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(30);
