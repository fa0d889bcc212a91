//! Lines of a stream, however it is cut up, and the headers of a request.

use std::net::Ipv6Addr;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use mocopr_security::{fuzzing, gate, origin::media::Accept};

use crate::draw::Draw;

/// A stream has the same lines in whatever pieces it arrives: those that cutting the whole of it gives.
pub fn line_framing(data: &[u8]) {
    let mut draw = Draw::new(data);
    let cap = draw.below(64);
    let sizes: Vec<usize> = (0..draw.byte() % 8).map(|_| 1 + draw.below(20)).collect();
    let stream = draw.rest();
    let mut chunks = Vec::new();
    let mut rest = stream;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, behind) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk);
        rest = behind;
    }
    if sizes.is_empty() {
        chunks.push(stream);
    }
    let found = mocopr_server::fuzzing::lines(&chunks, cap);
    let found = found.now_or_never().expect("a stream of chunks never waits").expect("it reports nothing");
    let expected: Vec<Option<Bytes>> = stream
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
        .map(|line| (line.len() <= cap).then(|| Bytes::copy_from_slice(line)))
        .collect();
    assert_eq!(found, expected);
}

/// A host and a port are read only where every reader agrees on them.
pub fn authority(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((host, port)) = fuzzing::authority(text) else { return };
    assert!(text.is_ascii() && !text.contains(['@', '/', '\\', '?', '#', '%', ' ']), "{text}");
    let other: http::uri::Authority = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(other.port_u16(), port, "{text}");
    let bare = other.host().trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<Ipv6Addr>() {
        Ok(address) => assert_eq!(host, address.to_string()),
        Err(_) => assert_eq!(host, other.host()),
    }
    assert_ne!(port, Some(0));
    // Whole URLs of it are read the same by the client for others, where they are read at all.
    for (scheme, usual) in [("http", 80), ("https", 443)] {
        if let Some((read, number, path)) = fuzzing::destination(&format!("{scheme}://{text}")) {
            assert_eq!((read, number, &*path), (host.to_ascii_lowercase(), port.unwrap_or(usual), "/"));
        }
    }
}

/// A mirrored header stands for one text, and a request for JSON is told from every other that a browser may send.
pub fn headers(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let mirrored = mocopr_server::fuzzing::mirrored(&value);
    let plain = value.to_str().ok().map(|text| text.trim_matches([' ', '\t']));
    match (&mirrored, plain) {
        (Some(text), Some(plain)) if text != plain => {
            use base64::{Engine, engine::general_purpose::STANDARD};
            assert_eq!(format!("=?base64?{}?=", STANDARD.encode(text)), plain);
        }
        (Some(_), Some(_)) | (None, _) => {}
        (Some(text), None) => panic!("{text}"),
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, value.clone());
    if fuzzing::carries_json(&headers) {
        let kind = value.to_str().expect("it is text").split(';').next().unwrap_or_default().trim();
        assert!(kind.eq_ignore_ascii_case("application/json"), "{value:?}");
    }
    headers.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    assert!(!fuzzing::carries_json(&headers));
    accepts(&value);
}

/// What one header accepts is what it accepts in two pieces, and a range that is taken out does not count.
fn accepts(value: &HeaderValue) {
    let one = |values: &[&HeaderValue]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, (*value).clone());
        }
        gate::accepted_forms(&headers).ok()
    };
    let accepted = one(&[value]);
    let everything = HeaderValue::from_static("*/*");
    match accepted {
        Some(Accept::Json | Accept::EventStream | Accept::Both | Accept::BothRatherStream) | None => {}
    }
    let Ok(text) = value.to_str() else {
        assert_eq!(accepted, None);
        return;
    };
    if let Some((first, second)) = text.split_once(',') {
        let (first, second) = (HeaderValue::from_str(first), HeaderValue::from_str(second));
        if let (Ok(first), Ok(second)) = (first, second) {
            assert_eq!(one(&[&first, &second]), accepted, "{text}");
        }
    }
    if !text.contains('/') || text.trim().is_empty() {
        return;
    }
    // A range for everything that is added gives what was not named, and takes nothing of what was.
    let wider = one(&[value, &everything]);
    assert!(accepted.is_none() || wider.is_some(), "{text}");
}

/// The guarded client reads one host out of a URL, the one that a plain reading finds, and never one with a user, an
/// odd spelling of an address, or an escape.
pub fn outbound_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((host, port, path)) = fuzzing::destination(text) else { return };
    let (scheme, rest) = text.split_once("://").expect("it has a scheme");
    assert!(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    assert!(!authority.contains(['@', '\\', '%']), "{text}");
    let uri: http::Uri =
        text.split('#').next().unwrap_or_default().parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let bare = uri.host().expect("it has a host").trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    match bare.parse::<std::net::IpAddr>() {
        Ok(address) => assert_eq!(host, address.to_string(), "{text}"),
        Err(_) => {
            assert_eq!(host, bare.strip_suffix('.').unwrap_or(&bare), "{text}");
            // What a resolver takes for an address of IPv4 is written as one.
            let last = host.rsplit('.').next().unwrap_or_default();
            let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
            assert!(!is_number, "{text}");
        }
    }
    let usual = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
    assert_eq!(port, uri.port_u16().unwrap_or(usual));
    assert!(path.starts_with('/') && !path.contains(['\r', '\n', ' ', '#']));
}

/// An address is public only where no block of the standard library's own list of special addresses has it.
pub fn public_address(data: &[u8]) {
    let mut draw = Draw::new(data);
    let four: [u8; 4] = std::array::from_fn(|_| draw.byte());
    let address = std::net::Ipv4Addr::from(four);
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || address.is_unspecified()
        || four[0] == 0
        || four[0] >= 240
        || (four[0] == 100 && four[1] & 0xc0 == 64);
    assert!(!(is_special && fuzzing::is_public(address.into())), "{address}");
    // No form of IPv6 that carries it makes it public.
    let [a, b, c, d] = four.map(u16::from);
    let (high, low) = (a << 8 | b, c << 8 | d);
    let carriers = [
        address.to_ipv6_mapped(),
        address.to_ipv6_compatible(),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
        Ipv6Addr::new(0x2600, 0x1f18, 0, 0, 0, 0x5efe, high, low),
    ];
    for carrier in carriers {
        assert!(!(is_special && fuzzing::is_public(carrier.into())), "{carrier}");
    }
    let six = Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|_| draw.byte()));
    let is_special = six.is_loopback()
        || six.is_unspecified()
        || six.is_multicast()
        || six.is_unique_local()
        || six.is_unicast_link_local()
        || six.segments()[0] & 0xe000 != 0x2000 && six.segments()[..6] != [0x64, 0xff9b, 0, 0, 0, 0];
    assert!(!(is_special && fuzzing::is_public(six.into())), "{six}");
}
