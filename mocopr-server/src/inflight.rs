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
pub(crate) struct Inflight(Arc<Mutex<Calls>>);

#[derive(Debug, Default)]
struct Calls {
    by_id: HashMap<RequestId, Cancel>,
    /// Whatever enters from now on is cancelled at once.
    ended: bool,
}

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
    /// Takes an id. A call that comes after the [end](Self::end) is cancelled already.
    pub(crate) fn enter(&self, id: &RequestId, cancel: Cancel) -> Result<Taken, IdInUse> {
        let mut calls = self.lock();
        let late = calls.ended.then(|| cancel.clone());
        match calls.by_id.entry(id.clone()) {
            Entry::Occupied(_) => return Err(IdInUse),
            Entry::Vacant(free) => free.insert(cancel),
        };
        drop(calls);
        if let Some(cancel) = late {
            cancel.cancel();
        }
        Ok(Taken { calls: self.clone(), id: id.clone() })
    }

    /// Cancels what the id names; unknown and finished ones are ignored, as the specification asks.
    pub(crate) fn cancel(&self, id: &RequestId) {
        let found = self.lock().by_id.get(id).cloned();
        if let Some(cancel) = found {
            cancel.cancel();
        }
    }

    /// Cancels everything, and whatever enters later.
    pub(crate) fn end(&self) {
        let mut calls = self.lock();
        calls.ended = true;
        let all: Vec<Cancel> = calls.by_id.values().cloned().collect();
        drop(calls);
        all.iter().for_each(Cancel::cancel);
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
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
        self.calls.lock().by_id.remove(&self.id);
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

    #[test]
    fn a_call_that_comes_after_the_end_is_cancelled() {
        let calls = Inflight::default();
        let outlets = [(); 2].map(|()| Arc::new(Outlet::new(None, None, AskBook::default(), 8)));
        let [early, late] = &outlets;
        let _early = calls.enter(&RequestId::Integer(1), Cancel::Call(early.clone())).unwrap();
        assert!(!early.is_cancelled());
        calls.end();
        let _late = calls.enter(&RequestId::Integer(2), Cancel::Call(late.clone())).unwrap();
        assert!(early.is_cancelled() && late.is_cancelled());
    }
}
