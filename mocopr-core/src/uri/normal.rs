//! The canonical form of a URI, and which characters mean themselves where.
//!
//! One spelling for one meaning: what may stand plain is never escaped and what must be escaped is never plain.
//! Nothing here drops, resolves or repairs.

use std::net::Ipv6Addr;

use crate::uri::{MAX_URI_BYTES, UriError, percent};

/// A part of a URI; each has characters of its own that mean themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    User,
    /// A host that DNS names: letters mean the same in either case.
    DnsHost,
    /// A host that the owner of the resource names: its case is a part of the name.
    OwnHost,
    Path,
    Query,
    Fragment,
}

/// Where the parts of a canonical URI begin and end, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    scheme_end: usize,
    /// Equal to `scheme_end` where there is no authority.
    authority_end: usize,
    path_end: usize,
    query_end: usize,
}

/// Reads a URI and writes its canonical form.
pub(super) fn read(raw: &str) -> Result<(String, Spans), UriError> {
    if raw.len() > MAX_URI_BYTES {
        return Err(UriError::TooLong);
    }
    let (scheme, rest) = split_scheme(raw).ok_or(UriError::Scheme)?;
    if rest.is_empty() {
        return Err(UriError::Scheme);
    }
    let (rest, fragment) = split_off(rest, '#');
    let (rest, query) = split_off(rest, '?');
    let (authority, path) = split_authority(rest);

    let mut out = String::with_capacity(raw.len());
    out.push_str(&scheme.to_ascii_lowercase());
    let scheme_end = out.len();
    let host = host_of(&out);
    out.push(':');
    if let Some(authority) = authority {
        out.push_str("//");
        if authority.contains('@') && out.starts_with("file:") {
            return Err(UriError::UserInfo);
        }
        push_authority(authority, host, &mut out)?;
    }
    let authority_end = if authority.is_some() { out.len() } else { scheme_end };
    push(Part::Path, path, &mut out)?;
    let path_end = out.len();
    if let Some(query) = query {
        out.push('?');
        push(Part::Query, query, &mut out)?;
    }
    let query_end = out.len();
    if let Some(fragment) = fragment {
        out.push('#');
        push(Part::Fragment, fragment, &mut out)?;
    }

    let spans = Spans { scheme_end, authority_end, path_end, query_end };
    if holds_dot_segment(spans.authority(&out).unwrap_or_default()) || holds_dot_segment(spans.path(&out)) {
        return Err(UriError::DotSegment);
    }
    Ok((out, spans))
}

/// The scheme, and what stands behind its colon (RFC 3986, 3.1).
pub(super) fn split_scheme(raw: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = raw.split_once(':')?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    (scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(legal))
        .then_some((scheme, rest))
}

/// The part in the place of the host, for a scheme in lower case.
///
/// A scheme that is not known to use DNS keeps the case. Names of one thing then stay two resources at worst, where
/// folding could make one resource of two.
pub(super) fn host_of(scheme: &str) -> Part {
    if DNS_SCHEMES.contains(&scheme) { Part::DnsHost } else { Part::OwnHost }
}

/// Appends `raw` in its canonical spelling for that part.
///
/// Characters beyond ASCII become their escaped UTF-8, so that an IRI and its URI are one resource.
pub(super) fn push(part: Part, raw: &str, out: &mut String) -> Result<(), UriError> {
    let mut rest = raw.chars();
    while let Some(char) = rest.next() {
        if char == '%' {
            let byte = percent::take(&mut rest).ok_or(UriError::Escape)?;
            push_byte(part, byte, out);
            continue;
        }
        let Some(byte) = char.is_ascii().then_some(char as u8) else {
            if !stands_in_iri(char) {
                return Err(UriError::Character);
            }
            char.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| percent::push(byte, out));
            continue;
        };
        if !(means_itself(part, byte) || parts_something(part, byte)) {
            return Err(UriError::Character);
        }
        out.push(if part == Part::DnsHost { char.to_ascii_lowercase() } else { char });
    }
    Ok(())
}

/// Whether a byte is the same plain and escaped in that part.
pub(super) fn means_itself(part: Part, byte: u8) -> bool {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => true,
        b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b',' | b';' => true,
        b'&' | b'=' | b'+' => part != Part::Query,
        b':' | b'@' => !matches!(part, Part::User | Part::DnsHost | Part::OwnHost),
        b'/' | b'?' => matches!(part, Part::Query | Part::Fragment),
        _ => false,
    }
}

/// Whether a segment between slashes or backslashes is `.` or `..`.
///
/// Separators and dots count escaped as well: whoever decodes a value once more must not be led out of its folder.
pub(super) fn holds_dot_segment(path: &str) -> bool {
    let mut segment = Segment::START;
    let mut bytes = path.as_bytes();
    loop {
        (segment, bytes) = match bytes {
            [] => return segment.is_dots(),
            [b'/' | b'\\', rest @ ..] | [b'%', b'2', b'F' | b'f', rest @ ..] | [b'%', b'5', b'C' | b'c', rest @ ..] => {
                if segment.is_dots() {
                    return true;
                }
                (Segment::START, rest)
            }
            [b'.', rest @ ..] | [b'%', b'2', b'E' | b'e', rest @ ..] => (segment.with_dot(), rest),
            [_, rest @ ..] => (Segment::Other, rest),
        };
    }
}

/// What a path segment holds so far.
#[derive(Clone, Copy)]
enum Segment {
    Dots(usize),
    Other,
}

impl Segment {
    const START: Self = Self::Dots(0);

    fn with_dot(self) -> Self {
        match self {
            Self::Dots(dots) => Self::Dots(dots + 1),
            Self::Other => Self::Other,
        }
    }

    fn is_dots(self) -> bool {
        matches!(self, Self::Dots(1 | 2))
    }
}

impl Spans {
    pub(super) fn scheme(self, canonical: &str) -> &str {
        canonical.get(..self.scheme_end).unwrap_or_default()
    }

    pub(super) fn authority(self, canonical: &str) -> Option<&str> {
        canonical.get(self.scheme_end..self.authority_end)?.strip_prefix("://")
    }

    pub(super) fn path(self, canonical: &str) -> &str {
        let path = canonical.get(self.authority_end..self.path_end).unwrap_or_default();
        if self.authority_end == self.scheme_end { path.strip_prefix(':').unwrap_or(path) } else { path }
    }

    pub(super) fn query(self, canonical: &str) -> Option<&str> {
        canonical.get(self.path_end..self.query_end)?.strip_prefix('?')
    }

    pub(super) fn fragment(self, canonical: &str) -> Option<&str> {
        canonical.get(self.query_end..)?.strip_prefix('#')
    }
}

fn split_off(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, behind)| (before, Some(behind)))
}

fn split_authority(text: &str) -> (Option<&str>, &str) {
    let Some(rest) = text.strip_prefix("//") else { return (None, text) };
    let end = rest.find('/').unwrap_or(rest.len());
    rest.split_at_checked(end).map_or((Some(rest), ""), |(authority, path)| (Some(authority), path))
}

fn push_authority(authority: &str, host_part: Part, out: &mut String) -> Result<(), UriError> {
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            for (n, piece) in user.split(':').enumerate() {
                if n > 0 {
                    out.push(':');
                }
                push(Part::User, piece, out)?;
            }
            out.push('@');
            host
        }
        None => authority,
    };
    let port = match host.strip_prefix('[') {
        Some(literal) => {
            let (address, port) = literal.split_once(']').ok_or(UriError::Authority)?;
            let address: Ipv6Addr = address.parse().map_err(|_| UriError::Authority)?;
            out.push_str(&format!("[{address}]"));
            port
        }
        None => {
            let end = host.find(':').unwrap_or(host.len());
            let (name, port) = host.split_at_checked(end).unwrap_or((host, ""));
            push(host_part, name, out)?;
            port
        }
    };
    let Some(digits) = port.strip_prefix(':') else {
        return if port.is_empty() { Ok(()) } else { Err(UriError::Authority) };
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !(digits.is_empty() || digits.parse::<u16>().is_ok()) {
        return Err(UriError::Authority);
    }
    out.push_str(port);
    Ok(())
}

fn push_byte(part: Part, byte: u8, out: &mut String) {
    if !means_itself(part, byte) {
        return percent::push(byte, out);
    }
    let byte = if part == Part::DnsHost { byte.to_ascii_lowercase() } else { byte };
    out.push(char::from(byte));
}

/// Whether a byte may stand plain because it parts something, so that its escape means something else.
fn parts_something(part: Part, byte: u8) -> bool {
    match part {
        Part::Path => byte == b'/',
        Part::Query => matches!(byte, b'&' | b'=' | b'+'),
        Part::User | Part::DnsHost | Part::OwnHost | Part::Fragment => false,
    }
}

/// Whether a character beyond ASCII may stand plain (RFC 3987, 2.2 and 4.1).
///
/// Not: controls, white space, private use, noncharacters, tags, and marks that turn the direction of text, with
/// which one URI is shown as another.
fn stands_in_iri(char: char) -> bool {
    let turns_text =
        matches!(char, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let listed = match u32::from(char) {
        0xA0..=0xD7FF | 0xF900..=0xFDCF | 0xFDF0..=0xFFEF => true,
        point @ 0x1_0000..=0xD_FFFD => point & 0xFFFF <= 0xFFFD,
        0xE_1000..=0xE_FFFD => true,
        _ => false,
    };
    listed && !turns_text && !char.is_control() && !char.is_whitespace()
}

/// The schemes whose host is a name of DNS.
const DNS_SCHEMES: [&str; 6] = ["http", "https", "ws", "wss", "ftp", "file"];
