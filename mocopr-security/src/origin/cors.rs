//! What a browser is told so that a page of another origin may call this server: preflight answers, and which page may
//! read an answer.
//!
//! Credentials of the browser itself (cookies, certificates) are never allowed.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};

/// This request asks what a page may do; nothing comes of it.
///
/// # Source
/// Fetch standard, "CORS-preflight request".
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a page may do: the methods of the endpoint, and of the headers that it asks for those of the protocol.
pub fn preflight(headers: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    fields.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    let asked = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|asked| asked.to_str().ok()).unwrap_or_default();
    let allowed: Vec<String> = asked
        .split(',')
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .filter(is_of_the_protocol)
        .map(|name| name.as_str().to_owned())
        .collect();
    if let Ok(allowed) = HeaderValue::try_from(allowed.join(", "))
        && !allowed.is_empty()
    {
        fields.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    fields
}

/// Lets the page of this origin read an answer.
pub fn let_read(reader: HeaderValue, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, reader);
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("mcp-session-id, www-authenticate, retry-after, dpop-nonce"),
    );
    // Whoever keeps the answer must not show it to a page of another origin.
    headers.append(VARY, HeaderValue::from_static("origin"));
}

fn is_of_the_protocol(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("mcp-")
        || matches!(
            name,
            "accept"
                | "authorization"
                | "content-type"
                | "dpop"
                | "last-event-id"
                | "x-api-key"
                | "traceparent"
                | "tracestate"
                | "baggage"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-17
    #[test]
    fn a_page_may_send_the_headers_of_the_protocol_and_no_others() {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_bytes(b"content-type, Mcp-Param-Region, \xe9").unwrap(),
        );
        let fields = preflight(&headers);
        let allowed = fields.get(ACCESS_CONTROL_ALLOW_HEADERS);
        assert!(allowed.is_none(), "a list that is not ASCII is not read: {allowed:?}");
        headers.insert(
            ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_static("content-type, Mcp-Param-Region, cookie,authorization, x-evil"),
        );
        let fields = preflight(&headers);
        assert_eq!(fields[ACCESS_CONTROL_ALLOW_HEADERS], "content-type, mcp-param-region, authorization");
        assert!(!fields.contains_key("access-control-allow-credentials"));
    }

    #[test]
    fn only_an_options_request_of_a_page_with_a_method_is_a_preflight() {
        let mut headers = HeaderMap::new();
        assert!(!is_preflight(&Method::OPTIONS, &headers));
        headers.insert(ORIGIN, HeaderValue::from_static("https://app.example.com"));
        assert!(!is_preflight(&Method::OPTIONS, &headers));
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        assert!(is_preflight(&Method::OPTIONS, &headers) && !is_preflight(&Method::POST, &headers));
    }
}
