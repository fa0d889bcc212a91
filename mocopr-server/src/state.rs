//! Values that the owner gives to all handlers, by type.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    sync::Arc,
};

/// One value a type.
#[derive(Default)]
pub(crate) struct States {
    values: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    names: Vec<&'static str>,
}

/// The states without which a handler cannot run, by type. A server that was not given one of them is not built.
///
/// An example is at [`Extract`](crate::extract::Extract).
#[derive(Debug, Default)]
pub struct Needs(Vec<Need>);

#[derive(Debug)]
struct Need {
    id: TypeId,
    name: &'static str,
}

impl Needs {
    /// Needs a state of this type.
    pub fn state<S: Send + Sync + 'static>(&mut self) -> &mut Self {
        self.0.push(Need { id: TypeId::of::<S>(), name: type_name::<S>() });
        self
    }
}

/// A value of that type is already there.
pub(crate) struct Twice(pub(crate) &'static str);

impl States {
    pub(crate) fn insert<S: Send + Sync + 'static>(&mut self, state: S) -> Result<(), Twice> {
        if self.values.insert(TypeId::of::<S>(), Arc::new(state)).is_some() {
            return Err(Twice(type_name::<S>()));
        }
        self.names.push(type_name::<S>());
        Ok(())
    }

    /// The names of the types that are needed and were not given, each once.
    pub(crate) fn lacking(&self, needs: &Needs) -> Vec<&'static str> {
        let mut names: Vec<_> =
            needs.0.iter().filter(|need| !self.values.contains_key(&need.id)).map(|need| need.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn find<S: Send + Sync + 'static>(&self) -> Option<Arc<S>> {
        self.values.get(&TypeId::of::<S>())?.clone().downcast().ok()
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).finish()
    }
}
