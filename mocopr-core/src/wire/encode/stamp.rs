//! Who the server is, on every result (2026-07-28), encoded once.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{
    json::RawJson,
    meta::SERVER_INFO,
    model::{capability::Implementation, prompt::PromptResult, resource::ReadResult, tool::ToolResult},
    outcome::Reply,
    wire::{
        encode::own_meta,
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
    /// A whole object of one member, as JSON.
    object: Bytes,
}

impl Stamp {
    /// The stamp of a server.
    pub fn new(server: &Implementation) -> Self {
        let mut out = Vec::new();
        object(&mut out, |out| member(out, SERVER_INFO, server, Revision::NEWEST_STATELESS));
        Self { object: out.into() }
    }

    /// Adds `_meta` to a result that ends the buffer and has none, where its revision knows of stamps.
    pub(super) fn press(&self, out: &mut Vec<u8>, revision: Revision) {
        if revision.era() == Era::Stateful || out.pop_if(|byte| *byte == b'}').is_none() {
            return;
        }
        out.extend_from_slice(b",\"_meta\":");
        out.extend_from_slice(&self.object);
        out.push(b'}');
    }

    /// The members of the stamp, for an object that has others before them.
    pub(super) fn members(&self) -> &[u8] {
        self.object.get(1..self.object.len().saturating_sub(1)).unwrap_or_default()
    }

    /// A reply whose own `_meta` has the stamp as well; `None` where it has no `_meta`.
    pub(super) fn merged(&self, reply: &Reply, revision: Revision) -> Option<Reply> {
        let own = own_meta(reply)?;
        if revision.era() == Era::Stateful {
            return None;
        }
        let mut members: Map<String, Value> = own.decode().ok()?;
        members.extend(serde_json::from_slice::<Map<String, Value>>(&self.object).ok()?);
        let meta = Some(RawJson::from_value(&members.into()));
        Some(match reply.clone() {
            Reply::Tool(result) => Reply::Tool(ToolResult { meta, ..result }),
            Reply::Prompt(result) => Reply::Prompt(PromptResult { meta, ..result }),
            Reply::Read(result) => Reply::Read(ReadResult { meta, ..result }),
            plain @ (Reply::Completion(_) | Reply::Resources(_)) => plain,
        })
    }
}
