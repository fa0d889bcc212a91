//! Keys from passphrases: slow on purpose, so that guessing is slow as well.
//!
//! It owns how slow. It stores nothing, and it is not for texts that are random already, which HKDF serves better.

use std::{fmt, num::NonZeroU32};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};

use crate::{policy::Problem, redact::Secret};

/// Derives a key of 32 bytes from a passphrase.
///
/// The same passphrase, salt and choices give the same key. Blocks a processor for a tenth of a second or so: inside of
/// an async handler, in `spawn_blocking`.
///
/// ```
/// use mocopr_security::{derive::{KeyDerivation, Salt}, redact::Secret};
///
/// let passphrase = Secret::new(String::from("correct horse battery staple"));
/// let salt = Salt::generate()?;
/// let key = KeyDerivation::argon2id().derive(&passphrase, &salt)?;
/// let again = KeyDerivation::argon2id().derive(&passphrase, &Salt::from_bytes(salt.as_bytes())?)?;
/// assert_eq!(key.expose(), again.expose());
/// # Ok::<(), mocopr_security::policy::Problem>(())
/// ```
///
/// # Source
/// RFC 9106 (Argon2), RFC 8018 §5.2 (PBKDF2), and the OWASP Password Storage Cheat Sheet for how much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDerivation(Work);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Argon2id { memory_kib: u32, passes: u32 },
    Pbkdf2 { rounds: NonZeroU32 },
}

impl KeyDerivation {
    /// Argon2id with 19 MiB of memory and two passes.
    pub const fn argon2id() -> Self {
        Self(Work::Argon2id { memory_kib: LEAST_MEMORY_KIB, passes: LEAST_PASSES })
    }

    /// PBKDF2 with HMAC-SHA-256 and 600,000 rounds, where only approved functions may be used. A graphics card guesses
    /// its passphrases much faster than those of [`argon2id`](Self::argon2id).
    pub const fn pbkdf2() -> Self {
        Self(Work::Pbkdf2 { rounds: LEAST_ROUNDS })
    }

    /// More memory, in KiB, and more passes for Argon2id: at least 19,456 and 2, at most 1 GiB and 100.
    ///
    /// # Errors
    /// A problem where it is less or more, or this is PBKDF2.
    pub fn with_memory(self, memory_kib: u32, passes: u32) -> Result<Self, Problem> {
        let in_range = (LEAST_MEMORY_KIB..=MOST_MEMORY_KIB).contains(&memory_kib)
            && (LEAST_PASSES..=MOST_PASSES).contains(&passes);
        match self.0 {
            Work::Argon2id { .. } if in_range => Ok(Self(Work::Argon2id { memory_kib, passes })),
            Work::Argon2id { .. } => Err(Problem::new(
                format!("Argon2id with {memory_kib} KiB and {passes} passes"),
                "give 19456 to 1048576 KiB and 2 to 100 passes",
            )),
            Work::Pbkdf2 { .. } => Err(Problem::new("PBKDF2 uses no memory", "begin with KeyDerivation::argon2id()")),
        }
    }

    /// More rounds for PBKDF2: 600,000 to 100,000,000.
    ///
    /// # Errors
    /// A problem where it is less or more, or this is Argon2id.
    pub fn with_rounds(self, rounds: u32) -> Result<Self, Problem> {
        let in_range = NonZeroU32::new(rounds).filter(|rounds| (LEAST_ROUNDS..=MOST_ROUNDS).contains(rounds));
        match (self.0, in_range) {
            (Work::Pbkdf2 { .. }, Some(rounds)) => Ok(Self(Work::Pbkdf2 { rounds })),
            (Work::Pbkdf2 { .. }, None) => {
                Err(Problem::new(format!("PBKDF2 with {rounds} rounds"), "give 600000 to 100000000"))
            }
            (Work::Argon2id { .. }, _) => {
                Err(Problem::new("Argon2id has passes, not rounds", "begin with KeyDerivation::pbkdf2()"))
            }
        }
    }

    /// The key of a passphrase: every byte of it counts, however long it is.
    ///
    /// # Errors
    /// A problem where the passphrase is empty, or there is not enough memory.
    pub fn derive(&self, passphrase: &Secret<String>, salt: &Salt) -> Result<Secret<[u8; KEY_BYTES]>, Problem> {
        let passphrase = passphrase.expose().as_bytes();
        if passphrase.is_empty() {
            return Err(Problem::new("the passphrase is empty", "give one"));
        }
        let mut key = Secret::new([0; KEY_BYTES]);
        match self.0 {
            Work::Argon2id { memory_kib, passes } => {
                let failed = |_| Problem::new("the passphrase could not be derived from", "give it more memory");
                let params = Params::new(memory_kib, passes, LANES, Some(KEY_BYTES)).map_err(failed)?;
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(passphrase, &salt.0, key.expose_mut())
                    .map_err(failed)?;
            }
            Work::Pbkdf2 { rounds } => {
                pbkdf2::derive(PBKDF2_HMAC_SHA256, rounds, &salt.0, passphrase, key.expose_mut());
            }
        }
        Ok(key)
    }
}

impl Default for KeyDerivation {
    fn default() -> Self {
        Self::argon2id()
    }
}

/// What makes the keys of two who have the same passphrase different. No secret; kept beside what the key protects.
///
/// An example is at [`KeyDerivation`].
#[derive(Clone, PartialEq, Eq)]
pub struct Salt(Box<[u8]>);

impl Salt {
    /// 16 random bytes, a salt of its own for each passphrase.
    ///
    /// # Errors
    /// A problem where the system gives no randomness.
    pub fn generate() -> Result<Self, Problem> {
        let mut bytes = [0; SALT_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Problem::new("the system gives no randomness", "try again later"))?;
        Ok(Self(bytes.into()))
    }

    /// A salt that was generated before: 16 to 64 bytes.
    ///
    /// # Errors
    /// A problem where there are fewer or more.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problem> {
        if !(SALT_BYTES..=MOST_SALT_BYTES).contains(&bytes.len()) {
            return Err(Problem::new(
                format!("a salt of {} bytes", bytes.len()),
                "give one of 16 to 64 random bytes, as Salt::generate() makes them",
            ));
        }
        Ok(Self(bytes.into()))
    }

    /// Its bytes, to be kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Salt({} bytes)", self.0.len())
    }
}

const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const MOST_SALT_BYTES: usize = 64;

const LEAST_MEMORY_KIB: u32 = 19 * 1024;
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const LEAST_PASSES: u32 = 2;
const MOST_PASSES: u32 = 100;
const LANES: u32 = 1;

const LEAST_ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599_999);
/// Some minutes.
const MOST_ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99_999_999);

#[cfg(test)]
mod tests {
    use argon2::{AssociatedData, ParamsBuilder};

    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// S-61
    #[test]
    fn argon2id_gives_the_tag_of_rfc_9106() {
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(AssociatedData::new(&[4; 12]).unwrap())
            .output_len(32)
            .build()
            .unwrap();
        let argon = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = [0; 32];
        argon.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
        assert_eq!(hex(&tag), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
    }

    /// S-61
    #[test]
    fn pbkdf2_gives_the_keys_of_the_known_vectors() {
        let derive = |rounds: u32| {
            let mut key = [0; 32];
            let rounds = NonZeroU32::new(rounds).unwrap();
            pbkdf2::derive(PBKDF2_HMAC_SHA256, rounds, b"salt", b"password", &mut key);
            hex(&key)
        };
        assert_eq!(derive(1), "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b");
        assert_eq!(derive(4096), "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
    }

    /// S-61
    #[test]
    fn less_work_than_the_least_is_a_problem() {
        let (argon2id, pbkdf2) = (KeyDerivation::argon2id(), KeyDerivation::pbkdf2());
        assert!(pbkdf2.with_rounds(600_000).is_ok() && pbkdf2.with_rounds(599_999).is_err());
        assert!(pbkdf2.with_rounds(100_000_000).is_ok() && pbkdf2.with_rounds(100_000_001).is_err());
        assert!(argon2id.with_memory(19_456, 2).is_ok() && argon2id.with_memory(19_455, 2).is_err());
        assert!(argon2id.with_memory(19_456, 1).is_err() && argon2id.with_memory(1_048_577, 2).is_err());
        assert!(argon2id.with_rounds(600_000).is_err() && pbkdf2.with_memory(19_456, 2).is_err());
        assert_eq!(KeyDerivation::default(), argon2id);
    }

    /// S-61
    #[test]
    fn a_salt_is_random_and_has_16_bytes_at_least() {
        assert_ne!(Salt::generate().unwrap(), Salt::generate().unwrap());
        assert_eq!(Salt::generate().unwrap().as_bytes().len(), 16);
        for (bytes, holds) in [(0, false), (15, false), (16, true), (64, true), (65, false)] {
            assert_eq!(Salt::from_bytes(&vec![7; bytes]).is_ok(), holds, "{bytes}");
        }
    }

    /// S-61
    #[test]
    fn the_key_follows_from_every_byte_of_the_passphrase_and_the_salt() {
        let salt = |byte| Salt::from_bytes(&[byte; 16]).unwrap();
        let long = "x".repeat(100);
        let key = |text: &str, byte| KeyDerivation::argon2id().derive(&secret(text), &salt(byte)).unwrap();
        let first = key(&long, 1);
        assert_eq!(first.expose(), key(&long, 1).expose());
        assert_ne!(first.expose(), key(&format!("{long}y"), 1).expose());
        assert_ne!(first.expose(), key(&long, 2).expose());
        assert!(KeyDerivation::argon2id().derive(&secret(""), &salt(1)).is_err());
        assert_eq!(format!("{first:?} {:?}", salt(1)), "Secret(..) Salt(16 bytes)");
    }
}
