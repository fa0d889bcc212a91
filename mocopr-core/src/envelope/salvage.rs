//! The id of a message that breaks a limit, so that its sender is answered rather than left waiting.
//!
//! Clients may write the id last, behind the part where the scan stopped. This pass knows strings and nesting, no
//! more, keeps no memory, and gives up wherever the id is not certain.

use crate::{
    id::RequestId,
    json::{Cursor, unescape},
};

/// The id under which a message that breaks a limit is to be answered.
///
/// It is the outermost object's only `id`. `None` for a second `id`, an id that is neither string nor integer, text in
/// which the object does not end, and for what looks like a response, whose id names a request of ours.
pub(super) fn id(text: &str) -> Option<RequestId> {
    let Read { id, has_method, is_answer, .. } = read(text)?;
    if is_answer && !has_method { None } else { id }
}

/// What the outermost object has.
#[derive(Default)]
struct Read {
    id: Option<RequestId>,
    has_id: bool,
    has_method: bool,
    is_answer: bool,
}

fn read(text: &str) -> Option<Read> {
    let mut cursor = Cursor::new(text);
    let mut read = Read::default();
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
                    "id" if read.has_id => return None,
                    "id" => {
                        read.has_id = true;
                        read.id = Some(token(text, &mut cursor)?);
                    }
                    "method" => read.has_method = true,
                    "result" | "error" => read.is_answer = true,
                    _ => {}
                }
            }
            _ => cursor.skip(1),
        }
    }
    Some(read)
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
