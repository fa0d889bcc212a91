//! The only way out: what the server says, as bytes of one revision.
//!
//! Every function appends to one buffer and cannot fail. What a revision does not have is `None`, never a message
//! that its schema refuses. No output has a line break, so each is one line of stdio framing.

mod ask;
mod error;
mod list;
mod notice;
#[cfg(test)]
mod samples;
mod stamp;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use self::{
    ask::{ask, can_ask, questions},
    error::error,
    list::{prompts, resources, templates, tools},
    notice::{listen_end, notice},
    stamp::Stamp,
};
use crate::{
    id::RequestId,
    json::RawJson,
    model::{
        capability::Hello,
        content::Content,
        resource::{Body, Contents},
        tool::Completion,
    },
    outcome::Reply,
    wire::{
        revision::{Era, Revision},
        shape::{Shape, object},
    },
};

/// Puts the JSON of a result into its envelope.
///
/// `result` is what another function of this module made; it is copied as it is, with the stamp beside it.
pub fn response(id: &RequestId, result: &[u8], revision: Revision, stamp: &Stamp) -> Bytes {
    respond(id, result.len() + STAMP_BYTES, |out| {
        out.extend_from_slice(result);
        stamp.press(out, revision);
    })
}

/// The start of a response, up to its result: all of it that differs between two askers of the same.
///
/// With what [`kept`] made behind it, it is a whole message.
pub fn response_start(id: &RequestId) -> Bytes {
    let mut out = Vec::with_capacity(ENVELOPE_BYTES);
    start_response(&mut out, id);
    out.into()
}

/// The rest of a response from its result on, to be kept and sent to everybody who asks the same.
///
/// `result` is what another function of this module made. The answer to `server/discover` says by itself who the server
/// is, so it gets no stamp.
pub fn kept(result: &[u8], revision: Revision, stamp: Option<&Stamp>) -> Bytes {
    let mut out = Vec::with_capacity(result.len() + STAMP_BYTES);
    out.extend_from_slice(result);
    if let Some(stamp) = stamp {
        stamp.press(&mut out, revision);
    }
    out.push(b'}');
    out.into()
}

/// The result of a handler, as JSON.
pub fn reply(reply: &Reply, revision: Revision) -> Bytes {
    let mut out = Vec::with_capacity(size_of_reply(reply));
    write_reply(&mut out, reply, revision);
    out.into()
}

/// The result of a handler in its envelope, written into one buffer.
pub fn reply_response(id: &RequestId, reply: &Reply, revision: Revision, stamp: &Stamp) -> Bytes {
    respond(id, size_of_reply(reply) + STAMP_BYTES, |out| match stamp.merged(reply, revision) {
        Some(merged) => write_reply(out, &merged, revision),
        None => {
            write_reply(out, reply, revision);
            if own_meta(reply).is_none() {
                stamp.press(out, revision);
            }
        }
    })
}

/// What the server says of itself, as the JSON of a result.
///
/// It is `InitializeResult` in stateful revisions, where `revision` is the version that was agreed on, and
/// `DiscoverResult` from 2026-07-28.
pub fn hello(hello: &Hello, revision: Revision) -> Bytes {
    let mut out = Vec::with_capacity(512);
    hello.write(&mut out, revision);
    out.into()
}

/// The answers to a batch, in one array; each of them is a whole message that another function of this module made.
pub fn batch(answers: &[Bytes]) -> Bytes {
    let mut out = Vec::with_capacity(answers.iter().map(|answer| answer.len() + 1).sum::<usize>() + 1);
    for answer in answers {
        out.push(if out.is_empty() { b'[' } else { b',' });
        out.extend_from_slice(answer);
    }
    if out.is_empty() {
        out.push(b'[');
    }
    out.push(b']');
    out.into()
}

/// The JSON of a result that says nothing but that it worked.
pub fn empty(revision: Revision) -> &'static [u8] {
    match revision.era() {
        Era::Stateful => b"{}",
        Era::Stateless => b"{\"resultType\":\"complete\"}",
    }
}

/// Writes a response whose result `result` appends; `size` is a guess of its bytes.
fn respond(id: &RequestId, size: usize, result: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::with_capacity(size + ENVELOPE_BYTES);
    start_response(&mut out, id);
    result(&mut out);
    out.push(b'}');
    out.into()
}

fn start_response(out: &mut Vec<u8>, id: &RequestId) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    id.write(out);
    out.extend_from_slice(b",\"result\":");
}

fn write_reply(out: &mut Vec<u8>, reply: &Reply, revision: Revision) {
    match reply {
        Reply::Tool(result) => result.write(out, revision),
        Reply::Prompt(result) => result.write(out, revision),
        Reply::Read(result) => result.write(out, revision),
        Reply::Completion(completion) => write_completion(out, completion, revision),
        Reply::Resources(page) => list::write_resources(out, page, revision),
    }
}

fn write_completion(out: &mut Vec<u8>, completion: &Completion, revision: Revision) {
    object(out, |out| {
        if revision.era() == Era::Stateless {
            out.extend_from_slice(b",\"resultType\":\"complete\"");
        }
        out.extend_from_slice(b",\"completion\":");
        completion.write(out, revision);
    });
}

/// The `_meta` that a handler gave its result.
fn own_meta(reply: &Reply) -> Option<&RawJson> {
    match reply {
        Reply::Tool(result) => result.meta.as_ref(),
        Reply::Prompt(result) => result.meta.as_ref(),
        Reply::Read(result) => result.meta.as_ref(),
        Reply::Completion(_) | Reply::Resources(_) => None,
    }
}

/// A guess of the bytes of a result that is right for large ones, so that megabytes are not moved while it grows.
fn size_of_reply(reply: &Reply) -> usize {
    let bytes: usize = match reply {
        Reply::Tool(result) => {
            let structured = result.structured.as_ref().map_or(0, |json| json.as_bytes().len());
            structured + result.content.iter().map(size_of_content).sum::<usize>()
        }
        Reply::Prompt(result) => result.messages.iter().map(|message| size_of_content(&message.content)).sum(),
        Reply::Read(result) => result.contents.iter().map(size_of_contents).sum(),
        Reply::Completion(completion) => completion.values.iter().map(|value| value.len() + 4).sum(),
        Reply::Resources(page) => page.items.len() * list::ITEM_BYTES,
    };
    bytes + bytes / 16 + ENVELOPE_BYTES
}

fn size_of_content(content: &Content) -> usize {
    BLOCK_BYTES
        + match content {
            Content::Text(text) => text.text.len(),
            Content::Image(image) => image.data.as_str().len(),
            Content::Audio(audio) => audio.data.as_str().len(),
            Content::Link(_) => 0,
            Content::Resource(embedded) => size_of_contents(&embedded.resource),
        }
}

fn size_of_contents(contents: &Contents) -> usize {
    BLOCK_BYTES
        + match &contents.body {
            Body::Text(text) => text.len(),
            Body::Blob(blob) => blob.as_str().len(),
        }
}

/// Room for the members around a result, with an id of usual length.
const ENVELOPE_BYTES: usize = 96;
/// Room for a stamp of usual length.
const STAMP_BYTES: usize = 128;
/// Room for the members around the body of one block.
const BLOCK_BYTES: usize = 64;
