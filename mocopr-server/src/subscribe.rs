//! Who wants to be told of what, and the telling.
//!
//! What waits for a subscriber is a set of changes, not a queue of messages: two changes of a list are one, so a
//! slow reader costs a bounded amount and loses nothing. A change that concerns one tenant is told to nobody else.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use dashmap::DashMap;
use mocopr_core::{
    model::{ask::ListenFilter, notice::Notice},
    uri::ResourceUri,
};
use mocopr_security::principal::Principal;
use tokio::sync::Notify;

use crate::{
    handler::BoxFuture,
    resources::{source::Audience, watch::Polled},
};

/// Everybody who wants to be told.
#[derive(Default)]
pub(crate) struct Hub {
    subscribers: DashMap<u64, Arc<Inbox>>,
    next: AtomicU64,
    /// Looks whether something changed that nobody tells of; there only where some source needs it.
    looks: OnceLock<Box<dyn Looks>>,
}

/// Looks now and then, inside of whoever waits.
pub(crate) trait Looks: Send + Sync {
    /// Adds something to look at.
    fn join(&self, polled: Polled);

    /// Whether changes of that resource are noticed only by looking.
    fn covers(&self, uri: &ResourceUri) -> bool;

    /// Remembers how `own` look where nobody watched them before, waits until it is time, and tells of what changed.
    fn look<'a>(&'a self, hub: &'a Hub, own: Vec<ResourceUri>) -> BoxFuture<'a, ()>;
}

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Tools,
    Prompts,
    Resources,
    /// By its URI in normal form.
    Resource(Box<str>),
}

/// One subscriber: what it wants, and what has changed since it looked.
#[derive(Debug)]
pub(crate) struct Subscription {
    hub: Arc<Hub>,
    number: u64,
    inbox: Arc<Inbox>,
}

#[derive(Debug)]
struct Inbox {
    /// That of the subscriber.
    tenant: Option<Box<str>>,
    state: Mutex<State>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Which lists are told; its URIs are in `watched`.
    filter: ListenFilter,
    watched: Vec<Watched>,
    tools: bool,
    prompts: bool,
    resources: bool,
    /// Resources that changed, as the subscriber wrote them.
    uris: BTreeSet<Box<str>>,
}

/// A resource that a subscriber wants to be told of. Told by the name that the subscriber knows it by.
#[derive(Debug)]
struct Watched(ResourceUri);

impl Hub {
    /// Opens a subscription.
    pub(crate) fn subscribe(self: &Arc<Self>, filter: ListenFilter, who: &Principal) -> Subscription {
        let watched = filter.uris.iter().filter_map(|uri| ResourceUri::parse(uri).ok().map(Watched)).collect();
        let state = Mutex::new(State { filter, watched, ..State::default() });
        let inbox = Arc::new(Inbox { tenant: who.tenant().map(Into::into), state, ready: Notify::new() });
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.subscribers.insert(number, inbox.clone());
        Subscription { hub: self.clone(), number, inbox }
    }

    /// Tells everybody who asked.
    pub(crate) fn tell(&self, change: &Change) {
        self.tell_some(change, Audience::Everybody);
    }

    /// Tells those of an audience who asked.
    pub(crate) fn tell_some(&self, change: &Change, whom: Audience<'_>) {
        for inbox in self.inboxes() {
            let concerned = match whom {
                Audience::Everybody => true,
                Audience::Tenant(tenant) => inbox.tenant.as_deref() == tenant,
            };
            if concerned {
                inbox.put(change);
            }
        }
    }

    /// Every resource that somebody wants to be told of, by its URI in normal form.
    pub(crate) fn watched(&self) -> BTreeSet<Box<str>> {
        let mut watched = BTreeSet::new();
        for inbox in self.inboxes() {
            watched.extend(inbox.lock().watched.iter().map(|known| Box::from(known.0.canonical())));
        }
        watched
    }

    /// What looks for changes; `make` makes it where there is none yet.
    pub(crate) fn look_with(&self, make: impl FnOnce() -> Box<dyn Looks>) -> &dyn Looks {
        &**self.looks.get_or_init(make)
    }

    fn inboxes(&self) -> Vec<Arc<Inbox>> {
        self.subscribers.iter().map(|entry| entry.value().clone()).collect()
    }
}

impl Subscription {
    /// Waits for the next change and takes it.
    ///
    /// # Cancel safety
    /// A change is taken only when this returns.
    pub(crate) async fn next(&self) -> Notice {
        loop {
            let ready = self.inbox.ready.notified();
            if let Some(notice) = self.inbox.lock().take() {
                return notice;
            }
            match self.looked_at() {
                None => ready.await,
                Some((looks, own)) => tokio::select! {
                    biased;
                    () = ready => {}
                    () = looks.look(&self.hub, own) => {}
                },
            }
        }
    }

    /// The resources that must be looked at, and who does.
    fn looked_at(&self) -> Option<(&dyn Looks, Vec<ResourceUri>)> {
        let looks = self.hub.looks.get()?;
        let uris: Vec<ResourceUri> = self.inbox.lock().watched.iter().map(|known| known.0.clone()).collect();
        let own: Vec<ResourceUri> = uris.into_iter().filter(|uri| looks.covers(uri)).collect();
        (!own.is_empty()).then_some((&**looks, own))
    }

    /// Adds a resource to what is told; `false` where there are `max` already.
    pub(crate) fn add(&self, uri: &ResourceUri, max: usize) -> bool {
        let mut state = self.inbox.lock();
        if state.watched.iter().any(|known| known.0 == *uri) {
            return true;
        }
        if state.watched.len() >= max {
            return false;
        }
        state.watched.push(Watched(uri.clone()));
        drop(state);
        // Whoever waits already must look at this one as well.
        if self.hub.looks.get().is_some() {
            self.inbox.ready.notify_one();
        }
        true
    }

    /// Takes a resource out of what is told.
    pub(crate) fn remove(&self, uri: &ResourceUri) {
        let mut guard = self.inbox.lock();
        let State { watched, uris, .. } = &mut *guard;
        for gone in watched.extract_if(.., |known| known.0 == *uri) {
            uris.remove(gone.0.as_str());
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.subscribers.remove(&self.number);
    }
}

impl Inbox {
    fn put(&self, change: &Change) {
        let mut state = self.lock();
        let wanted = match change {
            Change::Tools => mark(state.filter.tools, &mut state.tools),
            Change::Prompts => mark(state.filter.prompts, &mut state.prompts),
            Change::Resources => mark(state.filter.resources, &mut state.resources),
            Change::Resource(uri) => {
                let written =
                    state.watched.iter().find(|known| known.0.canonical() == &**uri).map(|known| known.0.as_str());
                let written = written.map(Box::from);
                let wanted = written.is_some();
                state.uris.extend(written);
                wanted
            }
        };
        drop(state);
        if wanted {
            self.ready.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("subscribers", &self.subscribers).finish_non_exhaustive()
    }
}

impl State {
    fn take(&mut self) -> Option<Notice> {
        if std::mem::take(&mut self.tools) {
            return Some(Notice::ToolsChanged);
        }
        if std::mem::take(&mut self.prompts) {
            return Some(Notice::PromptsChanged);
        }
        if std::mem::take(&mut self.resources) {
            return Some(Notice::ResourcesChanged);
        }
        self.uris.pop_first().map(|uri| Notice::ResourceUpdated { uri })
    }
}

fn mark(wanted: bool, changed: &mut bool) -> bool {
    *changed |= wanted;
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_was_asked_for_is_told_and_once() {
        let hub = Arc::new(Hub::default());
        let subscription =
            hub.subscribe(ListenFilter { tools: true, ..ListenFilter::default() }, &Principal::named("ann"));
        hub.tell(&Change::Prompts);
        hub.tell(&Change::Tools);
        hub.tell(&Change::Tools);
        hub.tell(&Change::Resource("a:b".into()));
        assert!(matches!(subscription.next().await, Notice::ToolsChanged));
        assert!(subscription.inbox.lock().take().is_none());
    }

    #[tokio::test]
    async fn a_resource_is_told_after_it_was_added_by_the_name_it_was_added_under() {
        let uri = |text: &str| ResourceUri::parse(text).unwrap();
        let hub = Arc::new(Hub::default());
        let subscription = hub.subscribe(ListenFilter::default(), &Principal::named("ann"));
        hub.tell(&Change::Resource("a:b".into()));
        assert!(subscription.add(&uri("A:b"), 1));
        assert!(!subscription.add(&uri("a:c"), 1));
        hub.tell(&Change::Resource("a:b".into()));
        assert!(matches!(subscription.next().await, Notice::ResourceUpdated { uri } if &*uri == "A:b"));
        hub.tell(&Change::Resource("a:b".into()));
        subscription.remove(&uri("a:b"));
        assert!(subscription.inbox.lock().take().is_none());
    }

    #[test]
    fn a_dropped_subscription_is_forgotten() {
        let hub = Arc::new(Hub::default());
        drop(hub.subscribe(ListenFilter::default(), &Principal::named("ann")));
        assert!(hub.subscribers.is_empty());
    }
}
