//! How a client finds out who issues tokens for this server: the metadata of the protected resource, and the challenge
//! of an answer that refuses.

use http::HeaderValue;
use serde::Serialize;

use crate::{
    auth::is_scope,
    policy::{OFFLINE_ACCESS, PublicUrl},
};

/// What a client may know of this server before it has a token.
///
/// # Source
/// RFC 9728; RFC 6750, section 3; MCP 2026-07-28, basic/authorization.
#[derive(Debug)]
pub(crate) struct ProtectedResource {
    url: PublicUrl,
    issuers: Vec<Box<str>>,
    /// Where the document lies.
    document_url: Box<str>,
}

/// What a client should bring to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A credential: it presented nothing.
    Absent,
    /// Another credential: what it presented proves nobody.
    Invalid,
    /// All of these scopes: the operation needs them.
    Scopes(Box<[Box<str>]>),
}

impl ProtectedResource {
    /// A resource at `url` whose tokens come from `issuers`; `None` where no OAuth issuer does.
    pub(crate) fn new(url: PublicUrl, issuers: Vec<Box<str>>) -> Option<Self> {
        if issuers.is_empty() {
            return None;
        }
        let document_url = format!("{}{WELL_KNOWN}{}", url.origin(), url.path()).into();
        Some(Self { url, issuers, document_url })
    }

    /// The document lies at this path: at the root, or with the path of the resource behind it.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        path.strip_prefix(WELL_KNOWN).is_some_and(|rest| rest.is_empty() || rest == self.url.path())
    }

    /// The document.
    pub(crate) fn document(&self, scopes: &[Box<str>]) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            resource: &'a str,
            authorization_servers: &'a [Box<str>],
            #[serde(skip_serializing_if = "Vec::is_empty")]
            scopes_supported: Vec<&'a str>,
            bearer_methods_supported: [&'a str; 1],
        }

        let scopes = scopes.iter().map(|scope| &**scope).filter(|scope| *scope != OFFLINE_ACCESS).collect();
        let document = Document {
            resource: self.url.as_str(),
            authorization_servers: &self.issuers,
            scopes_supported: scopes,
            bearer_methods_supported: ["header"],
        };
        // Strings alone are always JSON.
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

/// The value of `WWW-Authenticate`; `first` are the scopes to ask for where it is not said which are needed.
///
/// # Source
/// RFC 6750, section 3; RFC 9728, section 5.1.
pub(crate) fn challenge(
    resource: Option<&ProtectedResource>,
    challenge: &Challenge,
    first: &[Box<str>],
) -> HeaderValue {
    let (error, scopes) = match challenge {
        Challenge::Absent => (None, first),
        Challenge::Invalid => (Some("invalid_token"), first),
        Challenge::Scopes(scopes) => (Some("insufficient_scope"), &**scopes),
    };
    let mut text = String::from("Bearer");
    let mut parameter = |name: &str, value: &str| {
        text.push_str(if text.ends_with("Bearer") { " " } else { ", " });
        text.push_str(name);
        text.push_str("=\"");
        text.push_str(value);
        text.push('"');
    };
    if let Some(error) = error {
        parameter("error", error);
    }
    // What is no scope could end the parameter; it is left out.
    let named = scopes.iter().map(|scope| &**scope).filter(|scope| *scope != OFFLINE_ACCESS && is_scope(scope));
    let scopes: Vec<&str> = named.collect();
    if !scopes.is_empty() {
        parameter("scope", &scopes.join(" "));
    }
    if let Some(resource) = resource {
        parameter("resource_metadata", &resource.document_url);
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[cfg(test)]
mod tests {
    use super::*;

    fn resource() -> ProtectedResource {
        let url = PublicUrl::parse("https://mcp.example.com/mcp").unwrap();
        ProtectedResource::new(url, vec!["https://id.example.com".into()]).unwrap()
    }

    /// P-05
    #[test]
    fn the_document_lies_at_the_root_and_behind_the_path_and_nowhere_else() {
        let resource = resource();
        assert!(resource.is_at("/.well-known/oauth-protected-resource"));
        assert!(resource.is_at("/.well-known/oauth-protected-resource/mcp"));
        for path in
            ["/.well-known/oauth-protected-resource/", "/.well-known/oauth-protected-resource/mcp/", "/mcp", "/"]
        {
            assert!(!resource.is_at(path), "{path}");
        }
    }

    /// P-03, P-04, P-07
    #[test]
    fn the_document_names_resource_issuers_and_scopes_but_never_offline_access() {
        let document = resource().document(&["notes:read".into(), OFFLINE_ACCESS.into()]);
        let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(
            document,
            serde_json::json!({
                "resource": "https://mcp.example.com/mcp",
                "authorization_servers": ["https://id.example.com"],
                "scopes_supported": ["notes:read"],
                "bearer_methods_supported": ["header"],
            })
        );
    }

    /// P-05, P-06, P-07, P-13
    #[test]
    fn challenges_say_what_is_missing() {
        let resource = resource();
        let scopes: [Box<str>; 3] = ["a".into(), "b".into(), OFFLINE_ACCESS.into()];
        let metadata = "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";
        let with = |value, first: &[Box<str>]| challenge(Some(&resource), &value, first).to_str().unwrap().to_owned();
        assert_eq!(with(Challenge::Absent, &scopes), format!("Bearer scope=\"a b\", {metadata}"));
        assert_eq!(with(Challenge::Invalid, &[]), format!("Bearer error=\"invalid_token\", {metadata}"));
        assert_eq!(
            with(Challenge::Scopes(scopes.clone().into()), &[]),
            format!("Bearer error=\"insufficient_scope\", scope=\"a b\", {metadata}")
        );
        assert_eq!(challenge(None, &Challenge::Absent, &[]), "Bearer");
        let hostile = ["a\", error=\"x".into(), "b".into()];
        assert_eq!(
            challenge(None, &Challenge::Scopes(hostile.into()), &[]),
            "Bearer error=\"insufficient_scope\", scope=\"b\""
        );
    }
}
