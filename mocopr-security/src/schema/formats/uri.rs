//! URIs (RFC 3986) and IRIs (RFC 3987), absolute and relative: their grammar alone.
//!
//! The parser of resource URIs says less: it refuses dot segments and long texts, which a format may not.

use std::net::Ipv6Addr;

use mocopr_core::uri::percent;

/// Which letters stand for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    Ascii,
    /// As in an IRI.
    OfAnyLanguage,
}

/// With a scheme.
pub(super) fn is_absolute(text: &str, letters: Letters) -> bool {
    split_scheme(text).is_some_and(|(_, rest)| is_rest(rest, letters))
}

/// With a scheme or without (RFC 3986, 4.1).
pub(super) fn is_reference(text: &str, letters: Letters) -> bool {
    if split_scheme(text).is_some() {
        return is_absolute(text, letters);
    }
    // What stands before a colon in the first segment would be read as a scheme.
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    !first.contains(':') && is_rest(text, letters)
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(in_scheme);
    is_scheme.then_some((scheme, rest))
}

fn is_rest(text: &str, letters: Letters) -> bool {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (authority, path) = match text.strip_prefix("//") {
        None => (None, text),
        Some(rest) => {
            let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or_default();
            (Some(authority), path)
        }
    };
    // Characters for private use stand in queries alone.
    let is_private = |character| {
        letters == Letters::OfAnyLanguage
            && matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}')
    };
    authority.is_none_or(|authority| is_authority(authority, letters))
        && consists_of(path, |character| stands_in_path(character, letters))
        && consists_of(query, |character| {
            stands_in_path(character, letters) || character == '?' || is_private(character)
        })
        && consists_of(fragment, |character| stands_in_path(character, letters) || character == '?')
}

fn is_authority(text: &str, letters: Letters) -> bool {
    let (user, host) = text.split_once('@').unwrap_or(("", text));
    if !consists_of(user, |character| stands_in_name(character, letters) || character == ':') {
        return false;
    }
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => return is_address(address) && is_port(port),
        None => host.split_at_checked(host.find(':').unwrap_or(host.len())).unwrap_or_default(),
    };
    consists_of(host, |character| stands_in_name(character, letters)) && is_port(port)
}

/// Nothing, or a colon and digits, of which there may be none.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What stands between brackets: IPv6, or a later version (RFC 3986, 3.2.2).
fn is_address(text: &str) -> bool {
    let later = text.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'));
    match later {
        None => text.parse::<Ipv6Addr>().is_ok(),
        Some((version, address)) => {
            let in_address = |character| is_plain(character) || character == ':';
            !version.is_empty()
                && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !address.is_empty()
                && address.chars().all(in_address)
        }
    }
}

fn consists_of(text: &str, stands: impl Fn(char) -> bool) -> bool {
    text.chars().all(|character| stands(character) || character == '%') && percent::is_whole(text)
}

fn stands_in_path(character: char, letters: Letters) -> bool {
    stands_in_name(character, letters) || matches!(character, ':' | '@' | '/')
}

fn stands_in_name(character: char, letters: Letters) -> bool {
    is_plain(character) || letters == Letters::OfAnyLanguage && is_letter_of_iri(character)
}

/// Unreserved characters and delimiters of parts (RFC 3986, 2.2 and 2.3).
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(character)
}

/// `ucschar` of RFC 3987, 2.2: no surrogates, no characters for private use, no non-characters.
fn is_letter_of_iri(character: char) -> bool {
    let code = u32::from(character);
    match code {
        0xA0..=0xD7FF | 0xF900..=0xFDCF | 0xFDF0..=0xFFEF => true,
        0x1_0000..=0xD_FFFF => code & 0xFFFF <= 0xFFFD,
        0xE_1000..=0xE_FFFD => true,
        _ => false,
    }
}
