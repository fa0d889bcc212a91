//! Looking now and then whether watched resources of mounts changed, for sources that cannot tell.
//!
//! It runs inside of whoever waits for changes, so it begins with the first subscriber that listens, ends with the
//! last, and is no task of its own. Of several that wait one looks for all.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use mocopr_core::uri::ResourceUri;
use tokio::time::Instant;

use super::mounted::{Mounted, Resolved};
use crate::{
    handler::BoxFuture,
    subscribe::{Change, Hub, Looks},
};

/// Adds a mount to those that are looked at this often.
pub(super) fn poll(hub: &Arc<Hub>, mount: &Arc<dyn Mounted>, period: Duration) {
    let polled = Polled { mount: Arc::downgrade(mount), period: period.max(SHORTEST) };
    hub.look_with(|| Box::new(Watch::default())).join(polled);
}

/// A mount whose resources are looked at.
pub(crate) struct Polled {
    mount: Weak<dyn Mounted>,
    period: Duration,
}

/// What was seen when it was last looked.
#[derive(Default)]
struct Watch {
    polled: Mutex<Vec<Polled>>,
    /// Held while somebody looks, so that only one does.
    seen: tokio::sync::Mutex<Seen>,
    /// When all were last looked at, or the first was seen.
    looked: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Seen {
    /// By URI in normal form.
    fingerprints: BTreeMap<Box<str>, Option<u64>>,
    /// Behind which URI the next look begins, where there are more than one look takes.
    behind: Option<Box<str>>,
}

impl Looks for Watch {
    fn join(&self, polled: Polled) {
        let mut mounts = self.polled.lock().unwrap_or_else(PoisonError::into_inner);
        mounts.retain(|known| known.mount.strong_count() > 0);
        mounts.push(polled);
    }

    fn covers(&self, uri: &ResourceUri) -> bool {
        self.mounts().iter().any(|(mount, _)| matches!(mount.resolve(uri), Resolved::Path(_)))
    }

    fn look<'a>(&'a self, hub: &'a Hub, own: Vec<ResourceUri>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.begin(&own).await;
            let Some(period) = self.mounts().iter().map(|(_, period)| *period).min() else {
                return std::future::pending().await;
            };
            // Whoever waits may be woken for other things more often than that, and begin anew each time.
            tokio::time::sleep_until(self.looked() + period).await;
            // Another may have looked meanwhile, for this one as well.
            let mut seen = self.seen.lock().await;
            if self.looked().elapsed() >= period {
                self.look_at_all(&mut seen, hub).await;
                *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
        })
    }
}

impl Watch {
    fn mounts(&self) -> Vec<(Arc<dyn Mounted>, Duration)> {
        let polled = self.polled.lock().unwrap_or_else(PoisonError::into_inner);
        polled.iter().filter_map(|polled| Some((polled.mount.upgrade()?, polled.period))).collect()
    }

    fn looked(&self) -> Instant {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now)
    }

    /// Takes down how the resources look that nobody has watched before.
    async fn begin(&self, own: &[ResourceUri]) {
        let mut seen = self.seen.lock().await;
        let new: Vec<&ResourceUri> =
            own.iter().filter(|uri| !seen.fingerprints.contains_key(uri.canonical())).collect();
        if new.is_empty() {
            return;
        }
        let looks = self.fingerprints(&new).await;
        seen.fingerprints.extend(looks);
    }

    /// Compares what is watched with how it looked, and tells.
    async fn look_at_all(&self, seen: &mut Seen, hub: &Hub) {
        let watched: BTreeSet<Box<str>> =
            hub.watched().into_iter().filter(|uri| seen.fingerprints.contains_key(uri)).collect();
        seen.fingerprints.retain(|uri, _| watched.contains(uri));
        let start = seen.behind.take().map_or(Bound::Unbounded, Bound::Excluded);
        let uris: Vec<ResourceUri> = watched
            .range((start, Bound::Unbounded))
            .take(LOOKED_AT_ONCE)
            .filter_map(|uri| ResourceUri::parse(uri).ok())
            .collect();
        let looks = self.fingerprints(&uris.iter().collect::<Vec<_>>()).await;
        if uris.len() == LOOKED_AT_ONCE {
            seen.behind = uris.last().map(|uri| uri.canonical().into());
        }
        for (uri, look) in looks {
            if seen.fingerprints.get(&uri).is_some_and(|before| *before != look) {
                seen.fingerprints.insert(uri.clone(), look);
                hub.tell(&Change::Resource(uri));
            }
        }
    }

    /// How these resources look now, each as far as a mount has it.
    async fn fingerprints(&self, uris: &[&ResourceUri]) -> Vec<(Box<str>, Option<u64>)> {
        let mut looks = Vec::new();
        for (mount, _) in self.mounts() {
            let places: Vec<(&str, Box<str>)> = uris
                .iter()
                .filter_map(|uri| match mount.resolve(uri) {
                    Resolved::Path(raw) => Some((uri.canonical(), raw)),
                    Resolved::Elsewhere | Resolved::Absent => None,
                })
                .collect();
            for some in places.chunks(ASKED_AT_ONCE) {
                let raw: Vec<&str> = some.iter().map(|(_, raw)| &**raw).collect();
                let fingerprints = mount.fingerprints(&raw).await;
                looks.extend(some.iter().zip(fingerprints).map(|((uri, _), look)| (Box::from(*uri), look)));
            }
        }
        looks
    }
}

/// Looking more often would cost more than it tells.
const SHORTEST: Duration = Duration::from_millis(50);

/// Resources that one look compares; the next goes on behind them.
const LOOKED_AT_ONCE: usize = 4_096;

/// Paths that a source is asked for at a time.
const ASKED_AT_ONCE: usize = 256;
