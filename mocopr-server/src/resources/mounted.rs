//! What the server asks of a mounted source, and what it is mounted with.
//!
//! The server holds mounts behind this trait alone, so that one without any has none of their code.

use std::{sync::Arc, time::Duration};

use mocopr_core::{call::ListPage, failure::Failure, model::resource::Resource, outcome::Outcome, uri::ResourceUri};
use mocopr_security::{policy::Problem, principal::Principal};

use super::{
    mount::Mount,
    source::{Item, Range, ResourceSource},
};
use crate::{
    builder::ServerBuilder,
    engine::Engine,
    handler::{BoxFuture, Handler},
    registry::{
        builder::DefinitionBuilder,
        resource::ResourceDefinition,
        snapshot::{Snapshot, TemplateEntry},
    },
    subscribe::Hub,
};

/// A source at its base.
pub(crate) trait Mounted: Send + Sync + 'static {
    /// What is wrong with it.
    fn problems(&self) -> Vec<Problem>;

    /// The variable of its template.
    fn variable(&self) -> &'static str;

    /// Whether the URI stands below the base, and what of it is behind the base, still percent-encoded.
    fn resolve(&self, uri: &ResourceUri) -> Resolved;

    /// The URI of a decoded path, if it stands for one.
    fn uri_of(&self, path: &str) -> Option<ResourceUri>;

    /// What the source lists.
    fn items<'a>(&'a self, who: &'a Principal, range: Range<'a>) -> BoxFuture<'a, Result<Vec<Item>, Failure>>;

    /// One page of all resources of a snapshot: what is registered by itself, then what every mount lists.
    fn page(self: Arc<Self>, asked: PageAsked) -> BoxFuture<'static, Outcome>;

    /// What completes the variable of its template.
    fn completing(self: Arc<Self>, engine: Arc<Engine>, entry: Arc<TemplateEntry>) -> Arc<dyn Handler>;

    /// How these paths look now, as [`ResourceSource::fingerprints`].
    fn fingerprints<'a>(&'a self, raw: &'a [&'a str]) -> BoxFuture<'a, Vec<Option<u64>>>;

    /// Joins it to those who want to be told, once.
    fn connect(self: Arc<Self>, hub: &Arc<Hub>);
}

/// Where a URI stands with regard to a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// Somewhere else.
    Elsewhere,
    /// Below the base, and it names nothing there: no other family is asked.
    Absent,
    /// Below the base, and this is the path.
    Path(Box<str>),
}

/// Which page of a list is asked for, and by whom.
pub(crate) struct PageAsked {
    pub(crate) engine: Arc<Engine>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) who: Principal,
    pub(crate) page: ListPage,
}

impl<P> ServerBuilder<P> {
    /// Mounts a source of resources at a base, such as a directory at `file:///` or memory at `memory://`.
    ///
    /// What it holds is listed after the resources that are registered by themselves, is read by its URI below the
    /// base, and appears as one template. Use [`ResourceDefinition`] where it needs a title, a scope or a role.
    ///
    /// The base ends with a slash. Below it this source alone answers: a URI that it does not admit is absent, whatever
    /// template would match it, unless that template begins with more text than the base.
    pub fn with_resources(self, base: impl Into<Box<str>>, source: impl ResourceSource) -> Self {
        let name = source.shape().name;
        self.with_resource(ResourceDefinition::new(base, name).source(source))
    }
}

impl DefinitionBuilder<Resource> {
    /// Serves what a source holds: the location is its base, which ends with a slash.
    ///
    /// ```
    /// use mocopr_security::sandbox::memory::MemoryResourceHandler;
    /// use mocopr_server::registry::resource::ResourceDefinition;
    ///
    /// let memory = MemoryResourceHandler::builder().build();
    /// let notes = ResourceDefinition::new("memory://", "notes").requires_scope("notes:read").source(memory);
    /// assert_eq!(notes.location(), "memory://{key}");
    /// ```
    pub fn source(self, source: impl ResourceSource) -> ResourceDefinition {
        let mut base = self;
        let shape = source.shape();
        let mount = Arc::new(Mount::new(&base.info.uri, source));
        base.info.uri = format!("{}{}", base.info.uri, shape.variable.expression()).into();
        let mime_type = base.info.mime_type.clone();
        let reading = mount.clone().reading(mime_type);
        ResourceDefinition { mount: Some(mount), ..base.handled_by(reading) }
    }
}

/// How long a client that lists too often at a time should wait.
pub(super) const BUSY_RETRY: Duration = Duration::from_secs(1);
