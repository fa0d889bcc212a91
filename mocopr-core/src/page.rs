//! Pages of lists, and how long an answer may be kept.

use std::time::Duration;

/// How long, and by whom, an answer may be kept (2026-07-28: `ttlMs` and `cacheScope`).
///
/// ```
/// use std::time::Duration;
///
/// use mocopr_core::page::{CacheHint, CacheScope};
///
/// let for_all = CacheHint { ttl: Duration::from_secs(60), scope: CacheScope::Public };
/// let unless_said = CacheHint::default();
/// assert!(unless_said.ttl.is_zero() && unless_said.scope == CacheScope::Private);
/// assert_ne!(for_all, unless_said);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheHint {
    /// How long; zero means: ask again.
    pub ttl: Duration,
    /// By whom.
    pub scope: CacheScope,
}

impl CacheHint {
    /// Not to be kept, and for this caller alone.
    pub const NONE: Self = Self { ttl: Duration::ZERO, scope: CacheScope::Private };
}

impl Default for CacheHint {
    fn default() -> Self {
        Self::NONE
    }
}

/// Who may share a kept answer. Never a means of access control.
///
/// An example is at [`CacheHint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheScope {
    /// Everybody: nothing in it depends on the caller.
    Public,
    /// The caller alone.
    Private,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Where the next page begins, sealed; `None` on the last one.
    pub next_cursor: Option<Box<str>>,
    /// How long, and by whom, the page may be kept.
    pub cache: CacheHint,
}
