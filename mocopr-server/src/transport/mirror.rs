//! The text of a mirrored header: plain, or base64 between markers (2026-07-28, Streamable HTTP, "Value Encoding").

use std::borrow::Cow;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::HeaderValue;

/// The decoded text of a header.
pub(crate) struct MirrorText<'a>(Cow<'a, str>);

impl MirrorText<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Decodes a header's value; `None` where it holds characters that a plain value must not, or base64 that is not
/// canonical.
pub(crate) fn decode(value: &HeaderValue) -> Option<MirrorText<'_>> {
    let text = value.to_str().ok()?.trim_matches([' ', '\t']);
    let Some(encoded) = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX)) else {
        return Some(MirrorText(Cow::Borrowed(text)));
    };
    let bytes = STRICT.decode(encoded).ok()?;
    Some(MirrorText(Cow::Owned(String::from_utf8(bytes).ok()?)))
}

const PREFIX: &str = "=?base64?";
const SUFFIX: &str = "?=";

/// RFC 4648, section 4, with padding, and no other spelling of the same bytes.
const STRICT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(false),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &'static str) -> Option<String> {
        decode(&HeaderValue::from_static(value)).map(|text| text.as_str().to_owned())
    }

    #[test]
    fn plain_text_and_marked_base64_are_told_apart() {
        assert_eq!(text("  name\t").as_deref(), Some("name"));
        assert_eq!(text("=?base64?SGVsbG8=?=").as_deref(), Some("Hello"));
        assert_eq!(text("SGVsbG8=").as_deref(), Some("SGVsbG8="));
        assert_eq!(text("=?base64?SGVsbG8=").as_deref(), Some("=?base64?SGVsbG8="));
        assert_eq!(text("=?BASE64?SGVsbG8=?=").as_deref(), Some("=?BASE64?SGVsbG8=?="));
    }

    #[test]
    fn base64_that_is_not_canonical_is_refused() {
        for value in ["=?base64?SGVsbG8?=", "=?base64?SGVs!!!bG8=?=", "=?base64?SGVsbG9=?=", "=?base64?/w==?="] {
            assert_eq!(text(value), None, "{value}");
        }
    }
}
