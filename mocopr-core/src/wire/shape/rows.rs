//! The rows of what is listed, answered, declared and asked.

use crate::{
    json::RawJson,
    model::{
        ask::{Ask, FormAsk, ListenFilter, Questions, Sample, SampleMessage, UrlAsk},
        capability::{
            ClientCapabilities, ElicitationModes, Hello, Implementation, ListChanged, ResourceCapability,
            SamplingModes, ServerCapabilities,
        },
        content::{Icon, LogMessage},
        prompt::{Prompt, PromptArgument, PromptMessage, PromptResult},
        resource::{ReadResult, Resource, ResourceTemplate},
        tool::{Completion, OutputSchema, Tool, ToolAnnotations, ToolResult},
    },
    page::CacheHint,
    wire::{
        revision::{Era, Revision},
        shape::{Members, Omit, Shape, content::sampled, form, member, milliseconds, object, shape, value::finite},
    },
};

shape! {
    Tool {
        name: required("name");
        title: optional("title", since V2025_06_18);
        description: optional("description");
        icons: optional("icons", since V2025_11_25);
        input_schema: required("inputSchema");
        output_schema: by("outputSchema", output_schema, since V2025_06_18);
        annotations: optional("annotations", since V2025_03_26);
        meta: optional("_meta", since V2025_06_18);
    }
    ToolAnnotations {
        read_only: optional("readOnlyHint");
        destructive: optional("destructiveHint");
        idempotent: optional("idempotentHint");
        open_world: optional("openWorldHint");
    }
    ToolResult ("resultType" = "complete", since V2026_07_28) {
        content: required("content");
        structured: by("structuredContent", structured, since V2025_06_18);
        is_error: optional("isError");
        meta: optional("_meta");
    }
    Prompt {
        name: required("name");
        title: optional("title", since V2025_06_18);
        description: optional("description");
        icons: optional("icons", since V2025_11_25);
        arguments: optional("arguments");
        meta: optional("_meta", since V2025_06_18);
    }
    PromptArgument {
        name: required("name");
        title: optional("title", since V2025_06_18);
        description: optional("description");
        required: optional("required");
    }
    PromptResult ("resultType" = "complete", since V2026_07_28) {
        description: optional("description");
        messages: required("messages");
        meta: optional("_meta");
    }
    PromptMessage {
        role: required("role");
        content: required("content");
    }
    Resource {
        uri: required("uri");
        name: required("name");
        title: optional("title", since V2025_06_18);
        description: optional("description");
        icons: optional("icons", since V2025_11_25);
        mime_type: optional("mimeType");
        size: optional("size");
        annotations: optional("annotations");
        meta: optional("_meta", since V2025_06_18);
    }
    ResourceTemplate {
        uri_template: required("uriTemplate");
        name: required("name");
        title: optional("title", since V2025_06_18);
        description: optional("description");
        icons: optional("icons", since V2025_11_25);
        mime_type: optional("mimeType");
        annotations: optional("annotations");
        meta: optional("_meta", since V2025_06_18);
    }
    ReadResult ("resultType" = "complete", since V2026_07_28) {
        contents: required("contents");
        cache: members(Members::members);
        meta: optional("_meta");
    }
    Completion {
        values: required("values");
        total: optional("total");
        has_more: optional("hasMore");
    }
    CacheHint {
        ttl: by("ttlMs", milliseconds, since V2026_07_28);
        scope: required("cacheScope", since V2026_07_28);
    }
    Icon {
        src: required("src");
        mime_type: optional("mimeType");
        sizes: optional("sizes");
        theme: optional("theme");
    }
    Implementation {
        name: required("name");
        title: optional("title", since V2025_06_18);
        version: required("version");
        description: optional("description", since V2025_11_25);
        website_url: optional("websiteUrl", since V2025_11_25);
        icons: optional("icons", since V2025_11_25);
    }
    Hello ("resultType" = "complete", since V2026_07_28) {
        revisions: required("supportedVersions", since V2026_07_28);
        capabilities: required("capabilities");
        server: members(server);
        instructions: optional("instructions");
        cache: members(Members::members);
    }
    ServerCapabilities {
        tools: optional("tools");
        prompts: optional("prompts");
        resources: optional("resources");
        logging: by("logging", declared);
        completions: by("completions", declared, since V2025_03_26);
        extensions: by("extensions", settings, since V2026_07_28);
    }
    ResourceCapability {
        subscribe: optional("subscribe");
        list_changed: optional("listChanged");
    }
    ClientCapabilities {
        elicitation: optional("elicitation", since V2025_06_18);
        sampling: optional("sampling");
        roots: by("roots", declared);
        extensions: by("extensions", names, since V2026_07_28);
    }
    SamplingModes {
        tools: by("tools", declared, since V2025_11_25);
        context: by("context", declared, since V2025_11_25);
    }
    Questions ("resultType" = "input_required") {
        asks: by("inputRequests", requests);
        state: optional("requestState");
    }
    FormAsk ("mode" = "form", since V2025_11_25) {
        message: required("message");
        schema: by("requestedSchema", form::requested);
    }
    UrlAsk ("mode" = "url") {
        message: required("message");
        url: required("url");
        elicitation_id: required("elicitationId", only V2025_11_25);
    }
    Sample {
        messages: required("messages");
        max_tokens: required("maxTokens");
        system_prompt: optional("systemPrompt");
        temperature: by("temperature", finite);
        stop_sequences: optional("stopSequences");
    }
    SampleMessage {
        role: required("role");
        content: by("content", sampled);
    }
    ListenFilter {
        tools: optional("toolsListChanged");
        prompts: optional("promptsListChanged");
        resources: optional("resourcesListChanged");
        uris: optional("resourceSubscriptions");
    }
    LogMessage {
        level: required("level");
        logger: optional("logger");
        data: required("data");
    }
}

impl Omit for ToolAnnotations {
    fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Shape for ListChanged {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        let Self(told) = self;
        out.extend_from_slice(if *told { b"{\"listChanged\":true}" } else { b"{}" });
    }
}

impl Shape for ElicitationModes {
    /// A form alone is the empty object: that is how the revision that has no modes writes it, and what the newer
    /// ones take it for.
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        let Self { form, url } = self;
        object(out, |out| {
            if *url && revision >= Revision::V2025_11_25 {
                if *form {
                    member(out, "form", &Empty, revision);
                }
                member(out, "url", &Empty, revision);
            }
        });
    }
}

impl Members for Ask {
    fn members(&self, out: &mut Vec<u8>, revision: Revision) {
        match self {
            Self::Form(form) => {
                out.extend_from_slice(b",\"method\":\"elicitation/create\",\"params\":");
                form.write(out, revision);
            }
            Self::Url(url) => {
                out.extend_from_slice(b",\"method\":\"elicitation/create\",\"params\":");
                url.write(out, revision);
            }
            Self::Sample(sample) => {
                out.extend_from_slice(b",\"method\":\"sampling/createMessage\",\"params\":");
                sample.write(out, revision);
            }
            Self::Roots => out.extend_from_slice(b",\"method\":\"roots/list\",\"params\":{}"),
        }
    }
}

impl Shape for Ask {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        object(out, |out| self.members(out, revision));
    }
}

/// An empty object.
struct Empty;

impl Shape for Empty {
    fn write(&self, out: &mut Vec<u8>, _: Revision) {
        out.extend_from_slice(b"{}");
    }
}

/// An object whose names are data.
struct Named<'a, T>(&'a [(Box<str>, T)]);

impl<T: Shape> Shape for Named<'_, T> {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        object(out, |out| {
            for (name, value) in self.0 {
                member(out, name, value, revision);
            }
        });
    }
}

/// An object of empty objects.
struct Names<'a>(&'a [Box<str>]);

impl Shape for Names<'_> {
    fn write(&self, out: &mut Vec<u8>, revision: Revision) {
        object(out, |out| {
            for name in self.0 {
                member(out, name, &Empty, revision);
            }
        });
    }
}

fn declared(flag: &bool, _: Revision) -> Option<Empty> {
    flag.then_some(Empty)
}

fn settings(extensions: &[(Box<str>, RawJson)], _: Revision) -> Option<Named<'_, RawJson>> {
    (!extensions.is_empty()).then_some(Named(extensions))
}

fn names(extensions: &[Box<str>], _: Revision) -> Option<Names<'_>> {
    (!extensions.is_empty()).then_some(Names(extensions))
}

fn requests(asks: &[(Box<str>, Ask)], _: Revision) -> Option<Named<'_, Ask>> {
    (!asks.is_empty()).then_some(Named(asks))
}

/// Only 2026-07-28 has schemas of anything but objects.
fn output_schema(schema: &Option<OutputSchema>, revision: Revision) -> Option<&RawJson> {
    let OutputSchema { schema, is_object } = schema.as_ref()?;
    (*is_object || revision >= Revision::V2026_07_28).then_some(schema)
}

/// Only 2026-07-28 has structured content of anything but objects.
fn structured(content: &Option<RawJson>, revision: Revision) -> Option<&RawJson> {
    content.as_ref().filter(|content| content.is_object() || revision >= Revision::V2026_07_28)
}

/// Who the server is stands beside the version that was agreed on, or in `_meta` where nothing is agreed on.
fn server(server: &Implementation, out: &mut Vec<u8>, revision: Revision) {
    match revision.era() {
        Era::Stateful => {
            member(out, "protocolVersion", &revision, revision);
            member(out, "serverInfo", server, revision);
        }
        Era::Stateless => {
            out.extend_from_slice(b",\"_meta\":");
            object(out, |out| member(out, crate::meta::SERVER_INFO, server, revision));
        }
    }
}
