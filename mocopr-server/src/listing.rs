//! Bodies of lists, page by page: encoded once per snapshot, revision and set of visible entries, then served as
//! bytes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use dashmap::DashMap;
use mocopr_core::{
    call::ListPage,
    fault::Fault,
    page::{CacheHint, CacheScope, Page},
    wire::{encode, revision::Revision},
};
use mocopr_security::{
    gate::{Decision, Gate, Target},
    principal::Principal,
    random::digest,
    seal::{KeyRing, Purpose},
};

use crate::registry::snapshot::Snapshot;

/// What has been encoded of one snapshot.
#[derive(Debug, Default)]
pub(crate) struct Listings(DashMap<Key, Bytes>);

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

/// What the caller may see of a list: all of it, or these places.
enum Sight {
    All,
    Some(Vec<usize>),
}

impl List {
    /// The JSON of the `result` of one page.
    ///
    /// # Errors
    /// [`Fault::Sealed`] for a cursor that this server did not make for this list and this set of entries.
    pub(crate) fn read(self, snapshot: &Snapshot, page: &ListPage, reading: &Reading<'_>) -> Result<Bytes, Fault> {
        match self {
            Self::Tools => {
                let entries = snapshot.tools.entries();
                let view = View { entries, name: |entry| &entry.info.name, target: |entry| entry.target() };
                view.page(self, snapshot, page, reading, |entry| &entry.info, encode::tools)
            }
            Self::Prompts => {
                let entries = snapshot.prompts.entries();
                let view = View { entries, name: |entry| &entry.info.name, target: |entry| entry.target() };
                view.page(self, snapshot, page, reading, |entry| &entry.info, encode::prompts)
            }
            Self::Resources => {
                let entries = snapshot.resources.entries();
                let view = View { entries, name: |entry| &entry.canonical, target: |entry| entry.target() };
                view.page(self, snapshot, page, reading, |entry| &entry.info, encode::resources)
            }
            Self::Templates => {
                let entries = snapshot.templates.as_slice();
                let view = View { entries, name: |entry| &entry.info.uri_template, target: |entry| entry.target() };
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
    entries: &'a [Arc<T>],
    name: fn(&T) -> &str,
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
        let sight = self.sight(reading);
        let class = sight.class();
        let bind: [&[u8]; 2] = [list.tag(), &class];
        let start = match &page.cursor {
            None => 0,
            Some(cursor) => self.start(cursor, &bind, &sight, reading.ring)?,
        };
        let key = Key { list, revision: reading.revision, class, start };
        if let Some(known) = snapshot.listings.0.get(&key) {
            return Ok(known.value().clone());
        }

        let visible = |place: usize| match &sight {
            Sight::All => self.entries.get(place),
            Sight::Some(places) => places.get(place).and_then(|place| self.entries.get(*place)),
        };
        let end = start.saturating_add(reading.page_size);
        let items: Vec<&I> = (start..end).map_while(visible).map(|entry| info(entry)).collect();
        let next_cursor = match (visible(end), end.checked_sub(1).and_then(visible)) {
            (Some(_), Some(last)) => {
                let mut payload = (end as u64).to_be_bytes().to_vec();
                payload.extend_from_slice((self.name)(last).as_bytes());
                Some(reading.ring.seal(Purpose::Cursor, &bind, &payload).map_err(|_| Fault::Internal)?)
            }
            _ => None,
        };
        let bytes = encode(&Page { items, next_cursor, cache: reading.cache }, reading.revision);
        if snapshot.listings.0.len() < MAX_KEPT {
            snapshot.listings.0.insert(key, bytes.clone());
        }
        Ok(bytes)
    }

    fn sight(&self, reading: &Reading<'_>) -> Sight {
        if reading.gate.is_unrestricted(reading.who) {
            return Sight::All;
        }
        let seen = |entry: &T| reading.gate.decide(reading.who, (self.target)(entry)) != Decision::Hidden;
        Sight::Some(self.entries.iter().enumerate().filter(|(_, entry)| seen(entry)).map(|(place, _)| place).collect())
    }

    /// Where the page of that cursor begins: after the entry that the last page ended with, or, if that is gone, at
    /// the same place.
    fn start(&self, cursor: &str, bind: &[&[u8]], sight: &Sight, ring: &KeyRing) -> Result<usize, Fault> {
        let refused = Fault::Sealed("invalid cursor");
        let payload = ring.open(Purpose::Cursor, bind, cursor).map_err(|_| refused.clone())?;
        let (place, name) = payload.split_first_chunk::<8>().ok_or(refused.clone())?;
        let place = usize::try_from(u64::from_be_bytes(*place)).map_err(|_| refused)?;
        let named = |entry: &Arc<T>| (self.name)(entry).as_bytes() == name;
        let after = match sight {
            Sight::All => self.entries.iter().position(named),
            Sight::Some(places) => places.iter().position(|place| self.entries.get(*place).is_some_and(named)),
        };
        Ok(after.map_or(place, |last| last + 1))
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

/// The hint for lists: shared only where nothing depends on the caller.
pub(crate) fn hint(gate: &Gate, ttl: Duration) -> CacheHint {
    let scope = if gate.depends_on_caller() { CacheScope::Private } else { CacheScope::Public };
    CacheHint { ttl, scope }
}

/// Encoded pages kept of one snapshot; more are encoded anew each time.
const MAX_KEPT: usize = 256;
