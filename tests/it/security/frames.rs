//! HTTP/2 as those speak it who want to wear a server out: each flood ends its connection, and no other one.

use mocopr::TlsConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{
    guarded::{Guarded, HOST, bearer, with_fields},
    https::{call, serve},
};
use crate::support::{
    http2::Http2,
    tls::{Authority, Hello},
    within,
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One frame (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("it is short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `POST /` to the right host, by the static table (RFC 7541, appendix A).
fn head() -> Vec<u8> {
    let length = u8::try_from(HOST.len()).expect("it is short");
    [&[0x83, 0x87, 0x84, 0x41, length], HOST.as_bytes()].concat()
}

/// A field with a new name, which no table keeps (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).expect("it is short");
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

async fn begin(authority: &Authority, server: &Guarded) -> TlsStream<TcpStream> {
    let hello = Hello { protocols: &["h2"], ..Hello::default() };
    let mut stream = authority.connect(server.authority(), HOST, &hello).await.expect("a handshake");
    let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, &[])].concat();
    stream.write_all(&preface).await.expect("the server reads");
    stream
}

/// Sends the flood until the server has had enough, and says what code it left with: none where it just went.
async fn flood(what: &str, mut stream: TlsStream<TcpStream>, mut next: impl FnMut(u32) -> Vec<u8>) -> Option<u32> {
    let mut answers = Vec::new();
    let mut is_open = true;
    for round in 0..ROUNDS {
        let mut buffer = [0; 4096];
        is_open &= stream.write_all(&next(round)).await.is_ok();
        // What it has answered meanwhile is taken, so that nothing of it is in the way.
        while let Ok(read) = tokio::time::timeout(std::time::Duration::ZERO, stream.read(&mut buffer)).await {
            match read {
                Ok(length @ 1..) => answers.extend_from_slice(&buffer[..length]),
                _ => return left_with(&answers),
            }
        }
        if !is_open {
            break;
        }
    }
    let rest = within(what, async {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        rest
    });
    answers.extend(rest.await);
    left_with(&answers)
}

/// The code of the last GOAWAY.
fn left_with(mut answers: &[u8]) -> Option<u32> {
    let mut code = None;
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = answers {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let payload = rest.get(..length).unwrap_or(rest);
        if *kind == GOAWAY {
            code = payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().expect("it is four bytes")));
        }
        answers = rest.get(length..).unwrap_or_default();
    }
    code
}

const ROUNDS: u32 = 20_000;

/// Whether the first stream was answered and then reset, in what comes before the answer to a ping.
async fn answered_and_reset(stream: &mut TlsStream<TcpStream>) -> (bool, bool) {
    let mut seen = (false, false);
    let mut is_ponged = false;
    while !is_ponged {
        let mut head = [0; 9];
        within("a frame", stream.read_exact(&mut head)).await.expect("the server goes on");
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        within("its payload", stream.read_exact(&mut payload)).await.expect("it is whole");
        match (head[3], head[8]) {
            (HEADERS, 1) => {
                seen.0 = true;
                stream.write_all(&frame(PING, 0, 0, &[7; 8])).await.expect("the server reads");
            }
            (RST_STREAM, 1) => seen.1 = true,
            (PING, _) => is_ponged = true,
            _ => {}
        }
    }
    seen
}

/// RFC 9113, section 8.1: some clients show no status of an answer that ends the stream while they still send.
#[tokio::test]
async fn a_refusal_waits_for_a_small_body_that_is_on_its_way_and_for_no_other() {
    let authority = Authority::new();
    let files = authority.server("server", &[HOST]);
    let server = serve(TlsConfig::from_pem_files(&files.chain, &files.key).expect("they are sound")).await;
    for is_on_its_way in [true, false] {
        let mut stream = begin(&authority, &server).await;
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &head())).await.expect("the server reads");
        if is_on_its_way {
            // Later than its head by what a network may put between them.
            tokio::time::timeout(std::time::Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
            stream.write_all(&frame(DATA, END_STREAM, 1, b"{}")).await.expect("the server reads");
        }
        let (is_answered, is_reset) = answered_and_reset(&mut stream).await;
        assert!(is_answered);
        assert!(!(is_on_its_way && is_reset), "the client had sent all, and its stream ends in order");
    }
}

/// T-61
#[tokio::test]
async fn each_flood_of_frames_ends_its_connection_and_no_other() {
    let authority = Authority::new();
    let files = authority.server("server", &[HOST]);
    let server = serve(TlsConfig::from_pem_files(&files.chain, &files.key).expect("they are sound")).await;
    let mut honest = {
        let hello = Hello { protocols: &["h2"], ..Hello::default() };
        Http2::over(authority.connect(server.authority(), HOST, &hello).await.expect("a handshake")).await
    };
    let stream = |round: u32| 2 * round + 1;
    let resets = flood("resets", begin(&authority, &server).await, |round| {
        let open = frame(HEADERS, END_HEADERS | END_STREAM, stream(round), &head());
        [open, frame(RST_STREAM, 0, stream(round), &8_u32.to_be_bytes())].concat()
    });
    assert!(matches!(resets.await, None | Some(ENHANCE_YOUR_CALM)), "resets");
    let continuations = flood("continuations", begin(&authority, &server).await, |round| match round {
        0 => frame(HEADERS, END_STREAM, 1, &head()),
        _ => frame(CONTINUATION, 0, 1, &field("x-more", &"a".repeat(100)).repeat(100)),
    });
    assert_eq!(continuations.await, Some(ENHANCE_YOUR_CALM), "continuations");
    let empty = flood("empty continuations", begin(&authority, &server).await, |round| match round {
        0 => frame(HEADERS, 0, 1, &head()),
        _ => frame(CONTINUATION, 0, 1, &[]),
    });
    assert_eq!(empty.await, Some(ENHANCE_YOUR_CALM), "empty continuations");
    let updates = flood("window updates", begin(&authority, &server).await, |_| {
        frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes())
    });
    assert_eq!(updates.await, Some(FLOW_CONTROL_ERROR), "window updates");
    let broken = flood("data of no stream", begin(&authority, &server).await, |_| frame(DATA, 0, 0, b"x"));
    assert_eq!(broken.await, Some(PROTOCOL_ERROR), "data of no stream");
    let large = flood("pings of nine bytes", begin(&authority, &server).await, |_| frame(PING, 0, 0, &[0; 9]));
    assert_eq!(large.await, Some(PROTOCOL_ERROR), "pings of nine bytes");
    let request = with_fields(&[("Authorization", &bearer("alice"))], &call());
    assert_eq!(honest.ask(request).await.head.status, 200);
}

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const ENHANCE_YOUR_CALM: u32 = 11;

/// What is answered frame by frame waits for whoever does not read, and so does whoever sends more of it.
///
/// T-61
#[tokio::test]
async fn pings_and_settings_of_a_peer_that_does_not_read_are_taken_no_further() {
    let authority = Authority::new();
    let files = authority.server("server", &[HOST]);
    let server = serve(TlsConfig::from_pem_files(&files.chain, &files.key).expect("they are sound")).await;
    for one in [frame(PING, 0, 0, &[7; 8]), frame(SETTINGS, 0, 0, &[])] {
        let mut stream = begin(&authority, &server).await;
        let many = one.repeat(4_096);
        let mut taken = 0_usize;
        // Where a write waits, the server has stopped reading; where it fails, it has left.
        while taken < MOST_TAKEN {
            let written = tokio::time::timeout(std::time::Duration::from_millis(500), stream.write_all(&many)).await;
            match written {
                Ok(Ok(())) => taken += many.len(),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        assert!(taken < MOST_TAKEN, "{taken} bytes were taken");
    }
}

/// Far more than the buffers of two sockets on loopback.
const MOST_TAKEN: usize = 256 * 1024 * 1024;
