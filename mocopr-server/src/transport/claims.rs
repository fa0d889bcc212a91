//! What the headers of an HTTP request say of its message, and whether the message says the same.

use http::{HeaderMap, HeaderName};
use mocopr_core::{
    call::{Call, Request},
    envelope::Message,
    fault::Fault,
    wire::decode::{MetaVersion, Opened},
};

use crate::transport::mirror::decode;

/// The headers of the protocol, each at most once.
#[derive(Debug)]
pub(crate) struct Claims<'a> {
    /// All headers.
    pub(crate) headers: &'a HeaderMap,
    /// `MCP-Protocol-Version`.
    pub(crate) version: Result<Option<&'a str>, Fault>,
    /// `Mcp-Session-Id`, stateful revisions only.
    pub(crate) session: Result<Option<&'a str>, Fault>,
}

impl<'a> Claims<'a> {
    pub(crate) fn read(headers: &'a HeaderMap) -> Self {
        let version = single(headers, &VERSION)
            .map_err(|_| Fault::HeaderMismatch("MCP-Protocol-Version must come once, in visible ASCII characters"));
        let session = single(headers, &SESSION)
            .map_err(|_| Fault::Envelope("Mcp-Session-Id must come once, in visible ASCII characters"));
        Self { headers, version, session }
    }

    /// Version and method say what the message says.
    pub(crate) fn agree(&self, opened: &Opened) -> Result<(), Fault> {
        let method = match opened.message() {
            Message::Request { method, .. } => {
                self.agree_on_version(opened.version())?;
                method
            }
            // The specification asks for these headers of notifications as well; their `_meta` says no version.
            Message::Notification { method, .. } => method,
            Message::Response { .. } => return Ok(()),
        };
        let header = single(self.headers, &METHOD)
            .map_err(|_| Fault::HeaderMismatch("Mcp-Method must come once, in visible ASCII characters"))?
            .ok_or(Fault::HeaderMismatch("Mcp-Method is missing"))?;
        if header != method.as_str() {
            return Err(Fault::HeaderMismatch("Mcp-Method and the body's method differ"));
        }
        Ok(())
    }

    /// `Mcp-Name` says what the message is about, where the method has such a header.
    pub(crate) fn agree_on_name(&self, call: &Call) -> Result<(), Fault> {
        let name: &str = match &call.request {
            Request::CallTool(call) => &call.name,
            Request::GetPrompt(prompt) => &prompt.name,
            Request::ReadResource(read) => &read.uri,
            Request::Initialize(_)
            | Request::Discover
            | Request::Ping
            | Request::SetLevel(_)
            | Request::ListTools(_)
            | Request::ListPrompts(_)
            | Request::ListResources(_)
            | Request::ListTemplates(_)
            | Request::Complete(_)
            | Request::Subscribe(_)
            | Request::Unsubscribe(_)
            | Request::Listen(_) => return Ok(()),
        };
        let mut values = self.headers.get_all(&NAME).iter();
        let value = values.next().ok_or(Fault::HeaderMismatch("Mcp-Name is missing"))?;
        if values.next().is_some() {
            return Err(Fault::HeaderMismatch("Mcp-Name must come once"));
        }
        let text = decode(value).ok_or(Fault::HeaderMismatch("Mcp-Name cannot be decoded"))?;
        if text.as_str() != name {
            return Err(Fault::HeaderMismatch("Mcp-Name and the body differ"));
        }
        Ok(())
    }

    fn agree_on_version(&self, meta: MetaVersion<'_>) -> Result<(), Fault> {
        let header = self.version.clone()?.ok_or(Fault::HeaderMismatch("MCP-Protocol-Version is missing"))?;
        match meta {
            // What is missing or wrong in `_meta` has a fault of its own.
            MetaVersion::Absent | MetaVersion::Wrong => Ok(()),
            MetaVersion::Named(version) if version == header => Ok(()),
            MetaVersion::Named(_) => Err(Fault::HeaderMismatch("MCP-Protocol-Version and the body's version differ")),
        }
    }
}

/// A header came twice, or holds what no header of the protocol may hold.
pub(crate) struct NotOnce;

/// The value of a header that may come once, without the whitespace around it.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, NotOnce> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(NotOnce);
    }
    let text = value.to_str().map_err(|_| NotOnce)?;
    Ok(Some(text.trim_matches([' ', '\t'])))
}

pub(crate) static VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) static SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
pub(crate) static LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
static METHOD: HeaderName = HeaderName::from_static("mcp-method");
static NAME: HeaderName = HeaderName::from_static("mcp-name");
