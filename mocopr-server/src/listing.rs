//! Bodies of lists, page by page: encoded once per snapshot, revision and set of visible entries, then served as
//! bytes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use dashmap::DashMap;
use mocopr_core::{
    call::ListPage,
    fault::Fault,
    page::{CacheHint, CacheScope, Page},
    wire::{
        encode::{self, Stamp},
        revision::Revision,
    },
};
use mocopr_security::{
    gate::{Decision, Gate, Target},
    principal::Principal,
    random::digest,
    seal::{KeyRing, Purpose},
};

use crate::registry::snapshot::{Rank, Snapshot};

/// What has been decided and encoded of one snapshot.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    pages: DashMap<Key, Bytes>,
    /// What callers see of a list, by what decides that.
    seen: DashMap<(List, [u8; 32]), Arc<Seen>>,
}

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum List {
    Tools,
    Prompts,
    Resources,
    Templates,
}

/// Who asks, and what pages look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) gate: &'a Gate,
    pub(crate) ring: &'a KeyRing,
    pub(crate) who: &'a Principal,
    pub(crate) revision: Revision,
    pub(crate) page_size: usize,
    pub(crate) stamp: &'a Stamp,
    pub(crate) cache: CacheHint,
}

/// Names an encoded page. `class` is a digest of what the caller may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    list: List,
    revision: Revision,
    class: [u8; 32],
    start: usize,
}

/// What a caller sees of a list.
#[derive(Debug)]
struct Seen {
    sight: Sight,
    /// A digest of it.
    class: [u8; 32],
}

static EVERYTHING: Seen = Seen { sight: Sight::All, class: [0; 32] };

/// All of a list, or these places.
#[derive(Debug)]
enum Sight {
    All,
    Some(Box<[usize]>),
}

impl List {
    /// One page: the rest of its message, from the `result` on.
    ///
    /// # Errors
    /// [`Fault::Sealed`] for a cursor that this server did not make for this list and this set of entries.
    pub(crate) fn read(self, snapshot: &Snapshot, page: &ListPage, reading: &Reading<'_>) -> Result<Bytes, Fault> {
        match self {
            Self::Tools => {
                let view = View { entries: snapshot.tools.ranked(), target: |entry| entry.target() };
                view.page(self, snapshot, page, reading, |entry| &entry.info, encode::tools)
            }
            Self::Prompts => {
                let view = View { entries: snapshot.prompts.ranked(), target: |entry| entry.target() };
                view.page(self, snapshot, page, reading, |entry| &entry.info, encode::prompts)
            }
            Self::Resources => {
                let view = View { entries: snapshot.resources.ranked(), target: |entry| entry.target() };
                view.page(self, snapshot, page, reading, |entry| &entry.info, encode::resources)
            }
            Self::Templates => {
                let view = View { entries: snapshot.templates.ranked(), target: |entry| entry.target() };
                view.page(self, snapshot, page, reading, |entry| &entry.info, encode::templates)
            }
        }
    }

    fn tag(self) -> &'static [u8] {
        match self {
            Self::Tools => b"tools",
            Self::Prompts => b"prompts",
            Self::Resources => b"resources",
            Self::Templates => b"templates",
        }
    }
}

/// A list of entries, with what pages need to know of each.
struct View<'a, T> {
    entries: &'a [(Rank, Arc<T>)],
    target: fn(&T) -> Target<'_>,
}

impl<'a, T> View<'a, T> {
    fn page<I: 'a>(
        &self,
        list: List,
        snapshot: &Snapshot,
        page: &ListPage,
        reading: &Reading<'_>,
        info: fn(&'a T) -> &'a I,
        encode: fn(&Page<&I>, Revision) -> Bytes,
    ) -> Result<Bytes, Fault> {
        let kept;
        let Seen { sight, class } = if reading.gate.is_unrestricted(reading.who) {
            &EVERYTHING
        } else {
            kept = self.seen(list, snapshot, reading);
            &*kept
        };
        let class = *class;
        let bind: [&[u8]; 2] = [list.tag(), &class];
        let start = match &page.cursor {
            None => 0,
            Some(cursor) => self.start(cursor, &bind, sight, reading.ring)?,
        };
        let key = Key { list, revision: reading.revision, class, start };
        if let Some(known) = snapshot.listings.pages.get(&key) {
            return Ok(known.value().clone());
        }

        let visible = |place: usize| match sight {
            Sight::All => self.entries.get(place),
            Sight::Some(places) => places.get(place).and_then(|place| self.entries.get(*place)),
        };
        let end = start.saturating_add(reading.page_size);
        let items: Vec<&I> = (start..end).map_while(visible).map(|(_, entry)| info(entry)).collect();
        let next_cursor = match (visible(end), end.checked_sub(1).and_then(visible)) {
            (Some(_), Some((last, _))) => {
                Some(reading.ring.seal(Purpose::Cursor, &bind, &last.to_bytes()).map_err(|_| Fault::Internal)?)
            }
            _ => None,
        };
        let page = Page { items, next_cursor, cache: self.hint(reading.cache) };
        let bytes = encode::kept(&encode(&page, reading.revision), reading.revision, Some(reading.stamp));
        if snapshot.listings.pages.len() < MAX_KEPT {
            snapshot.listings.pages.insert(key, bytes.clone());
        }
        Ok(bytes)
    }

    /// Where a role shows or hides an entry, callers have different lists: whoever keeps one for all of them, such as a
    /// proxy, would show them each other's.
    fn hint(&self, cache: CacheHint) -> CacheHint {
        let by_role = |entry: &T| match (self.target)(entry) {
            Target::Found { need, .. } => !need.roles.is_empty(),
            Target::Protocol | Target::Missing => false,
        };
        if self.entries.iter().any(|(_, entry)| by_role(entry)) {
            return CacheHint { scope: CacheScope::Private, ..cache };
        }
        cache
    }

    /// What the caller sees, which is decided once for all callers of whom the same is known to decide.
    fn seen(&self, list: List, snapshot: &Snapshot, reading: &Reading<'_>) -> Arc<Seen> {
        // Asked before anything is decided: what is decided is then never older than what it is kept under.
        let decides = reading.gate.sight(reading.who).map(|decides| (list, decides));
        if let Some(seen) = decides.and_then(|decides| snapshot.listings.seen.get(&decides)) {
            return seen.value().clone();
        }
        let sees = |entry: &T| reading.gate.decide(reading.who, (self.target)(entry)) != Decision::Hidden;
        let places =
            self.entries.iter().enumerate().filter(|(_, (_, entry))| sees(entry)).map(|(place, _)| place).collect();
        let sight = Sight::Some(places);
        let seen = Arc::new(Seen { class: sight.class(), sight });
        if let Some(decides) = decides
            && self.entries.len() <= MAX_ENTRIES
        {
            if snapshot.listings.seen.len() >= MAX_SIGHTS {
                // Most of it may be of rules that are in force no longer.
                snapshot.listings.seen.clear();
            }
            snapshot.listings.seen.insert(decides, seen.clone());
        }
        seen
    }

    /// Where the page of that cursor begins: after the entry that the last page ended with, whether that is still
    /// there or not, so that a walk meets everything once that stays while other entries come and go.
    fn start(&self, cursor: &str, bind: &[&[u8]], sight: &Sight, ring: &KeyRing) -> Result<usize, Fault> {
        let refused = || Fault::Sealed("invalid cursor");
        let payload = ring.open(Purpose::Cursor, bind, cursor).map_err(|_| refused())?;
        let last = Rank::from_bytes(payload.try_into().map_err(|_| refused())?);
        Ok(match sight {
            Sight::All => self.entries.partition_point(|(rank, _)| *rank <= last),
            Sight::Some(places) => {
                places.partition_point(|place| self.entries.get(*place).is_some_and(|(rank, _)| *rank <= last))
            }
        })
    }
}

impl Sight {
    fn class(&self) -> [u8; 32] {
        match self {
            Self::All => [0; 32],
            Self::Some(places) => {
                let bytes: Vec<u8> = places.iter().flat_map(|place| (*place as u64).to_be_bytes()).collect();
                digest(&[&bytes])
            }
        }
    }
}

/// The hint for what the rules do not make different by caller; a list whose entries require roles narrows it.
pub(crate) fn hint(gate: &Gate, ttl: Duration) -> CacheHint {
    let scope = if gate.depends_on_caller() { CacheScope::Private } else { CacheScope::Public };
    CacheHint { ttl, scope }
}

/// Encoded pages kept of one snapshot; more are encoded anew each time.
const MAX_KEPT: usize = 256;

/// What so many callers of different roles see is kept of one snapshot, for lists of at most so many entries; the rest
/// is decided each time.
const MAX_SIGHTS: usize = 64;
const MAX_ENTRIES: usize = 10_000;
