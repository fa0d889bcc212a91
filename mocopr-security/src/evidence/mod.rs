//! Evidence: what happened, told once to everybody who keeps account of it.
//!
//! Owns the words in which that is said. The gate tells of refusals, the engine of calls that end; an audit log,
//! metrics and alerts are witnesses. Nothing is decided by what a witness hears, but for one thing: a witness that can
//! no longer write may ask that nothing more happens.

mod account;
mod meaning;
mod measure;
mod shared;

use std::{fmt, sync::Arc, time::Duration};

use mocopr_core::{fault::Fault, json::RawJson, outcome::Incident, peer::Source, trace::TraceId};

pub(crate) use self::shared::Told;
pub use self::{account::Account, meaning::Exceeded, measure::Measure};
use crate::{policy::Row, principal::Principal};

/// Keeps account of what happens.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use mocopr_security::evidence::{AuditEvent, Decided, Ending, Happening, Outcome, Witness};
///
/// /// How much was refused.
/// #[derive(Debug, Default)]
/// struct Refusals(AtomicU64);
///
/// impl Witness for Refusals {
///     fn saw(&self, happening: &Happening<'_>) {
///         if happening.ending.result == Outcome::Refused {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let refusals = Refusals::default();
/// let ending = Ending::refused(Decided::Hidden, "no role");
/// refusals.saw(&Happening { action: "tools/call", ending, ..Happening::of(AuditEvent::Authorization) });
/// assert_eq!(refusals.0.into_inner(), 1);
/// ```
pub trait Witness: Send + Sync + fmt::Debug + 'static {
    /// Hears of one thing that happened. Must not wait: it is called where requests are answered.
    fn saw(&self, happening: &Happening<'_>);

    /// Can still keep account. Where one says no, calls are refused with 503 until it says yes again.
    fn is_able(&self) -> bool {
        true
    }

    /// Wants the arguments of calls, which are kept from the beginning of a call to its end for it. Asked once, when
    /// the server is built.
    fn wants_arguments(&self) -> bool {
        false
    }

    /// Says what can be measured of this witness now, when somebody reads the metrics of the server.
    fn measure(&self, _say: &mut dyn FnMut(Measure<'_>)) {}

    /// Waits until what it heard so far is kept for good, or cannot be for now. Called when a server has started, and
    /// when it has stopped.
    fn settle(&self) {}

    /// What the security report says of it.
    fn row(&self) -> Option<Row> {
        None
    }
}

/// One thing that happened.
///
/// An example is at [`Witness`].
#[derive(Clone, Copy, Debug)]
pub struct Happening<'a> {
    /// Of which kind it is.
    pub event: AuditEvent,
    /// Who did it, where that is known.
    pub who: Option<&'a Principal>,
    /// From which address of a network, or which user of this machine, where it came by a listener.
    pub from: Option<Source>,
    /// What was done: a method of the protocol, or a word of ours.
    pub action: &'a str,
    /// What it was done to: a name or a URI, as its caller wrote it. May hold any character.
    pub target: &'a str,
    /// How it ended.
    pub ending: Ending,
    /// The trace that it belongs to, as its caller says.
    pub trace: Option<TraceId>,
    /// How long it took, where it took a time.
    pub took: Duration,
    /// Bytes that came in, and bytes that go out.
    pub bytes: Bytes,
    /// The arguments, where a witness wants them.
    pub arguments: Option<&'a RawJson>,
}

/// How much was read and answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Of the message.
    pub read: usize,
    /// Of the answer.
    pub answered: usize,
}

/// Kinds of events.
///
/// An example is at [`AuditLogger`](crate::audit::AuditLogger).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditEvent {
    /// A credential was presented, or missed: every one that failed, and each that holds when it is first seen.
    Authentication,
    /// A call was refused because of who calls, or because there is nothing of that name for it.
    Authorization,
    /// A resource was read, completed or subscribed to.
    ResourceAccess,
    /// A tool was called.
    ToolExecution,
    /// A prompt was fetched or completed.
    PromptUse,
    /// The protocol itself answered: handshakes, lists, pings.
    Protocol,
    /// What no honest client does: a malformed message, a foreign page, more than the rates allow.
    SecurityViolation,
    /// The server itself changed: it started, stopped, was told of revocations, rules, keys.
    Administration,
}

/// How something ended.
///
/// An example is at [`Witness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Whether it was allowed.
    pub decision: Decided,
    /// What came of it.
    pub result: Outcome,
    /// Why, from a closed list; empty where there is nothing to say.
    pub reason: &'static str,
    /// Where to look it up in the log.
    pub incident: Option<Incident>,
}

/// Whether something was allowed.
///
/// An example is at [`Witness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decided {
    /// It was.
    Permitted,
    /// It was not.
    Refused,
    /// It is hidden from its caller.
    Hidden,
    /// There is nothing of that name.
    Unknown,
    /// Its caller needs more scopes.
    StepUp,
}

/// What came of something.
///
/// An example is at [`Witness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// It was tried and failed.
    Failed,
    /// It was not tried.
    Refused,
    /// Its caller gave it up, or was gone.
    Cancelled,
    /// It took too long.
    Timeout,
    /// Its caller has to answer questions first.
    InputRequired,
}

/// Everybody who keeps account of what happens. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Evidence(Arc<Witnesses>);

#[derive(Debug, Default)]
struct Witnesses {
    all: Box<[Arc<dyn Witness>]>,
    want_arguments: bool,
}

impl Evidence {
    /// These keep account.
    pub fn new(witnesses: impl IntoIterator<Item = Arc<dyn Witness>>) -> Self {
        let all: Box<[Arc<dyn Witness>]> = witnesses.into_iter().collect();
        let want_arguments = all.iter().any(|witness| witness.wants_arguments());
        Self(Arc::new(Witnesses { all, want_arguments }))
    }

    /// Somebody keeps account.
    pub fn is_kept(&self) -> bool {
        !self.0.all.is_empty()
    }

    /// Everybody can keep account, so that something may happen.
    pub fn can_be_kept(&self) -> bool {
        self.0.all.iter().all(|witness| witness.is_able())
    }

    /// Tells everybody of it.
    pub fn tell(&self, happening: &Happening<'_>) {
        for witness in self.0.all.iter() {
            witness.saw(happening);
        }
    }

    /// Tells of something that the owner of the server did, or that the server did to itself.
    pub fn administer(&self, action: &str, target: &str, result: Outcome) {
        self.tell(&Happening::administration(action, target, result));
    }

    /// Says what can be measured of everybody.
    pub fn measure(&self, say: &mut dyn FnMut(Measure<'_>)) {
        for witness in self.0.all.iter() {
            witness.measure(say);
        }
    }

    /// Waits until everybody has kept what they heard. Blocks.
    pub fn settle(&self) {
        self.0.all.iter().for_each(|witness| witness.settle());
    }

    /// What the security report says of those who keep account.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.0.all.iter().filter_map(|witness| witness.row())
    }

    fn wants_arguments(&self) -> bool {
        self.0.want_arguments
    }
}

impl Happening<'_> {
    /// Something of this kind that was done, without anything more to say of it.
    pub fn of(event: AuditEvent) -> Self {
        Self {
            event,
            who: None,
            from: None,
            action: "",
            target: "",
            ending: Ending::SUCCESS,
            trace: None,
            took: Duration::ZERO,
            bytes: Bytes::default(),
            arguments: None,
        }
    }
}

impl<'a> Happening<'a> {
    /// Something that the owner of the server did, or that the server did to itself.
    pub(crate) fn administration(action: &'a str, target: &'a str, result: Outcome) -> Self {
        let ending = Ending { result, ..Ending::SUCCESS };
        Self { action, target, ending, ..Happening::of(AuditEvent::Administration) }
    }
}

impl Ending {
    /// It was allowed and done.
    pub const SUCCESS: Self =
        Self { decision: Decided::Permitted, result: Outcome::Succeeded, reason: "", incident: None };

    /// It was allowed and given up.
    pub const CANCELLED: Self =
        Self { decision: Decided::Permitted, result: Outcome::Cancelled, reason: "", incident: None };

    /// It was allowed, and ended because its tool was stopped.
    pub const STOPPED: Self =
        Self { decision: Decided::Permitted, result: Outcome::Cancelled, reason: "stopped", incident: None };

    /// It was allowed, and its caller is asked first.
    pub const INPUT_REQUIRED: Self =
        Self { decision: Decided::Permitted, result: Outcome::InputRequired, reason: "", incident: None };

    /// It was allowed, and its handler says that it failed.
    pub const FAILED: Self =
        Self { decision: Decided::Permitted, result: Outcome::Failed, reason: "handler", incident: None };

    /// It ended with a fault after it was allowed.
    pub fn with_fault(fault: &Fault, incident: Option<Incident>) -> Self {
        let result = match fault {
            Fault::Timeout => Outcome::Timeout,
            Fault::Parse
            | Fault::TooLarge
            | Fault::Envelope(_)
            | Fault::UnknownMethod
            | Fault::Meta(_)
            | Fault::Params(_)
            | Fault::Arguments(_)
            | Fault::UnknownName(_)
            | Fault::ResourceAbsent { .. }
            | Fault::Sealed(_)
            | Fault::HeaderMismatch(_)
            | Fault::MissingCapability(_)
            | Fault::UnsupportedVersion { .. }
            | Fault::UnknownSession
            | Fault::Unauthenticated
            | Fault::Scope(_)
            | Fault::Refused
            | Fault::Rate { .. }
            | Fault::Busy { .. }
            | Fault::Internal => Outcome::Failed,
        };
        Self { decision: Decided::Permitted, result, reason: reason(fault), incident }
    }

    /// It was not allowed.
    pub fn refused(decision: Decided, reason: &'static str) -> Self {
        Self { decision, result: Outcome::Refused, reason, incident: None }
    }
}

impl AuditEvent {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Authentication,
        Self::Authorization,
        Self::ResourceAccess,
        Self::ToolExecution,
        Self::PromptUse,
        Self::Protocol,
        Self::SecurityViolation,
        Self::Administration,
    ];

    /// Its name in records and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::ResourceAccess => "resource_access",
            Self::ToolExecution => "tool_execution",
            Self::PromptUse => "prompt_use",
            Self::Protocol => "protocol",
            Self::SecurityViolation => "security_violation",
            Self::Administration => "administration",
        }
    }
}

impl Decided {
    /// Its name in records and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Refused => "refused",
            Self::Hidden => "hidden",
            Self::Unknown => "unknown",
            Self::StepUp => "step_up",
        }
    }
}

impl Outcome {
    /// Its name in records and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "success",
            Self::Failed => "failure",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::InputRequired => "input_required",
        }
    }
}

/// The name of a fault in records and labels.
pub fn reason(fault: &Fault) -> &'static str {
    match fault {
        Fault::Parse => "parse",
        Fault::TooLarge => "too_large",
        Fault::Envelope(_) => "envelope",
        Fault::UnknownMethod => "unknown_method",
        Fault::Meta(_) => "meta",
        Fault::Params(_) => "params",
        Fault::Arguments(_) => "arguments",
        Fault::UnknownName(_) => "unknown_name",
        Fault::ResourceAbsent { .. } => "resource_absent",
        Fault::Sealed(_) => "sealed",
        Fault::HeaderMismatch(_) => "header_mismatch",
        Fault::MissingCapability(_) => "missing_capability",
        Fault::UnsupportedVersion { .. } => "unsupported_version",
        Fault::UnknownSession => "unknown_session",
        Fault::Unauthenticated => UNAUTHENTICATED,
        Fault::Scope(_) => "scope",
        Fault::Refused => "refused",
        Fault::Rate { .. } => "rate",
        Fault::Busy { .. } => "busy",
        Fault::Timeout => "timeout",
        Fault::Internal => "internal",
    }
}

/// What is done where a message is no call.
pub(crate) const MESSAGE: &str = "message";

/// The reason of a refusal to somebody who is not known, or not any longer.
const UNAUTHENTICATED: &str = "unauthenticated";

/// The reason of a refusal for calling a heavy thing more often than its rate allows.
pub const HEAVY_RATE: &str = "heavy_rate";

/// The reason of a refusal to whoever proves who it is, and is given a nonce to prove it with once more.
pub const NO_NONCE: &str = "no fresh nonce in the proof";

/// The reason of a refusal because nobody could have written down what was asked for.
pub const UNRECORDED: &str = "unrecorded";
