//! Which addresses the guarded client may connect to.
//!
//! It judges an address that a connection is about to be made to, never a name. What is not known to be public is not:
//! the lists are those of the IANA registries of special-purpose addresses, whole blocks at a time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to the public internet.
///
/// No, for every block that a registry sets apart: this network, private, shared (carrier-grade NAT), loopback,
/// link-local (cloud metadata among them), protocol assignments, documentation, benchmarking, multicast, reserved,
/// unique-local, and everything of IPv6 outside of `2000::/3`. An IPv6 address that carries one of IPv4 is
/// judged by that (NAT64, ISATAP), or refused where nobody needs it (mapped, compatible, 6to4, Teredo). The prefix
/// of a NAT64 gateway that is not the well-known one cannot be recognized.
///
/// # Source
/// RFC 6890 and the IANA special-purpose address registries; RFC 6052, section 2.1; RFC 5214, section 6.1.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !SPECIAL_V4.iter().any(|&(base, length)| bits >> (32 - length) == base.to_bits() >> (32 - length))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within = |&(base, length): &(Ipv6Addr, u32)| bits >> (128 - length) == base.to_bits() >> (128 - length);
    if within(&WELL_KNOWN_NAT64) {
        return is_public_v4(last_four_bytes(bits));
    }
    let is_global_unicast = within(&GLOBAL_UNICAST) && !SPECIAL_V6.iter().any(within);
    // An interface identifier of ISATAP makes the last router send the packet on to the address of IPv4 within.
    let is_isatap = matches!((bits >> 32) as u32, 0x0000_5efe | 0x0200_5efe);
    is_global_unicast && (!is_isatap || is_public_v4(last_four_bytes(bits)))
}

fn last_four_bytes(bits: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits(bits as u32)
}

/// Blocks of IPv4 that are not public: the first address and the length of the prefix.
const SPECIAL_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // The platform of one large cloud answers its guests here, from a block that is public elsewhere.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// All of IPv6 that is assigned to anybody by a registry.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The prefix by which a network without IPv4 reaches it; the address of IPv4 follows.
const WELL_KNOWN_NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Blocks within [`GLOBAL_UNICAST`] that are not public.
const SPECIAL_V6: &[(Ipv6Addr, u32)] = &[
    // Protocol assignments: Teredo, benchmarking and ORCHID among them.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4: withdrawn, and any address of IPv4 may stand in it.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x004f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    /// Each block at its first and last address, and beside both where a public one is next to it.
    #[test]
    fn blocks_of_ipv4_begin_and_end_where_the_registry_says() {
        let blocks = [
            ("0.0.0.0", "0.255.255.255", "", "1.0.0.0"),
            ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"),
            ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
            ("168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"),
            ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"),
            ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"),
            ("192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"),
            ("192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"),
            ("192.31.196.0", "192.31.196.255", "192.31.195.255", "192.31.197.0"),
            ("192.52.193.0", "192.52.193.255", "192.52.192.255", "192.52.194.0"),
            ("192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"),
            ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"),
            ("192.175.48.0", "192.175.48.255", "192.175.47.255", "192.175.49.0"),
            ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"),
            ("198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"),
            ("203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"),
            ("224.0.0.0", "255.255.255.255", "223.255.255.255", ""),
        ];
        for (first, last, before, after) in blocks {
            assert!(!public(first) && !public(last), "{first} to {last}");
            for beside in [before, after].into_iter().filter(|text| !text.is_empty()) {
                assert!(public(beside), "{beside} is beside {first} to {last}");
            }
        }
    }

    #[test]
    fn blocks_of_ipv6_begin_and_end_where_the_registry_says() {
        let blocks = [
            ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", "2000::"),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff::1", "2001:200::"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7::1", "2001:db9::"),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff::1", "2003::"),
            ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "2620:4f:7fff::1", "2620:4f:8001::"),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe:ffff::1", "3fff:1000::"),
            ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:ffff::1", ""),
        ];
        for (first, last, before, after) in blocks {
            assert!(!public(first) && !public(last), "{first} to {last}");
            for beside in [before, after].into_iter().filter(|text| !text.is_empty()) {
                assert!(public(beside), "{beside} is beside {first} to {last}");
            }
        }
    }

    #[test]
    fn an_address_of_ipv4_inside_of_one_of_ipv6_is_seen() {
        for hidden in ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0"] {
            for prefix in
                ["64:ff9b::", "::ffff:", "::", "::ffff:0:", "64:ff9b:1::", "2001:470::5efe:", "2a00::200:5efe:"]
            {
                assert!(!public(&format!("{prefix}{hidden}")), "{prefix}{hidden}");
            }
        }
        // What a network needs to reach public addresses of IPv4 from IPv6.
        assert!(public("64:ff9b::9.9.9.9") && public("2001:470::5efe:9.9.9.9"));
        // What nobody needs, even when the address within is public.
        for text in ["::ffff:9.9.9.9", "::9.9.9.9", "64:ff9b:1::9.9.9.9", "2002:909:909::1"] {
            assert!(!public(text), "{text}");
        }
        // 127.0.0.1 as the client of a Teredo tunnel, whose bits are inverted.
        assert!(!public("2001:0:4136:e378:8000:63bf:80ff:fffe"));
    }
}
