//! What a happening means to whoever counts: which bound was reached, whose credential failed.

use super::{AuditEvent, HEAVY_RATE, Happening, MESSAGE, NO_NONCE, Outcome, UNAUTHENTICATED};

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// Requests of one address.
    Address,
    /// Calls of one principal.
    Principal,
    /// Calls of one heavy tool by one principal.
    Tool,
    /// What goes on at once.
    Concurrency,
}

impl Exceeded {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Address, Self::Principal, Self::Tool, Self::Concurrency];

    /// Its name in records and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Principal => "principal",
            Self::Tool => "tool",
            Self::Concurrency => "concurrency",
        }
    }
}

impl Happening<'_> {
    /// It was not done at all.
    pub fn is_refused(&self) -> bool {
        self.ending.result == Outcome::Refused
    }

    /// A credential was missing or did not hold. One that lacks a nonce alone holds: that is how clients get one.
    pub fn is_failed_authentication(&self) -> bool {
        self.event == AuditEvent::Authentication && self.is_refused() && self.ending.reason != NO_NONCE
    }

    /// Which bound was reached, where it was refused because of one.
    pub fn exceeded(&self) -> Option<Exceeded> {
        if !self.is_refused() {
            return None;
        }
        match self.ending.reason {
            "rate" if self.action == "head" => Some(Exceeded::Address),
            "rate" => Some(Exceeded::Principal),
            HEAVY_RATE => Some(Exceeded::Tool),
            "busy" => Some(Exceeded::Concurrency),
            _ => None,
        }
    }

    /// It was refused, and took nothing of any rate of its sender, who can send more of it as fast as the network
    /// carries: what is beyond a rate, messages that became no call, calls of somebody who is nobody any longer.
    pub(crate) fn is_refused_for_nothing(&self) -> bool {
        if !self.is_refused() {
            return false;
        }
        match self.exceeded() {
            Some(Exceeded::Address | Exceeded::Principal) => true,
            Some(Exceeded::Tool | Exceeded::Concurrency) => false,
            None => {
                let is_no_call = self.event == AuditEvent::SecurityViolation && self.action == MESSAGE;
                is_no_call || (self.who.is_some() && self.ending.reason == UNAUTHENTICATED)
            }
        }
    }

    /// A handler was called, whatever came of it.
    pub fn is_carried_out(&self) -> bool {
        match self.event {
            AuditEvent::ToolExecution | AuditEvent::PromptUse | AuditEvent::ResourceAccess => !self.is_refused(),
            AuditEvent::Authentication
            | AuditEvent::Authorization
            | AuditEvent::Protocol
            | AuditEvent::SecurityViolation
            | AuditEvent::Administration => false,
        }
    }
}
