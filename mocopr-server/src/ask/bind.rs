//! What request state is bound to, so that an answer to one call cannot be spent on another.

use mocopr_core::{
    call::{Call, Errand},
    json::RawJson,
    wire::revision::Era,
};
use mocopr_security::random::digest;

/// The call that request state belongs to. The principal is bound beside it.
#[derive(Clone, Debug)]
pub(crate) struct StateBind {
    kind: &'static [u8],
    /// A tool's or prompt's name, or a URI.
    target: Box<str>,
    arguments: RawJson,
}

impl StateBind {
    /// What the state of this call is bound to; `None` where a call can carry none.
    pub(crate) fn of(call: &Call) -> Option<Self> {
        if call.revision.era() == Era::Stateful {
            return None;
        }
        let (kind, target, arguments): (&'static [u8], _, _) = match call.request.errand() {
            Errand::Tool(call) => (b"tool", &call.name, call.arguments.clone()),
            Errand::Prompt(prompt) => (b"prompt", &prompt.name, prompt.arguments.clone()),
            Errand::Resource(read) => (b"resource", &read.uri, RawJson::empty_object()),
            Errand::Completion(_) | Errand::Protocol => return None,
        };
        Some(Self { kind, target: target.clone(), arguments })
    }

    /// Worked out for calls that ask something alone; most never do.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let Self { kind, target, arguments } = self;
        digest(&[kind, target.as_bytes(), arguments.as_bytes()])
    }
}
