//! Lists of what is registered by itself and of what mounts hold, as one list with pages, and completions of paths.
//!
//! Every URI is shown only where the gate says so, and only where reading it would lead to the very resource that was
//! listed. What is hidden costs the same whether it is there or not, but for time.

use std::sync::Arc;

use mocopr_core::{
    call::{Call, Request},
    failure::Failure,
    fault::Fault,
    model::{resource::Resource, tool::Completion},
    outcome::{Outcome, Reply},
    page::{CacheHint, CacheScope, Page},
    uri::ResourceUri,
};
use mocopr_security::{
    gate::{Admission, Decision},
    principal::Principal,
    seal::Purpose,
};

use super::{
    mounted::{BUSY_RETRY, Mounted, PageAsked},
    source::{Item, Range},
};
use crate::{
    engine::{Engine, Refused, Scene, Step},
    handler::BoxFuture,
    inflight::Cancel,
    listing::List,
    outlet::Outlet,
    registry::snapshot::{FoundResource, Rank, Snapshot, TemplateEntry},
    running::{Running, Start},
    subject::Subject,
};

impl Engine {
    /// `resources/list`: at once where everything is registered by itself, else as work that has to wait.
    pub(crate) fn list_resources(
        self: &Arc<Self>,
        admission: &Admission,
        call: Call,
        scene: Scene<'_>,
    ) -> Result<Step, Refused> {
        let snapshot = self.registry.snapshot();
        let Some(mount) = snapshot.templates.iter().find_map(|entry| entry.mount.clone()) else {
            return self.list(admission, call, List::Resources);
        };
        let permit = self.protocol(admission, call)?;
        let call = permit.call();
        let Request::ListResources(page) = &call.request else {
            return Err(self.refuse(Some(&call.id), Fault::Internal, call.revision));
        };
        let who = permit.principal().clone();
        let Some(walk) = snapshot.walks.enter(&who) else {
            return Err(self.refuse(Some(&call.id), Fault::Busy { retry_after: BUSY_RETRY }, call.revision));
        };
        let asked =
            PageAsked { engine: self.clone(), snapshot: Arc::clone(&snapshot), who: who.clone(), page: page.clone() };
        let outlet = Arc::new(Outlet::new(None, None, Default::default(), self.limits().queued_messages.get()));
        let taken = self.take_id(scene, call, Cancel::Call(outlet.clone()))?;
        let listing = mount.page(asked);
        let future: BoxFuture<'static, Outcome> = Box::pin(async move {
            let outcome = listing.await;
            drop(walk);
            outcome
        });
        let start = Start {
            future,
            outlet,
            id: call.id.clone(),
            revision: call.revision,
            admission: permit.admission().clone(),
            subject: Subject::List,
            state_bind: None,
            timeout: self.limits().request,
            taken,
        };
        Ok(Step::Run(Running::new(self.clone(), start), scene.session.cloned()))
    }
}

/// One page.
pub(super) async fn page(asked: PageAsked) -> Outcome {
    match gather(&asked).await {
        Ok(page) => Outcome::Complete(Reply::Resources(page)),
        Err(failure) => Outcome::Failed(failure),
    }
}

/// What may complete the path that was typed so far: paths that the caller may read.
pub(super) async fn completion(
    engine: &Engine,
    entry: &Arc<TemplateEntry>,
    mount: &dyn Mounted,
    who: &Principal,
    typed: &str,
) -> Result<Completion, Failure> {
    let snapshot = engine.registry.snapshot();
    let snapshot = Arc::clone(&snapshot);
    let Some(_walk) = snapshot.walks.enter(who) else {
        return Err(Failure::from_fault(Fault::Busy { retry_after: BUSY_RETRY }));
    };
    let sight = Sight { engine, snapshot: &snapshot, who };
    let mut walk = Walk::new(entry, mount, typed, None, SCANNED);
    let mut values = Vec::new();
    while values.len() <= COMPLETIONS {
        let Some(item) = walk.next(who, COMPLETIONS + 1).await? else { break };
        if sight.decide(entry, mount, &item).is_some_and(|(_, decision)| decision == Decision::Permit) {
            values.push(String::from(item.path));
        }
    }
    let has_more = values.len() > COMPLETIONS;
    values.truncate(COMPLETIONS);
    Ok(Completion { values, total: None, has_more })
}

/// The entries of one page, and one more to know whether there is a next.
async fn gather(asked: &PageAsked) -> Result<Page<Resource>, Failure> {
    let PageAsked { engine, snapshot, who, page } = asked;
    let sight = Sight { engine, snapshot, who };
    let bind: [&[u8]; 2] = [b"resources of mounts", who.binding()];
    let start = match &page.cursor {
        None => None,
        Some(cursor) => {
            let payload = engine.ring().open(Purpose::Cursor, &bind, cursor).ok();
            let start = payload.as_deref().and_then(Position::read);
            Some(start.ok_or_else(|| Failure::from_fault(Fault::Sealed("invalid cursor")))?)
        }
    };
    let size = engine.page_size.get();
    let mut gathered = Gathered { entries: Vec::new(), most: size.saturating_add(1), next: None };
    sight.fixed(start.as_ref(), &mut gathered);
    let mut left = SCANNED;
    for (rank, entry) in snapshot.templates.ranked() {
        let Some(mount) = &entry.mount else { continue };
        let after = match &start {
            Some(Position::Below(last, _)) if rank < last => continue,
            Some(Position::Below(last, path)) if rank == last => Some(path.clone()),
            Some(Position::Below(..) | Position::Fixed(_)) | None => None,
        };
        if gathered.is_full() || gathered.next.is_some() {
            break;
        }
        let mut walk = Walk::new(entry, &**mount, "", after, left);
        while !gathered.is_full() {
            let Some(item) = walk.next(who, gathered.room()).await? else { break };
            if let Some((uri, decision)) = sight.decide(entry, &**mount, &item)
                && decision != Decision::Hidden
            {
                let position = Position::Below(*rank, item.path.clone());
                gathered.entries.push((position, listed(&uri, item)));
            }
        }
        left = walk.left;
        // The page ends here, short, and the next one goes on behind what was looked at.
        if left == 0 && !gathered.is_full() {
            gathered.next = walk.after.map(|path| Position::Below(*rank, path));
        }
    }
    if gathered.is_full() {
        gathered.entries.pop();
        gathered.next = gathered.entries.last().map(|(position, _)| position.clone());
    }
    let next_cursor = match &gathered.next {
        None => None,
        Some(position) => Some(
            engine
                .ring()
                .seal(Purpose::Cursor, &bind, &position.to_bytes())
                .map_err(|_| Failure::from_fault(Fault::Internal))?,
        ),
    };
    // What a source lists may depend on who asks.
    let cache = CacheHint { ttl: engine.list_ttl, scope: CacheScope::Private };
    Ok(Page { items: gathered.entries.into_iter().map(|(_, resource)| resource).collect(), next_cursor, cache })
}

/// The entries of a page so far.
struct Gathered {
    entries: Vec<(Position, Resource)>,
    /// One more than the page has.
    most: usize,
    next: Option<Position>,
}

impl Gathered {
    fn room(&self) -> usize {
        self.most.saturating_sub(self.entries.len())
    }

    fn is_full(&self) -> bool {
        self.room() == 0
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Position {
    /// With an entry that is registered by itself.
    Fixed(Rank),
    /// With the resource at that path of the mount of that rank.
    Below(Rank, Box<str>),
}

impl Position {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Fixed(rank) => [&[0], &rank.to_bytes()[..]].concat(),
            Self::Below(rank, path) => [&[1], &rank.to_bytes()[..], path.as_bytes()].concat(),
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (rank, path) = rest.split_first_chunk()?;
        let rank = Rank::from_bytes(*rank);
        match (kind, path) {
            (0, []) => Some(Self::Fixed(rank)),
            (1, path) => Some(Self::Below(rank, std::str::from_utf8(path).ok()?.into())),
            _ => None,
        }
    }
}

/// What one caller sees of one snapshot.
#[derive(Clone, Copy)]
struct Sight<'a> {
    engine: &'a Engine,
    snapshot: &'a Snapshot,
    who: &'a Principal,
}

impl Sight<'_> {
    /// What is registered by itself, from where the page begins.
    fn fixed(self, start: Option<&Position>, gathered: &mut Gathered) {
        let entries = self.snapshot.resources.ranked().iter();
        for (rank, entry) in entries {
            let begins = match start {
                None => true,
                Some(Position::Fixed(last)) => rank > last,
                Some(Position::Below(..)) => false,
            };
            if gathered.is_full() || !begins {
                continue;
            }
            if self.engine.gate.decide(self.who, entry.target()) != Decision::Hidden {
                gathered.entries.push((Position::Fixed(*rank), entry.info.clone()));
            }
        }
    }

    /// The URI of an item and the gate's decision on it; `None` where the URI leads elsewhere or nowhere.
    fn decide(self, entry: &Arc<TemplateEntry>, mount: &dyn Mounted, item: &Item) -> Option<(ResourceUri, Decision)> {
        let uri = mount.uri_of(&item.path).filter(|_| item.path.len() <= MAX_PATH)?;
        let found = self.snapshot.resource(&uri)?;
        let is_this = matches!(&found, FoundResource::Mounted(found, _) if Arc::ptr_eq(found, entry));
        let decision = self.engine.gate.decide(self.who, found.target(&uri));
        is_this.then_some((uri, decision))
    }
}

/// Steps through what a source lists, some at a time, in order, and no more of it than a page may look at.
struct Walk<'a> {
    entry: &'a TemplateEntry,
    mount: &'a dyn Mounted,
    prefix: &'a str,
    after: Option<Box<str>>,
    ready: std::vec::IntoIter<Item>,
    /// How many more may be looked at.
    left: usize,
    /// How many the source was asked for last.
    asked: usize,
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(
        entry: &'a TemplateEntry,
        mount: &'a dyn Mounted,
        prefix: &'a str,
        after: Option<Box<str>>,
        left: usize,
    ) -> Self {
        Self { entry, mount, prefix, after, ready: Vec::new().into_iter(), left, asked: 0, ended: false }
    }

    /// The next item, of which about `wanted` will be asked for.
    async fn next(&mut self, who: &Principal, wanted: usize) -> Result<Option<Item>, Failure> {
        loop {
            if self.left == 0 {
                return Ok(None);
            }
            if let Some(item) = self.ready.next() {
                // A source that repeats itself would be walked for ever.
                if self.after.as_deref().is_some_and(|after| *item.path <= *after) {
                    let note = format!("the source of `{}` lists out of order", self.entry.info.uri_template);
                    return Err(Failure::internal(note));
                }
                self.left -= 1;
                self.after = Some(item.path.clone());
                return Ok(Some(item));
            }
            if self.ended {
                return Ok(None);
            }
            // A source may have to look at all that it has for each range, as a directory does: where most of what it
            // lists is hidden, ranges of one size would make a page of some hundred such looks.
            let limit = wanted.max(FEWEST).max(self.asked.saturating_mul(GROWTH)).min(self.left);
            self.asked = limit;
            let range = Range { prefix: self.prefix, after: self.after.as_deref(), limit };
            let items = self.mount.items(who, range).await?;
            self.ended = items.len() < limit;
            self.ready = items.into_iter();
        }
    }
}

fn listed(uri: &ResourceUri, item: Item) -> Resource {
    let Item { path, title, description, mime_type, size } = item;
    let name = path.rsplit('/').next().unwrap_or_default().into();
    Resource { uri: uri.canonical().into(), name, title, description, mime_type, size, ..Resource::default() }
}

/// The longest path, decoded, that is listed: its cursor is then shorter than a cursor may be.
const MAX_PATH: usize = 700;

/// Items that one page looks at, shown or not.
const SCANNED: usize = 10_000;

/// How many items a source is asked for at first, at least, and how many times as many whenever these were not enough:
/// four or five ranges reach [`SCANNED`].
const FEWEST: usize = 32;
const GROWTH: usize = 4;

/// The most values of a completion (MCP 2025-11-25, server/utilities/completion, "Completion Results").
const COMPLETIONS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back_from_its_bytes_and_from_no_others() {
        let rank = Rank::from_bytes([7; 16]);
        for position in [Position::Fixed(rank), Position::Below(rank, "".into()), Position::Below(rank, "é/b".into())]
        {
            assert_eq!(Position::read(&position.to_bytes()), Some(position));
        }
        let short = &[0; 16][..];
        let (kind, text, more) = ([vec![2], vec![0; 16]].concat(), [vec![1], vec![0; 16], vec![255]].concat(), [0; 18]);
        for bytes in [&[][..], short, &kind, &text, &more] {
            assert_eq!(Position::read(bytes), None, "{bytes:?}");
        }
    }
}
