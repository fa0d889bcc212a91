//! One key that verifies signatures. It is checked when it is made, so that below here no weak key exists.

use std::fmt;

use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
        RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    },
};

use crate::{
    auth::jwt::algorithm::{Family, JwtAlgorithm},
    random::digest,
    redact::Secret,
};

/// A key that verifies signatures, with the name and the algorithm that its owner gave it.
pub(crate) struct VerifyingKey {
    id: Option<Box<str>>,
    only: Option<JwtAlgorithm>,
    material: Material,
    fingerprint: [u8; 32],
}

enum Material {
    Rsa(RsaPublicKeyComponents<Box<[u8]>>),
    /// Bound to the one algorithm of its curve.
    Curve(Family, ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl VerifyingKey {
    /// An RSA key; modulus and exponent are unsigned, most significant byte first.
    ///
    /// # Errors
    /// Why the key cannot be trusted.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, &'static str> {
        let (modulus, exponent) = (significant(modulus), significant(exponent));
        match bits(modulus) {
            0..2_048 => return Err("an RSA key below 2,048 bits is too weak"),
            2_048..=8_192 => {}
            8_193.. => return Err("an RSA key above 8,192 bits takes too long to verify with"),
        }
        // An even modulus or exponent is no RSA key; an exponent of 1 verifies everything.
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        if !is_odd(modulus) || !is_odd(exponent) || !(2..=33).contains(&bits(exponent)) {
            return Err("the numbers are no RSA key");
        }
        let key = RsaPublicKeyComponents { n: Box::from(modulus), e: Box::from(exponent) };
        key.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).map_err(|_| "the numbers are no RSA key")?;
        Ok(Self::new(Material::Rsa(key), &[b"RSA", modulus, exponent]))
    }

    /// A key of P-256 or P-384: both coordinates, each in the full length of the curve.
    ///
    /// # Errors
    /// Why the key cannot be trusted; a point that is not on the curve is none.
    pub(crate) fn curve_point(family: Family, x: &[u8], y: &[u8]) -> Result<Self, &'static str> {
        let length = match family {
            Family::P256 => 32,
            Family::P384 => 48,
            Family::Rsa | Family::Ed25519 | Family::Secret => return Err("keys of that kind have no coordinates"),
        };
        if x.len() != length || y.len() != length {
            return Err("a coordinate has the wrong length");
        }
        Self::curve(family, &[&[UNCOMPRESSED], x, y].concat())
    }

    /// A key of a curve, in the curve's own form: an uncompressed point, or the 32 bytes of Ed25519.
    ///
    /// # Errors
    /// Why the key cannot be trusted.
    pub(crate) fn curve(family: Family, bytes: &[u8]) -> Result<Self, &'static str> {
        let (parsed, length) = match family {
            Family::P256 => (ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes), 65),
            Family::P384 => (ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, bytes), 97),
            Family::Ed25519 => (ParsedPublicKey::new(&ED25519, bytes), 32),
            Family::Rsa | Family::Secret => return Err("keys of that kind are on no curve"),
        };
        if bytes.len() != length {
            return Err("the point has the wrong length");
        }
        let parsed = parsed.map_err(|_| "the point is not on its curve")?;
        Ok(Self::new(Material::Curve(family, parsed), &[b"curve", bytes]))
    }

    /// A secret that the issuer shares with this server, of at least 32 bytes.
    ///
    /// # Errors
    /// Why the secret is refused.
    pub(crate) fn secret(secret: &Secret<Vec<u8>>) -> Result<Self, &'static str> {
        let bytes = secret.expose();
        if bytes.len() < LEAST_SECRET {
            return Err("the secret of HS256 has fewer than 32 bytes");
        }
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Err("the secret of HS256 is a key in PEM, which others may know");
        }
        Ok(Self::new(Material::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes))), &[b"secret", bytes]))
    }

    fn new(material: Material, parts: &[&[u8]]) -> Self {
        Self { id: None, only: None, material, fingerprint: digest(parts) }
    }

    /// The same under a name, by which tokens choose it.
    #[must_use]
    pub(crate) fn named(mut self, id: &str) -> Self {
        self.fingerprint = digest(&[b"named", id.as_bytes(), &self.fingerprint]);
        self.id = Some(id.into());
        self
    }

    /// The same for one algorithm alone.
    ///
    /// # Errors
    /// Where the algorithm takes another kind of key.
    pub(crate) fn only(mut self, algorithm: JwtAlgorithm) -> Result<Self, &'static str> {
        if !self.fits(algorithm) {
            return Err("the key is of another kind than its algorithm takes");
        }
        self.fingerprint = digest(&[b"only", algorithm.as_str().as_bytes(), &self.fingerprint]);
        self.only = Some(algorithm);
        Ok(self)
    }

    /// Its name.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Bytes that no other key, name or algorithm has.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Whether it may verify signatures of that algorithm.
    pub(crate) fn fits(&self, algorithm: JwtAlgorithm) -> bool {
        algorithm.family() == self.family() && self.only.is_none_or(|only| only == algorithm)
    }

    /// What kind of key it is.
    pub(crate) fn family(&self) -> Family {
        match &self.material {
            Material::Rsa(_) => Family::Rsa,
            Material::Curve(family, _) => *family,
            Material::Secret(_) => Family::Secret,
        }
    }

    /// Whether this is a signature of the message by this key, with that algorithm.
    #[must_use]
    pub(crate) fn has_signed(&self, algorithm: JwtAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match &self.material {
            Material::Rsa(key) => {
                rsa_parameters(algorithm).is_some_and(|parameters| key.verify(parameters, message, signature).is_ok())
            }
            Material::Curve(_, key) => key.verify_sig(message, signature).is_ok(),
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("id", &self.id)
            .field("only", &self.only)
            .field("family", &self.family())
            .finish_non_exhaustive()
    }
}

fn rsa_parameters(algorithm: JwtAlgorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        JwtAlgorithm::RS256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        JwtAlgorithm::RS384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        JwtAlgorithm::RS512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        JwtAlgorithm::PS256 => Some(&RSA_PSS_2048_8192_SHA256),
        JwtAlgorithm::PS384 => Some(&RSA_PSS_2048_8192_SHA384),
        JwtAlgorithm::PS512 => Some(&RSA_PSS_2048_8192_SHA512),
        JwtAlgorithm::ES256 | JwtAlgorithm::ES384 | JwtAlgorithm::EdDSA | JwtAlgorithm::HS256 => None,
    }
}

/// The number without the zeros in front, which DER has and some issuers write.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bits(significant: &[u8]) -> usize {
    let first = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.len() * 8 - first
}

/// Fewer bytes than the digest has weaken HMAC (RFC 7518, section 3.2).
const LEAST_SECRET: usize = 32;
/// What stands before both coordinates of a point (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bits: usize) -> Vec<u8> {
        let mut bytes = vec![0x5b; bits.div_ceil(8)];
        bytes[0] = 1 << ((bits - 1) % 8);
        *bytes.last_mut().unwrap() |= 1;
        bytes
    }

    #[test]
    fn rsa_keys_from_2048_bits_to_8192_are_taken_and_no_others() {
        for size in [2_048, 2_049, 3_072, 4_096, 8_192] {
            assert!(VerifyingKey::rsa(&modulus(size), &[1, 0, 1]).is_ok(), "{size}");
        }
        for size in [8, 512, 1_024, 2_047, 8_193, 16_384] {
            assert!(VerifyingKey::rsa(&modulus(size), &[1, 0, 1]).is_err(), "{size}");
        }
        // Zeros in front make no key longer.
        let padded = [vec![0; 129], modulus(1_024)].concat();
        assert!(VerifyingKey::rsa(&padded, &[1, 0, 1]).is_err());
        assert!(VerifyingKey::rsa(&[&[0][..], &modulus(2_048)].concat(), &[0, 1, 0, 1]).is_ok());
    }

    #[test]
    fn numbers_that_are_no_rsa_key_are_refused() {
        let mut even = modulus(2_048);
        *even.last_mut().unwrap() &= 0xfe;
        assert!(VerifyingKey::rsa(&even, &[1, 0, 1]).is_err());
        for exponent in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[4, 0, 0, 0, 1]] {
            assert!(VerifyingKey::rsa(&modulus(2_048), exponent).is_err(), "{exponent:?}");
        }
        assert!(VerifyingKey::rsa(&[], &[3]).is_err());
    }

    #[test]
    fn points_that_are_not_on_their_curve_are_refused() {
        assert!(VerifyingKey::curve_point(Family::P256, &[1; 32], &[1; 32]).is_err());
        assert!(VerifyingKey::curve_point(Family::P256, &[0; 32], &[0; 32]).is_err());
        assert!(VerifyingKey::curve_point(Family::P384, &[1; 48], &[1; 48]).is_err());
        assert!(VerifyingKey::curve_point(Family::P256, &[1; 31], &[1; 33]).is_err());
        assert!(VerifyingKey::curve_point(Family::Ed25519, &[1; 32], &[1; 32]).is_err());
        for length in [0, 31, 33, 44] {
            assert!(VerifyingKey::curve(Family::Ed25519, &vec![1; length]).is_err(), "{length}");
        }
    }

    #[test]
    fn secrets_have_32_bytes_and_are_no_key_in_pem() {
        assert!(VerifyingKey::secret(&Secret::new(vec![7; 32])).is_ok());
        assert!(VerifyingKey::secret(&Secret::new(vec![7; 31])).is_err());
        let pem = b"\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n".to_vec();
        assert!(VerifyingKey::secret(&Secret::new(pem)).is_err());
    }

    #[test]
    fn a_key_fits_the_algorithms_of_its_kind_and_shows_nothing_of_a_secret() {
        let secret = VerifyingKey::secret(&Secret::new(b"0123456789abcdef0123456789abcdef".to_vec())).unwrap();
        assert!(JwtAlgorithm::PUBLIC_KEY.iter().all(|algorithm| !secret.fits(*algorithm)));
        assert!(secret.fits(JwtAlgorithm::HS256) && !format!("{secret:?}").contains("0123"));

        let rsa = VerifyingKey::rsa(&modulus(2_048), &[3]).unwrap();
        assert!(rsa.fits(JwtAlgorithm::RS256) && rsa.fits(JwtAlgorithm::PS512) && !rsa.fits(JwtAlgorithm::HS256));
        let rsa = rsa.only(JwtAlgorithm::PS256).unwrap();
        assert!(rsa.fits(JwtAlgorithm::PS256) && !rsa.fits(JwtAlgorithm::RS256));
        assert!(VerifyingKey::rsa(&modulus(2_048), &[3]).unwrap().only(JwtAlgorithm::ES256).is_err());
    }
}
