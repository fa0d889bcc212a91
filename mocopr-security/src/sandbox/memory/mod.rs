//! Resources in the memory of this process: bounded in bytes, expiring, each tenant by itself.
//!
//! One lock guards values, order of expiry and sums, so that none can disagree with another; it is held for no call
//! out. A value is charged before it is stored, with its key and what its places in the maps cost.

mod builder;
mod shelf;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use mocopr_core::clock::Clock;

pub use self::builder::MemoryResourceBuilder;
use self::shelf::{Gone, Shelf, Slot};
use crate::{policy::Problem, sandbox::key::KeyValidator};

/// Resources that the owner's code puts, replaces and removes, and callers of the same tenant read.
///
/// A copy is a handle to the same resources: keep one where values come from, and mount another.
///
/// ```
/// use std::time::Duration;
/// use mocopr_security::sandbox::{key::KeyValidator, memory::{MemoryItem, MemoryResourceHandler}};
///
/// let memory = MemoryResourceHandler::builder()
///     .with_memory_limit(50 * 1024 * 1024)
///     .with_key_validation(KeyValidator::alphanumeric_only())
///     .with_ttl(Duration::from_secs(60 * 60))
///     .build();
/// memory.put(None, "motd", MemoryItem::text("hello").with_mime_type("text/plain"))?;
/// assert_eq!(memory.read(None, "motd").and_then(|item| item.as_text().map(str::to_owned)).as_deref(), Some("hello"));
/// assert!(memory.read(Some("acme"), "motd").is_none());
/// # Ok::<(), mocopr_security::sandbox::memory::MemoryError>(())
/// ```
#[derive(Clone)]
pub struct MemoryResourceHandler(Arc<Inner>);

struct Inner {
    shelf: Mutex<Shelf>,
    rules: Rules,
    clock: Arc<dyn Clock>,
    watchers: RwLock<Vec<Watcher>>,
    problems: Vec<Problem>,
}

/// What the owner decided.
#[derive(Clone, Debug)]
struct Rules {
    limit: usize,
    tenant_limit: Option<usize>,
    keys: KeyValidator,
    ttl: Option<Duration>,
    when_full: WhenFull,
}

/// What happens to a value for which there is no room.
///
/// An example is at [`MemoryError`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It is refused, and everything stays as it was. The default.
    #[default]
    Refuse,
    /// The values of the same tenant that were put first make room for it. Other tenants lose nothing, so it is still
    /// refused where their values leave no room.
    EvictOldest,
}

/// One resource in memory: text or bytes, cheap to clone.
///
/// ```
/// use mocopr_security::sandbox::memory::MemoryItem;
///
/// let logo = MemoryItem::bytes(*b"\x89PNG\r\n\x1a\n").with_mime_type("image/png");
/// assert_eq!((logo.size(), logo.as_text()), (8, None));
/// let note = MemoryItem::text("Buy tea.");
/// assert_eq!(note.as_text(), Some("Buy tea."));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MemoryItem {
    body: MemoryBody,
    mime_type: Option<Arc<str>>,
}

/// Text or bytes.
///
/// An example is at [`MemoryItem`].
#[derive(Clone, PartialEq, Eq)]
pub enum MemoryBody {
    /// Text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
}

/// A resource as it is listed.
///
/// An example is at [`MemoryRange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryEntry {
    /// Its key.
    pub key: Arc<str>,
    /// Its MIME type, where one was said.
    pub mime_type: Option<Arc<str>>,
    /// Its bytes.
    pub size: usize,
}

/// Which resources are listed.
///
/// ```
/// use mocopr_security::sandbox::memory::{MemoryItem, MemoryRange, MemoryResourceHandler};
///
/// let memory = MemoryResourceHandler::builder().build();
/// memory.put(None, "note1", MemoryItem::text("Buy tea."))?;
/// memory.put(None, "note2", MemoryItem::text("Drink it."))?;
/// let listed = memory.list(None, MemoryRange { prefix: "note", after: Some("note1"), limit: 10 });
/// assert_eq!(listed.iter().map(|entry| &*entry.key).collect::<Vec<_>>(), ["note2"]);
/// # Ok::<(), mocopr_security::sandbox::memory::MemoryError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryRange<'a> {
    /// Keys that begin so.
    pub prefix: &'a str,
    /// Keys that stand behind this one.
    pub after: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
}

/// Why a value was not stored.
///
/// ```
/// use mocopr_security::sandbox::{
///     key::KeyValidator,
///     memory::{MemoryError, MemoryItem, MemoryResourceHandler, WhenFull},
/// };
///
/// let memory = MemoryResourceHandler::builder()
///     .with_key_validation(KeyValidator::alphanumeric_only())
///     .with_eviction(WhenFull::Refuse)
///     .build();
/// assert_eq!(memory.put(None, "../motd", MemoryItem::text("hello")), Err(MemoryError::Key));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The key is not one that the [`KeyValidator`] allows.
    #[error("the key is not allowed")]
    Key,
    /// There is no room: that of the tenant is used up, or that of all.
    #[error("there is no room for the value")]
    Full,
}

/// Something that changed.
///
/// ```
/// use mocopr_security::sandbox::memory::{MemoryItem, MemoryResourceHandler};
///
/// let memory = MemoryResourceHandler::builder().build();
/// memory.watch(|change| println!("{:?} of {:?}: {:?}", change.key, change.tenant, change.kind));
/// memory.put(None, "motd", MemoryItem::text("hello"))?;
/// # Ok::<(), mocopr_security::sandbox::memory::MemoryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryChange {
    /// Whose it is.
    pub tenant: Option<Arc<str>>,
    /// The key.
    pub key: Arc<str>,
    /// What came of it.
    pub kind: MemoryChangeKind,
}

/// What came of a key.
///
/// An example is at [`MemoryChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryChangeKind {
    /// It has a value and had none.
    Added,
    /// It has another value.
    Replaced,
    /// It has none any longer: removed, expired, or evicted.
    Removed,
}

type Watcher = Arc<dyn Fn(&MemoryChange) + Send + Sync>;

impl MemoryResourceHandler {
    /// Begins one: 50 MiB, alphanumeric keys, one hour, a full one refuses.
    pub fn builder() -> MemoryResourceBuilder {
        MemoryResourceBuilder::default()
    }

    /// Puts a value, in the place of an earlier one of that tenant and key. Its life begins anew.
    ///
    /// `tenant` is that of the callers who may read it, as [`Principal::tenant`](crate::principal::Principal::tenant)
    /// says it; `None` is callers without a tenant, not all.
    ///
    /// # Errors
    /// [`MemoryError::Key`] for a key that is not allowed; [`MemoryError::Full`] where there is no room, also after what
    /// has expired is gone. Then nothing changes but that: an earlier value stays.
    pub fn put(&self, tenant: Option<&str>, key: &str, item: MemoryItem) -> Result<(), MemoryError> {
        let Inner { rules, clock, .. } = &*self.0;
        if !rules.keys.allows(key) {
            return Err(MemoryError::Key);
        }
        let now = clock.now();
        let expires = rules.ttl.map_or(Duration::MAX, |ttl| now.saturating_add(ttl));
        let mut changes = Vec::new();
        let stored = {
            let mut shelf = self.shelf();
            let mut gone = shelf.sweep(now, SWEPT_AT_ONCE);
            let stored = shelf.put(tenant, key, Slot::new(item, expires), rules, now, &mut gone);
            changes.extend(gone.into_iter().map(removed));
            stored
        };
        if let Ok((tenant, key, replaced)) = &stored {
            let kind = if *replaced { MemoryChangeKind::Replaced } else { MemoryChangeKind::Added };
            changes.push(MemoryChange { tenant: tenant.clone(), key: key.clone(), kind });
        }
        self.tell(&changes);
        stored.map(drop)
    }

    /// The value of that tenant and key, if it has not expired.
    pub fn read(&self, tenant: Option<&str>, key: &str) -> Option<MemoryItem> {
        let now = self.0.clock.now();
        self.shelf().read(tenant, key, now)
    }

    /// Removes the value of that tenant and key; `false` where there is none.
    pub fn remove(&self, tenant: Option<&str>, key: &str) -> bool {
        let now = self.0.clock.now();
        let (gone, removed_key) = {
            let mut shelf = self.shelf();
            let gone = shelf.sweep(now, SWEPT_AT_ONCE);
            (gone, shelf.remove(tenant, key, now))
        };
        let found = removed_key.is_some();
        let changes: Vec<MemoryChange> = gone.into_iter().chain(removed_key).map(removed).collect();
        self.tell(&changes);
        found
    }

    /// The resources of that tenant, ordered by the bytes of their keys.
    pub fn list(&self, tenant: Option<&str>, range: MemoryRange<'_>) -> Vec<MemoryEntry> {
        let now = self.0.clock.now();
        let (gone, listed) = {
            let mut shelf = self.shelf();
            (shelf.sweep(now, SWEPT_AT_ONCE), shelf.list(tenant, range, now))
        };
        let changes: Vec<MemoryChange> = gone.into_iter().map(removed).collect();
        self.tell(&changes);
        listed
    }

    /// Whether a text may be a key.
    pub fn allows(&self, key: &str) -> bool {
        self.0.rules.keys.allows(key)
    }

    /// How many values of all tenants have not expired.
    pub fn len(&self) -> usize {
        self.sweep_all();
        self.shelf().len()
    }

    /// There is no value that has not expired.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the values of all tenants that have not expired are charged, in bytes.
    pub fn used_bytes(&self) -> usize {
        self.sweep_all();
        self.shelf().used()
    }

    /// Calls `watch` after every change, from now on, on the thread that made it: it must be quick and must not panic.
    ///
    /// What has expired is noticed when the handler is next used.
    pub fn watch(&self, watch: impl Fn(&MemoryChange) + Send + Sync + 'static) {
        self.0.watchers.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(watch));
    }

    /// What is wrong with what the owner said; a server that is built with it reports them.
    pub fn problems(&self) -> &[Problem] {
        &self.0.problems
    }

    fn sweep_all(&self) {
        let now = self.0.clock.now();
        let gone = self.shelf().sweep(now, usize::MAX);
        let changes: Vec<MemoryChange> = gone.into_iter().map(removed).collect();
        self.tell(&changes);
    }

    /// Without any lock, so that whoever is told can use the handler.
    fn tell(&self, changes: &[MemoryChange]) {
        if changes.is_empty() {
            return;
        }
        let watchers = self.0.watchers.read().unwrap_or_else(PoisonError::into_inner).clone();
        for change in changes {
            watchers.iter().for_each(|watch| watch(change));
        }
    }

    /// No code that runs under the lock panics; were it to, the shelf would still be whole.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryItem {
    /// What a value is charged beside its key, its MIME type and itself, in bytes: its places in the maps. Measured:
    /// 382 bytes.
    pub const OVERHEAD: usize = 512;

    /// What a tenant that has values is charged beside its name, in bytes: its own maps, as a first value makes them.
    /// Callers without a tenant are charged as one. Measured: 1,166 bytes.
    pub const TENANT_OVERHEAD: usize = 1_280;

    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self { body: MemoryBody::Text(text.into()), mime_type: None }
    }

    /// Bytes.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { body: MemoryBody::Bytes(bytes.into()), mime_type: None }
    }

    /// Says the MIME type.
    #[must_use]
    pub fn with_mime_type(mut self, mime_type: impl Into<Arc<str>>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    /// Its text or its bytes.
    pub fn body(&self) -> &MemoryBody {
        &self.body
    }

    /// Its text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.body {
            MemoryBody::Text(text) => Some(text),
            MemoryBody::Bytes(_) => None,
        }
    }

    /// Its MIME type, where one was said.
    pub fn mime_type(&self) -> Option<&str> {
        self.mime_type.as_deref()
    }

    /// How many bytes its text or its bytes have.
    pub fn size(&self) -> usize {
        match &self.body {
            MemoryBody::Text(text) => text.len(),
            MemoryBody::Bytes(bytes) => bytes.len(),
        }
    }
}

impl fmt::Debug for MemoryResourceHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryResourceHandler").field("rules", &self.0.rules).finish_non_exhaustive()
    }
}

/// Its length alone: what is stored may be somebody's secret.
impl fmt::Debug for MemoryBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}

impl fmt::Debug for MemoryItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryItem").field("body", &self.body).field("mime_type", &self.mime_type).finish()
    }
}

fn removed(Gone { tenant, key }: Gone) -> MemoryChange {
    MemoryChange { tenant, key, kind: MemoryChangeKind::Removed }
}

/// Expired values that one operation reclaims at most, so that none waits long for the lock; a value for which there
/// would be no room otherwise reclaims as many as it needs.
const SWEPT_AT_ONCE: usize = 128;
