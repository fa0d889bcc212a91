//! Handles: values of a server that a client carries from call to call, for one caller and one purpose, for a time.
//!
//! A handle is sealed: a peer cannot read, forge or change it, and what was minted for one caller opens for no other.
//! It is no authentication, and it never replaces the check that its caller may do what it names. Every way of failing
//! to open is the same failure.

use std::time::Duration;

use bytes::Bytes;
use mocopr_core::{
    clock::Clock,
    failure::Failure,
    fault::Fault,
    store::{Key, KeyParts, Keyspace, Store},
};
use mocopr_security::{
    principal::Principal,
    random::digest,
    seal::{KeyRing, Purpose},
};
use serde::{Serialize, de::DeserializeOwned};
use tracing::debug;

/// The handles of one caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handles<'a> {
    pub(crate) ring: &'a KeyRing,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) store: &'a dyn Store,
    pub(crate) principal: &'a Principal,
}

impl Handles<'_> {
    /// A handle of this value, for this caller and purpose, for that long.
    pub(crate) fn mint<T: Serialize + ?Sized>(
        &self,
        purpose: &str,
        value: &T,
        ttl: Duration,
    ) -> Result<String, Failure> {
        let ttl_ms = u64::try_from(ttl.as_millis()).map_err(|_| Failure::internal("a handle without an end"))?;
        let expires = self.clock.unix().checked_add(ttl).ok_or_else(|| Failure::internal("a handle without an end"))?;
        let mut payload = ttl_ms.to_be_bytes().to_vec();
        serde_json::to_writer(&mut payload, value)
            .map_err(|error| Failure::internal("the value of a handle is not JSON").caused_by(error))?;
        if payload.len() > MOST_PAYLOAD_BYTES {
            return Err(Failure::internal("the value of a handle is larger than 8 KiB; keep it, and mint its id"));
        }
        let sealed = self.ring.seal_until(Purpose::Handle, &self.bind(purpose), &payload, expires);
        let sealed = sealed.map_err(|error| Failure::internal("a handle was not sealed").caused_by(error))?;
        Ok(sealed.into())
    }

    /// The value of a handle that was minted for this caller and purpose, and has not expired.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: &str, handle: &str) -> Result<T, Failure> {
        self.opened(purpose, handle).map(|opened| opened.value)
    }

    /// As [`open`](Self::open), the first time.
    ///
    /// # Cancel safety
    /// Where the future is dropped the handle may have been used up.
    pub(crate) async fn open_once<T: DeserializeOwned>(&self, purpose: &str, handle: &str) -> Result<T, Failure> {
        let Opened { value, ttl } = self.opened(purpose, handle)?;
        // A text that opens has one spelling, so its digest names it.
        let id = digest(&[b"handle", handle.as_bytes()]);
        let key = Key::new(KeyParts {
            keyspace: Keyspace::UsedOnce,
            tenant: self.principal.tenant().unwrap_or_default(),
            principal: self.principal.subject(),
            id: &id,
        });
        // For as long as a handle of that kind lives at all: the clock of the wall may be set back meanwhile.
        match self.store.put_new(&key, Bytes::new(), ttl.saturating_add(BURN_MARGIN)).await {
            Ok(true) => Ok(value),
            Ok(false) => Err(unknown()),
            // Without a record that it was used the handle could be used twice.
            Err(error) => {
                let busy = Fault::Busy { retry_after: Duration::from_secs(1) };
                Err(Failure::from_fault(busy).caused_by(error))
            }
        }
    }

    fn opened<T: DeserializeOwned>(&self, purpose: &str, handle: &str) -> Result<Opened<T>, Failure> {
        let now = self.clock.unix();
        let payload = self.ring.open_at(Purpose::Handle, &self.bind(purpose), handle, now).map_err(|_| unknown())?;
        let (ttl, value) = payload.split_first_chunk().ok_or_else(unknown)?;
        let value = serde_json::from_slice(value).map_err(|error| {
            // Ours, and sealed for this: the type has changed since, or two types share a purpose.
            debug!(purpose, %error, "a handle opens, but not as this type");
            unknown()
        })?;
        Ok(Opened { value, ttl: Duration::from_millis(u64::from_be_bytes(*ttl)) })
    }

    fn bind<'b>(&'b self, purpose: &'b str) -> [&'b [u8]; 3] {
        [b"handle", self.principal.binding(), purpose.as_bytes()]
    }
}

/// What a handle said.
struct Opened<T> {
    value: T,
    /// For how long it was minted.
    ttl: Duration,
}

/// Never minted here, changed, another's, for something else, expired, or used up: which of these is not told.
fn unknown() -> Failure {
    Failure::from_fault(Fault::Sealed("unknown handle"))
}

/// A handle names something; what it names is kept by the server.
const MOST_PAYLOAD_BYTES: usize = size_of::<u64>() + 8 * 1024;
/// How far the clock of the wall may be set back without a used handle opening again.
const BURN_MARGIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, sync::Arc};

    use mocopr_core::{
        clock::ManualClock,
        failure::FailureKind,
        store::{MemoryStore, StoreCapacity},
    };

    use super::*;

    const TTL: Duration = Duration::from_secs(60);

    struct Server {
        ring: KeyRing,
        clock: ManualClock,
        store: MemoryStore,
    }

    impl Server {
        fn new(capacity: StoreCapacity) -> Self {
            let clock = ManualClock::new();
            let store = MemoryStore::new(capacity, Arc::new(clock.clone()));
            Self { ring: KeyRing::generate().unwrap(), clock, store }
        }

        fn handles<'a>(&'a self, principal: &'a Principal) -> Handles<'a> {
            Handles { ring: &self.ring, clock: &self.clock, store: &self.store, principal }
        }
    }

    fn server() -> Server {
        Server::new(StoreCapacity::default())
    }

    fn fault<T: std::fmt::Debug>(result: Result<T, Failure>) -> Fault {
        let failure = result.unwrap_err();
        assert!(failure.source().is_none() || matches!(failure.kind(), FailureKind::Fault(Fault::Busy { .. })));
        match failure.kind() {
            FailureKind::Fault(fault) => fault.clone(),
            other => panic!("{other:?}"),
        }
    }

    const UNKNOWN: Fault = Fault::Sealed("unknown handle");

    /// P-19
    #[test]
    fn a_handle_opens_for_whom_and_what_it_was_minted_and_for_nobody_else() {
        let (server, other) = (server(), server());
        let [alice, bob] = ["alice", "bob"].map(Principal::named);
        let handle = server.handles(&alice).mint("basket", &("milk", 7), TTL).unwrap();
        let opened: (String, u32) = server.handles(&alice).open("basket", &handle).unwrap();
        assert_eq!(opened, ("milk".to_owned(), 7));

        let open = |who: &Principal, purpose: &str, handle: &str| {
            fault(server.handles(who).open::<(String, u32)>(purpose, handle))
        };
        assert_eq!(open(&bob, "basket", &handle), UNKNOWN);
        assert_eq!(open(&alice, "order", &handle), UNKNOWN);
        assert_eq!(open(&alice, "", &handle), UNKNOWN);
        assert_eq!(open(&alice, "basket", ""), UNKNOWN);
        assert_eq!(open(&alice, "basket", &format!("{handle}A")), UNKNOWN);
        assert_eq!(open(&alice, "basket", &handle[..handle.len() - 1]), UNKNOWN);
        assert_eq!(fault(server.handles(&alice).open::<bool>("basket", &handle)), UNKNOWN);
        assert_eq!(fault(other.handles(&alice).open::<(String, u32)>("basket", &handle)), UNKNOWN);
    }

    /// P-70
    #[test]
    fn a_handle_with_any_character_changed_is_unknown() {
        let server = server();
        let alice = Principal::named("alice");
        let handle = server.handles(&alice).mint("basket", "milk", TTL).unwrap();
        for place in 0..handle.len() {
            for other in [b'A', b'b', b'0', b'-', b'_', b'=', b' ', 0x7F] {
                let mut changed = handle.clone().into_bytes();
                if changed[place] == other {
                    continue;
                }
                changed[place] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(fault(server.handles(&alice).open::<String>("basket", &changed)), UNKNOWN, "{place}");
            }
        }
    }

    /// P-19, P-71
    #[test]
    fn a_handle_expires_to_the_millisecond() {
        let server = server();
        let alice = Principal::named("alice");
        let handle = server.handles(&alice).mint("basket", "milk", TTL).unwrap();
        server.clock.advance(TTL - Duration::from_millis(1));
        assert_eq!(server.handles(&alice).open::<String>("basket", &handle).unwrap(), "milk");
        server.clock.advance(Duration::from_millis(1));
        assert_eq!(fault(server.handles(&alice).open::<String>("basket", &handle)), UNKNOWN);
        let at_once = server.handles(&alice).mint("basket", "milk", Duration::ZERO).unwrap();
        assert_eq!(fault(server.handles(&alice).open::<String>("basket", &at_once)), UNKNOWN);
    }

    /// P-72
    #[tokio::test]
    async fn of_many_uses_at_once_one_succeeds_and_later_ones_fail_like_a_forgery() {
        let server = server();
        let alice = Principal::named("alice");
        let handle = server.handles(&alice).mint("ticket", "seat 7", TTL).unwrap();
        let handles = server.handles(&alice);
        let uses =
            futures_util::future::join_all((0..16).map(|_| handles.open_once::<String>("ticket", &handle))).await;
        let (used, refused): (Vec<_>, Vec<_>) = uses.into_iter().partition(Result::is_ok);
        assert_eq!((used.len(), refused.len()), (1, 15));
        for refusal in refused {
            assert_eq!(fault(refusal), UNKNOWN);
        }
        // Also in the last millisecond in which it would open.
        server.clock.advance(TTL - Duration::from_millis(1));
        assert_eq!(fault(handles.open_once::<String>("ticket", &handle).await), UNKNOWN);
    }

    /// P-72
    #[tokio::test]
    async fn what_does_not_open_uses_nothing_up() {
        let server = server();
        let [alice, bob] = ["alice", "bob"].map(Principal::named);
        let handle = server.handles(&alice).mint("ticket", "seat 7", TTL).unwrap();
        assert_eq!(fault(server.handles(&bob).open_once::<String>("ticket", &handle).await), UNKNOWN);
        assert_eq!(fault(server.handles(&alice).open_once::<String>("basket", &handle).await), UNKNOWN);
        assert_eq!(fault(server.handles(&alice).open_once::<u8>("ticket", &handle).await), UNKNOWN);
        assert_eq!(server.handles(&alice).open_once::<String>("ticket", &handle).await.unwrap(), "seat 7");
    }

    /// P-72
    #[tokio::test]
    async fn a_full_store_refuses_a_single_use_instead_of_forgetting_it() {
        let server = Server::new(StoreCapacity { entries: 0, bytes: 0 });
        let alice = Principal::named("alice");
        let handle = server.handles(&alice).mint("ticket", "seat 7", TTL).unwrap();
        let refused = fault(server.handles(&alice).open_once::<String>("ticket", &handle).await);
        assert!(matches!(refused, Fault::Busy { .. }), "{refused:?}");
    }

    /// P-19
    #[test]
    fn handles_of_one_value_differ_and_hide_it() {
        let server = server();
        let alice = Principal::named("alice");
        let handles: HashSet<String> =
            (0..1_000).map(|_| server.handles(&alice).mint("basket", "AAAAAAAAAAAAAAAA", TTL).unwrap()).collect();
        assert_eq!(handles.len(), 1_000);
        assert!(handles.iter().all(|handle| !handle.contains("QUFBQUFB") && !handle.contains("alice")));
    }

    #[test]
    fn a_value_of_eight_kib_goes_into_a_handle_and_one_more_byte_does_not() {
        let server = server();
        let alice = Principal::named("alice");
        let text = |bytes: usize| "x".repeat(bytes - "\"\"".len());
        assert!(server.handles(&alice).mint("basket", &text(8 * 1024), TTL).is_ok());
        for refused in [
            server.handles(&alice).mint("basket", &text(8 * 1024 + 1), TTL),
            server.handles(&alice).mint("basket", "milk", Duration::MAX),
        ] {
            assert!(matches!(refused.unwrap_err().kind(), FailureKind::Internal(_)));
        }
    }
}
