//! The only door for error text: faults and failures become what the peer may read.
//!
//! Every sentence for the peer is written here or by the owner of a handler. The log gets the rest, under an
//! incident id that both texts share.

use std::{any::Any, borrow::Cow, error::Error, io::Write};

use mocopr_core::{
    failure::{Failure, FailureKind},
    fault::{Fault, Target},
    outcome::{Incident, PublicError},
};
use tracing::{dispatcher, error};

use crate::principal::Principal;

/// What the peer reads where a handler failed inside.
const INTERNAL: &str = "internal error";

/// The public text of a fault.
pub fn fault(fault: Fault) -> PublicError {
    let message = sentence(&fault);
    PublicError::sanitized(fault, message, None)
}

/// The public text of a handler's failure; its source goes to the log.
pub fn failure(failure: &Failure, who: &Principal, what: &str) -> Sanitized {
    match failure.kind() {
        FailureKind::Caller(text) => Sanitized::Caller(text.clone()),
        FailureKind::Fault(fault) => {
            let incident = failure.source().map(|source| {
                let incident = incident();
                log(incident, who, what, "a handler answered with a fault", Some(source));
                incident
            });
            Sanitized::Error(PublicError::sanitized(fault.clone(), sentence(fault), incident))
        }
        FailureKind::Internal(note) => Sanitized::Error(internal(who, what, note, failure.source())),
        _ => Sanitized::Error(internal(who, what, "a failure of an unknown kind", failure.source())),
    }
}

/// The public text of a sentence that a handler wrote for its caller, where the answer is an error.
pub fn caller(text: &str) -> PublicError {
    PublicError::sanitized(Fault::Params("the handler refused the call"), Cow::Owned(text.to_owned()), None)
}

/// The public text of a panic; what it said goes to the log.
pub fn panic(payload: &(dyn Any + Send), who: &Principal, what: &str) -> PublicError {
    let said = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text");
    internal(who, what, said, None)
}

/// The public text of a failure of our own; the note and the source go to the log.
pub fn internal(
    who: &Principal,
    what: &str,
    note: &str,
    source: Option<&(dyn Error + Send + Sync + 'static)>,
) -> PublicError {
    let incident = incident();
    log(incident, who, what, note, source);
    PublicError::sanitized(Fault::Internal, Cow::Borrowed(INTERNAL), Some(incident))
}

/// What became of a handler's failure.
#[derive(Debug)]
pub enum Sanitized {
    /// A sentence that the handler wrote for the caller.
    Caller(Cow<'static, str>),
    /// An error of the protocol.
    Error(PublicError),
}

fn log(
    incident: Incident,
    who: &Principal,
    what: &str,
    note: &str,
    source: Option<&(dyn Error + Send + Sync + 'static)>,
) {
    let mut chain = String::new();
    let mut next: Option<&(dyn Error + 'static)> = source.map(|source| source as _);
    // Source chains can be cyclic in theory; sixteen links tell enough.
    for _ in 0..16 {
        let Some(link) = next else { break };
        chain.push_str(if chain.is_empty() { "" } else { ": " });
        chain.extend(link.to_string().chars().flat_map(char::escape_debug));
        next = link.source();
    }
    let note = note.escape_debug();
    if dispatcher::has_been_set() {
        error!(%incident, principal = %who, handler = what, %note, source = chain, "a call failed");
        return;
    }
    // Nobody listens to the log; an incident that cannot be looked up helps nobody.
    let line = format!("mocopr: incident {incident}: {}: {note}: {chain}\n", what.escape_debug());
    // Where standard error is closed there is nowhere left to say it.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn incident() -> Incident {
    // Without randomness the incident is zero: the answer must not fail a second time.
    Incident::new(getrandom::u64().unwrap_or_default())
}

fn sentence(fault: &Fault) -> Cow<'static, str> {
    Cow::Borrowed(match fault {
        Fault::Parse => "the message is not valid JSON",
        Fault::TooLarge => "the message is too large",
        Fault::Envelope(rule) | Fault::Meta(rule) | Fault::Params(rule) | Fault::HeaderMismatch(rule) => rule,
        Fault::Arguments(message) => return Cow::Owned(message.to_string()),
        Fault::UnknownMethod => "method not found",
        Fault::UnknownName(Target::Tool) => "unknown tool",
        Fault::UnknownName(Target::Prompt) => "unknown prompt",
        Fault::UnknownName(Target::Completion) => "unknown completion reference",
        Fault::ResourceAbsent { .. } => "resource not found",
        Fault::Sealed(what) => what,
        Fault::MissingCapability(_) => "a client capability that this call needs was not declared",
        Fault::UnsupportedVersion { .. } => "unsupported protocol version",
        Fault::UnknownSession => "session not found",
        Fault::Unauthenticated => "authentication required",
        Fault::Scope(_) => "insufficient scope",
        Fault::Refused => "forbidden",
        Fault::Rate { .. } => "too many requests",
        Fault::Busy { .. } => "too many requests at once",
        Fault::Timeout => "the call took too long",
        Fault::Internal => INTERNAL,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_never_reaches_the_public_text() {
        let secret = std::io::Error::other("/srv/app/db.sqlite3: no such table");
        let failure = Failure::from(secret);
        let Sanitized::Error(error) = super::failure(&failure, &Principal::local(), "echo") else {
            panic!("an internal failure is an error");
        };
        assert_eq!(error.message(), INTERNAL);
        assert!(error.incident().is_some());
    }

    #[test]
    fn a_panic_is_said_like_any_internal_failure() {
        let error = panic(&"index out of bounds in src/secret.rs", &Principal::local(), "echo");
        assert_eq!(error.message(), INTERNAL);
    }

    #[test]
    fn a_caller_failure_is_said_word_for_word() {
        let failure = Failure::caller("no forecast beyond 14 days");
        let Sanitized::Caller(text) = super::failure(&failure, &Principal::local(), "echo") else {
            panic!("a caller failure is for the caller");
        };
        assert_eq!(text, "no forecast beyond 14 days");
    }
}
