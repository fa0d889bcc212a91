//! The one public URL of a server, from which its names follow.
//!
//! It is what clients call the server by: hosts, origins, the audience of tokens, and where the metadata of the
//! protected resource lies all come from it, so they cannot contradict each other.

use std::fmt;

use crate::{origin::Authority, policy::Problem};

/// The URL by which clients reach a server: `https://mcp.example.com/mcp`.
///
/// Scheme and host are kept in lower case. It has no query, no fragment and no user information.
///
/// # Source
/// MCP 2026-07-28, basic/authorization, "Canonical Server URI"; RFC 8707, section 2.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: Box<str>,
    /// Where the path begins.
    path_at: usize,
    scheme: Scheme,
}

/// The scheme of a public URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`, on this machine alone.
    Http,
    /// `https`.
    Https,
}

impl PublicUrl {
    /// Reads a public URL.
    ///
    /// # Errors
    /// A [`Problem`] where it is not `https://host[:port]/path`, or `http` on another host than loopback.
    ///
    /// ```
    /// use mocopr_security::policy::PublicUrl;
    ///
    /// # fn main() -> Result<(), mocopr_security::policy::Problem> {
    /// let url = PublicUrl::parse("https://MCP.example.com/mcp")?;
    /// assert_eq!(url.as_str(), "https://mcp.example.com/mcp");
    /// assert_eq!((url.authority(), url.path()), ("mcp.example.com", "/mcp"));
    /// assert!(PublicUrl::parse("http://mcp.example.com/mcp").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let problem = |what: &str| {
            Problem::new(
                format!("the public URL {text:?} {what}"),
                "give one such as .with_public_url(\"https://mcp.example.com/mcp\")",
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| problem("has no scheme"))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(problem("is neither https nor http")),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let parsed = Authority::parse(authority).ok_or_else(|| problem("has no host, or not a plain one"))?;
        if scheme == Scheme::Http && !parsed.host.is_loopback() {
            return Err(problem("is not https, and not on this machine"));
        }
        if !path.bytes().all(is_path_byte) {
            return Err(problem("has a query, a fragment, or characters that a path does not have"));
        }
        if path.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(problem("has dots as a segment of its path"));
        }
        let start = format!("{}://{}", scheme.as_str(), authority.to_ascii_lowercase());
        let path_at = start.len();
        Ok(Self { text: format!("{start}{path}").into(), path_at, scheme })
    }

    /// The whole URL: what tokens are issued for.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its origin: scheme, host, and the port where it is given.
    pub fn origin(&self) -> &str {
        self.text.get(..self.path_at).unwrap_or_default()
    }

    /// Its host, and the port where it is given.
    pub fn authority(&self) -> &str {
        self.origin().split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Its path: empty, or beginning with `/`.
    pub fn path(&self) -> &str {
        self.text.get(self.path_at..).unwrap_or_default()
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicUrl").field(&self.text).finish()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Scheme {
    /// As it is written in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The characters of a path (RFC 3986, section 3.3); escapes are left out, since a path is compared as it is written.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-15
    #[test]
    fn scheme_and_host_lose_their_case_and_nothing_else_changes() {
        let url = PublicUrl::parse("HTTPS://MCP.Example.com:8443/Mcp/v1").unwrap();
        assert_eq!(url.as_str(), "https://mcp.example.com:8443/Mcp/v1");
        assert_eq!(url.origin(), "https://mcp.example.com:8443");
        assert_eq!(url.authority(), "mcp.example.com:8443");
        assert_eq!(url.path(), "/Mcp/v1");
        assert_eq!(PublicUrl::parse("https://mcp.example.com").unwrap().path(), "");
    }

    /// P-15, P-17
    #[test]
    fn what_is_no_canonical_url_is_refused() {
        for text in [
            "",
            "mcp.example.com/mcp",
            "ftp://mcp.example.com/mcp",
            "http://mcp.example.com/mcp",
            "http://192.0.2.1/mcp",
            "https:///mcp",
            "https://user@mcp.example.com/mcp",
            "https://mcp.example.com./mcp",
            "https://mcp.example.com:0/mcp",
            "https://mcp.example.com/mcp?x=1",
            "https://mcp.example.com/mcp#x",
            "https://mcp.example.com/a/../mcp",
            "https://mcp.example.com/m%63p",
            "https://mcp.example.com/m cp",
            "https://mcp.example.com?x",
        ] {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for text in ["http://127.0.0.1:8080/mcp", "http://localhost/mcp", "http://[::1]:1/mcp"] {
            assert_eq!(PublicUrl::parse(text).unwrap().scheme(), Scheme::Http, "{text}");
        }
    }
}
