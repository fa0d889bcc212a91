//! Who is told of changes in something that several servers may share: rules, keys, revocations.
//!
//! It must never keep the witnesses of a server that is gone: a log would not be closed while the rules live on.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Evidence, Outcome, Witnesses};

/// The witnesses of every server that has it.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Vec<Hearer>>);

/// The witnesses of one server, as long as it is there.
type Hearer = Weak<Witnesses>;

impl Told {
    /// Tells these too from now on, as long as their server is there.
    pub(crate) fn add(&self, evidence: &Evidence) {
        if evidence.is_kept() {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|one| one.strong_count() > 0);
            all.push(Arc::downgrade(&evidence.0));
        }
    }

    /// Nobody would hear of a change.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().all(|one| one.strong_count() == 0)
    }

    /// Tells all of a change that an owner made.
    pub(crate) fn administer(&self, action: &str, target: &str, result: Outcome) {
        // Outside of the lock: a witness may take its time.
        let all: Vec<_> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect();
        for witnesses in all {
            Evidence(witnesses).administer(action, target, result);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::evidence::{Happening, Witness};

    #[derive(Debug, Default)]
    struct Counts(AtomicUsize);

    impl Witness for Counts {
        fn saw(&self, _happening: &Happening<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_server_that_is_gone_is_not_kept_and_the_others_are_told() {
        let (gone, stays) = (Arc::new(Counts::default()), Arc::new(Counts::default()));
        let told = Told::default();
        let (first, second) = (Evidence::new([gone.clone() as _]), Evidence::new([stays.clone() as _]));
        told.add(&first);
        told.add(&second);
        told.administer("replace_roles", "generation 1", Outcome::Succeeded);
        drop(first);
        assert_eq!(Arc::strong_count(&gone), 1, "nothing but the test holds it");
        told.administer("replace_roles", "generation 2", Outcome::Succeeded);
        assert_eq!((gone.0.load(Ordering::Relaxed), stays.0.load(Ordering::Relaxed)), (1, 2));
        drop(second);
        assert!(told.is_empty());
    }
}
