//! Whether a request opens a WebSocket in the one way that is taken, and what it is answered with.
//!
//! Nothing is guessed or repaired, nothing is taken from the target, and no extension is ever agreed on, so nothing is
//! compressed. The digest here is no protection: it shows that the answer is of a server that speaks WebSocket.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
        TRANSFER_ENCODING, UPGRADE,
    },
};
use mocopr_core::{fault::Fault, peer::HttpFacts};
use tracing::info;

use crate::gate::Refusal;

/// A handshake that is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: HeaderValue,
    /// The subprotocol that was agreed on: the first of the client's that is spoken here.
    pub protocol: &'static str,
}

/// The version of WebSocket that is spoken.
pub const VERSION: &str = "13";

/// Looks at the handshake of a request whose sender was admitted.
///
/// # Errors
/// A [`Refusal`]: 426 where no WebSocket of version 13 is asked for, 400 for everything else that is not as it has to
/// be: another version of HTTP than 1.1, a query, a body, a key that is not 16 bytes, no subprotocol that is spoken
/// here.
///
/// # Source
/// RFC 6455, sections 4.2.1 and 4.4.
pub fn check(http: &HttpFacts<'_>) -> Result<Upgrade, Refusal> {
    let refused = |status: StatusCode, sentence| {
        info!(rule = "websocket", "refused");
        let fault = Fault::Envelope(sentence);
        Err(Refusal { status: status.as_u16(), fault, challenge: None, reason: "websocket" })
    };
    let headers = http.headers;
    if http.version != Version::HTTP_11 {
        return refused(StatusCode::BAD_REQUEST, "a WebSocket is opened by HTTP/1.1");
    }
    // Targets end up in logs, so no credential may stand there, and nothing else is asked for by one.
    if http.uri.query().is_some() {
        return refused(StatusCode::BAD_REQUEST, "a WebSocket is opened without a query");
    }
    let has_body = headers.contains_key(TRANSFER_ENCODING)
        || headers.get_all(CONTENT_LENGTH).iter().any(|length| length.as_bytes() != b"0");
    if has_body {
        return refused(StatusCode::BAD_REQUEST, "a WebSocket is opened without a body");
    }
    let asks = single(headers, &UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !asks || !elements(headers, &CONNECTION).any(|element| element.eq_ignore_ascii_case("upgrade")) {
        return refused(StatusCode::UPGRADE_REQUIRED, "this is for WebSocket");
    }
    if single(headers, &SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != VERSION.as_bytes()) {
        return refused(StatusCode::UPGRADE_REQUIRED, "the version of WebSocket must be 13");
    }
    let Some(key) = single(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key)) else {
        return refused(StatusCode::BAD_REQUEST, "the key of a WebSocket is 16 bytes in base64");
    };
    let spoken = elements(headers, &SEC_WEBSOCKET_PROTOCOL)
        .find_map(|offered| PROTOCOLS.into_iter().find(|spoken| *spoken == offered));
    let Some(protocol) = spoken else {
        return refused(StatusCode::BAD_REQUEST, "the subprotocol `mcp` must be offered");
    };
    match accept(key) {
        Ok(accept) => Ok(Upgrade { accept, protocol }),
        Err(_) => refused(StatusCode::BAD_REQUEST, "the key of a WebSocket is 16 bytes in base64"),
    }
}

/// The answer to a key.
fn accept(key: &HeaderValue) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key.as_bytes());
    context.update(GUID);
    HeaderValue::from_str(&STANDARD.encode(context.finish().as_ref()))
}

fn is_key(value: &HeaderValue) -> bool {
    STANDARD.decode(value.as_bytes()).is_ok_and(|key| key.len() == 16)
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => value,
        (_, Some(_)) => None,
    }
}

/// The elements of a list that may stand in several fields.
fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim_ascii)
}

/// What is spoken over a WebSocket: the name of this project's binding, and one that is in the field.
const PROTOCOLS: [&str; 2] = ["mcp", "mcp.v1"];

/// What shows that a key was read by a server of WebSocket (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    const GOOD: [(&str, &str); 5] = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
        ("sec-websocket-protocol", "mcp"),
    ];

    fn checked(version: Version, target: &str, fields: &[(&str, &str)]) -> Result<Upgrade, u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let uri: Uri = target.parse().unwrap();
        let facts = HttpFacts { method: &Method::GET, version, uri: &uri, headers: &headers };
        check(&facts).map_err(|refusal| refusal.status)
    }

    /// S-16, P-02
    #[test]
    fn the_example_of_the_rfc_is_answered_as_it_says() {
        let upgrade = checked(Version::HTTP_11, "/ws", &GOOD).unwrap();
        assert_eq!(upgrade.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(upgrade.protocol, "mcp");
    }

    /// S-16, P-02
    #[test]
    fn a_handshake_with_one_thing_wrong_is_refused() {
        let with = |name: &str, value: Option<&'static str>| {
            let mut fields: Vec<(&str, &str)> = GOOD.into_iter().filter(|(is, _)| *is != name).collect();
            fields.extend(value.map(|value| (GOOD.iter().find(|(is, _)| *is == name).unwrap().0, value)));
            checked(Version::HTTP_11, "/ws", &fields)
        };
        for (name, value, status) in [
            ("upgrade", None, 426),
            ("upgrade", Some("h2c"), 426),
            ("upgrade", Some("websocket, h2c"), 426),
            ("connection", None, 426),
            ("connection", Some("keep-alive"), 426),
            ("sec-websocket-version", None, 426),
            ("sec-websocket-version", Some("8"), 426),
            ("sec-websocket-version", Some("13, 8"), 426),
            ("sec-websocket-key", None, 400),
            ("sec-websocket-key", Some(""), 400),
            ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25j"), 400),
            ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ"), 400),
            ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZR=="), 400),
            ("sec-websocket-protocol", None, 400),
            ("sec-websocket-protocol", Some("chat"), 400),
            ("sec-websocket-protocol", Some("MCP"), 400),
            ("sec-websocket-protocol", Some("mcp2, xmcp"), 400),
        ] {
            assert_eq!(with(name, value), Err(status), "{name}: {value:?}");
        }
        for (name, value) in GOOD {
            if name.starts_with("sec-websocket-") && name != "sec-websocket-protocol" || name == "upgrade" {
                let twice = [&GOOD[..], &[(name, value)]].concat();
                assert!(checked(Version::HTTP_11, "/ws", &twice).is_err(), "{name} twice");
            }
        }
        for more in [("content-length", "5"), ("transfer-encoding", "chunked")] {
            assert_eq!(checked(Version::HTTP_11, "/ws", &[&GOOD[..], &[more]].concat()), Err(400), "{more:?}");
        }
        assert_eq!(checked(Version::HTTP_11, "/ws?access_token=x", &GOOD), Err(400));
        assert_eq!(checked(Version::HTTP_11, "/ws?", &GOOD), Err(400));
        for version in [Version::HTTP_10, Version::HTTP_2] {
            assert_eq!(checked(version, "/ws", &GOOD), Err(400), "{version:?}");
        }
    }

    #[test]
    fn the_first_subprotocol_of_the_client_that_is_spoken_here_is_agreed_on() {
        let with = |offered: &[&'static str]| {
            let offered: Vec<_> = offered.iter().map(|offered| ("sec-websocket-protocol", *offered)).collect();
            checked(Version::HTTP_11, "/ws", &[&GOOD[..4], &offered].concat()).unwrap().protocol
        };
        assert_eq!(with(&["chat, mcp.v1 , mcp"]), "mcp.v1");
        assert_eq!(with(&["chat", "mcp"]), "mcp");
        assert_eq!(with(&["mcp", "mcp.v1"]), "mcp");
    }

    #[test]
    fn no_extension_and_an_empty_length_are_no_reason_to_refuse() {
        let more = [("sec-websocket-extensions", "permessage-deflate"), ("content-length", "0")];
        assert!(checked(Version::HTTP_11, "/ws", &[&GOOD[..], &more].concat()).is_ok());
        let connection = [&GOOD[..1], &GOOD[2..], &[("connection", "keep-alive, upgrade")]].concat();
        assert!(checked(Version::HTTP_11, "/ws", &connection).is_ok());
    }
}
