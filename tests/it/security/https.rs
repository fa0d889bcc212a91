//! HTTPS: what a listener proves itself with, whose certificates it takes, and that the gate is the same behind it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mocopr::{
    HttpConfig, TlsConfig,
    audit::{AuditEvent, Happening, Witness},
    metrics::security::SecurityMetrics,
    prelude::*,
    security::{CipherSuite, Limits, SECURE_CIPHER_SUITES, TlsVersion},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::guarded::{Guarded, HOST, bearer, policy, with_fields};
use crate::support::{
    http::Connection,
    http2::Http2,
    request,
    tls::{Authority, Files, Hello},
    within,
};

/// Who called.
#[tool]
async fn who(caller: Caller) -> Json<Value> {
    let roles: Vec<&str> = caller.roles().collect();
    Json(json!({"subject": caller.subject(), "method": format!("{:?}", caller.method()), "roles": roles}))
}

fn tls(files: &Files) -> mocopr::security::TlsConfigBuilder {
    TlsConfig::builder().with_cert_chain_file(&files.chain).with_private_key_file(&files.key)
}

pub(super) async fn serve(tls: TlsConfig) -> Guarded {
    let config = HttpConfig::loopback(0).with_tls(tls);
    Guarded::listen(config, policy(), |builder| builder.with_tool(who)).await
}

pub(super) fn call() -> Value {
    request::stateless(1, "tools/call", json!({"name": "who", "arguments": {}}))
}

/// S-10, S-14
#[tokio::test]
async fn a_call_over_https_goes_through_the_same_gate() {
    let authority = Authority::new();
    let server = serve(tls(&authority.server("server", &[HOST])).build().expect("they are sound")).await;
    for is_old in [false, true] {
        let hello = Hello { is_old, ..Hello::default() };
        let stream = authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
        let mut connection = Connection::over(stream).watched();
        let refused = connection.ask(with_fields(&[], &call())).await;
        assert_eq!(refused.head.status, 401);
        let stream = authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
        let mut connection = Connection::over(stream).watched();
        let answer = connection.ask(with_fields(&[("Authorization", &bearer("alice.editor"))], &call())).await;
        assert_eq!(answer.json()["result"]["structuredContent"]["subject"], "alice");
        assert!(answer.head.header("strict-transport-security").is_some(), "it is sent over TLS");
    }
}

/// S-10
#[tokio::test]
async fn a_version_below_the_least_is_refused() {
    let authority = Authority::new();
    let files = authority.server("server", &[HOST]);
    let server = serve(tls(&files).with_min_tls_version(TlsVersion::V1_3).build().expect("they are sound")).await;
    let old = Hello { is_old: true, ..Hello::default() };
    assert!(authority.connect(server.authority(), HOST, &old).await.is_err());
    assert!(authority.connect(server.authority(), HOST, &Hello::default()).await.is_ok());
}

/// S-14
#[tokio::test]
async fn plain_http_gets_no_answer_of_the_protocol() {
    let authority = Authority::new();
    let server = serve(tls(&authority.server("server", &[HOST])).build().expect("they are sound")).await;
    let mut stream = tokio::net::TcpStream::connect(server.authority()).await.expect("the server listens");
    stream.write_all(&with_fields(&[("Authorization", &bearer("alice"))], &call())).await.expect("it reads");
    let mut all = Vec::new();
    // The other side may reset the connection, which is no answer either.
    let _ = stream.read_to_end(&mut all).await;
    assert!(!String::from_utf8_lossy(&all).contains("HTTP/"), "{all:?}");
}

/// S-19
#[tokio::test]
async fn a_handshake_that_never_ends_is_cut_off_and_harms_nobody() {
    let authority = Authority::new();
    let files = authority.server("server", &[HOST]);
    let limits = Limits { header_read: Duration::from_millis(300), ..Limits::strict() };
    let config = HttpConfig::loopback(0).with_tls(tls(&files).build().expect("they are sound"));
    let server = Guarded::listen(config, policy().with_limits(limits), |builder| builder.with_tool(who)).await;
    // The beginning of a hello, and nothing more; and nothing at all.
    for begun in [&[0x16, 0x03, 0x01][..], &[]] {
        let mut silent = tokio::net::TcpStream::connect(server.authority()).await.expect("the server listens");
        silent.write_all(begun).await.expect("it reads");
        let stream = authority.connect(server.authority(), HOST, &Hello::default()).await.expect("a handshake");
        let mut honest = Connection::over(stream).watched();
        let answer = honest.ask(with_fields(&[("Authorization", &bearer("alice"))], &call())).await;
        assert_eq!(answer.head.status, 200);
        let ended = async {
            let mut all = Vec::new();
            // It may be reset, which is an end as well.
            let _ = silent.read_to_end(&mut all).await;
        };
        within("the end", ended).await;
    }
}

/// S-11
#[test]
fn what_a_server_could_not_prove_itself_with_is_a_problem_of_the_configuration() {
    let authority = Authority::new();
    let (good, other) = (authority.server("good", &[HOST]), authority.server("other", &[HOST]));
    let expired = authority.expired("expired", HOST);
    let open = authority.write("open.key", &std::fs::read_to_string(&good.key).expect("it is there"), 0o644);
    let garbage =
        authority.write("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644);
    let text = authority.write("text.pem", "no certificate", 0o644);
    let no_key = authority.write("no-key.pem", "no key", 0o600);
    let chain = |chain: &std::path::Path, key: &std::path::Path| TlsConfig::from_pem_files(chain, key);
    for (built, what) in [
        (chain(&good.chain, &other.key), "is not the key of the certificate"),
        (chain(&expired.chain, &expired.key), "is not valid now"),
        (chain(&good.chain, &open), "open to others"),
        (chain(&garbage, &good.key), "no certificate"),
        (chain(&text, &good.key), "holds no certificate"),
        (chain(&good.chain, &no_key), "holds no private key"),
        (chain(std::path::Path::new("/nowhere.pem"), &good.key), "/nowhere.pem"),
        (TlsConfig::builder().build(), "no certificate"),
        (tls(&good).with_cipher_suites(&[]).build(), "no cipher suite"),
        (
            tls(&good)
                .with_min_tls_version(TlsVersion::V1_3)
                .with_cipher_suites(&[CipherSuite::EcdheRsaAes128GcmSha256])
                .build(),
            "no cipher suite",
        ),
        (tls(&good).with_client_revocation_list(authority.revoke("alone.crl", 1)).build(), "no client is asked"),
        (tls(&good).with_client_ca_file(&text).build(), "holds no certificate"),
    ] {
        let error = built.expect_err(what).to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
    tls(&good).with_cipher_suites(&SECURE_CIPHER_SUITES).build().expect("these are sound");
}

/// S-13
#[tokio::test]
async fn a_certificate_of_a_client_is_who_calls_where_no_token_is() {
    let authority = Authority::new();
    let client = authority.client("client", "common", Some("spiffe://example.com/robot"), 7);
    let common = authority.client("common", "robot 2", None, 8);
    let config = tls(&authority.server("server", &[HOST])).with_client_ca_file(authority.roots());
    let server = serve(config.build().expect("they are sound")).await;
    let ask = async |certificate: Option<&Files>, fields: &[(&str, &str)]| {
        let hello = Hello { certificate, ..Hello::default() };
        let stream = authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
        Connection::over(stream).watched().ask(with_fields(fields, &call())).await
    };
    assert_eq!(ask(None, &[]).await.head.status, 401);
    let who = |answer: &crate::support::http::Answer| answer.json()["result"]["structuredContent"].clone();
    let robot = json!({"subject": "spiffe://example.com/robot", "method": "Certificate", "roles": []});
    assert_eq!(who(&ask(Some(&client), &[]).await), robot);
    assert_eq!(who(&ask(Some(&common), &[]).await)["subject"], "robot 2");
    let token = [("Authorization", "Bearer alice.editor")];
    assert_eq!(who(&ask(Some(&client), &token).await)["subject"], "alice", "beside a token the token is the caller");
    assert_eq!(ask(Some(&client), &[("Authorization", "Bearer xyz")]).await.head.status, 401);
}

/// Counts the credentials that were seen to hold.
#[derive(Debug, Default)]
struct Authenticated(AtomicUsize);

impl Witness for Authenticated {
    fn saw(&self, happening: &Happening<'_>) {
        if happening.event == AuditEvent::Authentication && !happening.is_refused() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// S-90
#[tokio::test]
async fn a_certificate_is_told_once_for_each_connection_and_not_with_each_request() {
    let authority = Authority::new();
    let client = authority.client("client", "robot", None, 7);
    let config = tls(&authority.server("server", &[HOST])).with_client_ca_file(authority.roots());
    let config = HttpConfig::loopback(0).with_tls(config.build().expect("they are sound"));
    let heard = Arc::new(Authenticated::default());
    let server = Guarded::listen(config, policy(), |builder| builder.with_tool(who).with_witness(heard.clone())).await;
    for connections in 1..=2 {
        let hello = Hello { certificate: Some(&client), ..Hello::default() };
        let stream = authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
        let mut connection = Connection::over(stream);
        for _ in 0..3 {
            assert_eq!(connection.ask(with_fields(&[], &call())).await.head.status, 200);
        }
        assert_eq!(heard.0.load(Ordering::Relaxed), connections);
    }
}

/// S-13
#[tokio::test]
async fn a_certificate_that_does_not_count_ends_the_handshake() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (good, revoked) = (authority.client("good", "good", None, 7), authority.client("bad", "bad", None, 8));
    let expired = authority.expired("expired", "expired.example.com");
    let foreign = stranger.client("foreign", "foreign", None, 7);
    let config = tls(&authority.server("server", &[HOST]))
        .with_required_client_ca_file(authority.roots())
        .with_client_revocation_list(authority.revoke("list.crl", 8));
    let server = serve(config.build().expect("they are sound")).await;
    let answers = async |certificate: Option<&Files>| {
        let hello = Hello { certificate, ..Hello::default() };
        let Ok(stream) = authority.connect(server.authority(), HOST, &hello).await else { return false };
        // Of TLS 1.3 a client hears that it was refused when it reads.
        let mut connection = Connection::over(stream);
        connection.try_send(with_fields(&[("Connection", "close")], &call())).await
            && connection.drain().await.starts_with(b"HTTP/1.1 200")
    };
    assert!(answers(Some(&good)).await);
    for (certificate, what) in
        [(None, "none"), (Some(&revoked), "revoked"), (Some(&expired), "expired"), (Some(&foreign), "foreign")]
    {
        assert!(!answers(certificate).await, "{what}");
    }
}

/// S-12
#[tokio::test]
async fn the_certificate_of_the_name_that_is_called_is_shown_and_no_other() {
    let authority = Authority::new();
    let (one, other) = (authority.server("one", &[HOST]), authority.server("other", &["*.other.example.com"]));
    let lenient = tls(&one).with_certificate(&other.chain, &other.key).build().expect("they are sound");
    let server = serve(lenient).await;
    for (name, is_served) in [
        (HOST, true),
        ("a.other.example.com", true),
        ("a.b.other.example.com", false),
        ("other.example.com", false),
        ("example.com", false),
    ] {
        let shaken = authority.connect(server.authority(), name, &Hello::default()).await;
        assert_eq!(shaken.is_ok(), is_served, "{name}");
    }
}

/// S-12
#[tokio::test]
async fn certificates_are_read_again_and_bad_ones_change_nothing() {
    let authority = Authority::new();
    let files = authority.server("server", &[HOST]);
    let config = tls(&files).with_reload_interval(Duration::from_millis(20)).build().expect("they are sound");
    let metrics = SecurityMetrics::all();
    let listening = HttpConfig::loopback(0).with_tls(config);
    let server = Guarded::listen(listening, policy(), |builder| builder.with_metrics(metrics.clone())).await;
    let shown = async || {
        let stream = authority.connect(server.authority(), HOST, &Hello::default()).await.expect("a handshake");
        stream.get_ref().1.peer_certificates().expect("there is one")[0].to_vec()
    };
    let first = shown().await;
    assert!(metrics.text().contains("\nmocopr_tls_reload_failures_total 0\n"));
    authority.write("server.pem", "nothing", 0o644);
    while metrics.text().contains("\nmocopr_tls_reload_failures_total 0\n") {
        tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
        assert_eq!(shown().await, first);
    }
    assert_eq!(shown().await, first, "a bad file leaves the earlier certificate, and is counted");
    authority.server("server", &[HOST]);
    while shown().await == first {
        tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
    }
}

/// S-10, S-18
#[tokio::test]
async fn http2_is_spoken_where_a_client_agrees_on_it() {
    let authority = Authority::new();
    let server = serve(tls(&authority.server("server", &[HOST])).build().expect("they are sound")).await;
    let hello = Hello { protocols: &["h2"], ..Hello::default() };
    let stream = authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut client = Http2::over(stream).await;
    let mut ask = async |fields: &[(&str, &str)]| client.ask(with_fields(fields, &call())).await;
    let alice = ("Authorization", "Bearer alice");
    let answer = ask(&[alice]).await;
    assert_eq!(answer.json()["result"]["structuredContent"]["subject"], "alice");
    assert!(answer.head.header("strict-transport-security").is_some(), "it is sent over TLS");
    assert_eq!(ask(&[]).await.head.status, 401);
    assert_eq!(ask(&[("Authorization", "Bearer xyz")]).await.head.status, 401);
    assert_eq!(ask(&[alice, ("Origin", "https://evil.example.com")]).await.head.status, 403);
    let foreign =
        String::from_utf8(with_fields(&[alice], &call())).expect("it is text").replace(HOST, "evil.example.com");
    assert_eq!(client.ask(foreign).await.head.status, 403);
}

/// RFC 9110, section 9.3.2
#[tokio::test]
async fn head_over_http2_has_the_length_of_a_body_and_no_body() {
    let authority = Authority::new();
    let server = serve(tls(&authority.server("server", &[HOST])).build().expect("they are sound")).await;
    let hello = Hello { protocols: &["h2"], ..Hello::default() };
    let stream = authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
    let mut connection = Http2::over(stream).await;
    let path = "/.well-known/oauth-protected-resource";
    for target in [path, "/mcp"] {
        let get = connection.ask(format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        let head = connection.ask(format!("HEAD {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
        assert!(!get.body.is_empty() && head.body.is_empty(), "{target}: {:?}", head.body);
        assert_eq!(head.head.status, get.head.status);
        assert_eq!(head.head.header("content-length"), get.head.header("content-length"), "{target}");
    }
}

/// S-22
#[tokio::test]
async fn a_head_above_the_limits_is_refused_with_the_headers_of_every_answer_over_http2() {
    let authority = Authority::new();
    let server = serve(tls(&authority.server("server", &[HOST])).build().expect("they are sound")).await;
    let hello = Hello { protocols: &["h2"], ..Hello::default() };
    let long = "a".repeat(17_000);
    let lines: Vec<String> = (0..100).map(|number| format!("x-line-{number}")).collect();
    let many: Vec<(&str, &str)> = lines.iter().map(|name| (name.as_str(), "1")).collect();
    for fields in [&[("x-long", long.as_str())][..], &many] {
        let stream = authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
        let mut connection = Http2::over(stream).await;
        let refused = connection.ask(with_fields(fields, &call())).await;
        assert_eq!(refused.head.status, 431);
        for name in ["x-content-type-options", "x-frame-options", "strict-transport-security"] {
            assert!(refused.head.header(name).is_some(), "{name}");
        }
    }
}
