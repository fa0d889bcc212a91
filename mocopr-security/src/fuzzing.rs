//! For fuzz targets: parsers of what peers and issuers send, which no public type shows.
//!
//! Behind the feature `testing`, and no API. Decides nothing: each function is one call of the code that serves.

use std::net::IpAddr;

use http::HeaderMap;

#[cfg(feature = "outbound")]
use crate::outbound::{self, Target};
use crate::{
    audit,
    auth::{jwk, pem},
    evidence::Happening,
    frames,
    logger::Filter,
    origin::{Authority, Host, media},
    proxies::TrustedProxies,
    seal::KeyRing,
};

/// Whether a key of a key set can verify; `None` where the document is no key set.
pub fn key_set(document: &[u8]) -> Option<bool> {
    jwk::parse_set(document).ok().map(|set| !set.is_empty())
}

/// Whether the text is a public key in PEM.
pub fn pem_key(text: &str) -> bool {
    pem::public_key(text).is_ok()
}

/// Host and port of an authority; an address of IPv6 without its brackets.
pub fn authority(text: &str) -> Option<(String, Option<u16>)> {
    let Authority { host, port } = Authority::parse(text)?;
    let host = match host {
        Host::Name(name) => name.to_owned(),
        Host::V6(address) => address.to_string(),
    };
    Some((host, port))
}

/// From where a request with these headers comes, on a connection of this peer, where these networks are trusted;
/// `None` where it is refused.
pub fn caller(peer: IpAddr, trusted: &[&str], headers: &HeaderMap) -> Option<IpAddr> {
    let mut proxies = TrustedProxies::default();
    for network in trusted {
        proxies.trust(network).ok()?;
    }
    proxies.caller(peer.into(), headers).ok()?.source().address().map(|address| address.to_canonical())
}

/// Whether the headers say that the body is JSON.
pub fn carries_json(headers: &HeaderMap) -> bool {
    media::check_content_type(headers).is_ok()
}

/// The text of an error without stack traces.
pub fn without_frames(text: &str) -> String {
    frames::without_frames(text).into_owned()
}

/// The line of an audit log for what happened, without its seal: in the words of the writer, from facts that waited.
/// With keys, of a log with pseudonyms; `None` where none can be derived of them.
pub fn record(happening: &Happening<'_>, ring: Option<&KeyRing>) -> Option<String> {
    audit::written(happening, ring)
}

/// What of the value of a field is written to the log.
pub fn logged(field: &str, value: &str) -> String {
    Filter::new().value(field, value).into_owned()
}

/// Host, port and path of a URL as the guarded client reads it.
#[cfg(feature = "outbound")]
pub fn destination(url: &str) -> Option<(String, u16, String)> {
    let Target { scheme: _, host, port, path } = Target::parse(url).ok()?;
    let host = match host {
        outbound::Host::Name(name) => name.into(),
        outbound::Host::Address(address) => address.to_string(),
    };
    Some((host, port, path))
}

/// Whether the guarded client may connect to the address.
#[cfg(feature = "outbound")]
pub fn is_public(address: IpAddr) -> bool {
    outbound::is_public(address)
}
