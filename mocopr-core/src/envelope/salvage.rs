//! The id of a message that breaks a limit, so that its sender is answered rather than left waiting.
//!
//! Clients may write the id last, behind the part where the scan stopped. This pass knows strings and nesting, no
//! more, keeps no memory, and gives up wherever the id is not certain.

use crate::{
    id::RequestId,
    json::{Cursor, unescape},
};

/// The outermost object's only `id`, if the message may be a request.
///
/// `None` for a second `id`, an id that is neither string nor integer, text in which the object does not end,
/// and for what looks like a response, whose id names a request of ours.
pub(super) fn request_id(text: &str) -> Option<RequestId> {
    let mut cursor = Cursor::new(text);
    let (mut id, mut has_method, mut is_answer) = (None, false, false);
    let mut depth = 0_usize;
    if cursor.peek_token() != b'{' {
        return None;
    }
    loop {
        match cursor.peek_token() {
            0 => return None,
            b'{' | b'[' => {
                depth += 1;
                cursor.skip(1);
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                cursor.skip(1);
                if depth == 0 {
                    break;
                }
            }
            b'"' => {
                let string = cursor.string().ok()?;
                // Only a name is followed by a colon.
                if depth != 1 || cursor.peek_token() != b':' {
                    continue;
                }
                cursor.skip(1);
                match unescape(text.get(string.start..string.end)?)?.as_ref() {
                    "id" if id.is_none() => id = Some(token(text, &mut cursor)?),
                    "id" => return None,
                    "method" => has_method = true,
                    "result" | "error" => is_answer = true,
                    _ => {}
                }
            }
            _ => cursor.skip(1),
        }
    }
    id.filter(|_| has_method || !is_answer)
}

/// The id that starts at the next token.
fn token(text: &str, cursor: &mut Cursor<'_>) -> Option<RequestId> {
    let first = cursor.peek_token();
    let start = cursor.at();
    if first == b'"' {
        cursor.string().ok()?;
    } else {
        cursor.number(RequestId::MAX_DIGITS).ok()?;
    }
    RequestId::from_raw(text.get(start..cursor.at())?)
}
