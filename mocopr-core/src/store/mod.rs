//! The one small store behind sessions, used-once ids, revocations and counters.
//!
//! Each operation is atomic for its key, and every entry expires. Keys are built from parts, never joined as text, so
//! that no caller's key can name another's. An implementation that cannot keep a promise here must answer with an
//! error: a lost used-once id is a replay.

mod key;
mod memory;

use std::{error::Error, fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;

pub use self::{
    key::{Key, KeyParts, Keyspace},
    memory::{MemoryStore, StoreCapacity},
};

/// What an operation of a store answers, later.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Small values under keys, each for a time.
///
/// An expired entry is absent for every operation, from the instant at which its time is over. A time to live of zero
/// is over at once.
///
/// # Cancel safety
/// An operation whose future is dropped has either happened in whole or not at all.
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// The entry, or `None` where there is none.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`].
    fn get<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Entry>>;

    /// Writes the entry, whether or not there was one.
    ///
    /// # Errors
    /// [`StoreErrorKind::Full`], and then the earlier entry stands; [`StoreErrorKind::Unavailable`].
    fn put<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Duration) -> StoreFuture<'a, ()>;

    /// Writes the entry where there is none; of several callers at once, exactly one is told `true`.
    ///
    /// # Errors
    /// [`StoreErrorKind::Full`], [`StoreErrorKind::Unavailable`]; both mean that nothing is proven: refuse.
    fn put_new<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Duration) -> StoreFuture<'a, bool>;

    /// Removes the entry and answers its value; of several callers at once, at most one gets it.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`].
    fn take<'a>(&'a self, key: &'a Key) -> StoreFuture<'a, Option<Bytes>>;

    /// Replaces the entry where its version is still `expected`, and tells whether it was.
    ///
    /// A version is never given twice to one key, also when the entry was taken and written again in between.
    ///
    /// # Errors
    /// [`StoreErrorKind::Full`], and then the earlier entry stands; [`StoreErrorKind::Unavailable`].
    fn swap<'a>(&'a self, key: &'a Key, expected: u64, value: Bytes, ttl: Duration) -> StoreFuture<'a, bool>;
}

/// A value and which writing of it this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was written.
    pub value: Bytes,
    /// Which writing it was; for [`Store::swap`], equal or not equal and nothing else.
    pub version: u64,
}

/// A store did not do what was asked.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why a store did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is no room, and nothing that lives is dropped to make some.
    Full,
    /// It could not be reached, or did not answer; whether a write happened is not known.
    Unavailable,
}

impl StoreError {
    /// There is no room.
    pub fn full() -> Self {
        Self { kind: StoreErrorKind::Full, source: None }
    }

    /// The store could not be reached, for this reason, which only the log sees.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: StoreErrorKind::Unavailable, source: Some(source.into()) }
    }

    /// Why.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Full => "the store is full",
            StoreErrorKind::Unavailable => "the store is not available",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
