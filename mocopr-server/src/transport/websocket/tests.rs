//! RFC 6455 as tables: what frames are taken, and what each other one is ended with.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use mocopr_security::{gate::Gate, policy::SecurityPolicy, principal::Principal};
use proptest::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf},
    sync::mpsc,
    time::Instant,
};

use super::{
    carrier::{Frames, Pace},
    frame::{self, AsFrame, Control, Fail},
    reader::{Event, FrameReader},
};
use crate::transport::{
    connection::{Carrier, Heard, Parting},
    http::read_body::BodyBounds,
    writer::{Form, Writer},
};

const CAP: usize = 100_000;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn who() -> Principal {
    Gate::new(SecurityPolicy::development(), Vec::new(), None, Arc::new(mocopr_core::clock::SystemClock::default()))
        .admit_pipe()
        .principal()
        .clone()
}

fn bounds(room: usize) -> Arc<BodyBounds> {
    Arc::new(BodyBounds::new(CAP, Duration::from_secs(15), room))
}

/// A frame of a client with its length in the shortest form.
fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut head = vec![first];
    match payload.len() {
        short @ 0..=125 => head.push(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            head.push(0x80 | 126);
            head.extend((medium as u16).to_be_bytes());
        }
        long => {
            head.push(0x80 | 127);
            head.extend((long as u64).to_be_bytes());
        }
    }
    let mut masked = payload.to_vec();
    frame::unmask(&mut masked, MASK);
    [head, MASK.to_vec(), masked].concat()
}

/// What comes out of these bytes, however they are cut, until the end.
fn events(bytes: &[u8], piece: usize) -> Vec<Event> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (mut near, far) = tokio::io::duplex(piece.max(1));
        let bytes = bytes.to_vec();
        let sending = async move {
            // Whoever fails reads no further.
            let _ = near.write_all(&bytes).await;
        };
        let reading = async move {
            let mut reader = FrameReader::new(far, Bytes::new(), bounds(1 << 20), who());
            let mut events = Vec::new();
            loop {
                match std::future::poll_fn(|cx| reader.poll_next(cx)).await {
                    Event::Gone => return events,
                    event => events.push(event),
                }
            }
        };
        tokio::join!(sending, reading).1
    })
}

fn message(text: &str) -> Event {
    Event::Message(Bytes::copy_from_slice(text.as_bytes()))
}

fn failed(fail: Fail) -> Vec<Event> {
    vec![Event::Failed(fail)]
}

/// P-02
#[test]
fn the_examples_of_the_rfc_are_read_as_it_says() {
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(events(&hello, 64), [message("Hello")]);
    assert_eq!(framed(0x81, b"Hello"), hello);
    let ping = [0x89, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(events(&ping, 64), [Event::Ping(Bytes::from_static(b"Hello"))]);
    let parts = [framed(0x01, b"Hel"), framed(0x80, b"lo")].concat();
    assert_eq!(events(&parts, 64), [message("Hello")]);
}

/// P-02
#[test]
fn what_can_be_no_text_any_longer_is_not_waited_for_and_a_character_may_be_split() {
    // The first two bytes of a character of three, the third in the next frame.
    let split = [framed(0x01, b"a\xE2\x82"), framed(0x00, b""), framed(0x80, b"\xACb")].concat();
    assert_eq!(events(&split, 64), [message("a\u{20AC}b")]);
    // Two messages one after the other, so that nothing of the first is left.
    assert_eq!(events(&split.repeat(2), 7), [message("a\u{20AC}b"), message("a\u{20AC}b")]);
    for parts in [
        // Wrong at once, in the next frame, and at the end of the message.
        &[framed(0x01, b"a\xFF")][..],
        &[framed(0x01, b"a\xE2\x82"), framed(0x00, b"b")],
        &[framed(0x01, b"a\xE2\x82"), framed(0x80, b"")],
        // Halves of a surrogate, and what is written longer than it needs.
        &[framed(0x01, b"\xED"), framed(0x00, b"\xA0")],
        &[framed(0x01, b"\xC0")],
    ] {
        assert_eq!(events(&parts.concat(), 64), failed(Fail::Text), "{parts:x?}");
    }
}

/// P-02
#[test]
fn every_first_byte_is_taken_or_ended_as_the_rfc_says() {
    for first in 0..=u8::MAX {
        let found = events(&framed(first, b""), 64);
        let expected = match first {
            // A whole text, or the beginning of one.
            0x81 => vec![message("")],
            0x01 | 0x8A => vec![],
            0x02 | 0x82 => failed(Fail::Binary),
            0x88 => vec![Event::Close(None)],
            0x89 => vec![Event::Ping(Bytes::new())],
            // Reserved bits and opcodes, continuations of nothing, control frames in fragments.
            _ => failed(Fail::Protocol),
        };
        assert_eq!(found, expected, "{first:#04x}");
    }
}

/// P-02
#[test]
fn inside_of_a_message_only_its_rest_and_control_frames_are_taken() {
    for first in 0..=u8::MAX {
        let found = events(&[framed(0x01, b"a"), framed(first, b""), framed(0x80, b"b")].concat(), 64);
        let expected = match first {
            0x00 => vec![message("ab")],
            0x80 => [vec![message("a")], failed(Fail::Protocol)].concat_events(),
            0x88 => vec![Event::Close(None)],
            0x89 => vec![Event::Ping(Bytes::new()), message("ab")],
            0x8A => vec![message("ab")],
            _ => failed(Fail::Protocol),
        };
        assert_eq!(found, expected, "{first:#04x}");
    }
}

trait ConcatEvents {
    fn concat_events(self) -> Vec<Event>;
}

impl ConcatEvents for [Vec<Event>; 2] {
    fn concat_events(self) -> Vec<Event> {
        self.into_iter().flatten().collect()
    }
}

/// P-02, T-64
#[test]
fn lengths_have_one_form_each_and_end_at_the_cap() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, CAP] {
        let text = "x".repeat(length);
        assert_eq!(events(&framed(0x81, text.as_bytes()), 4_096), [message(&text)], "{length}");
    }
    let head = |bytes: &[u8]| events(&[bytes, &MASK, &[b'x'; 200]].concat(), 4_096);
    for (bytes, fail) in [
        // Longer than they need to be.
        (&[0x81, 0xFE, 0, 0][..], Fail::Protocol),
        (&[0x81, 0xFE, 0, 125], Fail::Protocol),
        (&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 125], Fail::Protocol),
        (&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], Fail::Protocol),
        // The first bit of a length is 0.
        (&[0x81, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0], Fail::Protocol),
        (&[0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], Fail::Protocol),
        // Above the cap, by one and by all.
        (&[0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0x86, 0xA1], Fail::TooLarge),
        (&[0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], Fail::TooLarge),
        // Control frames of more than 125 bytes, in either form.
        (&[0x89, 0xFE, 0, 126], Fail::Protocol),
        (&[0x88, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0], Fail::Protocol),
        // Without a mask.
        (&[0x81, 0x05], Fail::Protocol),
        (&[0x81, 0x7E, 0, 126], Fail::Protocol),
        (&[0x89, 0x00], Fail::Protocol),
    ] {
        assert_eq!(head(bytes), failed(fail), "{bytes:x?}");
    }
    assert_eq!(events(&framed(0x89, &[1; 125]), 64), [Event::Ping(Bytes::from(vec![1; 125]))]);
}

/// T-64
#[test]
fn the_cap_holds_for_all_fragments_of_a_message_together() {
    let half = vec![b'x'; CAP / 2];
    let whole = [framed(0x01, &half), framed(0x00, &half), framed(0x80, b"")].concat();
    assert_eq!(events(&whole, 4_096), [message(&"x".repeat(CAP))]);
    let more = [framed(0x01, &half), framed(0x00, &half), framed(0x80, b"x")].concat();
    assert_eq!(events(&more, 4_096), failed(Fail::TooLarge));
    // A control frame in between does not count for it.
    let between = [framed(0x01, &half), framed(0x00, &half), framed(0x8A, b"xyz"), framed(0x80, b"")].concat();
    assert_eq!(events(&between, 4_096), [message(&"x".repeat(CAP))]);
}

/// P-02
#[test]
fn texts_are_utf8_and_may_be_cut_inside_of_a_character() {
    let text = "κόσμε \u{10FFFF}";
    for at in 0..=text.len() {
        let (one, other) = text.as_bytes().split_at(at);
        let parts = [framed(0x01, one), framed(0x89, b"p"), framed(0x80, other)].concat();
        assert_eq!(events(&parts, 64), [Event::Ping(Bytes::from_static(b"p")), message(text)], "{at}");
    }
    for bytes in [
        &b"\xFF"[..],
        b"\xC0\xAF",
        b"\xE0\x80\x80",
        b"\xED\xA0\x80",
        b"\xF4\x90\x80\x80",
        b"\xF8\x88\x80\x80\x80",
        b"\xCE",
        b"a\x80",
    ] {
        assert_eq!(events(&framed(0x81, bytes), 64), failed(Fail::Text), "{bytes:x?}");
        let parts = [framed(0x01, bytes), framed(0x80, b"")].concat();
        assert_eq!(events(&parts, 64), failed(Fail::Text), "{bytes:x?}");
    }
}

/// P-02
#[test]
fn closes_are_answered_with_their_code_where_it_is_one() {
    let close = |payload: &[u8]| events(&framed(0x88, payload), 64);
    for code in 0..=u16::MAX {
        let expected = match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => vec![Event::Close(Some(code))],
            _ => failed(Fail::Protocol),
        };
        // Each is read by itself; the frames around it are in the other tables.
        let found = match frame::close_code(&code.to_be_bytes()) {
            Ok(code) => vec![Event::Close(code)],
            Err(fail) => failed(fail),
        };
        assert_eq!(found, expected, "{code}");
    }
    assert_eq!(close(b"\x03\xE8bye"), [Event::Close(Some(1000))]);
    assert_eq!(close(b"\x03"), failed(Fail::Protocol));
    assert_eq!(close(b"\x03\xE8\xFF"), failed(Fail::Text));
}

/// P-02
#[test]
fn nothing_behind_a_close_or_a_failure_is_read() {
    let call = framed(0x81, b"a call");
    assert_eq!(events(&[framed(0x88, b""), call.clone()].concat(), 64), [Event::Close(None)]);
    assert_eq!(events(&[framed(0x82, b""), call.clone()].concat(), 64), failed(Fail::Binary));
    assert_eq!(events(&[b"GET /mcp HTTP/1.1\r\n\r\n".to_vec(), call].concat(), 64), failed(Fail::Protocol));
}

/// T-64
#[tokio::test]
async fn what_is_announced_reserves_nothing_and_what_is_shared_is_given_back() {
    let (mut near, far) = tokio::io::duplex(1 << 20);
    // Room for one large message of this sender.
    let bounds = bounds(12 * 4_096);
    let mut reader = FrameReader::new(far, Bytes::new(), bounds.clone(), who());
    let large = framed(0x81, &vec![b'x'; CAP]);
    for _ in 0..3 {
        near.write_all(&large).await.unwrap();
        let event = std::future::poll_fn(|cx| reader.poll_next(cx)).await;
        assert!(matches!(event, Event::Message(message) if message.len() == CAP));
    }
    // Two that are under way at once do not fit.
    near.write_all(&large[..CAP]).await.unwrap();
    assert!(futures_util::poll!(std::pin::pin!(std::future::poll_fn(|cx| reader.poll_next(cx)))).is_pending());
    let (mut other, far) = tokio::io::duplex(1 << 20);
    let mut second = FrameReader::new(far, Bytes::new(), bounds.clone(), who());
    other.write_all(&large[..CAP]).await.unwrap();
    let event = std::future::poll_fn(|cx| second.poll_next(cx)).await;
    assert_eq!(event, Event::Failed(Fail::Busy));
    drop((reader, second));
    let (mut third, far) = tokio::io::duplex(1 << 20);
    let mut reader = FrameReader::new(far, Bytes::new(), bounds, who());
    third.write_all(&large).await.unwrap();
    assert!(matches!(std::future::poll_fn(|cx| reader.poll_next(cx)).await, Event::Message(_)));
}

#[test]
fn messages_are_written_with_the_shortest_length() {
    let written = |length: usize| {
        let mut block = BytesMut::new();
        AsFrame::append(&mut block, &vec![b'x'; length]);
        block.len() - length
    };
    for (length, head) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        assert_eq!(written(length), head, "{length}");
    }
    assert_eq!(&frame::control(Control::Close, &1001_u16.to_be_bytes())[..], [0x88, 2, 0x03, 0xE9]);
}

const PACE: Pace = Pace {
    ping_after: Duration::from_secs(30),
    pong_within: Duration::from_secs(10),
    message_within: Duration::from_secs(15),
};

type Carried = Frames<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

/// A WebSocket, the other end of it, and what queues messages.
fn carried() -> (Carried, DuplexStream, mpsc::Sender<Bytes>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (input, output) = tokio::io::split(near);
    let (sink, queue) = mpsc::channel(8);
    let writer = Writer::new(output, queue, NonZeroUsize::new(8).unwrap(), Duration::from_secs(10));
    let reader = FrameReader::new(input, Bytes::new(), bounds(1 << 20), who());
    (Frames::new(reader, writer, PACE), far, sink)
}

/// What comes next, while what is to be written is written.
async fn next(frames: &mut Carried) -> Heard {
    std::future::poll_fn(|cx| {
        let _ = frames.writer().poll_write(cx);
        frames.poll_next(cx)
    })
    .await
}

/// T-64
#[tokio::test(start_paused = true)]
async fn a_dead_peer_is_asked_for_a_sign_of_life_and_cut() {
    let (mut frames, mut far, _sink) = carried();
    let began = Instant::now();
    assert!(matches!(next(&mut frames).await, Heard::End));
    assert_eq!(began.elapsed().as_secs(), 40);
    let mut asked = [0; 2];
    far.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked, [0x89, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_gives_signs_of_life_stays() {
    let (mut frames, mut far, _sink) = carried();
    let peer = async {
        for _ in 0..20 {
            let mut asked = [0; 2];
            far.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, [0x89, 0]);
            far.write_all(&framed(0x8A, b"")).await.unwrap();
        }
    };
    tokio::select! {
        _ = next(&mut frames) => panic!("it is alive"),
        () = peer => {}
    }
}

/// T-64
#[tokio::test(start_paused = true)]
async fn a_message_that_drips_is_ended_whatever_comes_between() {
    let (mut frames, mut far, _sink) = carried();
    let began = Instant::now();
    let peer = async {
        far.write_all(&framed(0x01, b"{")).await.unwrap();
        loop {
            tokio::time::advance(Duration::from_secs(1)).await;
            if far.write_all(&[framed(0x8A, b""), framed(0x00, b" ")].concat()).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let heard = async {
        let heard = next(&mut frames).await;
        let took = began.elapsed().as_secs();
        (heard, took, frames)
    };
    let (heard, took, frames) = tokio::select! {
        // The reader first: the peer moves the clock at each turn, however many it is given in between.
        biased;
        heard = heard => heard,
        () = peer => unreachable!("it goes on for ever"),
    };
    assert!(matches!(heard, Heard::End) && (15..=17).contains(&took), "{heard:?} after {took}");
    tokio::join!(frames.part(Parting::Ended), async {
        let mut all = Vec::new();
        far.shutdown().await.unwrap();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, [0x88, 2, 0x03, 0xF0]);
    });
}

/// T-64
#[tokio::test]
async fn of_many_pings_the_last_is_answered() {
    let (mut frames, mut far, sink) = carried();
    let flood: Vec<u8> = (0..1_000_u16).flat_map(|n| framed(0x89, &n.to_be_bytes())).collect();
    far.write_all(&flood).await.unwrap();
    far.write_all(&framed(0x81, b"{}")).await.unwrap();
    // Read without a chance to write.
    let heard = std::future::poll_fn(|cx| frames.poll_next(cx)).await;
    assert!(matches!(heard, Heard::Message(message) if &*message == b"{}"));
    drop(sink);
    std::future::poll_fn(|cx| frames.writer().poll_run(cx)).await.unwrap();
    drop(frames);
    let mut all = Vec::new();
    far.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, [&[0x8A, 2][..], &999_u16.to_be_bytes()].concat());
}

proptest! {
    /// P-02
    #[test]
    fn frames_are_read_alike_however_they_arrive(
        parts in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..200)), 0..8),
        piece in 1_usize..300,
        tail in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = Vec::new();
        for (is_text, payload) in parts {
            bytes.extend(framed(if is_text { 0x81 } else { 0x89 }, &payload));
        }
        bytes.extend(tail);
        prop_assert_eq!(events(&bytes, piece), events(&bytes, 1 << 16));
    }
}
