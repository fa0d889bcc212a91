//! The witnesses that keep the audit log: in a file, or in the ordinary log.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use mocopr_core::clock::Clock;
use tracing::info;

use super::{
    AuditFailure,
    buffer::{Buffer, Matter},
    chain::Keys,
    flood::Floods,
    keeping::{Keeping, RetentionPolicy},
    record::{Wording, write_words},
    resume::{Resumed, resume},
    stamp::Stamp,
    writer::{Begin, Writer},
};
use crate::{
    evidence::{AuditEvent, Decided, Happening, Measure, Outcome, Witness},
    policy::{Problem, Row},
};

/// Keeps the audit log in a file.
pub(super) struct Journal {
    wording: Arc<Wording>,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    failure: AuditFailure,
    buffer: Arc<Buffer>,
    floods: Floods,
    row: Row,
    /// Ends when this is dropped.
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What a journal is opened with.
pub(super) struct Open<'a> {
    pub(super) path: &'a Path,
    pub(super) wording: Wording,
    pub(super) keys: Keys,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) failure: AuditFailure,
    pub(super) keeping: Keeping,
}

impl Journal {
    /// Opens a log and begins to write.
    ///
    /// # Errors
    /// A problem where the log cannot be opened, or is not what was written, or there can be no more threads.
    pub(super) fn open(open: Open<'_>) -> Result<Self, Problem> {
        let Open { path, wording, keys, clock, failure, keeping } = open;
        let Resumed { folder, head, torn, has_new_key } = resume(path, &keys)?;
        let row = row(path, folder.is_device(), failure);
        let keeping = if folder.is_device() { Keeping::NONE } else { keeping };
        let (wording, buffer, keys) = (Arc::new(wording), Arc::new(Buffer::default()), Arc::new(keys));
        let begin = Begin {
            files: folder,
            wording: wording.clone(),
            buffer: buffer.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            keeping,
            head,
        };
        let thread = Writer::new(begin).start().map_err(|error| {
            Problem::new(
                format!("the audit log has no thread to write it ({})", error.kind()),
                "let this process have one more thread",
            )
        })?;
        let floods = Floods::new(clock.clone());
        let journal = Self { wording, keys, clock, failure, buffer, floods, row, writer: Mutex::new(Some(thread)) };
        if torn > 0 {
            journal.administer("audit/torn", &format!("{torn} bytes of a line that was not finished"), Outcome::Failed);
        }
        if has_new_key {
            journal.administer("audit/key", "the log goes on under another key", Outcome::Succeeded);
        }
        Ok(journal)
    }

    fn administer(&self, action: &str, target: &str, result: Outcome) {
        self.keep(&Happening::administration(action, target, result));
    }

    fn keep(&self, happening: &Happening<'_>) {
        let matter = match (happening.event, happening.ending.decision) {
            (AuditEvent::Administration, _) | (_, Decided::Permitted) => Matter::Done,
            (_, Decided::Refused | Decided::Hidden | Decided::Unknown | Decided::StepUp) => Matter::Refused,
        };
        let mut arguments = Vec::new();
        if let Some(given) = happening.arguments {
            self.wording.write_arguments(&mut arguments, given, Some(&self.keys));
        }
        let target = self.wording.kept(happening);
        self.buffer.push(self.clock.unix(), &Happening { target: &target, ..*happening }, &arguments, matter);
    }
}

impl Witness for Journal {
    fn saw(&self, happening: &Happening<'_>) {
        if !self.wording.keeps(happening.event) {
            return;
        }
        self.floods.sift(happening, |happening| self.keep(happening));
    }

    fn is_able(&self) -> bool {
        match self.failure {
            AuditFailure::Refuse => self.buffer.is_able(),
            AuditFailure::Continue => true,
        }
    }

    fn wants_arguments(&self) -> bool {
        self.wording.wants_arguments()
    }

    fn settle(&self) {
        self.floods.tell_left_out(|happening| self.keep(happening));
        self.buffer.settle();
    }

    fn measure(&self, say: &mut dyn FnMut(Measure<'_>)) {
        #[expect(clippy::cast_precision_loss, reason = "the buffer holds a few megabytes")]
        let waiting = self.buffer.waiting_bytes() as f64;
        say(Measure::new("mocopr_audit_queue_bytes", "What waits to be written to the audit log, in memory.", waiting));
        let able = f64::from(u8::from(self.buffer.is_able()));
        say(Measure::new("mocopr_audit_writable", "1 while the audit log can be written, else 0.", able));
    }

    fn row(&self) -> Option<Row> {
        Some(self.row.clone())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.buffer.end();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A writer that panicked has said so itself.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("row", &self.row).finish_non_exhaustive()
    }
}

fn row(path: &Path, is_device: bool, failure: AuditFailure) -> Row {
    let path = path.display();
    let kept = if is_device { "a device, which keeps nothing to verify" } else { "a file" };
    let then = match failure {
        AuditFailure::Refuse => "calls are refused while it cannot be written",
        AuditFailure::Continue => "calls go on while it cannot be written",
    };
    Row {
        about: "audit log",
        holds: format!("{kept}, {path}; {then}"),
        relaxed: is_device || failure == AuditFailure::Continue,
    }
}

/// Keeps the audit log in the ordinary log.
pub(super) struct Logged {
    pub(super) wording: Wording,
    pub(super) keys: Option<Keys>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) form: Form,
    pub(super) retention: Option<RetentionPolicy>,
    pub(super) floods: Floods,
}

/// How records look in the ordinary log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As JSON.
    Json,
    /// As words with their values.
    Words,
}

impl Logged {
    fn keep(&self, happening: &Happening<'_>) {
        let mut record = Vec::new();
        let now = Stamp::new().at(self.clock.unix());
        self.wording.write(&mut record, &now, happening, self.keys.as_ref());
        if let Some(given) = happening.arguments {
            self.wording.write_arguments(&mut record, given, self.keys.as_ref());
        }
        record.push(b'}');
        let record = match self.form {
            Form::Json => record,
            Form::Words => {
                let mut words = Vec::new();
                write_words(&mut words, &record);
                words
            }
        };
        info!(target: "audit", "{}", String::from_utf8_lossy(&record));
    }
}

impl Witness for Logged {
    fn saw(&self, happening: &Happening<'_>) {
        if !self.wording.keeps(happening.event) {
            return;
        }
        self.floods.sift(happening, |happening| self.keep(happening));
    }

    fn wants_arguments(&self) -> bool {
        self.wording.wants_arguments()
    }

    fn row(&self) -> Option<Row> {
        let keeps = match self.retention {
            Some(days) => format!("; whoever keeps that has to keep it for {} days", days.as_days()),
            None => String::new(),
        };
        let holds = format!("in the ordinary log, without a chain{keeps}");
        Some(Row { about: "audit log", holds, relaxed: true })
    }
}

impl fmt::Debug for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logged").field("form", &self.form).finish_non_exhaustive()
    }
}
