//! A source of the owner's own: a function that reads, behind a validator of URIs and a sandbox of paths.

use std::{fmt, future::Future, sync::Arc};

use mocopr_core::{
    failure::{Failure, FailureKind},
    fault::Fault,
    model::resource::ReadResult,
    uri::ResourceUri,
};
use mocopr_security::{
    policy::Problem, principal::Principal, sandbox::access::ResourceAccessControl, validation::uri::UriValidator,
};

use super::{
    path,
    source::{Changes, Item, Range, ResourceSource, Shape, Told, Variable},
};
use crate::handler::{BoxFuture, read::IntoReadResult};

/// Resources that a function of the owner reads, below the base at which they are mounted.
///
/// The function gets a path that was decoded once, holds no `..`, and passed the validator and the sandbox; and never a
/// call that the gate has not permitted.
///
/// ```
/// use mocopr_core::failure::Failure;
/// use mocopr_security::{sandbox::access::ResourceAccessControl, validation::uri::UriValidator};
/// use mocopr_server::{
///     resources::handler::{PathRead, ResourceHandler},
///     server::McpServer,
/// };
///
/// let notes = ResourceHandler::builder()
///     .with_uri_validator(UriValidator::builder().with_allowed_schemes(&["notes"]).build())
///     .with_access_control(ResourceAccessControl::sandboxed(&["public/*"]))
///     .with_read(|asked: PathRead| async move {
///         match asked.path() {
///             "public/hello" => Ok("hello"),
///             _ => Err(asked.absent()),
///         }
///     })
///     .build();
/// let server = McpServer::builder().with_info("notes", "1.0.0").with_resources("notes://", notes).build();
/// assert!(server.is_ok());
/// ```
#[derive(Clone)]
pub struct ResourceHandler(Arc<Inner>);

struct Inner {
    uris: Option<UriValidator>,
    access: Option<ResourceAccessControl>,
    read: Option<ReadFn>,
    list: Option<ListFn>,
}

type ReadFn = Box<dyn Fn(PathRead) -> BoxFuture<'static, Result<ReadResult, Failure>> + Send + Sync>;
type ListFn = Box<dyn Fn(Principal) -> BoxFuture<'static, Result<Vec<Item>, Failure>> + Send + Sync>;

/// Collects what a [`ResourceHandler`] is made of.
///
/// An example is at [`ResourceHandler`].
#[must_use = "a builder makes a handler with `.build()`"]
#[derive(Default)]
pub struct ResourceHandlerBuilder {
    uris: Option<UriValidator>,
    access: Option<ResourceAccessControl>,
    read: Option<ReadFn>,
    list: Option<ListFn>,
}

/// One read: which path, and who asks.
///
/// An example is at [`ResourceHandler`].
#[derive(Clone, Debug)]
pub struct PathRead {
    path: Box<str>,
    caller: Principal,
}

impl PathRead {
    /// The path below the base, decoded: segments that are not empty, `.` or `..`, with slashes between.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who asks.
    pub fn caller(&self) -> &Principal {
        &self.caller
    }

    /// What to fail with where there is no such resource, or where this caller must not know of it.
    pub fn absent(&self) -> Failure {
        Failure::absent("")
    }
}

impl ResourceHandler {
    /// Begins one. It needs an access control and a function that reads.
    pub fn builder() -> ResourceHandlerBuilder {
        ResourceHandlerBuilder::default()
    }
}

impl ResourceHandlerBuilder {
    /// Which URIs are looked at; all that are below the base unless said.
    pub fn with_uri_validator(mut self, uris: UriValidator) -> Self {
        self.uris = Some(uris);
        self
    }

    /// Which paths are served. Required; `ResourceAccessControl::sandboxed(&["*"])` says that all are.
    pub fn with_access_control(mut self, access: ResourceAccessControl) -> Self {
        self.access = Some(access);
        self
    }

    /// Carries out reads. Required. What it returns is as of every resource: text, bytes, contents, or a failure.
    pub fn with_read<F, R>(mut self, read: F) -> Self
    where
        F: Fn(PathRead) -> R + Send + Sync + 'static,
        R: Future<Output: IntoReadResult> + Send + 'static,
    {
        self.read = Some(Box::new(move |asked| {
            let answer = read(asked);
            Box::pin(async move { answer.await.into_read_result() })
        }));
        self
    }

    /// Lists what a caller may know of; nothing is listed unless said.
    ///
    /// It is called for every page and every completion, so it is for what fits in memory. The order does not matter;
    /// what is not served is left out.
    pub fn with_list<F, R>(mut self, list: F) -> Self
    where
        F: Fn(Principal) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<Item>, Failure>> + Send + 'static,
    {
        self.list = Some(Box::new(move |caller| Box::pin(list(caller))));
        self
    }

    /// Makes the handler. What is wrong with it, the server that it is mounted on reports when it is built.
    pub fn build(self) -> ResourceHandler {
        let Self { uris, access, read, list } = self;
        ResourceHandler(Arc::new(Inner { uris, access, read, list }))
    }
}

impl Inner {
    fn allows(&self, path: &str) -> bool {
        self.access.as_ref().is_some_and(|access| access.allows(path))
    }
}

impl ResourceSource for ResourceHandler {
    fn shape(&self) -> Shape {
        Shape { name: "resources", variable: Variable::Path("path") }
    }

    fn problems(&self) -> Vec<Problem> {
        let Inner { uris: _, access, read, list: _ } = &*self.0;
        let mut problems = access.as_ref().map_or_else(Vec::new, |access| access.problems().to_vec());
        if access.is_none() {
            problems.push(Problem::new(
                "a resource handler does not say which paths it serves",
                "call .with_access_control(ResourceAccessControl::sandboxed(&[\"public/*\"]))",
            ));
        }
        if read.is_none() {
            problems.push(Problem::new("a resource handler cannot read", "call .with_read(..) with an async function"));
        }
        problems
    }

    fn admits(&self, uri: &ResourceUri, raw: &str) -> bool {
        self.0.uris.as_ref().is_none_or(|uris| uris.check(uri).is_ok())
            && path::decode(raw).is_some_and(|path| self.0.allows(&path))
    }

    fn list<'a>(&'a self, who: &'a Principal, range: Range<'a>) -> BoxFuture<'a, Result<Vec<Item>, Failure>> {
        Box::pin(async move {
            let Some(list) = &self.0.list else { return Ok(Vec::new()) };
            let mut items = list(who.clone()).await?;
            items.retain(|item| range.holds(&item.path) && self.0.allows(&item.path));
            items.sort_by(|one, other| one.path.cmp(&other.path));
            items.dedup_by(|one, other| one.path == other.path);
            items.truncate(range.limit);
            Ok(items)
        })
    }

    fn read<'a>(&'a self, who: &'a Principal, raw: &'a str) -> BoxFuture<'a, Result<Option<ReadResult>, Failure>> {
        Box::pin(async move {
            let Some(path) = path::decode(raw).filter(|path| self.0.allows(path)) else { return Ok(None) };
            let Some(read) = &self.0.read else { return Ok(None) };
            let asked = PathRead { path: path.into(), caller: who.clone() };
            match read(asked).await {
                Ok(result) => Ok(Some(result)),
                // The URI of the answer is the one that was asked for, whatever the function thinks it was.
                Err(failure) if matches!(failure.kind(), FailureKind::Fault(Fault::ResourceAbsent { .. })) => Ok(None),
                Err(failure) => Err(failure),
            }
        })
    }

    fn changes(&self, _told: Told) -> Changes {
        Changes::Silent
    }
}

impl fmt::Debug for ResourceHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { uris, access, read: _, list: _ } = &*self.0;
        f.debug_struct("ResourceHandler").field("uris", uris).field("access", access).finish_non_exhaustive()
    }
}

impl fmt::Debug for ResourceHandlerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceHandlerBuilder")
            .field("uris", &self.uris)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
