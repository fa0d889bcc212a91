//! Names of hosts (RFC 1123, 2.1), with the internationalized labels that are written in ASCII (RFC 5890, 2.3.2.1).

use crate::schema::formats::label;

/// At most 253 characters in labels of at most 63; no dot at the end.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let in_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_plain =
        (1..=63).contains(&text.len()) && text.bytes().all(in_label) && !text.starts_with('-') && !text.ends_with('-');
    if !is_plain {
        return false;
    }
    // Two hyphens there are kept for encodings, of which there is one (RFC 5891, 4.2.3.1).
    match text.split_at_checked(4) {
        Some((prefix, encoded)) if prefix.eq_ignore_ascii_case("xn--") => label::is_encoded(encoded),
        Some((prefix, _)) => !prefix.ends_with("--"),
        None => true,
    }
}
