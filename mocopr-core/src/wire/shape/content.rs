//! Content, with what a revision lacks turned into something that it has.
//!
//! A link is text with its URI before 2025-06-18, sound is a placeholder before 2025-03-26. Nothing is dropped
//! without a trace, so that the order of blocks stays what the handler meant.

use crate::{
    model::{
        content::{Annotations, Audio, Content, EmbeddedResource, Image, ResourceLink, Text},
        resource::{Body, Contents},
    },
    wire::{
        revision::Revision,
        shape::{Members, Shape, object, shape},
    },
};

shape! {
    Text ("type" = "text") {
        text: required("text");
        annotations: optional("annotations");
    }
    Image ("type" = "image") {
        data: required("data");
        mime_type: required("mimeType");
        annotations: optional("annotations");
    }
    Audio ("type" = "audio") {
        data: required("data");
        mime_type: required("mimeType");
        annotations: optional("annotations");
    }
    ResourceLink ("type" = "resource_link") {
        uri: required("uri");
        name: required("name");
        title: optional("title");
        description: optional("description");
        mime_type: optional("mimeType");
        size: optional("size");
        icons: optional("icons", since V2025_11_25);
        annotations: optional("annotations");
    }
    EmbeddedResource ("type" = "resource") {
        resource: required("resource");
        annotations: optional("annotations");
    }
    Contents {
        uri: required("uri");
        mime_type: optional("mimeType");
        body: members(Members::members);
    }
    Annotations {
        audience: optional("audience");
        priority: by("priority", crate::wire::shape::value::finite);
        last_modified: optional("lastModified", since V2025_06_18);
    }
}

impl Shape for Content {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        match self {
            Self::Text(text) => text.write(out, revision),
            Self::Image(image) => image.write(out, revision),
            Self::Audio(audio) if revision < Revision::V2025_03_26 => {
                write_stand_in(out, NO_SOUND, &audio.annotations, revision);
            }
            Self::Audio(audio) => audio.write(out, revision),
            Self::Link(link) if revision < Revision::V2025_06_18 => {
                write_stand_in(out, &link.uri, &link.annotations, revision);
            }
            Self::Link(link) => link.write(out, revision),
            Self::Resource(embedded) => embedded.write(out, revision),
        }
    }
}

impl Members for Body {
    fn members(&self, out: &mut Vec<u8>, revision: Revision) {
        match self {
            Self::Text(text) => {
                out.extend_from_slice(b",\"text\":");
                text.write(out, revision);
            }
            Self::Blob(blob) => {
                out.extend_from_slice(b",\"blob\":");
                blob.write(out, revision);
            }
        }
    }
}

/// Content of a sampling message, where no revision has links or embedded resources.
pub(super) struct Sampled<'a>(&'a Content);

/// The content of a sampling message.
pub(super) fn sampled(content: &Content, _: Revision) -> Option<Sampled<'_>> {
    Some(Sampled(content))
}

impl Shape for Sampled<'_> {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        match self.0 {
            Content::Text(_) | Content::Image(_) | Content::Audio(_) => self.0.write(out, revision),
            Content::Link(link) => write_stand_in(out, &link.uri, &link.annotations, revision),
            Content::Resource(embedded) => {
                let text = match &embedded.resource.body {
                    Body::Text(text) => text,
                    Body::Blob(_) => &*embedded.resource.uri,
                };
                write_stand_in(out, text, &embedded.annotations, revision);
            }
        }
    }
}

/// Writes a block of text in place of a block that the revision lacks.
fn write_stand_in(out: &mut Vec<u8>, text: &str, annotations: &Option<Annotations>, revision: Revision) {
    object(out, |out| {
        out.extend_from_slice(b",\"type\":\"text\",\"text\":");
        text.write(out, revision);
        if let Some(annotations) = annotations {
            out.extend_from_slice(b",\"annotations\":");
            annotations.write(out, revision);
        }
    });
}

const NO_SOUND: &str = "[audio]";
