//! Every order in which threads can take the locks of two tables that ship, tried one after the other.
//!
//! `run` beside this folder makes the two modules out of the sources; what they name of their own crates stands here.
#![allow(dead_code, reason = "the modules offer more than is tried here")]

use std::{sync::Arc, time::Duration};

use mocopr_core::id::RequestId;
use mocopr_security::{
    auth::{Identity, Verified},
    principal::Method,
};
use shuttle::{check_dfs, thread};

use self::{
    inflight::{Cancel, Inflight},
    outlet::Outlet,
    remember::Remembered,
};

#[path = "../../../target/schedules/inflight.rs"]
mod inflight;
#[path = "../../../mocopr-security/src/auth/lately.rs"]
mod lately;
#[path = "../../../target/schedules/remember.rs"]
mod remember;

/// What the cancellation map knows of a handler's call.
mod outlet {
    use shuttle::sync::atomic::{AtomicBool, Ordering};

    #[derive(Debug, Default)]
    pub(crate) struct Outlet(AtomicBool);

    impl Outlet {
        pub(crate) fn cancel(&self) {
            self.0.store(true, Ordering::SeqCst);
        }

        pub(crate) fn is_cancelled(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }
}

/// Where remembered tokens look for whom a token proved.
mod auth {
    pub(crate) use crate::lately;

    pub(crate) mod verdict {
        pub(crate) use mocopr_security::auth::Verified;
    }
}

fn main() {
    check("one of two calls of one id enters", one_enters);
    check("a call beside the end of its session is cancelled", none_outlives_the_end);
    check("a cancellation reaches one call of its id at most", one_is_cancelled);
    check("an id is free again once its call has ended", an_id_comes_free);
    check("a token is believed under the keys that it was verified with", keys_that_changed_count);
}

fn check(claim: &str, schedule: fn()) {
    check_dfs(schedule, None);
    println!("{claim}: holds in every order");
}

fn id() -> RequestId {
    RequestId::Integer(1)
}

fn call() -> (Arc<Outlet>, Cancel) {
    let outlet = Arc::new(Outlet::default());
    (outlet.clone(), Cancel::Call(outlet))
}

fn one_enters() {
    let calls = Inflight::default();
    let other = calls.clone();
    let there = thread::spawn(move || other.enter(&id(), call().1));
    let here = calls.enter(&id(), call().1);
    let there = there.join().expect("it ends");
    // Both are held until now, so none was free again.
    assert_eq!(usize::from(here.is_ok()) + usize::from(there.is_ok()), 1);
}

fn none_outlives_the_end() {
    let calls = Inflight::default();
    let other = calls.clone();
    let (outlet, cancel) = call();
    let there = thread::spawn(move || other.enter(&id(), cancel));
    calls.end();
    assert!(there.join().expect("it ends").is_ok());
    assert!(outlet.is_cancelled());
}

fn one_is_cancelled() {
    let calls = Inflight::default();
    let other = calls.clone();
    let ((first, first_cancel), (second, second_cancel)) = (call(), call());
    let there = thread::spawn(move || other.cancel(&id()));
    drop(calls.enter(&id(), first_cancel).expect("the id is free"));
    let taken = calls.enter(&id(), second_cancel).expect("the id is free again");
    there.join().expect("it ends");
    assert!(!(first.is_cancelled() && second.is_cancelled()));
    drop(taken);
}

fn an_id_comes_free() {
    let calls = Inflight::default();
    let others = [calls.clone(), calls.clone()];
    let threads = others.map(|calls| thread::spawn(move || drop(calls.enter(&id(), call().1))));
    threads.into_iter().for_each(|thread| thread.join().expect("it ends"));
    assert!(calls.enter(&id(), call().1).is_ok());
}

fn keys_that_changed_count() {
    let remembered = Arc::new(Remembered::for_time(Duration::from_secs(300)));
    let name = [0; 32];
    let keeping = |subject: &'static str, generation| {
        let remembered = remembered.clone();
        thread::spawn(move || remembered.keep(name, 0, generation, &verified(subject), Duration::ZERO))
    };
    let threads = [keeping("alice", 1), keeping("bob", 2)];
    let find = |generation| {
        let found = remembered.find(&name, |_| Some(generation), Duration::ZERO, Duration::ZERO);
        found.map(|verified| verified.principal().subject().to_owned())
    };
    assert!(find(2).is_none_or(|subject| subject == "bob"));
    threads.into_iter().for_each(|thread| thread.join().expect("it ends"));
    assert!(find(1).is_none_or(|subject| subject == "alice"));
    assert_ne!(find(1).is_some(), find(2).is_some());
    assert_eq!(find(3), None);
}

fn verified(subject: &str) -> Verified {
    let identity = Identity { method: Method::Token, issuer: "i", subject, tenant: None };
    Verified::new(identity, [].into(), [].into()).until(Duration::from_secs(1_000))
}
