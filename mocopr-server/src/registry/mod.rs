//! What is registered: a snapshot that calls read without a lock, swapped as a whole when something changes.

pub mod builder;
mod close;
pub mod definitions;
mod enter;
mod handles;
pub(crate) mod lint;
pub(crate) mod mirror;
pub mod prompt;
pub mod resource;
pub(crate) mod snapshot;
pub mod tool;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use mocopr_core::model::capability::{ListChanged, ResourceCapability, ServerCapabilities};
use mocopr_security::{
    policy::{Problem, SecurityPolicy},
    schema::SchemaLimits,
    validation::UnknownMembers,
};

pub use self::handles::{Prompts, Resources, Tools};
use self::{definitions::Definitions, enter::Ground, snapshot::Snapshot};
use crate::{listing::List, state::States, subscribe::Hub};

/// What is registered now.
#[derive(Debug)]
pub(crate) struct Registry {
    current: ArcSwap<Snapshot>,
    /// Held while a changed copy is made, so that no change is lost.
    changing: Mutex<()>,
    schema_limits: SchemaLimits,
    unknown_members: UnknownMembers,
}

impl Registry {
    /// A registry of these definitions.
    ///
    /// # Errors
    /// All problems of all definitions.
    pub(crate) fn new(
        definitions: Definitions,
        policy: &SecurityPolicy,
        states: &States,
    ) -> Result<Self, Vec<Problem>> {
        let (schema_limits, unknown_members) = (policy.limits().schema, policy.unknown_members());
        let snapshot = enter::all(definitions, Ground { limits: &schema_limits, unknown_members, states })?;
        Ok(Self { current: ArcSwap::from_pointee(snapshot), changing: Mutex::new(()), schema_limits, unknown_members })
    }

    /// What is registered now; stays as it is for whoever holds it.
    pub(crate) fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// Joins every mount that is not yet to those who want to be told.
    pub(crate) fn connect(&self, hub: &Arc<Hub>) {
        for mount in self.snapshot().templates.iter().filter_map(|entry| entry.mount.clone()) {
            mount.connect(hub);
        }
    }

    /// Swaps the snapshot for a changed copy.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Snapshot) -> T) -> T {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = self.current.load().edit();
        let result = change(&mut snapshot);
        self.current.store(Arc::new(snapshot));
        result
    }

    /// What further definitions stand on.
    fn ground<'a>(&'a self, states: &'a States) -> Ground<'a> {
        Ground { limits: &self.schema_limits, unknown_members: self.unknown_members, states }
    }

    /// What follows from what is registered.
    pub(crate) fn capabilities(&self) -> ServerCapabilities {
        let snapshot = self.snapshot();
        let list = |list| snapshot.offers(list).then_some(ListChanged(true));
        ServerCapabilities {
            tools: list(List::Tools),
            prompts: list(List::Prompts),
            resources: list(List::Resources).map(|_| ResourceCapability { subscribe: true, list_changed: true }),
            logging: true,
            completions: snapshot.completes(),
            extensions: Vec::new(),
        }
    }
}
