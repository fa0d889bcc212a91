//! Paths of resources below their mount: decoded once, written in one spelling.

use mocopr_core::uri::percent;

/// Decodes a path as it stands in a canonical URI, exactly once; `None` where it is not a plain path.
///
/// A plain path is UTF-8 without NUL, other control characters, `\` and `%`-escapes that are left after decoding; its
/// segments are not empty and not `.` or `..`; its slashes were written plain. So whoever decodes or splits it once
/// more reads nothing else.
///
/// ```
/// use mocopr_server::resources::path::decode;
///
/// assert_eq!(decode("docs/to%20do.txt").as_deref(), Some("docs/to do.txt"));
/// for odd in ["", "a//b", "a/%2e%2e/b", "a%2Fb", "%252e"] {
///     assert_eq!(decode(odd), None, "{odd}");
/// }
/// ```
pub fn decode(raw: &str) -> Option<String> {
    if raw.contains(['?', '#']) {
        return None;
    }
    let path = percent::decode(raw, |byte| byte != b'/')?;
    let plain = !path.contains(|char: char| char == '\\' || char.is_control()) && !percent::holds_escape(&path);
    (plain && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))).then_some(path)
}

/// Appends a path with everything escaped but unreserved characters and slashes.
pub(super) fn push_encoded(path: &str, out: &mut String) {
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            percent::push(byte, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use mocopr_core::uri::ResourceUri;
    use proptest::prelude::*;

    use super::*;

    /// S-53, T-18
    #[test]
    fn a_path_is_decoded_once_and_what_could_be_decoded_again_is_refused() {
        assert_eq!(decode("docs/to%20do.txt").as_deref(), Some("docs/to do.txt"));
        assert_eq!(decode("100%25").as_deref(), Some("100%"));
        assert_eq!(decode("%C3%A9").as_deref(), Some("é"));
        for raw in [
            "", "/", "a//b", "/a", "a/", ".", "..", "a/..", "a/./b", "%2e%2e", "%2E", "a%2Fb", "a%5Cb", "a\\b", "a%00",
            "a%0A", "a%7F", "a%C2%85", "%252e", "a%252Fb", "%c0%ae", "%ff", "a%", "a%2", "a%zz", "a?b", "a#b",
        ] {
            assert_eq!(decode(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn a_path_is_read_back_from_its_uri(path in "[a-zA-Z0-9 !'()*,;:@&=+$._~é日%?#-]{1,12}(/[a-z%]{1,8}){0,3}") {
            let mut uri = String::from("file:///");
            push_encoded(&path, &mut uri);
            // Some of them are no plain paths; none is read as another.
            if let Ok(uri) = ResourceUri::parse(&uri)
                && let Some(read) = decode(uri.canonical().strip_prefix("file:///").unwrap())
            {
                prop_assert_eq!(read, path);
            }
        }
    }
}
