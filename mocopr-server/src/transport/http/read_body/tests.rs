//! Bodies at their bounds.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use http::HeaderValue;
use http_body::{Frame, SizeHint};

use super::*;

/// A body of given pieces; `None` stands for a peer that sends nothing more.
struct Pieces {
    pieces: VecDeque<Option<Result<Frame<Bytes>, ()>>>,
    declared: Option<u64>,
}

impl Pieces {
    fn of(pieces: &[&'static str]) -> Self {
        let pieces = pieces.iter().map(|piece| Some(Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))).collect();
        Self { pieces, declared: None }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = ();

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
        match self.pieces.front() {
            Some(None) => Poll::Pending,
            _ => Poll::Ready(self.pieces.pop_front().flatten()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.declared.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

const LONG: Duration = Duration::from_secs(30);

async fn read(body: Pieces, cap: usize) -> Result<Bytes, BodyFault> {
    read_body(&HeaderMap::new(), body, &alice(), &bounds(cap)).await
}

fn bounds(cap: usize) -> BodyBounds {
    BodyBounds::new(cap, LONG, 64 * 1024)
}

/// A body of as many pieces of 50 KiB, which goes on or ends.
fn large(pieces: usize, end: Option<Option<Result<Frame<Bytes>, ()>>>) -> Pieces {
    let piece = || Some(Ok(Frame::data(Bytes::from(vec![b'x'; 50 * 1024]))));
    Pieces { pieces: (0..pieces).map(|_| piece()).chain(end).collect(), declared: None }
}

fn alice() -> Principal {
    Principal::named("alice")
}

#[tokio::test]
async fn large_bodies_share_their_room_and_give_it_back() {
    let bounds = BodyBounds::new(1 << 20, LONG, 64 * 1024);
    let headers = HeaderMap::new();
    let [alice, bob] = ["alice", "bob"].map(Principal::named);
    let mut slow = Box::pin(read_body(&headers, large(2, Some(None)), &alice, &bounds));
    assert!(futures_util::poll!(&mut slow).is_pending());
    assert_eq!(read_body(&headers, large(2, None), &bob, &bounds).await, Err(BodyFault::Busy));
    assert_eq!(read_body(&headers, Pieces::of(&["small"]), &bob, &bounds).await.unwrap(), "small");
    drop(slow);
    assert_eq!(read_body(&headers, large(2, None), &bob, &bounds).await.unwrap().len(), 100 * 1024);
    assert!(bounds.taken.lock().unwrap().is_empty());
}

/// S-71
#[tokio::test]
async fn one_sender_has_a_part_of_the_room_and_others_have_the_rest() {
    let bounds = BodyBounds::new(200 * 1024, LONG, 1 << 20);
    let headers = HeaderMap::new();
    let [alice, bob] = ["alice", "bob"].map(Principal::named);
    let mut held = Vec::new();
    let refused = loop {
        let mut slow = Box::pin(read_body(&headers, large(3, Some(None)), &alice, &bounds));
        match futures_util::poll!(&mut slow) {
            Poll::Pending => held.push(slow),
            Poll::Ready(refused) => break refused,
        }
    };
    assert_eq!((refused, held.len()), (Err(BodyFault::Busy), 2), "a quarter of 1 MiB has two of 86 KiB");
    assert_eq!(read_body(&headers, large(3, None), &bob, &bounds).await.unwrap().len(), 150 * 1024);
    held.pop();
    assert_eq!(read_body(&headers, large(3, None), &alice, &bounds).await.unwrap().len(), 150 * 1024);
    drop(held);
    assert!(bounds.taken.lock().unwrap().is_empty());
}

/// S-71
#[tokio::test]
async fn room_is_made_as_bytes_come_and_not_as_they_are_announced() {
    let bounds = BodyBounds::new(4 << 20, LONG, 64 << 20);
    let (headers, alice) = (HeaderMap::new(), alice());
    let slow = Pieces { declared: Some(4 << 20), ..large(3, Some(None)) };
    let mut slow = Box::pin(read_body(&headers, slow, &alice, &bounds));
    assert!(futures_util::poll!(&mut slow).is_pending());
    let reserved = bounds.taken.lock().unwrap().get(&alice).copied().unwrap() * UNIT;
    assert!((86 * 1024..=256 * 1024).contains(&reserved), "{reserved} for 150 KiB that came");
}

#[tokio::test]
async fn one_piece_is_returned_without_a_copy() {
    let piece = Bytes::from(vec![b'x'; 100]);
    let body = Pieces { pieces: [Some(Ok(Frame::data(piece.clone())))].into(), declared: None };
    assert_eq!(read(body, 100).await.unwrap().as_ptr(), piece.as_ptr());
}

#[tokio::test]
async fn pieces_are_joined_in_order_and_trailers_dropped() {
    let mut body = Pieces::of(&["ab", "", "cd", "e"]);
    body.pieces.push_back(Some(Ok(Frame::trailers(HeaderMap::new()))));
    assert_eq!(read(body, 5).await.unwrap(), "abcde");
}

#[tokio::test]
async fn body_at_the_cap_passes_and_one_above_does_not() {
    assert_eq!(read(Pieces::of(&["abc", "de"]), 5).await.unwrap(), "abcde");
    assert_eq!(read(Pieces::of(&["abc", "def"]), 5).await, Err(BodyFault::TooLarge));
    assert_eq!(read(Pieces::of(&["abcdef"]), 5).await, Err(BodyFault::TooLarge));
}

#[tokio::test]
async fn declared_length_above_the_cap_is_refused_unread() {
    let body = Pieces { pieces: [None].into(), declared: Some(6) };
    assert_eq!(read(body, 5).await, Err(BodyFault::TooLarge));
}

#[tokio::test]
async fn huge_declaration_reserves_little() {
    let mut body = Pieces::of(&["ab", "cd"]);
    body.declared = Some(1 << 40);
    let read = collect(body, &alice(), &BodyBounds::new(usize::MAX, LONG, usize::MAX)).await.unwrap();
    assert!(BytesMut::from(read).capacity() <= MAX_AHEAD);
}

#[tokio::test(start_paused = true)]
async fn body_that_stops_half_way_times_out() {
    let mut body = Pieces::of(&["ab"]);
    body.pieces.push_back(None);
    assert_eq!(read(body, 5).await, Err(BodyFault::Timeout));
}

#[tokio::test]
async fn broken_body_is_gone() {
    let mut body = Pieces::of(&["ab"]);
    body.pieces.push_back(Some(Err(())));
    assert_eq!(read(body, 5).await, Err(BodyFault::Gone));
}

#[tokio::test]
async fn any_coding_but_identity_is_unsupported() {
    for (coding, passes) in [
        ("identity", true),
        ("Identity , identity", true),
        ("gzip", false),
        ("identity, gzip", false),
        ("x-identity", false),
        ("", false),
    ] {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(coding))]);
        let outcome = read_body(&headers, Pieces::of(&["ab"]), &alice(), &bounds(5)).await;
        assert_eq!(outcome.is_ok(), passes, "{coding:?}");
    }
    let mut headers = HeaderMap::new();
    headers.append(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    headers.append(CONTENT_ENCODING, HeaderValue::from_static("br"));
    assert_eq!(read_body(&headers, Pieces::of(&["ab"]), &alice(), &bounds(5)).await, Err(BodyFault::Unsupported));
}

#[tokio::test]
async fn any_transfer_coding_but_one_chunked_is_refused() {
    for (codings, passes) in [
        (&["chunked"][..], true),
        (&["Chunked"], true),
        (&["gzip, chunked"], false),
        (&["chunked, chunked"], false),
        (&["chunked", "chunked"], false),
        (&["gzip", "chunked"], false),
        (&["identity"], false),
        (&[""], false),
    ] {
        let mut headers = HeaderMap::new();
        for coding in codings {
            headers.append(TRANSFER_ENCODING, HeaderValue::from_static(coding));
        }
        let outcome = read_body(&headers, Pieces::of(&["ab"]), &alice(), &bounds(5)).await;
        let expected = if passes { Ok(Bytes::from_static(b"ab")) } else { Err(BodyFault::Framing) };
        assert_eq!(outcome, expected, "{codings:?}");
    }
}
