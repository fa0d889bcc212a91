//! The only door for error text: faults and failures become what the peer may read.
//!
//! Every sentence for the peer is written here or by the owner of a handler. The log gets the rest, under an incident
//! id that both texts share. What is taken out of a sentence because of what it looks like is for `leak` to say.

use std::{any::Any, borrow::Cow, error::Error};

use mocopr_core::{
    failure::{Failure, FailureKind},
    fault::{Fault, Target},
    outcome::{Incident, PublicError},
};
use tracing::{dispatcher, error};

use crate::{
    console,
    error_handler::{Manner, SecurityLevel},
    principal::Principal,
};

/// The public text of a fault.
pub fn fault(fault: Fault) -> PublicError {
    let message = sentence(&fault);
    PublicError::sanitized(fault, message, None)
}

/// The public text of a handler's failure; its source goes to the log.
pub fn failure(failure: &Failure, who: &Principal, what: &str, manner: Manner<'_>) -> Sanitized {
    match failure.kind() {
        FailureKind::Caller(text) => Sanitized::Caller(said(text.clone(), manner)),
        FailureKind::Fault(fault) => {
            let incident = failure.source().map(|source| {
                let incident = incident();
                log(incident, who, what, &Causes::of("a handler answered with a fault", Some(source), manner));
                incident
            });
            Sanitized::Error(PublicError::sanitized(fault.clone(), said(sentence(fault), manner), incident))
        }
        FailureKind::Internal(note) => Sanitized::Error(internal(who, what, note, failure.source(), manner)),
    }
}

/// The public text of a sentence that a handler wrote for its caller, where the answer is an error.
pub fn caller(text: &str) -> PublicError {
    PublicError::sanitized(Fault::Params("the handler refused the call"), Cow::Owned(text.to_owned()), None)
}

/// The public text of a panic; what it said goes to the log.
pub fn panic(payload: &(dyn Any + Send), who: &Principal, what: &str, manner: Manner<'_>) -> PublicError {
    let said = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text");
    internal(who, what, said, None, manner)
}

/// The public text of a failure of our own; the note and the source go to the log, and to the caller where the policy
/// says so.
pub fn internal(
    who: &Principal,
    what: &str,
    note: &str,
    source: Option<&(dyn Error + Send + Sync + 'static)>,
    manner: Manner<'_>,
) -> PublicError {
    let incident = incident();
    let causes = Causes::of(note, source, manner);
    log(incident, who, what, &causes);
    let message = match manner.level() {
        SecurityLevel::Production => Cow::Borrowed(INTERNAL),
        SecurityLevel::Development => said(Cow::Owned(causes.detailed()), manner),
    };
    PublicError::sanitized(Fault::Internal, message, Some(incident))
}

/// What became of a handler's failure.
#[derive(Debug)]
pub enum Sanitized {
    /// A sentence that the handler wrote for the caller.
    Caller(Cow<'static, str>),
    /// An error of the protocol.
    Error(PublicError),
}

/// What a handler wrote, as the policy lets it leave.
fn said(text: Cow<'static, str>, manner: Manner<'_>) -> Cow<'static, str> {
    let cleaned = match manner.sentence(&text) {
        Cow::Borrowed(_) => None,
        Cow::Owned(cleaned) => Some(cleaned),
    };
    cleaned.map_or(text, Cow::Owned)
}

/// Why something failed, in characters that no log and no terminal obeys.
struct Causes {
    note: String,
    /// The texts of the source and of its sources.
    chain: String,
}

impl Causes {
    fn of(note: &str, source: Option<&(dyn Error + Send + Sync + 'static)>, manner: Manner<'_>) -> Self {
        let mut chain = String::new();
        let mut next: Option<&(dyn Error + 'static)> = source.map(|source| source as _);
        // Source chains can be cyclic in theory; sixteen links tell enough.
        for _ in 0..16 {
            let Some(link) = next else { break };
            chain.push_str(if chain.is_empty() { "" } else { ": " });
            chain.extend(manner.cause(&link.to_string()).chars().flat_map(char::escape_debug));
            next = link.source();
        }
        Self { note: manner.cause(note).escape_debug().to_string(), chain }
    }

    /// For a caller under the development profile.
    fn detailed(&self) -> String {
        let separator = if self.chain.is_empty() { "" } else { ": " };
        let mut text = format!("{INTERNAL}: {}{separator}{}", self.note, self.chain);
        text.truncate(text.floor_char_boundary(DETAILED_BYTES));
        text
    }
}

fn log(incident: Incident, who: &Principal, what: &str, causes: &Causes) {
    let Causes { note, chain } = causes;
    if dispatcher::has_been_set() {
        error!(%incident, principal = %who, handler = what, %note, source = chain, "a call failed");
        return;
    }
    // Nobody listens to the log; an incident that cannot be looked up helps nobody.
    console::say_as_it_is(&line(incident, what, causes));
}

/// One line for standard error, whatever it is made of.
fn line(incident: Incident, what: &str, causes: &Causes) -> String {
    let Causes { note, chain } = causes;
    format!("mocopr: incident {incident}: {}: {note}: {chain}\n", what.escape_debug())
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
        Fault::Busy { .. } => "this cannot be answered now: try again later",
        Fault::Timeout => "the call took too long",
        Fault::Internal => INTERNAL,
    })
}

/// What the peer reads where a handler failed inside.
const INTERNAL: &str = "internal error";

/// Causes are cut here where a caller reads them; the log has the rest.
const DETAILED_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_handler::ErrorHandler;

    fn manner() -> Manner<'static> {
        static DEFAULTS: std::sync::LazyLock<ErrorHandler> = std::sync::LazyLock::new(ErrorHandler::default);
        Manner::of(&DEFAULTS, None)
    }

    fn internal_text(handler: &ErrorHandler, failure: &Failure) -> String {
        let manner = Manner::of(handler, None);
        let Sanitized::Error(error) = super::failure(failure, &Principal::local(), "echo", manner) else {
            panic!("an internal failure is an error");
        };
        assert!(error.incident().is_some());
        error.message().to_owned()
    }

    fn chain() -> Failure {
        let source = std::io::Error::other("no such table\n\tat com.example.Db.find(Db.java:31)\u{1b}[2J");
        Failure::internal("lookup failed at src/db.rs:31").caused_by(source)
    }

    /// S-94, T-63
    #[test]
    fn the_line_of_an_incident_is_one_line_whatever_it_tells_of() {
        let harmful = "\r\n2026-11-26 INFO all is well\u{1b}[2J\u{9b}31m\u{2028}\u{202e}\u{200b}\0\u{7f}";
        let source = std::io::Error::other(harmful);
        let line = line(Incident::new(7), harmful, &Causes::of(harmful, Some(&source), manner()));
        let text = line.strip_suffix('\n').unwrap();
        assert!(!text.contains(char::is_control) && !text.contains(['\u{2028}', '\u{202e}', '\u{200b}']), "{text:?}");
        assert!(text.contains("all is well"), "it is told all the same");
    }

    #[test]
    fn what_must_wait_is_not_called_too_many_requests_of_its_caller() {
        let wait = std::time::Duration::from_secs(5);
        assert_eq!(sentence(&Fault::Busy { retry_after: wait }), "this cannot be answered now: try again later");
        assert_eq!(sentence(&Fault::Rate { retry_after: wait }), "too many requests");
    }

    /// S-63
    #[test]
    fn only_under_development_a_caller_reads_the_causes_and_no_control_character() {
        let plain = ErrorHandler::builder().with_stack_trace_filtering(true).build();
        assert_eq!(internal_text(&plain, &chain()), INTERNAL);
        let detailed = ErrorHandler::builder().with_security_level(SecurityLevel::Development).build();
        let text = internal_text(&detailed, &chain());
        assert!(text.starts_with("internal error: lookup failed at src/db.rs:31: no such table\\n"), "{text}");
        assert!(text.contains("Db.java") && !text.contains(char::is_control), "{text}");
    }

    /// S-63
    #[test]
    fn stack_traces_are_taken_out_where_that_is_asked_for() {
        let detailed = ErrorHandler::builder()
            .with_security_level(SecurityLevel::Development)
            .with_stack_trace_filtering(true)
            .build();
        let source = std::io::Error::other("no such table\n\tat com.example.Db.find(Db.java:31)");
        let failure = Failure::internal("lookup failed at src/db.rs:31").caused_by(source);
        let text = internal_text(&detailed, &failure);
        assert_eq!(text, "internal error: lookup failed at [place]: no such table\\n[frames: 1]");
    }

    /// S-63, S-64
    #[test]
    fn sentences_of_handlers_are_cleaned_where_that_is_asked_for() {
        let failure = Failure::caller("no access with AKIAIOSFODNN7EXAMPLE");
        let said = |handler: ErrorHandler| match super::failure(
            &failure,
            &Principal::local(),
            "echo",
            Manner::of(&handler, None),
        ) {
            Sanitized::Caller(text) => text,
            Sanitized::Error(error) => panic!("{error:?}"),
        };
        let builder = ErrorHandler::builder;
        assert_eq!(said(builder().with_error_sanitization(true).build()), "no access with [redacted]");
        assert_eq!(said(builder().with_error_sanitization(false).build()), "no access with AKIAIOSFODNN7EXAMPLE");
    }

    #[test]
    fn causes_that_a_caller_reads_are_bounded() {
        let detailed = ErrorHandler::builder().with_security_level(SecurityLevel::Development).build();
        assert!(internal_text(&detailed, &Failure::internal("é".repeat(10_000))).len() <= DETAILED_BYTES);
    }

    #[test]
    fn a_source_never_reaches_the_public_text() {
        let secret = std::io::Error::other("/srv/app/db.sqlite3: no such table");
        let failure = Failure::from(secret);
        let Sanitized::Error(error) = super::failure(&failure, &Principal::local(), "echo", manner()) else {
            panic!("an internal failure is an error");
        };
        assert_eq!(error.message(), INTERNAL);
        assert!(error.incident().is_some());
    }

    #[test]
    fn a_panic_is_said_like_any_internal_failure() {
        let error = panic(&"index out of bounds in src/secret.rs", &Principal::local(), "echo", manner());
        assert_eq!(error.message(), INTERNAL);
    }

    #[test]
    fn a_caller_failure_is_said_word_for_word() {
        let failure = Failure::caller("no forecast beyond 14 days");
        let Sanitized::Caller(text) = super::failure(&failure, &Principal::local(), "echo", manner()) else {
            panic!("a caller failure is for the caller");
        };
        assert_eq!(text, "no forecast beyond 14 days");
    }
}
