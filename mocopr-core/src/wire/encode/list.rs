//! Results of the list methods.

use bytes::Bytes;

use crate::{
    model::{
        prompt::Prompt,
        resource::{Resource, ResourceTemplate},
        tool::Tool,
    },
    page::Page,
    wire::{
        revision::{Era, Revision},
        shape::{Members, Shape, object},
    },
};

/// The result of `tools/list`, as JSON.
pub fn tools(page: &Page<&Tool>, revision: Revision) -> Bytes {
    list(",\"tools\":", page, revision)
}

/// The result of `prompts/list`, as JSON.
pub fn prompts(page: &Page<&Prompt>, revision: Revision) -> Bytes {
    list(",\"prompts\":", page, revision)
}

/// The result of `resources/list`, as JSON.
pub fn resources(page: &Page<&Resource>, revision: Revision) -> Bytes {
    list(RESOURCES, page, revision)
}

/// The result of `resources/templates/list`, as JSON.
pub fn templates(page: &Page<&ResourceTemplate>, revision: Revision) -> Bytes {
    list(",\"resourceTemplates\":", page, revision)
}

/// Writes the result of `resources/list` as that of a call that had to wait.
pub(super) fn write_resources(out: &mut Vec<u8>, page: &Page<Resource>, revision: Revision) {
    write(out, RESOURCES, page, revision);
}

/// A page whose items stand under `member`, given as it looks before the value.
fn list<T: Shape>(member: &str, page: &Page<T>, revision: Revision) -> Bytes {
    let mut out = Vec::with_capacity(128 + page.items.len() * ITEM_BYTES);
    write(&mut out, member, page, revision);
    out.into()
}

fn write<T: Shape>(out: &mut Vec<u8>, member: &str, page: &Page<T>, revision: Revision) {
    let Page { items, next_cursor, cache } = page;
    object(out, |out| {
        if revision.era() == Era::Stateless {
            out.extend_from_slice(b",\"resultType\":\"complete\"");
        }
        out.extend_from_slice(member.as_bytes());
        items.write(out, revision);
        if let Some(cursor) = next_cursor {
            out.extend_from_slice(b",\"nextCursor\":");
            cursor.write(out, revision);
        }
        cache.members(out, revision);
    });
}

/// A guess of the bytes of one item.
pub(super) const ITEM_BYTES: usize = 256;

const RESOURCES: &str = ",\"resources\":";
