//! What proxies say of where a request comes from.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use mocopr_security::fuzzing;

use crate::draw::Draw;

/// The caller is the last address that no trusted proxy has, however the list is cut into header fields; what stands in front
/// of that means nothing, and from a stranger the whole list does.
pub fn forwarded_for(data: &[u8]) {
    let mut draw = Draw::new(data);
    let peer: IpAddr = draw.pick(&["10.0.0.1", "::ffff:10.0.0.1", "192.0.2.9"]).parse().expect("it is an address");
    let is_trusted = peer.to_canonical() == IpAddr::from([10, 0, 0, 1]);
    let entries: Vec<_> = (0..1 + draw.byte() % 6).map(|_| entry(&mut draw)).collect();
    let cuts: Vec<bool> = entries.iter().map(|_| draw.one_in(2)).collect();
    let mut lines = vec![String::new()];
    for (number, (entry, cut)) in entries.iter().zip(&cuts).enumerate() {
        if number > 0 {
            match cut {
                true => lines.push(String::new()),
                false => lines.last_mut().expect("there is one").push(','),
            }
        }
        lines.last_mut().expect("there is one").push_str(entry);
    }
    let caller = |lines: &[String]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            let Ok(value) = HeaderValue::from_str(line) else { return None };
            headers.append("x-forwarded-for", value);
        }
        Some(fuzzing::caller(peer, &["10.0.0.0/8", "2001:db8::/32"], &headers))
    };
    let Some(found) = caller(&lines) else { return };
    if !is_trusted {
        return assert_eq!(found, None, "{lines:?}");
    }
    // Of what is written in one line, in so many, and behind what a stranger wrote, the same is true.
    assert_eq!(caller(&[lines.join(",")]), Some(found), "{lines:?}");
    let flat: Vec<&str> =
        lines.iter().flat_map(|line| line.split(',')).map(|entry| entry.trim_matches([' ', '\t'])).collect();
    let mut last = Some(peer);
    for entry in flat.iter().rev() {
        last = plainly(entry);
        if !last.is_some_and(is_proxy) {
            break;
        }
    }
    assert_eq!(found, last.map(|address| address.to_canonical()), "{lines:?}");
    if found.is_some_and(|address| !is_proxy(address)) {
        let behind = [vec!["203.0.113.1, no address, 10.0.0.9".to_owned()], lines].concat();
        assert_eq!(caller(&behind), Some(found), "{behind:?}");
    }
}

/// One entry: an address in some spelling, or a text.
fn entry(draw: &mut Draw<'_>) -> String {
    let four: [u8; 4] = std::array::from_fn(|_| draw.byte());
    let address = IpAddr::from(four);
    match draw.byte() % 9 {
        0 => address.to_string(),
        1 => format!(" {address}\t"),
        2 => format!("{address}:{}", draw.below(65_536)),
        3 => format!("10.{}.0.{}", four[0], four[1]),
        4 => format!("::ffff:{address}"),
        5 => format!("[2001:db8::{:x}]:{}", four[0], four[1]),
        6 => format!("2001:db{}::{:x}", four[0] % 10, four[1]),
        7 => format!("[2001:db9::{:x}]", four[0]),
        _ => draw.text(12).into_owned(),
    }
}

/// An address alone, with a port, or in brackets; another reading than that of the server.
fn plainly(entry: &str) -> Option<IpAddr> {
    if let Ok(address) = entry.parse() {
        return Some(address);
    }
    if let Some(inner) = entry.strip_prefix('[') {
        let (inner, behind) = inner.split_once(']')?;
        let port = behind.strip_prefix(':');
        return (behind.is_empty() || port.is_some_and(is_port))
            .then(|| inner.parse::<std::net::Ipv6Addr>().ok())
            .flatten()
            .map(IpAddr::V6);
    }
    let (address, port) = entry.split_once(':')?;
    is_port(port).then(|| address.parse::<std::net::Ipv4Addr>().ok()).flatten().map(IpAddr::V4)
}

fn is_port(text: &str) -> bool {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && text.trim_start_matches('0').len() <= 5 && text.parse::<u32>().is_ok_and(|port| port <= 65_535)
}

/// It is in one of the networks that are trusted.
fn is_proxy(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address.segments()[..2] == [0x2001, 0xdb8],
    }
}
