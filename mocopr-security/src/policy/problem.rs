//! Something that keeps a server from being built or started, and the call that mends it.

use std::fmt;

/// Something that keeps a server from being built or started, and the call that mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    what: String,
    mend: String,
}

impl Problem {
    /// `what` is wrong; `mend` says how to put it right.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }

    /// What is wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// How to put it right.
    pub fn mend(&self) -> &str {
        &self.mend
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.mend)
    }
}

impl std::error::Error for Problem {}
