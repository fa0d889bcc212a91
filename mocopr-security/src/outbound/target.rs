//! From the text of a URL to where a request goes.
//!
//! One spelling of each host is read and every other refused: programs that read an odd spelling differently are how a
//! check and a connection come to disagree. Nothing is repaired, decoded or guessed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::{OutboundError, OutboundErrorKind};

/// Where a request goes: read from a URL, its host in one canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// What stands in the request line: the path and the query, never empty.
    pub(crate) path: String,
}

/// The two schemes that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// A host as a URL names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Host {
    /// A DNS name in lower case, without a final dot.
    Name(Box<str>),
    /// An address, written in the one usual way.
    Address(IpAddr),
}

impl Target {
    /// Reads a URL. A fragment is dropped: it is for the reader of the answer, not for the server.
    pub(crate) fn parse(url: &str) -> Result<Self, OutboundError> {
        let refused = OutboundError::from(OutboundErrorKind::Url);
        if url.len() > MAX_URL || !url.bytes().all(is_url_byte) {
            return Err(refused);
        }
        let url = url.split('#').next().unwrap_or_default();
        let Some((scheme, rest)) = url.split_once("://") else { return Err(refused) };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(refused),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let Some((authority, path)) = rest.split_at_checked(end) else { return Err(refused) };
        let (host, port) = split_port(authority).ok_or(OutboundErrorKind::Url)?;
        let host = Host::parse(host).ok_or(OutboundErrorKind::Url)?;
        let port = match port {
            Some(digits) => parse_port(digits).ok_or(OutboundErrorKind::Url)?,
            None => scheme.default_port(),
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { scheme, host, port, path })
    }

    /// Where a redirect of this target leads, if it stays with the same scheme, host and port.
    ///
    /// Only whole URLs and absolute paths are read, which is what servers send.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, OutboundError> {
        let elsewhere = OutboundError::from(OutboundErrorKind::Redirect);
        let text = match location.strip_prefix('/') {
            Some(rest) if rest.starts_with('/') => return Err(elsewhere),
            Some(_) => format!("{}://{}{location}", self.scheme.as_str(), self.authority()),
            None => location.to_owned(),
        };
        let next = Self::parse(&text).map_err(|_| OutboundErrorKind::Redirect)?;
        let Self { scheme, host, port, path: _ } = &next;
        let stays = *scheme == self.scheme && *host == self.host && *port == self.port;
        if stays { Ok(next) } else { Err(elsewhere) }
    }

    /// Host and port for the `Host` header: without the port where the scheme implies it.
    pub(super) fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.to_string(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
}

impl Scheme {
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Host {
    /// Reads a host: an address of IPv6 in brackets, one of IPv4 as four decimal numbers, or a DNS name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        let is_label = |label: &str| {
            let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
        };
        // A last label that is a number, decimal, octal or hexadecimal, makes some resolvers read an address.
        let last = text.rsplit('.').next()?;
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.get(..2).is_some_and(is_hex_mark);
        let is_name = text.len() <= 253 && text.split('.').all(is_label) && !is_number;
        is_name.then(|| Self::Name(text.to_ascii_lowercase().into()))
    }

    /// Whether this says by itself that it is this machine (RFC 6761, section 6.3).
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => &**name == "localhost" || name.ends_with(".localhost"),
            Self::Address(address) => address.is_loopback(),
        }
    }
}

fn is_hex_mark(start: &str) -> bool {
    start.eq_ignore_ascii_case("0x")
}

/// The bytes that RFC 3986 has for URLs, but for none of those that programs treat in different ways: no control
/// character, space, quote, backslash, or byte beyond ASCII.
fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// Takes the port off, where there is one. Nothing of what may stand before an `@` is accepted.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.contains('@') {
        return None;
    }
    if authority.starts_with('[') {
        let (host, rest) = authority.split_at_checked(authority.find(']')? + 1)?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

/// Any port but 0 is fine: nothing but a TLS handshake is said to a port before it has proved whom it speaks for.
fn parse_port(digits: &str) -> Option<u16> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if is_plain { digits.parse().ok() } else { None }
}

/// The longest URL, in bytes: what servers accept at least (RFC 9110, section 4.1).
const MAX_URL: usize = 8_000;

#[cfg(test)]
mod tests {
    use http::Uri;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_read_has_one_spelling(url in "(https?://)?[a-z0-9.:@\\[\\]%/?#x-]{0,30}") {
            let Ok(target) = Target::parse(&url) else { return Ok(()) };
            let again = format!("{}://{}{}", target.scheme.as_str(), target.authority(), target.path);
            prop_assert_eq!(Target::parse(&again).unwrap(), target);
        }

        /// Another reader of URLs finds the same host and port in whatever this one reads.
        #[test]
        fn another_reader_agrees(url in "https://[A-Za-z0-9.:@\\[\\]%/?#_-]{1,30}") {
            let Ok(target) = Target::parse(&url) else { return Ok(()) };
            let uri: Uri = url.parse().unwrap();
            let (host, port) = (uri.host().unwrap(), uri.port_u16().unwrap_or(443));
            prop_assert_eq!(Host::parse(host).unwrap(), target.host);
            prop_assert_eq!(port, target.port);
        }

        #[test]
        fn no_text_makes_it_panic(url in any::<String>()) {
            drop(Target::parse(&url));
            drop(Target::parse(&format!("https://{url}")));
        }
    }

    #[test]
    fn a_url_is_read_in_parts() {
        let target = Target::parse("HTTPS://Api.Example.COM:8443/a/b?c=d#e").unwrap();
        assert_eq!(target.scheme, Scheme::Https);
        assert_eq!(target.host, Host::Name("api.example.com".into()));
        assert_eq!((target.port, target.path.as_str()), (8443, "/a/b?c=d"));
        assert_eq!(target.authority(), "api.example.com:8443");
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (url, port, path) in [
            ("https://a.example", 443, "/"),
            ("https://a.example?q", 443, "/?q"),
            ("http://a.example/#x", 80, "/"),
            ("https://[2606:4700::1111]:443/x", 443, "/x"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.port, target.path.as_str()), (port, path), "{url}");
            assert!(!target.authority().ends_with(&format!(":{port}")), "{url}");
        }
    }

    #[test]
    fn a_redirect_stays_at_its_origin() {
        let from = Target::parse("https://a.example:444/x").unwrap();
        assert_eq!(from.redirected("/y?z").unwrap().path, "/y?z");
        assert_eq!(from.redirected("https://A.example:444/y").unwrap().path, "/y");
        for location in [
            "https://a.example/y",
            "http://a.example:444/y",
            "https://b.example:444/y",
            "https://a.example.evil:444/y",
            "https://a.example:444@evil.example/y",
            "//a.example:444/y",
            "y",
            "?y",
            "",
            "https://127.0.0.1:444/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "/\\evil.example",
        ] {
            let error = from.redirected(location).unwrap_err();
            assert_eq!(error.kind(), OutboundErrorKind::Redirect, "{location}");
        }
    }
}
