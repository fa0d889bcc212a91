//! Notifications of the server, and the last word of a listen stream.

use bytes::Bytes;

use crate::{
    id::RequestId,
    meta::SUBSCRIPTION_ID,
    model::notice::Notice,
    wire::{
        encode::{Stamp, respond},
        revision::{Era, Revision},
        shape::{Members, member, object},
    },
};

/// A notification; `None` where the revision has none of its kind.
///
/// `subscription` is the id of the `subscriptions/listen` request whose stream it is sent on; it goes along, with the
/// JSON type that the client used, from 2026-07-28.
pub fn notice(notice: &Notice, revision: Revision, subscription: Option<&RequestId>) -> Option<Bytes> {
    let method = method(notice, revision)?;
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":\"");
    out.extend_from_slice(method.as_bytes());
    out.extend_from_slice(b"\",\"params\":");
    object(&mut out, |out| {
        if let (Some(id), Era::Stateless) = (subscription, revision.era()) {
            write_subscription(out, id, revision);
        }
        write_params(out, notice, revision);
    });
    out.push(b'}');
    Some(out.into())
}

/// The answer to a `subscriptions/listen` request whose stream the server ends of itself (2026-07-28).
///
/// # Source
/// MCP 2026-07-28, schema, `SubscriptionsListenResultResponse`.
pub fn listen_end(id: &RequestId, stamp: &Stamp) -> Bytes {
    let revision = Revision::NEWEST_STATELESS;
    respond(id, 128, |out| {
        object(out, |out| {
            out.extend_from_slice(b",\"resultType\":\"complete\"");
            out.extend_from_slice(b",\"_meta\":");
            object(out, |out| {
                member(out, SUBSCRIPTION_ID, id, revision);
                out.push(b',');
                out.extend_from_slice(stamp.members());
            });
        });
    })
}

fn method(notice: &Notice, revision: Revision) -> Option<&'static str> {
    let (name, exists) = match notice {
        Notice::Progress { .. } => ("notifications/progress", true),
        Notice::Log(_) => ("notifications/message", true),
        Notice::ToolsChanged => ("notifications/tools/list_changed", true),
        Notice::PromptsChanged => ("notifications/prompts/list_changed", true),
        Notice::ResourcesChanged => ("notifications/resources/list_changed", true),
        Notice::ResourceUpdated { .. } => ("notifications/resources/updated", true),
        Notice::Acknowledged(_) => ("notifications/subscriptions/acknowledged", revision >= Revision::V2026_07_28),
        Notice::ElicitationComplete { .. } => ("notifications/elicitation/complete", revision == Revision::V2025_11_25),
        Notice::Cancelled { .. } => ("notifications/cancelled", true),
    };
    exists.then_some(name)
}

fn write_params(out: &mut Vec<u8>, notice: &Notice, revision: Revision) {
    match notice {
        Notice::Progress { token, progress, total, message } => {
            member(out, "progressToken", token, revision);
            member(out, "progress", progress, revision);
            if let Some(total) = total.filter(|total| total.is_finite()) {
                member(out, "total", &total, revision);
            }
            if let Some(message) = message
                && revision >= Revision::V2025_03_26
            {
                member(out, "message", message, revision);
            }
        }
        Notice::Log(log) => log.members(out, revision),
        Notice::ToolsChanged | Notice::PromptsChanged | Notice::ResourcesChanged => {}
        Notice::ResourceUpdated { uri } => member(out, "uri", uri, revision),
        Notice::Acknowledged(filter) => member(out, "notifications", filter, revision),
        Notice::ElicitationComplete { id } => member(out, "elicitationId", id, revision),
        Notice::Cancelled { id } => member(out, "requestId", id, revision),
    }
}

fn write_subscription(out: &mut Vec<u8>, id: &RequestId, revision: Revision) {
    out.extend_from_slice(b",\"_meta\":");
    object(out, |out| member(out, SUBSCRIPTION_ID, id, revision));
}
