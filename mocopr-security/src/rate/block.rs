//! Which addresses count as one.

use std::net::{IpAddr, Ipv6Addr};

/// An address, as far as rates tell it from others: an IPv4 address, or the /64 of an IPv6 address, which is what one
/// customer is given at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block(IpAddr);

impl Block {
    /// The block of an address; an IPv4 address that is written as IPv6 is one.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
        })
    }
}

/// The first 64 bits.
const NETWORK: u128 = !0 << 64;

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
}
