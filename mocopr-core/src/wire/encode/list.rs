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
    list(",\"resources\":", page, revision)
}

/// The result of `resources/templates/list`, as JSON.
pub fn templates(page: &Page<&ResourceTemplate>, revision: Revision) -> Bytes {
    list(",\"resourceTemplates\":", page, revision)
}

/// Writes a page whose items stand under `member`, given as it looks before the value.
fn list<T: Shape>(member: &str, page: &Page<T>, revision: Revision) -> Bytes {
    let Page { items, next_cursor, cache } = page;
    let mut out = Vec::with_capacity(128 + items.len() * 256);
    object(&mut out, |out| {
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
    out.into()
}
