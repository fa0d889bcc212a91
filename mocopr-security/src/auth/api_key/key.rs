//! The text of an API key: made, read, and turned into the digest that is kept of it.
//!
//! A key is `mocopr_`, an id of 12 letters and digits, `_`, a secret of 43 and a check of 6. The id is in the clear, to
//! find what is kept; the beginning and the check let scanners of secrets tell a key from what resembles one.

use crate::{random::digest, redact::Secret, seal::SealError};

/// What every key begins with.
pub(crate) const PREFIX: &str = "mocopr_";

/// A text of the form of a key, in its parts. Nothing is known of the secret but its form.
#[derive(Clone, Copy)]
pub(super) struct Presented<'a> {
    /// Which key it says it is.
    pub(super) id: &'a str,
    secret: &'a str,
}

/// A key that was just made.
pub(super) struct Made {
    pub(super) text: Secret<String>,
    pub(super) id: Box<str>,
    pub(super) digest: [u8; 32],
}

impl<'a> Presented<'a> {
    /// The parts of a key; `None` for what is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let (id, rest) = rest.split_at_checked(ID_CHARS)?;
        let (secret, check) = rest.strip_prefix('_')?.split_at_checked(SECRET_CHARS)?;
        let is_key = is_id(id) && is_in_alphabet(secret) && check.as_bytes() == check_of(id, secret);
        is_key.then_some(Self { id, secret })
    }

    /// What is kept of a key in the place of its secret.
    ///
    /// One round of SHA-256: the secret has 256 random bits, so there is nothing to guess that rounds could make slow.
    pub(super) fn digest(self) -> [u8; 32] {
        digest(&[b"mocopr api key", self.id.as_bytes(), self.secret.as_bytes()])
    }
}

/// Makes a key of 256 random bits.
pub(super) fn make() -> Result<Made, SealError> {
    let mut text = Secret::new(String::with_capacity(KEY_CHARS));
    let mut id = String::with_capacity(ID_CHARS);
    push_random(&mut id, ID_CHARS)?;
    let mut secret = Secret::new(String::with_capacity(SECRET_CHARS));
    push_random(secret.expose_mut(), SECRET_CHARS)?;
    let check = check_of(&id, secret.expose()).map(char::from);
    for part in [PREFIX, &id, "_", secret.expose()] {
        text.expose_mut().push_str(part);
    }
    text.expose_mut().extend(check);
    let digest = Presented { id: &id, secret: secret.expose() }.digest();
    Ok(Made { text, id: id.into(), digest })
}

/// Whether a text has the form of a key's id.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == ID_CHARS && is_in_alphabet(text)
}

fn is_in_alphabet(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Adds characters of which each is as likely as any other.
fn push_random(text: &mut String, chars: usize) -> Result<(), SealError> {
    let mut left = chars;
    while left > 0 {
        let mut bytes = Secret::new([0; SECRET_CHARS]);
        getrandom::fill(bytes.expose_mut())?;
        // What the largest multiple of 62 leaves over would make the first characters likelier.
        let even = bytes.expose().iter().filter(|byte| **byte < EVEN).take(left);
        for byte in even {
            text.extend(ALPHABET.get(usize::from(byte % BASE)).copied().map(char::from));
            left -= 1;
        }
    }
    Ok(())
}

/// Six characters that a mistyped key does not have. They say nothing that the key does not say.
fn check_of(id: &str, secret: &str) -> [u8; CHECK_CHARS] {
    let digest = digest(&[b"mocopr api key check", id.as_bytes(), secret.as_bytes()]);
    let mut number = digest.first_chunk().copied().map_or(0, u32::from_be_bytes);
    [(); CHECK_CHARS].map(|()| {
        let digit = number % u32::from(BASE);
        number /= u32::from(BASE);
        usize::try_from(digit).ok().and_then(|digit| ALPHABET.get(digit)).copied().unwrap_or_default()
    })
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE: u8 = 62;
const EVEN: u8 = BASE * 4;

const ID_CHARS: usize = 12;
/// As many as have 256 bits: 43 × log₂ 62 = 256.03.
const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
const KEY_CHARS: usize = PREFIX.len() + ID_CHARS + 1 + SECRET_CHARS + CHECK_CHARS;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    /// S-35
    #[test]
    fn a_key_reads_back_and_no_two_are_alike() {
        let (mut texts, mut ids) = (HashSet::new(), HashSet::new());
        for _ in 0..2_000 {
            let made = make().unwrap();
            let presented = Presented::parse(made.text.expose()).unwrap();
            assert_eq!((presented.id, presented.digest()), (&*made.id, made.digest));
            assert_eq!(made.text.expose().len(), KEY_CHARS);
            texts.insert(presented.secret.to_owned());
            ids.insert(made.id);
        }
        assert_eq!((texts.len(), ids.len()), (2_000, 2_000));
    }

    #[test]
    fn every_character_of_the_alphabet_occurs_about_as_often() {
        let mut text = String::new();
        push_random(&mut text, 62_000).unwrap();
        let seen: BTreeSet<u8> = text.bytes().collect();
        assert_eq!(seen, ALPHABET.iter().copied().collect());
        // Each is expected 1,000 times, with a standard deviation of 31.4; with bytes taken modulo 62 eight of them
        // would come 1,211 times.
        for byte in seen {
            let count = text.bytes().filter(|other| *other == byte).count();
            assert!((800..1_200).contains(&count), "{}: {count}", char::from(byte));
        }
    }

    #[test]
    fn any_other_character_at_any_place_is_no_key() {
        let made = make().unwrap();
        let text = made.text.expose();
        for place in 0..text.len() {
            for other in 0..=127 {
                let mut changed = text.as_bytes().to_vec();
                if changed[place] == other {
                    continue;
                }
                changed[place] = other;
                assert!(Presented::parse(&String::from_utf8(changed).unwrap()).is_none(), "{place} {other}");
            }
        }
    }

    #[test]
    fn shorter_longer_and_foreign_texts_are_no_keys() {
        let made = make().unwrap();
        let text = made.text.expose();
        for end in 0..text.len() {
            assert!(Presented::parse(&text[..end]).is_none(), "{end}");
        }
        for other in ["", "mocopr_", "é", "mocopr_ééééééééé", &format!("{text}0"), &format!(" {text}"), &"é".repeat(69)]
        {
            assert!(Presented::parse(other).is_none(), "{other}");
        }
    }
}
