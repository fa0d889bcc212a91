//! The audit log: who did what, when, and whether it was allowed, in a form that cannot be changed unseen.
//!
//! A witness of what happens, which decides nothing; while it cannot write, nothing more happens, unless its owner says
//! otherwise. What a record holds, and what the chain proves and what it does not, is in `docs/security/audit.md`.

mod arguments;
mod batch;
mod buffer;
mod chain;
mod flood;
mod folder;
mod head;
mod journal;
mod keeping;
mod names;
mod record;
mod resume;
pub(crate) mod stamp;
pub(crate) mod text;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

#[cfg(feature = "testing")]
use std::time::Duration;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use mocopr_core::clock::Clock;

#[cfg(feature = "testing")]
use self::{
    batch::{Batch, Occurrence},
    stamp::moment,
};
use self::{
    chain::Keys,
    flood::Floods,
    journal::{Form, Journal, Logged, Open},
    keeping::Keeping,
    record::Wording,
};
pub use self::{
    keeping::{RetentionPolicy, RotationPolicy},
    verify::{Verification, verify},
};
#[cfg(feature = "testing")]
use crate::evidence::Happening;
use crate::{
    evidence::{AuditEvent, Witness},
    policy::Problem,
    redact::Secret,
    seal::KeyRing,
};

/// Keeps a record of each call and of each refusal.
///
/// ```
/// use mocopr_security::{audit::{AuditLogger, RetentionPolicy}, evidence::AuditEvent};
///
/// let audit = AuditLogger::builder()
///     .with_events(&[AuditEvent::Authentication, AuditEvent::Authorization, AuditEvent::ToolExecution])
///     .with_file("/var/log/calculator/audit.jsonl")
///     .with_retention_policy(RetentionPolicy::days(90))
///     .build();
/// # drop(audit);
/// ```
#[derive(Debug)]
pub struct AuditLogger {
    said: AuditLoggerBuilder,
}

/// Collects what an [`AuditLogger`] does; begins with [`AuditLogger::builder`].
///
/// An example is at [`AuditLogger`].
#[derive(Debug)]
#[must_use = "a builder makes a logger with `.build()`"]
pub struct AuditLoggerBuilder {
    wording: Wording,
    form: Form,
    file: Option<PathBuf>,
    key: Option<Secret<String>>,
    failure: AuditFailure,
    rotation: Option<RotationPolicy>,
    retention: Option<RetentionPolicy>,
}

/// What becomes of calls while no record can be written.
///
/// ```
/// use mocopr_security::audit::{AuditFailure, AuditLogger};
///
/// let audit = AuditLogger::builder()
///     .with_file("/var/log/calculator/audit.jsonl")
///     .with_failure(AuditFailure::Continue) // a full disk shall not stop the calculator
///     .build();
/// # drop(audit);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditFailure {
    /// They are refused with 503, until a record can be written again.
    #[default]
    Refuse,
    /// They go on. Records that find no room meanwhile are lost, and how many is recorded later.
    Continue,
}

impl AuditLogger {
    /// Begins a logger that keeps records of every kind, in the ordinary log unless a file is named.
    pub fn builder() -> AuditLoggerBuilder {
        AuditLoggerBuilder {
            wording: Wording::new(&AuditEvent::ALL),
            form: Form::Json,
            file: None,
            key: None,
            failure: AuditFailure::default(),
            rotation: None,
            retention: None,
        }
    }

    /// The name under which somebody stands in records of a logger with pseudonyms; `key` is the state key of the
    /// server, or that of the logger. Of several keys with commas between them the first counts.
    ///
    /// So whoever has the key finds all that a log says of one subject, and nobody else does.
    ///
    /// # Errors
    /// A problem where the key is none.
    pub fn pseudonym(key: &Secret<String>, issuer: &str, subject: &str) -> Result<Box<str>, Problem> {
        Ok(Keys::of(&KeyRing::from_secret(key)?)?.pseudonym(issuer, subject))
    }

    /// Opens the log; `ring` are the keys that the owner gave the server. Reads what a file already holds behind its
    /// head, and blocks meanwhile.
    ///
    /// # Errors
    /// Every problem: a file without a key that outlives the process, one that cannot be opened, one that is not what
    /// was written.
    pub fn open(self, ring: Option<&KeyRing>, clock: Arc<dyn Clock>) -> Result<Arc<dyn Witness>, Vec<Problem>> {
        let AuditLoggerBuilder { wording, form, file, key, failure, rotation, retention } = self.said;
        let one = |problem: Problem| vec![problem];
        let own = key.map(|key| KeyRing::from_secret(&key)).transpose().map_err(one)?;
        let keys = own.as_ref().or(ring).map(Keys::of).transpose().map_err(one)?;
        let mut problems = Vec::new();
        if keys.is_none() && (file.is_some() || wording.needs_key()) {
            problems.push(Problem::new(
                "the audit log has no key that outlives this process, so nobody could verify it",
                "call .with_state_key(..) on the server, or .with_key(..) on the logger",
            ));
        }
        if rotation.is_some_and(RotationPolicy::is_too_tight) {
            problems.push(Problem::new(
                "the audit log is to begin a new file all the time",
                "give .with_rotation(..) at least 64 KiB and a minute",
            ));
        }
        if retention.is_some_and(|retention| retention.as_days() == 0) {
            problems.push(Problem::new("the audit log is to be kept for no day", "give RetentionPolicy::days(..) one"));
        }
        match file {
            None if rotation.is_some() => problems.push(Problem::new(
                "the audit log is to be rotated, and has no file",
                "call .with_file(..) on the logger",
            )),
            Some(_) if form == Form::Words => problems.push(Problem::new(
                "the file of an audit log holds JSON alone",
                "leave out .with_structured_logging(false), or .with_file(..)",
            )),
            _ => {}
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        match (file, keys) {
            (Some(path), Some(keys)) => {
                // Only a closed file can be deleted.
                let unless_said = if retention.is_some() { RotationPolicy::daily() } else { RotationPolicy::NEVER };
                let keeping = Keeping { rotation: rotation.unwrap_or(unless_said), retention };
                let open = Open { path: &path, wording, keys, clock, failure, keeping };
                Ok(Arc::new(Journal::open(open).map_err(one)?))
            }
            (_, keys) => {
                let floods = Floods::new(clock.clone());
                Ok(Arc::new(Logged { wording, keys, clock, form, retention, floods }))
            }
        }
    }
}

impl AuditLoggerBuilder {
    /// Keeps records of these kinds alone; of all unless said. What happens to the log itself is always recorded in it.
    pub fn with_events(mut self, events: &[AuditEvent]) -> Self {
        self.wording.keep(events);
        self
    }

    /// Writes records to the ordinary log as JSON, which is so unless said, or as words. A file holds JSON alone.
    pub fn with_structured_logging(mut self, structured: bool) -> Self {
        self.form = if structured { Form::Json } else { Form::Words };
        self
    }

    /// Keeps the log in this file, one record a line, each bound to the one before; made for its owner alone where it
    /// is not there yet. A file beside it, with `.head` behind its name, holds how far it came.
    ///
    /// Without, records are events of `tracing` with the target `audit`.
    pub fn with_file(mut self, path: impl AsRef<Path>) -> Self {
        self.file = Some(path.as_ref().to_owned());
        self
    }

    /// Takes this key instead of the server's state key, in the same form.
    pub fn with_key(mut self, key: Secret<String>) -> Self {
        self.key = Some(key);
        self
    }

    /// Says what becomes of calls while the file cannot be written; they are refused unless said.
    pub fn with_failure(mut self, failure: AuditFailure) -> Self {
        self.failure = failure;
        self
    }

    /// Says when a new file is begun: never unless said, daily with a retention policy.
    pub fn with_rotation(mut self, rotation: RotationPolicy) -> Self {
        self.rotation = Some(rotation);
        self
    }

    /// Deletes rotated files when they are so old, which is recorded; kept for good unless said. For the ordinary log
    /// it is whoever keeps that who has to, and the security report says so.
    pub fn with_retention_policy(mut self, retention: RetentionPolicy) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Names subjects, and the credentials by which they are here, by pseudonyms that only who has the key can look up:
    /// [`AuditLogger::pseudonym`].
    pub fn with_pseudonyms(mut self) -> Self {
        self.wording.pseudonyms = true;
        self
    }

    /// Adds a keyed digest of the arguments of tools and prompts, so that it can be shown later which they were.
    pub fn with_argument_digests(mut self) -> Self {
        self.wording.digests = true;
        self
    }

    /// Adds the names of the arguments of tools and prompts, with the kind and the length of each value, never a value.
    pub fn with_redacted_arguments(mut self) -> Self {
        self.wording.redacted = true;
        self
    }

    /// Makes the logger.
    pub fn build(self) -> AuditLogger {
        AuditLogger { said: self }
    }
}

/// The record of what happened, as the writer makes it from the facts that wait for it.
#[cfg(feature = "testing")]
pub(crate) fn written(happening: &Happening<'_>, ring: Option<&KeyRing>) -> Option<String> {
    let keys = ring.map(Keys::of).transpose().ok()?;
    let mut wording = Wording::new(&AuditEvent::ALL);
    wording.pseudonyms = keys.is_some();
    let mut batch = Batch::default();
    batch.push(Duration::ZERO, &Happening { target: &wording.kept(happening), ..*happening }, b"");
    let Occurrence { at, happening, arguments } = batch.next()?;
    let mut out = Vec::new();
    wording.write(&mut out, &moment(at), &happening, keys.as_ref());
    out.extend_from_slice(arguments);
    out.push(b'}');
    String::from_utf8(out).ok()
}
