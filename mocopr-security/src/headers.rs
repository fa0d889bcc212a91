//! Security headers on every HTTP answer, whatever its status.
//!
//! An answer of this server is never a page: nothing in it may be framed, sniffed, scripted, cached or read by
//! another origin. The values are constants; nothing of a request can reach them.

use std::{mem, sync::LazyLock};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
    },
};

/// What carries the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Plain,
    /// TLS, ended by this process.
    Tls,
}

/// Which security headers answers carry.
///
/// ```
/// use mocopr_security::{headers::SecurityHeaders, policy::SecurityPolicy};
///
/// let policy = SecurityPolicy::strict().with_security_headers(SecurityHeaders::Legacy);
/// assert_eq!(policy.security_headers(), SecurityHeaders::Legacy);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityHeaders {
    /// As browsers of today want them.
    #[default]
    Current,
    /// With `X-XSS-Protection: 1; mode=block`, as older guides ask for it. It does nothing in a browser of today, and
    /// in an old one it can be made to leak; it is for whoever must satisfy a checklist.
    Legacy,
}

/// Puts the security headers on an answer.
///
/// What the answer already says is replaced, but for `Cache-Control`: an answer that may be kept says so itself, and
/// every other one is `no-store`. `Strict-Transport-Security` is sent over TLS alone, where a browser believes it.
///
/// # Source
/// OWASP Secure Headers Project; RFC 6797 §7.2 for the last rule; RFC 9111 §5.2.2.5 for `no-store`.
pub fn apply(headers: &mut HeaderMap, transport: Transport, which: SecurityHeaders) {
    // The answer has fewer headers than the security headers are, so it is put into them.
    let own = mem::replace(headers, ALL.clone());
    if !own.contains_key(CONTENT_TYPE) {
        headers.remove(CONTENT_TYPE);
    }
    let mut last = None;
    for (name, value) in own {
        // A name is given once for all of its values.
        let more = name.is_none();
        last = name.or(last);
        match &last {
            Some(name) if !is_fixed(name) && more => headers.append(name, value),
            Some(name) if !is_fixed(name) => headers.insert(name, value).is_some(),
            Some(_) | None => false,
        };
    }
    match which {
        SecurityHeaders::Current => {}
        SecurityHeaders::Legacy => {
            headers.insert(X_XSS_PROTECTION, LEGACY_FILTER.clone());
        }
    }
    match transport {
        Transport::Plain => {}
        Transport::Tls => {
            headers.insert(STRICT_TRANSPORT_SECURITY, HSTS.clone());
        }
    }
}

/// Whether an answer has no say in this header.
fn is_fixed(name: &HeaderName) -> bool {
    name == STRICT_TRANSPORT_SECURITY || FIXED.iter().any(|(fixed, _)| fixed == name)
}

/// Copying a finished map costs a third of filling one, and replacing a value nothing beside adding one: nearly every
/// answer says that it is JSON.
static ALL: LazyLock<HeaderMap> = LazyLock::new(|| {
    let mut all = HeaderMap::with_capacity(2 * FIXED.len());
    all.extend(FIXED.iter().cloned());
    all.insert(CACHE_CONTROL, NO_STORE.clone());
    all.insert(CONTENT_TYPE, JSON.clone());
    all
});

static FIXED: [(HeaderName, HeaderValue); 7] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    // The filter that this header once steered could itself be used to leak; 0 switches it off where it still is.
    (X_XSS_PROTECTION, HeaderValue::from_static("0")),
];

static LEGACY_FILTER: HeaderValue = HeaderValue::from_static("1; mode=block");
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
static JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Two years. Without `includeSubDomains`: this server cannot know what else answers below its host.
static HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    #[test]
    fn plain_answer_carries_all_headers_but_hsts() {
        let mut headers = HeaderMap::new();
        apply(&mut headers, Transport::Plain, SecurityHeaders::Current);
        assert_eq!(
            lines(&headers),
            [
                "cache-control: no-store",
                "content-security-policy: default-src 'none'; frame-ancestors 'none'",
                "cross-origin-resource-policy: same-origin",
                "permissions-policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()",
                "referrer-policy: no-referrer",
                "x-content-type-options: nosniff",
                "x-frame-options: DENY",
                "x-xss-protection: 0",
            ]
        );
    }

    #[test]
    fn hsts_is_sent_over_tls_alone() {
        let mut headers = HeaderMap::new();
        apply(&mut headers, Transport::Tls, SecurityHeaders::Current);
        assert_eq!(headers[STRICT_TRANSPORT_SECURITY], "max-age=63072000");
        apply(&mut headers, Transport::Plain, SecurityHeaders::Current);
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }

    /// S-22
    #[test]
    fn the_filter_of_old_browsers_is_off_unless_it_is_asked_for() {
        let mut headers = HeaderMap::new();
        apply(&mut headers, Transport::Plain, SecurityHeaders::Legacy);
        assert_eq!(headers[X_XSS_PROTECTION], "1; mode=block");
        apply(&mut headers, Transport::Plain, SecurityHeaders::Current);
        assert_eq!(headers[X_XSS_PROTECTION], "0");
    }

    #[test]
    fn cache_control_of_the_answer_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        apply(&mut headers, Transport::Plain, SecurityHeaders::Current);
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=3600");
    }

    #[test]
    fn weaker_values_are_replaced_and_never_doubled() {
        let mut headers = HeaderMap::new();
        headers.append(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        headers.append(X_FRAME_OPTIONS, HeaderValue::from_static("ALLOWALL"));
        apply(&mut headers, Transport::Plain, SecurityHeaders::Current);
        apply(&mut headers, Transport::Plain, SecurityHeaders::Current);
        assert_eq!(headers.get_all(X_FRAME_OPTIONS).iter().collect::<Vec<_>>(), ["DENY"]);
        assert_eq!(headers.len(), 8);
    }
}
