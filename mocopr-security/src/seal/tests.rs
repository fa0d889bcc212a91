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
    let (most, more) = (vec![7; 48 * 1024], vec![7; 48 * 1024 + 1]);
    let text = ring.seal(Purpose::Handle, BIND, &most).unwrap();
    assert_eq!(text.len().next_multiple_of(4), MAX_TEXT_CHARS);
    assert_eq!(ring.open(Purpose::Handle, BIND, &text).as_ref(), Ok(&most));
    assert_eq!(ring.seal(Purpose::Handle, BIND, &more), Err(SealError::TooLarge));
    assert_eq!(ring.seal(Purpose::Handle, &[&more], b""), Err(SealError::TooLarge));
    assert_eq!(ring.open(Purpose::Handle, &[&more], &text), Err(SealError::Open));
    assert_eq!(ring.open(Purpose::Handle, BIND, &"A".repeat(MAX_TEXT_CHARS + 1)), Err(SealError::Open));
}

#[test]
fn what_a_text_is_bound_to_has_48_kib_with_four_bytes_a_part_and_no_more() {
    let ring = ring(1);
    let part = vec![7; 24 * 1024 - 4];
    let text = ring.seal(Purpose::Handle, &[&part, &part], b"x").unwrap();
    assert!(ring.open(Purpose::Handle, &[&part, &part], &text).is_ok());
    assert_eq!(ring.seal(Purpose::Handle, &[&part, &part, b""], b"x"), Err(SealError::TooLarge));
}

const DAY: Duration = Duration::from_secs(86_400);
const NOW: Duration = Duration::from_secs(1_800_000_000);
const TICK: Duration = Duration::from_millis(1);

/// A text of this ring that does not expire by itself.
fn lasting(ring: &KeyRing) -> impl Fn() -> bool {
    let text = ring.seal(Purpose::Event, BIND, b"7").unwrap();
    move || ring.open(Purpose::Event, BIND, &text).is_ok()
}

/// S-59
#[test]
fn a_key_that_is_gone_opens_for_a_day_and_to_the_millisecond_as_long_as_what_it_sealed() {
    for (expires, gone) in [(Duration::ZERO, NOW + DAY), (NOW + DAY / 2, NOW + DAY), (NOW + DAY * 2, NOW + DAY * 2)] {
        let ring = ring(1);
        let opens = lasting(&ring);
        ring.seal_until(Purpose::Handle, BIND, b"7", expires).unwrap();
        assert!(ring.renew(self::ring(2), NOW));
        ring.forget(gone - TICK);
        assert!(opens(), "{expires:?}");
        ring.forget(gone);
        assert!(!opens(), "{expires:?}");
    }
}

/// S-59
#[test]
fn a_key_that_is_given_again_is_neither_gone_nor_forgets_when_the_last_of_it_expires() {
    let ring = ring(1);
    let opens = lasting(&ring);
    ring.seal_until(Purpose::Handle, BIND, b"7", NOW + DAY * 3).unwrap();
    assert!(!ring.renew(self::ring(1), NOW), "these are the keys that it has");
    assert!(ring.renew(self::ring(2), NOW) && ring.renew(self::ring(1), NOW));
    assert!(ring.renew(self::ring(3), NOW));
    ring.forget(NOW + DAY * 3 - TICK);
    assert!(opens());
    ring.forget(NOW + DAY * 3);
    assert!(!opens());
}

/// S-59
#[test]
fn a_key_that_is_gone_for_a_day_goes_when_another_one_does() {
    let ring = ring(1);
    let opens = lasting(&ring);
    assert!(ring.renew(self::ring(2), NOW) && opens());
    assert!(ring.renew(self::ring(3), NOW + DAY));
    assert!(!opens());
}

/// P-70
#[test]
fn what_is_derived_follows_from_the_key_that_seals_and_from_the_use() {
    let derived = |ring: &KeyRing, usage: &[u8]| ring.derive(usage).unwrap();
    let one = derived(&ring(1), b"nonces");
    assert_eq!(derived(&KeyRing::new(key(1), vec![key(2)]), b"nonces"), one);
    for other in [derived(&ring(1), b"states"), derived(&ring(2), b"nonces"), [0; KEY_BYTES], [1; KEY_BYTES]] {
        assert_ne!(other, one);
    }
}

/// S-91
#[test]
fn each_key_of_a_ring_authenticates_for_one_purpose_in_the_order_of_the_ring() {
    let keys = KeyRing::new(key(2), vec![key(1)]).authenticating(b"audit").unwrap();
    assert_eq!(keys.len(), 2);
    let [earlier] = &ring(1).authenticating(b"audit").unwrap()[..] else { panic!("one key") };
    let tag = hmac::sign(earlier, b"record");
    assert!(hmac::verify(&keys[1], b"record", tag.as_ref()).is_ok());
    assert!(hmac::verify(&keys[0], b"record", tag.as_ref()).is_err());
    let other = &ring(1).authenticating(b"backup").unwrap()[0];
    assert!(hmac::verify(other, b"record", tag.as_ref()).is_err());
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
