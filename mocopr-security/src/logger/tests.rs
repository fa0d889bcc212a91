//! What of an event reaches the log.

use std::sync::{Mutex, PoisonError};

use mocopr_core::clock::ManualClock;
use serde_json::Value;
use tracing::{debug, error, info, info_span, subscriber::with_default};

use super::*;

/// The lines that `emit` leaves in a log of this form.
fn lines(form: Form, filter: Option<Filter>, emit: impl FnOnce()) -> String {
    let out: Arc<Mutex<Vec<u8>>> = Arc::default();
    let to = out.clone();
    let write = move |line: &[u8]| to.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
    with_default(Subscribed::new(form, filter, Arc::new(ManualClock::new()), write), emit);
    String::from_utf8(out.lock().unwrap().clone()).unwrap()
}

fn emit_secrets() {
    let token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";
    info!(authorization = %format!("Bearer {token}"), "refused {token}");
    error!(
        password = "hunter2",
        Refresh_Token = 1234,
        url = "postgres://app:hunter2@db/x",
        employee = "E-17",
        "failed"
    );
}

/// S-65
#[test]
fn secrets_are_taken_out_of_messages_and_of_fields_that_say_what_they_are() {
    for form in [Form::Json, Form::Words] {
        let filter = Filter::new().with_fields(vec!["Employee".into()]);
        let log = lines(form, Some(filter), emit_secrets);
        for secret in ["eyJhbGci", "hunter2", "1234", "E-17"] {
            assert!(!log.contains(secret), "{log}");
        }
        assert_eq!(log.lines().count(), 2);
        assert!(log.contains("postgres://app:[redacted]@db/x") && log.contains("refused [redacted]"), "{log}");
    }
    assert!(lines(Form::Json, None, emit_secrets).contains("hunter2"), "as its owner wants it");
}

/// S-65, S-94, T-63
#[test]
fn no_event_breaks_its_line_or_reaches_a_terminal() {
    let hostile = "a\r\n{\"level\":\"x\"}\u{1b}[31m\u{2028}\u{202e}\u{9b}\0";
    for form in [Form::Json, Form::Words] {
        let log = lines(form, None, || {
            info!(text = hostile, shown = %hostile, debugged = ?hostile, number = -7, on = true, "{hostile}");
        });
        assert_eq!(log.matches('\n').count(), 1, "{log:?}");
        assert!(log.trim_end().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{log:?}");
        if form == Form::Json {
            let json: Value = serde_json::from_str(&log).unwrap();
            assert_eq!((json["message"].as_str(), json["fields"]["text"].as_str()), (Some(hostile), Some(hostile)));
            assert_eq!((json["fields"]["number"].as_i64(), json["fields"]["on"].as_bool()), (Some(-7), Some(true)));
            assert_eq!(json["timestamp"], "2026-01-01T00:00:00.000Z");
        }
    }
}

#[test]
fn events_within_spans_are_written_and_those_below_info_are_not() {
    let log = lines(Form::Words, Some(Filter::new()), || {
        let _span = info_span!("outer", password = "hunter2").entered();
        debug!("quiet");
        info!(rule = "origin", "refused");
    });
    assert_eq!(log, "2026-01-01T00:00:00.000Z INFO mocopr_security::logger::tests: refused rule=\"origin\"\n");
}

/// S-90
#[test]
fn the_audit_trail_is_written_in_the_form_of_the_log() {
    use crate::evidence::{AuditEvent, Happening};

    for (structured, form) in [(true, Form::Json), (false, Form::Words)] {
        let logger = SecurityLogger::builder().with_audit_trail(true).with_structured_logging(structured).build();
        assert!(logger.keeps_audit_trail());
        let trail = logger.audit_trail().build().open(None, Arc::new(ManualClock::new())).unwrap();
        let log = lines(form, Some(Filter::new()), || {
            trail.saw(&Happening {
                action: "tools/call",
                target: "e\ncho",
                ..Happening::of(AuditEvent::ToolExecution)
            });
        });
        assert_eq!(log.lines().count(), 1);
        match form {
            Form::Json => {
                let line: Value = serde_json::from_str(&log).unwrap();
                let record: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
                assert_eq!((&line["target"], &record["target"]), (&"audit".into(), &"e\ncho".into()));
            }
            Form::Words => assert!(log.contains("event=tool_execution action=tools/call target="), "{log}"),
        }
    }
}
