//! Which addresses, and which users of this machine, count as one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mocopr_core::peer::Source;

/// What requests come from, as far as rates tell it from others: an IPv4 address, the /64 of an IPv6 address, which is
/// what one customer is given at least, or a user of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block(Key);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    User(u32),
    /// All users of this machine.
    Users,
}

impl Block {
    /// The block of an address or of a user; an IPv4 address that is written as IPv6 is one.
    pub fn of(source: impl Into<Source>) -> Self {
        Self(match source.into() {
            Source::Address(address) => match address.to_canonical() {
                IpAddr::V4(address) => Key::V4(address),
                IpAddr::V6(address) => Key::V6(first_bits_of_v6(address, 64)),
            },
            Source::User(uid) => Key::User(uid),
        })
    }

    /// The networks around it that somebody may have in whole, from the inside out: of IPv6 its /56, as providers give
    /// them to one house, its /48, as they give them to one site, and its /32, which is a provider's; of IPv4 its /24,
    /// its /16 and its /8. Around a user are, outermost, all users of this machine, of whom one person may have
    /// thousands.
    pub fn networks(&self) -> [Self; 3] {
        match self.0 {
            Key::V4(address) => [24, 16, 8].map(|bits| Self(Key::V4(first_bits_of_v4(address, bits)))),
            Key::V6(address) => [56, 48, 32].map(|bits| Self(Key::V6(first_bits_of_v6(address, bits)))),
            Key::User(_) | Key::Users => [*self, *self, Self(Key::Users)],
        }
    }

    /// The network that answers for its addresses where there are too many to tell apart: the /48 of an IPv6 address,
    /// the /16 of an IPv4 address, all users of this machine.
    pub fn network(&self) -> Self {
        Self(match self.0 {
            Key::V4(address) => Key::V4(first_bits_of_v4(address, 16)),
            Key::V6(address) => Key::V6(first_bits_of_v6(address, 48)),
            Key::User(_) | Key::Users => Key::Users,
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

    fn block(text: &str) -> Block {
        Block::of(text.parse::<IpAddr>().unwrap())
    }

    fn address(text: &str) -> Block {
        Block(match text.parse().unwrap() {
            IpAddr::V4(address) => Key::V4(address),
            IpAddr::V6(address) => Key::V6(address),
        })
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        assert_eq!(block("2001:db8:1:2:3::4"), block("2001:db8:1:2:ffff::1"));
        assert_ne!(block("2001:db8:1:2::4"), block("2001:db8:1:3::4"));
        assert_eq!(block("::ffff:192.0.2.1"), block("192.0.2.1"));
        assert_ne!(block("192.0.2.1"), block("192.0.2.2"));
    }

    #[test]
    fn networks_grow_from_the_inside_out() {
        let around = block("2001:db8:1:2345:6::7").networks();
        assert_eq!(around, ["2001:db8:1:2300::", "2001:db8:1::", "2001:db8::"].map(address));
        assert_eq!(block("2001:db8:1:2345:6::7").network(), address("2001:db8:1::"));
        assert_eq!(block("192.7.2.1").networks(), ["192.7.2.0", "192.7.0.0", "192.0.0.0"].map(address));
        assert_eq!(block("192.0.2.1").network(), address("192.0.0.0"));
    }

    /// S-70
    #[test]
    fn users_are_told_from_each_other_and_have_this_machine_in_common() {
        let user = |uid| Block::of(Source::User(uid));
        assert_ne!(user(1000), user(1001));
        assert_ne!(user(0), block("0.0.0.0"));
        assert_eq!(user(1000).network(), user(1001).network());
        let [inner, middle, outer] = user(1000).networks();
        assert_eq!((inner, middle, outer), (user(1000), user(1000), user(1000).network()));
    }
}
