//! The body of a request: how large, how slow, how encoded, and where the next request begins.

use std::time::Duration;

use mocopr::security::Limits;
use serde_json::json;

use super::sample::{Gauge, limits, server, text, with_limits};
use crate::support::{
    hosted::Hosted,
    http::{Answer, Connection},
    recorder::Recorder,
    request::{stateless, stateless_post},
    talk::STATELESS,
};

/// A call whose answer shows which of several it was.
fn echo(authority: &str, text: &str) -> Vec<u8> {
    stateless_post(authority, &stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": text}})))
}

/// A good head with these fields instead of a length.
fn head(authority: &str, fields: &str) -> String {
    let good = String::from_utf8(echo(authority, "a")).expect("it is text");
    let (head, _) = good.split_once("Content-Length").expect("it has a length");
    format!("{head}{fields}\r\n")
}

fn body(text: &str) -> String {
    stateless(1, "tools/call", json!({"name": "echo", "arguments": {"text": text}})).to_string()
}

fn code(answer: &Answer) -> Option<i64> {
    let message = answer.json();
    Recorder::new(STATELESS).received(&message);
    message["error"]["code"].as_i64()
}

async fn assert_still_served(authority: &str) {
    let answer = Connection::open(authority).await.ask(echo(authority, "still")).await;
    assert_eq!(text(&answer.json()["result"]), "still");
}

#[tokio::test]
async fn a_body_at_the_cap_passes_and_one_byte_more_is_413() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let authority = hosted.authority();
    let cap = limits().message_bytes;
    let padded = |length: usize| {
        let mut bytes = body("a").into_bytes();
        bytes.resize(length, b' ');
        bytes
    };
    for (length, status) in [(cap, 200), (cap + 1, 413)] {
        let declared =
            [head(authority, &format!("Content-Length: {length}\r\n")).into_bytes(), padded(length)].concat();
        let answer = Connection::open(authority).await.ask(declared).await;
        assert_eq!(answer.head.status, status, "{length} declared");
        let chunked = head(authority, "Transfer-Encoding: chunked\r\n");
        let mut connection = Connection::open(authority).await;
        connection.send(chunked).await;
        let bytes = padded(length);
        let half = bytes.len() / 2;
        for piece in [&bytes[..half], &bytes[half..]] {
            connection.try_send([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()).await;
        }
        connection.try_send("0\r\n\r\n").await;
        let answer = connection.answer().await;
        assert_eq!(answer.head.status, status, "{length} chunked");
        if status == 413 {
            assert_eq!(code(&answer), Some(-32600));
        }
    }
    assert_still_served(authority).await;
}

#[tokio::test]
async fn a_body_declared_above_the_cap_is_refused_before_it_is_sent() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let authority = hosted.authority();
    for length in ["65537", "1000000000", "1000000000000000000"] {
        let mut connection = Connection::open(authority).await;
        let answer = connection.ask(head(authority, &format!("Content-Length: {length}\r\n"))).await;
        assert_eq!((answer.head.status, code(&answer)), (413, Some(-32600)), "{length}");
        assert_eq!(answer.head.header("connection"), Some("close"));
    }
    // Whoever asks first is told before it has sent anything.
    let asks = "Content-Length: 65537\r\nExpect: 100-continue\r\n";
    let answer = Connection::open(authority).await.ask(head(authority, asks)).await;
    assert_eq!(answer.head.status, 413);
}

#[tokio::test]
async fn a_compressed_body_is_415_and_never_unfolded() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let authority = hosted.authority();
    for coding in
        ["gzip", "br", "deflate", "zstd", "identity, gzip", "GZIP", "x-unknown", "gzip\r\nContent-Encoding: identity"]
    {
        let fields = format!("Content-Length: 4\r\nContent-Encoding: {coding}\r\n");
        let request = format!("{}\x1f\x08ab", head(authority, &fields));
        let answer = Connection::open(authority).await.ask(request).await;
        assert_eq!((answer.head.status, code(&answer)), (415, Some(-32600)), "{coding}");
    }
    let plain = body("a");
    let fields = format!("Content-Length: {}\r\nContent-Encoding: identity\r\n", plain.len());
    let answer = Connection::open(authority).await.ask(format!("{}{plain}", head(authority, &fields))).await;
    assert_eq!(answer.head.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408_and_a_head_that_does_not_come_is_closed() {
    let times = Limits { body_read: Duration::from_millis(200), header_read: Duration::from_millis(200), ..limits() };
    let hosted = Hosted::start(with_limits(&Gauge::default(), times).build().expect("it is well made")).await;
    let authority = hosted.authority();
    for fields in ["Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut connection = Connection::open(authority).await;
        let answer = connection.ask(format!("{}2\r\n", head(authority, fields))).await;
        assert_eq!((answer.head.status, code(&answer)), (408, Some(-32600)), "{fields}");
        assert!(connection.is_closed().await);
    }
    for begun in ["", "POST /mcp HT", "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: "] {
        let mut connection = Connection::open(authority).await;
        connection.send(begun).await;
        assert!(connection.is_closed().await, "{begun:?}");
    }
    assert_still_served(authority).await;
}

#[tokio::test]
async fn what_follows_an_early_answer_in_the_same_segment_is_never_a_request() {
    let gauge = Gauge::default();
    let hosted = Hosted::start(server(&gauge)).await;
    let authority = hosted.authority();
    let smuggled = stateless_post(authority, &stateless(2, "tools/call", json!({"name": "another", "arguments": {}})));
    let length = smuggled.len();
    let good = head(authority, &format!("Content-Length: {length}\r\n"));
    let foreign = good.replace(&format!("Host: {authority}"), "Host: evil.example");
    let plain = good.replace("application/json\r\nAccept", "text/plain\r\nAccept");
    let elsewhere = good.replacen("POST /mcp", "POST /other", 1);
    let put = good.replacen("POST", "PUT", 1);
    let get = good.replacen("POST", "GET", 1);
    let coded = good.replacen("Content-Length", "Content-Encoding: gzip\r\nContent-Length", 1);
    let large = head(authority, "Content-Length: 100000\r\n");
    let both = head(authority, &format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"));
    for (what, head, answered) in [
        ("a foreign host", foreign, 403),
        ("another type", plain, 415),
        ("another path", elsewhere, 404),
        ("another method", put, 405),
        ("no session", get, 405),
        ("a coding", coded, 415),
        ("too large", large, 413),
    ] {
        let mut connection = Connection::open(authority).await;
        connection.send([head.as_bytes(), &smuggled].concat()).await;
        let answer = connection.answer().await;
        assert_eq!(answer.head.status, answered, "{what}");
        connection.finish().await;
        assert_eq!(String::from_utf8_lossy(&connection.drain().await), "", "{what}");
    }
    for fields in [
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
        format!("Content-Length: 0, {length}\r\n"),
        "Content-Length: +0\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 0x0\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: identity\r\n".to_owned(),
    ] {
        let mut connection = Connection::open(authority).await;
        connection.send([head(authority, &fields).as_bytes(), &smuggled].concat()).await;
        let rest = String::from_utf8_lossy(&connection.drain().await).into_owned();
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{fields:?}: {rest}");
    }
    // Of a length beside chunks the chunks count, and the connection ends.
    let mut connection = Connection::open(authority).await;
    connection.send([both.as_bytes(), b"0\r\n\r\n", &smuggled].concat()).await;
    let rest = String::from_utf8_lossy(&connection.drain().await).into_owned();
    assert_eq!(rest.matches("HTTP/1.1 ").count(), 1, "{rest}");
    assert_eq!(gauge.begun(), 0, "nothing of it reached a handler");
    assert_still_served(authority).await;
}

#[tokio::test]
async fn requests_in_one_segment_are_answered_in_order() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let authority = hosted.authority();
    let texts = ["one", "two", "three", "four"];
    let all: Vec<u8> = texts.iter().flat_map(|text| echo(authority, text)).collect();
    let mut connection = Connection::open(authority).await;
    connection.send(all).await;
    for text in texts {
        assert_eq!(super::sample::text(&connection.answer().await.json()["result"]), text);
    }
}

#[tokio::test]
async fn an_answer_arrives_in_one_piece() {
    let hosted = Hosted::start(server(&Gauge::default())).await;
    let authority = hosted.authority();
    let mut connection = Connection::open(authority).await;
    let whole = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).expect("an answer is text");
        let (head, body) = text.split_once("\r\n\r\n").expect("the head is whole");
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        assert_eq!(length, Some(body.len()), "{text}");
    };
    let plain = echo(authority, "a");
    let accept = "application/json, text/event-stream";
    let streamed = String::from_utf8(plain.clone()).expect("it is text").replace(accept, "text/event-stream");
    let list = stateless_post(authority, &stateless(1, "tools/list", json!({})));
    for _ in 0..100 {
        for request in [plain.as_slice(), streamed.as_bytes(), list.as_slice()] {
            connection.send(request).await;
            whole(&connection.one_read().await);
        }
    }
    // The first event of a stream leaves with its head.
    let mut params = json!({"name": "say_and_wait", "arguments": {}});
    params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("debug");
    connection.send(stateless_post(authority, &stateless(1, "tools/call", params))).await;
    let first = String::from_utf8(connection.one_read().await).expect("an answer is text");
    assert!(first.contains("\r\n\r\n") && first.contains("I wait."), "{first}");
}
