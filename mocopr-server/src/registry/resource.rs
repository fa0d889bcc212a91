//! A resource or a template as it is registered, and the builder that makes one without macros.
//!
//! Nothing is checked here: the server's builder parses URIs and templates, and reports all problems together.

use std::{fmt, future::Future, sync::Arc};

use mocopr_core::{
    model::{
        content::Annotations,
        resource::{Resource, ResourceTemplate},
    },
    uri::Captures,
};
use mocopr_security::principal::Principal;

use crate::{
    context::Context,
    handler::{
        BoxFuture, Handler, Work,
        completion::{self, IntoCompletion},
        read::{IntoReadResult, outcome},
        with_context::{WithContext, answering},
    },
    registry::{
        builder::{DefinitionBuilder, Terms},
        definitions::Completions,
    },
    resources::mounted::Mounted,
};

/// A resource or a family of them: what is listed, what carries out reads, and what completes its variables.
///
/// An example is at [`ResourceDefinition::new`].
pub struct ResourceDefinition {
    pub(crate) info: ResourceInfo,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) completions: Completions,
    pub(crate) terms: Terms,
    /// The source that it is the template of.
    pub(crate) mount: Option<Arc<dyn Mounted>>,
}

/// What is listed of a resource.
///
/// An example is at [`ResourceDefinition::new`].
#[derive(Clone, Debug)]
pub enum ResourceInfo {
    /// One resource, in `resources/list`.
    Fixed(Resource),
    /// A family of resources, in `resources/templates/list`.
    Family(ResourceTemplate),
}

impl ResourceDefinition {
    /// Begins a resource at a URI, or a family of them at an RFC 6570 template: braces tell the two apart.
    ///
    /// ```
    /// use mocopr_server::registry::resource::ResourceDefinition;
    ///
    /// let note = ResourceDefinition::new("note://{id}", "note")
    ///     .mime_type("text/plain")
    ///     .handler(|read| async move { format!("note {}", read.text("id").unwrap_or_default()) });
    /// assert_eq!(note.location(), "note://{id}");
    /// ```
    #[expect(clippy::new_ret_no_self, reason = "a resource without a handler must not exist: its builder comes first")]
    pub fn new(location: impl Into<Box<str>>, name: impl Into<Box<str>>) -> ResourceBuilder {
        DefinitionBuilder::of(Resource { uri: location.into(), name: name.into(), ..Resource::default() })
    }

    /// What is listed of it.
    pub fn info(&self) -> &ResourceInfo {
        &self.info
    }

    /// Its URI or template.
    pub fn location(&self) -> &str {
        match &self.info {
            ResourceInfo::Fixed(resource) => &resource.uri,
            ResourceInfo::Family(template) => &template.uri_template,
        }
    }
}

impl fmt::Debug for ResourceDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceDefinition").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A resource or a family of them that has no handler yet. It also has the methods that all definitions have:
/// [`DefinitionBuilder`].
pub type ResourceBuilder = DefinitionBuilder<Resource>;

impl DefinitionBuilder<Resource> {
    /// Says its MIME type, also of contents that do not say their own.
    pub fn mime_type(mut self, mime_type: impl Into<Box<str>>) -> Self {
        self.info.mime_type = Some(mime_type.into());
        self
    }

    /// Says its size in bytes; not listed of a family.
    pub fn size(mut self, bytes: u64) -> Self {
        self.info.size = Some(bytes);
        self
    }

    /// Says whom it is for.
    pub fn annotations(mut self, annotations: Annotations) -> Self {
        self.info.annotations = Some(annotations);
        self
    }

    /// Completes one variable of a template with an async function of what has been typed so far.
    pub fn completion<F, R>(mut self, variable: impl Into<Box<str>>, complete: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output: IntoCompletion> + Send + 'static,
    {
        self.completions.push((variable.into(), completion::handler(complete)));
        self
    }

    /// Calls the handler only where this holds of the caller and what is read; of several conditions, every one. A read
    /// of which it does not hold is refused; the resource is listed, and can be subscribed to, all the same.
    ///
    /// ```
    /// use mocopr_server::registry::resource::ResourceDefinition;
    ///
    /// let notes = ResourceDefinition::new("notes://{user}/all", "notes")
    ///     .allow(|who, read| read.text("user") == Some(who.subject()))
    ///     .handler(|read| async move { format!("the notes of {}", read.text("user").unwrap_or_default()) });
    /// # let _ = notes;
    /// ```
    pub fn allow<F>(mut self, condition: F) -> Self
    where
        F: Fn(&Principal, &Read) -> bool + Send + Sync + 'static,
    {
        self.conditions.add(|work| Ok(Read::of(work)), condition);
        self
    }

    /// Carries out reads with an async function of what is read.
    pub fn handler<F, R>(self, handler: F) -> ResourceDefinition
    where
        F: Fn(Read) -> R + Send + Sync + 'static,
        R: Future<Output: IntoReadResult> + Send + 'static,
    {
        self.handler_with_context(move |read: Read, _: &Context| handler(read))
    }

    /// Carries out reads with an async function of what is read and the context, which captures nothing: state comes
    /// from the context.
    pub fn handler_with_context<F, R>(self, handler: F) -> ResourceDefinition
    where
        F: for<'a> WithContext<'a, Read, Answer = R> + Send + Sync + 'static,
        R: IntoReadResult + 'static,
    {
        let mime_type = self.info.mime_type.clone();
        self.handled_by(answering(
            |work| Ok(Read::of(work)),
            handler,
            move |answer, work| outcome(answer, work.uri().unwrap_or_default(), mime_type.as_deref()),
        ))
    }

    /// Carries out reads with a function of what is read and the context, which returns a boxed future and may capture
    /// what it likes: `|read, ctx| Box::pin(async move { … })`.
    pub fn handler_with<F, R>(self, handler: F) -> ResourceDefinition
    where
        F: for<'a> Fn(Read, &'a Context) -> BoxFuture<'a, R> + Send + Sync + 'static,
        R: IntoReadResult + 'static,
    {
        self.handler_with_context(handler)
    }

    /// Carries out reads with a [`Handler`], which must fill in URI and MIME type itself.
    #[doc(hidden)]
    pub fn handled_by(self, handler: impl Handler) -> ResourceDefinition {
        let Self { info, completions, terms, conditions } = self;
        let info = if info.uri.contains(['{', '}']) { family(info) } else { ResourceInfo::Fixed(info) };
        ResourceDefinition { info, handler: conditions.before(handler), completions, terms, mount: None }
    }
}

/// What is read: the URI, and the values of the template's variables.
///
/// An example is at [`ResourceDefinition::new`].
#[derive(Clone, Debug)]
pub struct Read {
    uri: Box<str>,
    captures: Option<Captures>,
}

impl Read {
    fn of(work: &Work) -> Self {
        Self { uri: work.uri().unwrap_or_default().into(), captures: work.captures().cloned() }
    }

    /// The URI, as the client wrote it.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The value of a variable of the template, percent-decoded.
    pub fn text(&self, variable: &str) -> Option<&str> {
        self.captures.as_ref()?.text(variable)
    }
}

/// What can be registered as a resource: a [`ResourceDefinition`], or a function under `#[resource(..)]`.
///
/// `Marker` only tells the functions of different arity apart; it is never named.
#[diagnostic::on_unimplemented(
    message = "this function is not a resource",
    label = "not a resource",
    note = "put `#[resource(\"uri\")]` above its definition, or build one with `ResourceDefinition::new(..)`"
)]
pub trait IntoResource<Marker> {
    /// The resource.
    fn into_resource(self) -> ResourceDefinition;
}

impl IntoResource<()> for ResourceDefinition {
    fn into_resource(self) -> ResourceDefinition {
        self
    }
}

fn family(info: Resource) -> ResourceInfo {
    let Resource { uri: uri_template, name, title, description, icons, mime_type, size: _, annotations, meta } = info;
    ResourceInfo::Family(ResourceTemplate {
        uri_template,
        name,
        title,
        description,
        icons,
        mime_type,
        annotations,
        meta,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_tell_a_family_from_one_resource() {
        let one = ResourceDefinition::new("test://a", "a").handler(|_| async { "x" });
        assert!(matches!(one.info, ResourceInfo::Fixed(_)));
        let family = ResourceDefinition::new("test://{id}", "a").handler(|_| async { "x" });
        assert!(matches!(family.info, ResourceInfo::Family(_)));
    }
}
