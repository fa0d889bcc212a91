//! From what a handler came to its answer: results, failures, errors, and questions that are still open.

use mocopr_core::{
    failure::{Failure, FailureKind},
    fault::Fault,
    id::RequestId,
    json::RawJson,
    model::{ask::Questions, tool::ToolResult},
    outcome::{Outcome, PublicError, Reply},
    wire::{encode, revision::Revision},
};
use mocopr_security::{
    error_handler::Manner,
    evidence::Ending,
    leak::Clean,
    random,
    sanitize::{self, Sanitized},
};

use super::Running;
use crate::{answer::Answer, ask::AskError, engine::Engine, registry::snapshot::ToolEntry, subject::Subject};

impl Running {
    pub(super) fn conclude(&self, outcome: Result<Outcome, PublicError>) -> Answer {
        match outcome {
            Ok(Outcome::Complete(reply)) => self.reply(reply),
            Ok(Outcome::NeedInput(_)) => self.internal("a handler made questions of its own"),
            Ok(Outcome::Failed(failure)) => self.failed(&failure),
            Err(error) => self.error(error),
        }
    }

    fn reply(&self, reply: Reply) -> Answer {
        // Before the output schema, so that what is checked is what leaves.
        let reply = match self.output() {
            Some(output) => output.reply(reply),
            None => reply,
        };
        if let (Reply::Tool(result), Subject::Tool(entry)) = (&reply, &self.subject)
            && let Err(note) = fits_output(entry, result)
        {
            return self.internal(note);
        }
        let body = encode::reply_response(&self.id, &reply, self.revision, self.engine.stamp());
        if body.len() > self.engine.limits().result_bytes {
            return self.internal("the result is larger than it may be");
        }
        let ending = match &reply {
            Reply::Tool(ToolResult { is_error: true, .. }) => Ending::FAILED,
            Reply::Tool(_) | Reply::Prompt(_) | Reply::Read(_) | Reply::Completion(_) | Reply::Resources(_) => {
                Ending::SUCCESS
            }
        };
        Answer::message(body).ending(ending)
    }

    fn failed(&self, failure: &Failure) -> Answer {
        // An ask that failed says so to the caller: the text is ours and tells what the caller itself did. A handler
        // that said it in its own words has the word.
        let ask = failure.source().and_then(|source| source.downcast_ref::<AskError>());
        if let (Some(ask), FailureKind::Internal(_)) = (ask, failure.kind()) {
            return match ask {
                AskError::Schema => self.internal("a handler asked with a schema that cannot be used"),
                AskError::Page => {
                    self.internal("a handler asked to open a page that is not https or whose URL has a secret")
                }
                AskError::Secret => self.internal("a handler asked for a secret in a form; elicit_url is for that"),
                AskError::Unsupported(needed) => self.fault(Fault::MissingCapability(needed.clone())),
                AskError::Declined | AskError::Cancelled | AskError::Invalid | AskError::Failed => {
                    self.caller_failure(&ask.to_string())
                }
            };
        }
        match sanitize::failure(failure, self.admission.principal(), self.subject.name(), self.manner()) {
            Sanitized::Caller(text) => self.caller_failure(&text),
            Sanitized::Error(error) => self.error(error),
        }
    }

    /// A sentence for the caller: a tool's result that says it failed, else an error.
    fn caller_failure(&self, text: &str) -> Answer {
        let answer = match self.subject {
            Subject::Tool(_) => self.tool_error(text.to_owned()),
            Subject::Prompt(_)
            | Subject::Resource(_)
            | Subject::Member(..)
            | Subject::Completion(_)
            | Subject::List => Answer::error(Some(&self.id), &sanitize::caller(text), self.revision, &self.engine),
        };
        answer.ending(Ending::FAILED)
    }

    pub(super) fn error(&self, error: PublicError) -> Answer {
        let ending = Ending::with_fault(error.fault(), error.incident());
        let answer = match (error.fault(), &self.subject) {
            (Fault::Internal, Subject::Tool(_)) => self.tool_error(internal_text(&error)),
            (Fault::Arguments(_), Subject::Tool(_)) if self.revision >= ARGUMENTS_ARE_RESULTS => {
                self.tool_error(error.message().to_owned())
            }
            _ => Answer::error(Some(&self.id), &error, self.revision, &self.engine),
        };
        answer.ending(ending)
    }

    /// How errors are told.
    pub(super) fn manner(&self) -> Manner<'_> {
        self.engine.gate.policy().manner()
    }

    /// What cleans what the handler says, where anything does.
    pub(super) fn output(&self) -> Option<&dyn Clean> {
        self.engine.gate.policy().output()
    }

    fn tool_error(&self, text: String) -> Answer {
        tool_error(&self.id, text, self.revision, &self.engine)
    }

    pub(super) fn fault(&self, fault: Fault) -> Answer {
        self.error(sanitize::fault(fault))
    }

    pub(super) fn internal(&self, note: &str) -> Answer {
        self.error(sanitize::internal(self.admission.principal(), self.subject.name(), note, None, self.manner()))
    }

    pub(super) fn need_input(&self) -> Answer {
        let Some(state_bind) = &self.state_bind else {
            return self.internal("a handler asked where nothing can be asked");
        };
        let book = self.outlet.with_asks(std::mem::take);
        let bind: [&[u8]; 2] = [self.admission.principal().binding(), &state_bind.digest()];
        let engine = &self.engine;
        let expires = engine.clock().unix() + engine.limits().request_state;
        let max = engine.limits().message.request_state_bytes;
        let questions = random::random_name()
            .ok()
            .and_then(|nonce| book.into_questions(engine.ring(), &bind, nonce.into(), expires, max));
        let questions = questions.map(|Questions { asks, state }| {
            let clean = |ask| match self.output() {
                Some(output) => output.ask(ask),
                None => ask,
            };
            Questions { asks: asks.into_iter().map(|(key, ask)| (key, clean(ask))).collect(), state }
        });
        match questions.and_then(|questions| encode::questions(&questions, self.revision)) {
            Some(result) => {
                Answer::result(&self.id, &result, self.revision, &self.engine).ending(Ending::INPUT_REQUIRED)
            }
            None => self.internal("the answers of earlier rounds are larger than request state may be"),
        }
    }
}

/// A tool's result that says it failed.
pub(crate) fn tool_error(id: &RequestId, text: String, revision: Revision, engine: &Engine) -> Answer {
    Answer::message(encode::reply_response(id, &Reply::Tool(ToolResult::error(text)), revision, engine.stamp()))
}

/// From this revision on, arguments that break the input schema are a result that says so.
pub(crate) const ARGUMENTS_ARE_RESULTS: Revision = Revision::V2025_11_25;

/// Structured content is what the output schema promises.
fn fits_output(entry: &ToolEntry, result: &ToolResult) -> Result<(), &'static str> {
    let Some(schema) = &entry.output else { return Ok(()) };
    if result.is_error {
        return Ok(());
    }
    let structured: &RawJson =
        result.structured.as_ref().ok_or("the tool has an output schema and gave no structure")?;
    schema.check_raw(structured).map_err(|_| "the tool's structure breaks its output schema")
}

fn internal_text(error: &PublicError) -> String {
    match error.incident() {
        Some(incident) => format!("{} (incident {incident})", error.message()),
        None => error.message().to_owned(),
    }
}
