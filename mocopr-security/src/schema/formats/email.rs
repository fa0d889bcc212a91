//! Addresses of mailboxes (RFC 5321, 4.1.2).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::schema::formats::host;

/// `local@domain` in ASCII; the local part has at most 64 characters. A name for display does not belong to it.
pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    local.len() <= 64 && is_local(local) && is_domain(domain)
}

fn is_local(text: &str) -> bool {
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted),
        None => text.split('.').all(is_atom),
    }
}

fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
}

/// What stands between quotes: printable ASCII, with a backslash before quotes and backslashes.
fn is_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_legal = match byte {
            b'\\' => bytes.next().is_some_and(|byte| matches!(byte, b' '..=b'~')),
            _ => byte != b'"' && matches!(byte, b' '..=b'~'),
        };
        if !is_legal {
            return false;
        }
    }
    true
}

fn is_domain(text: &str) -> bool {
    let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return host::is_name(text);
    };
    match address.split_at_checked(5) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => address.parse::<Ipv6Addr>().is_ok(),
        _ => address.parse::<Ipv4Addr>().is_ok(),
    }
}
