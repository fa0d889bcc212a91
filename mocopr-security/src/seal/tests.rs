//! A sealed text opens for what it was sealed for, and for nothing else.

use super::*;

const BIND: &[&[u8]] = &[b"alice", b"tools/call"];

fn key(byte: u8) -> SealKey {
    SealKey::new(&Secret::new([byte; KEY_BYTES])).unwrap()
}

fn ring(byte: u8) -> KeyRing {
    KeyRing::new(key(byte), Vec::new())
}

#[test]
fn what_was_sealed_opens() {
    let ring = KeyRing::generate().unwrap();
    for payload in [&b""[..], b"x", b"page 2", &[0; 1_000]] {
        let text = ring.seal(Purpose::Cursor, BIND, payload).unwrap();
        assert_eq!(ring.open(Purpose::Cursor, BIND, &text), Ok(payload.to_vec()));
    }
}

#[test]
fn same_payload_never_gives_the_same_text() {
    let ring = ring(1);
    let texts: std::collections::HashSet<_> =
        (0..1_000).map(|_| ring.seal(Purpose::Event, BIND, b"7").unwrap()).collect();
    assert_eq!(texts.len(), 1_000);
}

#[test]
fn text_hides_the_payload_and_is_url_safe() {
    let text = ring(1).seal(Purpose::Handle, BIND, b"AAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    assert!(!text.contains("QUFBQUFB"));
}

#[test]
fn any_other_character_at_any_place_is_refused() {
    let ring = ring(1);
    let text = ring.seal(Purpose::RequestState, BIND, b"state of the call").unwrap();
    for place in 0..text.len() {
        for other in (b' '..=b'~').chain([b'\n', 0]) {
            let mut changed = text.as_bytes().to_vec();
            if changed[place] == other {
                continue;
            }
            changed[place] = other;
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(ring.open(Purpose::RequestState, BIND, &changed), Err(SealError::Open), "{place} {other}");
        }
    }
}

#[test]
fn shorter_and_longer_texts_are_refused() {
    let ring = ring(1);
    let text = ring.seal(Purpose::Cursor, BIND, b"100").unwrap();
    for end in 0..text.len() {
        assert_eq!(ring.open(Purpose::Cursor, BIND, &text[..end]), Err(SealError::Open));
    }
    for tail in ["A", "AA", "AAA", "AAAA", "=", "==", "\n", " "] {
        assert_eq!(ring.open(Purpose::Cursor, BIND, &format!("{text}{tail}")), Err(SealError::Open));
        assert_eq!(ring.open(Purpose::Cursor, BIND, &format!("{tail}{text}")), Err(SealError::Open));
    }
}

#[test]
fn set_trailing_bits_are_refused() {
    let ring = ring(1);
    // 49 + 3 = 52 bytes leave one byte over, so the last character carries four bits that mean nothing.
    let text = ring.seal(Purpose::Cursor, BIND, b"100").unwrap();
    assert_eq!(text.len() % 4, 2);
    let (head, last) = text.split_at(text.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).unwrap();
    let twin = alphabet.as_bytes()[value | 1] as char;
    assert_eq!(ring.open(Purpose::Cursor, BIND, &format!("{head}{twin}")), Err(SealError::Open));
}

#[test]
fn another_purpose_does_not_open() {
    let ring = ring(1);
    let all = [Purpose::Cursor, Purpose::RequestState, Purpose::Event, Purpose::Handle];
    for made in all {
        let text = ring.seal(made, BIND, b"x").unwrap();
        for asked in all {
            assert_eq!(ring.open(asked, BIND, &text).is_ok(), made == asked);
        }
    }
}

#[test]
fn anything_else_bound_does_not_open() {
    let ring = ring(1);
    let text = ring.seal(Purpose::Cursor, &[b"ab", b"c"], b"x").unwrap();
    let others: [&[&[u8]]; 7] =
        [&[b"a", b"bc"], &[b"abc"], &[b"ab", b"c", b""], &[b"", b"ab", b"c"], &[b"c", b"ab"], &[b"ab"], &[]];
    for other in others {
        assert_eq!(ring.open(Purpose::Cursor, other, &text), Err(SealError::Open));
    }
    assert!(ring.open(Purpose::Cursor, &[b"ab", b"c"], &text).is_ok());
}

#[test]
fn another_key_does_not_open() {
    let text = ring(1).seal(Purpose::Cursor, BIND, b"x").unwrap();
    assert_eq!(ring(2).open(Purpose::Cursor, BIND, &text), Err(SealError::Open));
    assert_eq!(KeyRing::generate().unwrap().open(Purpose::Cursor, BIND, &text), Err(SealError::Open));
}

#[test]
fn previous_key_opens_and_no_longer_seals() {
    let old = ring(1).seal(Purpose::Cursor, BIND, b"x").unwrap();
    let rotated = KeyRing::new(key(2), vec![key(3), key(1)]);
    assert_eq!(rotated.open(Purpose::Cursor, BIND, &old), Ok(b"x".to_vec()));
    let new = rotated.seal(Purpose::Cursor, BIND, b"x").unwrap();
    assert_eq!(ring(1).open(Purpose::Cursor, BIND, &new), Err(SealError::Open));
    assert!(ring(2).open(Purpose::Cursor, BIND, &new).is_ok());
}

#[test]
fn expiring_text_opens_until_the_millisecond_of_its_expiry() {
    let ring = ring(1);
    let expires = Duration::from_secs(1_800_000_000);
    let text = ring.seal_until(Purpose::RequestState, BIND, b"state", expires).unwrap();
    let at = |now| ring.open_at(Purpose::RequestState, BIND, &text, now);
    assert_eq!(at(Duration::ZERO), Ok(b"state".to_vec()));
    assert_eq!(at(expires - Duration::from_millis(1)), Ok(b"state".to_vec()));
    assert_eq!(at(expires), Err(SealError::Open));
    assert_eq!(at(expires + Duration::from_secs(1)), Err(SealError::Open));
}

#[test]
fn expiring_and_lasting_texts_do_not_open_as_each_other() {
    let ring = ring(1);
    let expiring = ring.seal_until(Purpose::Cursor, BIND, b"state", Duration::from_secs(9)).unwrap();
    assert_eq!(ring.open(Purpose::Cursor, BIND, &expiring), Err(SealError::Open));
    let lasting = ring.seal(Purpose::Cursor, BIND, &[0xff; 16]).unwrap();
    assert_eq!(ring.open_at(Purpose::Cursor, BIND, &lasting, Duration::ZERO), Err(SealError::Open));
}

#[test]
fn payload_of_48_kib_is_sealed_and_one_more_byte_is_not() {
    let ring = ring(1);
    let most = vec![7; MAX_PAYLOAD_BYTES];
    let text = ring.seal(Purpose::Handle, BIND, &most).unwrap();
    assert!(text.len() <= MAX_TEXT_CHARS);
    assert_eq!(ring.open(Purpose::Handle, BIND, &text).as_ref(), Ok(&most));
    assert_eq!(ring.seal(Purpose::Handle, BIND, &vec![7; MAX_PAYLOAD_BYTES + 1]), Err(SealError::TooLarge));
    assert_eq!(ring.seal(Purpose::Handle, &[&vec![7; MAX_PAYLOAD_BYTES + 1]], b""), Err(SealError::TooLarge));
    assert_eq!(ring.open(Purpose::Handle, &[&vec![7; MAX_PAYLOAD_BYTES + 1]], &text), Err(SealError::Open));
    assert_eq!(ring.open(Purpose::Handle, BIND, &"A".repeat(MAX_TEXT_CHARS + 1)), Err(SealError::Open));
}

#[test]
fn keys_are_not_printed() {
    let printed = format!("{:?}", KeyRing::new(key(0x41), vec![key(0x42)]));
    assert!(!printed.contains("4141") && !printed.contains("AAAA") && !printed.contains("65, 65"), "{printed}");
}

#[test]
fn errors_are_said_without_detail() {
    assert_eq!(SealError::Open.to_string(), "the sealed text does not open");
}
