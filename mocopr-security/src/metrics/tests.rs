//! What is counted where, and what never becomes a label.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};
use mocopr_core::peer::HttpFacts;

use super::*;
use crate::{
    evidence::{self, AuditEvent, Bytes, Decided, Ending},
    redact::Secret,
};

fn call<'a>(target: &'a str, ending: Ending) -> Happening<'a> {
    Happening {
        action: "tools/call",
        target,
        ending,
        took: Duration::from_millis(2),
        bytes: Bytes { read: 100, answered: 200 },
        ..Happening::of(AuditEvent::ToolExecution)
    }
}

fn refused(event: AuditEvent, action: &'static str, reason: &'static str) -> Happening<'static> {
    Happening { action, ending: Ending::refused(Decided::Refused, reason), ..Happening::of(event) }
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|written| written == line)
}

/// S-95
#[test]
fn each_setter_switches_its_families_and_no_other() {
    let families = |metrics: SecurityMetrics| -> Vec<String> {
        metrics.saw(&call("add", Ending::SUCCESS));
        let text = metrics.text();
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE mocopr_"));
        names.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let builder = SecurityMetrics::builder;
    assert_eq!(families(builder().build()), [""; 0]);
    assert_eq!(families(builder().with_authentication_failures(true).build()), ["authentication_failures_total"]);
    assert_eq!(families(builder().with_rate_limit_violations(true).build()), ["rate_limit_hits_total"]);
    assert_eq!(families(builder().with_request_size_monitoring(true).build()), ["request_bytes", "answer_bytes"]);
    assert_eq!(
        families(builder().with_error_rate_monitoring(true).build()),
        ["refusals_total", "calls_total", "call_seconds"]
    );
    assert_eq!(families(SecurityMetrics::all()).len(), 7);
    let off = builder().with_error_rate_monitoring(true).with_error_rate_monitoring(false);
    assert_eq!(families(off.build()), [""; 0]);
}

#[test]
fn what_happened_is_counted_where_it_belongs() {
    let metrics = SecurityMetrics::all();
    metrics.saw(&call("add", Ending::SUCCESS));
    metrics.saw(&call("add", Ending::FAILED));
    metrics.saw(&call("add", Ending::CANCELLED));
    metrics.saw(&Happening { action: "tools/list", ..Happening::of(AuditEvent::Protocol) });
    metrics.saw(&refused(AuditEvent::Authentication, "authenticate", "no credential"));
    metrics.saw(&refused(AuditEvent::SecurityViolation, "head", "rate"));
    metrics.saw(&refused(AuditEvent::SecurityViolation, "tools/call", "rate"));
    metrics.saw(&refused(AuditEvent::SecurityViolation, "tools/call", evidence::HEAVY_RATE));
    metrics.saw(&refused(AuditEvent::SecurityViolation, "tools/call", "busy"));
    metrics.saw(&refused(AuditEvent::SecurityViolation, "head", "host"));
    metrics.saw(&Happening { action: "start", ..Happening::of(AuditEvent::Administration) });
    let text = metrics.text();
    for line in [
        "mocopr_authentication_failures_total{reason=\"no credential\"} 1",
        "mocopr_rate_limit_hits_total{kind=\"address\"} 1",
        "mocopr_rate_limit_hits_total{kind=\"principal\"} 1",
        "mocopr_rate_limit_hits_total{kind=\"tool\"} 1",
        "mocopr_rate_limit_hits_total{kind=\"concurrency\"} 1",
        "mocopr_refusals_total{decision=\"refused\",reason=\"authentication\"} 1",
        "mocopr_refusals_total{decision=\"refused\",reason=\"rate\"} 2",
        "mocopr_refusals_total{decision=\"refused\",reason=\"host\"} 1",
        "mocopr_calls_total{method=\"tools/call\",target=\"add\",outcome=\"success\"} 1",
        "mocopr_calls_total{method=\"tools/call\",target=\"add\",outcome=\"failure\"} 1",
        "mocopr_calls_total{method=\"tools/call\",target=\"add\",outcome=\"cancelled\"} 1",
        "mocopr_calls_total{method=\"tools/call\",target=\"other\",outcome=\"refused\"} 3",
        "mocopr_calls_total{method=\"tools/list\",outcome=\"success\"} 1",
        "mocopr_call_seconds_bucket{method=\"tools/call\",target=\"add\",le=\"0.001\"} 0",
        "mocopr_call_seconds_bucket{method=\"tools/call\",target=\"add\",le=\"0.005\"} 3",
        "mocopr_call_seconds_sum{method=\"tools/call\",target=\"add\"} 0.006000000",
        "mocopr_request_bytes_count 3",
        "mocopr_answer_bytes_sum 600",
    ] {
        assert!(has(&text, line), "{line}\n{text}");
    }
    assert!(!text.contains("call_seconds_count{method=\"tools/call\",target=\"other\"}"), "refusals take no time");
}

/// S-95
#[test]
fn what_a_peer_writes_never_becomes_a_label() {
    let metrics = SecurityMetrics::all();
    for number in 0..100_000 {
        let name = format!("tool {number}\"}}\n");
        let decision = [Decided::Hidden, Decided::Unknown, Decided::Refused][number % 3];
        let mut happening = call(&name, Ending::refused(decision, "unknown_name"));
        metrics.saw(&happening);
        happening.ending = Ending::SUCCESS;
        happening.action = "resources/read";
        metrics.saw(&happening);
        happening.action = &name;
        metrics.saw(&happening);
    }
    let text = metrics.text();
    assert!(!text.contains("tool "), "{text}");
    assert!(text.lines().count() < 100, "{text}");
    assert!(has(&text, "mocopr_calls_total{method=\"tools/call\",target=\"other\",outcome=\"refused\"} 100000"));
    assert!(has(&text, "mocopr_calls_total{method=\"resources/read\",outcome=\"success\"} 100000"));
}

/// S-95
#[test]
fn names_that_come_and_go_do_not_pile_up() {
    let metrics = SecurityMetrics::all();
    for number in 0..2 * calls::MOST_NAMES {
        metrics.saw(&call(&format!("tool-{number}"), Ending::SUCCESS));
    }
    let text = metrics.text();
    assert_eq!(text.matches("mocopr_calls_total{").count(), calls::MOST_NAMES + 1);
    let others = format!(
        "mocopr_calls_total{{method=\"tools/call\",target=\"other\",outcome=\"success\"}} {}",
        calls::MOST_NAMES
    );
    assert!(has(&text, &others), "the rest is counted together");
}

#[test]
fn what_is_measured_cannot_break_the_text() {
    let metrics = SecurityMetrics::all();
    for _ in 0..2 {
        metrics.watch(|say| {
            say(Measure::new("mocopr_sessions", "Sessions.", 2.0));
            say(Measure::new("mocopr_secret_age_seconds", "Age.", 1.5).of("secret", "state \"key\""));
            say(Measure::new("mocopr_calls_total", "Taken.", 1.0));
            say(Measure::new("mocopr_call_seconds_sum", "Taken.", 1.0));
            say(Measure::new("bad name{", "Bad.", 1.0));
            say(Measure::new("fine", "Bad label.", 1.0).of("a b", "x"));
        });
    }
    let text = metrics.text();
    let end = text.split("# HELP mocopr_secret_age_seconds").nth(1).unwrap();
    assert_eq!(
        end,
        " Age.\n# TYPE mocopr_secret_age_seconds gauge\n\
         mocopr_secret_age_seconds{secret=\"state \\\"key\\\"\"} 3\n\
         # HELP mocopr_sessions Sessions.\n# TYPE mocopr_sessions gauge\nmocopr_sessions 4\n"
    );
    assert_eq!(text.matches("# TYPE mocopr_calls_total ").count(), 1);
}

fn problems(builder: SecurityMetricsBuilder) -> usize {
    builder.build().problems().len()
}

/// S-95
#[test]
fn only_loopback_is_served_without_a_token() {
    let at = |address: &str| SecurityMetrics::builder().with_listener(address);
    let token = |text: &str| Secret::new(text.to_owned());
    assert_eq!(problems(SecurityMetrics::builder()), 0);
    for address in ["127.0.0.1:0", "[::1]:9464"] {
        assert_eq!(problems(at(address)), 0, "{address}");
    }
    for address in ["localhost:9464", "127.0.0.1", "", ":9464"] {
        assert_eq!(problems(at(address)), 1, "{address}");
    }
    assert_eq!(problems(at("10.0.0.5:9464")), 1, "no token");
    assert_eq!(problems(at("0.0.0.0:9464")), 2, "no token, and no name");
    assert_eq!(problems(at("10.0.0.5:9464").with_bearer_token(token("short"))), 1);
    assert_eq!(problems(at("10.0.0.5:9464").with_bearer_token(token("long enough, but not one word"))), 1);
    assert_eq!(problems(at("10.0.0.5:9464").with_bearer_token(token("0123456789abcdef"))), 0);
    let named = at("0.0.0.0:9464").with_bearer_token(token("0123456789abcdef"));
    assert_eq!(problems(named.with_listener_host("metrics.internal")), 0);
    assert_eq!(problems(at("127.0.0.1:0").with_listener_host("http://metrics")), 1);
    assert_eq!(problems(SecurityMetrics::builder().with_bearer_token(token("0123456789abcdef"))), 1, "no listener");
}

fn status(endpoint: &MetricsEndpoint, method: Method, path: &str, fields: &[(&str, &str)]) -> StatusCode {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let uri = Uri::try_from(path).unwrap();
    let facts = HttpFacts { method: &method, version: Version::HTTP_11, uri: &uri, headers: &headers };
    let response = endpoint.answer(&facts);
    let is_told = response.status() == StatusCode::OK;
    assert_eq!(!response.body().is_empty(), is_told, "only a good request is told anything");
    assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
    response.status()
}

/// S-95
#[test]
fn only_requests_that_call_by_a_known_name_are_told() {
    let metrics = SecurityMetrics::builder()
        .with_rate_limit_violations(true)
        .with_listener("127.0.0.1:9464")
        .with_listener_host("metrics.internal")
        .build();
    let endpoint = metrics.open("127.0.0.1:9464".parse().unwrap());
    let get = |fields: &[(&str, &str)]| status(&endpoint, Method::GET, "/metrics", fields).as_u16();
    for host in
        ["localhost:9464", "127.0.0.1:9464", "[::1]:9464", "localhost", "metrics.internal", "metrics.internal:9464"]
    {
        assert_eq!(get(&[("host", host)]), 200, "{host}");
    }
    for host in ["evil.example.com", "127.0.0.1.evil.example.com", "metrics.internal:80", "10.0.0.5:9464"] {
        let wanted = if host == "metrics.internal:80" { 200 } else { 403 };
        assert_eq!(get(&[("host", host)]), wanted, "{host}");
    }
    assert_eq!(get(&[]), 400);
    assert_eq!(get(&[("host", "localhost"), ("host", "localhost")]), 400);
    assert_eq!(get(&[("host", "localhost"), ("origin", "http://localhost:9464")]), 403);
    assert_eq!(get(&[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")]), 400);
    let host = [("host", "localhost")];
    assert_eq!(status(&endpoint, Method::HEAD, "/metrics", &host), 200);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::CONNECT] {
        assert_eq!(status(&endpoint, method, "/metrics", &host), 405);
    }
    for path in ["/", "/metrics/", "/METRICS", "/mcp", "/metrics/../metrics"] {
        assert_eq!(status(&endpoint, Method::GET, path, &host), 404, "{path}");
    }
    assert_eq!(status(&endpoint, Method::GET, "/metrics?name[]=up", &host), 200);
}

/// S-95
#[test]
fn where_there_is_a_token_nothing_is_told_without_it() {
    let metrics = SecurityMetrics::builder()
        .with_rate_limit_violations(true)
        .with_listener("10.0.0.5:9464")
        .with_bearer_token(Secret::new("0123456789abcdef".to_owned()))
        .build();
    let endpoint = metrics.open("10.0.0.5:9464".parse().unwrap());
    let get = |fields: &[(&str, &str)]| {
        status(&endpoint, Method::GET, "/metrics", &[&[("host", "10.0.0.5:9464")], fields].concat()).as_u16()
    };
    assert_eq!(get(&[("authorization", "Bearer 0123456789abcdef")]), 200);
    assert_eq!(get(&[("authorization", "bearer 0123456789abcdef")]), 200);
    for value in ["Bearer 0123456789abcdeg", "Bearer 0123456789abcdef0", "Basic 0123456789abcdef", "Bearer", "Bearer "]
    {
        assert_eq!(get(&[("authorization", value)]), 401, "{value}");
    }
    assert_eq!(get(&[]), 401);
    let twice = ("authorization", "Bearer 0123456789abcdef");
    assert_eq!(get(&[twice, twice]), 401);
    assert_eq!(
        status(&endpoint, Method::GET, "/metrics", &[("host", "localhost:9464"), twice]),
        403,
        "it is not called by the names of this machine"
    );
}
