//! What the gate tells those who want to be let in: where tokens come from, and what theirs lacked.

use http::HeaderValue;
use mocopr_core::peer::TlsFacts;

use super::Gate;
use crate::auth::{self, Challenge, ProtectedResource};

impl Gate {
    /// What a client may know of this server before it has a token, where that is asked for at `path` (RFC 9728);
    /// `scopes` are all that handlers require, and `tls` is what was seen of the connection that asks.
    pub fn resource_metadata(&self, path: &str, scopes: &[Box<str>], tls: Option<&TlsFacts>) -> Option<Vec<u8>> {
        self.resource
            .as_ref()
            .filter(|resource| resource.is_at(path))
            .map(|resource| resource.document(scopes, self.policy.dpop(), tls))
    }

    /// The paths at which that is asked for; none where no issuer gives tokens.
    pub fn metadata_paths(&self) -> Vec<String> {
        self.resource.iter().flat_map(ProtectedResource::paths).collect()
    }

    /// The value of `WWW-Authenticate` for an answer that refuses; `scopes` are all that handlers require.
    pub fn challenge(&self, challenge: &Challenge, scopes: &[Box<str>]) -> HeaderValue {
        let first = self.policy.initial_scopes().unwrap_or(scopes);
        auth::challenge(self.resource.as_ref(), self.policy.dpop(), challenge, first)
    }
}
