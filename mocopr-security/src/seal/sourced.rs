//! The state key from a place that only its owner's code can reach, such as a vault: asked for before there is a
//! server, and again while it runs.
//!
//! Without a first key there is no server. What a source says later and cannot be used, or does not say in time,
//! changes nothing and is told.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use mocopr_core::clock::Clock;
use tracing::{info, warn};

use super::KeyRing;
use crate::{
    evidence::{Evidence, Outcome},
    policy::Problem,
    redact::Secret,
};

/// What a source says, when it has said it.
pub type SecretFuture<'a> = Pin<Box<dyn Future<Output = Result<Secret<String>, Problem>> + Send + 'a>>;

/// Knows a secret: code of yours that asks a vault.
///
/// ```
/// use mocopr_security::{redact::Secret, seal::{SecretFuture, SecretSource}};
///
/// #[derive(Debug)]
/// struct Vault;
///
/// impl SecretSource for Vault {
///     fn secret(&self) -> SecretFuture<'_> {
///         Box::pin(async { Secret::from_env("STATE_KEY") })
///     }
/// }
/// ```
pub trait SecretSource: Send + Sync + std::fmt::Debug + 'static {
    /// The secret as it is now. Asked for again and again, never twice at a time; the future is dropped where it takes
    /// longer than ten seconds. Must not block.
    ///
    /// # Errors
    /// What is wrong, in words for the log: never a part of the secret.
    fn secret(&self) -> SecretFuture<'_>;
}

/// A state key that a [`SecretSource`] says, in the form that [`KeyRing::from_secret`] takes.
#[derive(Debug)]
pub struct SourcedKey {
    source: Arc<dyn SecretSource>,
    every: Duration,
    first: Secret<String>,
}

impl SourcedKey {
    /// Asks the source for the first time. Once a server runs with the key the source is asked this often, but not more
    /// than once a second.
    ///
    /// # Errors
    /// What the source says is wrong, and what [`KeyRing::from_secret`] does.
    pub async fn open(source: impl SecretSource, every: Duration) -> Result<Self, Problem> {
        let first = source.secret().await?;
        KeyRing::from_secret(&first)?;
        Ok(Self { source: Arc::new(source), every: every.max(SOONEST), first })
    }

    /// The key that the source said first, and what asks it again.
    ///
    /// # Errors
    /// As [`KeyRing::from_secret`]; never for a key that was [opened](Self::open).
    pub fn into_ring(self) -> Result<(KeyRing, Renewal), Problem> {
        let ring = KeyRing::from_secret(&self.first)?;
        Ok((ring, Renewal { source: self.source, every: self.every, failures: 0 }))
    }
}

/// Asks a source again, while a server runs.
#[derive(Debug)]
pub struct Renewal {
    source: Arc<dyn SecretSource>,
    every: Duration,
    /// How often in a row it could not be used.
    failures: u32,
}

impl Renewal {
    /// How long to wait before the source is asked again.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// Asks the source once, and lets the ring take its keys; what earlier ones sealed opens until it expires.
    /// `patience` ends when the source has taken too long.
    ///
    /// Tells of new keys, and of the first failure of several in a row.
    pub async fn ask(
        &mut self,
        ring: &KeyRing,
        clock: &dyn Clock,
        evidence: &Evidence,
        patience: impl Future<Output = ()> + Unpin,
    ) {
        let said = match select(self.source.secret(), patience).await {
            Either::Left((said, _)) => said.and_then(|keys| KeyRing::from_secret(&keys)),
            Either::Right(((), _)) => {
                Err(Problem::new("the source of the state key does not answer", "mend the source"))
            }
        };
        let now = clock.unix();
        match said {
            Ok(next) => {
                self.failures = 0;
                if ring.renew(next, now) {
                    info!(rule = "state key", "the keys of its source were taken");
                    evidence.administer("renew_state_key", "source", Outcome::Succeeded);
                }
            }
            Err(problem) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures == 1 {
                    warn!(%problem, rule = "state key", "the keys stay as they were");
                    evidence.administer("renew_state_key", "source", Outcome::Failed);
                }
            }
        }
        ring.forget(now);
    }
}

/// How often a source is asked at most.
const SOONEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use base64::{Engine, engine::general_purpose::STANDARD};
    use futures_util::{FutureExt, future};
    use mocopr_core::clock::ManualClock;

    use super::*;
    use crate::{
        evidence::{Happening, Witness},
        seal::Purpose,
    };

    const BIND: &[&[u8]] = &[b"alice"];

    /// Says what it was told to say; waits for ever where that is nothing.
    #[derive(Clone, Debug, Default)]
    struct Vault {
        says: Arc<Mutex<Option<String>>>,
        asked: Arc<AtomicUsize>,
    }

    impl Vault {
        fn say(&self, says: Option<&str>) {
            *self.says.lock().unwrap() = says.map(str::to_owned);
        }
    }

    impl SecretSource for Vault {
        fn secret(&self) -> SecretFuture<'_> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let says = self.says.lock().unwrap().clone();
            Box::pin(async move {
                match says {
                    Some(text) if text.is_empty() => Err(Problem::new("the vault is sealed", "open it")),
                    Some(text) => Ok(Secret::new(text)),
                    None => pending().await,
                }
            })
        }
    }

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<Outcome>>);

    impl Witness for Told {
        fn saw(&self, happening: &Happening<'_>) {
            assert_eq!((happening.action, happening.target), ("renew_state_key", "source"));
            self.0.lock().unwrap().push(happening.ending.result);
        }
    }

    fn key(first: u8) -> String {
        STANDARD.encode((0..32).map(|place: u8| first.wrapping_add(place)).collect::<Vec<_>>())
    }

    /// S-59
    #[test]
    fn without_a_first_key_there_is_none_and_no_word_of_what_was_said() {
        let vault = Vault::default();
        for (says, word) in [("", "sealed"), ("canary", "state key 1")] {
            vault.say(Some(says));
            let opened = SourcedKey::open(vault.clone(), SOONEST).now_or_never().expect("it does not wait");
            let problem = opened.expect_err("it is no key").to_string();
            assert!(problem.contains(word) && !problem.contains("canary"), "{problem}");
        }
    }

    /// S-59
    #[test]
    fn a_key_of_a_source_is_renewed_and_what_cannot_be_used_changes_nothing_and_is_told_once() {
        let (vault, told) = (Vault::default(), Arc::new(Told::default()));
        vault.say(Some(&key(1)));
        let opened = SourcedKey::open(vault.clone(), Duration::ZERO).now_or_never().expect("it does not wait");
        let (ring, mut renewal) = opened.unwrap().into_ring().unwrap();
        assert_eq!(renewal.every(), SOONEST, "it is not asked without a pause");
        let evidence = Evidence::new([told.clone() as Arc<dyn Witness>]);
        let clock = ManualClock::new();
        let mut ask = |says: Option<&str>, patience: bool| {
            vault.say(says);
            let patience = if patience { future::pending().left_future() } else { future::ready(()).right_future() };
            renewal.ask(&ring, &clock, &evidence, patience).now_or_never().expect("it does not wait");
            std::mem::take(&mut *told.0.lock().unwrap())
        };
        let first = ring.seal(Purpose::Cursor, BIND, b"1").unwrap();
        assert_eq!(ask(Some(&key(1)), true), [], "nothing changed");
        assert_eq!(ask(Some(""), true), [Outcome::Failed]);
        assert_eq!(ask(None, false), [], "one failure after another is told once");
        assert_eq!(ask(Some("canary"), true), []);
        let again = ring.seal(Purpose::Cursor, BIND, b"2").unwrap();
        let replica = |first| KeyRing::from_secret(&Secret::new(key(first))).unwrap();
        assert!(replica(1).open(Purpose::Cursor, BIND, &again).is_ok(), "the old key goes on");
        assert_eq!(ask(Some(&key(2)), true), [Outcome::Succeeded]);
        assert!(replica(2).open(Purpose::Cursor, BIND, &ring.seal(Purpose::Cursor, BIND, b"3").unwrap()).is_ok());
        assert!(ring.open(Purpose::Cursor, BIND, &first).is_ok(), "what was sealed before opens");
        assert_eq!(ask(None, false), [Outcome::Failed], "a failure after a success is told again");
        assert_eq!(vault.asked.load(Ordering::Relaxed), 7);
    }
}
