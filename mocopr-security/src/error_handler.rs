//! What an owner says about the texts of errors: who reads the causes, and what is taken out of them.
//!
//! A plan that the sanitizer carries out. It never makes a text itself.

use std::{borrow::Cow, sync::Arc};

use crate::{
    frames,
    leak::{Clean, OutputSanitizer},
};

/// How errors are told.
///
/// Without one, callers read fixed sentences, incident numbers and what handlers wrote for them, the latter as clean as
/// the rest of what handlers say; the log has every cause in full.
///
/// ```
/// use mocopr_security::{error_handler::{ErrorHandler, SecurityLevel}, policy::SecurityPolicy};
///
/// let errors = ErrorHandler::builder()
///     .with_security_level(SecurityLevel::Production)
///     .with_error_sanitization(true)
///     .with_stack_trace_filtering(true)
///     .build();
/// let policy = SecurityPolicy::development().with_error_handler(errors);
/// assert_eq!(policy.security_level(), SecurityLevel::Production);
/// ```
#[derive(Clone, Debug)]
pub struct ErrorHandler {
    pub(crate) level: SecurityLevel,
    pub(crate) sentences: Sentences,
    pub(crate) frames: Frames,
}

/// Who reads the causes of internal errors.
///
/// An example is at [`ErrorHandler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityLevel {
    /// The log alone; a caller reads a fixed sentence and an incident number.
    Production,
    /// The caller as well; in the development profile alone.
    Development,
}

/// What becomes of the sentences that handlers write for callers.
#[derive(Clone, Debug)]
pub(crate) enum Sentences {
    /// As the rest of what handlers say.
    LikeOutput,
    /// They are cleaned, whatever is done about the rest.
    Cleaned(Arc<dyn Clean>),
    /// They leave as they were written.
    AsWritten,
}

/// What becomes of stack traces in causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// They stay.
    Kept,
    /// They are taken out.
    TakenOut,
}

/// Collects what is said about errors.
///
/// An example is at [`ErrorHandler`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct ErrorHandlerBuilder {
    handler: ErrorHandler,
}

impl ErrorHandler {
    /// A builder that begins with the defaults.
    pub fn builder() -> ErrorHandlerBuilder {
        ErrorHandlerBuilder::default()
    }
}

impl Default for ErrorHandler {
    fn default() -> Self {
        Self { level: SecurityLevel::Production, sentences: Sentences::LikeOutput, frames: Frames::Kept }
    }
}

impl ErrorHandlerBuilder {
    /// Says who reads the causes of internal errors; [`SecurityLevel::Production`] unless said, and always outside of
    /// the development profile.
    pub fn with_security_level(mut self, level: SecurityLevel) -> Self {
        self.handler.level = level;
        self
    }

    /// Says whether secrets and control characters are taken out of the sentences that handlers write for callers
    /// (`Failure::caller`); as the policy says of all output unless said here. `false` is for the development profile
    /// alone.
    pub fn with_error_sanitization(mut self, on: bool) -> Self {
        self.handler.sentences =
            if on { Sentences::Cleaned(Arc::new(OutputSanitizer::new())) } else { Sentences::AsWritten };
        self
    }

    /// Says whether frames of stack traces and places in Rust sources are taken out of causes before they are logged,
    /// or shown under [`SecurityLevel::Development`]; they stay unless said.
    pub fn with_stack_trace_filtering(mut self, on: bool) -> Self {
        self.handler.frames = if on { Frames::TakenOut } else { Frames::Kept };
        self
    }

    /// The plan.
    #[must_use]
    pub fn build(self) -> ErrorHandler {
        self.handler
    }
}

/// How errors are told under a policy: what the sanitizer needs of it.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    level: SecurityLevel,
    frames: Frames,
    sentences: Option<&'a dyn Clean>,
}

impl<'a> Manner<'a> {
    /// That of an error handler, where the rest of what handlers say is cleaned by `output`.
    pub(crate) fn of(handler: &'a ErrorHandler, output: Option<&'a dyn Clean>) -> Self {
        let sentences = match &handler.sentences {
            Sentences::LikeOutput => output,
            Sentences::Cleaned(own) => output.or(Some(&**own)),
            Sentences::AsWritten => None,
        };
        Self { level: handler.level, frames: handler.frames, sentences }
    }

    pub(crate) fn level(self) -> SecurityLevel {
        self.level
    }

    /// Secrets and control characters are taken out of the sentences that handlers write for callers.
    pub(crate) fn cleans_sentences(self) -> bool {
        self.sentences.is_some()
    }

    /// A sentence that a handler wrote for its caller, as it leaves.
    pub(crate) fn sentence(self, text: &str) -> Cow<'_, str> {
        match self.sentences {
            Some(clean) => clean.clean_text(text),
            None => Cow::Borrowed(text),
        }
    }

    /// One cause as it is told.
    pub(crate) fn cause(self, text: &str) -> Cow<'_, str> {
        match self.frames {
            Frames::Kept => Cow::Borrowed(text),
            Frames::TakenOut => frames::without_frames(text),
        }
    }
}
