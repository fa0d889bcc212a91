//! Error responses: the code of the fault, the sentence for the peer, and data where the protocol names some.

use std::io::Write as _;

use bytes::Bytes;

use crate::{
    fault::Fault,
    id::RequestId,
    json::write_string,
    outcome::PublicError,
    wire::{
        code::code,
        revision::{Era, Revision},
        shape::{Shape, member, milliseconds, object},
    },
};

/// An error response.
///
/// Without an id (it could not be read, or must not be looked for) there is no member `id` at all; no revision has an
/// `id` of null. `served` is what the server serves, of which a client that named an unsupported version is told what
/// it may name instead.
///
/// # Source
/// JSON-RPC 2.0, section 5.1; MCP 2026-07-28, schema, `UnsupportedProtocolVersionError` and
/// `MissingRequiredClientCapabilityError`.
pub fn error(id: Option<&RequestId>, error: &PublicError, revision: Revision, served: &[Revision]) -> Bytes {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    if let Some(id) = id {
        out.extend_from_slice(b",\"id\":");
        id.write(&mut out);
    }
    out.extend_from_slice(b",\"error\":{\"code\":");
    code(error.fault(), revision).write(&mut out, revision);
    out.extend_from_slice(b",\"message\":");
    write_string(&mut out, error.message());
    write_data(&mut out, error, revision, served);
    out.extend_from_slice(b"}}");
    out.into()
}

/// Writes the member `data`, or nothing where there is nothing to say.
fn write_data(out: &mut Vec<u8>, error: &PublicError, revision: Revision, served: &[Revision]) {
    let before = out.len();
    out.extend_from_slice(b",\"data\":");
    let start = out.len();
    object(out, |out| {
        write_members(out, error.fault(), revision, served);
        if let Some(incident) = error.incident() {
            // Sixteen hexadecimal digits need no escapes.
            let _ = write!(out, ",\"incident\":\"{incident}\"");
        }
    });
    if out.get(start..) == Some(b"{}") {
        out.truncate(before);
    }
}

fn write_members(out: &mut Vec<u8>, fault: &Fault, revision: Revision, served: &[Revision]) {
    match fault {
        Fault::ResourceAbsent { uri } => member(out, "uri", uri, revision),
        Fault::MissingCapability(needed) => member(out, "requiredCapabilities", &**needed, revision),
        Fault::UnsupportedVersion { requested } => {
            member(out, "supported", &supported(requested, revision, served), revision);
            member(out, "requested", requested, revision);
        }
        Fault::Scope(scopes) => member(out, "scopes", &&**scopes, revision),
        Fault::Rate { retry_after } | Fault::Busy { retry_after } => {
            member(out, "retryAfterMs", &milliseconds(retry_after, revision), revision);
        }
        Fault::Parse
        | Fault::TooLarge
        | Fault::Envelope(_)
        | Fault::UnknownMethod
        | Fault::Meta(_)
        | Fault::Params(_)
        | Fault::Arguments(_)
        | Fault::UnknownName(_)
        | Fault::Sealed(_)
        | Fault::HeaderMismatch(_)
        | Fault::UnknownSession
        | Fault::Unauthenticated
        | Fault::Refused
        | Fault::Timeout
        | Fault::Internal => {}
    }
}

/// The versions that a client may name instead of the one that it named.
///
/// In a session there is only the one that was agreed on. Without one it is all that is served, but where the client
/// named one of those: then it named it in the wrong way, and is told of the versions of the other way alone, if there
/// are any.
fn supported(requested: &str, revision: Revision, served: &[Revision]) -> Vec<Revision> {
    if revision.era() == Era::Stateful {
        return vec![revision];
    }
    let Some(named) = Revision::parse(requested).filter(|named| served.contains(named)) else {
        return served.to_vec();
    };
    let others: Vec<Revision> = served.iter().copied().filter(|other| other.era() != named.era()).collect();
    if others.is_empty() { served.to_vec() } else { others }
}
