//! How a client finds out who issues tokens for this server: the metadata of the protected resource, and the challenge
//! of an answer that refuses.

use http::HeaderValue;
use mocopr_core::peer::TlsFacts;
use serde::Serialize;

use crate::{
    auth::{DpopPolicy, is_scope},
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
    /// The same credential with a proof that has this nonce (RFC 9449, section 9), which goes along as `DPoP-Nonce`.
    Nonce(Box<str>),
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

    /// Where the document lies, at either path.
    pub(crate) fn paths(&self) -> [String; 2] {
        [WELL_KNOWN.to_owned(), format!("{WELL_KNOWN}{}", self.url.path())]
    }

    /// The document.
    ///
    /// `tls` is what was seen of the connection that asks: tokens that are bound to certificates are taken where its
    /// listener asks clients for one.
    pub(crate) fn document(&self, scopes: &[Box<str>], dpop: Option<&DpopPolicy>, tls: Option<&TlsFacts>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            resource: &'a str,
            authorization_servers: &'a [Box<str>],
            #[serde(skip_serializing_if = "Vec::is_empty")]
            scopes_supported: Vec<&'a str>,
            bearer_methods_supported: [&'a str; 1],
            #[serde(skip_serializing_if = "Option::is_none")]
            dpop_signing_alg_values_supported: Option<Vec<&'static str>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            dpop_bound_access_tokens_required: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tls_client_certificate_bound_access_tokens: Option<bool>,
        }

        let scopes = scopes.iter().map(|scope| &**scope).filter(|scope| *scope != OFFLINE_ACCESS).collect();
        let document = Document {
            resource: self.url.as_str(),
            authorization_servers: &self.issuers,
            scopes_supported: scopes,
            bearer_methods_supported: ["header"],
            dpop_signing_alg_values_supported: dpop.map(DpopPolicy::names),
            dpop_bound_access_tokens_required: dpop.map(DpopPolicy::is_required),
            tls_client_certificate_bound_access_tokens: tls.filter(|tls| tls.asks_clients).map(|_| true),
        };
        // Strings alone are always JSON.
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

/// The value of `WWW-Authenticate`; `first` are the scopes to ask for where it is not said which are needed.
///
/// Where bound tokens are accepted beside others, both schemes are named, in one value.
///
/// # Source
/// RFC 6750, section 3; RFC 9728, section 5.1; RFC 9449, sections 7.1 and 9.
pub(crate) fn challenge(
    resource: Option<&ProtectedResource>,
    dpop: Option<&DpopPolicy>,
    challenge: &Challenge,
    first: &[Box<str>],
) -> HeaderValue {
    let (error, scopes, is_for_bearer) = match challenge {
        Challenge::Absent => (None, first, true),
        Challenge::Invalid => (Some("invalid_token"), first, true),
        Challenge::Scopes(scopes) => (Some("insufficient_scope"), &**scopes, true),
        Challenge::Nonce(_) => (Some("use_dpop_nonce"), [].as_slice(), false),
    };
    // What is no scope could end the parameter; it is left out.
    let named = scopes.iter().map(|scope| &**scope).filter(|scope| *scope != OFFLINE_ACCESS && is_scope(scope));
    let scopes: Vec<&str> = named.collect();
    let scopes = (!scopes.is_empty()).then(|| scopes.join(" "));
    let document = resource.map(|resource| &*resource.document_url);
    let shared = [("error", error), ("scope", scopes.as_deref()), ("resource_metadata", document)];
    let algorithms = dpop.map(|dpop| dpop.names().join(" "));
    let text = match &algorithms {
        None => one("Bearer", &shared),
        Some(algorithms) if is_for_bearer && !dpop.is_some_and(DpopPolicy::is_required) => {
            let dpop = one("DPoP", &[("error", error), ("algs", Some(algorithms))]);
            format!("{}, {dpop}", one("Bearer", &shared))
        }
        Some(algorithms) => one("DPoP", &[shared.as_slice(), &[("algs", Some(algorithms))]].concat()),
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
}

/// The challenge of one scheme with those of its parameters that there are.
fn one(scheme: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut text = String::from(scheme);
    for (nth, (name, value)) in parameters.iter().filter_map(|(name, value)| Some((name, (*value)?))).enumerate() {
        text.push_str(if nth == 0 { " " } else { ", " });
        text.push_str(&format!("{name}=\"{value}\""));
    }
    text
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::JwtAlgorithm;

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
        let document = resource().document(&["notes:read".into(), OFFLINE_ACCESS.into()], None, None);
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
        let with =
            |value, first: &[Box<str>]| challenge(Some(&resource), None, &value, first).to_str().unwrap().to_owned();
        assert_eq!(with(Challenge::Absent, &scopes), format!("Bearer scope=\"a b\", {metadata}"));
        assert_eq!(with(Challenge::Invalid, &[]), format!("Bearer error=\"invalid_token\", {metadata}"));
        assert_eq!(
            with(Challenge::Scopes(scopes.clone().into()), &[]),
            format!("Bearer error=\"insufficient_scope\", scope=\"a b\", {metadata}")
        );
        assert_eq!(challenge(None, None, &Challenge::Absent, &[]), "Bearer");
        let hostile = ["a\", error=\"x".into(), "b".into()];
        assert_eq!(
            challenge(None, None, &Challenge::Scopes(hostile.into()), &[]),
            "Bearer error=\"insufficient_scope\", scope=\"b\""
        );
    }
    /// RFC 9449, sections 4.3 and 7.1
    #[test]
    fn challenges_and_document_say_which_proofs_are_taken() {
        let resource = resource();
        let accepted = DpopPolicy::accepted().with_algorithms([JwtAlgorithm::ES256, JwtAlgorithm::PS256]);
        let required = DpopPolicy::required().with_algorithms([JwtAlgorithm::EdDSA]);
        let metadata = "resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/mcp\"";
        let say = |dpop, value| challenge(Some(&resource), Some(dpop), &value, &[]).to_str().unwrap().to_owned();
        assert_eq!(say(&accepted, Challenge::Absent), format!("Bearer {metadata}, DPoP algs=\"ES256 PS256\""));
        assert_eq!(
            say(&accepted, Challenge::Invalid),
            format!("Bearer error=\"invalid_token\", {metadata}, DPoP error=\"invalid_token\", algs=\"ES256 PS256\"")
        );
        assert_eq!(
            say(&required, Challenge::Invalid),
            format!("DPoP error=\"invalid_token\", {metadata}, algs=\"EdDSA\"")
        );
        assert_eq!(
            say(&accepted, Challenge::Nonce("n".into())),
            format!("DPoP error=\"use_dpop_nonce\", {metadata}, algs=\"ES256 PS256\"")
        );
        assert_eq!(challenge(None, Some(&required), &Challenge::Absent, &[]), "DPoP algs=\"EdDSA\"");
        let document =
            |dpop| -> serde_json::Value { serde_json::from_slice(&resource.document(&[], Some(dpop), None)).unwrap() };
        assert_eq!(document(&accepted)["dpop_signing_alg_values_supported"], serde_json::json!(["ES256", "PS256"]));
        assert_eq!(document(&accepted)["dpop_bound_access_tokens_required"], false);
        assert_eq!(document(&required)["dpop_bound_access_tokens_required"], true);
    }
}
