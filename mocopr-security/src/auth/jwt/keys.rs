//! Where the keys of an issuer come from.
//!
//! The one seam between checking a token and holding keys: a source says which keys a token may have been signed with,
//! and changes its generation when what it said before may no longer hold. Nothing here knows a URL's content.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::BoxFuture;
use mocopr_core::clock::Clock;

use crate::{
    auth::{
        Proof,
        jwt::{algorithm::JwtAlgorithm, jwk::KeySet, key::VerifyingKey},
    },
    origin::names_this_machine,
    policy::Problem,
};

/// The keys that one token may have been signed with: at most [`MOST_CANDIDATES`].
pub(crate) type Candidates = Arc<[Arc<VerifyingKey>]>;

/// Keys of one issuer.
pub(crate) trait KeySource: Send + Sync + fmt::Debug {
    /// The keys that verify a token whose header names this key, or none, and this algorithm.
    ///
    /// `id` is what a stranger wrote: at most 256 bytes, and nothing but a name to compare.
    fn find(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Found;

    /// Differs from every earlier one as soon as a key that was handed out no longer counts: what was verified under
    /// another generation is forgotten.
    fn generation(&self) -> u64;

    /// Whether a key that was handed out still counts, under its name.
    fn still_has(&self, key: &VerifyingKey) -> bool;
}

/// The key that signed a token, as long as its source has it.
#[derive(Debug)]
pub(crate) struct Signed {
    keys: Arc<dyn KeySource>,
    by: Arc<VerifyingKey>,
    /// The last generation in which the source had the key, so that it is searched for once in each.
    seen: AtomicU64,
}

impl Signed {
    /// A signature by a key that this source had in that generation.
    pub(crate) fn new(keys: Arc<dyn KeySource>, by: Arc<VerifyingKey>, generation: u64) -> Self {
        Self { keys, by, seen: AtomicU64::new(generation) }
    }
}

impl Proof for Signed {
    fn stands(&self) -> bool {
        // Before the key is looked for: it is not seen in a generation that came after it was.
        let generation = self.keys.generation();
        if self.seen.load(Ordering::Acquire) == generation {
            return true;
        }
        let stands = self.keys.still_has(&self.by);
        if stands {
            self.seen.store(generation, Ordering::Release);
        }
        stands
    }
}

/// What a source says of a key.
pub(crate) enum Found {
    /// These may verify it.
    Keys(Candidates),
    /// None does.
    Absent,
    /// That cannot be said now: there are no keys of the issuer at all, or too many wait for those that are fetched.
    #[allow(dead_code, reason = "said by what fetches keys, which is a feature")]
    Unavailable,
    /// Perhaps one that is being fetched. When the future ends the source is asked once more, and a second `Wait`
    /// counts as [`Unavailable`](Self::Unavailable). The future ends by itself, whatever the issuer does.
    #[allow(dead_code, reason = "said by what fetches keys, which is a feature")]
    Wait(BoxFuture<'static, ()>),
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(keys) => f.debug_tuple("Keys").field(keys).finish(),
            Self::Absent => f.write_str("Absent"),
            Self::Unavailable => f.write_str("Unavailable"),
            Self::Wait(_) => f.write_str("Wait(..)"),
        }
    }
}

/// What a source of keys by URL is opened with.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "read by what fetches keys, which is a feature")]
pub(crate) struct KeyLocation {
    /// Who signs with these keys.
    pub(crate) issuer: Box<str>,
    /// Where the key set is; `https`, or `http` to a loopback host where [`PlainHttp`] says so.
    pub(crate) url: Box<str>,
    /// Whether loopback may be reached without TLS.
    pub(crate) plain_http: PlainHttp,
}

/// Whether an issuer on this machine may be reached without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlainHttp {
    /// Everything is HTTPS.
    Refused,
    /// Loopback hosts may be plain HTTP, by the owner's word.
    Loopback,
}

impl PlainHttp {
    /// Whether a URL is `https`, or `http` to this machine where the owner said so.
    pub(crate) fn permits(self, url: &str) -> bool {
        if url.starts_with("https://") {
            return true;
        }
        match (url.strip_prefix("http://"), self) {
            (Some(rest), Self::Loopback) => names_this_machine(rest.split(['/', '?', '#']).next().unwrap_or_default()),
            (Some(_), Self::Refused) | (None, Self::Refused | Self::Loopback) => false,
        }
    }
}

/// Opens the keys of an issuer when a server is built.
pub(crate) type OpenKeys =
    Arc<dyn Fn(KeyLocation, Arc<dyn Clock>) -> Result<Arc<dyn KeySource>, Problem> + Send + Sync>;

/// A set of keys that never changes: tokens choose by name.
impl KeySource for KeySet {
    fn find(&self, id: Option<&str>, algorithm: JwtAlgorithm) -> Found {
        self.candidates(id, algorithm).map_or(Found::Absent, Found::Keys)
    }

    fn generation(&self) -> u64 {
        0
    }

    fn still_has(&self, key: &VerifyingKey) -> bool {
        self.has(key)
    }
}

/// One key that the owner gave: it is used whatever name a token gives.
#[derive(Debug)]
pub(crate) struct OneKey(Candidates);

impl OneKey {
    /// That key, and no other.
    pub(crate) fn new(key: VerifyingKey) -> Self {
        Self([Arc::new(key)].into())
    }
}

impl KeySource for OneKey {
    fn find(&self, _: Option<&str>, algorithm: JwtAlgorithm) -> Found {
        if self.0.iter().all(|key| key.fits(algorithm)) { Found::Keys(Arc::clone(&self.0)) } else { Found::Absent }
    }

    fn generation(&self) -> u64 {
        0
    }

    fn still_has(&self, key: &VerifyingKey) -> bool {
        self.0.iter().any(|own| own.fingerprint() == key.fingerprint())
    }
}

/// The most keys that are tried for one token, so that no token costs more than that many verifications.
pub(crate) const MOST_CANDIDATES: usize = 4;
