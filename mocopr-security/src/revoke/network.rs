//! Networks of addresses, and whether an address is in one of many: a look for each length of prefix, however many
//! there are.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A network, from the text `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network {
    family: Family,
    bits: u128,
    length: u8,
}

/// Which addresses; also how an address is written as bits, the first one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Family {
    Four,
    Six,
}

/// Many networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Networks {
    all: HashSet<Network>,
    /// The lengths of their prefixes.
    lengths: BTreeSet<(Family, u8)>,
}

impl Network {
    /// Reads the text of a network; `None` where it is none, or names bits beyond its prefix, which is a slip.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        // An IPv4 address written as IPv6 would be a network of nobody: addresses are compared as what they are.
        if address.to_canonical() != address {
            return None;
        }
        let (family, bits) = family(address);
        let length = match length {
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
            None => family.width(),
        };
        let network = Self { family, bits: family.cut(bits, length)?, length };
        (network.bits == bits).then_some(network)
    }
}

impl Networks {
    /// Adds one; `false` where it was there.
    pub(super) fn insert(&mut self, network: Network) -> bool {
        self.lengths.insert((network.family, network.length));
        self.all.insert(network)
    }

    /// Takes one out; `false` where there is none.
    pub(super) fn remove(&mut self, network: Network) -> bool {
        // A length without a network costs a look, and no more.
        self.all.remove(&network)
    }

    /// Adds all of another.
    pub(super) fn extend(&mut self, other: &Self) {
        self.all.extend(&other.all);
        self.lengths.extend(&other.lengths);
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Some network holds this address.
    pub(super) fn hold(&self, address: IpAddr) -> bool {
        if self.all.is_empty() {
            return false;
        }
        let (family, bits) = family(address.to_canonical());
        self.lengths.iter().filter(|(known, _)| *known == family).any(|(_, length)| {
            family.cut(bits, *length).is_some_and(|bits| self.all.contains(&Network { family, bits, length: *length }))
        })
    }
}

impl Family {
    fn width(self) -> u8 {
        match self {
            Self::Four => 32,
            Self::Six => 128,
        }
    }

    /// The first bits of an address; `None` where it has not so many.
    fn cut(self, bits: u128, length: u8) -> Option<u128> {
        let rest = u32::from(self.width().checked_sub(length)?);
        // A shift by all 128 bits is none in Rust.
        Some(bits.checked_shr(rest).and_then(|first| first.checked_shl(rest)).unwrap_or(0))
    }
}

fn family(address: IpAddr) -> (Family, u128) {
    match address {
        IpAddr::V4(address) => (Family::Four, u128::from(address.to_bits())),
        IpAddr::V6(address) => (Family::Six, address.to_bits()),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match (self.family, u32::try_from(self.bits)) {
            (Family::Four, Ok(bits)) => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            (Family::Four, Err(_)) | (Family::Six, _) => IpAddr::V6(Ipv6Addr::from_bits(self.bits)),
        };
        write!(f, "{address}/{}", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        let mut networks = Networks::default();
        for text in texts {
            networks.insert(Network::parse(text).unwrap());
        }
        networks
    }

    /// S-80
    #[test]
    fn an_address_is_held_from_the_first_to_the_last_of_its_network_and_no_further() {
        let networks = networks(&["192.0.2.64/26", "198.51.100.7", "2001:db8:1::/48", "2001:db8:2::9/128"]);
        for (address, held) in [
            ("192.0.2.63", false),
            ("192.0.2.64", true),
            ("192.0.2.127", true),
            ("192.0.2.128", false),
            ("::ffff:192.0.2.64", true),
            ("198.51.100.7", true),
            ("198.51.100.6", false),
            ("2001:db8:1::", true),
            ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", true),
            ("2001:db8:2::9", true),
            ("2001:db8:2::8", false),
            ("::c000:240", false),
        ] {
            assert_eq!(networks.hold(address.parse().unwrap()), held, "{address}");
        }
    }

    #[test]
    fn the_whole_of_a_family_is_a_network_of_that_family_alone() {
        let all = networks(&["0.0.0.0/0"]);
        assert!(all.hold("203.0.113.9".parse().unwrap()) && !all.hold("2001:db8::1".parse().unwrap()));
        assert!(networks(&["::/0"]).hold("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_or_names_more_than_one_is_not_read() {
        for text in [
            "",
            "/24",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/+8",
            "192.0.2.1/24",
            "192.0.2.0/24/8",
            "::/129",
            "a",
            "::ffff:192.0.2.1",
            "192.0.2",
            "2001:db8::1/64",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        assert_eq!(Network::parse("192.0.2.0/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(Network::parse("2001:db8::/32").unwrap().to_string(), "2001:db8::/32");
    }
}
