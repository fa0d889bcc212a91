//! A public key in PEM: one `SubjectPublicKeyInfo` (RFC 7468, section 13; RFC 5280, section 4.1.2.7).
//!
//! Reads exactly the four kinds of key that tokens are signed with; the rest of DER does not exist here.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::auth::jwt::{algorithm::Family, key::VerifyingKey};

/// Reads the one public key of a PEM text.
///
/// # Errors
/// What is wrong with it, in our words.
pub(crate) fn public_key(pem: &str) -> Result<VerifyingKey, &'static str> {
    if pem.contains("PRIVATE KEY-----") {
        return Err("the PEM text holds a private key, which a server must not have");
    }
    let (_, rest) = pem.split_once(BEGIN).ok_or("the PEM text has no block `PUBLIC KEY`")?;
    let (body, after) = rest.split_once(END).ok_or("the block `PUBLIC KEY` has no end")?;
    if after.contains("-----BEGIN") {
        return Err("the PEM text has more than one block");
    }
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| "the block `PUBLIC KEY` is not base64")?;
    subject_public_key(&der).ok_or("the block is no `SubjectPublicKeyInfo` of RSA, P-256, P-384 or Ed25519")?
}

/// The key of a `SubjectPublicKeyInfo`; `None` where it is of no kind that is known here.
fn subject_public_key(der: &[u8]) -> Option<Result<VerifyingKey, &'static str>> {
    let info = whole(SEQUENCE, der)?;
    let (algorithm, rest) = element(SEQUENCE, info)?;
    // No bit of the last byte is unused.
    let bits = whole(BIT_STRING, rest)?.strip_prefix(&[0])?;
    Some(match algorithm {
        RSA => rsa_public_key(bits).and_then(|(modulus, exponent)| VerifyingKey::rsa(modulus, exponent)),
        P256 => VerifyingKey::curve(Family::P256, bits),
        P384 => VerifyingKey::curve(Family::P384, bits),
        ED25519 => VerifyingKey::curve(Family::Ed25519, bits),
        _ => return None,
    })
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017, appendix A.1.1).
///
/// # Errors
/// Where it is none.
pub(crate) fn rsa_public_key(der: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let numbers = || {
        let (modulus, rest) = element(INTEGER, whole(SEQUENCE, der)?)?;
        Some((modulus, whole(INTEGER, rest)?))
    };
    numbers().ok_or("the bits are no RSA key")
}

/// The content of the element that makes up all of `der`.
fn whole(tag: u8, der: &[u8]) -> Option<&[u8]> {
    element(tag, der).and_then(|(content, rest)| rest.is_empty().then_some(content))
}

/// The content of the element in front, and what follows it. Lengths are as short as they can be, as DER wants.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, shortest, rest) = match length {
        0..=0x7f => (usize::from(*length), 0, rest),
        0x81 => rest.split_first().map(|(low, rest)| (usize::from(*low), 0x80, rest))?,
        0x82 => rest.split_first_chunk().map(|(long, rest)| (usize::from(u16::from_be_bytes(*long)), 0x100, rest))?,
        _ => return None,
    };
    if *first != tag || length < shortest { None } else { rest.split_at_checked(length) }
}

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// Contents of `AlgorithmIdentifier` (RFC 3279, section 2.3; RFC 5480, section 2.1.1; RFC 8410, section 3).
const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const P256: &[u8] =
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
