//! Which proxies are believed when they say from where a request comes.
//!
//! Of all that proxies say, `X-Forwarded-For` alone is read, and of that nothing that a stranger may have written:
//! each proxy adds the address that it saw at the end, so the list is read from its end up to the first address that is
//! not trusted. `X-Forwarded-Proto`, `X-Forwarded-Host`, `Forwarded` and `X-Real-IP` are never believed.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use http::HeaderMap;
use mocopr_core::peer::Source;

use crate::{origin::Rejection, policy::Problem};

/// Networks whose `X-Forwarded-For` is believed; empty unless somebody is added.
///
/// ```
/// use mocopr_security::proxies::TrustedProxies;
///
/// let mut proxies = TrustedProxies::default();
/// proxies.trust("10.0.0.0/8")?;
/// assert!(proxies.trust("0.0.0.0/0").is_err());
/// assert!(proxies.trusts("10.1.2.3".parse()?) && !proxies.trusts("11.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// From the peer of the connection.
    Peer(Source),
    /// From elsewhere, as a trusted peer says.
    Forwarded(IpAddr),
}

impl Caller {
    /// What the request comes from.
    pub(crate) fn source(self) -> Source {
        match self {
            Self::Peer(source) => source,
            Self::Forwarded(address) => Source::Address(address),
        }
    }
}

/// A network: all addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    bits: u32,
}

impl TrustedProxies {
    /// Trusts a network such as `10.0.0.0/8` or `2001:db8::/32`, or one address.
    ///
    /// # Errors
    /// Where it is none, or holds more than a /8 of IPv4 or a /32 of IPv6: whoever trusts half of the internet trusts
    /// everybody's word on where they are.
    pub fn trust(&mut self, network: &str) -> Result<(), Problem> {
        let Some(network) = Network::parse(network) else {
            return Err(Problem::new(
                format!("{network:?} is no network"),
                "give .with_trusted_proxies(..) networks such as \"10.0.0.0/8\" or addresses such as \"10.0.0.7\"",
            ));
        };
        let least = if network.first.is_ipv4() { LEAST_BITS_OF_V4 } else { LEAST_BITS_OF_V6 };
        if network.bits < least {
            return Err(Problem::new(
                format!("{network} is too large to be a network of proxies"),
                format!("give .with_trusted_proxies(..) the proxies' own network, with a prefix of /{least} or longer"),
            ));
        }
        self.0.push(network);
        Ok(())
    }

    /// Nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// It is the address of a trusted proxy; an IPv4 address that is written as IPv6 is one.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address.to_canonical()))
    }

    /// Where a request with these headers comes from, on a connection of this peer.
    ///
    /// Without the header a proxy speaks for itself; where everybody in it is trusted, the first one does. A user of
    /// this machine is no proxy.
    ///
    /// # Errors
    /// [`Rejection::Forwarded`] for any such header of somebody who is not trusted, and for a list of a trusted peer that
    /// cannot be read as far as it must be.
    pub(crate) fn caller(&self, peer: Source, headers: &HeaderMap) -> Result<Caller, Rejection> {
        if !peer.address().is_some_and(|address| self.trusts(address)) {
            crate::origin::check_forwarded(headers)?;
            return Ok(Caller::Peer(peer));
        }
        let mut farthest = Caller::Peer(peer);
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            // Only what is looked at must be readable, not what a stranger put in front of it.
            for entry in line.as_bytes().rsplit(|byte| *byte == b',') {
                let address = std::str::from_utf8(entry).ok().and_then(address).ok_or(Rejection::Forwarded)?;
                farthest = Caller::Forwarded(address);
                if !self.trusts(address) {
                    return Ok(farthest);
                }
            }
        }
        Ok(farthest)
    }
}

/// As an owner reads it: the networks, or `none`.
impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut networks = self.0.iter();
        let Some(first) = networks.next() else { return f.write_str("none") };
        write!(f, "{first}")?;
        networks.try_for_each(|network| write!(f, ", {network}"))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().ok()?;
        let width = width(written);
        let bits = match bits {
            // `u32::from_str` takes a sign, which no prefix has.
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= width)?
            }
            Some(_) => return None,
            None => width,
        };
        let first = written.to_canonical();
        // An IPv4 network that is written as IPv6; a shorter prefix holds more than such addresses.
        let bits = match (written, first) {
            (IpAddr::V6(_), IpAddr::V4(_)) => bits.checked_sub(MAPPED_BITS)?,
            _ => bits,
        };
        Some(Self { first, bits })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let rest = |width: u32| width - self.bits;
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differ = first.to_bits() ^ address.to_bits();
                differ.checked_shr(rest(32)).unwrap_or_default() == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let differ = first.to_bits() ^ address.to_bits();
                differ.checked_shr(rest(128)).unwrap_or_default() == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// An entry of the list: an address, with or without a port, an IPv6 address with or without brackets.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches([' ', '\t']);
    let address = entry.parse::<IpAddr>().ok();
    let address =
        address.or_else(|| entry.parse::<SocketAddr>().ok().filter(has_no_scope).map(|with_port| with_port.ip()));
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    address.or_else(bracketed).map(|address| address.to_canonical())
}

/// A scope means something on the machine that wrote it, and nowhere else.
fn has_no_scope(address: &SocketAddr) -> bool {
    match address {
        SocketAddr::V4(_) => true,
        SocketAddr::V6(address) => address.scope_id() == 0,
    }
}

/// The header that is read.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The shortest prefixes: nobody has more than a /8 of IPv4, or more than a /32 of IPv6, to put proxies in.
const LEAST_BITS_OF_V4: u32 = 8;
const LEAST_BITS_OF_V6: u32 = 32;

/// How many bits come before an IPv4 address that is written as IPv6.
const MAPPED_BITS: u32 = 96;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn proxies(networks: &[&str]) -> TrustedProxies {
        let mut proxies = TrustedProxies::default();
        networks.iter().for_each(|network| proxies.trust(network).unwrap());
        proxies
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Who calls, where the peer 10.0.0.1 and its network are trusted, and so is one of IPv6.
    fn caller(peer: &str, lines: &[&str]) -> Result<Caller, Rejection> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        proxies(&["10.0.0.0/8", "2001:db8::/32"]).caller(ip(peer).into(), &headers)
    }

    fn forwarded(text: &str) -> Result<Caller, Rejection> {
        Ok(Caller::Forwarded(ip(text)))
    }

    /// S-24
    #[test]
    fn the_last_address_that_is_not_trusted_calls() {
        for (lines, from) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            (&["203.0.113.9, 192.0.2.1, 10.0.0.2,10.9.9.9"], "192.0.2.1"),
            (&["203.0.113.9", "192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            (&["192.0.2.1", "10.0.0.2", "10.0.0.3"], "192.0.2.1"),
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["2001:db9::1"], "2001:db9::1"),
            (&["[2001:db9::1]"], "2001:db9::1"),
            (&["[2001:db9::1]:4711, [2001:db8::2]:80"], "2001:db9::1"),
            (&["::ffff:192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.1, ::ffff:10.0.0.4"], "192.0.2.1"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["not an address, , 192.0.2.1"], "192.0.2.1"),
        ] {
            assert_eq!(caller("10.0.0.1", lines), forwarded(from), "{lines:?}");
        }
        assert_eq!(caller("::ffff:10.0.0.1", &["192.0.2.1"]), forwarded("192.0.2.1"));
        assert_eq!(caller("2001:db8::7", &["192.0.2.1"]), forwarded("192.0.2.1"));
        assert_eq!(caller("10.0.0.1", &[]), Ok(Caller::Peer(ip("10.0.0.1").into())));
    }

    /// S-24
    #[test]
    fn a_list_that_cannot_be_read_is_refused() {
        for lines in [
            &["unknown"][..],
            &[""],
            &["192.0.2.1,"],
            &["192.0.2.1, , 10.0.0.2"],
            &["192.0.2.1", ""],
            &["192.0.2.256"],
            &["192.0.2.1:"],
            &["192.0.2.1:99999"],
            &["[192.0.2.1]"],
            &["2001:db9::1%eth0"],
            &["[fe80::1%2]:80"],
            &["\"192.0.2.1\""],
            &["for=192.0.2.1"],
            &["192.0.2.1 10.0.0.2"],
        ] {
            assert_eq!(caller("10.0.0.1", lines), Err(Rejection::Forwarded), "{lines:?}");
        }
    }

    /// S-24
    #[test]
    fn nobody_else_is_believed() {
        for peer in ["192.0.2.1", "11.0.0.1", "2001:db9::1", "::1", "127.0.0.1"] {
            assert_eq!(caller(peer, &["10.0.0.1"]), Err(Rejection::Forwarded), "{peer}");
            assert_eq!(caller(peer, &[]), Ok(Caller::Peer(ip(peer).into())), "{peer}");
        }
        let mut headers = HeaderMap::new();
        let user = Source::User(0);
        assert_eq!(proxies(&["127.0.0.1"]).caller(user, &headers), Ok(Caller::Peer(user)));
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("127.0.0.1"));
        assert_eq!(proxies(&["127.0.0.1"]).caller(user, &headers), Err(Rejection::Forwarded));
        assert!(!TrustedProxies::default().trusts(ip("127.0.0.1")));
    }

    /// S-24
    #[test]
    fn what_else_a_trusted_proxy_says_means_nothing() {
        let mut headers = HeaderMap::new();
        for name in ["forwarded", "x-real-ip", "x-forwarded-host", "x-forwarded-proto"] {
            headers.insert(name, HeaderValue::from_static("192.0.2.1"));
        }
        assert_eq!(
            proxies(&["10.0.0.1"]).caller(ip("10.0.0.1").into(), &headers),
            Ok(Caller::Peer(ip("10.0.0.1").into()))
        );
    }

    /// S-24
    #[test]
    fn networks_have_a_bound_and_one_spelling() {
        for (network, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.7", "10.0.0.7/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ] {
            assert_eq!(proxies(&[network]).to_string(), shown);
        }
        let wide = ["0.0.0.0/0", "10.0.0.0/7", "::/0", "2001:db8::/31", "::ffff:0.0.0.0/96", "::ffff:10.0.0.0/103"];
        for network in wide {
            let problem = TrustedProxies::default().trust(network).unwrap_err();
            assert!(problem.what().contains("too large"), "{problem}");
        }
        for network in
            ["", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0/8", "::/129", "proxy.example.com", "::ffff:0:0/32"]
        {
            let problem = TrustedProxies::default().trust(network).unwrap_err();
            assert!(problem.what().contains("is no network"), "{problem}");
        }
        let odd = proxies(&["10.0.0.128/25", "2001:db8::8000:0/97"]);
        for (address, is_trusted) in [
            ("10.0.0.128", true),
            ("10.0.0.127", false),
            ("10.0.0.255", true),
            ("2001:db8::8000:1", true),
            ("2001:db8::7fff:ffff", false),
        ] {
            assert_eq!(odd.trusts(ip(address)), is_trusted, "{address}");
        }
    }
}
