//! JSON Pointers (RFC 6901), and relative ones (draft-bhutton-relative-json-pointer-00, 3).

/// Nothing, or segments that each begin with a slash.
pub(super) fn is_absolute(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/')) && is_escaped(text)
}

/// How many levels up, without leading zeros, and then a pointer or `#`.
pub(super) fn is_relative(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (levels, rest) = text.split_at_checked(digits).unwrap_or_default();
    let is_number = levels == "0" || !levels.is_empty() && !levels.starts_with('0');
    is_number && (rest == "#" || is_absolute(rest))
}

/// Whether each tilde is followed by 0 or 1.
fn is_escaped(text: &str) -> bool {
    text.split('~').skip(1).all(|behind| behind.starts_with(['0', '1']))
}
