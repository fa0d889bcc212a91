//! Nonces of this server: the time at which one was made, authenticated, so that none has to be remembered.

use std::{fmt, time::Duration};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::seal::{KeyRing, SealError};

/// Makes nonces and knows them again, here and at every replica with the same state key.
pub(super) struct Nonces(Key);

impl Nonces {
    pub(super) fn new(ring: &KeyRing) -> Result<Self, SealError> {
        Ok(Self(Key::new(HMAC_SHA256, &ring.derive(b"dpop nonce")?)))
    }

    /// A nonce of that time: visible ASCII, 54 characters.
    pub(super) fn new_at(&self, now: Duration) -> Box<str> {
        let made = now.as_secs().to_be_bytes();
        URL_SAFE_NO_PAD.encode([&made, sign(&self.0, &made).as_ref()].concat()).into()
    }

    /// It was made here, and in the last five minutes.
    pub(super) fn is_fresh(&self, nonce: &str, now: Duration) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((made, tag)) = bytes.split_first_chunk() else { return false };
        if verify(&self.0, made, tag).is_err() {
            return false;
        }
        let (made, now) = (u64::from_be_bytes(*made), now.as_secs());
        made <= now.saturating_add(SKEW) && now < made.saturating_add(LIFE)
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces(..)")
    }
}

/// How long a nonce is good, in seconds: a client asks for a new one as often.
const LIFE: u64 = 300;
/// How far the clock of a replica may be ahead, in seconds.
const SKEW: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_five_minutes_at_whoever_has_the_same_key() {
        let ring = KeyRing::generate().unwrap();
        let (nonces, replica) = (Nonces::new(&ring).unwrap(), Nonces::new(&ring).unwrap());
        let at = Duration::from_secs(1_000_000);
        let nonce = nonces.new_at(at);
        assert!(nonce.len() == 54 && nonce.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(replica.is_fresh(&nonce, at) && replica.is_fresh(&nonce, at + Duration::from_secs(299)));
        assert!(!replica.is_fresh(&nonce, at + Duration::from_secs(300)));
        assert!(replica.is_fresh(&nonce, at - Duration::from_secs(60)));
        assert!(!replica.is_fresh(&nonce, at - Duration::from_secs(61)));
        let other = Nonces::new(&KeyRing::generate().unwrap()).unwrap();
        assert!(!other.is_fresh(&nonce, at));
    }

    #[test]
    fn a_nonce_that_was_changed_anywhere_is_none() {
        let nonces = Nonces::new(&KeyRing::generate().unwrap()).unwrap();
        let at = Duration::from_secs(1_000_000);
        let bytes = URL_SAFE_NO_PAD.decode(&*nonces.new_at(at)).unwrap();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(!nonces.is_fresh(&URL_SAFE_NO_PAD.encode(changed), at), "{place}");
        }
        for text in ["", "AAAA", "AAAAAAAAAAA", &format!("{}A", nonces.new_at(at)), &format!(" {}", nonces.new_at(at))]
        {
            assert!(!nonces.is_fresh(text, at), "{text}");
        }
    }
}
