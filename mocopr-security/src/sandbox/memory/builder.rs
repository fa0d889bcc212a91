//! What an owner says of resources in memory.

use std::{
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};

use mocopr_core::clock::{Clock, SystemClock};

use super::{Inner, MemoryResourceHandler, Rules, Shelf, WhenFull};
use crate::{policy::Problem, sandbox::key::KeyValidator};

/// Collects what [`MemoryResourceHandler`] is made of.
///
/// An example is at [`MemoryResourceHandler`].
#[derive(Clone, Debug)]
#[must_use = "a builder makes a handler with `.build()`"]
pub struct MemoryResourceBuilder {
    rules: Rules,
    clock: Arc<dyn Clock>,
}

impl Default for MemoryResourceBuilder {
    fn default() -> Self {
        let rules = Rules {
            limit: DEFAULT_LIMIT,
            tenant_limit: None,
            keys: KeyValidator::default(),
            ttl: Some(DEFAULT_TTL),
            when_full: WhenFull::default(),
        };
        Self { rules, clock: Arc::new(SystemClock::new()) }
    }
}

impl MemoryResourceBuilder {
    /// How many bytes all values may take, with their keys and what keeping them costs; 50 MiB unless said.
    pub fn with_memory_limit(mut self, bytes: usize) -> Self {
        self.rules.limit = bytes;
        self
    }

    /// How many bytes the values of one tenant may take; as many as of all unless said.
    pub fn with_tenant_limit(mut self, bytes: usize) -> Self {
        self.rules.tenant_limit = Some(bytes);
        self
    }

    /// Which texts may be keys; ASCII letters and digits alone unless said.
    pub fn with_key_validation(mut self, keys: KeyValidator) -> Self {
        self.rules.keys = keys;
        self
    }

    /// How long a value lives, by a clock that no change of the wall clock moves; one hour unless said.
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.rules.ttl = Some(ttl);
        self
    }

    /// Values live until they are removed.
    pub fn without_ttl(mut self) -> Self {
        self.rules.ttl = None;
        self
    }

    /// What happens to a value for which there is no room; it is refused unless said.
    pub fn with_eviction(mut self, when_full: WhenFull) -> Self {
        self.rules.when_full = when_full;
        self
    }

    /// Where time comes from; for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the handler. What is wrong with it, the server that it is mounted on reports when it is built.
    pub fn build(self) -> MemoryResourceHandler {
        let Self { rules, clock } = self;
        let mut problems = Vec::new();
        if rules.limit == 0 || rules.tenant_limit == Some(0) {
            problems.push(Problem::new(
                "resources in memory may take no byte",
                "give .with_memory_limit(..) and .with_tenant_limit(..) a number of bytes above zero",
            ));
        }
        if rules.ttl == Some(Duration::ZERO) {
            problems.push(Problem::new(
                "resources in memory expire at once",
                "give .with_ttl(..) a time above zero, or call .without_ttl()",
            ));
        }
        let (shelf, watchers) = (Mutex::new(Shelf::default()), RwLock::default());
        MemoryResourceHandler(Arc::new(Inner { shelf, rules, clock, watchers, problems }))
    }
}

/// 50 MiB: some thousand documents, and little beside a server's own memory.
const DEFAULT_LIMIT: usize = 50 * 1024 * 1024;

/// One hour.
const DEFAULT_TTL: Duration = Duration::from_secs(60 * 60);
