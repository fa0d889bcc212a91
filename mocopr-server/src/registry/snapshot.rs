//! What is registered at one moment: immutable, in a fixed order, with compiled schemas.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use dashmap::DashMap;
use mocopr_core::{
    model::{
        capability::Hello,
        prompt::Prompt,
        resource::{Resource, ResourceTemplate},
        tool::Tool,
    },
    uri::{Captures, ResourceUri, UriTemplate},
    wire::{encode, revision::Revision},
};
use mocopr_security::{
    gate::{Kind, Requirement, Target},
    schema::Schema,
};

use crate::{
    ask::Repeatable,
    handler::Handler,
    listing::{List, Listings},
    registry::mirror::Mirror,
    resources::{
        mounted::{Mounted, Resolved},
        walks::Walks,
    },
};

/// What is registered, and what has been encoded of it.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) tools: Shelf<ToolEntry>,
    pub(crate) prompts: Shelf<PromptEntry>,
    pub(crate) resources: Shelf<ResourceEntry>,
    pub(crate) templates: Templates,
    pub(crate) listings: Listings,
    pub(crate) walks: Walks,
    hellos: DashMap<Revision, Bytes>,
    scopes: OnceLock<Box<[Box<str>]>>,
}

/// Entries in the order in which they were first registered, found by name.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    order: Vec<(Rank, Arc<T>)>,
    by_name: HashMap<Box<str>, usize>,
    next: u64,
}

/// Templates, the most specific first, equally specific ones in the order in which they were first registered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Templates {
    order: Vec<(Rank, Arc<TemplateEntry>)>,
    next: u64,
}

/// Where an entry stands in its list: it keeps its rank whatever comes and goes around it, and no other entry ever
/// gets the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// What the list is ordered by, the greatest first.
    class: Reverse<u64>,
    /// The how-manieth entry of its list it was.
    number: u64,
}

/// Something that is found by its name.
pub(crate) trait Named {
    fn name(&self) -> &str;
}

/// A tool, ready to be called.
pub(crate) struct ToolEntry {
    pub(crate) info: Tool,
    pub(crate) input: Schema,
    pub(crate) output: Option<Schema>,
    pub(crate) mirrors: Vec<Mirror>,
    pub(crate) common: Common,
}

/// A prompt, ready to be asked for.
pub(crate) struct PromptEntry {
    pub(crate) info: Prompt,
    pub(crate) completions: Vec<(Box<str>, Arc<dyn Handler>)>,
    pub(crate) common: Common,
}

/// A resource of one URI, ready to be read.
pub(crate) struct ResourceEntry {
    pub(crate) info: Resource,
    /// The URI in normal form.
    pub(crate) canonical: Box<str>,
    pub(crate) common: Common,
}

/// A family of resources, ready to be read.
pub(crate) struct TemplateEntry {
    pub(crate) info: ResourceTemplate,
    pub(crate) template: UriTemplate,
    /// What its URIs have in common, in normal form.
    pub(crate) outline: Box<str>,
    /// What stands at the base of the template, where a source does.
    pub(crate) mount: Option<Arc<dyn Mounted>>,
    pub(crate) completions: Vec<(Box<str>, Arc<dyn Handler>)>,
    pub(crate) common: Common,
}

/// What every entry has.
pub(crate) struct Common {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) need: Requirement,
    pub(crate) repeatable: Repeatable,
}

/// A resource that was found by its URI.
pub(crate) enum FoundResource<'a> {
    Static(&'a Arc<ResourceEntry>),
    Template(&'a Arc<TemplateEntry>, Captures),
    /// A resource of a mount, and its path below the base, still percent-encoded.
    Mounted(&'a Arc<TemplateEntry>, Box<str>),
}

impl Snapshot {
    /// The resource of that URI.
    pub(crate) fn resource(&self, uri: &ResourceUri) -> Option<FoundResource<'_>> {
        if let Some(entry) = self.resources.find(uri.canonical()) {
            return Some(FoundResource::Static(entry));
        }
        for entry in self.templates.iter() {
            match entry.mount.as_ref().map(|mount| mount.resolve(uri)) {
                None => {
                    if let Some(captures) = entry.template.matches(uri) {
                        return Some(FoundResource::Template(entry, captures));
                    }
                }
                Some(Resolved::Elsewhere) => {}
                // A family that begins with less text must not serve what a mount does not.
                Some(Resolved::Absent) => return None,
                Some(Resolved::Path(path)) => return Some(FoundResource::Mounted(entry, path)),
            }
        }
        None
    }

    /// Something of that list is registered; a server without any answers like one that does not know the method.
    pub(crate) fn offers(&self, list: List) -> bool {
        match list {
            List::Tools => !self.tools.is_empty(),
            List::Prompts => !self.prompts.is_empty(),
            List::Resources | List::Templates => !self.resources.is_empty() || !self.templates.is_empty(),
        }
    }

    /// A prompt or template can complete something.
    pub(crate) fn completes(&self) -> bool {
        self.prompts.iter().any(|prompt| !prompt.completions.is_empty())
            || self.templates.iter().any(|template| !template.completions.is_empty() || template.mount.is_some())
    }

    /// All scopes that handlers require, in order: those that anybody may know of. A handler that requires a role is
    /// not there for strangers, and its scopes neither.
    pub(crate) fn scopes(&self) -> &[Box<str>] {
        self.scopes.get_or_init(|| {
            let open = self.commons().filter(|common| common.need.roles.is_empty());
            let scopes: BTreeSet<&Box<str>> = open.flat_map(|common| &common.need.scopes).collect();
            scopes.into_iter().cloned().collect()
        })
    }

    /// All roles that handlers require, in order.
    pub(crate) fn roles(&self) -> BTreeSet<&str> {
        self.commons().flat_map(|common| &common.need.roles).map(|role| &**role).collect()
    }

    /// The names of everything, as rules know them.
    pub(crate) fn names(&self) -> impl Iterator<Item = (Kind, &str)> {
        let tools = self.tools.iter().map(|entry| entry.target());
        let prompts = self.prompts.iter().map(|entry| entry.target());
        let resources = self.resources.iter().map(|entry| entry.target());
        let templates = self.templates.iter().map(|entry| entry.target());
        tools.chain(prompts).chain(resources).chain(templates).filter_map(|target| match target {
            Target::Found { kind, name, .. } => Some((kind, name)),
            Target::Protocol | Target::Missing => None,
        })
    }

    fn commons(&self) -> impl Iterator<Item = &Common> {
        let tools = self.tools.iter().map(|entry| &entry.common);
        let prompts = self.prompts.iter().map(|entry| &entry.common);
        let resources = self.resources.iter().map(|entry| &entry.common);
        let templates = self.templates.iter().map(|entry| &entry.common);
        tools.chain(prompts).chain(resources).chain(templates)
    }

    /// What the server says of itself in a revision, encoded once, to the end of its message.
    pub(crate) fn hello(&self, revision: Revision, hello: impl FnOnce() -> Hello) -> Bytes {
        if let Some(known) = self.hellos.get(&revision) {
            return known.value().clone();
        }
        let bytes = encode::kept(&encode::hello(&hello(), revision), revision, None);
        self.hellos.insert(revision, bytes.clone());
        bytes
    }

    /// A copy to change, without what was encoded of this one.
    pub(crate) fn edit(&self) -> Self {
        Self {
            tools: self.tools.clone(),
            prompts: self.prompts.clone(),
            resources: self.resources.clone(),
            templates: self.templates.clone(),
            listings: Listings::default(),
            walks: self.walks.clone(),
            hellos: DashMap::new(),
            scopes: OnceLock::new(),
        }
    }
}

impl Rank {
    /// For a cursor.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.class.0) << 64) | u128::from(self.number)).to_be_bytes()
    }

    /// From a cursor.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        let (class, number) = (both >> 64, both & u128::from(u64::MAX));
        // Each half has 64 bits.
        let half = |half: u128| u64::try_from(half).unwrap_or(u64::MAX);
        Self { class: Reverse(half(class)), number: half(number) }
    }
}

impl Templates {
    /// All entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<TemplateEntry>> {
        self.order.iter().map(|(_, entry)| entry)
    }

    /// All entries with their ranks, which grow.
    pub(crate) fn ranked(&self) -> &[(Rank, Arc<TemplateEntry>)] {
        &self.order
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds a template, or puts it in the place of one of the same text.
    pub(crate) fn put(&mut self, entry: TemplateEntry) {
        let entry = Arc::new(entry);
        let text = &entry.info.uri_template;
        if let Some((_, known)) = self.order.iter_mut().find(|(_, known)| known.info.uri_template == *text) {
            *known = entry;
            return;
        }
        let class = Reverse(u64::try_from(entry.template.specificity()).unwrap_or(u64::MAX));
        let rank = Rank { class, number: self.next };
        self.next += 1;
        let place = self.order.partition_point(|(known, _)| *known < rank);
        self.order.insert(place, (rank, entry));
    }

    /// Takes the template of that text out; `false` where there is none.
    pub(crate) fn remove(&mut self, text: &str) -> bool {
        let before = self.order.len();
        self.order.retain(|(_, entry)| *entry.info.uri_template != *text);
        self.order.len() < before
    }
}

impl FoundResource<'_> {
    /// What the gate decides about; `uri` is the URI that was looked up.
    pub(crate) fn target<'a>(&'a self, uri: &'a ResourceUri) -> Target<'a> {
        match self {
            Self::Static(entry) => entry.target(),
            Self::Template(entry, _) | Self::Mounted(entry, _) => entry.target_of(uri.canonical()),
        }
    }
}

impl<T: Named> Shelf<T> {
    /// The entry of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<T>> {
        self.order.get(*self.by_name.get(name)?).map(|(_, entry)| entry)
    }

    /// All entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.order.iter().map(|(_, entry)| entry)
    }

    /// All entries with their ranks, which grow.
    pub(crate) fn ranked(&self) -> &[(Rank, Arc<T>)] {
        &self.order
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds an entry at the end, or puts it in the place of one of the same name.
    pub(crate) fn put(&mut self, entry: T) {
        let entry = Arc::new(entry);
        let name: Box<str> = entry.name().into();
        match self.by_name.get(&name).and_then(|place| self.order.get_mut(*place)) {
            Some((_, known)) => *known = entry,
            None => {
                self.by_name.insert(name, self.order.len());
                self.order.push((Rank { class: Reverse(0), number: self.next }, entry));
                self.next += 1;
            }
        }
    }

    /// Takes the entry of that name out; `false` where there is none.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let before = self.order.len();
        self.order.retain(|(_, entry)| entry.name() != name);
        self.by_name = self.iter().enumerate().map(|(place, entry)| (entry.name().into(), place)).collect();
        self.order.len() < before
    }
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self { order: self.order.clone(), by_name: self.by_name.clone(), next: self.next }
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { order: Vec::new(), by_name: HashMap::new(), next: 0 }
    }
}

impl ToolEntry {
    pub(crate) fn target(&self) -> Target<'_> {
        Target::Found { kind: Kind::Tool, name: &self.info.name, need: &self.common.need }
    }
}

impl PromptEntry {
    pub(crate) fn target(&self) -> Target<'_> {
        Target::Found { kind: Kind::Prompt, name: &self.info.name, need: &self.common.need }
    }
}

impl ResourceEntry {
    pub(crate) fn target(&self) -> Target<'_> {
        Target::Found { kind: Kind::Resource, name: &self.canonical, need: &self.common.need }
    }
}

impl TemplateEntry {
    /// The family itself, as it is listed: by its outline, so that rules look at one spelling.
    pub(crate) fn target(&self) -> Target<'_> {
        self.target_of(&self.outline)
    }

    /// One member of the family, by its URI in normal form.
    pub(crate) fn target_of<'a>(&'a self, canonical: &'a str) -> Target<'a> {
        Target::Found { kind: Kind::Resource, name: canonical, need: &self.common.need }
    }
}

impl Named for ToolEntry {
    fn name(&self) -> &str {
        &self.info.name
    }
}

impl Named for PromptEntry {
    fn name(&self) -> &str {
        &self.info.name
    }
}

impl Named for ResourceEntry {
    fn name(&self) -> &str {
        &self.canonical
    }
}

impl fmt::Debug for ToolEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ToolEntry").field(&self.info.name).finish()
    }
}

impl fmt::Debug for PromptEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PromptEntry").field(&self.info.name).finish()
    }
}

impl fmt::Debug for ResourceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResourceEntry").field(&self.canonical).finish()
    }
}

impl fmt::Debug for TemplateEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TemplateEntry").field(&self.info.uri_template).finish()
    }
}
