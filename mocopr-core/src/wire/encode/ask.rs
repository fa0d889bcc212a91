//! Questions to the client: requests in stateful revisions, a result that needs input from 2026-07-28.

use bytes::Bytes;

use crate::{
    id::RequestId,
    model::ask::{Ask, Questions},
    wire::{
        revision::{Era, Revision},
        shape::{Members, Shape, form},
    },
};

/// The questions of one round, as the JSON of a result (`InputRequiredResult`); `None` before 2026-07-28.
///
/// # Source
/// MCP 2026-07-28, schema, `InputRequiredResult`; SEP-2322.
pub fn questions(questions: &Questions, revision: Revision) -> Option<Bytes> {
    match revision.era() {
        Era::Stateful => None,
        Era::Stateless => {
            let mut out = Vec::with_capacity(512);
            questions.write(&mut out, revision);
            Some(out.into())
        }
    }
}

/// One question as a request of this server; `None` where the revision lacks it.
///
/// Forms exist from 2025-06-18, URLs from 2025-11-25; from 2026-07-28 on servers send no requests at all, and
/// questions go out through [`questions`].
pub fn ask(id: &RequestId, ask: &Ask, revision: Revision) -> Option<Bytes> {
    if revision.era() == Era::Stateless || !can_ask(ask, revision) {
        return None;
    }
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    id.write(&mut out);
    ask.members(&mut out, revision);
    out.push(b'}');
    Some(out.into())
}

/// Whether the revision has a question of this kind, and words for what this one asks.
pub fn can_ask(ask: &Ask, revision: Revision) -> bool {
    match ask {
        Ask::Form(form) => revision >= Revision::V2025_06_18 && form::fits(&form.schema, revision),
        Ask::Url(_) => revision >= Revision::V2025_11_25,
        Ask::Sample(_) | Ask::Roots => true,
    }
}
