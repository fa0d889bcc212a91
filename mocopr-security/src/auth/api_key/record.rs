//! What is kept of an API key: a digest of its secret, whose it is, what it may do, and until when.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::key;
use crate::{auth::is_scope, policy::Problem, redact::Secret};

/// What is kept of an API key: all but the key.
///
/// Times are whole seconds since 1970-01-01T00:00:00Z. What does not hold (a subject that is empty, a scope with a
/// space) is a problem of whoever takes the record: [`ApiKeys::of`](super::ApiKeys::of) and
/// [`ApiKeyFile::add`](super::ApiKeyFile::add).
///
/// ```
/// use std::time::Duration;
/// use mocopr_security::auth::ApiKey;
///
/// let now = Duration::from_secs(1_767_225_600);
/// let (key, record) = ApiKey::create("alice", now)?;
/// let record = record.with_role("editor").with_scope("notes:read").until(now + Duration::from_secs(86_400));
/// assert!(key.expose().starts_with("mocopr_") && key.expose().contains(record.id()));
/// # Ok::<(), mocopr_security::policy::Problem>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    id: Box<str>,
    hash: KeyHash,
    subject: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<Box<str>>,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
}

impl ApiKey {
    /// Makes a key of 256 random bits for `subject`, at the time `now` since 1970-01-01T00:00:00Z: the key itself,
    /// which is shown once and kept nowhere, and what is kept of it.
    ///
    /// # Errors
    /// A problem where the system gives no randomness.
    pub fn create(subject: &str, now: Duration) -> Result<(Secret<String>, Self), Problem> {
        let made = key::make()
            .map_err(|_| Problem::new("no api key can be made: the system gives no randomness", "try again"))?;
        let record = Self {
            id: made.id,
            hash: KeyHash(made.digest),
            subject: subject.into(),
            tenant: None,
            roles: Vec::new(),
            scopes: Vec::new(),
            created: now.as_secs(),
            expires: None,
            revoked: None,
            name: None,
        };
        Ok((made.text, record))
    }

    /// With this role.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<Box<str>>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// With this scope.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Of this tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<Box<str>>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// With a name for whoever keeps the keys; no peer sees it.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Refused from that time on, since 1970-01-01T00:00:00Z; without this it holds until it is revoked.
    #[must_use]
    pub fn until(mut self, unix: Duration) -> Self {
        self.expires = Some(unix.as_secs());
        self
    }

    /// Refused from now on; the earliest revocation stands.
    #[must_use]
    pub fn revoked_at(mut self, unix: Duration) -> Self {
        self.revoked.get_or_insert(unix.as_secs());
        self
    }

    /// Which key it is: 12 letters and digits, which also stand in the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose it is.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The tenant it belongs to.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The roles it has.
    pub fn roles(&self) -> &[Box<str>] {
        &self.roles
    }

    /// The scopes it has.
    pub fn scopes(&self) -> &[Box<str>] {
        &self.scopes
    }

    /// Its name for whoever keeps the keys.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// When it was made.
    pub fn created(&self) -> Duration {
        Duration::from_secs(self.created)
    }

    /// When it ends, if it does.
    pub fn expires(&self) -> Option<Duration> {
        self.expires.map(Duration::from_secs)
    }

    /// When it was revoked, if it was; it is refused from then on, and also before.
    pub fn revoked(&self) -> Option<Duration> {
        self.revoked.map(Duration::from_secs)
    }

    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.hash.0
    }

    /// The first rule that the record breaks, in words that follow the place where it stands.
    pub(super) fn broken_rule(&self) -> Option<&'static str> {
        let Self { id, hash: _, subject, tenant, roles, scopes, created, expires, revoked: _, name } = self;
        let rules = [
            (key::is_id(id), "an id that is not 12 letters and digits"),
            (is_line(subject), "a subject that is not 1 to 256 bytes of visible text"),
            (tenant.as_deref().is_none_or(is_line), "a tenant that is not 1 to 256 bytes of visible text"),
            (name.as_deref().is_none_or(is_line), "a name that is not 1 to 256 bytes of visible text"),
            (roles.len() <= MOST_ROLES && scopes.len() <= MOST_ROLES, "more than 64 roles or scopes"),
            (roles.iter().all(|role| is_line(role)), "a role that is not 1 to 256 bytes of visible text"),
            (
                scopes.iter().all(|scope| scope.len() <= MOST_BYTES && is_scope(scope)),
                "a scope that is not 1 to 256 characters of a scope",
            ),
            (expires.is_none_or(|expires| expires > *created), "an expiry that is not after its creation"),
        ];
        rules.into_iter().find_map(|(holds, broken)| (!holds).then_some(broken))
    }
}

/// Text on one line, for logs and principals.
fn is_line(text: &str) -> bool {
    (1..=MOST_BYTES).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

/// What is kept in the place of a key's secret; written as `sha256:` and base64url.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct KeyHash([u8; 32]);

impl TryFrom<String> for KeyHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digest = text.strip_prefix(ALGORITHM).and_then(|digest| URL_SAFE_NO_PAD.decode(digest).ok());
        digest.and_then(|digest| digest.try_into().ok()).map(Self).ok_or("no digest of a key")
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        format!("{ALGORITHM}{}", URL_SAFE_NO_PAD.encode(hash.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

const ALGORITHM: &str = "sha256:";
const MOST_BYTES: usize = 256;
const MOST_ROLES: usize = 64;
