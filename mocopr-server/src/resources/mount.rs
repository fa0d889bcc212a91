//! A source at its base: which URIs are its, and how reads and completions reach it.

use std::sync::{Arc, OnceLock};

use mocopr_core::{
    call::Request,
    failure::Failure,
    model::{resource::ReadResult, tool::Completion},
    outcome::Outcome,
    uri::ResourceUri,
};
use mocopr_security::{policy::Problem, principal::Principal};

use super::{
    listed,
    mounted::{Mounted, PageAsked, Resolved},
    path,
    source::{Changes, Item, Range, ResourceSource, Told},
};
use crate::{
    engine::Engine,
    handler::{BoxFuture, Handler, completion, function, read},
    registry::snapshot::TemplateEntry,
    subscribe::Hub,
};

/// A source at its base.
pub(super) struct Mount<S> {
    source: S,
    /// In normal form; `None` where it is not a base.
    base: Option<Box<str>>,
    written: Box<str>,
    connected: OnceLock<()>,
}

impl<S: ResourceSource> Mount<S> {
    pub(super) fn new(base: &str, source: S) -> Self {
        Self { base: canonical_base(base), written: base.into(), source, connected: OnceLock::new() }
    }

    /// What carries out reads; `mime_type` is that of contents that do not say their own.
    pub(super) fn reading(self: Arc<Self>, mime_type: Option<Box<str>>) -> impl Handler + use<S> {
        function(move |work| {
            let (mount, mime_type) = (self.clone(), mime_type.clone());
            Box::pin(async move {
                let uri = work.uri().unwrap_or_default();
                let found = match work.path() {
                    Some(raw) => mount.source.read(work.context().caller(), raw).await,
                    None => Ok(None),
                };
                // What has no contents is not there (MCP 2026-07-28, server/resources, "Error Handling").
                let found = found.map(|found| found.filter(|found: &ReadResult| !found.contents.is_empty()));
                let answer = found.and_then(|found| found.ok_or_else(|| Failure::absent(uri)));
                read::outcome(answer, uri, mime_type.as_deref())
            })
        })
    }
}

impl<S: ResourceSource> Mounted for Mount<S> {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.source.problems();
        if self.base.is_none() {
            problems.push(Problem::new(
                format!("`{}` is not a base of resources", self.written),
                "give the beginning of a URI up to a slash, such as file:///, docs://handbook/ or https://example.com/",
            ));
        }
        problems
    }

    fn variable(&self) -> &'static str {
        self.source.shape().variable.name()
    }

    fn resolve(&self, uri: &ResourceUri) -> Resolved {
        let Some(raw) = self.base.as_deref().and_then(|base| uri.canonical().strip_prefix(base)) else {
            return Resolved::Elsewhere;
        };
        if uri.query().is_some() || uri.fragment().is_some() || raw.is_empty() || !self.source.admits(uri, raw) {
            return Resolved::Absent;
        }
        Resolved::Path(raw.into())
    }

    fn uri_of(&self, path: &str) -> Option<ResourceUri> {
        let mut uri = String::from(self.base.as_deref()?);
        path::push_encoded(path, &mut uri);
        ResourceUri::parse(&uri).ok()
    }

    fn items<'a>(&'a self, who: &'a Principal, range: Range<'a>) -> BoxFuture<'a, Result<Vec<Item>, Failure>> {
        self.source.list(who, range)
    }

    fn page(self: Arc<Self>, asked: PageAsked) -> BoxFuture<'static, Outcome> {
        Box::pin(listed::page(asked))
    }

    fn completing(self: Arc<Self>, engine: Arc<Engine>, entry: Arc<TemplateEntry>) -> Arc<dyn Handler> {
        Arc::new(function(move |work| {
            let (mount, engine, entry) = (self.clone(), engine.clone(), entry.clone());
            Box::pin(async move {
                let Request::Complete(asked) = &work.call().request else {
                    return completion::outcome(Completion::default());
                };
                let who = work.context().caller();
                completion::outcome(listed::completion(&engine, &entry, &*mount, who, &asked.value).await)
            })
        }))
    }

    fn fingerprints<'a>(&'a self, raw: &'a [&'a str]) -> BoxFuture<'a, Vec<Option<u64>>> {
        self.source.fingerprints(raw)
    }

    fn connect(self: Arc<Self>, hub: &Arc<Hub>) {
        if self.connected.set(()).is_err() {
            return;
        }
        let mount: Arc<dyn Mounted> = self.clone();
        let told = Told { hub: Arc::downgrade(hub), mount: Arc::downgrade(&mount) };
        match self.source.changes(told) {
            Changes::Silent | Changes::Told => {}
            Changes::Polled(period) => super::watch::poll(hub, &mount, period),
        }
    }
}

/// The normal form of a base; `None` for what is none.
///
/// It ends with a slash, so that nothing beside it begins with it. What follows must stay as it is written: a host that
/// DNS names has no case, and two paths there would be one resource.
fn canonical_base(base: &str) -> Option<Box<str>> {
    let probe = "Aa0";
    let uri = ResourceUri::parse(&format!("{base}{probe}")).ok()?;
    let canonical = uri.canonical().strip_suffix(probe)?;
    (canonical.ends_with('/') && uri.query().is_none() && uri.fragment().is_none()).then(|| canonical.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_ends_with_a_slash_and_keeps_the_case_of_what_follows() {
        for base in ["file:///", "memory://", "notes://public/", "https://example.com/", "x:/", "x:a/"] {
            assert_eq!(canonical_base(base).as_deref(), Some(base));
        }
        assert_eq!(canonical_base("FILE:///A/").as_deref(), Some("file:///A/"));
        for base in
            ["", "/", "file:", "file:///a", "https://", "ftp://", "file:///?", "file:///#/", "a:///../", "x://{a}/"]
        {
            assert_eq!(canonical_base(base), None, "{base}");
        }
    }
}
