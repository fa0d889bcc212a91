//! What a place that resources come from can do: list, read, and say what changed.
//!
//! A source never sees a call that the gate has not permitted, and never decides which URI was meant: the mount has cut
//! the path out of the canonical form of it.

use std::{sync::Weak, time::Duration};

use mocopr_core::{failure::Failure, model::resource::ReadResult, uri::ResourceUri};
use mocopr_security::{policy::Problem, principal::Principal};

use super::mounted::Mounted;
use crate::{
    handler::BoxFuture,
    subscribe::{Change, Hub},
};

/// A place that resources come from, such as a directory or a table in memory.
///
/// A path names a resource below the base at which the source is mounted. It comes in two forms: `raw`, as it stands in
/// the canonical URI, still percent-encoded, which the source decodes exactly once; and decoded, in what the source
/// lists. [`decode`](super::path::decode) leads from the first to the second and fits every source that has no form of
/// its own.
///
/// ```
/// use mocopr_core::{failure::Failure, model::resource::{Contents, ReadResult}, page::CacheHint, uri::ResourceUri};
/// use mocopr_security::principal::Principal;
/// use mocopr_server::{
///     handler::BoxFuture,
///     resources::{path::decode, source::{Changes, Item, Range, ResourceSource, Shape, Told, Variable}},
///     server::McpServer,
/// };
///
/// /// The squares of small numbers.
/// struct Squares;
///
/// fn number(raw: &str) -> Option<u32> {
///     let path = decode(raw)?;
///     (0..10).find(|number| number.to_string() == path)
/// }
///
/// impl ResourceSource for Squares {
///     fn shape(&self) -> Shape {
///         Shape { name: "squares", variable: Variable::Segment("number") }
///     }
///
///     fn admits(&self, _: &ResourceUri, raw: &str) -> bool {
///         number(raw).is_some()
///     }
///
///     fn list<'a>(&'a self, _: &'a Principal, range: Range<'a>) -> BoxFuture<'a, Result<Vec<Item>, Failure>> {
///         Box::pin(async move {
///             let paths = (0..10).map(|number| number.to_string()).filter(|path| range.holds(path));
///             Ok(paths.take(range.limit).map(Item::new).collect())
///         })
///     }
///
///     fn read<'a>(&'a self, _: &'a Principal, raw: &'a str) -> BoxFuture<'a, Result<Option<ReadResult>, Failure>> {
///         Box::pin(async move {
///             let contents = number(raw).map(|number| vec![Contents::text("", (number * number).to_string())]);
///             Ok(contents.map(|contents| ReadResult { contents, cache: CacheHint::NONE, meta: None }))
///         })
///     }
///
///     fn changes(&self, _: Told) -> Changes {
///         Changes::Silent
///     }
/// }
///
/// let server = McpServer::builder().with_info("squares", "1.0.0").with_resources("square://", Squares).build();
/// assert!(server.is_ok());
/// ```
pub trait ResourceSource: Send + Sync + 'static {
    /// What is listed of it as a template.
    fn shape(&self) -> Shape;

    /// What is wrong with it; a server that is built with it reports them.
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// Whether a path could name a resource, by its text alone: what is not admitted is absent for everybody, before
    /// the gate is asked, and nothing is opened for it.
    fn admits(&self, uri: &ResourceUri, raw: &str) -> bool;

    /// The resources in a range that `who` may know of, ordered by the bytes of their paths, each once. Fewer than the
    /// limit means that there are no more.
    fn list<'a>(&'a self, who: &'a Principal, range: Range<'a>) -> BoxFuture<'a, Result<Vec<Item>, Failure>>;

    /// The contents of an admitted path, with their URIs left empty; `None` for what is absent, or must look so.
    fn read<'a>(&'a self, who: &'a Principal, raw: &'a str) -> BoxFuture<'a, Result<Option<ReadResult>, Failure>>;

    /// How changes of it become known. Called once for each mount, when the server is built or the mount is added.
    fn changes(&self, told: Told) -> Changes;

    /// Of each admitted path something that is another number once the resource has changed; `None` where there is
    /// none. Called only of sources whose changes are [`Changes::Polled`], and never for more than a few hundred paths.
    fn fingerprints<'a>(&'a self, raw: &'a [&'a str]) -> BoxFuture<'a, Vec<Option<u64>>> {
        Box::pin(async move { vec![None; raw.len()] })
    }
}

/// What is listed of a source as a template.
///
/// An example is at [`ResourceSource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its name, where the owner gives none.
    pub name: &'static str,
    /// The variable of its template, which clients complete.
    pub variable: Variable,
}

/// The variable of a source's template.
///
/// An example is at [`ResourceSource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `{name}`: one segment.
    Segment(&'static str),
    /// `{+name}`: segments with slashes between.
    Path(&'static str),
}

/// Which resources are listed.
///
/// An example is at [`ResourceSource`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Range<'a> {
    /// Paths that begin so, decoded.
    pub prefix: &'a str,
    /// Paths that stand behind this one, decoded.
    pub after: Option<&'a str>,
    /// At most so many.
    pub limit: usize,
}

/// A resource as a source lists it.
///
/// An example is at [`ResourceSource`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Its path, decoded.
    pub path: Box<str>,
    /// A name for people.
    pub title: Option<Box<str>>,
    /// What it is.
    pub description: Option<Box<str>>,
    /// Its MIME type.
    pub mime_type: Option<Box<str>>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

/// How changes of a source become known.
///
/// An example is at [`ResourceSource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Not at all, or the owner tells of them.
    Silent,
    /// The source tells of them by the [`Told`] that it was given.
    Told,
    /// Its fingerprints are compared this often, while somebody subscribes to a resource of it and listens.
    Polled(Duration),
}

/// Tells subscribers what changed in a mounted source. Harmless once the server or the mount is gone.
#[derive(Clone)]
pub struct Told {
    pub(crate) hub: Weak<Hub>,
    pub(crate) mount: Weak<dyn Mounted>,
}

/// Whom a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Everybody.
    Everybody,
    /// Callers of this tenant; `None` is callers without one.
    Tenant(Option<&'a str>),
}

impl Variable {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segment(name) | Self::Path(name) => name,
        }
    }

    /// As it stands in a template.
    pub(crate) fn expression(self) -> String {
        match self {
            Self::Segment(name) => format!("{{{name}}}"),
            Self::Path(name) => format!("{{+{name}}}"),
        }
    }
}

impl Range<'_> {
    /// Whether a decoded path is in the range, but for the limit.
    pub fn holds(&self, path: &str) -> bool {
        path.starts_with(self.prefix) && self.after.is_none_or(|after| path > after)
    }
}

impl Item {
    /// A resource of which only the path is known.
    pub fn new(path: impl Into<Box<str>>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }
}

impl Told {
    /// The resource at that path, decoded, has other contents, or came, or went.
    pub fn updated(&self, whom: Audience<'_>, path: &str) {
        if let (Some(hub), Some(mount)) = (self.hub.upgrade(), self.mount.upgrade())
            && let Some(uri) = mount.uri_of(path)
        {
            hub.tell_some(&Change::Resource(uri.canonical().into()), whom);
        }
    }

    /// The list of resources is another one.
    pub fn list_changed(&self, whom: Audience<'_>) {
        if let (Some(hub), Some(_)) = (self.hub.upgrade(), self.mount.upgrade()) {
            hub.tell_some(&Change::Resources, whom);
        }
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told").finish_non_exhaustive()
    }
}
