//! What a request carries and what its sender can read: `Content-Type` and `Accept`.
//!
//! A browser sends `text/plain` and form posts to any site without asking it first, but never `application/json`;
//! so the content type is part of the protection against foreign pages, and nothing is guessed from a body.

use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};

use crate::origin::Rejection;

/// Checks that a request carries JSON: exactly one `Content-Type`, `application/json`, with no other parameter than
/// `charset=utf-8`.
///
/// # Errors
/// [`Rejection::ContentType`].
///
/// # Source
/// RFC 9110 §8.3, RFC 8259 §11.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    match (values.next(), values.next()) {
        (Some(value), None) if value.to_str().is_ok_and(is_json) => Ok(()),
        (Some(_), _) | (None, _) => Err(Rejection::ContentType),
    }
}

/// Which forms of an answer a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// One JSON document.
    Json,
    /// A stream of events.
    EventStream,
    /// Either; one JSON document where that is enough.
    Both,
    /// Either; the client named the stream of events before JSON, or gave it more weight.
    BothRatherStream,
}

/// Reads what a client accepts, over all `Accept` headers; none at all means that it accepts everything.
///
/// Of two equal weights the one that is named first is preferred. The most specific range that names a type decides
/// about it, so `application/json;q=0, */*` does not accept JSON. An element that is not well formed names nothing.
///
/// # Errors
/// [`Rejection::NotAcceptable`] for a client that reads neither JSON nor events.
///
/// # Source
/// RFC 9110 §12.5.1.
pub(crate) fn check_accept(headers: &HeaderMap) -> Result<Accept, Rejection> {
    let mut values = headers.get_all(ACCEPT).iter();
    match (values.next().map(HeaderValue::as_bytes), values.next()) {
        // As the clients of the protocol write it.
        (Some(b"application/json, text/event-stream"), None) => Ok(Accept::Both),
        (Some(b"application/json"), None) => Ok(Accept::Json),
        (Some(b"text/event-stream"), None) => Ok(Accept::EventStream),
        (Some(_), _) => weigh(headers),
        (None, _) => Ok(Accept::Both),
    }
}

fn weigh(headers: &HeaderMap) -> Result<Accept, Rejection> {
    let mut json = Verdict::default();
    let mut events = Verdict::default();
    let mut place = 0;
    for value in headers.get_all(ACCEPT) {
        // Bytes outside ASCII can only stand in parameters that say nothing here; refusing them is simpler.
        let value = value.to_str().map_err(|_| Rejection::NotAcceptable)?;
        for element in value.split(',').map(trim).filter(|element| !element.is_empty()) {
            place += 1;
            let mut parts = element.split(';').map(trim);
            let Some((kind, subtype)) = parts.next().and_then(|range| range.split_once('/')) else { continue };
            let Some(weight) = weight(parts) else { continue };
            let range = Range { kind, subtype, weight, place };
            json.hear(&range, "application", "json");
            events.hear(&range, "text", "event-stream");
        }
    }
    if place == 0 {
        return Ok(Accept::Both);
    }
    match (json.weight > 0, events.weight > 0) {
        (true, true) if events.is_preferred_to(&json) => Ok(Accept::BothRatherStream),
        (true, true) => Ok(Accept::Both),
        (true, false) => Ok(Accept::Json),
        (false, true) => Ok(Accept::EventStream),
        (false, false) => Err(Rejection::NotAcceptable),
    }
}

/// One element of `Accept`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    weight: u16,
    /// Its ordinal among the elements, from 1.
    place: usize,
}

/// What the ranges said so far about one media type.
#[derive(Default)]
struct Verdict {
    closeness: Closeness,
    weight: u16,
    place: usize,
}

impl Verdict {
    /// Takes in one range; of equally close ones the greatest weight counts.
    fn hear(&mut self, range: &Range<'_>, own_kind: &str, own_subtype: &str) {
        let closeness = if range.kind == "*" && range.subtype == "*" {
            Closeness::Everything
        } else if !range.kind.eq_ignore_ascii_case(own_kind) {
            return;
        } else if range.subtype == "*" {
            Closeness::Kind
        } else if range.subtype.eq_ignore_ascii_case(own_subtype) {
            Closeness::Exact
        } else {
            return;
        };
        if closeness > self.closeness || closeness == self.closeness && range.weight > self.weight {
            *self = Self { closeness, weight: range.weight, place: range.place };
        }
    }

    /// More weight, or as much and named earlier.
    fn is_preferred_to(&self, other: &Self) -> bool {
        self.weight > other.weight || self.weight == other.weight && self.place < other.place
    }
}

/// How closely a range names a type.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    #[default]
    Unnamed,
    Everything,
    Kind,
    Exact,
}

/// The weight among the parameters of a range, in thousandths; `None` when it is not well formed.
fn weight<'a>(parameters: impl Iterator<Item = &'a str>) -> Option<u16> {
    for parameter in parameters {
        let Some((name, weight)) = parameter.split_once('=') else { continue };
        if !name.eq_ignore_ascii_case("q") {
            continue;
        }
        let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
        if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let thousandths = format!("{fraction:0<3}").parse::<u16>().ok()?;
        return match (whole, thousandths) {
            ("0", thousandths) => Some(thousandths),
            ("1", 0) => Some(1_000),
            _ => None,
        };
    }
    Some(1_000)
}

fn is_json(value: &str) -> bool {
    let mut parts = value.split(';').map(trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    // A semicolon without a parameter behind it says nothing (RFC 9110 §5.6.6).
    let mut parameters = parts.filter(|parameter| !parameter.is_empty());
    let charset = parameters.next().is_none_or(is_utf8);
    json && charset && parameters.next().is_none()
}

fn is_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
}

/// Takes off optional white space as RFC 9110 §5.6.3 means it: spaces and tabs, nothing else.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
