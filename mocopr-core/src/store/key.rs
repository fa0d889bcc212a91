//! Keys of the store: four parts, each with its length in front.
//!
//! Text is never joined with a separator here, so no part can be chosen so that it reads as two.

use std::fmt;

use bytes::Bytes;

/// The name of an entry: what it is for, whose it is, and its id.
///
/// Two keys are equal exactly when all their parts are. A copy shares its bytes. `Debug` shows neither principal nor
/// id, since a session's id is a secret.
///
/// ```
/// use mocopr_core::store::{Key, KeyParts, Keyspace};
///
/// let parts = KeyParts { keyspace: Keyspace::Session, tenant: "a", principal: "bc", id: b"1" };
/// assert_ne!(Key::new(parts), Key::new(KeyParts { tenant: "ab", principal: "c", ..parts }));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Bytes);

/// The parts of a [`Key`].
#[derive(Clone, Copy)]
pub struct KeyParts<'a> {
    /// What the entry is for.
    pub keyspace: Keyspace,
    /// Whose customer the principal is; empty where there is one tenant only.
    pub tenant: &'a str,
    /// Whom the entry belongs to; empty where it belongs to the server.
    pub principal: &'a str,
    /// Which of the principal's entries.
    pub id: &'a [u8],
}

/// What an entry of the store is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keyspace {
    /// A session of a stateful revision.
    Session,
    /// An id that is good for one use.
    UsedOnce,
    /// A credential or session that no longer holds.
    Revocation,
    /// A number that is counted up.
    Counter,
}

impl Key {
    /// The key of these parts.
    pub fn new(parts: KeyParts<'_>) -> Self {
        let KeyParts { keyspace, tenant, principal, id } = parts;
        let mut bytes = vec![keyspace.tag()];
        for part in [tenant.as_bytes(), principal.as_bytes(), id] {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Self(bytes.into())
    }

    /// Whose entry it is, where it is one of those that a caller brings about as often as it likes: the tenant and the
    /// principal of a used-once id, in bytes that no others have.
    pub(crate) fn spender(&self) -> Option<&[u8]> {
        let (tag, rest) = self.0.split_first()?;
        if *tag != Keyspace::UsedOnce.tag() {
            return None;
        }
        let (tenant, behind) = Self::part(rest)?;
        let (principal, behind) = Self::part(behind)?;
        let length = rest.len() - behind.len();
        (tenant + principal > 0).then(|| rest.get(..length))?
    }

    /// The length of the part that begins here, and what stands behind it.
    fn part(bytes: &[u8]) -> Option<(usize, &[u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        Some((length, rest.get(length..)?))
    }

    /// The key as bytes, for an engine that keeps it elsewhere: a tag of one byte, then tenant, principal and id,
    /// each behind its length as eight bytes, big-endian.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Keyspace {
    /// The first byte of its keys; never used for another keyspace, since stored keys outlive a release.
    fn tag(self) -> u8 {
        match self {
            Self::Session => 1,
            Self::UsedOnce => 2,
            Self::Revocation => 3,
            Self::Counter => 4,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("tag", &self.0.first()).field("length", &self.0.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyParts").field("keyspace", &self.keyspace).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts() -> impl Strategy<Value = (Keyspace, String, String, Vec<u8>)> {
        let keyspace = prop_oneof![
            Just(Keyspace::Session),
            Just(Keyspace::UsedOnce),
            Just(Keyspace::Revocation),
            Just(Keyspace::Counter)
        ];
        // Few characters, so that different parts often join to the same text.
        let text = "[\0\u{1}a/:]{0,3}";
        (keyspace, text, text, proptest::collection::vec(0_u8..3, 0..10))
    }

    fn key((keyspace, tenant, principal, id): &(Keyspace, String, String, Vec<u8>)) -> Key {
        Key::new(KeyParts { keyspace: *keyspace, tenant, principal, id })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn keys_are_equal_exactly_when_their_parts_are(one in parts(), other in parts()) {
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }

        #[test]
        fn no_key_begins_another(one in parts(), other in parts()) {
            prop_assume!(one != other);
            let (one, other) = (key(&one), key(&other));
            prop_assert!(!one.as_bytes().starts_with(other.as_bytes()));
        }
    }

    #[test]
    fn the_spender_of_a_used_once_id_is_its_tenant_and_principal() {
        let parts = KeyParts { keyspace: Keyspace::UsedOnce, tenant: "a", principal: "bc", id: b"1" };
        let key = Key::new(parts);
        assert!(key.spender().is_some());
        assert_eq!(key.spender(), Key::new(KeyParts { id: b"2", ..parts }).spender());
        assert_ne!(key.spender(), Key::new(KeyParts { tenant: "ab", principal: "c", ..parts }).spender());
        assert_eq!(Key::new(KeyParts { tenant: "", principal: "", ..parts }).spender(), None);
        assert_eq!(Key::new(KeyParts { keyspace: Keyspace::Session, ..parts }).spender(), None);
    }

    #[test]
    fn debug_shows_no_part() {
        let parts = KeyParts { keyspace: Keyspace::Session, tenant: "acme", principal: "alice", id: b"s3cret" };
        let text = format!("{parts:?} {:?}", Key::new(parts));
        assert!(!["acme", "alice", "s3cret"].iter().any(|part| text.contains(part)), "{text}");
    }
}
