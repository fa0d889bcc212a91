//! What a handler returns when it fails: one text for the peer, and a source that only the log sees.

use std::{borrow::Cow, error::Error, fmt};

use crate::fault::Fault;

/// A handler's failure, with two texts: what the caller may read, and the source that only the log sees.
///
/// `?` on any error makes an internal failure: the caller reads a fixed sentence and an incident id. What the
/// caller may read is said with [`Failure::caller`]. `Failure` does not implement [`Error`], so that `?` can take
/// every error type.
///
/// ```
/// use mocopr_core::failure::Failure;
///
/// fn days(text: &str) -> Result<u8, Failure> {
///     let days: u8 = text.parse()?; // internal: the parser's text stays in the log
///     if days > 14 {
///         return Err(Failure::caller("no forecast beyond 14 days"));
///     }
///     Ok(days)
/// }
/// assert!(days("15").is_err());
/// ```
pub struct Failure(Box<Inner>);

struct Inner {
    kind: FailureKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Which of its texts a failure shows.
///
/// ```
/// use mocopr_core::failure::{Failure, FailureKind};
///
/// let told = Failure::caller("no forecast beyond 14 days");
/// assert!(matches!(told.kind(), FailureKind::Caller(text) if text == "no forecast beyond 14 days"));
/// let kept = Failure::from(std::io::Error::other("disk 3 is full"));
/// assert!(matches!(kept.kind(), FailureKind::Internal(_)), "its text is for the log alone");
/// ```
#[derive(Debug)]
pub enum FailureKind {
    /// The handler wrote this sentence for the caller.
    Caller(Cow<'static, str>),
    /// The handler failed; this note is for the log.
    Internal(Cow<'static, str>),
    /// The handler met a failure of the protocol or the policy.
    Fault(Fault),
}

impl Failure {
    /// A failure that the caller may read, word for word.
    ///
    /// A tool answers with a result whose `isError` is true and whose text is `message`.
    pub fn caller(message: impl Into<Cow<'static, str>>) -> Self {
        Self::of(FailureKind::Caller(message.into()), None)
    }

    /// A failure whose text only the log sees; the caller reads a fixed sentence and an incident id.
    pub fn internal(note: impl Into<Cow<'static, str>>) -> Self {
        Self::of(FailureKind::Internal(note.into()), None)
    }

    /// The resource that was asked for does not exist, or must look as if it did not.
    pub fn absent(uri: impl Into<Box<str>>) -> Self {
        Self::from_fault(Fault::ResourceAbsent { uri: uri.into() })
    }

    /// A failure of the protocol, answered with the code of its kind.
    pub fn from_fault(fault: Fault) -> Self {
        Self::of(FailureKind::Fault(fault), None)
    }

    /// Adds what caused it, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Which of its texts it shows.
    pub fn kind(&self) -> &FailureKind {
        &self.0.kind
    }

    /// What caused it; for the log alone.
    pub fn source(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    fn of(kind: FailureKind, source: Option<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner { kind, source }))
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(source: E) -> Self {
        Self::of(FailureKind::Internal(Cow::Borrowed("a handler returned an error")), Some(source.into()))
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure").field("kind", &self.0.kind).field("source", &self.0.source).finish()
    }
}
