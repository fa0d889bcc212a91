//! Which addresses count as one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, as far as rates tell it from others: an IPv4 address, or the /64 of an IPv6 address, which is what one
/// customer is given at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block(IpAddr);

impl Block {
    /// The block of an address; an IPv4 address that is written as IPv6 is one.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(first_bits_of_v6(address, 64)),
        })
    }

    /// The networks around it that somebody may have in whole, from the inside out: of IPv6 its /56, as providers give
    /// them to one house, its /48, as they give them to one site, and its /32, which is a provider's; of IPv4 its /24, its
    /// /16 and its /8.
    pub fn networks(&self) -> [Self; 3] {
        match self.0 {
            IpAddr::V4(address) => [24, 16, 8].map(|bits| Self(IpAddr::V4(first_bits_of_v4(address, bits)))),
            IpAddr::V6(address) => [56, 48, 32].map(|bits| Self(IpAddr::V6(first_bits_of_v6(address, bits)))),
        }
    }

    /// The network that answers for its addresses where there are too many to tell apart: the /48 of an IPv6 address, the
    /// /16 of an IPv4 address.
    pub fn network(&self) -> Self {
        Self(match self.0 {
            IpAddr::V4(address) => IpAddr::V4(first_bits_of_v4(address, 16)),
            IpAddr::V6(address) => IpAddr::V6(first_bits_of_v6(address, 48)),
        })
    }
}

fn first_bits_of_v4(address: Ipv4Addr, bits: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(32 - bits).unwrap_or_default())
}

fn first_bits_of_v6(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(128 - bits).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one() {
        let block = |text: &str| Block::of(text.parse().unwrap());
        assert_eq!(block("2001:db8:1:2:3::4"), block("2001:db8:1:2:ffff::1"));
        assert_ne!(block("2001:db8:1:2::4"), block("2001:db8:1:3::4"));
        assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
        assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
    }

    #[test]
    fn networks_grow_from_the_inside_out() {
        let block = |text: &str| Block::of(text.parse().unwrap());
        let address = |text: &str| Block(text.parse().unwrap());
        let around = block("2001:db8:1:2345:6::7").networks();
        assert_eq!(around, ["2001:db8:1:2300::", "2001:db8:1::", "2001:db8::"].map(address));
        assert_eq!(block("2001:db8:1:2345:6::7").network(), address("2001:db8:1::"));
        assert_eq!(block("192.7.2.1").networks(), ["192.7.2.0", "192.7.0.0", "192.0.0.0"].map(address));
        assert_eq!(block("192.0.2.1").network(), address("192.0.0.0"));
    }
}
