//! A host with an optional port, as `Host`, `Origin` and request targets carry it.
//!
//! The grammar is narrower than that of RFC 3986: no user information, no escapes, no trailing dot, no empty port.
//! Two spellings that a parser elsewhere could read differently are refused here rather than normalized.

use std::net::Ipv6Addr;

/// A borrowed host and port; names compare without regard to ASCII case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) port: Option<u16>,
}

/// A host: a name (or an IPv4 address, which is compared as it is written), or an IPv6 address.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Host<'a> {
    Name(&'a str),
    V6(Ipv6Addr),
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(left), Self::Name(right)) => left.eq_ignore_ascii_case(right),
            (Self::V6(left), Self::V6(right)) => left == right,
            (Self::Name(_), Self::V6(_)) | (Self::V6(_), Self::Name(_)) => false,
        }
    }
}

impl Eq for Host<'_> {}

impl Host<'_> {
    /// It names this machine. Only these three spellings: a resolver takes `localhost.` or `127.1` for loopback as
    /// well, but no client that means well writes them.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost") || *name == "127.0.0.1",
            Self::V6(address) => address.is_loopback(),
        }
    }
}

impl<'a> Authority<'a> {
    /// Parses `name`, `name:port`, `[v6]` or `[v6]:port`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let port = match rest {
                "" => None,
                rest => Some(parse_port(rest.strip_prefix(':')?)?),
            };
            return Some(Self { host: Host::V6(address.parse().ok()?), port });
        }
        let (name, port) = match text.split_once(':') {
            None => (text, None),
            Some((name, port)) => (name, Some(parse_port(port)?)),
        };
        is_name(name).then_some(Self { host: Host::Name(name), port })
    }

    pub(crate) fn to_owned(self) -> OwnedAuthority {
        let host = match self.host {
            Host::Name(name) => OwnedHost::Name(name.to_ascii_lowercase().into()),
            Host::V6(address) => OwnedHost::V6(address),
        };
        OwnedAuthority { host, port: self.port }
    }
}

/// An entry of an allow-list.
#[derive(Clone, Debug)]
pub(crate) struct OwnedAuthority {
    host: OwnedHost,
    pub(crate) port: Option<u16>,
}

impl OwnedAuthority {
    pub(crate) fn host_is(&self, host: &Host<'_>) -> bool {
        let own = match &self.host {
            OwnedHost::Name(name) => Host::Name(name),
            OwnedHost::V6(address) => Host::V6(*address),
        };
        own == *host
    }
}

#[derive(Clone, Debug)]
enum OwnedHost {
    Name(Box<str>),
    V6(Ipv6Addr),
}

/// Labels of letters, digits, hyphens and underscores, none of them empty; at most 253 characters (RFC 1035 §2.3.4).
fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_CHARS
        && name.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

/// One to five digits without a leading zero, from 1 to 65,535.
fn parse_port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if plain { text.parse().ok() } else { None }
}

const MAX_NAME_CHARS: usize = 253;
