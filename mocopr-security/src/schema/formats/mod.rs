//! The formats of texts that are asserted. A format that is not known asserts nothing, as the specification says.
//!
//! Each is one function that reads a text once, from the front, in time linear in its length; it resolves, fetches
//! and normalizes nothing.

mod email;
mod host;
mod label;
mod pointer;
mod template;
mod time;
mod uri;

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::schema::{Dialect, ecma};

/// A format that is asserted.
///
/// # Source
/// JSON Schema 2020-12, validation 7.3, and draft-07, validation 7.3. The two that need tables of IDNA,
/// `idn-hostname` and `idn-email`, are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Date,
    DateTime,
    Duration,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    Iri,
    IriReference,
    JsonPointer,
    Regex,
    RelativeJsonPointer,
    Time,
    Uri,
    UriReference,
    UriTemplate,
    Uuid,
}

impl Format {
    pub(super) fn of(name: &str, dialect: Dialect) -> Option<Self> {
        let latest = dialect == Dialect::V2020_12;
        Self::ALL.into_iter().find(|format| format.name() == name && (latest || format.is_in_draft_07()))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::DateTime => "date-time",
            Self::Duration => "duration",
            Self::Email => "email",
            Self::Hostname => "hostname",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Iri => "iri",
            Self::IriReference => "iri-reference",
            Self::JsonPointer => "json-pointer",
            Self::Regex => "regex",
            Self::RelativeJsonPointer => "relative-json-pointer",
            Self::Time => "time",
            Self::Uri => "uri",
            Self::UriReference => "uri-reference",
            Self::UriTemplate => "uri-template",
            Self::Uuid => "uuid",
        }
    }

    /// Whether a text is of the format.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Date => time::is_date(text),
            Self::DateTime => time::is_date_time(text),
            Self::Duration => time::is_duration(text),
            Self::Email => email::is_address(text),
            Self::Hostname => host::is_name(text),
            // RFC 2673, 3.2: four decimal numbers without leading zeros.
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            // RFC 4291, 2.2.
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Iri => uri::is_absolute(text, uri::Letters::OfAnyLanguage),
            Self::IriReference => uri::is_reference(text, uri::Letters::OfAnyLanguage),
            Self::JsonPointer => pointer::is_absolute(text),
            Self::Regex => ecma::is_pattern(text),
            Self::RelativeJsonPointer => pointer::is_relative(text),
            Self::Time => time::is_time(text),
            Self::Uri => uri::is_absolute(text, uri::Letters::Ascii),
            Self::UriReference => uri::is_reference(text, uri::Letters::Ascii),
            Self::UriTemplate => template::is_template(text),
            Self::Uuid => is_uuid(text),
        }
    }

    fn is_in_draft_07(self) -> bool {
        !matches!(self, Self::Duration | Self::Uuid)
    }

    const ALL: [Self; 17] = [
        Self::Date,
        Self::DateTime,
        Self::Duration,
        Self::Email,
        Self::Hostname,
        Self::Ipv4,
        Self::Ipv6,
        Self::Iri,
        Self::IriReference,
        Self::JsonPointer,
        Self::Regex,
        Self::RelativeJsonPointer,
        Self::Time,
        Self::Uri,
        Self::UriReference,
        Self::UriTemplate,
        Self::Uuid,
    ];
}

/// RFC 3986, 4.1.
pub(super) fn is_uri_reference(text: &str) -> bool {
    uri::is_reference(text, uri::Letters::Ascii)
}

/// RFC 4122, 3.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
