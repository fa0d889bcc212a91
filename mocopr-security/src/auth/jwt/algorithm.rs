//! The signature algorithms of tokens: a closed list, in which "no signature" does not occur.

/// A signature algorithm of JSON Web Tokens.
///
/// Which of them a server accepts is what its owner says, never what a token says: the header's `alg` only chooses
/// among the configured ones, and then the key must be of the kind that the algorithm takes. Names are compared
/// exactly. `none`, and HMAC with another digest than SHA-256, do not exist here.
///
/// An example is at [`JwtConfig`](crate::auth::JwtConfig).
///
/// # Source
/// RFC 7518, section 3.1; RFC 8037, section 3.1 (`EdDSA`), and RFC 9864, section 2.2, which calls it `Ed25519`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// RSA with the padding of PKCS1, version 1.5, and SHA-256.
    RS256,
    /// RSA with the padding of PKCS1, version 1.5, and SHA-384.
    RS384,
    /// RSA with the padding of PKCS1, version 1.5, and SHA-512.
    RS512,
    /// RSA with PSS padding and SHA-256.
    PS256,
    /// RSA with PSS padding and SHA-384.
    PS384,
    /// RSA with PSS padding and SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519; a token may call it `EdDSA` or `Ed25519`.
    EdDSA,
    /// HMAC with SHA-256 and a secret that the issuer shares with this server, which can then forge tokens itself.
    HS256,
}

/// The kind of key that an algorithm takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// RSA, from 2,048 bits to 8,192.
    Rsa,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// The Edwards curve of Ed25519.
    Ed25519,
    /// A shared secret.
    Secret,
}

impl JwtAlgorithm {
    /// Every algorithm with a public key: what a validator accepts unless it is told otherwise.
    pub const PUBLIC_KEY: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The algorithm that a header or a key calls so, in exactly these letters.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::RS256,
            "RS384" => Self::RS384,
            "RS512" => Self::RS512,
            "PS256" => Self::PS256,
            "PS384" => Self::PS384,
            "PS512" => Self::PS512,
            "ES256" => Self::ES256,
            "ES384" => Self::ES384,
            "EdDSA" | "Ed25519" => Self::EdDSA,
            "HS256" => Self::HS256,
            _ => return None,
        })
    }

    /// The name in `alg`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
            Self::HS256 => "HS256",
        }
    }

    /// The kind of key that it takes.
    pub(crate) fn family(self) -> Family {
        match self {
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => Family::Rsa,
            Self::ES256 => Family::P256,
            Self::ES384 => Family::P384,
            Self::EdDSA => Family::Ed25519,
            Self::HS256 => Family::Secret,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_under_its_own_name_and_no_other_spelling() {
        for algorithm in JwtAlgorithm::PUBLIC_KEY.into_iter().chain([JwtAlgorithm::HS256]) {
            let name = algorithm.as_str();
            assert_eq!(JwtAlgorithm::named(name), Some(algorithm));
            for other in [name.to_lowercase(), format!(" {name}"), format!("{name}\0"), format!("{name}K")] {
                assert_eq!(JwtAlgorithm::named(&other), None, "{other:?}");
            }
        }
        for absent in ["", "none", "None", "NONE", "nOnE", "HS384", "HS512", "ES512", "ES256K", "RSA-OAEP", "dir"] {
            assert_eq!(JwtAlgorithm::named(absent), None, "{absent:?}");
        }
    }
}
