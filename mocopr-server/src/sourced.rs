//! A state key that code of the owner's fetches: the builder's part of it, and what asks for it while the server runs.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use mocopr_security::seal::{Renewal, SourcedKey};
use tokio::time::sleep;

use crate::{builder::ServerBuilder, engine::Engine, error::Result, transport::company::Companion};

impl<P> ServerBuilder<P> {
    /// As [`with_state_key`](Self::with_state_key), with a key that a source of yours says, such as a vault. While the
    /// server runs the source is asked again: a new key seals from then on, and the old one opens what it sealed until
    /// that has expired. An answer that cannot be used, or does not come within ten seconds, changes nothing and is
    /// told.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mocopr_security::{redact::Secret, seal::{SecretFuture, SecretSource, SourcedKey}};
    /// use mocopr_server::server::McpServer;
    ///
    /// #[derive(Debug)]
    /// struct Vault;
    ///
    /// impl SecretSource for Vault {
    ///     fn secret(&self) -> SecretFuture<'_> {
    ///         Box::pin(async { Ok(Secret::new("2b0qTnNYu0PZJqUtyPCXFQcYkJL9yoNcXoVkqTCuAsU=".to_owned())) })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = SourcedKey::open(Vault, Duration::from_secs(60)).await?;
    /// let server = McpServer::builder().with_info("calculator", "1.0.0").with_state_key_source(key).build()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_state_key_source(mut self, key: SourcedKey) -> Self {
        self.source_key(Box::new(|| {
            let (ring, renewal) = key.into_ring()?;
            let renewing: Box<dyn Companion> = Box::new(Renewing(renewal));
            Ok((ring, renewing))
        }));
        self
    }
}

/// Asks the source beside a transport.
#[derive(Debug)]
struct Renewing(Renewal);

impl Companion for Renewing {
    fn name(&self) -> &'static str {
        "with_state_key_source"
    }

    fn built(&self, _: &Arc<Engine>) {}

    fn begin(self: Box<Self>, engine: Arc<Engine>) -> BoxFuture<'static, Result<BoxFuture<'static, ()>>> {
        async move { Ok(renew(self.0, engine).boxed()) }.boxed()
    }
}

async fn renew(mut renewal: Renewal, engine: Arc<Engine>) {
    loop {
        sleep(renewal.every()).await;
        renewal.ask(&engine.ring, engine.clock(), engine.gate.evidence(), pin!(sleep(PATIENCE))).await;
    }
}

/// How long a source may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use mocopr_security::{
        redact::Secret,
        seal::{KeyRing, Purpose, SecretFuture, SecretSource},
    };

    use super::*;
    use crate::server::McpServer;

    const KEYS: [&str; 2] =
        ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="];

    /// Says the first key once, nothing for ever, and then the second key.
    #[derive(Clone, Debug, Default)]
    struct Vault(Arc<AtomicUsize>);

    impl SecretSource for Vault {
        fn secret(&self) -> SecretFuture<'_> {
            let asked = self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                match asked {
                    0 => Ok(Secret::new(KEYS[0].to_owned())),
                    1 => std::future::pending().await,
                    _ => Ok(Secret::new(KEYS[1].to_owned())),
                }
            })
        }
    }

    /// S-59
    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_given_up_and_its_next_key_seals() {
        let key = || SourcedKey::open(Vault::default(), Duration::from_secs(60));
        let server = McpServer::builder().with_info("a", "1").with_state_key_source(key().await.unwrap()).build();
        let engine = server.unwrap().engine;
        let replica = |place: usize| KeyRing::from_secret(&Secret::new(KEYS[place].to_owned())).unwrap();
        let opens = |place: usize| {
            let sealed = engine.ring.seal(Purpose::Cursor, &[], b"1").unwrap();
            replica(place).open(Purpose::Cursor, &[], &sealed).is_ok()
        };
        assert!(opens(0) && !opens(1));
        let (_, renewal) = key().await.unwrap().into_ring().unwrap();
        let began = tokio::time::Instant::now();
        let taken = async {
            while !opens(1) {
                sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            () = taken => {}
            () = renew(renewal, engine.clone()) => {}
        }
        // A minute, ten seconds without an answer, and another minute.
        assert!((130..=132).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }

    /// S-59
    #[tokio::test]
    async fn one_state_key_counts() {
        let key = SourcedKey::open(Vault::default(), Duration::from_secs(60)).await.unwrap();
        let builder = McpServer::builder().with_info("a", "1").with_state_key(Secret::new(KEYS[0].to_owned()));
        let error = builder.with_state_key_source(key).build().unwrap_err().to_string();
        assert!(error.contains("with_state_key_source"), "{error}");
    }
}
