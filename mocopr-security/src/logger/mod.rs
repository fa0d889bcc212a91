//! The ordinary log, without secrets and without characters that a terminal obeys.
//!
//! Takes every event of `tracing` in the process, whoever emits it, and writes it to standard error, one a line;
//! standard output belongs to the protocol.

mod filter;
mod subscriber;

#[cfg(test)]
mod tests;

use std::{io::Write, sync::Arc};

use mocopr_core::clock::Clock;
use tracing::{subscriber::set_global_default, warn};

pub(crate) use self::filter::Filter;
use self::subscriber::Subscribed;
use crate::{
    audit::{AuditLogger, AuditLoggerBuilder},
    policy::Problem,
};

/// Writes the log of the process to standard error, without the secrets that are in it.
///
/// ```
/// use mocopr_security::logger::SecurityLogger;
///
/// let logger = SecurityLogger::builder().with_audit_trail(true).with_sensitive_data_filtering(true).build();
/// assert!(logger.keeps_audit_trail());
/// ```
#[derive(Debug)]
pub struct SecurityLogger {
    said: SecurityLoggerBuilder,
}

/// Collects what a [`SecurityLogger`] does; begins with [`SecurityLogger::builder`].
///
/// An example is at [`SecurityLogger`].
#[derive(Debug)]
#[must_use = "a builder makes a logger with `.build()`"]
pub struct SecurityLoggerBuilder {
    form: Form,
    trail: Trail,
    filter: Option<Filter>,
    fields: Vec<Box<str>>,
}

/// How an event looks in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Words,
}

/// Whether records of the audit log are events of this one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trail {
    Kept,
    NotKept,
}

impl SecurityLogger {
    /// Begins a logger that writes events from `INFO` on as JSON, without secrets, and no records of calls.
    pub fn builder() -> SecurityLoggerBuilder {
        SecurityLoggerBuilder {
            form: Form::Json,
            trail: Trail::NotKept,
            filter: Some(Filter::new()),
            fields: Vec::new(),
        }
    }

    /// It also writes a record of each call and of each refusal.
    pub fn keeps_audit_trail(&self) -> bool {
        self.said.trail == Trail::Kept
    }

    /// What writes the records of calls and refusals into this log, in its form.
    pub fn audit_trail(&self) -> AuditLoggerBuilder {
        AuditLogger::builder().with_structured_logging(self.said.form == Form::Json)
    }

    /// Begins to write. From then on it is the log of this process.
    ///
    /// # Errors
    /// A problem where the process has a log already.
    pub fn install(self, clock: Arc<dyn Clock>) -> Result<(), Problem> {
        let SecurityLoggerBuilder { form, trail: _, filter, fields } = self.said;
        let is_filtered = filter.is_some();
        let filter = filter.map(|filter| filter.with_fields(fields));
        set_global_default(Subscribed::new(form, filter, clock, to_stderr)).map_err(|_| {
            Problem::new(
                "this process has a log already",
                "call .with_logger(..) on one server alone, and install no other subscriber of `tracing`",
            )
        })?;
        if !is_filtered {
            warn!(rule = "log", "secrets are not taken out of the log");
        }
        Ok(())
    }
}

impl SecurityLoggerBuilder {
    /// Says whether a record of each call and of each refusal is written too, with the target `audit`; not unless said.
    /// A log of its own, which cannot be changed unseen, is [`AuditLogger`]'s.
    pub fn with_audit_trail(mut self, kept: bool) -> Self {
        self.trail = if kept { Trail::Kept } else { Trail::NotKept };
        self
    }

    /// Says whether secrets are taken out, which they are unless said: private keys, tokens, API keys and passwords in
    /// URLs wherever they stand, and the whole value of a field whose name says that it is one, such as
    /// `authorization`, `password` or `refresh_token`. Control characters are escaped in any case.
    pub fn with_sensitive_data_filtering(mut self, filtered: bool) -> Self {
        self.filter = filtered.then(Filter::new);
        self
    }

    /// Takes out the value of fields of this name too, while secrets are taken out.
    pub fn with_sensitive_field(mut self, name: impl Into<Box<str>>) -> Self {
        self.fields.push(name.into());
        self
    }

    /// Writes an event as a JSON object, which is so unless said, or as words.
    pub fn with_structured_logging(mut self, structured: bool) -> Self {
        self.form = if structured { Form::Json } else { Form::Words };
        self
    }

    /// Makes the logger.
    pub fn build(self) -> SecurityLogger {
        SecurityLogger { said: self }
    }
}

fn to_stderr(line: &[u8]) {
    // Where standard error is closed there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(line);
}
