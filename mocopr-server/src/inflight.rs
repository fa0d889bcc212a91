//! Ids in use on one connection or session, and the way to cancel what they name.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mocopr_core::id::RequestId;
use tokio_util::sync::CancellationToken;

use crate::outlet::Outlet;

/// The calls under way on one connection or session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inflight(Arc<Mutex<HashMap<RequestId, Cancel>>>);

/// How a call is cancelled.
#[derive(Clone, Debug)]
pub(crate) enum Cancel {
    /// A handler's call.
    Call(Arc<Outlet>),
    /// A listen stream.
    Stream(CancellationToken),
}

/// The id is used by a call that is still under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdInUse;

/// An id in use; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    calls: Inflight,
    id: RequestId,
}

impl Inflight {
    /// Takes an id.
    pub(crate) fn enter(&self, id: &RequestId, cancel: Cancel) -> Result<Taken, IdInUse> {
        match self.lock().entry(id.clone()) {
            Entry::Occupied(_) => Err(IdInUse),
            Entry::Vacant(free) => {
                free.insert(cancel);
                Ok(Taken { calls: self.clone(), id: id.clone() })
            }
        }
    }

    /// Cancels what the id names; unknown and finished ones are ignored, as the specification asks.
    pub(crate) fn cancel(&self, id: &RequestId) {
        let found = self.lock().get(id).cloned();
        if let Some(cancel) = found {
            cancel.cancel();
        }
    }

    /// Cancels everything.
    pub(crate) fn cancel_all(&self) {
        let all: Vec<Cancel> = self.lock().values().cloned().collect();
        all.iter().for_each(Cancel::cancel);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Cancel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancel {
    fn cancel(&self) {
        match self {
            Self::Call(outlet) => outlet.cancel(),
            Self::Stream(token) => token.cancel(),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::AskBook;

    #[test]
    fn an_id_in_use_is_refused_until_it_is_free() {
        let calls = Inflight::default();
        let outlet = Arc::new(Outlet::new(None, None, AskBook::default(), 8));
        let id = RequestId::Integer(1);
        let taken = calls.enter(&id, Cancel::Call(outlet.clone()));
        assert!(taken.is_ok());
        assert_eq!(calls.enter(&id, Cancel::Call(outlet.clone())).err(), Some(IdInUse));
        calls.cancel(&id);
        assert!(outlet.is_cancelled());
        drop(taken);
        assert!(calls.enter(&id, Cancel::Call(outlet)).is_ok());
    }
}
