//! Encodes server-sent events. Pure functions over bytes.
//!
//! Whatever the data holds, it decodes to one event with the same lines: nothing in it can end the event early or begin
//! a field.
//!
//! Source: WHATWG HTML, section 9.2 "Server-sent events".

use std::time::Duration;

use bytes::Bytes;
use memchr::memchr2;

#[cfg(test)]
mod tests;

/// One event of the default type.
///
/// `retry` is how long the client should wait before it reconnects, in whole milliseconds. A message of ours has no
/// line break; data that has one goes out as a line for each, and a client joins them with `\n` again. An `id` with a
/// line break or NUL is left out: the first would begin another field, and clients ignore the second.
pub(crate) fn event(id: Option<&str>, retry: Option<Duration>, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(FIELDS + id.map_or(0, str::len) + data.len());
    if let Some(id) = id.filter(|id| !id.contains(['\n', '\r', '\0'])) {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    if let Some(retry) = retry {
        out.extend_from_slice(b"retry: ");
        out.extend_from_slice(retry.as_millis().to_string().as_bytes());
        out.push(b'\n');
    }
    let mut rest = data;
    while let Some((line, after)) = split_line(rest) {
        push_data(&mut out, line);
        rest = after;
    }
    push_data(&mut out, rest);
    out.push(b'\n');
    out.into()
}

/// An event without data, which gives the client an id to resume from before anything has happened.
///
/// # Source
/// MCP 2025-11-25, basic/transports, "Sending Messages to the Server".
pub(crate) fn priming(id: &str, retry: Option<Duration>) -> Bytes {
    event(Some(id), retry, b"")
}

/// A comment, which clients skip: keeps intermediaries from closing a quiet stream, and finds out that a client is
/// gone.
///
/// It is a line of its own and no more. A blank line after it would be the end of an event to clients that remember the
/// id of the last one, and they would look for a message in it.
pub(crate) fn comment() -> Bytes {
    Bytes::from_static(b":\n")
}

fn push_data(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(line);
    out.push(b'\n');
}

/// The first line and what follows its line break: `\n`, `\r\n` or a lone `\r`.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = bytes.split_at_checked(memchr2(b'\n', b'\r', bytes)?)?;
    let rest = rest.strip_prefix(b"\r\n").or_else(|| rest.split_first().map(|(_, rest)| rest))?;
    Some((line, rest))
}

/// Room for the field names, line breaks and the number of `retry`.
const FIELDS: usize = 48;
