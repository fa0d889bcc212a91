//! Texts that hold other content, which draft-07 asserts and 2020-12 only notes.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::IgnoredAny;

/// What a text must hold.
///
/// # Source
/// JSON Schema draft-07, validation 8. Encodings and types that are not known assert nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    encoding: Option<Encoding>,
    kind: Option<Kind>,
}

/// RFC 4648, 4 and 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Base64,
    Base64Url,
}

/// RFC 8259.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
}

impl Content {
    /// `None` where nothing is to be asserted.
    pub(super) fn of(encoding: Option<&str>, media_type: Option<&str>) -> Option<Self> {
        let known = match encoding {
            Some("base64") => Some(Encoding::Base64),
            Some("base64url") => Some(Encoding::Base64Url),
            _ => None,
        };
        // What an unknown encoding hides cannot be looked at.
        let is_readable = known.is_some() || encoding.is_none();
        let kind = media_type.filter(|name| *name == "application/json" && is_readable).map(|_| Kind::Json);
        (known.is_some() || kind.is_some()).then_some(Self { encoding: known, kind })
    }

    /// What of the text is asserted, for whoever broke it.
    pub(super) fn name(self) -> &'static str {
        match self.kind {
            None => "content encoding",
            Some(Kind::Json) => "content type",
        }
    }

    pub(super) fn fits(self, text: &str) -> bool {
        let decoded = match self.encoding {
            None => None,
            Some(encoding) => match encoding.decode(text) {
                None => return false,
                decoded => decoded,
            },
        };
        match self.kind {
            None => true,
            Some(Kind::Json) => {
                let bytes = decoded.as_deref().unwrap_or(text.as_bytes());
                serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
            }
        }
    }
}

impl Encoding {
    fn decode(self, text: &str) -> Option<Vec<u8>> {
        let alphabet = match self {
            Self::Base64 => STANDARD,
            Self::Base64Url => URL_SAFE,
        };
        GeneralPurpose::new(&alphabet, GeneralPurposeConfig::new()).decode(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_decoded_and_read() {
        let both = Content::of(Some("base64"), Some("application/json")).unwrap();
        assert!(both.fits("eyJmb28iOiAiYmFyIn0K"));
        assert!(!both.fits("ezp9Cg=="));
        assert!(!both.fits("{}"));
        let encoded = Content::of(Some("base64"), None).unwrap();
        assert!(encoded.fits("ezp9Cg==") && !encoded.fits("ezp9Cg") && !encoded.fits("-_=="));
        assert!(Content::of(None, Some("application/json")).unwrap().fits("[1]"));
        assert!(Content::of(Some("7bit"), Some("application/json")).is_none());
        assert!(Content::of(None, Some("text/plain")).is_none());
    }
}
