//! Who is calling. A principal is made by the gate from what an authenticator verified, never from a message.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, LazyLock},
};

/// Who is calling: issuer, subject and how they were verified, with roles and scopes.
///
/// Cheap to clone. Two principals are equal when issuer, subject, method and tenant are.
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

struct Inner {
    method: Method,
    issuer: Box<str>,
    subject: Box<str>,
    tenant: Option<Box<str>>,
    holdings: Holdings,
    binding: Box<[u8]>,
    /// Of the binding, made once: every call looks its principal up in several tables.
    hash: u64,
    /// Bytes of memory that all of it takes.
    weight: usize,
}

/// How a principal was verified.
///
/// An example is at [`Authenticator`](crate::auth::Authenticator).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// By being on this machine: standard streams, a pipe, or loopback and Unix sockets in the development profile.
    Local,
    /// By an access token.
    Token,
    /// By an API key.
    ApiKey,
    /// By a client certificate.
    Certificate,
    /// By what the system says of the process at the other end of a Unix socket.
    Unix,
}

/// What a principal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holdings {
    /// Every role and scope: the local principal of the development profile.
    Everything,
    /// These alone.
    These {
        /// Roles from verified claims.
        roles: Box<[Box<str>]>,
        /// Scopes from verified claims.
        scopes: Box<[Box<str>]>,
    },
}

impl Principal {
    /// The user of this machine.
    pub(crate) fn local() -> Self {
        Self::new(Method::Local, "", "local", None, Holdings::Everything)
    }

    /// The user of this machine, who holds nothing: may discover what there is, and sees empty lists.
    pub(crate) fn local_without_rights() -> Self {
        Self::new(Method::Local, "", "local", None, Holdings::These { roles: [].into(), scopes: [].into() })
    }

    /// Somebody else than the user of this machine, without roles and scopes; for tests.
    ///
    /// ```
    /// use mocopr_security::principal::Principal;
    ///
    /// let alice = Principal::named("alice").with_role("editor").with_scope("notes:write");
    /// assert!(alice.has_role("editor") && alice.has_scope("notes:write") && !alice.has_scope("notes:read"));
    /// ```
    #[cfg(feature = "testing")]
    pub fn named(subject: &str) -> Self {
        Self::new(Method::Local, "test", subject, None, Holdings::These { roles: [].into(), scopes: [].into() })
    }

    /// The same with one role more; for tests. Who holds everything stays as it is.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_role(self, role: &str) -> Self {
        self.with_holdings(|roles, _| roles.push(role.into()))
    }

    /// The same with one scope more; for tests. Who holds everything stays as it is.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_scope(self, scope: &str) -> Self {
        self.with_holdings(|_, scopes| scopes.push(scope.into()))
    }

    #[cfg(feature = "testing")]
    fn with_holdings(self, edit: impl FnOnce(&mut Vec<Box<str>>, &mut Vec<Box<str>>)) -> Self {
        let Holdings::These { roles, scopes } = &self.0.holdings else { return self };
        let (mut roles, mut scopes) = (roles.to_vec(), scopes.to_vec());
        edit(&mut roles, &mut scopes);
        let holdings = Holdings::These { roles: roles.into(), scopes: scopes.into() };
        Self::new(self.0.method, &self.0.issuer, &self.0.subject, self.0.tenant.clone(), holdings)
    }

    pub(crate) fn new(
        method: Method,
        issuer: &str,
        subject: &str,
        tenant: Option<Box<str>>,
        holdings: Holdings,
    ) -> Self {
        let mut binding = Vec::new();
        for part in [method.as_str(), issuer, subject, tenant.as_deref().unwrap_or_default()] {
            binding.extend_from_slice(&(part.len() as u64).to_be_bytes());
            binding.extend_from_slice(part.as_bytes());
        }
        binding.push(u8::from(tenant.is_some()));
        let weight = size_of::<Inner>() + 2 * binding.len() + holdings.weight();
        Self(Arc::new(Inner {
            method,
            issuer: issuer.into(),
            subject: subject.into(),
            tenant,
            holdings,
            hash: HASHES.hash_one(&binding),
            binding: binding.into(),
            weight,
        }))
    }

    /// The same somebody without roles and scopes, for tables that only tell callers apart: claims may name hundreds.
    pub(crate) fn without_holdings(&self) -> Self {
        let Inner { method, issuer, subject, tenant, .. } = &*self.0;
        Self::new(*method, issuer, subject, tenant.clone(), Holdings::These { roles: [].into(), scopes: [].into() })
    }

    /// Who it is, in the words of the issuer.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Who vouches for it; empty for the local principal.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// How it was verified.
    pub fn method(&self) -> Method {
        self.0.method
    }

    /// The tenant it belongs to, where claims name one.
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// The roles that verified claims or the policy's local users name; none for the local principal, who in the
    /// development profile needs no names to have them all, and elsewhere has none.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        let roles: &[Box<str>] = match &self.0.holdings {
            Holdings::Everything => &[],
            Holdings::These { roles, .. } => roles,
        };
        roles.iter().map(|role| &**role)
    }

    /// The scopes that verified claims name; none for the local principal, as for roles.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scopes: &[Box<str>] = match &self.0.holdings {
            Holdings::Everything => &[],
            Holdings::These { scopes, .. } => scopes,
        };
        scopes.iter().map(|scope| &**scope)
    }

    /// It is the same one, with the same roles and scopes.
    pub fn has_the_rights_of(&self, other: &Self) -> bool {
        self == other && self.0.holdings == other.0.holdings
    }

    /// It has this role.
    pub fn has_role(&self, role: &str) -> bool {
        match &self.0.holdings {
            Holdings::Everything => true,
            Holdings::These { roles, .. } => roles.iter().any(|held| &**held == role),
        }
    }

    /// It has this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        match &self.0.holdings {
            Holdings::Everything => true,
            Holdings::These { scopes, .. } => scopes.iter().any(|held| &**held == scope),
        }
    }

    /// Every role and scope.
    pub(crate) fn holds_everything(&self) -> bool {
        matches!(self.0.holdings, Holdings::Everything)
    }

    /// Bytes of memory that are held as long as this value is kept somewhere, beside those of the value itself.
    pub(crate) fn weight(&self) -> usize {
        self.0.weight
    }

    /// It is this very value, so that keeping both holds no more memory than keeping one.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// In how many places this very value is kept.
    #[cfg(test)]
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// Bytes that no other principal has: what seals and sessions are bound to.
    pub fn binding(&self) -> &[u8] {
        &self.0.binding
    }
}

impl Holdings {
    fn weight(&self) -> usize {
        match self {
            Self::Everything => 0,
            Self::These { roles, scopes } => {
                roles.iter().chain(scopes).map(|name| size_of::<Box<str>>() + name.len()).sum()
            }
        }
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.binding == other.0.binding
    }
}

impl Eq for Principal {}

impl std::hash::Hash for Principal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("method", &self.0.method)
            .field("issuer", &self.0.issuer)
            .field("subject", &self.0.subject)
            .field("tenant", &self.0.tenant)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.method.as_str(), self.0.subject.escape_debug())
    }
}

/// One for the whole process, because equal principals must have equal hashes; its key is random, so that nobody can
/// choose subjects that fall together.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Method {
    /// The method's name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Token => "token",
            Self::ApiKey => "api_key",
            Self::Certificate => "certificate",
            Self::Unix => "unix",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_of_different_parts_differ() {
        let one = Principal::new(Method::Local, "a", "bc", None, Holdings::Everything);
        let two = Principal::new(Method::Local, "ab", "c", None, Holdings::Everything);
        let tenant = Principal::new(Method::Local, "a", "bc", Some("".into()), Holdings::Everything);
        assert_ne!(one, two);
        assert_ne!(one, tenant);
    }

    #[test]
    fn a_principal_weighs_what_its_texts_take() {
        let of = |roles: Box<[Box<str>]>| {
            Principal::new(
                Method::Token,
                "issuer",
                "alice",
                None,
                Holdings::These { roles, scopes: ["a".into()].into() },
            )
        };
        let (light, heavy) = (of([].into()), of(["r".repeat(1_000).into()].into()));
        assert_eq!(heavy.weight() - light.weight(), 1_000 + size_of::<Box<str>>());
        assert!(light.weight() > size_of::<Inner>() + light.binding().len());
    }

    #[test]
    fn equal_principals_fall_together_in_a_table_whatever_they_hold() {
        let nothing = || Holdings::These { roles: [].into(), scopes: [].into() };
        let alice = Principal::new(Method::Local, "a", "alice", None, Holdings::Everything);
        let again = Principal::new(Method::Local, "a", "alice", None, nothing());
        let bob = Principal::new(Method::Local, "a", "bob", None, nothing());
        let known = std::collections::HashSet::from([alice]);
        assert!(known.contains(&again) && !known.contains(&bob));
    }

    #[test]
    fn without_what_it_holds_it_is_the_same_somebody() {
        let held = Holdings::These { roles: ["user".into()].into(), scopes: ["notes:read".into()].into() };
        let one = Principal::new(Method::Token, "i", "a", Some("t".into()), held);
        let bare = one.without_holdings();
        assert_eq!(one, bare);
        assert!(!bare.has_role("user") && !bare.has_scope("notes:read") && !bare.holds_everything());
        assert!(!Principal::local().without_holdings().holds_everything());
    }

    #[test]
    fn only_listed_roles_and_scopes_are_held() {
        let held = Holdings::These { roles: ["user".into()].into(), scopes: ["notes:read".into()].into() };
        let one = Principal::new(Method::Local, "", "a", None, held);
        assert!(one.has_role("user") && !one.has_role("admin"));
        assert!(one.has_scope("notes:read") && !one.has_scope("notes"));
        assert!(one.roles().eq(["user"]) && one.scopes().eq(["notes:read"]));
        assert_eq!(Principal::local().scopes().count(), 0);
    }
}
