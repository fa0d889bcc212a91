//! Which pages a user may be asked to open.
//!
//! The client and its logs see the URL, and somebody else could be made to open it: it must carry nothing that proves
//! who opens it.

use mocopr_core::uri::ResourceUri;
use mocopr_security::origin::names_this_machine;

use crate::registry::lint::names_secret;

/// The page is at `https`, or on this machine, and its URL carries no credential.
///
/// # Source
/// MCP 2025-11-25 and 2026-07-28, client/elicitation, "URL Mode", security considerations.
pub(super) fn is_suitable(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let is_protected =
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") && names_this_machine(authority);
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let names = query.split(['&', ';', '#']).map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    is_protected
        && !authority.is_empty()
        && !authority.contains('@')
        && ResourceUri::parse(url.split_once('#').map_or(url, |(url, _)| url)).is_ok()
        && !names.into_iter().any(names_secret)
}

#[cfg(test)]
mod tests {
    use super::is_suitable;

    /// P-77
    #[test]
    fn a_page_is_protected_and_its_url_proves_nobody() {
        for url in [
            "https://example.com/connect?state=abc",
            "HTTPS://example.com",
            "https://example.com:8443/a/b?page_token=2#part",
            "http://localhost:8080/connect",
            "http://127.0.0.1/connect",
            "http://[::1]:1/connect",
            "http://LOCALHOST/connect",
        ] {
            assert!(is_suitable(url), "{url}");
        }
        for url in [
            "",
            "example.com/connect",
            "http://example.com/connect",
            "http://localhost.example.com/connect",
            "http://localhost:/connect",
            "http://127.1/connect",
            "ftp://example.com/connect",
            "javascript://example.com/%0aalert(1)",
            "https://user:password@example.com/",
            "https:///connect",
            "https://example.com/connect?access_token=abc",
            "https://example.com/connect?a=1&apiKey=abc",
            "https://example.com/connect?client_secret=abc#part",
            "https://example.com/a b",
            "https://example.com/\n",
        ] {
            assert!(!is_suitable(url), "{url}");
        }
    }
}
