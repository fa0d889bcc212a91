//! What requests may look like at their head, header by header.

use http::{HeaderName, HeaderValue};

use super::{
    media::{Accept, check_accept, check_content_type},
    *,
};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

fn host(policy: &HostPolicy, value: &str) -> Result<(), Rejection> {
    policy.check_host(&headers(&[("host", value)]), &Uri::from_static("/mcp"), Version::HTTP_11)
}

fn origin(policy: &OriginPolicy, value: &str) -> Result<(), Rejection> {
    policy.check_origin(&headers(&[("origin", value)]))
}

#[test]
fn loopback_names_are_hosts_with_any_port() {
    let policy = HostPolicy::loopback();
    for value in ["localhost", "localhost:1", "localhost:65535", "LocalHost:8080", "127.0.0.1", "127.0.0.1:9", "[::1]"]
    {
        assert_eq!(host(&policy, value), Ok(()), "{value}");
    }
    assert_eq!(host(&policy, "[::1]:8080"), Ok(()));
}

#[test]
fn names_that_only_look_like_loopback_are_foreign() {
    let policy = HostPolicy::loopback();
    for value in [
        "evil.example",
        "localhost.evil.com",
        "evil.localhost",
        "127.0.0.1.nip.io",
        "127.0.0.2",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "xn--localhost",
    ] {
        assert_eq!(host(&policy, value), Err(Rejection::HostForeign), "{value}");
    }
}

#[test]
fn malformed_hosts_are_refused_as_such() {
    let policy = HostPolicy::loopback();
    for value in [
        "",
        " ",
        "localhost.",
        ".localhost",
        "local..host",
        "localhost:",
        "localhost:0",
        "localhost:080",
        "localhost:65536",
        "localhost:+80",
        "localhost:80:80",
        "localhost:http",
        "user@localhost",
        "user:pw@localhost",
        "localhost/",
        "localhost/mcp",
        "localhost?x",
        "localhost#x",
        "http://localhost",
        "localhost,localhost",
        "localhost, evil.example",
        "local host",
        "localhost\t",
        "%6cocalhost",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]:",
        "[::1%25lo]",
        "[localhost]",
        "löcalhost",
    ] {
        assert_eq!(host(&policy, value), Err(Rejection::HostMalformed), "{value:?}");
    }
}

#[test]
fn absent_and_repeated_hosts_are_refused() {
    let policy = HostPolicy::loopback();
    let target = Uri::from_static("/mcp");
    let absent = HeaderMap::new();
    assert_eq!(policy.check_host(&absent, &target, Version::HTTP_11), Err(Rejection::HostAbsent));
    assert_eq!(policy.check_host(&absent, &target, Version::HTTP_10), Err(Rejection::HostAbsent));
    let twice = headers(&[("host", "localhost"), ("host", "localhost")]);
    assert_eq!(policy.check_host(&twice, &target, Version::HTTP_11), Err(Rejection::HostRepeated));
}

#[test]
fn absolute_target_must_name_the_same_allowed_host() {
    let policy = HostPolicy::loopback();
    let check = |target: &'static str, value: &str| {
        policy.check_host(&headers(&[("host", value)]), &Uri::from_static(target), Version::HTTP_11)
    };
    assert_eq!(check("http://localhost:80/mcp", "LOCALHOST:80"), Ok(()));
    assert_eq!(check("http://evil.example/mcp", "localhost"), Err(Rejection::TargetMismatch));
    assert_eq!(check("http://localhost/mcp", "localhost:80"), Err(Rejection::TargetMismatch));
    assert_eq!(check("http://evil.example/mcp", "evil.example"), Err(Rejection::HostForeign));
    assert_eq!(check("http://user@localhost/mcp", "localhost"), Err(Rejection::TargetMalformed));
    assert_eq!(check("ftp://localhost/mcp", "localhost"), Err(Rejection::TargetMalformed));
    assert_eq!(
        policy.check_host(&HeaderMap::new(), &Uri::from_static("http://localhost/mcp"), Version::HTTP_11),
        Err(Rejection::HostAbsent)
    );
}

#[test]
fn authority_stands_for_the_host_from_http_2_on() {
    let policy = HostPolicy::loopback();
    let none = HeaderMap::new();
    let check = |headers: &HeaderMap, target| policy.check_host(headers, &Uri::from_static(target), Version::HTTP_2);
    assert_eq!(check(&none, "https://localhost:8443/mcp"), Ok(()));
    assert_eq!(check(&none, "https://evil.example/mcp"), Err(Rejection::HostForeign));
    assert_eq!(check(&none, "/mcp"), Err(Rejection::HostAbsent));
    let other = headers(&[("host", "evil.example")]);
    assert_eq!(check(&other, "https://localhost/mcp"), Err(Rejection::TargetMismatch));
}

#[test]
fn exact_hosts_match_whole_and_with_their_port() {
    let policy = HostPolicy::exact(["Mcp.Example.com", "api.example.com:8443", "[2001:db8::1]:443"]).unwrap();
    for value in ["mcp.example.com", "MCP.EXAMPLE.COM", "mcp.example.com:443", "mcp.example.com:80"] {
        assert_eq!(host(&policy, value), Ok(()), "{value}");
    }
    for value in ["api.example.com:8443", "[2001:db8:0::1]", "[2001:DB8::1]:443"] {
        assert_eq!(host(&policy, value), Ok(()), "{value}");
    }
    for value in [
        "mcp.example.com:8443",
        "api.example.com",
        "api.example.com:443",
        "example.com",
        "evilmcp.example.com",
        "mcp.example.com.evil.com",
        "localhost",
        "[2001:db8::1]:80",
    ] {
        assert_eq!(host(&policy, value), Err(Rejection::HostForeign), "{value}");
    }
}

#[test]
fn either_policy_of_two_is_enough() {
    let origins = OriginPolicy::loopback().or(OriginPolicy::exact(["https://app.example.com"]).unwrap());
    assert_eq!(origin(&origins, "https://app.example.com"), Ok(()));
    assert_eq!(origin(&origins, "http://localhost:3000"), Ok(()));
    assert_eq!(origin(&origins, "https://example.com"), Err(Rejection::OriginForeign));
}

#[test]
fn entries_that_are_no_hosts_or_origins_are_refused_by_name() {
    let host = HostPolicy::exact(["ok.example", "https://mcp.example.com/"]).unwrap_err();
    assert_eq!(host.to_string(), "`https://mcp.example.com/` is not a host such as mcp.example.com");
    for entry in ["*", "null", "app.example.com", "https://app.example.com/", "https://*.example.com", "ws://a.b"] {
        let problem = OriginPolicy::exact([entry]).unwrap_err();
        assert_eq!(problem.to_string(), format!("`{entry}` is not an origin such as https://app.example.com"));
    }
}

#[test]
fn request_without_an_origin_is_allowed() {
    assert_eq!(OriginPolicy::loopback().check_origin(&HeaderMap::new()), Ok(()));
    assert_eq!(OriginPolicy::exact([]).unwrap().check_origin(&HeaderMap::new()), Ok(()));
}

#[test]
fn loopback_pages_are_allowed_and_their_look_alikes_are_not() {
    let policy = OriginPolicy::loopback();
    for value in ["http://localhost", "https://localhost:8443", "http://127.0.0.1:5173", "http://[::1]:1"] {
        assert_eq!(origin(&policy, value), Ok(()), "{value}");
    }
    for value in [
        "",
        "null",
        "localhost",
        "//localhost",
        "http://localhost/",
        "http://localhost/page",
        "http://localhost.evil.com",
        "http://evil.localhost",
        "http://user@localhost",
        "http://localhost@evil.com",
        "http://localhost:",
        "http://localhost.",
        "http://localhost http://evil.com",
        "http://localhost,http://localhost",
        "file://localhost",
        "ws://localhost",
        "chrome-extension://localhost",
        "http:localhost",
        "https://http://localhost",
    ] {
        assert_eq!(origin(&policy, value), Err(Rejection::OriginForeign), "{value}");
    }
}

#[test]
fn exact_origins_compare_scheme_host_and_port() {
    let policy = OriginPolicy::exact(["https://app.example.com", "http://dev.example.com:5173"]).unwrap();
    for value in ["https://app.example.com", "https://APP.example.com:443", "http://dev.example.com:5173"] {
        assert_eq!(origin(&policy, value), Ok(()), "{value}");
    }
    for value in [
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com:80",
        "https://evil-app.example.com",
        "https://app.example.com.evil.com",
        "https://example.com",
        "https://dev.example.com:5173",
        "http://dev.example.com",
        "http://localhost",
        "null",
    ] {
        assert_eq!(origin(&policy, value), Err(Rejection::OriginForeign), "{value}");
    }
}

#[test]
fn second_origin_is_refused_whatever_it_says() {
    let twice = headers(&[("origin", "http://localhost"), ("origin", "http://localhost")]);
    assert_eq!(OriginPolicy::loopback().check_origin(&twice), Err(Rejection::OriginRepeated));
}

#[test]
fn proxy_headers_are_refused() {
    for name in ["Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "X-Forwarded", "X-Real-IP"] {
        assert_eq!(check_forwarded(&headers(&[("accept", "*/*"), (name, "1.2.3.4")])), Err(Rejection::Forwarded));
    }
    assert_eq!(check_forwarded(&headers(&[("x-forward", "a"), ("forwarded-by", "b"), ("via", "c")])), Ok(()));
}

#[test]
fn json_in_utf8_is_the_only_content() {
    let check = |value: &str| check_content_type(&headers(&[("content-type", value)]));
    for value in [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        "application/json \t;\t charset=UTF-8 ",
        "application/json; Charset=\"utf-8\"",
        "application/json;",
        "application/json;; charset=utf-8 ;",
    ] {
        assert_eq!(check(value), Ok(()), "{value}");
    }
    for value in [
        "",
        "text/plain",
        "text/plain;application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/jsonp",
        "application/json-rpc",
        "application/vnd.api+json",
        "application/*",
        "application/json; charset",
        "application/json; charset=",
        "application/json; charset=utf-16",
        "application/json; charset=\"utf-8",
        "application/json; charset=utf-8; charset=utf-8",
        "application/json; profile=x",
        "application/json, application/json",
        "application/json, text/plain",
        "application /json",
    ] {
        assert_eq!(check(value), Err(Rejection::ContentType), "{value}");
    }
    assert_eq!(check_content_type(&HeaderMap::new()), Err(Rejection::ContentType));
    let twice = headers(&[("content-type", "application/json"), ("content-type", "application/json")]);
    assert_eq!(check_content_type(&twice), Err(Rejection::ContentType));
}

#[test]
fn accept_is_read_with_wildcards_and_weights() {
    let check = |value: &str| check_accept(&headers(&[("accept", value)]));
    for (value, accept) in [
        ("application/json, text/event-stream", Ok(Accept::Both)),
        ("text/event-stream,application/json;q=0.5", Ok(Accept::BothRatherStream)),
        ("text/event-stream, application/json", Ok(Accept::BothRatherStream)),
        ("text/event-stream;q=0.5, application/json", Ok(Accept::Both)),
        ("application/json;q=0.25, text/event-stream;q=0.5", Ok(Accept::BothRatherStream)),
        ("*/*", Ok(Accept::Both)),
        ("", Ok(Accept::Both)),
        (" , ,", Ok(Accept::Both)),
        ("application/json", Ok(Accept::Json)),
        ("Application/JSON; charset=utf-8", Ok(Accept::Json)),
        ("application/*", Ok(Accept::Json)),
        ("text/*;q=0.001", Ok(Accept::EventStream)),
        ("text/event-stream", Ok(Accept::EventStream)),
        ("text/event-stream;q=0, */*", Ok(Accept::Json)),
        ("*/*, application/json;q=0", Ok(Accept::EventStream)),
        ("application/json;q=0.000, application/*;q=1, text/html", Err(Rejection::NotAcceptable)),
        ("application/json;q=0, application/json;version=1", Ok(Accept::Json)),
        ("*/*;q=0, application/json", Ok(Accept::Json)),
        ("*/*;q=0", Err(Rejection::NotAcceptable)),
        ("text/html, image/*", Err(Rejection::NotAcceptable)),
        ("application/json;q=2", Err(Rejection::NotAcceptable)),
        ("application/json;q=0.0001", Err(Rejection::NotAcceptable)),
        ("application/json;q=1.1", Err(Rejection::NotAcceptable)),
        ("json", Err(Rejection::NotAcceptable)),
        ("*/json", Err(Rejection::NotAcceptable)),
    ] {
        assert_eq!(check(value), accept, "{value}");
    }
    assert_eq!(check_accept(&HeaderMap::new()), Ok(Accept::Both));
    let split = headers(&[("accept", "application/json"), ("accept", "text/event-stream")]);
    assert_eq!(check_accept(&split), Ok(Accept::Both));
}

#[test]
fn refusals_have_a_status_and_say_nothing_of_the_request() {
    for (rejection, status) in [
        (Rejection::HostAbsent, 400),
        (Rejection::HostRepeated, 400),
        (Rejection::HostMalformed, 400),
        (Rejection::HostForeign, 403),
        (Rejection::TargetMalformed, 400),
        (Rejection::TargetMismatch, 400),
        (Rejection::OriginRepeated, 403),
        (Rejection::OriginForeign, 403),
        (Rejection::Forwarded, 400),
        (Rejection::ContentType, 415),
        (Rejection::NotAcceptable, 406),
    ] {
        assert_eq!(rejection.status(), status);
    }
    let refused = host(&HostPolicy::loopback(), "evil.example").unwrap_err();
    assert_eq!(refused.to_string(), "the host is not allowed");
    assert_eq!((refused.rule(), refused.header()), ("host", "Host"));
}
