//! Who the server is, on every result (2026-07-28), encoded once.

use crate::{
    json::RawJson,
    meta::SERVER_INFO,
    model::capability::Implementation,
    outcome::Reply,
    wire::{
        revision::{Era, Revision},
        shape::{member, object},
    },
};

/// The server's name for the `_meta` of its results. Nothing before 2026-07-28.
///
/// # Source
/// MCP 2026-07-28, basic, "Per-response protocol fields".
#[derive(Clone, Debug)]
pub struct Stamp {
    /// A whole object of one member.
    object: RawJson,
}

impl Stamp {
    /// The stamp of a server.
    pub fn new(server: &Implementation) -> Self {
        let mut out = Vec::new();
        object(&mut out, |out| member(out, SERVER_INFO, server, Revision::NEWEST_STATELESS));
        let text = String::from_utf8(out).unwrap_or_default();
        let object = serde_json::from_str::<&serde_json::value::RawValue>(&text).ok().map(RawJson::encode);
        Self { object: object.and_then(Result::ok).unwrap_or_else(RawJson::empty_object) }
    }

    /// Adds `_meta` to a result that ends the buffer and has none, where its revision knows of stamps.
    pub(super) fn press(&self, out: &mut Vec<u8>, revision: Revision) {
        if revision.era() == Era::Stateful || out.pop_if(|byte| *byte == b'}').is_none() {
            return;
        }
        out.extend_from_slice(b",\"_meta\":");
        out.extend_from_slice(self.object.as_bytes());
        out.push(b'}');
    }

    /// The members of the stamp, for an object that has others before them.
    pub(super) fn members(&self) -> &[u8] {
        let bytes = self.object.as_bytes();
        bytes.get(1..bytes.len().saturating_sub(1)).unwrap_or_default()
    }

    /// A reply whose own `_meta` has the stamp as well; `None` where it has no `_meta`.
    pub(super) fn merged(&self, reply: &Reply, revision: Revision) -> Option<Reply> {
        let own = match reply {
            Reply::Tool(result) => result.meta.as_ref(),
            Reply::Prompt(result) => result.meta.as_ref(),
            Reply::Read(result) => result.meta.as_ref(),
            Reply::Completion(_) => None,
        }?;
        if revision.era() == Era::Stateful {
            return None;
        }
        let mut members: serde_json::Map<String, serde_json::Value> = own.decode().ok()?;
        members.extend(self.object.decode::<serde_json::Map<String, serde_json::Value>>().ok()?);
        let meta = Some(RawJson::from_value(&members.into()));
        Some(match reply.clone() {
            Reply::Tool(result) => Reply::Tool(crate::model::tool::ToolResult { meta, ..result }),
            Reply::Prompt(result) => Reply::Prompt(crate::model::prompt::PromptResult { meta, ..result }),
            Reply::Read(result) => Reply::Read(crate::model::resource::ReadResult { meta, ..result }),
            completion @ Reply::Completion(_) => completion,
        })
    }
}
