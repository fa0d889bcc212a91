//! Keys from outside of the process, so that what one replica seals another opens, also after a restart.

use std::collections::HashSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use super::{KEY_BYTES, KeyRing, SealKey};
use crate::{policy::Problem, redact::Secret};

impl KeyRing {
    /// The ring of the keys that a secret holds: 32 random bytes in base64, as `openssl rand -base64 32` prints them,
    /// or up to eight such keys with commas between them. The first seals, and all of them open.
    ///
    /// To change the key of several replicas: first add the new one behind the old one everywhere, then put it in front
    /// everywhere, and drop the old one when all that it sealed has expired.
    ///
    /// ```
    /// use mocopr_security::{redact::Secret, seal::{KeyRing, Purpose}};
    ///
    /// let secret = |text: &str| Secret::new(String::from(text));
    /// let old = "2b0qTnNYu0PZJqUtyPCXFQcYkJL9yoNcXoVkqTCuAsU=";
    /// let both = format!("Lyg9bYzrvqQ7Bn5H0nIKhP8XrpKGZ1kDVpEh1RHvDcE=,{old}");
    /// let sealed = KeyRing::from_secret(&secret(old))?.seal(Purpose::Cursor, &[b"alice"], b"100").unwrap();
    /// assert_eq!(KeyRing::from_secret(&secret(&both))?.open(Purpose::Cursor, &[b"alice"], &sealed).unwrap(), b"100");
    /// # Ok::<(), mocopr_security::policy::Problem>(())
    /// ```
    ///
    /// # Errors
    /// A problem, which says nothing of the keys, where one is not 32 bytes in base64, repeats too few bytes to be
    /// random, or comes twice, or where there are more than eight.
    pub fn from_secret(keys: &Secret<String>) -> Result<Self, Problem> {
        let mut ring = Vec::new();
        let mut seen = HashSet::new();
        for (place, text) in keys.expose().split(',').enumerate() {
            let wrong = |what: &str| Problem::new(format!("state key {} {what}", place + 1), MEND);
            if place >= MOST_KEYS {
                return Err(Problem::new(
                    "there are more than eight state keys",
                    "drop those that sealed nothing of late",
                ));
            }
            let key = decode(text.trim()).ok_or_else(|| wrong("is not 32 bytes in base64"))?;
            if distinct_bytes(&key) < FEWEST_DISTINCT {
                return Err(wrong("is not random"));
            }
            let key = SealKey::new(&key).map_err(|_| wrong("cannot be used by the cryptographic library"))?;
            if !seen.insert(key.id) {
                return Err(wrong("comes twice"));
            }
            ring.push(key);
        }
        // A text has at least one part, so there is a first key.
        let mut ring = ring.into_iter();
        let primary = ring.next().ok_or_else(|| Problem::new("there is no state key", MEND))?;
        Ok(Self::new(primary, ring.collect()))
    }
}

fn decode(text: &str) -> Option<Secret<[u8; KEY_BYTES]>> {
    let url_safe = text.contains(['-', '_']);
    let engine = if url_safe { &URL_SAFE_NO_PAD } else { &STANDARD_NO_PAD };
    let bytes = Secret::new(engine.decode(text.strip_suffix('=').unwrap_or(text)).ok()?);
    bytes.expose().as_slice().try_into().ok().map(Secret::new)
}

fn distinct_bytes(key: &Secret<[u8; KEY_BYTES]>) -> usize {
    let mut seen = [false; 256];
    for byte in key.expose() {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count()
}

const MEND: &str = "make one with `openssl rand -base64 32`";
const MOST_KEYS: usize = 8;
/// Of 32 random bytes fewer than 16 are different with a chance below 2⁻⁵⁰; of placeholders they almost always are.
const FEWEST_DISTINCT: usize = 16;

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::seal::Purpose;

    const BIND: &[&[u8]] = &[b"alice"];

    /// A key whose bytes begin with this one and then grow.
    fn key(first: u8) -> String {
        let bytes: Vec<u8> = (0..32).map(|place: u8| first.wrapping_add(place)).collect();
        STANDARD.encode(bytes)
    }

    fn ring(text: &str) -> Result<KeyRing, Problem> {
        KeyRing::from_secret(&Secret::new(text.to_owned()))
    }

    /// P-70
    #[test]
    fn replicas_of_one_secret_open_what_the_other_sealed_and_strangers_do_not() {
        let sealed = ring(&key(1)).unwrap().seal(Purpose::Handle, BIND, b"7").unwrap();
        assert_eq!(ring(&key(1)).unwrap().open(Purpose::Handle, BIND, &sealed), Ok(b"7".to_vec()));
        assert!(ring(&key(2)).unwrap().open(Purpose::Handle, BIND, &sealed).is_err());
    }

    #[test]
    fn the_first_key_seals_and_all_of_them_open() {
        let (old, both, new) =
            (ring(&key(1)).unwrap(), ring(&format!("{}, {}", key(2), key(1))).unwrap(), ring(&key(2)).unwrap());
        let by_old = old.seal(Purpose::Cursor, BIND, b"1").unwrap();
        let by_both = both.seal(Purpose::Cursor, BIND, b"2").unwrap();
        assert!(both.open(Purpose::Cursor, BIND, &by_old).is_ok());
        assert!(new.open(Purpose::Cursor, BIND, &by_both).is_ok());
        assert!(old.open(Purpose::Cursor, BIND, &by_both).is_err());
    }

    #[test]
    fn every_spelling_of_base64_is_the_same_key() {
        let padded = key(0xDE);
        let sealed = ring(&padded).unwrap().seal(Purpose::Cursor, BIND, b"1").unwrap();
        assert!(padded.contains(['+', '/']));
        let url_safe = padded.replace('+', "-").replace('/', "_");
        for text in [padded.trim_end_matches('='), &url_safe, url_safe.trim_end_matches('='), &format!(" {padded}\n")] {
            assert!(ring(text).unwrap().open(Purpose::Cursor, BIND, &sealed).is_ok(), "{text}");
        }
    }

    /// S-05
    #[test]
    fn a_key_of_sixteen_different_bytes_may_be_random_and_one_of_fifteen_is_not() {
        let key = |different: u8| STANDARD.encode((0..32).map(|place: u8| place % different).collect::<Vec<_>>());
        assert!(ring(&key(16)).is_ok());
        assert_eq!(ring(&key(15)).unwrap_err().what(), "state key 1 is not random");
    }

    /// S-05, P-16
    #[test]
    fn what_is_no_random_key_is_refused_and_never_repeated() {
        let zeros = "A".repeat(43);
        let many = (0..9).map(key).collect::<Vec<_>>().join(",");
        for text in ["", ",", "canary", &zeros, &format!("{},", key(1)), &format!("{},canary", key(1)), &key(1)[..40]] {
            let problem = ring(text).unwrap_err();
            assert!(problem.to_string().starts_with("state key "), "{problem}");
            assert!(!problem.to_string().contains("canary") && !problem.to_string().contains(&zeros), "{problem}");
        }
        assert_eq!(ring(&format!("{0},{0}", key(1))).unwrap_err().what(), "state key 2 comes twice");
        assert_eq!(ring(&many).unwrap_err().what(), "there are more than eight state keys");
        assert!(ring(&many[..many.rfind(',').unwrap()]).is_ok());
    }
}
