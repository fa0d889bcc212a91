//! What comes of a call.

use std::{borrow::Cow, fmt};

use crate::{
    failure::Failure,
    fault::Fault,
    model::{
        ask::Questions,
        prompt::PromptResult,
        resource::{ReadResult, Resource},
        tool::{Completion, ToolResult},
    },
    page::Page,
};

/// How a handler ended.
#[derive(Debug)]
pub enum Outcome {
    /// It answered.
    Complete(Reply),
    /// It needs answers of the client first (2026-07-28).
    NeedInput(Questions),
    /// It failed.
    Failed(Failure),
}

/// A handler's answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Of `tools/call`.
    Tool(ToolResult),
    /// Of `prompts/get`.
    Prompt(PromptResult),
    /// Of `resources/read`.
    Read(ReadResult),
    /// Of `completion/complete`.
    Completion(Completion),
    /// Of `resources/list`, where the list has to be looked up first.
    Resources(Page<Resource>),
}

/// An error as the peer may read it.
///
/// Made only by the sanitizer of `mocopr-security`; written only by `wire::encode`.
#[derive(Clone, Debug)]
pub struct PublicError {
    fault: Fault,
    message: Cow<'static, str>,
    incident: Option<Incident>,
}

impl PublicError {
    /// For the sanitizer alone (an invariant that the test suite holds).
    #[doc(hidden)]
    pub fn sanitized(fault: Fault, message: Cow<'static, str>, incident: Option<Incident>) -> Self {
        Self { fault, message, incident }
    }

    /// What failed.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The sentence for the peer.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where to look it up in the log.
    pub fn incident(&self) -> Option<Incident> {
        self.incident
    }
}

/// A random number that stands in the answer and in the log, so that the two can be matched.
///
/// ```
/// use mocopr_core::outcome::Incident;
///
/// assert_eq!(Incident::new(0xc1f3).to_string(), "000000000000c1f3", "as callers and logs have it");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Incident(u64);

impl Incident {
    /// An incident of the given random number.
    pub fn new(random: u64) -> Self {
        Self(random)
    }

    /// Its bytes, of which the text is in hexadecimal digits.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
