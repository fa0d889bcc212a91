//! Adding, replacing and removing while the server runs. Clients that asked to be told are told.

use std::sync::Arc;

use mocopr_core::uri::ResourceUri;

use super::{
    enter::{self, EnteredResource, Ground},
    prompt::IntoPrompt,
    resource::IntoResource,
    tool::IntoTool,
};
use crate::{
    engine::Engine,
    error::{Error, Result},
    subscribe::Change,
};

/// The tools of a running server.
///
/// ```
/// use mocopr_server::{registry::tool::{NoArguments, Tool}, server::McpServer};
///
/// let server = McpServer::builder().with_info("hello", "1.0.0").build()?;
/// let tools = server.tools(); // before the server runs, which takes it
/// tools.insert(Tool::new("bye").handler(|_: NoArguments| async { "bye" }))?;
/// assert!(tools.remove("bye") && !tools.remove("bye"));
/// # Ok::<(), mocopr_server::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tools(pub(crate) Arc<Engine>);

/// The prompts of a running server.
///
/// ```
/// use mocopr_server::{registry::prompt::PromptDefinition, server::McpServer};
///
/// let server = McpServer::builder().with_info("hello", "1.0.0").build()?;
/// let prompts = server.prompts();
/// prompts.insert(PromptDefinition::new("greet").handler(|_: serde_json::Value| async { "Greet me." }))?;
/// assert!(prompts.remove("greet"));
/// # Ok::<(), mocopr_server::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prompts(pub(crate) Arc<Engine>);

/// The resources of a running server.
///
/// ```
/// use mocopr_server::{registry::resource::ResourceDefinition, server::McpServer};
///
/// let server = McpServer::builder().with_info("tea", "1.0.0").build()?;
/// let resources = server.resources();
/// let today = ResourceDefinition::new("tea://today", "today").handler(|_| async { "green" });
/// resources.insert(today)?;
/// resources.updated("tea://today"); // whoever subscribed to it reads it again
/// # Ok::<(), mocopr_server::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Resources(pub(crate) Arc<Engine>);

impl Engine {
    /// What a definition that comes later stands on.
    fn ground(&self) -> Ground<'_> {
        self.registry.ground(&self.states)
    }
}

impl Tools {
    /// Adds a tool, or puts it in the place of one of the same name.
    ///
    /// # Errors
    /// All problems of its definition; then nothing changes.
    pub fn insert<M>(&self, tool: impl IntoTool<M>) -> Result<()> {
        let entry = enter::tool(tool.into_tool(), self.0.ground()).map_err(Error::problems_found)?;
        self.0.registry.change(|snapshot| snapshot.tools.put(entry));
        self.0.hub.tell(&Change::Tools);
        Ok(())
    }

    /// Takes a tool out; `false` where there is none of that name. Calls under way go on.
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.0.registry.change(|snapshot| snapshot.tools.remove(name));
        if removed {
            self.0.hub.tell(&Change::Tools);
        }
        removed
    }

    /// Tells clients that the list changed, where what they may see of it changed for another reason.
    pub fn announce(&self) {
        self.0.hub.tell(&Change::Tools);
    }
}

impl Prompts {
    /// Adds a prompt, or puts it in the place of one of the same name.
    ///
    /// # Errors
    /// All problems of its definition; then nothing changes.
    pub fn insert<M>(&self, prompt: impl IntoPrompt<M>) -> Result<()> {
        let entry = enter::prompt(prompt.into_prompt(), self.0.ground()).map_err(Error::problems_found)?;
        self.0.registry.change(|snapshot| snapshot.prompts.put(entry));
        self.0.hub.tell(&Change::Prompts);
        Ok(())
    }

    /// Takes a prompt out; `false` where there is none of that name.
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.0.registry.change(|snapshot| snapshot.prompts.remove(name));
        if removed {
            self.0.hub.tell(&Change::Prompts);
        }
        removed
    }

    /// Tells clients that the list changed.
    pub fn announce(&self) {
        self.0.hub.tell(&Change::Prompts);
    }
}

impl Resources {
    /// Adds a resource or a template, or puts it in the place of one at the same URI.
    ///
    /// # Errors
    /// All problems of its definition; then nothing changes.
    pub fn insert<M>(&self, resource: impl IntoResource<M>) -> Result<()> {
        let entry = enter::resource(resource.into_resource(), self.0.ground()).map_err(Error::problems_found)?;
        self.0.registry.change(|snapshot| match entry {
            EnteredResource::Static(entry) => snapshot.resources.put(entry),
            EnteredResource::Template(entry) => snapshot.templates.put(entry),
        });
        self.0.registry.connect(&self.0.hub);
        self.0.hub.tell(&Change::Resources);
        Ok(())
    }

    /// Takes the resource at that URI, or the template of that text, out; `false` where there is none.
    pub fn remove(&self, location: &str) -> bool {
        let removed = self.0.registry.change(|snapshot| {
            let canonical = ResourceUri::parse(location).ok();
            canonical.is_some_and(|uri| snapshot.resources.remove(uri.canonical()))
                || snapshot.templates.remove(location)
        });
        if removed {
            self.0.hub.tell(&Change::Resources);
        }
        removed
    }

    /// Tells the clients that subscribed to that URI that the resource changed.
    pub fn updated(&self, uri: &str) {
        if let Ok(uri) = ResourceUri::parse(uri) {
            self.0.hub.tell(&Change::Resource(uri.canonical().into()));
        }
    }

    /// Tells clients that the list changed.
    pub fn announce(&self) {
        self.0.hub.tell(&Change::Resources);
    }
}
