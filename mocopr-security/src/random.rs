//! Digests and random names.

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::seal::SealError;

/// SHA-256 of length-prefixed parts, so that no two lists of parts have the same digest.
pub fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    for (byte, digested) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *byte = *digested;
    }
    bytes
}

/// So many random bytes.
///
/// # Errors
/// [`SealError::Unavailable`] when the system gives no randomness.
pub fn bytes<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| SealError::Unavailable)?;
    Ok(bytes)
}

/// A name that nobody can guess: 256 random bits in base64url, 43 visible ASCII characters.
///
/// # Errors
/// [`SealError::Unavailable`] when the system gives no randomness.
pub fn random_name() -> Result<Box<str>, SealError> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?).into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_ne!(digest(&[b"abc"]), digest(&[b"abc", b""]));
    }

    #[test]
    fn ten_thousand_names_are_all_different_and_visible() {
        let names: HashSet<Box<str>> = (0..10_000).map(|_| random_name().unwrap()).collect();
        assert_eq!(names.len(), 10_000);
        assert!(names.iter().all(|name| name.len() == 43 && name.bytes().all(|byte| byte.is_ascii_graphic())));
    }
}
