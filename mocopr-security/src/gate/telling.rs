//! What those who keep account hear of the gate, each thing once: who was let in and who was not, and messages that
//! became no call. Of a call its own account tells.

use mocopr_core::{call::Call, peer::Source};

use super::{Admission, Gate};
use crate::evidence::{Account, AuditEvent, Bytes, Decided, Ending, Happening, MESSAGE};

impl Gate {
    /// Opens the account of a call that came in a message of `read` bytes, where somebody keeps one.
    pub fn account(&self, admission: &Admission, call: &Call, read: usize) -> Option<Box<Account>> {
        self.evidence.is_kept().then(|| Box::new(Account::open(&self.evidence, &self.clock, admission, call, read)))
    }

    /// Tells of a message that did not become a call.
    pub fn tell_malformed(&self, admission: &Admission, reason: &'static str, bytes: Bytes) {
        self.evidence.tell(&Happening {
            who: Some(&admission.principal),
            from: admission.from,
            action: MESSAGE,
            ending: Ending::refused(Decided::Refused, reason),
            bytes,
            ..Happening::of(AuditEvent::SecurityViolation)
        });
    }

    /// Tells of something about a session that was done without a message.
    pub fn tell_session(&self, admission: &Admission, action: &'static str) {
        self.evidence.tell(&Happening {
            who: Some(&admission.principal),
            from: admission.from,
            action,
            ..Happening::of(AuditEvent::Protocol)
        });
    }

    pub(super) fn tell_authenticated(&self, admission: &Admission) {
        if admission.is_new() {
            self.evidence.tell(&Happening {
                who: Some(&admission.principal),
                from: admission.from,
                action: AUTHENTICATE,
                target: admission.credential().unwrap_or_default(),
                ..Happening::of(AuditEvent::Authentication)
            });
        }
    }

    pub(super) fn tell_unauthenticated(&self, from: Option<Source>, reason: &'static str) {
        self.evidence.tell(&Happening {
            from,
            action: AUTHENTICATE,
            ending: Ending::refused(Decided::Refused, reason),
            ..Happening::of(AuditEvent::Authentication)
        });
    }
}

/// What is done where a credential is looked at.
const AUTHENTICATE: &str = "authenticate";
