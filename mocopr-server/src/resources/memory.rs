//! Resources in memory as a source: keys below the base, told of at once, each tenant by itself.

use mocopr_core::{
    failure::Failure,
    model::{
        content::Base64,
        resource::{Body, Contents, ReadResult},
    },
    page::CacheHint,
    uri::ResourceUri,
};
use mocopr_security::{
    policy::Problem,
    principal::Principal,
    sandbox::memory::{MemoryBody, MemoryChangeKind, MemoryEntry, MemoryItem, MemoryRange, MemoryResourceHandler},
};

use super::{
    path,
    source::{Audience, Changes, Item, Range, ResourceSource, Shape, Told, Variable},
};
use crate::handler::BoxFuture;

impl ResourceSource for MemoryResourceHandler {
    fn shape(&self) -> Shape {
        Shape { name: "memory", variable: Variable::Segment("key") }
    }

    fn problems(&self) -> Vec<Problem> {
        self.problems().to_vec()
    }

    fn admits(&self, _uri: &ResourceUri, raw: &str) -> bool {
        path::decode(raw).is_some_and(|key| self.allows(&key))
    }

    fn list<'a>(&'a self, who: &'a Principal, range: Range<'a>) -> BoxFuture<'a, Result<Vec<Item>, Failure>> {
        Box::pin(async move {
            let Range { prefix, after, limit } = range;
            let entries = self.list(who.tenant(), MemoryRange { prefix, after, limit });
            Ok(entries.into_iter().map(item).collect())
        })
    }

    fn read<'a>(&'a self, who: &'a Principal, raw: &'a str) -> BoxFuture<'a, Result<Option<ReadResult>, Failure>> {
        Box::pin(async move {
            let found = path::decode(raw).and_then(|key| self.read(who.tenant(), &key));
            Ok(found.map(|item| contents(&item)))
        })
    }

    fn changes(&self, told: Told) -> Changes {
        self.watch(move |change| {
            let whom = Audience::Tenant(change.tenant.as_deref());
            told.updated(whom, &change.key);
            match change.kind {
                MemoryChangeKind::Added | MemoryChangeKind::Removed => told.list_changed(whom),
                MemoryChangeKind::Replaced => {}
            }
        });
        Changes::Told
    }
}

fn item(entry: MemoryEntry) -> Item {
    let MemoryEntry { key, mime_type, size } = entry;
    Item { mime_type: mime_type.as_deref().map(Into::into), size: u64::try_from(size).ok(), ..Item::new(&*key) }
}

fn contents(item: &MemoryItem) -> ReadResult {
    let body = match item.body() {
        MemoryBody::Text(text) => Body::Text((**text).to_owned()),
        MemoryBody::Bytes(bytes) => Body::Blob(Base64::encode(bytes)),
    };
    let contents = Contents { uri: Box::default(), mime_type: item.mime_type().map(Into::into), body };
    ReadResult { contents: vec![contents], cache: CacheHint::NONE, meta: None }
}
