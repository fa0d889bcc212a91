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

    pub(crate) fn find<S: Send + Sync + 'static>(&self) -> Option<Arc<S>> {
        self.values.get(&TypeId::of::<S>())?.clone().downcast().ok()
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).finish()
    }
}
